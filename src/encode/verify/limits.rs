//! How far off an honest video may be: the limits of each [`Statistic`], by encoder, quality and size.
//!
//! Owns the table, which is measured: `cargo bench --bench proof -- --write` encodes films of many kinds by every encoder over
//! its scale of qualities, at several sizes, and writes the worst value of each statistic to `limits.txt`. A limit is twice
//! the worst, and never less than what rounding alone may do. Twice, because a film that is not among them may be worse
//! than all of them.
//!
//! A table for each encoder and not three classes of quality, because what encoders do differs more than that: errors of
//! x264 hardly grow up to about CRF 23 and then double with every five or six steps, and AV1 and VP9 at 32 of 63 are as
//! good as at their defaults. A limit for all would be that of the worst quality: of the lies that were tried, limits of
//! CRF 18 refuse nine in ten, limits of CRF 51 one in four.

use std::str::FromStr;
use std::sync::OnceLock;

use super::measure::Statistic;
use crate::encode::recipe::Fidelity;

/// Columns are the statistics in the order of [`Statistic::ALL`]. Rows of one encoder and size are in order of quality.
const TABLE: &str = include_str!("limits.txt");

/// How much of the worst honest value is allowed.
///
/// In trials (FFmpeg 5.1.9) limits from one size were used at another: 1.5 times the worst refused 4 of 92 honest videos,
/// twice 2, three times none. Kinds of films that were left out of the table fared worse, nearly all of them grain and
/// noise; those are in the table, at several sizes.
const MARGIN: f64 = 2.0;

/// The same where a sample is the mean of few pixels: films that were not measured are off by more there.
const MARGIN_OF_FEW: f64 = 3.0;

/// The kinds of sizes that are measured apart, by the longer side in pixels: the means of few pixels are far worse.
pub const SIZES: [(&str, u32); 4] = [("minute", 32), ("tiny", 128), ("small", 256), ("any", u32::MAX)];

/// One encoder at one quality and size.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// As [`Fidelity::encoder`].
    pub encoder: String,
    /// As [`Fidelity::scale`].
    pub scale: u8,
    /// A name of [`SIZES`].
    pub size: String,
    /// The worst honest values.
    pub worst: [f64; Statistic::ALL.len()],
}

/// The limits of one recipe.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits([Option<f64>; Statistic::ALL.len()]);

impl Limits {
    /// Those for videos of `fidelity` whose longer side has `long` pixels. Of an encoder that was not measured, and where the
    /// quality is not known, those of the worst that was.
    #[must_use]
    pub fn of(fidelity: Fidelity, long: u32) -> Self {
        let size = SIZES.iter().find(|(_, below)| long < *below).map_or("any", |(name, _)| name);
        let of_size = || rows().iter().filter(|row| row.size == size);
        let known: Vec<&Row> = of_size().filter(|row| row.encoder == fidelity.encoder()).collect();
        let worst = match fidelity.scale().filter(|_| !known.is_empty()) {
            Some(scale) => between(&known, scale),
            None => of_size().fold([0.0; _], |worst, row| std::array::from_fn(|at| f64::max(worst[at], row.worst[at]))),
        };
        let margin = if size == "any" { MARGIN } else { MARGIN_OF_FEW };
        Self(std::array::from_fn(|at| limit(Statistic::ALL[at], worst[at], margin)))
    }

    /// How much of the limit `value` is, more than 1 if it is too much; `None` where the codec may do anything.
    #[must_use]
    pub fn share(&self, statistic: Statistic, value: f64) -> Option<f64> {
        let at = Statistic::ALL.iter().position(|other| *other == statistic)?;
        self.0[at].map(|limit| value / limit)
    }
}

/// The mean square of the difference of two frames below which a codec of this quality may take one for the other: its own
/// step, which grows with the quantiser.
///
/// 2 up to CRF 23 of x264, and four times as much every seven steps after it: an error that doubles is four times as much
/// when squared. Below the floor nothing is told, since an honest video of that quality may show one frame twice there.
#[must_use]
pub fn floor(fidelity: Fidelity) -> f64 {
    let crf = fidelity.as_x264().unwrap_or(51.0);
    2.0 * 4.0_f64.powf(((crf - 23.0) / 7.0).max(0.0))
}

fn limit(statistic: Statistic, worst: f64, margin: f64) -> Option<f64> {
    let (least, lie) = match statistic {
        Statistic::Offset | Statistic::Tint => (0.75, None),
        Statistic::Residual => (0.05, None),
        Statistic::Outside => (4.0, None),
        Statistic::Contrast => (0.02, None),
        Statistic::Saturation | Statistic::Lost => (0.05, Some(1.0)),
        Statistic::Hue | Statistic::Bleeding | Statistic::Unlike => (0.03, None),
        // A codec that forgets what changed leans by a half, in theory and nearly always: the worst honest value in trials
        // was 0.71 (x265 at CRF 51), and two frames in each other's place have 1. So it needs no table.
        Statistic::Swapped => return Some(0.75),
        Statistic::Late | Statistic::Frozen => (0.6, Some(1.0)),
    };
    let limit = (margin * worst).max(least);
    // Where the value of the lie is known, a limit beyond it would refuse nothing: halfway to it is what is left.
    match lie {
        Some(lie) if worst >= lie => None,
        Some(lie) => Some(limit.min(f64::midpoint(worst, lie))),
        None => Some(limit),
    }
}

/// The row for `scale`, or the mean of those around it, weighted by how near they are.
fn between(rows: &[&Row], scale: u8) -> [f64; Statistic::ALL.len()] {
    let above = rows.iter().find(|row| row.scale >= scale).or(rows.last());
    let below = rows.iter().rev().find(|row| row.scale <= scale).or(rows.first());
    let (Some(above), Some(below)) = (above, below) else { return [f64::INFINITY; _] };
    if above.scale <= below.scale {
        return std::array::from_fn(|at| above.worst[at].max(below.worst[at]));
    }
    let part = f64::from(scale - below.scale) / f64::from(above.scale - below.scale);
    std::array::from_fn(|at| below.worst[at] + part * (above.worst[at] - below.worst[at]))
}

fn rows() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    // That every line of the table can be read is tested.
    ROWS.get_or_init(|| {
        TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.parse().ok()).collect()
    })
}

/// `h264 23 any 0.51 0.20 ...`
impl FromStr for Row {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let mut words = line.split_whitespace();
        let mut word = || words.next().ok_or(());
        let (encoder, scale, size) = (word()?.to_owned(), word()?.parse().map_err(drop)?, word()?.to_owned());
        let mut worst = [0.0; Statistic::ALL.len()];
        for value in &mut worst {
            *value = word()?.parse().map_err(drop)?;
        }
        Ok(Self { encoder, scale, size, worst })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENCODERS: [&str; 13] = [
        "x264",
        "x265",
        "vpx",
        "mpeg4",
        "x264/rgb",
        "x265/rgb",
        "vpx/rgb",
        "prores/profile",
        "gif",
        "webp",
        "svt-av1",
        "svt-av1/rgb",
        "dnxhr",
    ];

    #[test]
    fn every_line_of_the_table_is_read() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(lines.count(), rows().len());
        for (size, _) in SIZES {
            // SVT-AV1 takes no pictures that small, and DNxHR none below 256x120.
            let encoders = match size {
                "minute" | "tiny" => 10,
                "small" => 12,
                _ => 13,
            };
            for encoder in &ENCODERS[..encoders] {
                let of = rows().iter().filter(|row| row.size == size && row.encoder == *encoder);
                let scales: Vec<u8> = of.map(|row| row.scale).collect();
                let least = if *encoder == "gif" { 1 } else { 3 };
                assert!(scales.len() >= least && scales.is_sorted(), "{encoder} {size}: {scales:?}");
            }
        }
    }

    #[test]
    fn limits_lie_between_those_of_the_qualities_around() {
        let row = |scale, worst| Row { encoder: "x".into(), scale, size: "any".into(), worst: [worst; _] };
        let rows = [row(20, 1.0), row(30, 3.0)];
        let rows: Vec<&Row> = rows.iter().collect();
        for (scale, worst) in [(0, 1.0), (20, 1.0), (25, 2.0), (30, 3.0), (51, 3.0)] {
            assert!((between(&rows, scale)[0] - worst).abs() < 1e-9, "{scale}");
        }
        assert_eq!(limit(Statistic::Lost, 1.2, MARGIN), None, "the codec itself does what the lie does");
        assert_eq!(limit(Statistic::Lost, 0.6, MARGIN), Some(0.8));
        assert_eq!(limit(Statistic::Offset, 0.1, MARGIN), Some(0.75));
        assert_eq!(limit(Statistic::Offset, 3.0, MARGIN), Some(6.0));
    }
}

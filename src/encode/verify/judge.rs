//! Whether decoded pictures are those that were fed, by the recipe's measure.

use super::limits::{Limits, floor};
use super::measure::{Measure, Reading};
use crate::encode::error::Flaw;
use crate::encode::fingerprint::Fingerprint;
use crate::encode::fingerprint::small::{Layers, Small};
use crate::encode::recipe::{Recipe, Tolerance};

/// Judges decoded pictures one after the other.
#[derive(Debug)]
pub(super) struct Judge {
    by: By,
    /// How much of what the recipe allows the worst so far is off.
    share: f64,
}

#[derive(Debug)]
enum By {
    Bytes,
    Measures(Box<Measures>),
}

/// What is measured of each layer, and how far it may be off.
#[derive(Debug)]
struct Measures {
    color: Measure,
    alpha: Measure,
    limits: Limits,
}

impl Judge {
    pub(super) fn new(recipe: &Recipe) -> Self {
        let long = recipe.canvas.width.max(recipe.canvas.height);
        let by = match recipe.tolerance {
            Tolerance::Exact => By::Bytes,
            Tolerance::Like(fidelity) => {
                let measure = || Measure::new(floor(fidelity));
                let limits = Limits::of(fidelity, long);
                By::Measures(Box::new(Measures { color: measure(), alpha: measure(), limits }))
            }
        };
        Self { by, share: 0.0 }
    }

    /// How much of what the recipe allows the worst picture is off, in percent.
    pub(super) fn worst(&self) -> u8 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 255")]
        let percent = (self.share * 100.0).clamp(0.0, 255.0) as u8;
        percent
    }

    /// Judges decoded frame `index`, which comes after the one of the last call.
    pub(super) fn judge(&mut self, index: u64, fed: Fingerprint, seen: Fingerprint) -> Result<(), Flaw> {
        // Fingerprints of two kinds or sizes are never made by one recipe, and would prove nothing.
        let other = Err(Flaw::Pixels { index });
        match (&mut self.by, fed, seen) {
            (By::Bytes, Fingerprint::Bytes(fed), Fingerprint::Bytes(seen)) if fed == seen => Ok(()),
            (By::Measures(measures), Fingerprint::Small(fed), Fingerprint::Small(seen)) => {
                let Measures { color, alpha, limits } = &mut **measures;
                let is_comparable = |one: &Small, other: &Small| one.grid() == other.grid();
                let mut worst = Worst::default();
                let mut tell = |reading| worst.take(reading, limits);
                match (fed, seen) {
                    (Layers { color: fed, alpha: None }, Layers { color: seen, alpha: None })
                        if is_comparable(&fed, &seen) =>
                    {
                        color.see(fed, seen, &mut tell);
                    }
                    (
                        Layers { color: fed, alpha: Some(fed_alpha) },
                        Layers { color: seen, alpha: Some(seen_alpha) },
                    ) if is_comparable(&fed, &seen) => {
                        color.see(fed, seen, &mut tell);
                        alpha.see(fed_alpha, seen_alpha, &mut tell);
                    }
                    _ => return other,
                }
                worst.judge(&mut self.share)
            }
            _ => other,
        }
    }

    /// There are no more frames.
    pub(super) fn finish(&mut self) -> Result<(), Flaw> {
        let By::Measures(measures) = &mut self.by else { return Ok(()) };
        let Measures { color, alpha, limits } = &mut **measures;
        let mut worst = Worst::default();
        color.finish(&mut |reading| worst.take(reading, limits));
        alpha.finish(&mut |reading| worst.take(reading, limits));
        worst.judge(&mut self.share)
    }
}

/// The reading that is nearest to its limit, or farthest over it.
#[derive(Debug, Default)]
struct Worst(Option<(f64, Reading)>);

impl Worst {
    fn take(&mut self, reading: Reading, limits: &Limits) {
        let Some(share) = limits.share(reading.statistic, reading.value) else { return };
        if self.0.as_ref().is_none_or(|(worst, _)| share > *worst) {
            self.0 = Some((share, reading));
        }
    }

    fn judge(self, worst: &mut f64) -> Result<(), Flaw> {
        let Some((share, Reading { statistic, frames, .. })) = self.0 else { return Ok(()) };
        *worst = worst.max(share);
        if share <= 1.0 {
            return Ok(());
        }
        let (first, last) = (*frames.start(), *frames.end());
        Err(Flaw::Unlike { first, last, complaint: statistic.complaint(), times: format!("{share:.1}") })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::config::{Builtin, EncoderArgs, FrameRate, Preset, Video};
    use crate::encode::fingerprint::small::Layout;
    use crate::encode::recipe::Source;
    use crate::frame::color::Feed;
    use crate::frame::geometry::Geometry;
    use crate::sequence::playback::Playback;
    use crate::sequence::sizes::SizeChange;

    const SIZE: (u32, u32) = (32, 18);

    fn judge(preset: Builtin, alpha: bool) -> Judge {
        let source = Source { width: SIZE.0, height: SIZE.1, deep: false, linear: false, alpha };
        let video = Video {
            rate: FrameRate { num: NonZeroU32::MIN, den: NonZeroU32::MIN },
            preset: Preset::Builtin(preset),
            quality: None,
            speed: None,
            encoder_args: EncoderArgs::default(),
            layer: None,
            exposure: crate::frame::Exposure::NONE,
            background: [0; 3],
            geometry: Geometry::default(),
            playback: Playback::default(),
            size_change: SizeChange::Error,
            audio: None,
        };
        Judge::new(&Recipe::resolve(&video, &source).unwrap())
    }

    fn grey(value: u8) -> Fingerprint {
        Fingerprint::Small(Layers::of(&vec![value; 32 * 18 * 3], Layout::Feed(Feed::Rgb24), SIZE))
    }

    fn seen_through(alpha: u8) -> Fingerprint {
        let raw: Vec<u8> = (0..32 * 18).flat_map(|_| [0, 0, 0, alpha]).collect();
        Fingerprint::Small(Layers::of(&raw, Layout::Feed(Feed::Rgba), SIZE))
    }

    #[test]
    fn what_must_be_exact_is_and_the_rest_is_near() {
        let mut exact = judge(Builtin::Ffv1, false);
        assert_eq!(exact.judge(0, Fingerprint::Bytes(7), Fingerprint::Bytes(7)), Ok(()));
        assert_eq!(exact.judge(1, Fingerprint::Bytes(7), Fingerprint::Bytes(8)), Err(Flaw::Pixels { index: 1 }));
        assert_eq!(exact.judge(2, grey(9), grey(9)), Err(Flaw::Pixels { index: 2 }));
        let mut near = judge(Builtin::Prores, false);
        assert_eq!(near.judge(0, grey(100), grey(101)), Ok(()));
        assert!(near.worst() > 0 && near.worst() < 100, "{}", near.worst());
        assert!(matches!(near.judge(1, grey(100), grey(150)), Err(Flaw::Unlike { first: 1, .. })));
        assert_eq!(near.judge(2, Fingerprint::Bytes(7), Fingerprint::Bytes(7)), Err(Flaw::Pixels { index: 2 }));
    }

    #[test]
    fn alpha_is_compared_even_where_all_is_black() {
        let mut judge = judge(Builtin::Prores4444, true);
        assert_eq!(judge.judge(0, seen_through(200), seen_through(200)), Ok(()));
        assert!(matches!(judge.judge(1, seen_through(200), seen_through(100)), Err(Flaw::Unlike { .. })));
        assert_eq!(judge.judge(2, seen_through(200), grey(0)), Err(Flaw::Pixels { index: 2 }));
    }
}

//! How far a lossy video is from its frames, in numbers that tell a lie from what codecs do.
//!
//! Owns the statistics: what each is, over which frames it is taken. It knows no limits; reeld's `encode::verify::limits` does.
//!
//! All are taken of [small pictures](crate::small). In the formulas s is a frame as fed, d as decoded, e = d - s, and
//! N is the noise that is left in the samples of luma of s, M in those of chroma. A frame by itself is worse than several
//! together, so that only what is steady is taken frame by frame, and the rest over windows of 16 frames.
//!
//! | statistic | over | formula | tells |
//! | --- | --- | --- | --- |
//! | offset, tint | frame | \|mean(e)\| of luma; of chroma | brightness, a cast |
//! | residual | frame | mean(e²) / (var s + 16 + 4N) | anything gross |
//! | outside | frame | how far d is outside of what s shows in 5x5 samples in the frames t-1 to t+1, the largest mean of 3x3 | boxes, titles, damage |
//! | contrast, saturation, hue, bleeding | window | `C = (Sxx + L)⁻¹ Sxe` of x = (Y, U, V), L = 9 + 4N and 4 + 4N + 20M; `C_yy`; `(C_uu + C_vv)/2`; `(C_uv - C_vu)/2`; `C_yu`, `C_yv` | gain, range, matrix, lost or turned colour |
//! | lost | window | 1 - (cov(s, d) + F) / (var s + F), F = 16 + 4N | grey, black, another picture |
//! | unlike | window | the same over √((var s + F)(var d + F)) | another picture |
//! | swapped | pairs, 16 apart at most | the mean of both leans | two frames in each other's place, a reversed film |
//! | late | window | the pooled lean to the frame g before or after | a shift in time |
//! | frozen | window | the pooled lean to one frame | a film that stands still |
//!
//! A *lean* of frame t to the frame j is `⟨d_t - s_t, s_j - s_t⟩ / |s_j - s_t|²`: 0 where it is its own picture, 1 where it is
//! picture j, and 1/2 at most where a codec forgets what changed. Where the two differ by less than the codec's own step,
//! which is the *floor*, nothing can be told.
//!
//! # Why these
//!
//! One number for how far two pictures are apart cannot do it. The means of 144 cells with a tolerance of 32 of 255, which
//! were tried first, passed black for a field of stars, grey for a night, a film that stood still and one that ran
//! backwards. A tolerance that refuses those refuses honest video of low quality as well, because there a codec changes
//! more than that, only in other ways. So each statistic looks for one kind of lie, and is small for what codecs do:
//!
//! - Most are ratios, because the same error is nothing in a busy picture and everything in a calm one. The constants in
//!   the denominators (16, 9, 4) keep the ratio of a flat picture near zero, where rounding alone would make it large.
//! - N and M are in the denominators because noise and grain are what codecs rightly throw away. Without them the worst
//!   honest videos are those of white noise and of dark grain, and their limits would refuse little of anything else.
//! - Sixteen frames together are off by two to five times less than the worst single frame (measured with FFmpeg 5.1.9 on
//!   27 kinds of films), so that the limits can be tighter. What is a flaw in a single frame already, such as a box or
//!   another brightness, is looked for frame by frame.
//! - Order is told by the lean and not by likeness. In a calm film a frame is more like its neighbour than a coarse video
//!   is like its frames. But a codec that forgets what changed brings a frame half the way to its neighbour, and no
//!   farther.

#![expect(clippy::cast_precision_loss, reason = "sums of bytes of small pictures are far below 2^52")]

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::small::Small;

mod envelope;
mod moments;

use envelope::Envelope;
use moments::Moments;

/// Frames of a window, and from one window to the next: half of it, so that a flaw of 23 frames fills a whole window
/// wherever it begins.
const WINDOW: usize = 16;
const HOP: u64 = 8;

/// How far apart in time frames are told from each other.
const LAGS: [usize; 4] = [1, 2, 4, 8];

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the table above says what each is")]
pub enum Statistic {
    Offset,
    Tint,
    Residual,
    Outside,
    Contrast,
    Saturation,
    Hue,
    Bleeding,
    Lost,
    Unlike,
    Swapped,
    Late,
    Frozen,
}

impl Statistic {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Offset,
        Self::Tint,
        Self::Residual,
        Self::Outside,
        Self::Contrast,
        Self::Saturation,
        Self::Hue,
        Self::Bleeding,
        Self::Lost,
        Self::Unlike,
        Self::Swapped,
        Self::Late,
        Self::Frozen,
    ];

    /// What is wrong with a video that is off by too much, in the words of the person who looks at it.
    #[must_use]
    pub fn complaint(self) -> &'static str {
        match self {
            Self::Offset => "brighter or darker than its frames",
            Self::Tint => "of another tint than its frames",
            Self::Residual => "not its frames",
            Self::Outside => "something in it that its frames do not show",
            Self::Contrast => "of another contrast than its frames",
            Self::Saturation => "of other saturation than its frames",
            Self::Hue => "of another hue than its frames",
            Self::Bleeding => "brighter or darker by colour than its frames",
            Self::Lost => "without what its frames show",
            Self::Unlike => "unlike its frames",
            Self::Swapped => "frames in each other's place",
            Self::Late => "frames early or late",
            Self::Frozen => "frames that stand still",
        }
    }
}

/// A statistic of some frames, counted from 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// What was measured.
    pub statistic: Statistic,
    /// How much; 0 where all is as it should be.
    pub value: f64,
    /// Of which frames.
    pub frames: RangeInclusive<u64>,
}

/// Samples of one size of a frame: luma and chroma at the scale of chroma. What is compared in time.
type Coarse = Box<[u8]>;

/// A frame that was seen, with what others are compared with.
#[derive(Debug)]
struct Past {
    fed: Arc<Small>,
    seen: Arc<Small>,
    coarse_fed: Coarse,
    coarse_seen: Coarse,
    /// ⟨s, s⟩ and ⟨d, s⟩.
    own: (i64, i64),
    moments: Moments,
    /// For each frame of the past, the nearest first: how much this one leans to it, that one to this, and how far apart the
    /// two are.
    leans: Vec<Lean>,
}

#[derive(Debug, Clone, Copy)]
struct Lean {
    forth: i64,
    back: i64,
    apart: i64,
}

/// Measures frames that come one after the other.
#[derive(Debug)]
pub struct Measure {
    /// Mean squares of differences below which two frames are one.
    floor: f64,
    past: VecDeque<Past>,
    /// Frames seen.
    count: u64,
    /// The first frame, for a film that stands still from there on.
    first: Option<(Coarse, i64)>,
    /// How much the last frames lean to the first one.
    to_first: VecDeque<(i64, i64)>,
    envelope: Envelope,
}

impl Measure {
    /// `floor` is the mean square of the difference between two frames below which a codec may take one for the other.
    #[must_use]
    pub fn new(floor: f64) -> Self {
        Self {
            floor,
            past: VecDeque::with_capacity(WINDOW),
            count: 0,
            first: None,
            to_first: VecDeque::with_capacity(WINDOW),
            envelope: Envelope::default(),
        }
    }

    /// Takes the next frame as it was fed and as it was decoded.
    pub fn see(&mut self, fed: Arc<Small>, seen: Arc<Small>, tell: &mut dyn FnMut(Reading)) {
        let index = self.count;
        let (moments, coarse_fed, coarse_seen) = Moments::of(&fed, &seen);
        let own = (dot(&coarse_fed, &coarse_fed), dot(&coarse_seen, &coarse_fed));
        moments.of_frame(&mut |statistic, value| tell(Reading { statistic, value, frames: index..=index }));
        let lean = |other: &Past| {
            let between = dot(&coarse_fed, &other.coarse_fed);
            Lean {
                forth: dot(&coarse_seen, &other.coarse_fed) - own.1 - between + own.0,
                back: dot(&other.coarse_seen, &coarse_fed) - other.own.1 - between + other.own.0,
                apart: own.0 - 2 * between + other.own.0,
            }
        };
        let leans: Vec<Lean> = self.past.iter().rev().map(lean).collect();
        let least = self.least(coarse_fed.len());
        for (gap, lean) in (1_u64..).zip(&leans).filter(|(_, lean)| lean.apart as f64 > least) {
            let value = (lean.forth + lean.back) as f64 / (2 * lean.apart) as f64;
            tell(Reading { statistic: Statistic::Swapped, value, frames: index - gap..=index });
        }
        let (first, norm) = self.first.get_or_insert_with(|| (coarse_fed.clone(), own.0));
        let between = dot(&coarse_fed, first);
        let lean = dot(&coarse_seen, first) - own.1 - between + own.0;
        let apart = own.0 - 2 * between + *norm;
        if self.to_first.len() == WINDOW {
            self.to_first.pop_front();
        }
        self.to_first.push_back((lean, apart));
        let before = self.past.back();
        if let Some(before) = before {
            let outside = self.envelope.judge(&before.fed, &before.seen, Some(&fed));
            tell(Reading { statistic: Statistic::Outside, value: outside, frames: index - 1..=index - 1 });
        }
        if self.past.len() == WINDOW {
            self.past.pop_front();
        }
        self.past.push_back(Past { fed, seen, coarse_fed, coarse_seen, own, moments, leans });
        self.count += 1;
        if self.count >= WINDOW as u64 && self.count.is_multiple_of(HOP) {
            self.window(tell);
        }
    }

    /// There are no more frames.
    pub fn finish(&mut self, tell: &mut dyn FnMut(Reading)) {
        let Some(last) = self.past.back() else { return };
        let outside = self.envelope.judge(&last.fed, &last.seen, None);
        let index = self.count - 1;
        tell(Reading { statistic: Statistic::Outside, value: outside, frames: index..=index });
        if !(self.count >= WINDOW as u64 && self.count.is_multiple_of(HOP)) {
            self.window(tell);
        }
    }

    /// The sum of squares below which two frames are one.
    fn least(&self, samples: usize) -> f64 {
        let noise = self.past.iter().map(|past| past.fed.noise()).fold(0.0, f64::max);
        (self.floor + 4.0 * noise) * samples as f64
    }

    fn window(&self, tell: &mut dyn FnMut(Reading)) {
        let Some(length) = self.past.back().map(|last| last.coarse_fed.len()) else { return };
        let frames = self.count - self.past.len() as u64..=self.count - 1;
        let mut tell = |statistic, value| tell(Reading { statistic, value, frames: frames.clone() });
        let mut sum = Moments::default();
        for past in &self.past {
            sum.add(&past.moments);
        }
        sum.of_window(&mut tell);
        let least = self.least(length);
        let mut pool = |statistic, leans: &mut dyn Iterator<Item = (i64, i64)>| {
            let told = leans.filter(|(_, apart)| *apart as f64 > least);
            let (lean, apart, count) = told.fold((0, 0, 0), |sum, next| (sum.0 + next.0, sum.1 + next.1, sum.2 + 1));
            // Few frames that changed are no window: one that a codec forgot would decide alone, and honest ones do that.
            if 2 * count >= self.past.len() && count > 1 {
                tell(statistic, lean as f64 / apart as f64);
            }
        };
        for lag in LAGS {
            let at = |past: &Past| past.leans.get(lag - 1).copied();
            let within = || self.past.iter().skip(lag).filter_map(at);
            pool(Statistic::Late, &mut within().map(|lean| (lean.forth, lean.apart)));
            pool(Statistic::Late, &mut within().map(|lean| (lean.back, lean.apart)));
        }
        // All later ones to the first of the window, all earlier ones to its last, and all to the first of the film.
        let to_begin = self.past.iter().enumerate().skip(1).filter_map(|(at, past)| past.leans.get(at - 1));
        pool(Statistic::Frozen, &mut to_begin.map(|lean| (lean.forth, lean.apart)));
        let to_end = self.past.back().into_iter().flat_map(|last| last.leans.iter().take(self.past.len() - 1));
        pool(Statistic::Frozen, &mut to_end.map(|lean| (lean.back, lean.apart)));
        pool(Statistic::Frozen, &mut self.to_first.iter().copied());
    }
}

/// The sum of products. Sums of a block are kept small because that is what vectorises best.
fn dot(one: &[u8], other: &[u8]) -> i64 {
    // 255 * 255 * 4096 is below 2^31.
    let blocks = one.chunks(4096).zip(other.chunks(4096));
    let sum = |(one, other): (&[u8], &[u8])| -> i64 {
        let products = one.iter().zip(other).map(|(one, other)| u32::from(*one) * u32::from(*other));
        i64::from(products.sum::<u32>())
    };
    blocks.map(sum).sum()
}

#[cfg(test)]
mod tests;

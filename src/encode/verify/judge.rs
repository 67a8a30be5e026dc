//! Whether decoded pictures are those that were fed, by the recipe's measure.

use super::limits::{Limits, floor};
use super::measure::{Measure, Reading};
use super::order::Order;
use crate::encode::error::Flaw;
use crate::encode::look::Look;
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
    Cells { allowed: u8, order: Order },
    Measures { measure: Box<Measure>, limits: Limits },
}

impl Judge {
    pub(super) fn new(recipe: &Recipe) -> Self {
        let long = recipe.canvas.width.max(recipe.canvas.height);
        Self::by(recipe.tolerance, long)
    }

    fn by(tolerance: Tolerance, long: u32) -> Self {
        let by = match tolerance {
            Tolerance::Exact => By::Bytes,
            Tolerance::Within(allowed) => By::Cells { allowed, order: Order::new(allowed) },
            Tolerance::Like(fidelity) => {
                By::Measures { measure: Box::new(Measure::new(floor(fidelity))), limits: Limits::of(fidelity, long) }
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
    pub(super) fn judge(&mut self, index: u64, fed: Look, seen: Look) -> Result<(), Flaw> {
        match (&mut self.by, fed, seen) {
            (By::Cells { allowed, order }, Look::Cells(fed), Look::Cells(seen)) => {
                let distance = seen.distance(&fed);
                self.share = self.share.max(f64::from(distance) / f64::from((*allowed).max(1)));
                if distance > *allowed {
                    return Err(Flaw::Picture { index, distance, allowed: *allowed });
                }
                order.judge(index, fed, seen)
            }
            (By::Bytes, Look::Bytes(fed), Look::Bytes(seen)) if fed == seen => Ok(()),
            (By::Measures { measure, limits }, Look::Small(fed), Look::Small(seen)) if fed.grid() == seen.grid() => {
                let mut worst = Worst::default();
                measure.see(fed, seen, &mut |reading| worst.take(reading, limits));
                worst.judge(&mut self.share)
            }
            // Looks of two kinds are never made by one recipe, and would prove nothing.
            _ => Err(Flaw::Pixels { index }),
        }
    }

    /// There are no more frames.
    pub(super) fn finish(&mut self) -> Result<(), Flaw> {
        let By::Measures { measure, limits } = &mut self.by else { return Ok(()) };
        let mut worst = Worst::default();
        measure.finish(&mut |reading| worst.take(reading, limits));
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
    use super::*;
    use crate::frame::color::Feed;
    use crate::frame::signature::Signature;

    #[test]
    fn what_must_be_exact_is_and_the_rest_is_near() {
        let cells = |grey: u8| Look::Cells(Signature::of(&[grey; 32 * 18 * 3], Feed::Rgb24, 32, 18));
        let mut exact = Judge::by(Tolerance::Exact, 32);
        assert_eq!(exact.judge(0, Look::Bytes(7), Look::Bytes(7)), Ok(()));
        assert_eq!(exact.judge(1, Look::Bytes(7), Look::Bytes(8)), Err(Flaw::Pixels { index: 1 }));
        assert_eq!(exact.judge(2, cells(9), cells(9)), Err(Flaw::Pixels { index: 2 }));
        let mut near = Judge::by(Tolerance::Within(4), 32);
        assert_eq!(near.judge(0, cells(100), cells(104)), Ok(()));
        let off = Flaw::Picture { index: 1, distance: 5, allowed: 4 };
        assert_eq!(near.judge(1, cells(100), cells(105)), Err(off));
        assert_eq!(near.judge(2, Look::Bytes(7), Look::Bytes(7)), Err(Flaw::Pixels { index: 2 }));
        assert_eq!(near.worst(), 125);
    }
}

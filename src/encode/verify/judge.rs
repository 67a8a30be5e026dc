//! Whether decoded pictures are those that were fed, by the recipe's measure.

use super::order::Order;
use crate::encode::error::Flaw;
use crate::encode::look::Look;
use crate::encode::recipe::Tolerance;

/// Judges decoded pictures one after the other.
#[derive(Debug)]
pub(super) struct Judge {
    tolerance: Tolerance,
    order: Order,
    /// The difference of the worst so far.
    pub(super) worst: u8,
}

impl Judge {
    pub(super) fn new(tolerance: Tolerance) -> Self {
        let allowed = match tolerance {
            Tolerance::Exact => 0,
            Tolerance::Within(allowed) => allowed,
        };
        Self { tolerance, order: Order::new(allowed), worst: 0 }
    }

    /// Judges decoded frame `index`, which comes after the one of the last call.
    pub(super) fn judge(&mut self, index: u64, fed: Look, seen: Look) -> Result<(), Flaw> {
        match (self.tolerance, fed, seen) {
            (Tolerance::Within(allowed), Look::Cells(fed), Look::Cells(seen)) => {
                let distance = seen.distance(&fed);
                self.worst = self.worst.max(distance);
                if distance > allowed {
                    return Err(Flaw::Picture { index, distance, allowed });
                }
                self.order.judge(index, fed, seen)
            }
            (Tolerance::Exact, Look::Bytes(fed), Look::Bytes(seen)) if fed == seen => Ok(()),
            // Looks of two kinds are never made by one recipe, and would prove nothing.
            _ => Err(Flaw::Pixels { index }),
        }
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
        let mut exact = Judge::new(Tolerance::Exact);
        assert_eq!(exact.judge(0, Look::Bytes(7), Look::Bytes(7)), Ok(()));
        assert_eq!(exact.judge(1, Look::Bytes(7), Look::Bytes(8)), Err(Flaw::Pixels { index: 1 }));
        assert_eq!(exact.judge(2, cells(9), cells(9)), Err(Flaw::Pixels { index: 2 }));
        let mut near = Judge::new(Tolerance::Within(4));
        assert_eq!(near.judge(0, cells(100), cells(104)), Ok(()));
        let off = Flaw::Picture { index: 1, distance: 5, allowed: 4 };
        assert_eq!(near.judge(1, cells(100), cells(105)), Err(off));
        assert_eq!(near.judge(2, Look::Bytes(7), Look::Bytes(7)), Err(Flaw::Pixels { index: 2 }));
        assert_eq!(near.worst, 5);
    }
}

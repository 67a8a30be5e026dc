//! Chance that can be had again.

use std::time::{SystemTime, UNIX_EPOCH};

/// Numbers that follow from a seed, by `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// From the seed in `REELD_TEST_SEED`, else from the clock. A failing test's output has the seed.
    pub(crate) fn new() -> Self {
        let given = std::env::var("REELD_TEST_SEED").ok().map(|text| text.parse().expect("REELD_TEST_SEED: a number"));
        let seed = given.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            u64::from(now.subsec_nanos()) << 16 ^ now.as_secs()
        });
        println!("REELD_TEST_SEED={seed}");
        Self(seed)
    }

    /// The same numbers each time.
    pub(crate) fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to `limit` - 1.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % limit as u64).unwrap()
    }

    /// True `chance` times in a hundred.
    pub(crate) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    /// Brings `items` into any order (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

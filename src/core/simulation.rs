//! The core, run by random schedules: a pretend disk, a pretend journal and pretend workers carry its effects out.
//!
//! Owns the schedules: writers, markers, clients, a clock that jumps, workers that fail and panic, configs that are read again,
//! and kills, which drop the core and build it again from the journal. After each step the invariants of [`invariants`] must
//! hold, and when the writers have stopped and everything had its time, every frame must have come to something.
//!
//! `REELD_TEST_SIMULATION=N` runs N schedules instead of a few, and prints the rate; `REELD_TEST_SEED=N` plays one again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

mod disk;
mod invariants;
mod journal;
mod world;

use world::World;

/// Schedules in the gate.
const SCHEDULES: u64 = 300;

/// Random steps of a schedule, before everything gets its time.
const STEPS: usize = 260;

/// Numbers that look random, the same for the same seed (`SplitMix64`, by Steele, Lea and Flood).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `end`, which is not reached.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    /// Once in `many` times.
    pub(super) fn once_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Plays the schedule of `seed`; how often the daemon was killed in it.
fn play(seed: u64) -> u64 {
    let mut world = World::new(seed);
    for _ in 0..STEPS {
        world.step();
    }
    world.come_to_rest();
    world.kills
}

/// Plays the schedule of `seed`. A failure says how to play it again, and what came last.
fn play_or_say(seed: u64) -> u64 {
    catch_unwind(AssertUnwindSafe(|| play(seed))).unwrap_or_else(|panic| {
        let text = crate::pipeline::run::text_of(&*panic);
        panic!("REELD_TEST_SEED={seed} plays this again: {text}");
    })
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().unwrap())
}

#[test]
fn whatever_happens_no_frame_is_lost_and_nothing_waits_for_ever() {
    if let Some(seed) = number("REELD_TEST_SEED") {
        play(seed);
        return;
    }
    let wanted = number("REELD_TEST_SIMULATION");
    let schedules = wanted.unwrap_or(SCHEDULES);
    let started = Instant::now();
    let play_some = |first: u64| (first..schedules).step_by(2).map(play_or_say).sum::<u64>();
    let kills: u64 = std::thread::scope(|scope| {
        let threads = [0, 1].map(|first| scope.spawn(move || play_some(first)));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).sum()
    });
    if wanted.is_some() {
        let seconds = started.elapsed().as_secs().max(1);
        println!("{schedules} schedules, {kills} kills, {} kills a minute", kills * 60 / seconds);
    }
    assert!(kills > schedules, "a schedule that is not interrupted shows little");
}

/// Schedules that found a fault once.
#[test]
fn what_was_found_once_stays_found() {
    for seed in FOUND {
        play_or_say(*seed);
    }
}

/// A batch that was encoded twice, and one that was encoded after it was forgotten.
const FOUND: &[u64] = &[127, 280];

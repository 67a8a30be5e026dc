//! How long the names of one folder take to become films.
//!
//! `REELD_BENCH_NAMES` (100000,1000000) says how many names. Names come in the order of a hash, as a file system
//! lists them. The bound is 100 ms of the processor for 100,000 names and 1.5 s for 1,000,000.

#![expect(clippy::print_stdout, reason = "printing is what a benchmark is for")]

use std::time::{Duration, Instant};

use reeld::sequence::group::group;
use reeld::sequence::name::NameRule;

fn main() {
    let counts = std::env::var("REELD_BENCH_NAMES").unwrap_or_else(|_| "100000,1000000".to_owned());
    for count in counts.split(',').map(|count| count.trim().parse::<u64>().expect("a count")) {
        println!("{count} names");
        for (what, name) in SHAPES {
            let mut names: Vec<String> = (0..count).map(name).collect();
            shuffle(&mut names);
            let (start, start_processor) = (Instant::now(), processor_time());
            let found = group(&names, None, &NameRule::Auto);
            let (time, processor) = (start.elapsed(), processor_time().saturating_sub(start_processor));
            let (films, singles, left) = (found.films.len(), found.singles.len(), found.left.len());
            let (time, processor) = (time.as_millis(), processor.as_millis());
            println!(
                "{processor:>6} ms of the processor, {time:>6} ms in all  {what}: {films} films, {singles} single, {left} left"
            );
        }
    }
}

type Shape = (&'static str, fn(u64) -> String);

const SHAPES: [Shape; 9] = [
    ("one counter", |at| format!("render_{at:06}.png")),
    ("clock", |at| format!("cam_{}.jpg", clock(at * 7))),
    ("clock and counter", |at| format!("c_{}_{at:06}.jpg", clock(at))),
    ("frames of a second", |at| format!("01-{}-{:02}.jpg", clock(at / 5), at % 5)),
    ("grid of 7", |at| format!("render_{:05}-{}.png", at / 7, at % 7)),
    ("number and seed that step", |at| format!("{at:06}-{}.png", at + 1_234_567)),
    ("random seeds", |at| format!("{at:06}-{}.png", scramble(at) % 1_000_000_007)),
    ("passes, shots, versions", |at| {
        format!("sh{:03}_v{:02}_p{}.{:04}.exr", at / 10_000, at / 5000 % 2, at / 1000 % 5, at % 1000)
    }),
    ("a family each", |at| {
        let letters = (0..24).map(|bit| if scramble(at) >> bit & 1 == 0 { 'a' } else { 'b' });
        format!("{}{at}x.png", letters.collect::<String>())
    }),
];

/// What this process, which has one thread, took of the processor: what counts on a machine that does other things too.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0))
}

/// A time of day in a month.
fn clock(seconds: u64) -> String {
    let (day, hour, minute) = (1 + seconds / 86_400 % 28, seconds / 3600 % 24, seconds / 60 % 60);
    let (month, year) = (1 + seconds / 86_400 / 28 % 12, 2001 + seconds / 86_400 / 28 / 12);
    format!("{year:04}-{month:02}-{day:02}_{hour:02}-{minute:02}-{:02}", seconds % 60)
}

fn scramble(at: u64) -> u64 {
    let mixed = (at ^ 0x9E37_79B9).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 16
}

fn shuffle(names: &mut [String]) {
    for at in (1..names.len()).rev() {
        let other = usize::try_from(scramble(at as u64)).unwrap_or(0) % (at + 1);
        names.swap(at, other);
    }
}

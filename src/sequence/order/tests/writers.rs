//! Simulated writers: farms, copies and second runs. Each is made of its own random numbers, so that one that is judged
//! wrongly can be made again.

use super::*;

/// How many of each kind are simulated.
const RUNS: u64 = 5_000;

/// Splitmix64: small, and the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        value ^ (value >> 31)
    }

    fn signed(&mut self, range: std::ops::RangeInclusive<i64>) -> i64 {
        let count = range.end().abs_diff(*range.start()) + 1;
        range.start().wrapping_add_unsigned(self.next() % count)
    }

    fn index(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % count as u64).unwrap()
    }

    fn once_in(&mut self, times: usize) -> bool {
        self.index(times) == 0
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.index(last + 1);
            items.swap(last, other);
        }
    }

    /// Nanoseconds, from a tenth of a second to seven minutes, short ones as often as long ones.
    fn pace(&mut self) -> i64 {
        (SECOND / 10) << self.index(13)
    }

    /// Up to half more or less.
    fn about(&mut self, time: i64) -> i64 {
        time / 2 + self.signed(0..=time)
    }

    fn resolution(&mut self) -> i64 {
        [1, 1, SECOND, 2 * SECOND][self.index(4)]
    }
}

/// What is said of these times, as the file system keeps them.
fn judged(times: &[i64], resolution: i64) -> Option<Anomaly> {
    let kept = times.iter().map(|time| time.div_euclid(resolution) * resolution);
    let frames: Vec<Frame> = (1..).zip(kept).map(|(number, time)| frame(number, time)).collect();
    judge(&pattern(), &frames)
}

/// The seeds of those simulations that `is_wrong`.
fn wrong(is_wrong: impl Fn(&mut Random) -> bool) -> Vec<u64> {
    (0..RUNS).filter(|seed| is_wrong(&mut Random(*seed))).collect()
}

/// A farm: chunks, in order or not, given to whichever worker is free.
fn farm(random: &mut Random, skewed: bool) -> Vec<i64> {
    let workers = random.index(7) + 2;
    // A worker has several turns: one that had the first chunk alone, and was slower or had a clock that was ahead, cannot
    // be told from a second run.
    let chunks = random.index(60) + 3 * workers;
    let length = random.index(30) + 1;
    let count = chunks * length - random.index(length);
    let pace = random.pace();
    let fastest = if skewed { 4 } else { 10 };
    let speeds: Vec<i64> = (0..workers).map(|_| random.signed(1..=fastest)).collect();
    let skews: Vec<i64> = (0..workers).map(|_| if skewed { random.signed(-7200..=7200) * SECOND } else { 0 }).collect();
    let mut free: Vec<i64> = (0..workers).map(|_| random.signed(0..=pace * 10)).collect();
    let mut queue: Vec<usize> = (0..chunks).collect();
    match random.index(4) {
        0 => {}
        1 => queue.reverse(),
        2 => {
            // One failed, and was put at the end.
            let failed = queue.remove(random.index(chunks));
            queue.push(failed);
        }
        _ => random.shuffle(&mut queue),
    }
    let mut times = vec![0; count];
    for chunk in queue {
        let worker = (0..workers).min_by_key(|worker| free[*worker]).unwrap();
        let here = chunk * length..((chunk + 1) * length).min(count);
        for time in &mut times[here] {
            free[worker] += random.about(pace) * speeds[worker];
            *time = free[worker] + skews[worker];
        }
    }
    again(random, &mut times, pace);
    times
}

/// Sometimes, up to four single frames are rendered again when all is done.
fn again(random: &mut Random, times: &mut [i64], pace: i64) {
    if random.once_in(3) {
        let mut now = times.iter().max().unwrap() + random.about(pace * 20);
        for _ in 0..=random.index(4) {
            now += random.about(pace);
            let again = random.index(times.len());
            times[again] = now;
        }
    }
}

/// A run that begins at the first frame, on top of what there is. When it ended.
fn run(random: &mut Random, times: &mut [i64], start: i64, pace: i64) -> i64 {
    let mut now = start;
    for time in times.iter_mut() {
        now += random.about(pace);
        *time = now;
    }
    // A saver with several threads finishes neighbours in the other order.
    if random.once_in(3) {
        for place in (1..times.len()).step_by(7) {
            times.swap(place - 1, place);
        }
    }
    now
}

#[test]
fn no_farm_is_taken_for_a_second_run() {
    for skewed in [false, true] {
        let flagged = wrong(|random| {
            let times = farm(random, skewed);
            judged(&times, random.resolution()).is_some()
        });
        // Where clocks are apart and one worker got nothing but the first chunk, that looks like a second run.
        let most = if skewed { 2 } else { 0 };
        assert!(flagged.len() <= most, "{} of {RUNS}, clocks apart: {skewed}: {flagged:?}", flagged.len());
    }
}

#[test]
fn no_copy_is_taken_for_a_second_run() {
    let flagged = wrong(|random| {
        let mut places: Vec<usize> = (0..=random.index(300)).collect();
        // In the order of names, in that of a hash, or by several threads.
        match random.index(3) {
            0 => {}
            1 => random.shuffle(&mut places),
            _ => places.chunks_mut(8).for_each(|chunk| random.shuffle(chunk)),
        }
        let pace = random.signed(1..=SECOND / 20);
        let mut now = 0;
        let mut times = vec![0; places.len()];
        for place in places {
            now += random.about(pace);
            times[place] = now;
        }
        judged(&times, random.resolution()).is_some()
    });
    assert!(flagged.is_empty(), "{} of {RUNS}: {flagged:?}", flagged.len());
}

#[test]
fn every_second_run_over_a_long_stretch_is_seen() {
    let missed = wrong(|random| {
        // Savers that swap neighbours can cost a stretch a frame at each end.
        let count = random.index(400) + 2 * (FEWEST + 2);
        let least = long_stretch(count) + 2;
        let mut times = vec![0; count];
        let pace = random.pace();
        let mut now = run(random, &mut times, 0, pace);
        let mut end = count;
        // A second run over the beginning of the first, and perhaps a third.
        for _ in 0..=random.index(2) {
            if end < 2 * least {
                break;
            }
            end = least + random.index(end - 2 * least + 1);
            let (pause, pace) = (random.about(pace), random.pace());
            now = run(random, &mut times[..end], now + pause, pace);
        }
        // In the shortest of stretches one frame too few is no stretch.
        if end > 3 * least && count - end > 3 * least && random.once_in(2) {
            let again = random.index(count);
            times[again] = now + random.about(pace);
        }
        judged(&times, 1).is_none()
    });
    assert!(missed.is_empty(), "{} of {RUNS}: {missed:?}", missed.len());
}

#[test]
fn every_clock_that_was_set_back_is_seen() {
    let stamps = Pattern { kind: Kind::TimeStamp, ..pattern() };
    let missed = wrong(|random| {
        let (before, after) = (random.signed(3..=200), random.signed(3..=200));
        let pace = random.pace();
        let back = random.signed(4..=before.max(4)) * pace + pace / 2;
        let time = |place: i64| place * pace;
        let stamp = |place: i64| if place < before { time(place) } else { time(place) - back };
        let mut frames: Vec<Frame> = (0..before + after).map(|place| frame(stamp(place), time(place))).collect();
        frames.sort_by_key(|frame| frame.number);
        !matches!(judge(&stamps, &frames), Some(Anomaly::ClockSetBack { .. }))
    });
    assert!(missed.is_empty(), "{} of {RUNS}: {missed:?}", missed.len());
}

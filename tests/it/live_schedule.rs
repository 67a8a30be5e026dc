//! Frames in any order, at any pace, some of them twice, and a daemon that is killed again and again: the video has every
//! frame once, in order, in its last version.
//!
//! `REELD_TEST_SEED` plays a schedule again. When exactly the daemon does what is not in it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;
use std::{fs, thread};

use crate::support::video::assert_shows;
use crate::support::{Daemon, Frames, Random, Sandbox, ffmpegs, toml_string};

/// Frames of the sequence.
const COUNT: usize = 500;

/// Writes before the end after which nothing is written again: a frame that changes while its batch is being sealed is a
/// new take, and rightly so.
const CALM: usize = 60;

#[test]
fn every_frame_once_whatever_happens() {
    let mut random = Random::new();
    let ffmpegs = ffmpegs();
    let sandbox = Sandbox::new(&ffmpegs[random.below(ffmpegs.len())]);
    let frames = Frames::new(["frame_####.png", "frame_####.jpg"][random.below(2)]).size(128, 72);
    let schedule = Schedule::new(&mut random);
    println!("{}, {frames:?}, {schedule:?}", sandbox.ffmpeg.display());

    // The shortest chunks there are, so that there are many.
    let config = sandbox.config_text(&format!(
        "[encoder]\nchunk_length = 24\n[[watch]]\npath = {}\nidle_timeout = \"never\"\n",
        toml_string(&sandbox.root())
    ));
    let shot = sandbox.folder("shot");
    let mut daemon = Some(Daemon::start(&sandbox, &config));
    for step in &schedule.steps {
        match *step {
            Step::Pause(pause) => thread::sleep(pause),
            Step::Empty(number) => fs::write(frames.path(&shot, number), "").unwrap(),
            Step::Begin(number, version) => frames.clone().version(version).begin(&shot, number),
            Step::Write(number, version) => frames.clone().version(version).write(&shot, [number]),
            Step::Rename(number, version) => frames.clone().version(version).renamed().write(&shot, [number]),
            Step::Mark => fs::write(shot.join(".done"), "").unwrap(),
            Step::Kill => daemon.take().into_iter().for_each(Daemon::kill_9),
            // Ready or not: frames come while it starts.
            Step::Start => daemon = Some(Daemon::spawn(&sandbox, &config, &[])),
        }
    }
    let mut daemon = daemon.unwrap();
    let video = shot.join("frame.mp4");
    daemon.wait_for_file(&video);
    // Batches are encoded one after the other: the video of a second take, were there one, would be there before this one.
    let other = sandbox.folder("other");
    frames.write(&other, 1..=2);
    fs::write(other.join(".done"), "").unwrap();
    daemon.wait_for_file(&other.join("frame.mp4"));
    assert_eq!(daemon.stop().code(), Some(0));

    let expected = schedule.last_versions();
    for (number, version) in &expected {
        assert_eq!(read(&frames, &shot, *number), frames.clone().version(*version).bytes(*number), "frame {number}");
    }
    let shown = expected.iter().map(|(number, version)| frames.clone().version(*version).shown(*number));
    assert_shows(&video, &sandbox.ffmpeg, shown);
    assert_eq!(sandbox.videos(), [other.join("frame.mp4"), video]);
    assert!(sandbox.leftovers().is_empty(), "{:?}", sandbox.leftovers());
}

fn read(frames: &Frames, dir: &Path, number: u32) -> Vec<u8> {
    fs::read(frames.path(dir, number)).unwrap()
}

/// What happens, one after the other.
#[derive(Debug)]
struct Schedule {
    steps: Vec<Step>,
}

/// A frame is given by its number and its version.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The writer's pace.
    Pause(Duration),
    /// A placeholder of no bytes.
    Empty(u32),
    /// Half of a frame, in place.
    Begin(u32, u32),
    /// A frame, in place.
    Write(u32, u32),
    /// A frame, by renaming.
    Rename(u32, u32),
    /// The marker.
    Mark,
    Kill,
    Start,
}

impl Schedule {
    fn new(random: &mut Random) -> Self {
        let order = order(random);
        // Each frame has a turn; what is begun in one may be ended in a later one.
        let mut turns = vec![Vec::new(); COUNT];
        // Which frames are whole from which turn on, with their version.
        let mut whole = BTreeMap::new();
        for (turn, &number) in order.iter().enumerate() {
            turns[turn].extend(pause(random));
            put(random, &mut turns, turn, (number, 0), &mut whole);
            if turn < COUNT - CALM && random.percent(12) {
                let earlier = order[random.below(turn + 1)];
                if let Some((since, version)) = whole.get(&earlier).copied()
                    && since + 5 < turn
                {
                    put(random, &mut turns, turn, (earlier, version + 1), &mut whole);
                }
            }
        }
        for _ in 0..4 + random.below(4) {
            let (from, down) = (random.below(COUNT - 40), random.below(40));
            turns[from].push(Step::Kill);
            turns[from + down].push(Step::Start);
        }
        let mut steps = turns.concat();
        steps.push(Step::Mark);
        if random.percent(60) {
            steps.extend([Step::Pause(millis(random, 0..1500)), Step::Kill, Step::Start]);
        }
        Self { steps: once_a_life(steps) }
    }

    /// By ascending number.
    fn last_versions(&self) -> BTreeMap<u32, u32> {
        let whole = self.steps.iter().filter_map(|step| match step {
            Step::Write(number, version) | Step::Rename(number, version) => Some((*number, *version)),
            _ => None,
        });
        let versions: BTreeMap<u32, u32> = whole.collect();
        assert!(versions.keys().copied().eq(1..=u32::try_from(COUNT).unwrap()));
        assert!(versions.values().any(|version| *version > 0));
        versions
    }
}

/// Mostly ascending: a farm hands out stretches, some of which come in any order, or later than the next one.
fn order(random: &mut Random) -> Vec<u32> {
    let mut numbers: Vec<u32> = (1..).take(COUNT).collect();
    let mut stretches = Vec::new();
    while !numbers.is_empty() {
        let length = (3 + random.below(40)).min(numbers.len());
        let mut stretch: Vec<u32> = numbers.drain(..length).collect();
        if random.percent(40) {
            random.shuffle(&mut stretch);
        }
        stretches.push(stretch);
    }
    for later in 1..stretches.len() {
        if random.percent(25) {
            stretches.swap(later - 1, later);
        }
    }
    stretches.concat()
}

/// Writes a frame in one of the ways that writers have, from this turn on. Half a frame, and none, are ended later.
fn put(
    random: &mut Random,
    turns: &mut [Vec<Step>],
    turn: usize,
    (number, version): (u32, u32),
    whole: &mut BTreeMap<u32, (usize, u32)>,
) {
    let (first, wait) = match random.below(100) {
        0..10 => (Some(Step::Begin(number, version)), random.below(8)),
        // Only a frame that is new begins with nothing.
        10..16 if version == 0 => (Some(Step::Empty(number)), 1 + random.below(40)),
        _ => (None, 0),
    };
    let end = (turn + wait).min(turns.len() - 1);
    turns[turn].extend(first);
    turns[end].push(if random.percent(30) { Step::Rename(number, version) } else { Step::Write(number, version) });
    whole.insert(number, (end, version));
}

/// Bursts, a pace, and now and then a longer pause.
fn pause(random: &mut Random) -> Option<Step> {
    match random.below(100) {
        0..20 => None,
        20..96 => Some(Step::Pause(millis(random, 10..60))),
        _ => Some(Step::Pause(millis(random, 300..900))),
    }
}

fn millis(random: &mut Random, range: Range<usize>) -> Duration {
    Duration::from_millis((range.start + random.below(range.len())) as u64)
}

/// Leaves out what cannot be: the death of a daemon that does not live, the start of one that does. One lives before the
/// first step and after the last.
fn once_a_life(steps: Vec<Step>) -> Vec<Step> {
    let mut lives = true;
    let mut kept = Vec::new();
    for step in steps {
        match step {
            Step::Kill if !lives => continue,
            Step::Start if lives => continue,
            Step::Kill => lives = false,
            Step::Start => lives = true,
            _ => {}
        }
        kept.push(step);
    }
    assert!(lives);
    kept
}

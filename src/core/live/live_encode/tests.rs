//! Random sequences on a simulated clock, with encoders that do what they are told.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bstr::BString;
use globset::GlobSet;
use proptest::prelude::*;

use super::*;
use crate::model::Identity;
use crate::sequence::finish::{Continuation, Existing, IdleTimeout, MissingFrames, Rules, Stills};
use crate::sequence::gaps::Spacing;
use crate::sequence::name::NameRule;
use crate::sequence::tracker::{Decision, Event, Listing, Tracker};
use crate::sequence::{Padding, Pattern};

const LENGTH: u32 = 8;
const HOLD: Duration = Duration::from_secs(60);
const IDLE: Duration = Duration::from_secs(600);

/// An encoder, as a live encode may use it.
#[derive(Debug, Default)]
struct Encoder {
    frames: Vec<Frame>,
    ended: bool,
    aborted: bool,
}

/// The loop, the workers and the journal.
struct World {
    tracker: Tracker,
    dir: Arc<Path>,
    pattern: Pattern,
    encode: LiveEncode,
    now: Duration,
    files: BTreeMap<FrameNumber, Identity>,
    encoders: BTreeMap<Serial, Encoder>,
    journal: BTreeMap<ChunkId, Vec<Frame>>,
    /// Answers that are still on their way.
    pending: Vec<LiveAction>,
    torn: BTreeSet<FrameNumber>,
    /// Whole by their marks, but no decoder takes them.
    broken: BTreeSet<FrameNumber>,
    /// No encoder that gets one of these comes to a good end.
    fatal: BTreeSet<FrameNumber>,
    /// Encoders opened, and files looked at, so far.
    opened: u64,
    looks: u64,
    writes: u64,
    next: Serial,
    /// Frames of a chunk.
    length: u32,
    /// Where the chunk of each encoder that was opened is in the video.
    positions: Vec<ChunkPosition>,
}

impl World {
    fn new() -> Self {
        Self::of(LENGTH, |_| {})
    }

    /// In chunks of `length` frames, by the usual rules as `change` leaves them.
    fn of(length: u32, change: impl FnOnce(&mut Rules)) -> Self {
        let dir: Arc<Path> = Arc::from(Path::new("/r"));
        let mut rules = Rules {
            final_marker: GlobSet::empty(),
            final_frame: None,
            last_frame: None,
            frame_count: None,
            idle_timeout: IdleTimeout::After(IDLE),
            max_wait: Duration::from_secs(3600),
            min_frames: 2,
            missing_frames: MissingFrames::Skip,
            max_hold: 250,
            continuation: Continuation::New,
            existing: Existing::Skip,
            stills: Stills::Skip,
            order: crate::sequence::order::FrameOrder::Number,
            generator: None,
        };
        change(&mut rules);
        let mut tracker = Tracker::default();
        tracker.open(Arc::clone(&dir), Arc::new(rules), Arc::new(NameRule::Auto));
        let limits = Limits { length: NonZeroU32::new(length).unwrap(), hold: HOLD };
        Self {
            tracker,
            dir,
            pattern: Pattern::new("f_", ".png", Padding::Width(4)),
            encode: LiveEncode::new(limits, Duration::ZERO),
            now: Duration::ZERO,
            files: BTreeMap::new(),
            encoders: BTreeMap::new(),
            journal: BTreeMap::new(),
            pending: Vec::new(),
            torn: BTreeSet::new(),
            broken: BTreeSet::new(),
            fatal: BTreeSet::new(),
            opened: 0,
            looks: 0,
            writes: 0,
            next: 0,
            length,
            positions: Vec::new(),
        }
    }

    fn write(&mut self, number: FrameNumber) {
        self.writes += 1;
        let identity = Identity { dev: 1, ino: self.writes, size: 9, mtime_ns: 1 };
        self.files.insert(number, identity);
        let name: BString = self.pattern.name(number);
        self.listed(Listing { complete: false, files: vec![(name, identity)], ..Listing::default() });
    }

    fn remove(&mut self, number: FrameNumber) {
        self.files.remove(&number);
        let gone = vec![self.pattern.name(number)];
        self.listed(Listing { complete: false, gone, ..Listing::default() });
    }

    fn listed(&mut self, listing: Listing) {
        let event = Event::Listed { dir: Arc::clone(&self.dir), listing };
        for decision in self.tracker.apply(event, self.now) {
            if let Decision::Grew { from, .. } = decision {
                self.encode.touched(from, self.now);
            }
        }
        self.step();
    }

    fn step(&mut self) {
        let mut out = Vec::new();
        match self.tracker.growing(&self.dir, &self.pattern) {
            Some(growing) => {
                let capacity = Capacity { may_open: true, busy: false, drained: true };
                self.encode.step(&growing, self.now, capacity, &mut out);
            }
            None => self.encode.abandoned(&mut out),
        }
        self.carry_out(out);
    }

    fn carry_out(&mut self, actions: Vec<LiveAction>) {
        let growing = self.tracker.growing(&self.dir, &self.pattern);
        let of_files = || Spacing::of_count(self.files.keys().copied());
        let spacing = growing.map_or_else(of_files, |growing| growing.spacing());
        for action in actions {
            match action {
                LiveAction::Prepare(_) | LiveAction::Check(_) => {
                    self.looks += 1;
                    self.pending.push(action);
                }
                LiveAction::Open(serial, position) => {
                    self.positions.push(position);
                    self.opened += 1;
                    let at_work = self.encoders.values().filter(|encoder| !self.has_ended(encoder));
                    assert_eq!(at_work.count(), 0, "one encoder at a time");
                    assert!(self.encoders.insert(serial, Encoder::default()).is_none(), "a serial is new");
                }
                LiveAction::Push(serial, frames) => {
                    let encoder = self.encoders.get_mut(&serial).unwrap();
                    assert!(!encoder.ended && !encoder.aborted, "it takes no more");
                    for frame in frames {
                        let follows = |last: &Frame| spacing.follows(last.number, frame.number);
                        assert!(encoder.frames.last().is_none_or(follows), "frames follow each other");
                        encoder.frames.push(frame);
                    }
                    assert!(encoder.frames.len() <= self.length as usize);
                }
                LiveAction::End(serial) => {
                    let encoder = self.encoders.get_mut(&serial).unwrap();
                    assert!(!encoder.ended && !encoder.aborted && !encoder.frames.is_empty());
                    encoder.ended = true;
                }
                LiveAction::Abort(serial) => self.encoders.get_mut(&serial).unwrap().aborted = true,
                LiveAction::Discard(ids) => {
                    for id in ids {
                        assert!(self.journal.remove(&id).is_some(), "{id:?} is there, once");
                    }
                }
            }
        }
    }

    /// Gives one answer that is on its way, or lets one encoder end; whether there was any.
    fn answer(&mut self, which: usize) -> bool {
        let ended: Vec<Serial> =
            self.encoders.iter().filter(|(_, encoder)| self.has_ended(encoder)).map(|(s, _)| *s).collect();
        let count = self.pending.len() + ended.len();
        if count == 0 {
            return false;
        }
        let at = which % count;
        if at < self.pending.len() {
            match self.pending.remove(at) {
                LiveAction::Prepare(_) => self.encode.prepared(Some(Vec::new())),
                LiveAction::Check(frames) => self.check_complete(&frames),
                other => panic!("{other:?} has no answer"),
            }
        } else {
            let serial = ended[at - self.pending.len()];
            let encoder = self.encoders.remove(&serial).unwrap();
            let is_fatal = |frame: &Frame| self.fatal.contains(&frame.number);
            let good = encoder.frames.iter().take_while(|frame| !self.broken.contains(&frame.number)).count();
            let outcome = if encoder.aborted {
                Closed::Stopped
            } else if encoder.frames[..good].iter().any(is_fatal) {
                Closed::Failed { again: true }
            } else if good == 0 {
                Closed::BadFrame
            } else {
                let id = ChunkId(i64::try_from(serial).unwrap());
                self.journal.insert(id, encoder.frames[..good].to_vec());
                self.encode.encoded(serial);
                Closed::Chunk(id, good)
            };
            let mut out = Vec::new();
            self.encode.closed(serial, &outcome, &mut out);
            self.carry_out(out);
        }
        self.step();
        true
    }

    /// A frame that cannot be decoded ends it, as its last one does.
    fn has_ended(&self, encoder: &Encoder) -> bool {
        let is_broken = |frame: &Frame| self.broken.contains(&frame.number);
        encoder.ended || encoder.aborted || encoder.frames.iter().any(is_broken)
    }

    /// Writes the rest of a file that was torn, which changes it: one that does not change is looked at more and more seldom.
    fn mend(&mut self, number: FrameNumber) {
        if self.torn.remove(&number) && self.files.contains_key(&number) {
            self.write(number);
        }
    }

    fn check_complete(&mut self, frames: &[Frame]) {
        let whole = |frame: &&Frame| {
            self.files.get(&frame.number) == Some(&frame.identity) && !self.torn.contains(&frame.number)
        };
        let whole: Vec<Frame> = frames.iter().take_while(whole).cloned().collect();
        let incomplete = frames.get(whole.len()).cloned();
        let growing = self.tracker.growing(&self.dir, &self.pattern);
        let (next, mut out) = (&mut self.next, Vec::new());
        let serial = || {
            *next += 1;
            *next
        };
        self.encode.checked(&whole, incomplete, growing.as_ref(), self.now, serial, &mut out);
        self.carry_out(out);
    }

    /// Lets time pass, and everything happen that it brings.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        let mut at_once = 0;
        while let Some(due) = self.encode.due().filter(|due| *due <= until) {
            assert!(due >= self.now, "the past is over");
            at_once = if due == self.now { at_once + 1 } else { 0 };
            assert!(at_once < 100, "what is due is done");
            self.now = due;
            self.step();
        }
        self.now = until;
    }

    /// Until nothing more happens by itself.
    fn rest(&mut self) {
        for _ in 0..10_000 {
            if !self.answer(0) {
                return;
            }
        }
        panic!("it never rests");
    }

    /// The frames of all chunks that are still the files they were.
    fn covered(&self) -> Vec<Frame> {
        let valid = |frames: &&Vec<Frame>| {
            let first = frames.first().map_or(0, |frame| frame.number);
            let files = self.files.range(first..).take(frames.len());
            let files = files.map(|(number, identity)| (*number, *identity));
            frames.iter().map(|frame| (frame.number, frame.identity)).eq(files)
        };
        let mut frames: Vec<Frame> = self.journal.values().filter(valid).flatten().cloned().collect();
        frames.sort_by_key(|frame| frame.number);
        frames
    }

    fn files(&self) -> Vec<Frame> {
        self.files.iter().map(|(number, identity)| Frame { number: *number, name: None, identity: *identity }).collect()
    }
}

#[test]
fn frames_are_fed_from_the_second_on_and_a_full_chunk_is_ended() {
    let mut world = World::new();
    world.write(1);
    assert!(!world.answer(0), "one image is no sequence");
    for number in 2..=9 {
        world.write(number);
        while !world.pending.is_empty() {
            world.answer(0);
        }
    }
    assert!(world.encoders.values().next().unwrap().ended);
    assert_eq!(world.encoders.len(), 1, "the next one waits until this one has ended");
    world.rest();
    assert_eq!(world.journal.values().map(Vec::len).collect::<Vec<_>>(), [8]);
    assert_eq!(world.encoders.values().next().unwrap().frames.len(), 1);
}

/// Whoever waits for the video then waits for an encoder that holds next to nothing back.
#[test]
fn the_last_frames_are_a_chunk_of_their_own_where_they_are_known_beforehand() {
    type Ending = fn(&mut Rules, FrameNumber);
    let endings: [Ending; 2] =
        [|rules, last| rules.last_frame = Some(last), |rules, last| rules.frame_count = u64::try_from(last).ok()];
    let cases: [(_, &[usize], usize); 6] = [
        (48, &[], 47),
        (49, &[25], 23),
        (100, &[76], 23),
        (250, &[226], 23),
        (280, &[240], 39),
        (500, &[240, 236], 23),
    ];
    for ending in endings {
        for (last, chunks, open) in cases {
            let mut world = World::of(240, |rules| ending(rules, last));
            for number in 1..last {
                world.write(number);
                world.rest();
            }
            let encoder = world.encoders.values().next().unwrap();
            assert_eq!(
                (lengths(&world), encoder.frames.len(), encoder.ended),
                (chunks.to_vec(), open, false),
                "{last}"
            );
            let position = if chunks.is_empty() { ChunkPosition::First } else { ChunkPosition::Last };
            assert_eq!(world.positions.last(), Some(&position), "{last}");
        }
    }
}

/// A guess, and more frames come.
#[test]
fn a_last_chunk_that_is_not_the_last_goes_on() {
    let mut world = World::of(240, |rules| rules.last_frame = Some(100));
    for number in (1..=99).chain(101..=130) {
        world.write(number);
        world.rest();
    }
    world.pass(IDLE / 2);
    world.rest();
    assert_eq!((lengths(&world), world.covered().len()), (vec![76, 23, 30], 129));
}

/// Short chunks are short to begin with.
#[test]
fn short_chunks_are_not_cut_for_the_end() {
    let mut world = World::of(LENGTH, |rules| rules.last_frame = Some(21));
    for number in 1..=20 {
        world.write(number);
        world.rest();
    }
    assert_eq!(lengths(&world), [8, 8]);
}

#[test]
fn an_encoder_that_waits_too_long_is_given_up_and_its_frames_are_encoded_in_one_go() {
    let mut world = World::new();
    world.write(1);
    world.write(2);
    world.rest();
    world.pass(HOLD);
    assert!(world.encoders.values().all(|encoder| encoder.aborted));
    world.rest();
    world.write(3);
    world.rest();
    assert!(world.encoders.is_empty(), "frames this slow do not keep an encoder waiting");
    world.pass(IDLE / 2);
    world.rest();
    assert_eq!(world.covered().len(), 3, "the silence is half over");
}

#[test]
fn a_rewritten_frame_costs_its_own_chunk_only() {
    let mut world = World::new();
    for number in 1..=24 {
        world.write(number);
        world.rest();
    }
    let before: Vec<ChunkId> = world.journal.keys().copied().collect();
    assert_eq!(before.len(), 3);
    world.write(12);
    world.rest();
    let after: Vec<ChunkId> = world.journal.keys().copied().collect();
    assert_eq!(after.len(), 3);
    assert_eq!((after[0], after[1]), (before[0], before[2]), "those beside it are kept");
}

#[test]
fn a_gap_is_waited_for_until_the_silence_is_half_over() {
    let mut world = World::new();
    for number in (1..=8).chain(10..=20) {
        world.write(number);
        world.rest();
    }
    assert_eq!(world.covered().len(), 8);
    world.pass(IDLE / 2);
    world.rest();
    assert_eq!(world.covered(), world.files());
}

#[test]
fn a_frame_that_cannot_be_decoded_stops_it_there_until_it_changes() {
    let mut world = World::new();
    for number in 1..=6 {
        world.write(number);
    }
    while !world.pending.is_empty() {
        world.answer(0);
    }
    let serial = *world.encoders.keys().next().unwrap();
    let mut frames = world.encoders.remove(&serial).unwrap().frames;
    frames.truncate(3);
    world.journal.insert(ChunkId(1), frames);
    let mut out = Vec::new();
    world.encode.closed(serial, &Closed::Chunk(ChunkId(1), 3), &mut out);
    world.carry_out(out);
    world.pass(IDLE / 2);
    world.rest();
    assert_eq!(world.covered().len(), 3);
    world.write(4);
    world.rest();
    // The pause before it was long, so the next one may be.
    world.pass(IDLE / 10 * 9);
    world.rest();
    assert_eq!(world.covered(), world.files());
}

/// One frame, and one after it that is not whole, after a silence: the first one is a chunk of its own for now.
fn waiting_for_the_second_frame() -> World {
    let mut world = World::new();
    world.torn.insert(2);
    for number in 1..=3 {
        world.write(number);
        world.rest();
    }
    world.pass(IDLE / 2);
    world.rest();
    assert_eq!(lengths(&world), [1]);
    world
}

fn lengths(world: &World) -> Vec<usize> {
    world.journal.values().map(Vec::len).collect()
}

/// It may be torn, or nobody may read it.
#[test]
fn nothing_is_encoded_again_while_a_frame_is_waited_for() {
    let mut world = waiting_for_the_second_frame();
    let encoders = world.next;
    for _ in 0..20 {
        world.pass(LOOK_AGAIN);
        world.rest();
    }
    assert_eq!((lengths(&world), world.next), (vec![1], encoders));
    world.torn.clear();
    world.pass(LOOK_AGAIN);
    world.rest();
    world.pass(IDLE / 2);
    world.rest();
    assert_eq!(lengths(&world), [3], "one chunk, and no short one beside it");
}

/// As a program that writes in place does, slowly.
#[test]
fn nothing_is_encoded_again_while_the_next_frame_is_written() {
    let mut world = waiting_for_the_second_frame();
    let encoders = world.next;
    for _ in 0..10 {
        world.write(2);
        world.rest();
        world.pass(IDLE / 10 * 9);
        world.rest();
    }
    assert_eq!((lengths(&world), world.next), (vec![1], encoders));
}

#[test]
fn no_encoder_is_begun_again_and_again_for_half_a_chunk() {
    let mut world = World::new();
    world.torn.insert(5);
    for number in 1..=20 {
        world.write(number);
    }
    world.rest();
    for _ in 0..4 {
        world.pass(HOLD);
        world.rest();
    }
    assert_eq!(world.opened, 1, "{:?}", world.encoders);
}

#[test]
fn a_short_chunk_is_kept_while_the_frame_behind_it_rests() {
    let mut world = waiting_for_the_second_frame();
    let encoders = world.next;
    world.torn.clear();
    // As after frames that were written twice, and long enough that the silence is half over before that.
    world.encode.rest = IDLE * 2 / 3;
    world.write(2);
    world.pass(IDLE / 10 * 6);
    world.rest();
    assert_eq!((lengths(&world), world.next), (vec![1], encoders));
    world.pass(IDLE / 10);
    world.rest();
    world.pass(IDLE / 10 * 2);
    world.rest();
    assert_eq!(lengths(&world), [3]);
}

#[test]
fn frames_that_are_written_twice_rest_by_our_own_clock() {
    let mut world = World::new();
    for number in 1..=4 {
        world.write(number);
        world.rest();
    }
    world.pass(Duration::from_secs(2));
    // The time of the file, which is long ago, says nothing.
    world.write(2);
    world.rest();
    let fed = |world: &World| world.encoders.values().map(|encoder| encoder.frames.len()).sum::<usize>();
    assert_eq!(fed(&world), 1, "{:?}", world.encoders);
    world.pass(Duration::from_secs(1));
    world.rest();
    assert_eq!(fed(&world), 4, "{:?}", world.encoders);
}

#[test]
fn a_sealed_sequence_gives_its_last_frames_to_the_open_encoder() {
    let mut world = World::new();
    for number in 1..=4 {
        world.write(number);
        world.rest();
    }
    for number in 5..=12 {
        world.write(number);
    }
    let mut out = Vec::new();
    let files = world.files();
    world.encode.sealed(&files, Spacing::Every(1), &mut out);
    let serial = *world.encoders.keys().next().unwrap();
    let last: Vec<Frame> = files[4..8].to_vec();
    assert_eq!(out, [LiveAction::Push(serial, last), LiveAction::End(serial)]);
}

#[test]
fn a_sealed_sequence_whose_fed_frames_changed_drops_its_encoder() {
    let mut world = World::new();
    for number in 1..=4 {
        world.write(number);
        world.rest();
    }
    let mut files = world.files();
    files[2].identity.ino += 1000;
    let mut out = Vec::new();
    world.encode.sealed(&files, Spacing::Every(1), &mut out);
    assert!(matches!(out[..], [LiveAction::Abort(_)]), "{out:?}");
}

#[derive(Debug, Clone)]
enum Step {
    Write(FrameNumber),
    Remove(FrameNumber),
    Tear(FrameNumber, bool),
    Answer(usize),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1_i64..60).prop_map(Step::Write),
        1 => (1_i64..60).prop_map(Step::Remove),
        1 => ((1_i64..60), any::<bool>()).prop_map(|(number, torn)| Step::Tear(number, torn)),
        8 => (0_usize..8).prop_map(Step::Answer),
        2 => (1_u64..400).prop_map(Step::Pass),
    ]
}

/// What is wrong with a file.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Torn,
    Broken,
    Fatal,
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![Just(Fault::Torn), Just(Fault::Broken), Just(Fault::Fatal)]
}

proptest! {
    /// While nothing changes on disk, there is less and less to do: no encoder is begun for nothing, and a file that is not
    /// whole is looked at more and more seldom.
    #[test]
    fn while_nothing_changes_nothing_is_done(
        steps in proptest::collection::vec(step(), 1..120),
        faults in proptest::collection::btree_map(1_i64..60, fault(), 0..8),
    ) {
        let mut world = World::new();
        for (number, fault) in faults {
            let set = match fault {
                Fault::Torn => &mut world.torn,
                Fault::Broken => &mut world.broken,
                Fault::Fatal => &mut world.fatal,
            };
            set.insert(number);
        }
        for step in steps {
            match step {
                Step::Write(number) => world.write(number),
                Step::Remove(number) => world.remove(number),
                Step::Tear(..) => {}
                Step::Answer(which) => drop(world.answer(which)),
                Step::Pass(seconds) => world.pass(Duration::from_secs(seconds).min(IDLE / 2)),
            }
        }
        // Two silences: by then all is done that can be done. Each of up to 60 runs between gaps is a chunk.
        let before = world.opened;
        for _ in 0..20 {
            world.pass(IDLE / 10);
            world.rest();
        }
        prop_assert!(world.opened - before <= 60, "{} encoders in two silences", world.opened - before);
        let (opened, looks) = (world.opened, world.looks);
        for _ in 0..200 {
            world.pass(IDLE / 10);
            world.rest();
        }
        prop_assert_eq!(world.opened, opened, "encoders are begun though nothing changed");
        prop_assert!(world.looks - looks <= 6, "{} looks at files of which none changed", world.looks - looks);
    }

    /// Whatever happens in whatever order, in the end every frame is in a chunk, once, as the file that it is.
    #[test]
    fn in_the_end_every_frame_is_in_one_chunk(steps in proptest::collection::vec(step(), 1..250)) {
        let mut world = World::new();
        for step in steps {
            match step {
                Step::Write(number) => world.write(number),
                Step::Remove(number) => world.remove(number),
                Step::Tear(number, true) => drop(world.torn.insert(number)),
                Step::Tear(number, false) => world.mend(number),
                Step::Answer(which) => drop(world.answer(which)),
                // Not so long that the sequence is finished.
                Step::Pass(seconds) => world.pass(Duration::from_secs(seconds).min(IDLE / 2)),
            }
        }
        for number in world.torn.clone() {
            world.mend(number);
        }
        world.rest();
        // Half the silence, and as many steps of it as there can be runs between gaps.
        for _ in 0..3 {
            world.pass(IDLE / 10 * 3);
            world.rest();
        }
        if world.files.len() >= 2 {
            prop_assert_eq!(world.covered(), world.files());
        }
        let chunks: usize = world.journal.values().map(Vec::len).sum();
        prop_assert!(chunks >= world.covered().len());
        prop_assert!(world.encoders.is_empty(), "nobody is left waiting");
    }
}

//! Folders that sleep.

use proptest::prelude::*;

use super::schedules::Act;
use super::*;
use crate::sequence::existing::FileSet;

/// A world whose folder sleeps whenever it can, with what its journal knows.
struct Sleeper {
    world: World,
    existing: FileSet,
}

impl Sleeper {
    fn new(rules: Rules, old: impl IntoIterator<Item = String>) -> Self {
        let mut world = World::new(rules);
        for name in old {
            world.write(&name, WHOLE);
        }
        let existing = FileSet::of(world.files.iter().map(|(name, identity)| (name.as_slice(), identity)));
        let mut sleeper = Self { world, existing };
        sleeper.list_first();
        sleeper
    }

    fn with_frames(numbers: impl IntoIterator<Item = i64>) -> Self {
        Self::new(rules(), numbers.into_iter().map(|number| format!("shot.{number:04}.png")))
    }

    /// The whole folder, as it is read for the first time.
    fn list_first(&mut self) {
        let world = &mut self.world;
        let dir = Arc::clone(&world.dir);
        world.tracker.wake(&dir);
        let claims = world.taken().into_iter().map(|(_, identity)| identity).collect();
        world.apply(Event::Claimed { dir: Arc::clone(&dir), files: claims });
        let files = world.files.clone().into_iter().collect();
        let existing = ExistingFiles::Of(self.existing.clone());
        world.apply(Event::Listed { dir, listing: Listing { complete: true, files, existing, ..Listing::default() } });
    }

    fn sleep(&mut self) -> bool {
        self.world.tracker.sleep(&self.world.dir)
    }

    /// As a daemon does: what changes in a folder that sleeps is read like a new folder.
    fn act(&mut self, act: &Act) {
        if self.world.tracker.is_asleep(&self.world.dir) {
            match act {
                Act::Write(index, size) => drop(self.world.write(&schedules::name(*index), *size)),
                Act::Remove(index) => drop(self.world.files.remove(&BString::from(schedules::name(*index)))),
                Act::Mark => drop(self.world.write(".done", EMPTY)),
                Act::Pass(time) => return self.world.pass(seconds(*time)),
                Act::ListAll => return,
                Act::Done => {}
            }
            self.list_first();
            if matches!(act, Act::Done) {
                self.world.act(act);
            }
        } else {
            self.world.act(act);
        }
        self.sleep();
    }
}

#[test]
fn what_is_told_of_a_folder_that_sleeps_is_what_was_told_before() {
    let mut it = Sleeper::with_frames((1..=60).filter(|number| number % 20 != 0));
    let world = &mut it.world;
    let told = (world.tracker.snapshot(seconds(5000)), world.tracker.existing(Path::new("/renders")));
    assert_eq!((told.0[0].count, told.0[0].missing.to_string().as_str(), told.1.files), (57, "20, 40", 57));
    assert!(world.tracker.sleep(&Arc::clone(&world.dir)));
    let again = (world.tracker.snapshot(seconds(5000)), world.tracker.existing(Path::new("/renders")));
    assert_eq!((again, world.tracker.next_deadline()), (told, None));
    assert_eq!(world.tracker.existing(Path::new("/renders/shot/below")), ExistingCount::default());
}

#[test]
fn a_folder_in_which_something_goes_on_stays_awake() {
    for act in [Act::Write(70, WHOLE), Act::Write(3, WHOLE), Act::Mark] {
        let mut it = Sleeper::with_frames(6..=9);
        it.act(&act);
        assert!(!it.world.tracker.is_asleep(&it.world.dir), "{act:?}");
    }
    // Its markers are those of the folder above.
    let mut tracker = Tracker::default();
    let dir: Arc<Path> = Arc::from(Path::new("/renders/batch_0001"));
    tracker.open(Arc::clone(&dir), Arc::new(rules()), Arc::new(NameRule::Auto));
    let files = vec![("a_1.png".into(), Identity { dev: 1, ino: 1, size: 5, mtime_ns: 1 })];
    let listing = Listing { complete: true, files, existing: ExistingFiles::All, ..Listing::default() };
    tracker.apply(Event::Listed { dir: Arc::clone(&dir), listing }, seconds(1));
    assert!(!tracker.sleep(&dir));
}

#[test]
fn a_sequence_that_goes_on_wakes_its_folder_and_is_taken_whole() {
    let mut it = Sleeper::with_frames(1..=5);
    assert!(it.sleep());
    it.world.frames([6]);
    it.list_first();
    it.world.pass(seconds(60));
    assert_eq!(it.world.numbers(), [[1, 2, 3, 4, 5, 6]]);
    assert!(!it.sleep(), "what comes beside these frames is judged by them");
    // Also after a restart.
    let tracker = World::new(rules()).tracker;
    let mut it = Sleeper { world: World { tracker, ..it.world }, existing: it.existing };
    it.list_first();
    assert!(!it.sleep());
}

#[test]
fn what_is_written_over_old_frames_is_another_run_after_a_sleep_too() {
    let play = |sleeps: bool| {
        let mut it = Sleeper::with_frames(1..=20);
        it.world.pass(seconds(5000));
        assert!(!sleeps || it.sleep());
        for number in 1..=8 {
            it.world.frames([number]);
            if it.world.tracker.is_asleep(&it.world.dir) {
                it.list_first();
            } else {
                it.world.list_only(&[&format!("shot.{number:04}.png")]);
            }
            it.world.pass(seconds(1));
        }
        it.world.pass(seconds(60));
        it.world
    };
    let (awake, slept) = (play(false), play(true));
    assert_eq!(slept.numbers(), awake.numbers());
    let rewritten = |world: &World| world.batches.iter().map(|batch| batch.rewritten.to_string()).collect::<Vec<_>>();
    assert_eq!(rewritten(&slept), rewritten(&awake));
    assert!(slept.notes.iter().any(|note| note.contains("written over")), "{:?}", slept.notes);
}

#[test]
fn an_old_placeholder_that_is_filled_is_not_written_over() {
    let mut it = Sleeper::with_frames(1..=20);
    it.world.write("shot.0021.png", EMPTY);
    it.existing = FileSet::of(it.world.files.iter().map(|(name, identity)| (name.as_slice(), identity)));
    let mut it = Sleeper { world: World { tracker: World::new(rules()).tracker, ..it.world }, existing: it.existing };
    it.list_first();
    assert!(it.sleep());
    it.world.frames([21]);
    it.list_first();
    it.world.pass(seconds(60));
    assert_eq!((it.world.numbers().len(), it.world.last().rewritten.is_empty()), (1, true));
}

/// The files of each batch, in no order.
fn batches(world: &World) -> BTreeSet<Vec<(BString, Identity)>> {
    let files = |batch: &Batch| -> Vec<(BString, Identity)> {
        batch.frames.iter().map(|frame| (frame.file_name(&batch.pattern), frame.identity)).collect()
    };
    world.batches.iter().map(files).collect()
}

proptest! {
    /// A folder that sleeps whenever it can makes the same batches as one that never does.
    #[test]
    fn sleep_changes_nothing(
        old in prop::collection::vec(0..36usize, 0..30),
        acts in prop::collection::vec(schedules::act(), 1..60),
    ) {
        let old: BTreeSet<String> = old.iter().map(|index| schedules::name(*index)).collect();
        let mut awake = Sleeper::new(rules(), old.iter().cloned());
        let mut sleeper = Sleeper::new(rules(), old);
        sleeper.sleep();
        // A file that was given up on is in no batch of the journal: it is looked at once more, with the same outcome.
        let acts = acts.iter().filter(|act| !matches!(act, Act::Write(_, TORN | EMPTY | FOREIGN)));
        for act in acts.chain([&Act::ListAll, &Act::Pass(100_000)]) {
            // A file that is written again has another time.
            for act in [&Act::Pass(1), act] {
                awake.world.act(act);
                sleeper.act(act);
            }
        }
        // Two that end at one moment have no order.
        prop_assert_eq!(batches(&sleeper.world), batches(&awake.world));
        prop_assert_eq!(sleeper.world.tracker.snapshot(seconds(0)), awake.world.tracker.snapshot(seconds(0)));
    }
}

//! Files that were there before anyone watched.

use proptest::prelude::*;

use super::*;

impl World {
    /// A world that reads its root for the first time and finds these frames.
    fn with_old(rules: Rules, numbers: impl IntoIterator<Item = i64>) -> Self {
        let mut world = Self::new(rules);
        world.frames(numbers);
        world.list_first(ExistingFiles::All);
        world
    }

    fn list_first(&mut self, existing: ExistingFiles) {
        let files = self.files.clone().into_iter().collect();
        let listing = Listing { complete: true, files, existing, ..Listing::default() };
        self.apply(Event::Listed { dir: Arc::clone(&self.dir), listing });
    }

    fn states(&self) -> Vec<Stage> {
        self.tracker.snapshot(self.now).iter().map(|open| open.state).collect()
    }

    fn existing(&self) -> (u64, u64) {
        let ExistingCount { sequences, files } = self.tracker.existing(Path::new("/renders"));
        (sequences, files)
    }
}

#[test]
fn silence_does_not_end_what_was_there_before() {
    let mut world = World::with_old(rules(), 1..=60);
    assert_eq!(world.tracker.next_deadline(), None);
    assert_eq!((world.states(), world.existing()), (vec![Stage::Existing], (1, 60)));
    let growing = world.tracker.growing(&world.dir, &pattern()).unwrap();
    assert!(!growing.is_worth_it() && growing.quiet_at().is_none());
    world.pass(seconds(1_000_000));
    world.list();
    // One that goes away is no new one.
    world.files.remove(&BString::from("shot.0060.png"));
    world.list();
    world.pass(seconds(1_000_000));
    assert_eq!((world.batches.len(), world.inspections, world.existing()), (0, 0, (1, 59)));
}

fn pattern() -> Pattern {
    Pattern::new("shot.", ".png", crate::sequence::Padding::Width(4))
}

#[test]
fn a_marker_a_client_and_a_number_end_it() {
    let mut world = World::with_old(rules(), 1..=3);
    world.write(".done", EMPTY);
    world.list();
    assert_eq!(world.numbers(), [[1, 2, 3]]);
    let mut world = World::with_old(rules(), 1..=3);
    world.apply(Event::Done(Arc::clone(&world.dir)));
    assert_eq!(world.numbers(), [[1, 2, 3]]);
    let by_number = [Rules { last_frame: Some(3), ..rules() }, Rules { frame_count: Some(3), ..rules() }];
    for rules in by_number {
        assert_eq!(World::with_old(rules, 1..=3).numbers(), [[1, 2, 3]]);
    }
    // A marker that was there before as well.
    let mut world = World::new(rules());
    world.frames(1..=3);
    world.write(".done", EMPTY);
    world.list_first(ExistingFiles::All);
    assert_eq!(world.numbers(), [[1, 2, 3]]);
}

#[test]
fn one_that_grows_is_taken_whole() {
    let mut world = World::with_old(rules(), 1..=5);
    world.pass(seconds(5000));
    world.frames([6]);
    world.list();
    assert_eq!((world.states(), world.existing()), (vec![Stage::Open], (0, 0)));
    assert!(world.tracker.growing(&world.dir, &pattern()).unwrap().is_worth_it());
    world.pass(seconds(60));
    assert_eq!(world.numbers(), [[1, 2, 3, 4, 5, 6]]);
}

#[test]
fn one_that_is_written_again_is_taken_whole() {
    let mut world = World::with_old(rules(), 1..=5);
    world.pass(seconds(5000));
    world.frames([2]);
    world.list_only(&["shot.0002.png"]);
    world.pass(seconds(60));
    assert_eq!(world.numbers(), [[1, 2, 3, 4, 5]]);
}

#[test]
fn what_comes_and_goes_again_leaves_it_as_it_was() {
    let mut world = World::with_old(rules(), 1..=5);
    world.frames([6]);
    world.list();
    world.files.remove(&BString::from("shot.0006.png"));
    world.list();
    world.pass(seconds(1_000_000));
    assert_eq!((world.batches.len(), world.existing()), (0, (1, 5)));
}

#[test]
fn the_time_that_old_files_lay_there_is_no_pause() {
    let mut world = World::with_old(Rules { idle_timeout: IdleTimeout::Auto, ..rules() }, 1..=5);
    world.pass(seconds(90_000));
    world.frames([6]);
    world.list();
    world.pass(seconds(30));
    assert_eq!(world.numbers(), [[1, 2, 3, 4, 5, 6]]);
}

#[test]
fn only_the_files_of_the_set_were_there_before() {
    let mut world = World::new(rules());
    world.frames(1..=3);
    let old = world.files.clone();
    let set = |files: &BTreeMap<BString, Identity>| {
        ExistingFiles::Of(crate::sequence::existing::FileSet::of(files.iter().map(|(n, i)| (n.as_slice(), i))))
    };
    world.write("other_1.png", WHOLE);
    world.write("other_2.png", WHOLE);
    world.list_first(set(&old));
    world.pass(seconds(1000));
    assert_eq!((world.numbers(), world.existing()), (vec![vec![1, 2]], (1, 3)));
    // The daemon starts again, and one more came while it was down.
    let mut world = World { tracker: World::new(rules()).tracker, ..world };
    world.batches.clear();
    world.frames([4]);
    world.list_first(set(&old));
    world.pass(seconds(1000));
    assert!(world.numbers().contains(&vec![1, 2, 3, 4]), "{:?}", world.numbers());
}

#[test]
fn a_setting_frees_them_and_takes_them_back() {
    let mut world = World::with_old(rules(), 1..=5);
    let reopen = |world: &mut World, existing| {
        let rules = Arc::new(Rules { existing, ..rules() });
        world.tracker.open(Arc::clone(&world.dir), rules, Arc::new(NameRule::Auto));
        world.apply(Event::Tick);
    };
    reopen(&mut world, Existing::Encode);
    assert_eq!((world.states(), world.existing()), (vec![Stage::Open], (0, 0)));
    reopen(&mut world, Existing::Skip);
    world.pass(seconds(1000));
    assert_eq!((world.batches.len(), world.existing()), (0, (1, 5)));
    reopen(&mut world, Existing::Encode);
    assert_eq!(world.numbers(), [[1, 2, 3, 4, 5]], "it was quiet for long enough");
}

#[test]
fn what_was_made_of_them_and_forgotten_is_free() {
    let mut world = World::with_old(rules(), 1..=3);
    world.apply(Event::Done(Arc::clone(&world.dir)));
    let files = world.last().frames.iter().map(|frame| frame.identity).collect();
    world.apply(Event::Released { dir: Arc::clone(&world.dir), files });
    world.pass(seconds(60));
    assert_eq!(world.numbers(), [[1, 2, 3], [1, 2, 3]]);
}

#[test]
fn frames_that_go_along_wake_no_old_ones() {
    // 1 to 3 are in a batch of the journal, 4 and 5 were there before: the extended video waits for a new frame.
    let mut world = World::new(Rules { continuation: Continuation::Extend, ..rules() });
    world.frames(1..=5);
    let claimed = world.files.iter().take(3).map(|(_, identity)| *identity).collect();
    world.apply(Event::Claimed { dir: Arc::clone(&world.dir), files: claimed });
    world.list_first(ExistingFiles::All);
    world.pass(seconds(1_000_000));
    assert_eq!(world.batches.len(), 0);
    world.frames([6]);
    world.list();
    world.pass(seconds(60));
    assert_eq!(world.numbers(), [[1, 2, 3, 4, 5, 6]]);
}

#[test]
fn names_that_are_grouped_anew_stay_old() {
    let mut world = World::new(rules());
    for number in 1..=3 {
        world.write(&format!("a1_b{number}.png"), WHOLE);
    }
    world.list_first(ExistingFiles::All);
    assert_eq!(world.existing(), (1, 3));
    // By this rule all of them have the same number, and one is the frame.
    let names = NameRule::parse("a(?P<frame>[0-9]+)_b[0-9]+\\.png").unwrap();
    world.tracker.open(Arc::clone(&world.dir), Arc::new(rules()), Arc::new(names));
    world.apply(Event::Tick);
    world.pass(seconds(1_000_000));
    assert_eq!((world.batches.len(), world.existing()), (0, (1, 1)));
}

#[test]
fn a_file_that_turns_out_to_be_no_frame_wakes_no_old_ones() {
    let mut world = World::with_old(rules(), 1..=3);
    world.write("shot.0004.png", TORN);
    world.list();
    world.pass(seconds(1_000_000));
    assert_eq!((world.batches.len(), world.existing()), (0, (1, 3)));
}

#[test]
fn what_is_too_short_for_a_video_is_not_counted() {
    let world = World::with_old(Rules { min_frames: 2, ..rules() }, [1]);
    assert_eq!(world.existing(), (0, 0));
}

proptest! {
    /// Whatever comes: a batch that silence ended holds a file that came after the first reading; every such file gets into
    /// a batch, as without the old ones.
    #[test]
    fn silence_takes_no_old_files_alone(
        old in prop::collection::vec(schedules::act(), 0..40),
        acts in prop::collection::vec(schedules::act(), 1..60),
        extend in any::<bool>(),
    ) {
        use schedules::Act;
        let continuation = if extend { Continuation::Extend } else { Continuation::New };
        let mut world = World::new(Rules { continuation, ..rules() });
        for act in &old {
            if let Act::Write(index, _) = act {
                world.write(&schedules::name(*index), WHOLE);
            }
        }
        let first: BTreeSet<Identity> = world.files.values().copied().collect();
        world.list_first(ExistingFiles::All);
        for act in acts.iter().filter(|act| !matches!(act, Act::Mark | Act::Done)) {
            world.act(act);
        }
        world.list();
        world.pass(seconds(100_000));
        let mut old = first.clone();
        for batch in &world.batches {
            prop_assert!(batch.frames.iter().any(|frame| !old.contains(&frame.identity)), "{:?}", batch);
            // With `extend`, what was in a video once goes along in the next one.
            old.retain(|identity| batch.frames.iter().all(|frame| frame.identity != *identity));
        }
        let (taken, aside) = (world.taken(), world.aside());
        for (name, identity) in world.files.iter().filter(|(_, identity)| !first.contains(identity)) {
            let is_taken = taken.contains(&(name.clone(), *identity));
            prop_assert!(aside.contains(name.as_slice()) || is_taken == (identity.size > FOREIGN), "{}", name);
        }
        prop_assert_eq!(world.tracker.next_deadline(), None);
    }
}

//! Folders that follow each other, listed one by one and known as one.

use super::*;

impl World {
    /// Lists all of one folder.
    fn list_folder(&mut self, within: &str) {
        let below = |(name, identity): (&BString, &Identity)| {
            let file = name.strip_prefix(within.as_bytes())?;
            (!file.contains(&b'/')).then(|| (BString::from(file), *identity))
        };
        let files = self.files.iter().filter_map(below).collect();
        let listing = Listing { complete: true, files, ..Listing::default() }.below(within.into());
        self.apply(Event::Listed { dir: Arc::clone(&self.dir), listing });
    }

    fn write_day(&mut self, day: u32) {
        for minute in 0..5 {
            self.write(&format!("2025-03-{day:02}/12-{minute:02}-00.jpg"), WHOLE);
        }
    }

    fn names(&self, batch: usize) -> Vec<String> {
        let batch = &self.batches[batch];
        batch.frames.iter().map(|frame| frame.file_name(&batch.pattern).to_string()).collect()
    }

    fn open_count(&self) -> Vec<u64> {
        self.tracker.snapshot(self.now).iter().map(|open| open.count).collect()
    }
}

#[test]
fn days_are_one_sequence_that_silence_over_all_of_them_ends() {
    let mut world = World::new(rules());
    // The last one first: the order of the listings does not matter.
    for day in [3, 1, 2] {
        world.write_day(day);
        world.list_folder(&format!("2025-03-{day:02}/"));
        world.pass(seconds(50));
    }
    assert!(world.batches.is_empty());
    assert_eq!(world.open_count(), [15]);
    world.pass(seconds(11));
    let all: Vec<String> = world.files.keys().map(ToString::to_string).collect();
    assert_eq!(world.names(0), all);
    assert_eq!(world.batches[0].pattern.to_string(), "{stamp}/{stamp}.jpg");
    assert!(world.batches[0].missing.is_empty());
}

#[test]
fn a_listing_of_one_folder_says_nothing_of_another() {
    let mut world = World::new(rules());
    for day in 1..=3 {
        world.write_day(day);
        world.list_folder(&format!("2025-03-{day:02}/"));
    }
    world.list_folder("");
    assert_eq!(world.open_count(), [15]);
    world.files.remove(&BString::from("2025-03-02/12-01-00.jpg"));
    world.list_folder("2025-03-01/");
    assert_eq!(world.open_count(), [15]);
    world.list_folder("2025-03-02/");
    assert_eq!(world.open_count(), [14]);
    // Gone as a whole.
    world.files.retain(|name, _| !name.starts_with(b"2025-03-03/"));
    world.list_folder("2025-03-03/");
    assert_eq!(world.open_count(), [9]);
}

#[test]
fn what_is_gone_from_a_folder_is_seen_also_beside_another_of_the_same_day() {
    let mut world = World::new(rules());
    for folder in ["2025-03-01", "2025-3-1", "2025-03-02"] {
        for minute in (0..10).filter(|minute| (folder == "2025-3-1") == (minute % 2 == 1) || folder == "2025-03-02") {
            world.write(&format!("{folder}/12-{minute:02}-00.jpg"), WHOLE);
        }
        world.list_folder(&format!("{folder}/"));
    }
    assert_eq!(world.open_count(), [20]);
    for minute in ["00", "04", "08"] {
        world.files.remove(&BString::from(format!("2025-03-01/12-{minute}-00.jpg")));
    }
    world.list_folder("2025-03-01/");
    assert_eq!(world.open_count(), [17]);
    // Nothing is left of one, and another kind of picture does not concern it.
    world.write("2025-03-01/thumb1.jpg", WHOLE);
    world.files.retain(|name, _| !name.starts_with(b"2025-03-01/12"));
    world.list_folder("2025-03-01/");
    assert_eq!(world.open_count(), [15]);
}

#[test]
fn a_marker_speaks_where_the_last_frame_lies_or_above() {
    let mut world = World::new(rules());
    world.write_day(1);
    world.write_day(2);
    world.write("2025-03-01/.done", EMPTY);
    world.list_folder("2025-03-02/");
    world.list_folder("2025-03-01/");
    world.pass(seconds(40));
    assert!(world.batches.is_empty(), "yesterday's");
    world.write("2025-03-02/.done", EMPTY);
    world.list_folder("2025-03-02/");
    assert_eq!(world.names(0).len(), 10);
    assert_eq!(world.batches[0].reason, FinishReason::Marker("2025-03-02/.done".into()));
    world.write_day(3);
    world.list_folder("2025-03-03/");
    world.pass(seconds(1));
    assert_eq!(world.batches.len(), 1);
    world.write(".done", EMPTY);
    world.list_folder("");
    assert_eq!(world.names(1).len(), 5);
}

#[test]
fn markers_that_the_first_listing_of_any_folder_finds_count_by_their_time() {
    let mut world = World::new(rules());
    world.write("2025-03-02/.done", EMPTY);
    world.write_day(1);
    world.pass(seconds(10));
    world.write_day(2);
    world.list_folder("2025-03-01/");
    world.list_folder("2025-03-02/");
    world.pass(seconds(40));
    assert!(world.batches.is_empty(), "it is older than the frames");
}

#[test]
fn what_was_there_before_is_known_by_bare_names() {
    let mut world = World::new(rules());
    world.write_day(1);
    let files: Vec<(BString, Identity)> =
        world.files.iter().map(|(name, identity)| (name[11..].into(), *identity)).collect();
    let set = crate::sequence::existing::FileSet::of(files.iter().map(|(name, file)| (name.as_slice(), file)));
    let listing = Listing { complete: true, files, existing: ExistingFiles::Of(set), ..Listing::default() };
    world.apply(Event::Listed { dir: Arc::clone(&world.dir), listing: listing.below("2025-03-01/".into()) });
    world.pass(seconds(1000));
    assert!(world.batches.is_empty());
    assert_eq!(world.tracker.existing(&world.dir), ExistingCount { sequences: 1, files: 5 });
    // It goes on: what was there before is part of it.
    world.write_day(2);
    world.list_folder("2025-03-02/");
    world.pass(seconds(61));
    assert_eq!(world.names(0).len(), 10);
}

#[test]
fn a_counter_that_begins_again_in_the_second_folder_makes_no_second_sequence() {
    let mut world = World::new(rules());
    for (folder, numbers) in [(99, 1..=9), (100, 1..=4), (101, 5..=6)] {
        for number in numbers {
            world.write(&format!("{folder}MEDIA/IMG_{number:04}.JPG"), WHOLE);
            let names = [format!("{folder}MEDIA/IMG_{number:04}.JPG")];
            let files = names.iter().map(|name| (name.as_str().into(), world.files[&BString::from(name.as_str())]));
            let listing =
                Listing { files: files.collect(), within: format!("{folder}MEDIA/").into(), ..Listing::default() };
            world.apply(Event::Listed { dir: Arc::clone(&world.dir), listing });
            world.pass(seconds(1));
        }
    }
    assert_eq!(world.open_count(), [15]);
    world.pass(seconds(61));
    let names = world.names(0);
    assert_eq!(
        (names.len(), names[0].as_str(), names[14].as_str()),
        (15, "99MEDIA/IMG_0001.JPG", "101MEDIA/IMG_0006.JPG")
    );
}

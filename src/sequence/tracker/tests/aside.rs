//! Images that are in no sequence: what is told of them, and what they stay.

use super::*;

/// Names of frames with a random seed each.
fn seeds(count: u64) -> impl Iterator<Item = String> {
    (1..=count).map(|number| format!("{number:05}-{}.png", number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 34))
}

impl World {
    fn listed_one_by_one(&mut self, names: impl IntoIterator<Item = String>) {
        for name in names {
            self.write(&name, WHOLE);
            self.list_only(&[&name]);
        }
    }
}

#[test]
fn names_that_come_one_by_one_and_are_left_alone_are_told_of_once() {
    let mut world = World::new(rules());
    world.listed_one_by_one(seeds(7));
    assert!(world.notes.is_empty(), "the next name may change it: {:?}", world.notes);
    world.listed_one_by_one(seeds(40).skip(7));
    assert_eq!(world.notes.len(), 1, "{:?}", world.notes);
    assert!(world.notes[0].starts_with("8: ") && world.notes[0].contains("not together"), "{:?}", world.notes);
    world.list();
    assert_eq!(world.notes.len(), 1, "{:?}", world.notes);
}

fn previews(numbers: impl IntoIterator<Item = i64>) -> Vec<String> {
    numbers.into_iter().map(|number| format!("shot.{number:04}.jpg")).collect()
}

fn with_exr() -> World {
    let mut world = World::new(rules());
    for number in 1..=10 {
        world.write(&format!("shot.{number:04}.exr"), WHOLE);
    }
    world
}

#[test]
fn previews_that_come_after_the_batch_are_kept_too() {
    let mut world = with_exr();
    world.list();
    world.pass(seconds(61));
    assert!(world.last().previews.is_empty());
    world.listed_one_by_one(previews(1..=10));
    assert_eq!(world.previews, previews(1..=10));
    world.list();
    assert_eq!(world.previews.len(), 10, "each is told of once");
    world.files.retain(|name, _| name.ends_with(b".jpg"));
    world.list();
    world.pass(seconds(10_000));
    assert_eq!(world.batches.len(), 1, "they are no film");
}

#[test]
fn previews_that_came_while_nobody_watched_are_kept_too() {
    let mut world = with_exr();
    let files = world.files.values().copied().collect();
    world.apply(Event::Claimed { dir: Arc::clone(&world.dir), files });
    for name in previews(1..=10) {
        world.write(&name, WHOLE);
    }
    world.list();
    assert_eq!(world.previews, previews(1..=10));
    world.files.retain(|name, _| name.ends_with(b".jpg"));
    world.list();
    world.pass(seconds(10_000));
    assert!(world.batches.is_empty(), "they are no film");
}

#[test]
fn previews_that_come_with_a_batch_are_told_of_with_it_alone() {
    let mut world = with_exr();
    for name in previews(1..=10) {
        world.write(&name, WHOLE);
    }
    world.list();
    world.pass(seconds(61));
    world.list();
    assert_eq!((world.last().previews.len(), world.previews.len()), (10, 0));
}

#[test]
fn a_client_gets_no_video_of_frames_of_two_runs_mixed() {
    let mut world = World::new(rules());
    for (run, number) in (0..2).flat_map(|run| (1..=20).map(move |number| (run, number))) {
        let seed = (run * 20_u64 + number).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 34;
        world.listed_one_by_one([format!("{number:05}-{seed}.png")]);
    }
    world.apply(Event::Done(Arc::clone(&world.dir)));
    world.list();
    world.apply(Event::Done(Arc::clone(&world.dir)));
    assert_eq!(world.numbers(), Vec::<Vec<i64>>::new());
}

/// A new name must not cost more the more there are.
#[test]
fn twenty_thousand_random_numbers_are_no_work() {
    let mut world = World::new(rules());
    let begun = std::time::Instant::now();
    for at in 1..=20_000_u64 {
        let name = format!("{}.png", at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24);
        let file = (BString::from(name), Identity { dev: 1, ino: at, size: WHOLE, mtime_ns: 0 });
        let listing = Listing { complete: false, files: vec![file], ..Listing::default() };
        world.tracker.apply(Event::Listed { dir: Arc::clone(&world.dir), listing }, world.now);
    }
    // Half a second; it took minutes when each looked at all of them.
    assert!(begun.elapsed() < seconds(60), "{:?}", begun.elapsed());
}

#[test]
fn twenty_thousand_names_of_a_shape_each_are_no_work() {
    let mut world = World::new(rules());
    for at in 1..=20_000_u64 {
        let letters: String = format!("{at:05}").bytes().map(|digit| char::from(b'a' + (digit - b'0'))).collect();
        world.write(&format!("{letters}.png"), WHOLE);
    }
    let begun = std::time::Instant::now();
    world.list();
    world.list();
    assert!(begun.elapsed() < seconds(60), "{:?}", begun.elapsed());
}

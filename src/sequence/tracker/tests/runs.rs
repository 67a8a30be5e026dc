//! Files that are written over while their sequence is open.

use super::*;

impl World {
    /// Writes whole frames one by one, a second each, as a saver that renames does.
    fn written(&mut self, numbers: impl IntoIterator<Item = i64>) {
        for number in numbers {
            self.pass(seconds(1));
            self.frames([number]);
            self.list_only(&[&format!("shot.{number:04}.png")]);
        }
    }

    /// The same into the files that are there, with this many bytes.
    fn in_place(&mut self, numbers: impl IntoIterator<Item = i64>, size: u64) {
        for number in numbers {
            self.pass(seconds(1));
            let name = format!("shot.{number:04}.png");
            let ino = self.files.get(&BString::from(&*name)).map(|identity| identity.ino);
            self.write(&name, size);
            if let (Some(ino), Some(identity)) = (ino, self.files.get_mut(&BString::from(&*name))) {
                identity.ino = ino;
            }
            self.list_only(&[&name]);
        }
    }

    /// Each batch: its numbers, and those that were written over.
    fn runs(&self) -> Vec<(Vec<i64>, String)> {
        self.numbers().into_iter().zip(self.batches.iter().map(|batch| batch.rewritten.to_string())).collect()
    }
}

fn all(numbers: std::ops::RangeInclusive<i64>) -> Vec<i64> {
    numbers.collect()
}

#[test]
fn a_run_that_begins_again_is_a_batch_of_its_own() {
    for size in [None, Some(WHOLE - 1), Some(WHOLE), Some(WHOLE + 1)] {
        let mut world = World::new(rules());
        world.written(1..=100);
        match size {
            None => world.written(1..=40),
            Some(size) => world.in_place(1..=40, size),
        }
        world.pass(seconds(60));
        assert_eq!(world.runs(), [(all(41..=100), "1-40".to_owned()), (all(1..=40), "1-40".to_owned())], "{size:?}");
        assert_eq!(world.notes, ["frame 1 was written over while its sequence is open"]);
        world.pass(seconds(100_000));
        assert_eq!(world.batches.len(), 2);
    }
}

#[test]
fn a_few_frames_that_are_written_over_stay_where_they_are() {
    let mut world = World::new(rules());
    world.written((1..=20).chain([1, 8, 9]));
    world.pass(seconds(60));
    assert_eq!(world.runs(), [(all(1..=20), "1, 8-9".to_owned())]);
}

#[test]
fn a_run_that_is_written_over_while_it_goes_on_stays_together() {
    let mut world = World::new(rules());
    world.written((1..=30).chain([1, 31, 2, 32, 3, 33, 4, 34, 5, 35, 6, 36]));
    world.pass(seconds(60));
    assert_eq!(world.runs(), [(all(1..=36), "1-6".to_owned())]);
}

#[test]
fn nothing_is_mixed_where_every_frame_is_of_the_second_run() {
    let mut world = World::new(rules());
    world.written((1..=20).chain(1..=30));
    world.pass(seconds(60));
    assert_eq!(world.runs(), [(all(1..=30), String::new())]);
    // Taken frames that are written again are a take of their own, and were not open.
    world.written(1..=10);
    world.pass(seconds(60));
    assert_eq!(world.runs()[1], (all(1..=10), String::new()));
}

#[test]
fn a_frame_that_was_made_to_try_it_is_no_other_run() {
    // One frame and several, which the render writes again when it comes to them.
    for tried in [&[12][..], &[12, 20], &[20, 12], &[1, 15, 30]] {
        for size in [None, Some(WHOLE - 1), Some(WHOLE + 1)] {
            let mut world = World::new(rules());
            world.written(tried.iter().copied());
            match size {
                None => world.written(1..=30),
                Some(size) => world.in_place(1..=30, size),
            }
            world.pass(seconds(60));
            assert_eq!(world.runs(), [(all(1..=30), String::new())], "{tried:?} {size:?}");
            assert!(tried.len() > 1 || world.notes.is_empty(), "{:?}", world.notes);
        }
    }
}

#[test]
fn a_frame_that_is_written_again_out_of_its_turn_is_another_run() {
    // The last one of a machine that counts down, and of machines that deliver as they can.
    for mut numbers in [(1..=20).rev().collect::<Vec<_>>(), vec![9, 2, 1, 4, 3, 8, 5, 7, 6]] {
        let again = numbers[0];
        numbers.push(again);
        let mut world = World::new(rules());
        world.written(numbers);
        world.pass(seconds(60));
        assert_eq!(world.runs()[0].1, again.to_string());
    }
    // A render that is broken off before it comes to the other one that was tried.
    let mut world = World::new(rules());
    world.written([12, 20].into_iter().chain(1..=15));
    world.pass(seconds(60));
    assert_eq!(world.runs(), [([all(1..=15), vec![20]].concat(), "12".to_owned())]);
}

#[test]
fn placeholders_and_pieces_are_not_written_over() {
    let mut world = World::new(rules());
    for number in 1..=12 {
        world.write(&format!("shot.{number:04}.png"), EMPTY);
    }
    world.list();
    world.in_place(1..=6, WHOLE);
    // Two machines write large files in pieces.
    for (size, other) in [(100, 9), (200, 10), (300, 11), (WHOLE, 12)] {
        world.in_place([7, 8], size);
        world.in_place([other], WHOLE);
    }
    // The first piece of a file was seen long before the last one, but it took no longer than others.
    world.write("shot.0040.png", 100);
    world.list();
    world.in_place([40], WHOLE - 1);
    world.frames(13..=39);
    world.list();
    world.pass(seconds(60));
    assert_eq!(world.runs(), [(all(1..=40), String::new())]);
    assert!(world.notes.is_empty(), "{:?}", world.notes);
}

#[test]
fn a_folder_that_was_emptied_is_not_written_over() {
    let mut world = World::new(rules());
    world.written(1..=20);
    world.files.clear();
    world.list();
    world.written(1..=12);
    world.pass(seconds(60));
    assert_eq!(world.runs(), [(all(1..=12), String::new())]);
}

#[test]
fn an_extended_sequence_takes_its_frames_again() {
    let mut world = World::new(Rules { continuation: Continuation::Extend, ..rules() });
    world.written(1..=60);
    world.pass(seconds(60));
    world.written(48..=99);
    world.pass(seconds(60));
    assert_eq!(world.runs()[1], (all(1..=99), String::new()));
}

#[test]
fn by_order_of_time_a_wrap_has_no_gap() {
    let mut world = World::new(Rules { order: FrameOrder::Time, missing_frames: MissingFrames::Wait, ..rules() });
    world.written([9998, 9999, 1, 2]);
    world.pass(seconds(60));
    let batch = world.last();
    let names: Vec<String> = batch.frames.iter().map(|frame| frame.file_name(&batch.pattern).to_string()).collect();
    assert_eq!(names, ["shot.9998.png", "shot.9999.png", "shot.0001.png", "shot.0002.png"]);
    assert_eq!(world.numbers(), [[1, 2, 3, 4]]);
    assert!(batch.missing.is_empty());
    world.pass(seconds(100_000));
    assert_eq!(world.batches.len(), 1, "its frames are taken");
}

#[test]
fn a_counter_that_came_round_goes_on_after_its_highest_number() {
    let mut world = World::new(rules());
    world.written([9998, 9999, 1, 2]);
    world.pass(seconds(60));
    assert_eq!(world.numbers(), [[9998, 9999, 10_000, 10_001]]);
    assert_eq!(crate::sequence::order::judge(&world.last().pattern, &world.last().frames), None);
    let names = world.last().frames.iter().map(|frame| frame.file_name(&world.last().pattern).to_string());
    assert_eq!(names.collect::<Vec<_>>(), ["shot.9998.png", "shot.9999.png", "shot.0001.png", "shot.0002.png"]);
}

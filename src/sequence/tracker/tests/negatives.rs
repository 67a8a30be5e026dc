//! Numbers below zero, and others that are read anew: what was concluded from the first reading must not last.

use proptest::prelude::*;

use super::*;
use crate::sequence::group::group;
use crate::sequence::group::tests::shuffled;
use crate::sequence::origin::Stamps;
use crate::sequence::tracker::folder::Folder;

/// What may stand before the number. Behind a dash, only the names of the other frames tell a sign from a second dash.
const PREFIXES: [&str; 10] =
    ["render", "render-", "render--", "render_", "render_-", "render.", "render.-", "shot 1-", "", "-"];

fn blender(prefix: &str, number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{prefix}{sign}{:04}.png", number.abs())
}

fn stamps(frame: i64) -> Origin {
    let (file, scene) = (b"/x/a.blend".to_vec(), b"Scene".to_vec());
    Origin::of(&Embedded::Stamps(Stamps { file, scene, frame: Some(frame), range: None, time: None }))
}

impl World {
    /// Writes a frame, tells what is embedded in all of them, and lets a second pass.
    fn rendered(&mut self, name: &str, stamp: Option<i64>) {
        self.shown(name, stamp);
        for event in self.heads() {
            self.apply(event);
        }
        self.pass(seconds(1));
    }

    /// Writes a frame.
    fn shown(&mut self, name: &str, stamp: Option<i64>) {
        self.write(name, WHOLE);
        self.origins.extend(stamp.map(|frame| (BString::from(name), stamps(frame))));
        self.list_only(&[name]);
    }

    /// What live encoding tells when it has looked at all files.
    fn heads(&self) -> Vec<Event> {
        let sequences = self.tracker.folders.values().flat_map(Folder::sequences);
        let mut patterns: Vec<Pattern> = sequences.map(|sequence| sequence.pattern.clone()).collect();
        patterns.sort_unstable();
        assert!(patterns.is_sorted_by(|a, b| a < b), "two sequences of one pattern: {patterns:?}");
        let event = |pattern: Pattern| {
            let growing = self.tracker.growing(&self.dir, &pattern)?;
            let origin = |frame: &Frame| self.origins.get(&frame.file_name(&pattern)).copied().unwrap_or_default();
            let heads = growing.frames_from(i64::MIN).map(|frame| (frame.clone(), origin(&frame))).collect();
            Some(Event::Heads { dir: Arc::clone(&self.dir), pattern, heads })
        };
        patterns.into_iter().filter_map(event).collect()
    }
}

/// Frames that come in this order are one film of all of them, for the tracker and for who groups all names at once.
fn check_one_film(prefix: &str, numbers: &[i64], stamped: bool) {
    let about = format!("{prefix} {numbers:?} stamped: {stamped}");
    let mut world = World::new(Rules { min_frames: 2, ..rules() });
    for number in numbers {
        world.rendered(&blender(prefix, *number), stamped.then_some(*number));
    }
    world.pass(seconds(61));
    let mut all = numbers.to_vec();
    all.sort_unstable();
    assert_eq!(world.numbers(), [all.clone()], "{about}");
    assert!(world.last().missing.is_empty(), "{about}");
    assert_eq!(world.notes, Vec::<String>::new(), "{about}");
    let (names, times): (Vec<_>, Vec<_>) = world.files.iter().map(|(name, file)| (name, file.mtime_ns)).unzip();
    let grouping = group(&names, Some(&times), &NameRule::Auto);
    let films: Vec<Vec<i64>> =
        grouping.films.iter().map(|film| film.members.iter().map(|(number, _)| *number).collect()).collect();
    assert_eq!(films, [all], "{about}");
}

#[test]
fn a_range_from_below_zero_is_one_film_from_any_side() {
    for prefix in PREFIXES {
        for (low, high) in [(-5, 8), (-4, 8), (-3, 3), (-1, 2)] {
            for stamped in [false, true] {
                let up: Vec<i64> = (low..=high).collect();
                let down: Vec<i64> = up.iter().rev().copied().collect();
                check_one_film(prefix, &up, stamped);
                check_one_film(prefix, &down, stamped);
                // Two machines, each with a half of the range.
                let (lower, upper) = up.split_at(up.len() / 2);
                let both = lower.iter().zip(upper).flat_map(|(one, other)| [*one, *other]);
                let rest = upper[lower.len()..].iter().copied();
                check_one_film(prefix, &both.chain(rest).collect::<Vec<_>>(), stamped);
            }
        }
    }
}

proptest! {
    #[test]
    fn a_range_from_below_zero_is_one_film_in_any_order(
        prefix in prop::sample::select(&PREFIXES[..]), low in -9i64..0, high in 0i64..9, seed in any::<u64>(),
    ) {
        check_one_film(prefix, &shuffled(&(low..=high).collect::<Vec<_>>(), seed), true);
    }
}

#[test]
fn frames_that_were_left_alone_by_their_first_numbers_are_in_the_film() {
    for prefix in ["render", "render-"] {
        let mut world = World::new(Rules { min_frames: 2, ..rules() });
        for number in -5..=-4 {
            world.rendered(&blender(prefix, number), Some(number));
        }
        world.pass(seconds(61));
        assert_eq!(world.tracker.snapshot(world.now)[0].aside, 1, "4 seems to come before 5, of another run");
        for number in -3..=8 {
            world.rendered(&blender(prefix, number), Some(number));
        }
        world.pass(seconds(61));
        assert_eq!(world.numbers(), [(-5..=8).collect::<Vec<_>>()], "{prefix}");
    }
}

#[test]
fn a_frame_that_was_left_alone_before_its_counter_came_round_is_in_the_film() {
    let mut world = World::new(Rules { min_frames: 2, ..rules() });
    for (frame, number) in (9998..).zip([9998, 9999, 1, 2, 3]) {
        world.rendered(&format!("shot.{number:04}.png"), Some(frame));
    }
    world.pass(seconds(61));
    assert_eq!(world.numbers(), [(9998..=10_002).collect::<Vec<_>>()]);
}

#[test]
fn an_answer_about_numbers_that_are_others_now_makes_no_batch() {
    let mut world = World::new(Rules { min_frames: 1, ..rules() });
    for (frame, number) in (9998..).zip([9998, 9999]) {
        world.rendered(&format!("shot.{number:05}.png"), Some(frame));
    }
    // By its number it is the first frame.
    world.shown("shot.00001.png", Some(10_000));
    let asked = world.tracker.apply(Event::Done(Arc::clone(&world.dir)), world.now);
    let [Decision::Inspect { dir, pattern, frames, weigh }] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(frames.iter().map(|frame| frame.number).collect::<Vec<_>>(), [1, 9998, 9999]);
    let result = world.result(pattern, frames, *weigh);
    // While it is looked at, two more tell that the counter came round.
    for (frame, number) in (10_001..).zip([2, 3]) {
        world.rendered(&format!("shot.{number:05}.png"), Some(frame));
    }
    world.apply(Event::Inspected { dir: Arc::clone(dir), pattern: pattern.clone(), result });
    world.pass(seconds(61));
    assert_eq!(world.numbers(), [(9998..=10_002).collect::<Vec<_>>()]);
}

#[test]
fn a_run_that_another_batch_has_leaves_no_end_of_it_behind() {
    let mut world = World::new(Rules { min_frames: 1, ..rules() });
    let name = |number: i64| format!("shot.{number:04}.png");
    for number in 1..=4 {
        world.rendered(&name(number), Some(number));
    }
    world.shown(&name(5), Some(1));
    let heads = world.heads().remove(0);
    let asked = world.tracker.apply(heads, world.now);
    let [Decision::Inspect { dir, pattern, frames, weigh }] = &asked[..] else { panic!("{asked:?}") };
    let result = world.result(pattern, frames, *weigh);
    let files = frames.iter().map(|frame| frame.identity).collect();
    world.apply(Event::Claimed { dir: Arc::clone(dir), files });
    world.apply(Event::Inspected { dir: Arc::clone(dir), pattern: pattern.clone(), result });
    world.pass(seconds(61));
    assert_eq!(world.numbers(), [[5]]);
}

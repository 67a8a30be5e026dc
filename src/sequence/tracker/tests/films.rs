//! What ends without a word is made only if it is a film; runs are kept apart.

use super::*;
use crate::sequence::finish::Stills;

fn text(words: &str) -> Origin {
    let text = words.as_bytes().to_vec();
    Origin::of(&Embedded::Text { text, cut: false })
}

impl World {
    /// Writes whole frames, one a second, each with this text, as the listings of a watched folder show them.
    fn generate(&mut self, numbers: impl IntoIterator<Item = i64>, words: &str) {
        for number in numbers {
            let name = format!("shot.{number:04}.png");
            self.write(&name, WHOLE);
            if !words.is_empty() {
                self.origins.insert(name.as_str().into(), text(words));
            }
            self.list_only(&[&name]);
            self.pass(seconds(1));
        }
    }

    /// The same for one file that is there already, written into or put in its place.
    fn generate_over(&mut self, number: i64, words: &str, in_place: bool) {
        let name = format!("shot.{number:04}.png");
        let before = self.files.get(&BString::from(&*name)).copied();
        self.write(&name, WHOLE);
        if let (Some(before), Some(identity), true) = (before, self.files.get_mut(&BString::from(&*name)), in_place) {
            identity.ino = before.ino;
        }
        self.origins.insert(name.as_str().into(), text(words));
        self.list_only(&[&name]);
        self.pass(seconds(1));
    }

    /// Tells what is embedded, as live encoding does when it has looked at the files.
    fn tell_heads(&mut self) {
        let pattern = Pattern::new("shot.", ".png", crate::sequence::Padding::Width(4));
        let Some(growing) = self.tracker.growing(&self.dir, &pattern) else { return };
        let head = |frame: Frame| {
            let origin = self.origins.get(&frame.file_name(&pattern)).copied().unwrap_or_default();
            (frame, origin)
        };
        let heads = growing.frames_from(i64::MIN).map(head).collect();
        self.apply(Event::Heads { dir: Arc::clone(&self.dir), pattern, heads });
    }
}

#[test]
fn stills_are_left_alone_and_told_of_once() {
    let mut world = World::new(rules());
    world.looks = film::FilmVerdict::Stills;
    world.frames(1..=10);
    world.list();
    world.pass(seconds(61));
    world.list();
    world.pass(seconds(10_000));
    assert_eq!((world.batches.len(), world.notes.len()), (0, 1), "{:?}", world.notes);
    let open = &world.tracker.snapshot(world.now)[0];
    assert_eq!(open.state, Stage::Stills);
    assert!(open.why.is_some());
    assert_eq!(world.tracker.next_deadline(), None);

    // More of them are looked at as a whole.
    world.looks = film::FilmVerdict::Film;
    world.frames(11..=12);
    world.list();
    world.pass(seconds(61));
    assert_eq!(world.numbers(), [(1..=12).collect::<Vec<_>>()]);
}

#[test]
fn frames_of_several_sizes_are_a_film_each_whoever_ends_them() {
    for ends in ["silence", "marker", "client"] {
        for (size_of, films) in [
            (
                (|number| if number <= 24 { (512, 512) } else { (1024, 1024) }) as fn(i64) -> Size,
                [(1..=24).collect::<Vec<i64>>(), (25..=48).collect()],
            ),
            (
                |number| if number % 2 == 1 { (512, 512) } else { (1024, 1024) },
                [(1..=48).step_by(2).collect(), (2..=48).step_by(2).collect()],
            ),
        ] {
            let mut world = World::new(rules());
            world.size_of = size_of;
            world.frames(1..=48);
            world.list();
            match ends {
                "marker" => drop(world.write(".done", 0)),
                "client" => world.apply(Event::Done(Arc::clone(&world.dir))),
                _ => {}
            }
            world.list();
            world.pass(seconds(61));
            assert_eq!(world.numbers(), films, "{ends}");
            assert!(world.batches.iter().all(|batch| batch.missing.is_empty()), "{ends}");
            assert!(world.tracker.snapshot(world.now).is_empty(), "{ends}");
        }
    }
}

#[test]
fn stills_of_several_sizes_are_left_alone_together() {
    let mut world = World::new(rules());
    world.size_of = |number| if number % 2 == 1 { (512, 512) } else { (1024, 1024) };
    world.looks = film::FilmVerdict::Stills;
    world.frames(1..=20);
    world.list();
    world.pass(seconds(61));
    world.looks = film::FilmVerdict::Film;
    world.frames(21..=40);
    world.list();
    world.pass(seconds(61));
    let each: [Vec<i64>; 2] = [(1..=40).step_by(2).collect(), (2..=40).step_by(2).collect()];
    assert_eq!(world.numbers(), each, "more of them are looked at as a whole");
}

#[test]
fn a_word_a_marker_or_a_setting_makes_a_video_of_stills() {
    for how in ["client", "marker", "setting", "hold"] {
        let stills = if how == "setting" { Stills::Encode } else { Stills::Skip };
        let missing_frames = if how == "hold" { MissingFrames::Hold } else { MissingFrames::Skip };
        let mut world = World::new(Rules { missing_frames, stills, ..rules() });
        world.looks = film::FilmVerdict::Stills;
        world.frames(1..=10);
        world.list();
        world.pass(seconds(61));
        match how {
            "client" => world.apply(Event::Done(Arc::clone(&world.dir))),
            "marker" => {
                world.write(".done", EMPTY);
                world.list();
            }
            _ => {}
        }
        assert_eq!(world.numbers(), [(1..=10).collect::<Vec<_>>()], "{how}");
        let surely_film = world.last().taken_for.as_ref().map(|taken_for| taken_for.surely_film);
        assert_eq!(surely_film, matches!(how, "setting" | "hold").then_some(false), "{how}");
    }
}

#[test]
fn a_doubt_makes_a_video_and_goes_with_it() {
    let mut world = World::new(rules());
    world.looks = film::FilmVerdict::Unsure;
    world.frames(1..=10);
    world.list();
    world.pass(seconds(61));
    assert!(!world.last().taken_for.as_ref().unwrap().surely_film);
}

#[test]
fn runs_of_two_prompts_are_two_films() {
    for live in [false, true] {
        let mut world = World::new(rules());
        world.generate(1..=16, "a cat");
        world.generate(17..=20, "a dog");
        if live {
            world.tell_heads();
            assert_eq!(world.numbers(), [(1..=16).collect::<Vec<_>>()], "the next run began");
            assert_eq!(world.last().reason, FinishReason::NextRun);
        }
        world.generate(21..=32, "a dog");
        world.pass(seconds(61));
        assert_eq!(world.numbers(), [(1..=16).collect::<Vec<_>>(), (17..=32).collect()], "live: {live}");
    }
}

#[test]
fn a_run_over_an_unfinished_one_of_another_prompt_is_one_film() {
    for in_place in [true, false] {
        // So many frames of the first run are written over.
        for over in [24, 30, 16] {
            let mut world = World::new(Rules { min_frames: 2, ..rules() });
            world.generate(1..=24, "a cat");
            world.tell_heads();
            for number in 1..=over {
                world.generate_over(number, "a dog", in_place);
                world.tell_heads();
                assert!(world.batches.is_empty(), "{number} of {over}: {:?}", world.numbers());
            }
            world.pass(seconds(61));
            let rest = (over + 1..=24).collect::<Vec<_>>();
            let films: Vec<Vec<i64>> =
                [(1..=over).collect(), rest].into_iter().filter(|film| !film.is_empty()).collect();
            assert_eq!(world.numbers(), films, "in place: {in_place}");
            let is_mixed = |batch: &Batch| !batch.rewritten.is_empty();
            assert!(world.batches.iter().all(|batch| is_mixed(batch) == (over < 24)), "what is left keeps all frames");
            world.pass(seconds(100_000));
            assert_eq!(world.batches.len(), films.len());
        }
    }
}

#[test]
fn a_third_run_over_the_second_cuts_nothing_either() {
    let mut world = World::new(Rules { min_frames: 2, ..rules() });
    world.generate(1..=24, "a cat");
    for number in 1..=24 {
        world.generate_over(number, "a dog", true);
        world.tell_heads();
    }
    for number in 1..=12 {
        world.generate_over(number, "a house", true);
        world.tell_heads();
        assert!(world.batches.is_empty(), "{number}: {:?}", world.numbers());
    }
    world.pass(seconds(61));
    assert_eq!(world.numbers(), [(1..=12).collect::<Vec<_>>(), (13..=24).collect()]);
    assert!(world.batches.iter().all(|batch| !batch.rewritten.is_empty()), "what is left keeps all frames");
}

#[test]
fn the_next_run_is_seen_where_both_are_written_over() {
    let mut world = World::new(Rules { min_frames: 2, ..rules() });
    world.generate(1..=24, "a cat");
    for number in 1..=24 {
        world.generate_over(number, if number <= 12 { "a dog" } else { "a house" }, true);
        world.tell_heads();
    }
    assert_eq!(world.numbers(), [(1..=12).collect::<Vec<_>>()], "at once");
    world.pass(seconds(61));
    assert_eq!(world.numbers()[1..], [(13..=24).collect::<Vec<_>>()]);
}

#[test]
fn a_leftover_is_not_put_in_front_of_the_next_run() {
    for live in [false, true] {
        let mut world = World::new(Rules { min_frames: 2, ..rules() });
        world.generate([1], "a house");
        world.pass(seconds(40));
        world.generate(2..=17, "a cat");
        if live {
            world.tell_heads();
        }
        world.pass(seconds(61));
        assert_eq!(world.numbers(), [(2..=17).collect::<Vec<_>>()], "live: {live}");
        let told = &world.tracker.snapshot(world.now)[0];
        assert!(told.aside == 1 && told.why.as_ref().is_some_and(|why| why.contains("another run")), "{told:?}");
        world.list();
        world.pass(seconds(10_000));
        assert_eq!(world.batches.len(), 1, "live: {live}");
    }
}

#[test]
fn a_batch_tells_which_images_are_previews_of_its_frames() {
    let mut world = World::new(rules());
    for number in 1..=10 {
        world.write(&format!("shot.{number:04}.exr"), WHOLE);
        world.write(&format!("shot.{number:04}.jpg"), WHOLE);
    }
    world.write("shot.0011.jpg", WHOLE);
    world.list();
    world.pass(seconds(61));
    let previews: Vec<_> = world.last().previews.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(previews, (1..=10).map(|number| format!("shot.{number:04}.jpg")).collect::<Vec<_>>());
}

#[test]
fn stills_before_a_film_are_left_alone_after_it_too() {
    let mut world = World::new(Rules { min_frames: 2, ..rules() });
    world.looks = film::FilmVerdict::Stills;
    world.frames(1..=12);
    world.list();
    world.pass(seconds(72));
    assert_eq!(world.batches.len(), 0);
    world.looks = film::FilmVerdict::Film;
    for number in 13..=42 {
        world.frames([number]);
        world.list();
        world.pass(seconds(1));
    }
    world.pass(seconds(61));
    assert_eq!(world.numbers(), [(13..=42).collect::<Vec<_>>()]);
    assert_eq!(world.weighed, (13..=42).collect::<Vec<_>>(), "the verdict on the film is none on the stills");
    world.list();
    world.pass(seconds(10_000));
    assert_eq!(world.batches.len(), 1, "the stills stay");
}

#[test]
fn a_pause_within_the_run_after_a_leftover_cuts_nothing_off() {
    let mut world = World::new(Rules { min_frames: 2, idle_timeout: IdleTimeout::After(seconds(200)), ..rules() });
    world.generate([1], "a house");
    world.generate(2..=8, "a cat");
    world.tell_heads();
    assert!(world.notes.iter().any(|note| note.contains("finished with 1 frame,")), "{:?}", world.notes);
    world.pass(seconds(70));
    world.generate(9..=17, "a cat");
    world.pass(seconds(201));
    assert_eq!(world.numbers(), [(2..=17).collect::<Vec<_>>()]);
}

#[test]
fn a_long_rest_keeps_a_leftover_away_from_a_quicker_run_without_texts() {
    let mut world = World::new(Rules { min_frames: 3, idle_timeout: IdleTimeout::Auto, ..rules() });
    let one = |world: &mut World, number: i64, pause: u64| {
        world.frames([number]);
        world.list_only(&[&format!("shot.{number:04}.png")]);
        world.pass(seconds(pause));
    };
    one(&mut world, 1, 2);
    one(&mut world, 2, 3600);
    for number in 3..=20 {
        one(&mut world, number, 2);
    }
    world.pass(seconds(29));
    assert_eq!(world.numbers(), [(3..=20).collect::<Vec<_>>()], "nor does the rest make the end late");
    assert_eq!(world.weighed, (3..=20).collect::<Vec<_>>());
}

#[test]
fn a_slow_camera_is_one_film_from_its_first_frame_on() {
    let mut world = World::new(Rules { min_frames: 3, idle_timeout: IdleTimeout::Auto, ..rules() });
    for number in 1..=12 {
        world.frames([number]);
        world.list_only(&[&format!("shot.{number:04}.png")]);
        world.pass(seconds(300));
    }
    world.pass(seconds(3000));
    assert_eq!(world.numbers(), [(1..=12).collect::<Vec<_>>()]);
}

#[test]
fn the_pause_before_a_film_does_not_make_its_end_late() {
    for stills in [1, 3] {
        for (pause, has_texts) in [(25, true), (25, false), (600, true), (600, false)] {
            let mut world = World::new(Rules { min_frames: 2, idle_timeout: IdleTimeout::Auto, ..rules() });
            for number in 1..=stills {
                let words =
                    if has_texts { ["a house", "a tree", "a dog"][usize::try_from(number - 1).unwrap()] } else { "" };
                world.generate([number], words);
                world.tell_heads();
                world.pass(seconds(pause));
            }
            for number in stills + 1..=stills + 24 {
                world.generate([number], if has_texts { "a cat" } else { "" });
                world.tell_heads();
            }
            world.pass(seconds(32));
            let film = world.numbers().pop().unwrap_or_default();
            assert_eq!(film.last(), Some(&(stills + 24)), "{stills} stills {pause} s apart, texts: {has_texts}");
        }
    }
}

#[test]
fn a_slow_run_after_another_prompt_is_one_film() {
    let mut world = World::new(Rules { min_frames: 3, idle_timeout: IdleTimeout::Auto, ..rules() });
    let slow = |world: &mut World, numbers: std::ops::RangeInclusive<i64>, words: &str| {
        for number in numbers {
            world.generate([number], words);
            world.tell_heads();
            world.pass(seconds(600));
        }
    };
    slow(&mut world, 1..=8, "a cat");
    slow(&mut world, 9..=9, "a house");
    slow(&mut world, 10..=20, "a dog");
    world.pass(seconds(3000));
    assert_eq!(world.numbers(), [(1..=8).collect::<Vec<_>>(), (10..=20).collect()]);
}

#[test]
fn what_was_announced_ends_it_and_keeps_silence_from_ending_it() {
    let graph = |index: i64| {
        format!(
            r#"{{"1":{{"class_type":"Frame Counter (Directory) [Dream]","inputs":{{"total_frames":12,"frames_per_second":12.0,"frame_counter":{index}}}}}}}"#
        )
    };
    let total = Origin::of(&Embedded::Text { text: graph(0).into_bytes(), cut: false }).total();
    assert!(total.is_some(), "the graph states its frames");
    let mut world = World::new(Rules { max_wait: seconds(5000), ..rules() });
    for number in 0..6 {
        world.generate([number], &graph(number));
    }
    world.tell_heads();
    world.pass(seconds(300));
    assert!(world.batches.is_empty(), "a pause after 6 of 12 is no end: {:?}", world.numbers());
    let held = world.tracker.snapshot(world.now)[0].held.clone().expect("it is held");
    assert!(held.why.contains("12"), "{}", held.why);
    for number in 6..12 {
        world.generate([number], &graph(number));
    }
    world.tell_heads();
    assert_eq!(world.numbers(), [(0..12).collect::<Vec<_>>()], "at once");
    assert_eq!(world.last().reason, FinishReason::Announced(12));
}

#[test]
fn what_is_left_of_an_earlier_run_is_not_among_the_announced() {
    let graph = |index: i64, seed: i64| {
        format!(
            r#"{{"1":{{"class_type":"Frame Counter (Directory) [Dream]","inputs":{{"total_frames":12,"frames_per_second":12.0,"frame_counter":{index},"seed":{seed}}}}}}}"#
        )
    };
    let mut world = World::new(rules());
    for number in 0..12 {
        world.generate([number], &graph(number, 1));
    }
    // Only now is anything known of what the files embed.
    for number in 0..12 {
        assert!(world.batches.is_empty(), "before frame {number}: {:?}", world.numbers());
        world.generate_over(number, &graph(number, 2), true);
        world.tell_heads();
    }
    assert_eq!(world.numbers(), [(0..12).collect::<Vec<_>>()]);
    assert_eq!(world.last().reason, FinishReason::Announced(12));
}

#[test]
fn a_marker_speaks_for_frames_of_a_prompt_each_and_not_for_a_leftover() {
    // Each frame has words of its own, as where a story is told prompt by prompt.
    let mut world = World::new(Rules { min_frames: 2, ..rules() });
    for number in 1..=10 {
        world.generate([number], ["a cat", "a dog"][usize::try_from(number % 2).unwrap()]);
        world.tell_heads();
    }
    assert!(world.batches.is_empty());
    world.write(".done", EMPTY);
    world.list();
    assert_eq!(world.numbers(), [(1..=10).collect::<Vec<_>>()]);

    let mut world = World::new(Rules { min_frames: 2, ..rules() });
    for number in 1..=3 {
        world.generate([number], ["a cat", "a dog"][usize::try_from(number % 2).unwrap()]);
        world.tell_heads();
    }
    world.generate(4..=15, "a house");
    world.tell_heads();
    world.write(".done", EMPTY);
    world.list();
    world.pass(seconds(10_000));
    assert_eq!(world.numbers(), [(4..=15).collect::<Vec<_>>()]);
}

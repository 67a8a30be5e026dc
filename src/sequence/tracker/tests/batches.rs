//! One case a rule.

use super::*;

#[test]
fn silence_ends_a_sequence_exactly_when_it_is_due() {
    let mut world = World::new(rules());
    world.frames(1..=3);
    world.list();
    assert_eq!(world.tracker.next_deadline(), Some(world.now + seconds(60)));
    world.pass(seconds(59));
    assert!(world.batches.is_empty());
    world.pass(seconds(1));
    assert_eq!(world.numbers(), [[1, 2, 3]]);
    assert_eq!(world.last().reason, FinishReason::Idle(60_000));
    assert_eq!(world.last().pattern.to_string(), "shot.####.png");
    assert!(world.last().missing.is_empty());
    assert_eq!(world.tracker.next_deadline(), None);
    assert!(world.tracker.snapshot(world.now).is_empty());
}

#[test]
fn silence_counts_from_the_last_change_of_any_member() {
    let mut world = World::new(rules());
    world.frames([1]);
    world.list();
    world.pass(seconds(50));
    world.write("shot.0002.png", EMPTY);
    world.list_only(&["shot.0002.png"]);
    world.pass(seconds(50));
    world.write("shot.0002.png", WHOLE);
    world.list_only(&["shot.0002.png"]);
    world.pass(seconds(59));
    assert!(world.batches.is_empty());
    world.pass(seconds(1));
    assert_eq!(world.numbers(), [[1, 2]]);
}

#[test]
fn automatic_silence_follows_the_pace() {
    let mut world = World::new(Rules { idle_timeout: IdleTimeout::Auto, ..rules() });
    for number in 1..=3 {
        world.frames([number]);
        world.list_only(&[&format!("shot.{number:04}.png")]);
        world.pass(seconds(20));
    }
    world.pass(seconds(59));
    assert!(world.batches.is_empty());
    world.pass(seconds(1));
    assert_eq!(world.numbers(), [[1, 2, 3]]);
}

#[test]
fn frames_that_were_there_before_tell_their_pace() {
    let mut world = World::new(Rules { idle_timeout: IdleTimeout::Auto, ..rules() });
    for number in 1..=5 {
        world.write_at(&format!("shot.{number:04}.png"), WHOLE, seconds(100 * number));
    }
    world.write_at("shot.0005.png", WHOLE, seconds(900_000));
    world.list();
    assert_eq!(world.tracker.next_deadline(), Some(world.now + seconds(400)));
}

#[test]
fn a_marker_ends_at_once_what_is_not_newer_than_itself() {
    let mut world = World::new(rules());
    world.frames(1..=3);
    world.list();
    world.pass(seconds(1));
    world.write(".done", EMPTY);
    world.list();
    assert_eq!(world.numbers(), [[1, 2, 3]]);
    assert_eq!(world.last().reason, FinishReason::Marker(".done".into()));

    // The same marker is stale for the next render.
    world.pass(seconds(1));
    world.frames(4..=6);
    world.list();
    world.pass(seconds(59));
    assert_eq!(world.batches.len(), 1);
    world.pass(seconds(1));
    assert_eq!(world.numbers()[1], [4, 5, 6]);
    assert_eq!(world.last().reason, FinishReason::Idle(60_000));
}

#[test]
fn copies_with_old_times_do_not_end_one_by_one() {
    let mut world = World::new(rules());
    world.write(".done", EMPTY);
    world.list();
    for number in 1..=5 {
        world.pass(seconds(1));
        world.write_at(&format!("shot.{number:04}.png"), WHOLE, seconds(10));
        world.list_only(&[&format!("shot.{number:04}.png")]);
    }
    world.pass(seconds(29));
    assert!(world.batches.is_empty());
    world.pass(seconds(1));
    assert_eq!(world.numbers(), [[1, 2, 3, 4, 5]]);
    assert_eq!(world.last().reason, FinishReason::Marker(".done".into()));
    world.pass(seconds(10_000));
    assert_eq!(world.batches.len(), 1);
}

#[test]
fn a_marker_that_comes_last_ends_frames_of_another_clock() {
    for skew in [5, 3600] {
        let mut world = World::new(Rules { idle_timeout: IdleTimeout::Never, ..rules() });
        world.list();
        for number in 1..=3 {
            world.write_at(&format!("shot.{number:04}.png"), WHOLE, world.now + seconds(skew));
            world.list_only(&[&format!("shot.{number:04}.png")]);
        }
        world.pass(seconds(1));
        world.write(".done", EMPTY);
        world.list_only(&[".done"]);
        assert_eq!(world.numbers(), [[1, 2, 3]], "{skew} s ahead");

        // The marker is stale for the next run, and new again when it is made anew, together with the last frame.
        world.pass(seconds(1));
        world.write_at("shot.0004.png", WHOLE, world.now + seconds(skew));
        world.list_only(&["shot.0004.png"]);
        world.pass(seconds(100_000));
        assert_eq!(world.batches.len(), 1, "{skew} s ahead");
        world.write_at("shot.0005.png", WHOLE, world.now + seconds(skew));
        world.write(".done", EMPTY);
        world.list_only(&["shot.0005.png", ".done"]);
        assert_eq!(world.numbers()[1], [4, 5], "{skew} s ahead");
    }
}

#[test]
fn of_what_was_found_together_the_times_count() {
    for (newer, batches) in [(false, 1), (true, 0)] {
        let mut world = World::new(Rules { idle_timeout: IdleTimeout::Never, ..rules() });
        world.frames(1..=3);
        world.write_at(".done", EMPTY, seconds(if newer { 990 } else { 1000 }));
        world.list();
        assert_eq!(world.batches.len(), batches, "frames newer: {newer}");
        world.pass(seconds(100_000));
        assert_eq!(world.batches.len(), batches, "frames newer: {newer}");
    }
}

#[test]
fn a_marker_above_that_was_found_later_than_its_batch_folder_is_no_newer_for_that() {
    let mut world = World::new(rules());
    let above = Arc::clone(&world.dir);
    let dir: Arc<Path> = Arc::from(above.join("batch_0000"));
    world.tracker.open(Arc::clone(&dir), Arc::new(rules()), Arc::new(NameRule::Auto));
    world.frames(1..=3);
    let stale = Identity { mtime_ns: 0, ..*world.files.first_key_value().unwrap().1 };
    // The folders below are read before those above them.
    let below = std::mem::replace(&mut world.dir, dir);
    world.list();
    let listing = Listing { complete: true, files: vec![(".done".into(), stale)], ..Listing::default() };
    world.apply(Event::Listed { dir: below, listing });
    assert!(world.batches.is_empty(), "the frames are of a run after the marker's");
    world.pass(seconds(60));
    assert_eq!(world.last().reason, FinishReason::Idle(60_000));
}

#[test]
fn a_named_marker_speaks_for_its_sequence_only() {
    let mut world = World::new(rules());
    world.frames(1..=2);
    world.write("other_1.png", WHOLE);
    world.write("other_2.png", WHOLE);
    world.write("shot.done", EMPTY);
    world.list();
    assert_eq!(world.numbers(), [[1, 2]]);
    assert_eq!(world.last().pattern.to_string(), "shot.####.png");
}

#[test]
fn a_bare_marker_and_a_client_speak_for_batch_folders_too() {
    for by_client in [false, true] {
        let mut world = World::new(rules());
        let above = Arc::clone(&world.dir);
        let open = |world: &mut World, name: &str| {
            let dir: Arc<Path> = Arc::from(above.join(name));
            world.tracker.open(Arc::clone(&dir), Arc::new(rules()), Arc::new(NameRule::Auto));
            world.dir = dir;
            world.files.clear();
            world.write("frame_00001.png", WHOLE);
            world.write("frame_00002.png", WHOLE);
            world.list();
        };
        open(&mut world, "other");
        open(&mut world, "batch_0000");
        world.pass(seconds(1));
        if by_client {
            world.apply(Event::Done(Arc::clone(&above)));
        } else {
            let inode = Identity { mtime_ns: i64::MAX, ..*world.files.first_key_value().unwrap().1 };
            let listing = Listing { complete: true, files: vec![(".done".into(), inode)], ..Listing::default() };
            world.apply(Event::Listed { dir: Arc::clone(&above), listing });
        }
        let dirs: Vec<_> = world.batches.iter().map(|batch| batch.dir.file_name().unwrap()).collect();
        assert_eq!(dirs, ["batch_0000"], "by client: {by_client}");
    }
}

#[test]
fn a_constant_step_has_no_gaps() {
    let every_tenth = || (1..=91).step_by(10);
    let mut world = World::new(Rules { last_frame: Some(100), ..rules() });
    world.frames(every_tenth().take(9));
    world.list();
    assert!(world.batches.is_empty());
    world.frames([91]);
    world.list();
    assert_eq!(world.numbers(), [every_tenth().collect::<Vec<_>>()]);
    assert!(world.batches[0].missing.is_empty());

    let mut world = World::new(Rules { missing_frames: MissingFrames::Wait, ..rules() });
    world.frames([1, 3, 5, 7, 11, 13, 15, 17, 19]);
    world.list();
    world.pass(seconds(61));
    assert!(world.batches.is_empty(), "9 is waited for");
    world.frames([9]);
    world.list();
    world.pass(seconds(61));
    assert_eq!(world.numbers(), [(1..=19).step_by(2).collect::<Vec<_>>()]);
}

#[test]
fn a_number_ends_a_sequence_only_without_a_gap() {
    let mut world = World::new(Rules { last_frame: Some(5), ..rules() });
    world.frames([1, 2, 3, 5]);
    world.list();
    assert!(world.batches.is_empty());
    world.frames([4, 6]);
    world.list();
    assert_eq!(world.numbers(), [[1, 2, 3, 4, 5, 6]]);
    assert_eq!(world.last().reason, FinishReason::LastFrame(5));

    let mut world = World::new(Rules { frame_count: Some(3), ..rules() });
    world.frames([1, 2, 4]);
    world.list();
    assert!(world.batches.is_empty());
    world.pass(seconds(60));
    assert_eq!(world.numbers(), [[1, 2, 4]]);
    assert_eq!(world.last().missing.to_string(), "3");

    let glob = Glob::new("*.0003.png").unwrap().compile_matcher();
    let mut world = World::new(Rules { final_frame: Some(glob), ..rules() });
    world.frames([3, 1]);
    world.list();
    assert!(world.batches.is_empty());
    world.frames([2]);
    world.list_only(&["shot.0002.png"]);
    assert_eq!(world.last().reason, FinishReason::FinalFrame(3));
}

#[test]
fn an_empty_file_holds_the_batch() {
    let mut world = World::new(rules());
    world.frames(1..=2);
    world.write("shot.0003.png", EMPTY);
    world.list();
    world.pass(seconds(60 + 599));
    assert!(world.batches.is_empty());
    let open = &world.tracker.snapshot(world.now)[0];
    let held = open.held.as_ref().unwrap();
    assert_eq!((open.state, held.file.as_deref(), held.left_ms), (Stage::Held, Some("shot.0003.png"), 1000));
    assert_eq!((world.notes.len(), world.warnings), (1, 1), "said once, however long it lasts: {:?}", world.notes);
    assert_eq!(world.notes[0], "finished, and waits up to 10 min for shot.0003.png: the file is empty");
    world.pass(seconds(1));
    assert_eq!(world.numbers(), [[1, 2]]);
    assert_eq!(world.unreadable(), [3]);
    assert_eq!(world.last().missing.to_string(), "3");
    assert_eq!((world.notes.len(), world.warnings), (2, 2), "and once what became of it");

    // Once it is written it is new.
    world.write("shot.0003.png", WHOLE);
    world.list();
    world.pass(seconds(60));
    assert_eq!(world.numbers()[1], [3]);
}

#[test]
fn a_marker_or_a_client_waits_thirty_seconds_for_empty_files() {
    for by_client in [false, true] {
        let mut world = World::new(rules());
        world.frames(1..=2);
        world.write("shot.0003.png", EMPTY);
        world.list();
        world.pass(seconds(5));
        if by_client {
            world.apply(Event::Done(Arc::clone(&world.dir)));
        } else {
            world.write("done", WHOLE);
            world.list();
        }
        world.pass(seconds(29));
        assert!(world.batches.is_empty());
        world.pass(seconds(1));
        assert_eq!(world.numbers(), [[1, 2]]);
    }
}

#[test]
fn a_file_that_is_finished_while_it_is_waited_for_is_in_the_batch() {
    let mut world = World::new(rules());
    world.frames(1..=2);
    world.write("shot.0003.png", TORN);
    world.write(".done", EMPTY);
    world.list();
    world.pass(seconds(10));
    assert!(world.batches.is_empty());
    world.frames([3, 4]);
    world.list();
    assert_eq!(world.numbers(), [[1, 2, 3]], "4 is newer than the marker and beyond what it ended");
    assert!(world.last().unreadable.is_empty());
    world.pass(seconds(60));
    assert_eq!(world.numbers()[1], [4]);
}

#[test]
fn a_torn_file_is_given_up_on_when_it_has_not_changed_for_thirty_seconds() {
    let mut world = World::new(rules());
    world.frames([1, 3]);
    world.write("shot.0002.png", TORN);
    world.list();
    world.pass(seconds(10));
    world.apply(Event::Done(Arc::clone(&world.dir)));
    world.pass(seconds(19));
    assert!(world.batches.is_empty());
    world.pass(seconds(1));
    assert_eq!(world.numbers(), [[1, 3]]);
    assert_eq!((world.unreadable(), world.last().missing.to_string()), (vec![2], "2".into()));
    world.pass(seconds(10_000));
    assert_eq!(world.batches.len(), 1);
}

#[test]
fn a_sequence_of_torn_files_alone_is_left_alone() {
    let mut world = World::new(rules());
    world.write("shot.0001.png", TORN);
    world.write("shot.0002.png", TORN);
    world.list();
    world.pass(seconds(100_000));
    assert!(world.batches.is_empty());
    assert_eq!((world.notes.len(), world.warnings), (1, 1), "{:?}", world.notes);
    assert!(world.notes[0].contains("2 of 2 files"), "{:?}", world.notes);
}

#[test]
fn a_file_that_holds_a_batch_again_is_not_said_again() {
    let mut world = World::new(rules());
    world.frames(1..=2);
    world.write("shot.0003.png", EMPTY);
    world.list();
    world.pass(seconds(100));
    world.frames([4]);
    world.list();
    world.pass(seconds(100));
    assert_eq!(world.inspections, 2, "silence ended it twice");
    assert_eq!(world.notes.len(), 1, "{:?}", world.notes);
    world.write("shot.0005.png", EMPTY);
    world.frames([3]);
    world.list();
    world.pass(seconds(100));
    let held = world.notes.iter().filter(|note| note.contains("waits up to")).count();
    assert_eq!(held, 2, "another file is another matter: {:?}", world.notes);
}

#[test]
fn an_empty_file_whose_siblings_went_on_is_nobodys() {
    let mut world = World::new(rules());
    world.frames(1..=4);
    world.list();
    world.pass(seconds(1));
    world.write("shot.0005.png", EMPTY);
    world.list();
    for number in 6..=12 {
        world.pass(seconds(4));
        world.frames([number]);
        world.list();
    }
    world.pass(seconds(59));
    assert!(world.batches.is_empty());
    world.pass(seconds(1));
    assert_eq!((world.numbers().len(), world.unreadable()), (1, vec![5]), "not after ten minutes: {:?}", world.notes);
    assert_eq!(world.last().missing.to_string(), "5");
}

#[test]
fn a_placeholder_is_waited_for_as_long_as_others_took_to_be_filled() {
    // A farm: every frame is announced by an empty file and takes 100 s.
    let mut world = World::new(Rules { max_wait: seconds(100_000), ..rules() });
    for number in 1..=5 {
        world.write(&format!("shot.{number:04}.png"), EMPTY);
    }
    world.list();
    world.pass(seconds(50));
    world.write("shot.0006.png", EMPTY);
    world.list();
    world.pass(seconds(50));
    world.frames(1..=5);
    world.list();
    world.pass(seconds(300));
    assert!(world.batches.is_empty(), "{:?}", world.notes);
    world.pass(seconds(50));
    assert_eq!((world.numbers().len(), world.unreadable()), (1, vec![6]));
}

#[test]
fn placeholders_that_were_there_before_are_judged_by_their_siblings() {
    // The pace is 10 s, so that a placeholder of 160 s is nobody's. Silence ends it after 60 s.
    for (last, wait) in [(12, 110), (30, 60)] {
        let mut world = World::new(rules());
        for number in 1..=last {
            let size = if number == 7 { EMPTY } else { WHOLE };
            world.write_at(&format!("shot.{number:04}.png"), size, seconds(500 + number * 10));
        }
        world.list();
        world.pass(seconds(wait - 1));
        assert!(world.batches.is_empty(), "{last}: {:?}", world.notes);
        world.pass(seconds(1));
        assert_eq!((world.batches.len(), world.unreadable()), (1, vec![7]), "{last}");
    }
}

#[test]
fn a_file_that_gets_its_rights_is_looked_at_at_once() {
    let mut world = World::new(rules());
    world.frames([1, 2]);
    world.write("shot.0003.png", TORN);
    world.list();
    world.apply(Event::Done(Arc::clone(&world.dir)));
    let inspections = world.inspections;
    world.list_only(&["shot.0001.png"]);
    assert_eq!(world.inspections, inspections, "of another file nothing follows");
    world.list_only(&["shot.0003.png"]);
    assert_eq!(world.inspections, inspections + 1);
    assert!(world.batches.is_empty());
}

#[test]
fn what_will_never_be_readable_is_not_waited_for() {
    let mut world = World::new(rules());
    world.frames([1, 3, 4]);
    world.write("shot.0002.png", FOREIGN);
    world.list();
    world.pass(seconds(60));
    assert_eq!(world.numbers(), [[1, 3, 4]], "as soon as silence ends it");
    let reasons: Vec<&str> = world.last().unreadable.iter().map(|file| file.reason.as_str()).collect();
    assert_eq!((world.unreadable(), reasons), (vec![2], vec!["unsupported image: DPX"]));
    assert_eq!((world.notes.len(), world.warnings), (1, 1));
    for part in ["1 of 4 files", "shot.0002.png", "DPX"] {
        assert!(world.notes[0].contains(part), "{part}: {:?}", world.notes);
    }
}

#[test]
fn a_flood_that_cannot_be_read_is_one_warning() {
    let mut world = World::new(Rules { min_frames: 2, ..rules() });
    for round in 0..5 {
        for number in 1..=100 {
            world.write(&format!("shot.{:04}.png", round * 100 + number), FOREIGN);
        }
        world.list();
        world.pass(seconds(1000));
    }
    assert!(world.batches.is_empty());
    assert_eq!((world.notes.len(), world.warnings), (1, 1), "{:?}", world.notes);
    assert!(world.notes[0].contains("shot.0001.png and 99 more"), "{:?}", world.notes);

    // Files of several kinds are told apart, and a torn one among them is still waited for.
    world.frames(900..=905);
    world.write("shot.0906.png", TORN);
    world.write("shot.0907.png", FOREIGN);
    world.list();
    world.apply(Event::Done(Arc::clone(&world.dir)));
    assert!(world.batches.is_empty());
    world.pass(seconds(30));
    assert_eq!((world.numbers().len(), world.unreadable()), (1, vec![906, 907]));
    let note = world.notes.last().unwrap();
    assert!(note.contains("shot.0906.png: the image is not whole; shot.0907.png: unsupported"), "{note}");
}

#[test]
fn a_gap_that_is_waited_for_holds_the_batch() {
    let mut world = World::new(Rules { missing_frames: MissingFrames::Wait, ..rules() });
    world.frames([1, 3]);
    world.list();
    world.pass(seconds(300));
    assert!(world.batches.is_empty());
    assert_eq!(world.inspections, 0);
    assert_eq!(world.notes, ["finished, and waits up to 10 min: frames are missing: 2"]);
    world.frames([2]);
    world.list();
    world.pass(seconds(60));
    assert_eq!(world.numbers(), [[1, 2, 3]]);

    world.frames([5, 7]);
    world.write(".done", EMPTY);
    world.list();
    world.pass(seconds(599));
    assert_eq!(world.batches.len(), 1);
    world.pass(seconds(1));
    assert_eq!(world.numbers()[1], [5, 7]);
    assert_eq!(world.last().missing.to_string(), "6");

    world.pass(seconds(1));
    world.frames([9, 11]);
    world.write(".done", EMPTY);
    world.list();
    world.frames([10]);
    world.list();
    assert_eq!(world.numbers()[2], [9, 10, 11], "the gap is what the marker's batch waits for");
}

#[test]
fn too_few_frames_are_noted_once() {
    let mut world = World::new(Rules { min_frames: 3, ..rules() });
    world.frames([1, 2]);
    world.list();
    world.pass(seconds(1000));
    world.list();
    world.pass(seconds(1000));
    assert!(world.batches.is_empty());
    assert_eq!(world.notes.len(), 1);
    assert_eq!(world.tracker.next_deadline(), None);
    world.frames([3]);
    world.list();
    world.pass(seconds(60));
    assert_eq!(world.numbers(), [[1, 2, 3]]);
}

#[test]
fn claimed_files_are_never_taken_again_and_released_ones_are() {
    let mut world = World::new(rules());
    world.frames(1..=3);
    let files: Vec<Identity> = world.files.values().copied().collect();
    world.apply(Event::Claimed { dir: Arc::clone(&world.dir), files: files.clone() });
    world.list();
    world.pass(seconds(1000));
    assert!(world.batches.is_empty());
    world.frames([4]);
    world.list();
    world.pass(seconds(60));
    assert_eq!(world.numbers(), [[4]]);
    world.apply(Event::Released { dir: Arc::clone(&world.dir), files: files[..2].to_vec() });
    world.pass(seconds(60));
    assert_eq!(world.numbers()[1], [1, 2]);

    // Claimed after they were listed.
    world.frames([5, 6]);
    world.list();
    let files = [5, 6].map(|number: i64| world.files[&BString::from(format!("shot.{number:04}.png"))]).to_vec();
    world.apply(Event::Claimed { dir: Arc::clone(&world.dir), files });
    world.pass(seconds(1000));
    assert_eq!(world.batches.len(), 2);
}

#[test]
fn a_frame_that_is_written_again_is_a_new_take() {
    let mut world = World::new(rules());
    world.frames(1..=3);
    world.list();
    world.pass(seconds(60));
    world.frames([2, 3]);
    world.list();
    assert_eq!(world.notes.len(), 1, "one note a take: {:?}", world.notes);
    world.pass(seconds(60));
    assert_eq!(world.numbers(), [vec![1, 2, 3], vec![2, 3]]);
}

#[test]
fn an_extended_sequence_is_a_batch_as_a_whole() {
    let mut world = World::new(Rules { continuation: Continuation::Extend, last_frame: Some(3), ..rules() });
    world.frames(1..=3);
    world.list();
    assert_eq!(world.numbers(), [[1, 2, 3]]);
    world.frames([4]);
    world.list();
    assert_eq!(world.batches.len(), 1, "3 was reached before");
    world.pass(seconds(60));
    assert_eq!(world.numbers()[1], [1, 2, 3, 4]);
    world.pass(seconds(1000));
    assert_eq!(world.batches.len(), 2);

    // What made it longer vanishes again before the end.
    world.frames([5]);
    world.list();
    world.files.remove(&BString::from("shot.0005.png"));
    world.list();
    world.pass(seconds(1000));
    assert_eq!(world.batches.len(), 2);
}

#[test]
fn frames_that_come_during_an_inspection_are_not_lost() {
    let mut world = World::new(rules());
    world.frames(1..=2);
    let listed = |world: &World| Event::Listed {
        dir: Arc::clone(&world.dir),
        listing: Listing { complete: true, files: world.files.clone().into_iter().collect(), ..Listing::default() },
    };
    let event = listed(&world);
    assert!(matches!(world.tracker.apply(event, world.now)[..], [Decision::Grew { .. }]));
    let decisions = world.tracker.apply(Event::Done(Arc::clone(&world.dir)), world.now);
    let [Decision::Inspect { pattern, .. }] = decisions.as_slice() else { panic!("{decisions:?}") };
    let pattern = pattern.clone();
    world.frames([3]);
    let event = listed(&world);
    assert!(matches!(world.tracker.apply(event, world.now)[..], [Decision::Grew { .. }]));
    world.apply(Event::Inspected {
        dir: Arc::clone(&world.dir),
        pattern,
        result: InspectionResult::Looked { flawed: Vec::new(), runs: Vec::new() },
    });
    assert_eq!(world.numbers(), [[1, 2]]);
    world.pass(seconds(60));
    assert_eq!(world.numbers()[1], [3]);
}

#[test]
fn a_file_that_changed_under_the_inspection_waits_for_the_listing() {
    let mut world = World::new(rules());
    world.frames(1..=2);
    world.list();
    world.frames([2]);
    world.apply(Event::Done(Arc::clone(&world.dir)));
    assert!(world.batches.is_empty());
    assert_eq!(world.inspections, 1);
    world.list();
    assert_eq!(world.numbers(), [[1, 2]]);
    assert_eq!(world.last().reason, FinishReason::Client);
}

#[test]
fn vanished_frames_and_folders_are_forgotten() {
    let mut world = World::new(rules());
    world.frames(1..=4);
    world.list();
    world.files.remove(&BString::from("shot.0002.png"));
    world.list_only(&["shot.0002.png"]);
    world.files.remove(&BString::from("shot.0004.png"));
    world.list();
    world.pass(seconds(60));
    assert_eq!(world.numbers(), [[1, 3]]);
    assert_eq!(world.last().missing.to_string(), "2");

    world.frames([5]);
    world.list();
    world.apply(Event::FolderGone(Arc::clone(&world.dir)));
    assert_eq!(world.tracker.next_deadline(), None);
    world.pass(seconds(1000));
    world.list();
    assert_eq!(world.batches.len(), 1, "a folder that is not open is ignored");
}

#[test]
fn time_stamps_miss_nothing() {
    let mut world = World::new(Rules { missing_frames: MissingFrames::Wait, frame_count: Some(2), ..rules() });
    world.write("cam-20250101120000.jpg", WHOLE);
    world.write("cam-20250101120500.jpg", WHOLE);
    world.list();
    assert_eq!(world.numbers(), [[20_250_101_120_000, 20_250_101_120_500]]);
    assert!(world.last().missing.is_empty());
}

#[test]
fn other_rules_count_from_the_next_event_on() {
    let mut world = World::new(Rules { idle_timeout: IdleTimeout::Never, ..rules() });
    world.frames(1..=2);
    world.write("other_1.png", WHOLE);
    world.list();
    world.pass(seconds(100));
    assert_eq!(world.tracker.next_deadline(), None);
    let names = Arc::new(NameRule::parse("shot.####.png").unwrap());
    world.tracker.open(Arc::clone(&world.dir), Arc::new(rules()), names);
    world.pass(seconds(1));
    assert_eq!(world.numbers(), [[1, 2]]);
}

#[test]
fn a_snapshot_tells_what_is_open() {
    let mut world = World::new(rules());
    world.frames([1, 2, 5]);
    world.list();
    world.pass(seconds(7));
    let snapshot = world.tracker.snapshot(world.now);
    let json = serde_json::to_value(&snapshot).unwrap();
    assert_eq!(json[0]["pattern"], "shot.####.png");
    assert_eq!(json[0]["state"], "open");
    assert_eq!(json[0]["quiet_ms"], 7000);
    let [open] = snapshot.as_slice() else { panic!("{snapshot:?}") };
    assert_eq!((open.count, open.first, open.last, open.missing.to_string()), (3, 1, 5, "3-4".into()));
}

#[test]
fn names_are_grouped_anew_before_a_batch_is_made_of_them() {
    let mut world = World::new(rules());
    let first = (1..=40).map(|camera| format!("c{camera}_0001.png"));
    for name in first.chain((2..=60).map(|number| format!("c1_{number:04}.png"))) {
        world.write(&name, WHOLE);
        world.list_only(&[&name]);
    }
    world.pass(seconds(60));
    assert_eq!(world.batches.len(), 40);
    let largest = world.batches.iter().max_by_key(|batch| batch.frames.len()).unwrap();
    assert_eq!((largest.pattern.to_string().as_str(), largest.frames.len()), ("c1_####.png", 60));
}

#[test]
fn a_folder_that_nobody_answers_for_is_forgotten_with_what_is_due_in_it() {
    let mut world = World::new(rules());
    world.frames(1..=3);
    world.list();
    assert!(world.tracker.next_deadline().is_some());
    world.tracker.retain(|_| true);
    assert!(world.tracker.next_deadline().is_some());
    world.tracker.retain(|_| false);
    assert_eq!((world.tracker.next_deadline(), world.tracker.snapshot(world.now)), (None, Vec::new()));
    world.pass(seconds(600));
    assert!(world.batches.is_empty());
}

#[test]
fn batch_folders_are_those_right_below() {
    let mut tracker = Tracker::default();
    let folders = ["/r", "/r/a.b/batch_0001", "/r/a", "/r/a/batch_0001", "/r/a/batch_0002/batch_0003", "/r/a/other"];
    for dir in folders {
        tracker.open(Arc::from(Path::new(dir)), Arc::new(rules()), Arc::new(NameRule::Auto));
    }
    assert_eq!(tracker.batch_folders(Path::new("/r/a")), [Arc::from(Path::new("/r/a/batch_0001"))]);
}

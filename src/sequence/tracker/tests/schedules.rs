//! Random schedules on the simulated clock.

use proptest::prelude::*;

use super::*;
use crate::sequence::group::group;

/// One thing that happens on the disk, and how the tracker hears of it.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// A file of this name is written, in this state.
    Write(usize, u64),
    Remove(usize),
    Mark,
    Done,
    Pass(u64),
    ListAll,
}

/// Names of which some need several siblings before their number is known.
pub(super) fn name(index: usize) -> String {
    match index {
        0..12 => format!("shot.{:04}.png", index + 1),
        12..20 => format!("{}.png", index - 5),
        20..26 => format!("{:05}-777.png", index - 20),
        26..32 => format!("{:05}-{}.jpg", index - 26, 4_000_000_000_u64 + index as u64),
        _ => format!("cam_{}.png", 20_250_101_120_000 + index * 100),
    }
}

const NAMES: usize = 36;

pub(super) fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        10 => (0..NAMES, prop_oneof![8 => Just(WHOLE), 1 => Just(TORN), 1 => Just(EMPTY), 1 => Just(FOREIGN)]).prop_map(|(n, s)| Act::Write(n, s)),
        1 => (0..NAMES).prop_map(Act::Remove),
        1 => Just(Act::Mark),
        1 => Just(Act::Done),
        3 => (0u64..200).prop_map(Act::Pass),
        2 => Just(Act::ListAll),
    ]
}

impl World {
    pub(super) fn act(&mut self, act: &Act) {
        match act {
            Act::Write(index, size) => {
                self.write(&name(*index), *size);
                self.list_only(&[&name(*index)]);
            }
            Act::Remove(index) => {
                self.files.remove(&BString::from(name(*index)));
                self.list_only(&[&name(*index)]);
            }
            Act::Mark => {
                self.write(".done", EMPTY);
                self.list_only(&[".done"]);
            }
            Act::Done => self.apply(Event::Done(Arc::clone(&self.dir))),
            Act::Pass(time) => self.pass(seconds(*time)),
            Act::ListAll => self.list(),
        }
    }

    /// The images that are in no sequence, by all names that there are.
    pub(super) fn aside(&self) -> BTreeSet<&[u8]> {
        let names: Vec<&[u8]> = self.files.keys().map(|name| name.as_slice()).collect();
        let grouping = group(&names, None, &NameRule::Auto);
        let left = grouping.left.iter().map(|(place, _)| place);
        grouping.singles.iter().chain(left).map(|place| names[*place]).collect()
    }

    /// Every file of every batch.
    pub(super) fn taken(&self) -> Vec<(BString, Identity)> {
        let of = |batch: &Batch| {
            let named = |frame: &Frame| (frame.file_name(&batch.pattern), frame.identity);
            batch.frames.iter().map(named).collect::<Vec<_>>()
        };
        self.batches.iter().flat_map(of).collect()
    }
}

proptest! {
    #[test]
    fn every_frame_is_in_one_batch(acts in prop::collection::vec(act(), 1..80)) {
        let mut world = World::new(rules());
        for act in &acts {
            world.act(act);
        }
        world.list();
        world.pass(seconds(100_000));
        let mut taken = world.taken();
        let count = taken.len();
        taken.sort();
        taken.dedup();
        prop_assert_eq!(taken.len(), count, "no file is in two batches");
        let aside = world.aside();
        for (name, identity) in world.files.iter().filter(|(name, _)| *name != ".done") {
            let is_taken = taken.binary_search(&(name.clone(), *identity)).is_ok();
            prop_assert!(aside.contains(name.as_slice()) || is_taken == (identity.size > FOREIGN), "{}", name);
        }
        for batch in &world.batches {
            prop_assert!(batch.frames.is_sorted_by(|a, b| a.number < b.number));
            prop_assert!(batch.frames.iter().all(|frame| frame.identity.size > FOREIGN));
        }
        prop_assert!(world.tracker.snapshot(world.now).is_empty());
        prop_assert_eq!(world.tracker.next_deadline(), None);
    }

    #[test]
    fn every_frame_gets_into_a_batch_by_any_rules(
        acts in prop::collection::vec(act(), 1..60),
        extend in any::<bool>(),
        wait in any::<bool>(),
        last_frame in prop::option::of(1i64..12),
        frame_count in prop::option::of(1u64..8),
        auto in any::<bool>(),
    ) {
        let mut world = World::new(Rules {
            continuation: if extend { Continuation::Extend } else { Continuation::New },
            missing_frames: if wait { MissingFrames::Wait } else { MissingFrames::Skip },
            idle_timeout: if auto { IdleTimeout::Auto } else { IdleTimeout::After(seconds(60)) },
            last_frame,
            frame_count,
            ..rules()
        });
        for act in &acts {
            world.act(act);
        }
        world.list();
        world.pass(seconds(1_000_000));
        let taken = world.taken();
        let aside = world.aside();
        for (name, identity) in world.files.iter().filter(|(name, _)| *name != ".done") {
            let is_taken = taken.contains(&(name.clone(), *identity));
            prop_assert!(aside.contains(name.as_slice()) || is_taken == (identity.size > FOREIGN), "{}", name);
        }
        prop_assert_eq!(world.tracker.next_deadline(), None);
    }

    #[test]
    fn neither_the_order_nor_the_kind_of_listing_matters(
        names in prop::collection::btree_set(0..NAMES, 1..NAMES).prop_map(|names| names.into_iter().collect::<Vec<_>>()).prop_shuffle(),
        removed in prop::collection::vec(0..NAMES, 0..5),
    ) {
        let mut partial = World::new(rules());
        let mut complete = World::new(rules());
        let sealed = |world: &mut World| {
            world.pass(seconds(100_000));
            let key = |batch: &Batch| (batch.pattern.clone(), batch.frames.iter().map(|f| f.number).collect::<Vec<_>>());
            let mut batches: Vec<_> = world.batches.iter().map(key).collect();
            batches.sort();
            batches
        };
        for index in &names {
            partial.act(&Act::Write(*index, WHOLE));
        }
        for index in &removed {
            partial.act(&Act::Remove(*index));
        }
        for index in names.iter().filter(|index| !removed.contains(index)) {
            complete.write(&name(*index), WHOLE);
        }
        complete.list();
        prop_assert_eq!(sealed(&mut partial), sealed(&mut complete));
    }

    #[test]
    fn nothing_is_sealed_before_a_rule_says_so(acts in prop::collection::vec(act(), 1..60)) {
        let mut world = World::new(Rules { idle_timeout: IdleTimeout::Never, ..rules() });
        for act in acts.iter().filter(|act| !matches!(act, Act::Mark | Act::Done)) {
            world.act(act);
        }
        world.pass(seconds(100_000));
        prop_assert!(world.batches.is_empty());
        prop_assert_eq!(world.tracker.next_deadline(), None);
    }
}

#[test]
fn a_new_frame_and_a_large_folder_are_cheap() {
    let mut world = World::new(rules());
    let start = std::time::Instant::now();
    for number in 0..100_000 {
        let identity = Identity { dev: 1, ino: number, size: WHOLE, mtime_ns: 0 };
        let listing = Listing {
            complete: false,
            files: vec![(format!("2025_shot.{number:05}.png").into(), identity)],
            ..Listing::default()
        };
        let decisions = world.tracker.apply(Event::Listed { dir: Arc::clone(&world.dir), listing }, world.now);
        // One image is no sequence.
        assert!(number == 0 || matches!(decisions[..], [Decision::Grew { .. }]));
    }
    // Four times what it takes, in a build that is not optimised.
    assert!(start.elapsed() < seconds(30), "{:?}", start.elapsed());
    assert_eq!(world.tracker.snapshot(world.now)[0].count, 100_000);
}

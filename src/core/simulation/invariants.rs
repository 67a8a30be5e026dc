//! What must hold after each step, and at rest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::journal::State;
use super::world::{Task, World};
use crate::core::event::Event;
use crate::core::snapshot::SequenceSnapshot;
use crate::journal::BatchId;
use crate::model::Identity;
use crate::pipeline::job::Job;
use crate::sequence::tracker::{OpenCount, Stage};

/// What the core waits for is on its way: nothing waits for an event that cannot come.
pub(super) fn hold(world: &World) {
    let is_read = |root: &Path| {
        world.tasks.iter().filter(|task| matches!(task, Task::Read { root: of, reader, .. } if **of == *root && world.core.roots.get(root).is_some_and(|watched| watched.reader_id() == *reader))).count()
    };
    for (path, root) in &world.core.roots {
        if usize::from(root.is_busy()) != is_read(path) {
            world.fail(&format!("the root {} waits for a reading, or two read it", path.display()));
        }
    }
    let count = |picks: fn(&Task) -> bool| world.tasks.iter().filter(|task| picks(task)).count();
    let is = |what: &str, waits: usize, tasks: usize| {
        if waits != tasks {
            world.fail(&format!("{what}: the core waits for {waits}, and {tasks} are on their way"));
        }
    };
    is(
        "journal",
        usize::from(world.core.journal_poll.is_under_way()),
        count(|task| matches!(task, Task::AskJournal(_) | Task::Answer(Event::DueWork(_)))),
    );
    is(
        "batches on their way",
        world.core.journal_poll.begins(),
        count(|task| matches!(task, Task::Begin { .. } | Task::Answer(Event::Begun(_) | Event::NotBegun { .. }))),
    );
    is("config", usize::from(world.core.reloads.is_under_way()), count(|task| matches!(task, Task::ReadConfig)));
    is("trials", usize::from(world.core.trials.is_under_way()), count(|task| matches!(task, Task::TryRecipes)));
    is(
        "forgetting",
        world.core.forgets.iter().filter(|forget| forget.is_begun()).count(),
        count(|task| matches!(task, Task::Forget(_) | Task::Answer(Event::Forgotten { .. }))),
    );
    let running: BTreeSet<BatchId> = world.core.queue.running().map(|running| running.job.id).collect();
    let jobs: Vec<BatchId> = world
        .tasks
        .iter()
        .filter_map(|task| match task {
            Task::Job { job, .. } => Some(job.id),
            Task::Answer(Event::Ended { id, .. }) => Some(*id),
            _ => None,
        })
        .collect();
    is("jobs", running.len(), jobs.len());
    if jobs.iter().any(|job| !running.contains(job)) {
        world.fail("the core knows of another job than the one that runs");
    }
    is("live encoders", world.core.live.tasks(), world.encoders.len());
    let (encoders, most) = (world.core.live.encoders(), world.core.most_encoders());
    if encoders > most {
        world.fail(&format!("{encoders} live encoders, where there may be {most}"));
    }
    no_frame_in_two_videos(world);
    what_is_counted_is_what_is_told(world);
}

/// The count of the status line is that of the snapshot, which it is not made of.
fn what_is_counted_is_what_is_told(world: &World) {
    let told = world.core.tracker.snapshot(world.core.now);
    let told = OpenCount { sequences: told.len() as u64, frames: told.iter().map(|open| open.count).sum() };
    if world.core.tracker.open_count() != told {
        world.fail("the status line counts other sequences than the snapshot has");
    }
}

/// A frame is in one video, unless it was forgotten between the two.
fn no_frame_in_two_videos(world: &World) {
    if let Some((id, times)) = world.journal.videos.iter().find(|(_, times)| **times > 1) {
        world.fail(&format!("batch {id} became {times} videos"));
    }
    let mut videos: BTreeMap<Identity, BatchId> = BTreeMap::new();
    for (id, record) in &world.journal.batches {
        if record.state == State::Released || !world.journal.videos.contains_key(id) {
            continue;
        }
        for frame in &record.batch.frames {
            if let Some(other) = videos.insert(frame.identity, *id) {
                world.fail(&format!("frame {} is in the videos of batches {other} and {id}", frame.number));
            }
        }
    }
}

/// A job that starts is the only one of its batch, and no encoder is still at its chunks.
pub(super) fn may_start(world: &World, job: &Job) {
    if world.tasks.iter().any(|task| matches!(task, Task::Job { job: other, .. } if other.id == job.id)) {
        world.fail("a batch has two jobs");
    }
    let is_its = |encoder: &super::world::Encoder| {
        encoder.key.0 == job.batch.dir && encoder.key.1 == job.batch.pattern && !encoder.aborted
    };
    let growing = |encoder: &super::world::Encoder| world.core.live.is_growing(&encoder.key);
    if world.encoders.values().any(|encoder| is_its(encoder) && !growing(encoder)) {
        world.fail("a job starts before the last chunk of its sequence is there");
    }
}

/// Nothing is forgotten of which a video is being made.
pub(super) fn may_forget(world: &World, dir: &Path) {
    if world.tasks.iter().any(|task| matches!(task, Task::Job { job, .. } if job.batch.dir.starts_with(dir))) {
        world.fail("a batch is forgotten while its video is made");
    }
}

/// A frame was removed: it is in a video that has its name.
pub(super) fn may_remove(world: &World, dir: &Path, identity: &Identity) {
    let holds = |(id, record): (&BatchId, &super::journal::Record)| {
        record.state == State::Published
            && *record.batch.dir == *dir
            && record.batch.frames.iter().any(|frame| frame.identity == *identity)
            && world.journal.videos.contains_key(id)
    };
    if !world.journal.batches.iter().any(holds) {
        world.fail("a frame was removed that is in no video");
    }
}

/// Every frame came to something: it is in a video or in a batch that was given up, or people are told what it waits for.
pub(super) fn hold_at_rest(world: &World) {
    for (id, record) in &world.journal.batches {
        let is_open = matches!(record.state, State::Pending | State::Encoding | State::Publishing);
        if is_open && world.settings.of(&record.batch.dir).is_some() {
            world.fail(&format!("batch {id} is still {:?}", record.state));
        }
    }
    let snapshot = world.core.snapshot();
    let held = world.journal.held();
    let existing: BTreeSet<Identity> = world.journal.watched.values().flatten().copied().collect();
    for (dir, files) in &world.disk.folders {
        let Some(root) = world.settings.of(dir) else { continue };
        let is_free =
            |identity: &Identity| !held.contains(identity) && !existing.contains(identity) && identity.size > 0;
        let mut free: BTreeMap<&[u8], usize> = BTreeMap::new();
        for (name, _) in files.iter().filter(|(name, identity)| name.ends_with(b".png") && is_free(identity)) {
            *free.entry(&name[..3]).or_default() += 1;
        }
        for (prefix, count) in free {
            let told = snapshot.sequences.iter().any(|SequenceSnapshot { open, .. }| {
                let may_stay = match open.state {
                    Stage::Open => root.finish.idle_timeout == crate::sequence::finish::IdleTimeout::Never,
                    Stage::Inspecting => false,
                    Stage::Held | Stage::TooFew | Stage::LooksLikeNoFrames | Stage::Stills | Stage::Existing => true,
                };
                open.dir == dir.display().to_string() && open.pattern.as_bytes().starts_with(prefix) && may_stay
            });
            // A single image is no sequence.
            if !told && count > 1 {
                let name = String::from_utf8_lossy(prefix);
                world.fail(&format!(
                    "{count} frames of {name} in {} came to nothing, and nobody is told why",
                    dir.display()
                ));
            }
        }
    }
    if !world.askers.is_empty() {
        world.fail("a client waits for ever");
    }
}

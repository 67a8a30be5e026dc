//! Live encoding, as far as it is work: the encoders that run, and what makes their chunks.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::effect::LiveEffect;
use crate::core::event::Event;
use crate::core::live::live_encode::{Closed, Serial};
use crate::core::live::{Checked, Era, Key, LiveEvent, MakerId};
use crate::daemon::workers::{self, Message, Workers};
use crate::encode::chunk::{FrameFile, FrameQueue};
use crate::encode::ffmpeg::Stop;
use crate::error::{Explain as _, chain};
use crate::journal::ChunkId;
use crate::pipeline::chunks::{self, ChunkMaker};
use crate::pipeline::job::Tools;
use crate::sequence::rate::RateEvidence;
use crate::sequence::{Frame, os_name};
use crate::text::printable::Show as _;

mod work;

/// Chunks that an earlier life of the daemon left.
type Chunks = Vec<(ChunkId, Vec<Frame>)>;

/// How a sequence is encoded before it is finished.
#[derive(Debug)]
pub(super) struct Prepared {
    era: Era,
    key: Key,
    maker: MakerId,
    /// `None` where that must wait until it is finished.
    found: Option<(Arc<ChunkMaker>, Chunks)>,
    /// What the maker of the frames says of their rate so far.
    evidence: RateEvidence,
}

/// What live encoding works with.
#[derive(Debug, Default)]
pub(super) struct LiveTasks {
    /// Those that the core may still use.
    makers: BTreeMap<MakerId, Option<Arc<ChunkMaker>>>,
    tasks: BTreeMap<Serial, Task>,
}

/// An encoder at work, or the proof of its chunk.
#[derive(Debug)]
struct Task {
    intake: FrameQueue,
    stop: Stop,
}

impl LiveTasks {
    /// Keeps what was prepared, and hands on what the core wants to know of it.
    pub(super) fn prepared(&mut self, Prepared { era, key, maker, found, evidence }: Prepared) -> Event {
        let (prepared, chunks) = found.unzip();
        if let Some(kept) = self.makers.get_mut(&maker) {
            *kept = prepared;
        }
        Event::Live(LiveEvent::Prepared(era, key, chunks, evidence))
    }

    /// Lets go of an encoder whose chunk is proved.
    pub(super) fn look_at(&mut self, event: &Event) {
        if let Event::Live(LiveEvent::Closed(serial, _)) = event {
            self.tasks.remove(serial);
        }
    }

    pub(super) fn carry_out(&mut self, effect: LiveEffect, tools: &Tools, workers: &Workers) {
        match effect {
            LiveEffect::Prepare { era, key, maker, first, root, evidence } => {
                self.makers.insert(maker, None);
                let (tools, lost) = (tools.clone(), key.clone());
                workers.spawn(
                    move || {
                        let (found, evidence) = work::prepare(&key, &first, &root, evidence, &tools);
                        Message::Prepared(Prepared { era, key, maker, found, evidence })
                    },
                    move |panic| {
                        let hint = panic.hint().unwrap_or_default();
                        tracing::error!(dir = %lost.0.shown(), hint, "{}; the sequence is encoded when it is finished", chain(&panic));
                        Message::Prepared(Prepared { era, key: lost, maker, found: None, evidence })
                    },
                );
            }
            LiveEffect::Check { era, key, frames, generator, layer } => {
                let lost = (key.clone(), frames.clone());
                workers.spawn(
                    move || {
                        let checked = work::check(&key, &frames, generator, layer.as_ref());
                        Event::Live(LiveEvent::Checked(era, key, checked))
                    },
                    // A parser's panic over one strange file must not keep the others waiting.
                    move |panic| {
                        workers::tell_lost("looking at frames", &panic);
                        Event::Live(LiveEvent::Checked(era, lost.0, Checked::unknown(&lost.1)))
                    },
                );
            }
            LiveEffect::Open { key, serial, position, maker } => {
                let maker = self.makers.get(&maker).cloned().flatten();
                let told = workers.clone();
                let drained = move || told.answer(Event::Live(LiveEvent::Drained(serial)));
                let task = Task { intake: FrameQueue::telling(drained), stop: Stop::default() };
                let (intake, stop) = (task.intake.clone(), task.stop.clone());
                self.tasks.insert(serial, task);
                let (told, name) = (workers.clone(), key.0.join(key.1.to_string()).shown().to_string());
                workers.spawn(
                    move || {
                        let encoded = || told.answer(Event::Live(LiveEvent::Encoded(serial)));
                        let closed = maker.map_or(Closed::Stopped, |maker| {
                            work::make(&maker, &intake, position, &stop, encoded, &name)
                        });
                        Event::Live(LiveEvent::Closed(serial, closed))
                    },
                    move |panic| {
                        workers::tell_lost("encoding a part of a sequence", &panic);
                        Event::Live(LiveEvent::Closed(serial, Closed::Failed { again: false }))
                    },
                );
            }
            LiveEffect::Push { key, serial, frames } => {
                if let Some(task) = self.tasks.get(&serial) {
                    task.intake.push(frames.iter().map(|frame| file_of(&key, frame)));
                }
            }
            LiveEffect::End(serial) => {
                if let Some(task) = self.tasks.get(&serial) {
                    task.intake.end();
                }
            }
            LiveEffect::Abort(serial) => {
                if let Some(task) = self.tasks.get(&serial) {
                    task.stop.request();
                }
            }
            LiveEffect::Discard(ids) => {
                let tools = tools.clone();
                Workers::spawn_unawaited("removing a chunk", move || {
                    if let Err(error) = chunks::discard(&tools, &ids) {
                        let hint = error.hint().unwrap_or_default();
                        tracing::warn!(hint, "a chunk cannot be removed: {}", chain(&error));
                    }
                });
            }
            LiveEffect::Preview { maker, chunks } => {
                let Some(maker) = self.makers.get(&maker).cloned().flatten() else { return };
                Workers::spawn_unawaited("writing a preview", move || {
                    if let Err(error) = maker.preview_of(&chunks) {
                        let hint = error.hint().unwrap_or_default();
                        tracing::warn!(hint, "the preview cannot be written: {}", chain(&error));
                    }
                });
            }
            LiveEffect::EndPreview((dir, pattern)) => {
                let tools = tools.clone();
                Workers::spawn_unawaited("removing a preview", move || chunks::end_preview(&tools, &dir, &pattern));
            }
            LiveEffect::Drop(maker) => drop(self.makers.remove(&maker)),
        }
    }
}

fn file_of(key: &Key, frame: &Frame) -> FrameFile {
    let path = key.0.join(os_name(&frame.file_name(&key.1)));
    FrameFile { path, identity: frame.identity, number: frame.number, repeat: 1 }
}

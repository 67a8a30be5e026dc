//! `(state, event, now) -> (state, decisions)`.
//!
//! Owns what is known about every folder: its sequences, their frames, which of them are already in a video, and how long
//! they have been quiet. It never performs I/O and never reads the clock.
//!
//! # The states of a sequence
//!
//! The words in the drawing are those of [`Stage`], which is what people are told. A folder sleeps as a whole.
//!
//! ```text
//!          the first file of a pattern: Folder::put
//!             │                                │
//!             │ it came while the root         │ it was there before the root
//!             │ was watched                    │ was first watched
//!             ▼                                ▼            sleep
//!  ┌───────► open ◄── another file comes ── existing ◄─────────────────► (folder asleep)
//!  │          │                                │            wake
//!  │          │ fired: a client, a marker,     │ fired: a client, a marker or
//!  │          │ numbers, the generator,        │ numbers, but not silence
//!  │          │ silence                        │
//!  │          ▼                                ▼
//!  │       enough frames, and numbers that count frames? ─ no ─► too few frames, looks like no frames ─┐
//!  │          │ yes: begin finishing, inspect                                                          │
//!  │          ▼                                                                                        │
//!  ├───── inspecting ── a file is not whole, a number is missing, more was announced ──► held          │
//!  │ Changed  │   ▲                                                                       │            │
//!  │          │   └── time is up, a file it waits for changes, a marker or client says so ┤            │
//!  │          │                                                                           │            │
//!  ├──────────┼── a file changes, where silence had ended the sequence ◄──────────────────┘            │
//!  │          │ seal, once for each run of frames                                                      │
//!  │          ├──► too few frames, single pictures ────────────────────────────────────────────────────┤
//!  │          ▼                                                                                        │
//!  │       sealed: Decision::Seal; these frames are taken                                              │
//!  │          │                                                                                        │
//!  └──────────┴── a file comes or changes ◄────────────────────────────────────────────────────────────┘
//! ```
//!
//! | from | to | decided by |
//! | --- | --- | --- |
//! | nothing | open, existing | `Folder::put`; `Sequence::is_left_alone` tells the two apart |
//! | existing | open | `Frames::is_existing`: one file that came while the root was watched is enough, and it takes the old ones along |
//! | existing | asleep, and back | `Folder::asleep`, when every sequence of the folder is existing and no time is set; `Folder::woken` |
//! | open, existing | inspecting | `Sequence::finish_reason` names the rule, `Sequence::begin_finishing` freezes the range of numbers, `Sequence::inspect` asks for the inspection |
//! | open, existing | too few, looks like no frames | `Sequence::step`, before anything is read |
//! | inspecting | open | `Sequence::inspected`: a file was another one than listed, one changed after a silence, or the numbers were read anew |
//! | inspecting | held | `Finishing::wait_for` and `Sequence::wait_for_announced`; `Sequence::inspect` does so before it asks, where a gap is to be filled |
//! | held | inspecting | `Sequence::step` at the set time; sooner by `Sequence::touch`, `Sequence::is_held_up_by`, `Sequence::forced_by` or `Sequence::force` |
//! | inspecting | sealed, too few, single pictures | `Sequence::seal`, for each run by itself |
//! | sealed, too few, single pictures, looks like no frames | open | `Sequence::touch`; single pictures also by `Sequence::wake_by_marker` and `Sequence::force` |
//!
//! A sequence goes back to *open* whenever what was concluded from its files no longer holds. Nothing is lost by that: the
//! rules are asked again, about what is there now. Only a sealed batch is not taken back here, because a job may be encoding it:
//! its frames are free again with [`Event::Released`].

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Sum;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bstr::BString;

use crate::model::Identity;
use crate::sequence::existing::ExistingFiles;
use crate::sequence::film::Judgement;
use crate::sequence::finish::{Rules, is_batch_folder};
use crate::sequence::generator::MadeBy;
use crate::sequence::group::LeftAlone;
use crate::sequence::name::NameRule;
use crate::sequence::origin::{Origin, Total};
use crate::sequence::rate::MakersRate;
use crate::sequence::tracker::asleep::Asleep;
use crate::sequence::tracker::folder::{Folder, Moment};
use crate::sequence::tracker::open::Marker;
use crate::sequence::{Batch, Flaw, Frame, FrameNumber, Pattern};

mod asleep;
mod folder;
mod frames;
mod growing;
mod open;
mod snapshot;

pub use growing::Growing;
pub use snapshot::{Held, OpenSequence, Stage};

/// Every folder that is watched, and what goes on in it.
///
/// `now` is the time since any fixed moment; it never runs backwards.
#[derive(Debug, Default)]
pub struct Tracker {
    folders: BTreeMap<Arc<Path>, Folder>,
    /// Those in which nothing goes on: what is told of them, without their files.
    asleep: BTreeMap<Arc<Path>, Asleep>,
    /// The first due moment of each folder that has one.
    due: BTreeSet<(Duration, Arc<Path>)>,
    events: u64,
}

/// What happened, as the loop tells the tracker.
#[derive(Debug, Clone)]
pub enum Event {
    /// A folder was read.
    Listed {
        /// The folder.
        dir: Arc<Path>,
        /// What is in it.
        listing: Listing,
    },
    /// A folder is gone although its root is still the root it was.
    FolderGone(Arc<Path>),
    /// A client says that a folder is finished.
    Done(Arc<Path>),
    /// The answer to [`Decision::Inspect`].
    Inspected {
        /// The folder.
        dir: Arc<Path>,
        /// The sequence.
        pattern: Pattern,
        /// What the frames turned out to be.
        result: InspectionResult,
    },
    /// What generators embedded in whole files of a sequence that is open.
    Heads {
        /// The folder.
        dir: Arc<Path>,
        /// The sequence.
        pattern: Pattern,
        /// The files, and what is in them.
        heads: Vec<(Frame, Origin)>,
    },
    /// Files that a journalled batch holds, delivered or pending: they are not taken again.
    Claimed {
        /// The folder.
        dir: Arc<Path>,
        /// The files.
        files: Vec<Identity>,
    },
    /// A batch was forgotten, or its files changed before it was encoded: what still exists of them is free again.
    Released {
        /// The folder.
        dir: Arc<Path>,
        /// The files.
        files: Vec<Identity>,
    },
    /// Time passed.
    Tick,
}

/// What a reading of a folder found.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Whether `files` is all there is. A partial listing says nothing about files it does not name.
    pub complete: bool,
    /// Regular files that may be frames or markers.
    pub files: Vec<(BString, Identity)>,
    /// Names that a partial listing looked for and found absent.
    pub gone: Vec<BString>,
    /// Which of `files` were there before their root was first watched. Counts for files that are not known yet.
    pub existing: ExistingFiles,
    /// The path with a slash at its end from the folder that the event names to the one that was read; empty where that is
    /// the same. Folders that follow each other are listed one by one, and known as one.
    pub within: BString,
}

impl Listing {
    /// This listing as that of a folder of `within`, seen from the folder above.
    #[must_use]
    pub fn below(mut self, within: BString) -> Self {
        if !within.is_empty() {
            let names = self.files.iter_mut().map(|(name, _)| name).chain(&mut self.gone);
            names.for_each(|name| *name = [within.as_slice(), name].concat().into());
            self.within = within;
        }
        self
    }
}

/// What an inspection of a sequence's files found.
#[derive(Debug, Clone)]
pub enum InspectionResult {
    /// Every frame is still the file that was listed.
    Looked {
        /// Those that cannot be read, and why. By ascending number.
        flawed: Vec<(Frame, Flaw)>,
        /// The runs that the others are of, by their first numbers. Those that were not to be weighed are in none.
        runs: Vec<FrameRun>,
    },
    /// A file changed or vanished since it was listed; a fresh listing is on its way.
    Changed,
}

/// Frames that were made together, as far as an inspection can tell.
#[derive(Debug, Clone)]
pub struct FrameRun {
    /// Their numbers, ascending; there is at least one.
    pub numbers: Vec<FrameNumber>,
    /// Whether they are a film; `None` where that was not asked.
    pub judgement: Option<Judgement>,
    /// How many frames were announced.
    pub total: Option<Total>,
    /// The rate that their maker says.
    pub rate: Option<MakersRate>,
    /// Who made them.
    pub made_by: Option<MadeBy>,
}

/// What the loop is to do.
#[derive(Debug, Clone)]
pub enum Decision {
    /// Check that each of these files is whole, and answer with [`Event::Inspected`].
    Inspect {
        /// The folder.
        dir: Arc<Path>,
        /// The sequence.
        pattern: Pattern,
        /// Its frames, ascending.
        frames: Vec<Frame>,
        /// Nobody said that it is finished: tell also what speaks for a film, of the frames from this number on. Those
        /// before it were left over when a rest began, and the verdict is not about them.
        weigh: Option<FrameNumber>,
    },
    /// The sequence is finished and frozen: make a video of it.
    Seal(Batch),
    /// The frames of a sequence are others than they were; [`Tracker::growing`] knows them.
    Grew {
        /// The folder.
        dir: Arc<Path>,
        /// The sequence.
        pattern: Pattern,
        /// No frame below this number changed.
        from: FrameNumber,
    },
    /// Images of a folder are in no sequence, for a reason that was not told before.
    LeftAlone {
        /// The folder.
        dir: Arc<Path>,
        /// The reason of one of them; the others' are like it.
        why: LeftAlone,
        /// How many.
        count: usize,
        /// One of them.
        example: BString,
    },
    /// These images are previews of frames that a batch holds, or beside such frames. They are to stay previews after the
    /// frames are gone.
    Previews {
        /// The folder.
        dir: Arc<Path>,
        /// The images.
        files: Vec<(BString, Identity)>,
    },
    /// Worth a line in the log.
    Note {
        /// The folder.
        dir: Arc<Path>,
        /// The sequence.
        pattern: Pattern,
        /// One sentence.
        text: String,
        /// What the user can do about it. Such a note is a warning.
        hint: Option<String>,
    },
}

/// What silence does not end because it was there before anyone watched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExistingCount {
    /// Sequences that are long enough for a video.
    pub sequences: u64,
    /// Their files.
    pub files: u64,
}

/// Sequences that are not videos yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenCount {
    /// How many there are.
    pub sequences: u64,
    /// Their frames that are in no batch.
    pub frames: u64,
}

impl Sum for OpenCount {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |all, count| Self {
            sequences: all.sequences + count.sequences,
            frames: all.frames + count.frames,
        })
    }
}

impl Sum for ExistingCount {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |all, count| Self {
            sequences: all.sequences + count.sequences,
            files: all.files + count.files,
        })
    }
}

impl Tracker {
    /// Starts to follow a folder, or follows it by other rules from the next event on. Events of folders that were not
    /// opened are ignored.
    pub fn open(&mut self, dir: Arc<Path>, rules: Arc<Rules>, names: Arc<NameRule>) {
        if let Some(folder) = self.folders.get_mut(&dir) {
            let before = folder.next_due();
            folder.reopen(rules, names, Moment { now: Duration::ZERO, event: self.events, inherited: &[] });
            let after = folder.next_due();
            self.reschedule(&dir, before, after);
        } else if let Some(asleep) = self.asleep.get_mut(&dir) {
            (asleep.rules, asleep.names) = (rules, names);
        } else {
            self.folders.insert(Arc::clone(&dir), Folder::new(dir, rules, names));
        }
    }

    /// Forgets the folders that `keep` does not pick, such as those of a root that left the configuration: nobody would
    /// answer for them any more.
    pub fn retain(&mut self, keep: impl Fn(&Path) -> bool) {
        self.folders.retain(|dir, _| keep(dir));
        self.asleep.retain(|dir, _| keep(dir));
        self.due.retain(|(_, dir)| keep(dir));
    }

    /// Puts a folder to sleep in which nothing goes on: its files are forgotten, and what is told of it is kept. Whether it
    /// is such a folder. What comes next must be a [`wake`](Self::wake), and all that its first reading brought.
    pub fn sleep(&mut self, dir: &Path) -> bool {
        let Some(asleep) = self.folders.get(dir).and_then(Folder::asleep) else { return false };
        if let Some((dir, _)) = self.folders.remove_entry(dir) {
            self.asleep.insert(dir, asleep);
        }
        true
    }

    /// Follows a folder again that sleeps; another one stays as it is.
    pub fn wake(&mut self, dir: &Path) {
        if let Some((dir, asleep)) = self.asleep.remove_entry(dir) {
            self.folders.insert(Arc::clone(&dir), Folder::woken(dir, asleep));
        }
    }

    /// Whether a folder sleeps. Events of it are ignored meanwhile.
    #[must_use]
    pub fn is_asleep(&self, dir: &Path) -> bool {
        self.asleep.contains_key(dir)
    }

    /// The `batch_NNNN` folders right below `dir`.
    #[must_use]
    pub fn batch_folders(&self, dir: &Path) -> Vec<Arc<Path>> {
        let below = self.folders.range::<Path, _>((Bound::Excluded(dir), Bound::Unbounded)).map(|(path, _)| path);
        let below = below.take_while(|path| path.starts_with(dir));
        below.filter(|path| path.parent() == Some(dir) && is_batch_folder(path)).cloned().collect()
    }

    /// Takes in what happened, and everything that is due by `now`. The decisions are in the order in which they are to
    /// be carried out.
    pub fn apply(&mut self, event: Event, now: Duration) -> Vec<Decision> {
        self.events += 1;
        let mut out = Vec::new();
        match event {
            Event::Listed { dir, listing } => {
                let bare = self.with(&dir, now, |folder, moment| folder.listed(&listing, moment, &mut out));
                if bare == Some(true) {
                    self.with_batches(&dir, now, |folder, moment| folder.reconsider(moment, &mut out));
                }
            }
            Event::FolderGone(dir) => {
                self.asleep.remove(&dir);
                if let Some(folder) = self.folders.remove(&dir) {
                    self.reschedule(&dir, folder.next_due(), None);
                }
            }
            Event::Done(dir) => {
                self.with(&dir, now, |folder, moment| folder.done(moment, &mut out));
                self.with_batches(&dir, now, |folder, moment| folder.done(moment, &mut out));
            }
            Event::Inspected { dir, pattern, result } => {
                self.with(&dir, now, |folder, moment| folder.inspected(&pattern, result, moment, &mut out));
            }
            Event::Heads { dir, pattern, heads } => {
                self.with(&dir, now, |folder, moment| folder.learn_heads(&pattern, &heads, moment, &mut out));
            }
            Event::Claimed { dir, files } => {
                self.with(&dir, now, |folder, moment| folder.claim(&files, moment, &mut out));
            }
            Event::Released { dir, files } => {
                self.with(&dir, now, |folder, moment| folder.release(&files, moment, &mut out));
            }
            Event::Tick => {}
        }
        let due = self.due.iter().take_while(|(due, _)| *due <= now).map(|(_, dir)| Arc::clone(dir));
        for dir in due.collect::<Vec<_>>() {
            self.with(&dir, now, |folder, moment| folder.tick(moment, &mut out));
        }
        out
    }

    /// When time alone brings the next decision: a [`Event::Tick`] is wanted then, and none before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        self.due.first().map(|(due, _)| *due)
    }

    /// The sequence of `pattern` in `dir`, if it has frames.
    #[must_use]
    pub fn growing(&self, dir: &Path, pattern: &Pattern) -> Option<Growing<'_>> {
        self.folders.get(dir)?.growing(pattern)
    }

    /// Every sequence of the folders that are awake.
    #[must_use]
    pub fn patterns(&self) -> Vec<(Arc<Path>, Pattern)> {
        let of = |(dir, folder): (&Arc<Path>, &Folder)| {
            folder.patterns().map(|pattern| (Arc::clone(dir), pattern.clone())).collect::<Vec<_>>()
        };
        self.folders.iter().flat_map(of).collect()
    }

    /// The sequences in `dir` and below that are left alone because their files were there before anyone watched, and
    /// that are long enough for a video.
    #[must_use]
    pub fn existing(&self, dir: &Path) -> ExistingCount {
        let from = (Bound::Included(dir), Bound::Unbounded);
        let awake = self.folders.range::<Path, _>(from).map(|(path, folder)| (path, folder.existing()));
        let asleep = self.asleep.range::<Path, _>(from).map(|(path, folder)| (path, folder.existing));
        let within = |(path, _): &(&Arc<Path>, ExistingCount)| path.starts_with(dir);
        awake.take_while(within).chain(asleep.take_while(within)).map(|(_, count)| count).sum()
    }

    /// How much [`Self::snapshot`] would hold, without making it: this is asked every few seconds, and old sequences are many.
    #[must_use]
    pub fn open_count(&self) -> OpenCount {
        let awake = self.folders.values().map(Folder::open_count);
        awake.chain(self.asleep.values().map(Asleep::open_count)).sum()
    }

    /// What goes on, ordered by folder.
    #[must_use]
    pub fn snapshot(&self, now: Duration) -> Vec<OpenSequence> {
        let awake = self.folders.iter().map(|(dir, folder)| (dir, folder.snapshot(now)));
        let asleep = self.asleep.iter().map(|(dir, folder)| (dir, folder.snapshot(now)));
        let mut folders: Vec<(&Arc<Path>, Vec<OpenSequence>)> = awake.chain(asleep).collect();
        folders.sort_by_key(|(dir, _)| *dir);
        folders.into_iter().flat_map(|(_, sequences)| sequences).collect()
    }

    fn with<R>(&mut self, dir: &Arc<Path>, now: Duration, act: impl FnOnce(&mut Folder, Moment<'_>) -> R) -> Option<R> {
        let inherited = self.markers_above(dir);
        let folder = self.folders.get_mut(dir)?;
        let before = folder.next_due();
        let result = act(folder, Moment { now, event: self.events, inherited: &inherited });
        let after = folder.next_due();
        self.reschedule(dir, before, after);
        Some(result)
    }

    /// The same for every `batch_NNNN` folder right below `dir`.
    fn with_batches(&mut self, dir: &Arc<Path>, now: Duration, mut act: impl FnMut(&mut Folder, Moment<'_>)) {
        for batch in self.batch_folders(dir) {
            self.with(&batch, now, &mut act);
        }
    }

    fn markers_above(&self, dir: &Path) -> Vec<Marker> {
        let above = dir.parent().filter(|_| is_batch_folder(dir)).and_then(|above| self.folders.get(above));
        above.map(Folder::bare_markers).unwrap_or_default()
    }

    fn reschedule(&mut self, dir: &Arc<Path>, before: Option<Duration>, after: Option<Duration>) {
        if before == after {
            return;
        }
        if let Some(due) = before {
            self.due.remove(&(due, Arc::clone(dir)));
        }
        if let Some(due) = after {
            self.due.insert((due, Arc::clone(dir)));
        }
    }
}

#[cfg(test)]
mod tests;

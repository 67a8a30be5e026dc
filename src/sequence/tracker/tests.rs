//! A simulated folder, clock and inspector around the tracker.

use globset::{Glob, GlobSetBuilder};

use super::*;
use crate::sequence::film;
use crate::sequence::finish::{Continuation, Existing, FinishReason, IdleTimeout, MissingFrames, Stills};
use crate::sequence::order::FrameOrder;
use crate::sequence::origin::{Embedded, run_starts};
use crate::sequence::sizes::{Size, by_size};

mod aside;
mod asleep;
mod batches;
mod existing;
mod films;
mod negatives;
mod runs;
mod schedules;
mod trees;

const EMPTY: u64 = 0;
const TORN: u64 = 1;
/// Whole, and nothing that can be read.
const FOREIGN: u64 = 2;
const WHOLE: u64 = 1000;

/// What an inspector would say of a file of this size.
fn flaw_of(size: u64) -> Option<Flaw> {
    let (reason, lasting) = match size {
        EMPTY => ("the file is empty", false),
        TORN => ("the image is not whole", false),
        FOREIGN => ("unsupported image: DPX", true),
        _ => return None,
    };
    Some(Flaw { reason: reason.to_owned(), hint: "save it again".to_owned(), lasting })
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn rules() -> Rules {
    let mut markers = GlobSetBuilder::new();
    for marker in [".done", "done", "*.done"] {
        markers.add(Glob::new(marker).unwrap());
    }
    Rules {
        final_marker: markers.build().unwrap(),
        final_frame: None,
        last_frame: None,
        frame_count: None,
        idle_timeout: IdleTimeout::After(seconds(60)),
        max_wait: seconds(600),
        min_frames: 1,
        missing_frames: MissingFrames::Skip,
        max_hold: 250,
        continuation: Continuation::New,
        existing: Existing::Skip,
        stills: Stills::Skip,
        order: FrameOrder::Number,
        generator: None,
    }
}

/// What the disk holds, what the tracker is told of it, and what it decided.
struct World {
    tracker: Tracker,
    dir: Arc<Path>,
    files: BTreeMap<BString, Identity>,
    now: Duration,
    inodes: u64,
    batches: Vec<Batch>,
    notes: Vec<String>,
    /// How many of the notes are warnings.
    warnings: usize,
    inspections: usize,
    /// Previews that are to be kept, but for those that come with a batch.
    previews: Vec<String>,
    /// The frames that were weighed last.
    weighed: Vec<i64>,
    /// What generators embedded in files of these names.
    origins: BTreeMap<BString, Origin>,
    /// What every run that is weighed looks like.
    looks: film::FilmVerdict,
    /// The size of the frame with a number.
    size_of: fn(i64) -> Size,
}

impl World {
    fn new(rules: Rules) -> Self {
        let dir: Arc<Path> = Arc::from(Path::new("/renders/shot"));
        let mut tracker = Tracker::default();
        tracker.open(Arc::clone(&dir), Arc::new(rules), Arc::new(NameRule::Auto));
        Self {
            tracker,
            dir,
            files: BTreeMap::new(),
            now: seconds(1000),
            inodes: 0,
            batches: Vec::new(),
            notes: Vec::new(),
            warnings: 0,
            inspections: 0,
            previews: Vec::new(),
            weighed: Vec::new(),
            origins: BTreeMap::new(),
            looks: film::FilmVerdict::Film,
            size_of: |_| (16, 9),
        }
    }

    /// Writes a file that is modified now.
    fn write(&mut self, name: &str, size: u64) -> Identity {
        self.write_at(name, size, self.now)
    }

    fn write_at(&mut self, name: &str, size: u64, time: Duration) -> Identity {
        self.inodes += 1;
        let mtime_ns = i64::try_from(time.as_nanos()).unwrap();
        let identity = Identity { dev: 1, ino: self.inodes, size, mtime_ns };
        self.files.insert(name.into(), identity);
        identity
    }

    /// Writes whole frames of `shot.####.png`.
    fn frames(&mut self, numbers: impl IntoIterator<Item = i64>) {
        for number in numbers {
            self.write(&format!("shot.{number:04}.png"), WHOLE);
        }
    }

    fn list(&mut self) {
        let files = self.files.clone().into_iter().collect();
        self.apply(Event::Listed {
            dir: Arc::clone(&self.dir),
            listing: Listing { complete: true, files, ..Listing::default() },
        });
    }

    fn list_only(&mut self, names: &[&str]) {
        let found = |name: &&str| Some((BString::from(*name), *self.files.get(&BString::from(*name))?));
        let files = names.iter().filter_map(found).collect();
        let gone =
            names.iter().filter(|name| !self.files.contains_key(&BString::from(**name))).map(|name| (*name).into());
        let listing = Listing { complete: false, files, gone: gone.collect(), ..Listing::default() };
        self.apply(Event::Listed { dir: Arc::clone(&self.dir), listing });
    }

    /// Tells the tracker of an event and answers what it asks for.
    fn apply(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for decision in self.tracker.apply(event, self.now) {
                match decision {
                    Decision::Seal(batch) => self.batches.push(batch),
                    Decision::Note { text, hint, .. } => {
                        self.warnings += usize::from(hint.is_some());
                        self.notes.push(text);
                    }
                    Decision::Grew { .. } => {}
                    Decision::Previews { files, .. } => {
                        self.previews.extend(files.into_iter().map(|(name, _)| name.to_string()));
                    }
                    Decision::LeftAlone { why, count, .. } => self.notes.push(format!("{count}: {why}")),
                    Decision::Inspect { dir, pattern, frames, weigh } => {
                        self.inspections += 1;
                        let result = self.result(&pattern, &frames, weigh);
                        events.push(Event::Inspected { dir, pattern, result });
                    }
                }
            }
        }
        assert!(self.tracker.next_deadline().is_none_or(|due| due > self.now), "nothing due is left undone");
    }

    fn result(&mut self, pattern: &Pattern, frames: &[Frame], weigh: Option<FrameNumber>) -> InspectionResult {
        let current = |frame: &Frame| self.files.get(&frame.file_name(pattern)) == Some(&frame.identity);
        if !frames.iter().all(current) {
            return InspectionResult::Changed;
        }
        let flaw = |frame: &Frame| Some((frame.clone(), flaw_of(frame.identity.size)?));
        let flawed: Vec<(Frame, Flaw)> = frames.iter().filter_map(flaw).collect();
        let whole: Vec<&Frame> = frames.iter().filter(|frame| flaw_of(frame.identity.size).is_none()).collect();
        let origin = |frame: &&Frame| self.origins.get(&frame.file_name(pattern)).copied().unwrap_or_default();
        let origins: Vec<Origin> = whole.iter().map(origin).collect();
        let size = |frame: &&Frame| (self.size_of)(frame.number);
        let sizes: Vec<Size> = whole.iter().map(size).collect();
        let judgement = || Judgement { verdict: self.looks, points: 0, reasons: Vec::new() };
        let run = |places: &[usize]| FrameRun {
            numbers: places.iter().map(|at| whole[*at].number).collect(),
            judgement: weigh.map(|_| judgement()),
            total: places.last().and_then(|last| origins[*last].total()),
            rate: None,
            made_by: None,
        };
        let from = whole.partition_point(|frame| weigh.is_some_and(|from| frame.number < from));
        let mut runs: Vec<FrameRun> = Vec::new();
        for places in by_size(&sizes[from..]) {
            let places: Vec<usize> = places.into_iter().map(|at| from + at).collect();
            let of: Vec<Origin> = places.iter().map(|at| origins[*at]).collect();
            let starts = if weigh.is_some() { run_starts(&of) } else { vec![0] };
            let ends = starts.iter().skip(1).copied().chain([places.len()]);
            runs.extend(starts.iter().zip(ends).map(|(start, end)| run(&places[*start..end])));
        }
        runs.sort_by_key(|run| run.numbers[0]);
        self.weighed = whole[from..].iter().map(|frame| frame.number).collect();
        InspectionResult::Looked { flawed, runs }
    }

    /// Lets time pass, waking only when the tracker asked to be woken.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.tracker.next_deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.apply(Event::Tick);
        }
        self.now = end;
    }

    /// The numbers of each batch so far.
    fn numbers(&self) -> Vec<Vec<i64>> {
        self.batches.iter().map(|batch| batch.frames.iter().map(|frame| frame.number).collect()).collect()
    }

    /// The numbers that the last batch could not read.
    fn unreadable(&self) -> Vec<i64> {
        self.last().unreadable.iter().map(|file| file.number).collect()
    }

    fn last(&self) -> &Batch {
        self.batches.last().expect("a batch")
    }
}

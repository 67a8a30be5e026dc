//! Whether a video can be made by the settings of each root at all, found out with a few frames before there is a render to
//! wait for.
//!
//! Owns what was tried with which FFmpeg, and what came of it. What no FFmpeg could do is refused when the config is read; what
//! this FFmpeg says may pass, in the middle of an upgrade for one, so that it is told and nothing is stopped. Everything is
//! tried on a worker thread: the watching never waits for it.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::config::{Root, Settings};
use crate::daemon::command::Trouble;
use crate::daemon::event::Event;
use crate::daemon::{Daemon, Phase};
use crate::encode::ffmpeg::{Ffmpeg, Stop};
use crate::encode::{self, EncodeError, Extent, PROBE_HINT};
use crate::error::{Explain, chain};
use crate::pipeline::job::Tools;
use crate::text::printable::Show as _;

/// Time until it is looked whether FFmpeg is another one, and until what failed is tried again.
const AGAIN: Duration = Duration::from_secs(300);

/// The folder in the state directory in which it is tried. One that a killed daemon left is removed by the next trial.
const FOLDER: &str = "trial";

/// An FFmpeg and a recipe, in words: equal ones need one trial.
type Key = String;

/// What was tried, and what came of it.
#[derive(Debug, Default)]
pub(super) struct Trials {
    /// What made a video.
    good: HashSet<Key>,
    /// The roots whose settings made none, as far as is known.
    troubles: Vec<Trouble>,
    under_way: bool,
    /// The config was read again since the trial began.
    again: bool,
    due: Option<Duration>,
    stop: Stop,
}

/// What a trial of all recipes came to.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    good: HashSet<Key>,
    troubles: Vec<Trouble>,
}

impl Trials {
    /// When the next one is due.
    pub(super) fn due(&self) -> Option<Duration> {
        self.due
    }

    /// The roots of which no video can be made.
    pub(super) fn troubles(&self) -> &[Trouble] {
        &self.troubles
    }

    /// Ends the one that is under way.
    pub(super) fn abort(&mut self) {
        self.stop.request();
        self.due = None;
    }
}

impl Daemon {
    /// Tries the recipe of each root that was not tried with this FFmpeg yet.
    pub(super) fn try_recipes(&mut self) {
        self.trials.due = None;
        if matches!(self.phase, Phase::Stopping { .. }) {
            return;
        }
        if self.trials.under_way {
            self.trials.again = true;
            return;
        }
        self.trials.under_way = true;
        let (settings, tools) = (self.settings.now(), self.tools.clone());
        let (good, stop) = (self.trials.good.clone(), self.trials.stop.clone());
        self.spawn(move || {
            // Nobody would try again after a panic.
            let tried = catch_unwind(AssertUnwindSafe(|| try_all(&settings, &tools, &good, &stop)));
            Event::Tried(tried.unwrap_or_default())
        });
    }

    pub(super) fn tried(&mut self, Tried { good, troubles }: Tried) {
        self.trials.under_way = false;
        if matches!(self.phase, Phase::Stopping { .. }) {
            return;
        }
        self.trials.due = Some(self.now() + AGAIN);
        if std::mem::take(&mut self.trials.again) {
            // By settings that hold no more.
            self.trials.good = good;
            return self.try_recipes();
        }
        for trouble in troubles.iter().filter(|trouble| !self.trials.troubles.contains(trouble)) {
            let Trouble { root, preset, why, hint } = trouble;
            let hint = hint.as_deref().unwrap_or_default();
            tracing::error!(root, preset, hint, "no video can be made by the settings of this root: {why}");
        }
        for old in &self.trials.troubles {
            if !troubles.iter().any(|trouble| trouble.root == old.root) {
                tracing::info!(root = old.root, "videos can be made by the settings of this root");
            }
        }
        (self.trials.good, self.trials.troubles) = (good, troubles);
        self.show_status();
    }

    /// For the status line: of how many roots no video can be made, and why of the first.
    pub(super) fn trouble(&self) -> Option<String> {
        let [first, ..] = self.trials.troubles() else { return None };
        let count = self.trials.troubles().len();
        let Trouble { root, why, .. } = first;
        Some(format!("no video can be made in {count} of {} roots ({root}: {why})", self.roots.len()))
    }
}

fn try_all(settings: &Settings, tools: &Tools, good: &HashSet<Key>, stop: &Stop) -> Tried {
    let mut tried = Tried::default();
    let ffmpeg = tools.ffmpeg();
    let mut failed: HashMap<Key, (String, Option<String>)> = HashMap::new();
    for root in &settings.config.roots {
        let preset = root.video.settings();
        let result = match &ffmpeg {
            Err(error) => Err(words(error)),
            Ok(ffmpeg) => {
                let Ffmpeg { path, version, identity } = ffmpeg;
                let key = format!("{} {version} {identity:?} {:?} {:?}", path.shown(), root.video, tools.encoder);
                if let Some(failed) = failed.get(&key) {
                    Err(failed.clone())
                } else if tried.good.contains(&key) || good.contains(&key) {
                    tried.good.insert(key);
                    Ok(())
                } else {
                    let result = try_one(ffmpeg, tools, root, stop);
                    match &result {
                        Ok(()) => drop(tried.good.insert(key)),
                        Err(why) => drop(failed.insert(key, why.clone())),
                    }
                    result
                }
            }
        };
        if stop.requested() {
            break;
        }
        if let Err((why, hint)) = result {
            tried.troubles.push(Trouble { root: root.path.shown().to_string(), preset, why, hint });
        }
    }
    tried
}

fn try_one(ffmpeg: &Ffmpeg, tools: &Tools, root: &Root, stop: &Stop) -> Result<(), (String, Option<String>)> {
    let folder = tools.journal.dir().join(FOLDER);
    let _ = fs::remove_dir_all(&folder);
    // Not with what is above it: a state directory that was removed must not come back empty.
    let made = fs::create_dir(&folder).map_err(EncodeError::io(&folder));
    let result =
        made.and_then(|()| encode::probe_in(ffmpeg, &root.video, &tools.encoder, &folder, Extent::VideoAndChunk, stop));
    let _ = fs::remove_dir_all(&folder);
    result.map_err(|error| {
        let (why, hint) = words(&error);
        (why, hint.or_else(|| Some(PROBE_HINT.to_owned())))
    })
}

fn words<E: Explain + 'static>(error: &E) -> (String, Option<String>) {
    (chain(error).to_string(), error.hint())
}

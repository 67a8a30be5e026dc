//! Whether a video can be made by the settings of each root at all, found out with a few frames before there is a render to
//! wait for.
//!
//! Owns what was tried with which FFmpeg, what came of it, and when it is tried again. What no FFmpeg could do is refused when
//! the config is read; what this FFmpeg says may pass, in the middle of an upgrade for one, so that it is told and nothing is
//! stopped.

use std::collections::HashSet;
use std::time::Duration;

use crate::core::Core;
use crate::core::command::Trouble;
use crate::core::effect::{Effect, RecipeKey};
use crate::core::event::{Failure, Tried};
use crate::core::news::News;

/// Time until it is looked whether FFmpeg is another one, and until what failed is tried again.
const AGAIN: Duration = Duration::from_secs(300);

/// The first trial begins when every root was read, or in this time where one of them cannot be. A start waits for the reading,
/// and nobody waits for the trial, which takes as much processor time as reading a hundred thousand files.
const READING_FIRST: Duration = Duration::from_secs(10);

/// What was tried, and what came of it.
#[derive(Debug, Default)]
pub(super) struct Trials {
    /// What made a video.
    good: HashSet<RecipeKey>,
    /// The roots whose settings made none, as far as is known.
    troubles: Vec<Trouble>,
    under_way: bool,
    /// The config was read again since the trial began.
    again: bool,
    due: Option<Duration>,
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

    /// Whether the end of a trial is waited for.
    pub(super) fn is_under_way(&self) -> bool {
        self.under_way
    }
}

impl Core {
    /// The roots are about to be read.
    pub(super) fn try_recipes_later(&mut self) {
        self.trials.due = Some(self.now + READING_FIRST);
    }

    /// Tries the recipe of each root that was not tried with this FFmpeg yet.
    pub(super) fn try_recipes(&mut self) {
        self.trials.due = None;
        if self.is_stopping() {
            return;
        }
        if self.trials.under_way {
            self.trials.again = true;
            return;
        }
        self.trials.under_way = true;
        self.out.push(Effect::TryRecipes { good: self.trials.good.clone() });
    }

    /// Nobody waits for what they come to any more.
    pub(super) fn stop_trials(&mut self) {
        self.trials.due = None;
        self.out.push(Effect::StopTrials);
    }

    pub(super) fn tried(&mut self, outcome: Result<Tried, Failure>) {
        self.trials.under_way = false;
        if self.is_stopping() {
            return;
        }
        self.trials.due = Some(self.now + AGAIN);
        let Tried { good, troubles } = match outcome {
            Ok(tried) => tried,
            Err(failure) => {
                self.tell(News::TrialLost(failure));
                if std::mem::take(&mut self.trials.again) {
                    self.try_recipes();
                }
                return;
            }
        };
        if std::mem::take(&mut self.trials.again) {
            // By settings that hold no more.
            self.trials.good = good;
            return self.try_recipes();
        }
        let before = std::mem::replace(&mut self.trials.troubles, troubles.clone());
        self.trials.good = good;
        for trouble in troubles.iter().filter(|trouble| !before.contains(trouble)) {
            self.tell(News::Trouble(trouble.clone()));
        }
        for old in before {
            if !troubles.iter().any(|trouble| trouble.root == old.root) {
                self.tell(News::TroubleOver { root: old.root });
            }
        }
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

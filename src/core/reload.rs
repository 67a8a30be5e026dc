//! Reading the config again: what was read last holds as a whole, or nothing of it.
//!
//! Owns who waits for which reading, and what was wrong with the file.

use std::sync::Arc;

use crate::config::Root;
use crate::core::command::Reply;
use crate::core::effect::{Asker, Effect, Notice};
use crate::core::event::{Failure, Fresh};
use crate::core::news::News;
use crate::core::{Core, Phase};
use crate::sequence::group::Scope;
use crate::text::plural::counted;
use crate::text::printable::Show as _;

/// Readings of the config: one at a time, so that the one that was asked for last is the one that holds.
#[derive(Debug, Default)]
pub(super) struct Reloads {
    /// Whom the reading that is under way answers; `None` where none is.
    under_way: Option<Vec<Asker>>,
    /// Whether somebody asked since it began: the file may have been changed after it was read.
    again: bool,
    /// Who did, as far as they wait for an answer.
    waiting: Vec<Asker>,
    /// What is wrong with the file, in one line; `None` where the file as it was last read is in force.
    refused: Option<String>,
}

impl Reloads {
    /// What is wrong with the file, in one line; `None` where the file as it was last read is in force.
    pub(super) fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }
}

#[cfg(test)]
impl Reloads {
    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }
}

impl Core {
    /// Reads the config again, for a client or for a signal.
    pub(super) fn reload(&mut self, asker: Option<Asker>) {
        if self.is_stopping() {
            // The client is told by the end of its question.
            return;
        }
        self.reloads.waiting.extend(asker);
        if self.reloads.under_way.is_some() {
            self.reloads.again = true;
        } else {
            self.read_config();
        }
    }

    fn read_config(&mut self) {
        self.reloads.again = false;
        self.reloads.under_way = Some(std::mem::take(&mut self.reloads.waiting));
        self.out.extend([Effect::Notify(Notice::Reloading), Effect::ReadConfig]);
    }

    /// The config was read again. A bad one changes nothing.
    pub(super) fn reloaded(&mut self, result: Result<Fresh, Failure>) {
        if self.is_stopping() {
            // No root is opened any more.
            return;
        }
        let reply = match result {
            Ok(fresh) => {
                self.reloads.refused = None;
                self.adopt(fresh);
                let file = &self.settings.config.file;
                let roots = counted(self.roots.len() as u64, "folder is", "folders are");
                Reply::Done { message: format!("{} is in force: {roots} watched", file.shown()) }
            }
            Err(failure) => self.refuse(failure),
        };
        for asker in self.reloads.under_way.take().into_iter().flatten() {
            self.out.push(Effect::Reply(asker, reply.clone()));
        }
        if self.reloads.again {
            return self.read_config();
        }
        // A daemon that is still starting is ready when it has read its roots, not before.
        if self.phase == Phase::Running {
            self.out.push(Effect::Notify(Notice::Ready));
        }
        self.show_status();
    }

    fn refuse(&mut self, failure: Failure) -> Reply {
        self.reloads.refused = Some(failure.lines.lines().next().unwrap_or_default().to_owned());
        let hint = Some(&failure.hint).filter(|hint| !hint.is_empty()).map(|hint| format!("{hint}; "));
        let hint = hint.unwrap_or_default();
        let message = failure.lines.clone();
        self.tell(News::Refused(failure));
        Reply::Refused {
            message,
            hint: format!("{hint}until it can be read, the daemon goes on by the config that it read before"),
        }
    }

    /// For the status line: that a config was refused, until a good one is read.
    pub(super) fn refused_config(&self) -> Option<String> {
        let what = self.reloads.refused()?;
        Some(format!("config refused, the one before it stays in force ({what})"))
    }

    /// Everything that follows from the config is made anew of the new one; of the old one stays what runs.
    fn adopt(&mut self, Fresh { settings, program }: Fresh) {
        for root in std::mem::take(&mut self.roots).into_keys() {
            self.out.push(Effect::CloseRoot(root));
        }
        let old = std::mem::replace(&mut self.settings, Arc::clone(&settings));
        self.out.push(Effect::Adopt { settings: Arc::clone(&settings), program });
        self.take_over_files(&old);
        self.tracker.retain(|dir| goes_on(old.of(dir), settings.of(dir)));
        // Chunks that are whole stay; what is made of them by other settings is made anew.
        self.live_abort();
        // Who reads the config again says that every folder is the right one, as for the roots.
        self.journal_poll.reconsider();
        self.open_roots();
        self.live_begin_anew();
        self.try_recipes();
        self.ask_journal();
        self.tell(News::Reloaded { roots: self.roots.len() });
    }
}

/// Whether what is known of a folder goes on under the settings that it has now. It does not where nobody would answer for the
/// folder any more, an inspection in a root that is away for one. Where folders are taken together, all is read anew when
/// others are than before, or when others are left out: what came from those would stay in the sequence.
fn goes_on(before: Option<&Root>, now: Option<&Root>) -> bool {
    let (Some(before), Some(now)) = (before, now) else { return false };
    before.group == now.group && (now.group == Scope::Folder || before.selection == now.selection)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn root(keys: &str) -> Root {
        let text = format!("[[watch]]\npath = \"/r\"\n{keys}\n");
        Config::parse(&text, Path::new("/etc/reeld.toml")).unwrap().roots.remove(0)
    }

    #[test]
    fn what_is_known_of_a_folder_goes_on_unless_other_files_are_taken_together() {
        let (folder, tree) = (root(""), root("group = \"tree\""));
        let (fewer, fewer_of_tree) = (root("exclude = [\"a\"]"), root("group = \"tree\"\nexclude = [\"a\"]"));
        assert!(goes_on(Some(&folder), Some(&root("preset = \"av1\""))));
        // The next listing, which is of the whole folder, leaves out what is left out now.
        assert!(goes_on(Some(&folder), Some(&fewer)));
        assert!(goes_on(Some(&tree), Some(&root("group = \"tree\"\npreset = \"av1\""))));
        assert!(!goes_on(Some(&tree), Some(&fewer_of_tree)));
        assert!(!goes_on(Some(&folder), Some(&tree)));
        assert!(!goes_on(Some(&folder), None) && !goes_on(None, Some(&folder)));
    }
}

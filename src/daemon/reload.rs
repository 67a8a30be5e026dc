//! Reading the config again: what was read last holds as a whole, or nothing of it.
//!
//! Owns who waits for which reading, and what was wrong with the file. The reading itself is done on a worker thread.

use std::path::{Path, PathBuf};

use tokio::sync::oneshot;

use crate::config::{Config, Root, Settings, dirs};
use crate::daemon::command::Reply;
use crate::daemon::error::ReloadError;
use crate::daemon::event::Event;
use crate::daemon::systemd::Systemd;
use crate::daemon::{Daemon, Phase};
use crate::encode::ffmpeg::Ffmpeg;
use crate::error::{Explain as _, chain};
use crate::pipeline::chunks;
use crate::pipeline::job::Tools;
use crate::sequence::group::Scope;
use crate::text::plural::counted;
use crate::text::printable::Show as _;

/// A client that waits for an answer.
type Asker = oneshot::Sender<Reply>;

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

/// What a reading of the config came to.
#[derive(Debug)]
pub(crate) struct Fresh {
    config: Config,
    /// The FFmpeg that it means.
    program: PathBuf,
}

impl Daemon {
    /// Reads the config again, for a client or for a signal.
    pub(super) fn reload(&mut self, asker: Option<Asker>) {
        if matches!(self.phase, Phase::Stopping { .. }) {
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
        Systemd::reloading();
        self.reloads.again = false;
        self.reloads.under_way = Some(std::mem::take(&mut self.reloads.waiting));
        let (settings, program) = (self.settings.now(), self.tools.program.clone());
        self.spawn(move || {
            let Config { file, encoder, .. } = &settings.config;
            Event::Reloaded(read(file, &program, encoder.ffmpeg.as_deref()).map(Box::new))
        });
    }

    /// The config was read again. A bad one changes nothing.
    pub(super) fn reloaded(&mut self, result: Result<Box<Fresh>, ReloadError>) {
        let reply = match result {
            Ok(fresh) => {
                self.reloads.refused = None;
                self.adopt(*fresh);
                let file = self.settings.now().config.file.clone();
                let roots = counted(self.roots.len() as u64, "folder is", "folders are");
                Reply::Done { message: format!("{} is in force: {roots} watched", file.shown()) }
            }
            Err(error) => self.refuse(&error),
        };
        for asker in self.reloads.under_way.take().into_iter().flatten() {
            // A client that does not wait for the answer needs none.
            let _ = asker.send(reply.clone());
        }
        if self.reloads.again {
            return self.read_config();
        }
        // A daemon that is still starting is ready when it has read its roots, not before.
        if self.phase == Phase::Running {
            Systemd::ready();
        }
        self.show_status();
    }

    fn refuse(&mut self, error: &ReloadError) -> Reply {
        let text = chain(error).in_lines();
        // What is wrong is shown in the lines of the file, and an event of the log is one line.
        for line in text.lines() {
            tracing::error!("{line}");
        }
        tracing::error!(hint = error.hint().unwrap_or_default(), "the running config stays in force");
        self.reloads.refused = Some(text.lines().next().unwrap_or_default().to_owned());
        let hint = error.hint().map(|hint| format!("{hint}; ")).unwrap_or_default();
        Reply::Refused {
            message: text,
            hint: format!("{hint}until it can be read, the daemon goes on by the config that it read before"),
        }
    }

    /// For the status line: that a config was refused, until a good one is read.
    pub(super) fn refused_config(&self) -> Option<String> {
        let what = self.reloads.refused.as_ref()?;
        Some(format!("config refused, the one before it stays in force ({what})"))
    }

    /// Everything that follows from the config is made anew of the new one; of the old one stays what runs.
    fn adopt(&mut self, Fresh { config, program }: Fresh) {
        for watched in std::mem::take(&mut self.roots).into_values() {
            watched.reader.close();
        }
        let state = self.lock.state_dir();
        tell_what_waits_for_a_start(&config, state);
        let old = self.settings.replace(Settings::new(config, state));
        let new = self.settings.now();
        let tools = Tools::of(&new, program, self.tools.journal.clone());
        let old_tools = std::mem::replace(&mut self.tools, tools);
        self.tracker.retain(|dir| goes_on(old.of(dir), new.of(dir)));
        // Chunks that are whole stay; what is made of them by other settings is made anew.
        self.live.abort();
        if old_tools.chunk_dir != self.tools.chunk_dir {
            tokio::task::spawn_blocking(move || chunks::move_out(&old_tools));
        }
        // Who reads the config again says that every folder is the right one, as for the roots.
        let asked = self.tools.journal.forget_places().and_then(|()| self.tools.journal.reconsider());
        if let Err(error) = asked {
            self.journal_failed(&error.into());
        }
        self.open_roots();
        self.live_begin_anew();
        self.try_recipes();
        self.ask_journal();
        tracing::info!(roots = self.roots.len(), ffmpeg = %self.tools.program.shown(), chunks = %self.tools.chunk_dir.shown(), "config reloaded; running encodes keep the old one");
    }
}

/// Whether what is known of a folder goes on under the settings that it has now. It does not where nobody would answer for the
/// folder any more, an inspection in a root that is away for one. Where folders are taken together, all is read anew when
/// others are than before, or when others are left out: what came from those would stay in the sequence.
fn goes_on(before: Option<&Root>, now: Option<&Root>) -> bool {
    let (Some(before), Some(now)) = (before, now) else { return false };
    before.group == now.group && (now.group == Scope::Folder || before.selection == now.selection)
}

/// Says what of a config holds from the next start on only. The rest holds at once.
fn tell_what_waits_for_a_start(config: &Config, state: &Path) {
    let asked = dirs::state_dir(config.state_dir.as_deref(), &dirs::process_env);
    if let Some(asked) = asked.ok().filter(|asked| asked != state) {
        let hint = "restart reeld to use it";
        tracing::warn!(state_dir = %asked.shown(), in_use = %state.shown(), hint, "`state_dir` is another one now, which needs a restart");
    }
}

/// Reads the config, and looks whether its FFmpeg can be used. `before` is the one in use.
fn read(file: &Path, before: &Path, was_named: Option<&Path>) -> Result<Fresh, ReloadError> {
    let config = Config::load(file)?;
    let named = config.encoder.ffmpeg.as_deref();
    let program = match Ffmpeg::locate(named) {
        Ok(program) => program,
        // Nobody asked for another one, and the one in use is away, as in the middle of an upgrade.
        Err(_) if named == was_named => before.to_owned(),
        Err(error) => return Err(error.into()),
    };
    if program != before {
        match Ffmpeg::ask(program.clone()) {
            Err(error) if !error.may_pass() => return Err(error.into()),
            _ => {}
        }
    }
    Ok(Fresh { config, program })
}

#[cfg(test)]
mod tests {
    use super::*;

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

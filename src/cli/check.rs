//! `reeld check`: what is right and wrong on this machine.

use std::cell::Cell;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use indicatif::BinaryBytes;

use super::error::CliError;
use super::interrupt::Interrupt;
use super::{ConfigArg, ask, out};
use crate::config::{self, Cleanup, Config, FolderFile, Root, dirs};
use crate::daemon::left_alone_hint;
use crate::deliver::publish;
use crate::encode::ffmpeg::Stop;
use crate::error::{Explain, chain, place};
use crate::journal::{Journal, JournalError, Lock};
use crate::sequence::existing::{ExistingFiles, FileSet};
use crate::sequence::os_name;
use crate::sequence::tracker::{Event, ExistingCount, Listing, Tracker};
use crate::serve::client::Client;
use crate::text::printable::Show as _;
use crate::watch::limits::{InotifyLimits, Limit};
use crate::watch::noticing;
use crate::watch::roots::RootGuard;
use crate::watch::scan::{self, FolderScan};

mod recipes;

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Check in this process, as a daemon does that is asked
    #[arg(long, hide = true)]
    here: bool,
}

/// Less free space than this for videos is worth a word: a minute of 1080p at high quality.
const LITTLE_SPACE: u64 = 1 << 30;

/// What was found so far.
#[derive(Debug, Default)]
struct Findings {
    wrong: u32,
}

impl Findings {
    /// A failure, with its causes. `what` is what failed, with what separates it from the rest, or nothing.
    fn failed<E: Explain + 'static>(&mut self, what: &str, error: &E) -> Result<(), CliError> {
        self.wrong(&format!("{what}{}", chain(error).in_lines().replace('\n', "\n       ")), error.hint())
    }

    fn wrong(&mut self, text: &str, hint: Option<String>) -> Result<(), CliError> {
        self.wrong += 1;
        out::line(&format!("WRONG  {text}"))?;
        if let Some(hint) = hint {
            out::line(&format!("       hint: {hint}"))?;
        }
        Ok(())
    }
}

fn good(text: &str) -> Result<(), CliError> {
    Ok(out::line(&format!("ok     {text}"))?)
}

fn note(text: &str) -> Result<(), CliError> {
    Ok(out::line(&format!("note   {text}"))?)
}

pub(crate) fn run(args: &CheckArgs, quiet: bool) -> Result<ExitCode, CliError> {
    if !args.here {
        match ask::daemon_to_check(&args.config, quiet)? {
            Ok(daemon) => return ask_daemon(daemon),
            Err(nobody) => nobody.check_here(quiet),
        }
    }
    let interrupt = Interrupt::listen()?;
    let findings = check_all(args, interrupt.stop())?;
    if interrupt.stop().requested() {
        // What the trials made is gone by now; a signal alone would have left it.
        interrupt.end();
        return Ok(ExitCode::FAILURE);
    }
    match findings.wrong {
        0 => out::line("all is well")?,
        1 => out::line("1 thing is wrong")?,
        wrong => out::line(&format!("{wrong} things are wrong"))?,
    }
    Ok(ExitCode::from(u8::from(findings.wrong > 0)))
}

/// Everything, one thing after the other, until `stop` is requested.
fn check_all(args: &CheckArgs, stop: &Stop) -> Result<Findings, CliError> {
    let mut findings = Findings::default();
    let config = check_config(args, &mut findings)?;
    recipes::check(config.as_ref(), stop, &mut findings)?;
    if let Some(config) = config.filter(|_| !stop.requested()) {
        let journal = dirs::state_dir(config.state_dir.as_deref(), &dirs::process_env)
            .ok()
            .and_then(|state| Journal::open_to_read(&state).ok().flatten());
        for root in &config.roots {
            check_root(root, &mut findings)?;
            check_existing(root, journal.as_ref(), stop)?;
            check_folder_files(root, &config, stop, &mut findings)?;
        }
        check_inotify(&config, stop, &mut findings)?;
        check_state(&config, &mut findings)?;
    }
    Ok(findings)
}

/// Prints what a daemon finds: it sees the folders with its own rights, from within its own sandbox.
fn ask_daemon(daemon: Client) -> Result<ExitCode, CliError> {
    match daemon.check(|line| Ok::<_, CliError>(out::line(line)?))? {
        Ok(status) => Ok(ExitCode::from(status)),
        Err(refused) => ask::show(refused),
    }
}

fn check_config(args: &CheckArgs, findings: &mut Findings) -> Result<Option<Config>, CliError> {
    let file = match config::locate(args.config.config.as_deref(), &dirs::process_env) {
        Ok(file) => file,
        Err(error) => {
            findings.failed("config: ", &error)?;
            return Ok(None);
        }
    };
    match Config::load(&file) {
        Ok(config) => {
            good(&format!("config: {}, folders watched: {}", file.shown(), config.roots.len()))?;
            Ok(Some(config))
        }
        Err(error) => {
            findings.failed("config: ", &error)?;
            Ok(None)
        }
    }
}

fn output_of(root: &Root) -> PathBuf {
    root.delivery.output_dir.as_ref().map_or_else(|| root.path.clone(), |dir| root.path.join(dir))
}

fn check_root(root: &Root, findings: &mut Findings) -> Result<(), CliError> {
    let path = match &root.link {
        Some(link) => format!("{} (through {})", root.path.shown(), link.shown()),
        None => root.path.shown().to_string(),
    };
    if let Err(error) = scan::read_folder(&root.path, &|_| false) {
        return findings.failed(&format!("{path}: "), &error);
    }
    let watching = noticing::decide(&root.path, root.watch);
    good(&format!("{path}: readable, {}: {}", watching.fs_type, watching.why))?;
    if let Some(why) = root.waits {
        note(&format!("{path}: encoding begins when a sequence is finished: {why}"))?;
    }
    if root.delivery.cleanup != Cleanup::Keep {
        check_writable(&root.path, "frames are removed here", findings)?;
    }
    let output = output_of(root);
    check_place(&output, "output_dir", "videos are staged and published here, on one mount", findings)
}

/// Says what the daemon would leave alone: everything while it has not watched the root yet, and later what the selection
/// by which it last read the root did not show.
fn check_existing(root: &Root, journal: Option<&Journal>, stop: &Stop) -> Result<(), CliError> {
    let mut guard = RootGuard::new(&root.path);
    guard.state();
    let Some(marks) = guard.marks() else { return Ok(()) };
    let watching = journal.filter(|journal| journal.has_watched(&marks).unwrap_or(false));
    let earlier = watching.and_then(|journal| journal.selection_of(&marks).unwrap_or(None));
    if watching.is_some() && earlier.as_ref().is_none_or(|earlier| *earlier == root.selection) {
        return Ok(());
    }
    let mut tracker = Tracker::default();
    for (read, scan) in folders_of(root, stop) {
        let (home, within) = root.home_of(&read);
        let dir: Arc<Path> = Arc::from(home);
        tracker.open(Arc::clone(&dir), Arc::clone(&root.finish), Arc::clone(&root.names));
        let claims = journal.map_or_else(Vec::new, |journal| journal.claims(&read).unwrap_or_default());
        tracker.apply(Event::Claimed { dir: Arc::clone(&dir), files: claims }, Duration::ZERO);
        let existing = match &earlier {
            None => ExistingFiles::All,
            Some(earlier) => {
                let shown = |name: &[u8]| earlier.shows(&root.relative(&read).join(os_name(name)));
                let hidden = scan.files.iter().filter(|(name, _)| !shown(name));
                ExistingFiles::Of(FileSet::of(hidden.map(|(name, file)| (name.as_slice(), file))))
            }
        };
        let listing = Listing { complete: true, files: scan.files, existing, ..Listing::default() };
        tracker.apply(Event::Listed { dir, listing: listing.below(within) }, Duration::ZERO);
    }
    let ExistingCount { sequences, files } = tracker.existing(&root.path);
    if sequences == 0 || stop.requested() {
        return Ok(());
    }
    let path = root.path.shown();
    note(&format!("{path}: there before, and would be left alone: sequences: {sequences}, files: {files}"))?;
    Ok(out::line(&format!("       hint: {}", left_alone_hint(&root.path)))?)
}

/// The files with settings that folders of the root have.
fn check_folder_files(root: &Root, config: &Config, stop: &Stop, findings: &mut Findings) -> Result<(), CliError> {
    if !root.folder_config {
        return Ok(());
    }
    let mut with_file = Vec::new();
    let start: Arc<Path> = Arc::from(root.path.as_path());
    scan::walk(&root.path, &start, root.selection.recursive, &root.selection.exclude, &mut |dir| {
        if stop.requested() {
            return Vec::new();
        }
        let seen = Cell::new(false);
        let Ok(scan) = scan::read_folder(dir, &|name| {
            seen.set(seen.get() || FolderFile::is_called(name));
            false
        }) else {
            return Vec::new();
        };
        if seen.get() && root.home_of(dir).1.is_empty() {
            with_file.push(Arc::clone(dir));
        }
        scan.folders
    });
    for dir in with_file {
        match FolderFile::read(&dir) {
            Ok(Some(file)) if file.path() != config.real_file() => {
                match file.over(root, &config.presets, &config.roots) {
                    Ok(_) => good(&format!("{}: in force for its folder: {}", file.path().shown(), file.keys()))?,
                    Err(error) => findings.failed("", &error)?,
                }
            }
            Ok(_) => {}
            Err(error) => findings.failed("", &error)?,
        }
    }
    Ok(())
}

/// Every folder of the root with the files in it that count, those below before those above them, as the daemon reads
/// them. One that cannot be read is left out, and so is what is not read yet when `stop` is requested.
fn folders_of(root: &Root, stop: &Stop) -> Vec<(Arc<Path>, FolderScan)> {
    let mut folders = Vec::new();
    let start: Arc<Path> = Arc::from(root.path.as_path());
    scan::walk(&root.path, &start, root.selection.recursive, &root.selection.exclude, &mut |dir| {
        if stop.requested() {
            return Vec::new();
        }
        let Ok(scan) = scan::read_folder(dir, &|name| root.wants_file(dir, name)) else { return Vec::new() };
        let below = scan.folders.clone();
        folders.push((Arc::clone(dir), scan));
        below
    });
    folders.sort_by(|(a, _), (b, _)| b.cmp(a));
    folders
}

fn check_space(dir: &Path, findings: &mut Findings) -> Result<(), CliError> {
    match publish::free_space(dir) {
        Ok(space) if space < LITTLE_SPACE => findings.wrong(
            &format!("{}: {} free", dir.shown(), BinaryBytes(space)),
            Some("free some space; a batch waits while the disk is full".to_owned()),
        ),
        Ok(space) => good(&format!("{}: {} free", dir.shown(), BinaryBytes(space))),
        Err(error) => findings.failed("", &error),
    }
}

/// The folder, or the nearest one above it that exists: the rest is made when the first video is published.
fn existing(path: &Path) -> PathBuf {
    path.ancestors().find(|ancestor| ancestor.is_dir()).unwrap_or(Path::new("/")).to_path_buf()
}

/// A folder that is made when it is needed: whether it can be, and how much space there is.
fn check_place(dir: &Path, key: &str, what: &str, findings: &mut Findings) -> Result<(), CliError> {
    if let Some(why) = place::no_folder(dir) {
        let hint = format!("move or mend what is in the way, or set `{key}` elsewhere");
        return findings.wrong(&format!("{}: cannot be made ({what}): {why}", dir.shown()), Some(hint));
    }
    check_writable(&existing(dir), what, findings)?;
    check_space(dir, findings)
}

/// Really writes: permissions, read-only mounts and a service's sandbox all count.
fn check_writable(dir: &Path, what: &str, findings: &mut Findings) -> Result<(), CliError> {
    match tempfile::Builder::new().prefix(".reeld-check-").tempfile_in(dir) {
        Ok(_) => good(&format!("{}: writable ({what})", dir.shown())),
        Err(error) => findings.wrong(
            &format!("{}: not writable ({what}): {}", dir.shown(), chain(&error)),
            Some(match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                    "free some space on its disk, or raise the quota".to_owned()
                }
                _ => "let the user that reeld runs as write there; under systemd see `ReadWritePaths=`".to_owned(),
            }),
        ),
    }
}

fn check_inotify(config: &Config, stop: &Stop, findings: &mut Findings) -> Result<(), CliError> {
    let limits = match InotifyLimits::read() {
        Ok(limits) => limits,
        Err(error) => return note(&format!("inotify: its limits cannot be read: {}", chain(&error))),
    };
    let folders: u64 = config.roots.iter().map(|root| count_folders(root, stop)).sum();
    if stop.requested() {
        return Ok(());
    }
    let text = format!("inotify: folders to watch: {folders}, watches allowed: {}", limits.max_user_watches);
    // Other programs of the same user draw on the same allowance, so half of it is the mark.
    if folders > limits.max_user_watches / 2 { findings.wrong(&text, Some(Limit::Watches.hint())) } else { good(&text) }
}

/// Those that there are, or those that were read when `stop` is requested.
fn count_folders(root: &Root, stop: &Stop) -> u64 {
    let mut count = 0;
    let mut folders = vec![root.path.clone()];
    while let Some(dir) = folders.pop()
        && !stop.requested()
    {
        count += 1;
        if let (true, Ok(scan)) = (root.selection.recursive, scan::read_folder(&dir, &|_| false)) {
            folders.extend(scan.folders.iter().map(|name| dir.join(os_name(name))));
        }
    }
    count
}

fn check_state(config: &Config, findings: &mut Findings) -> Result<(), CliError> {
    let state = match dirs::state_dir(config.state_dir.as_deref(), &dirs::process_env) {
        Ok(state) => state,
        Err(error) => return findings.failed("", &error),
    };
    match Lock::try_acquire(&state).and_then(|lock| Journal::open(&lock)) {
        Ok((_, None)) => good(&format!("journal: in {}", state.shown())),
        Ok((_, Some(aside))) => note(&format!("journal: it was damaged, and is set aside as {}", aside.shown())),
        Err(JournalError::Locked { .. }) => good(&format!("journal: in {}, a daemon is running", state.shown())),
        Err(error) => findings.failed("", &error),
    }?;
    let chunks = config.encoder.chunk_dir.clone().unwrap_or_else(|| dirs::chunk_dir(None, &state));
    let purpose = format!("for chunks of unfinished videos, in {}", chunks.shown());
    check_place(&chunks, "chunk_dir", &purpose, findings)
}

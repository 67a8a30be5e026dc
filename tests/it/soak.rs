//! The daemon at work for long: what it holds does not grow with what it has done.
//!
//! `REELD_TEST_SOAK` says how many sequences; thousands show what leaks slowly.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Daemon, Frames, Sandbox, ffmpeg, toml_string};

const SEQUENCES: usize = 45;
/// Sequences that are there at the same time.
const ROUND: usize = 15;
/// How much the memory may have grown: allocators keep what they will use again.
const MEMORY_KB: u64 = 16 << 10;
/// How much the journal may grow with each batch: it is the history.
const JOURNAL_BYTES: u64 = 16 << 10;
/// SQLite writes its log of changes from the start again when it is over 1000 pages of 4 KiB.
const LOG_BYTES: u64 = 16 << 20;

/// What a process holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    memory_kb: u64,
    descriptors: usize,
    threads: u64,
    watches: usize,
    journal_bytes: u64,
    log_bytes: u64,
}

impl Held {
    fn by(daemon: &Daemon, state: &Path) -> Self {
        let process = PathBuf::from(format!("/proc/{}", daemon.id()));
        let status = fs::read_to_string(process.join("status")).unwrap();
        let field = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let names = |dir: &Path| fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
        let descriptors = names(&process.join("fdinfo"));
        // One may be closed between the two looks.
        let lines = descriptors.iter().filter_map(|path| fs::read_to_string(path).ok());
        let bytes = |name: &str| fs::metadata(state.join(name)).map_or(0, |meta| meta.len());
        Self {
            memory_kb: field("VmRSS:"),
            descriptors: descriptors.len(),
            threads: field("Threads:"),
            watches: lines.map(|text| text.matches("inotify wd").count()).sum(),
            journal_bytes: bytes("journal.db"),
            log_bytes: bytes("journal.db-wal"),
        }
    }

    /// Whether it is no more than at `earlier`, but for the history.
    fn is_level_with(&self, earlier: &Self) -> bool {
        self.descriptors <= earlier.descriptors
            && self.threads <= earlier.threads
            && self.watches <= earlier.watches
            && self.memory_kb <= earlier.memory_kb + MEMORY_KB
            && self.log_bytes <= LOG_BYTES
    }
}

#[test]
fn what_the_daemon_holds_does_not_grow_with_what_it_has_done() {
    let sequences =
        std::env::var("REELD_TEST_SOAK").map_or(SEQUENCES, |text| text.parse().expect("REELD_TEST_SOAK: a number"));
    let rounds = sequences.div_ceil(ROUND);
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config_text(&format!(
        "[[watch]]\npath = {}\nidle_timeout = \"never\"\nspeed = \"ultrafast\"\ncleanup = \"delete\"\n",
        toml_string(&sandbox.root())
    ));
    let frames = Frames::new("frame_####.png").size(64, 36);
    let mut daemon = Daemon::start(&sandbox, &config);
    let mut first = None;
    for round in 0..rounds {
        let folders: Vec<PathBuf> = (0..ROUND).map(|at| sandbox.folder(format!("{round:04}-{at:02}"))).collect();
        for folder in &folders {
            frames.write(folder, 1..=3);
            fs::write(folder.join(".done"), "").unwrap();
        }
        let is_done = |folder: &PathBuf| folder.join("frame.mp4").exists() && !frames.path(folder, 3).exists();
        daemon.wait("the round is done", |_| folders.iter().all(is_done).then_some(()));
        // People take away what is finished.
        for folder in &folders {
            fs::remove_dir_all(folder).unwrap();
        }
        // The first round starts everything that there is to start.
        let earlier = *first.get_or_insert_with(|| Held::by(&daemon, &sandbox.state()));
        let mut held = earlier;
        daemon.wait(&format!("round {round} of {rounds} is forgotten (at first: {earlier:?})"), |daemon| {
            held = Held::by(daemon, &sandbox.state());
            held.is_level_with(&earlier).then_some(())
        });
        // What is not in the file yet is in the log.
        let most = LOG_BYTES + JOURNAL_BYTES * (round * ROUND) as u64;
        assert!(held.journal_bytes <= most, "{held:?}, at first {earlier:?}");
        println!("round {round}: {held:?}");
    }
    assert!(daemon.stop().success());
}

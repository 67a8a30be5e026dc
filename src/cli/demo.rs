//! `reeld demo`: the real daemon on a temporary folder, with frames that come at the pace of a generator.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use rustix::process::{Pid, Signal, kill_process};

use super::error::CliError;
use super::interrupt::Interrupt;
use super::make_frames::{Format, write_frame};
use super::out;
use crate::core::command::{Command as DaemonCommand, Reply};
use crate::core::snapshot::{Attention, DaemonPhase, Snapshot};
use crate::encode::ffmpeg::{Ffmpeg, Stop};
use crate::serve::client::{self, Found};
use crate::text::printable::Show as _;

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// How many frames
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(2..=9999))]
    count: u32,
}

/// Pause between two frames.
const PACE: Duration = Duration::from_millis(40);

/// Pause between two looks at the daemon.
const LOOK: Duration = Duration::from_millis(20);

/// What needs a person for longer than this does not pass by itself, as a frame does that is looked at while it is written.
const ATTENTION_TIMEOUT: Duration = Duration::from_secs(3);

const CONFIG: &str = "\
# What `reeld demo` runs. `reeld init` writes a config with every key explained.
state_dir = \"../state\"

[[watch]]
path = \"../frames\"
framerate = 24
";

pub(crate) fn run(args: &DemoArgs) -> Result<ExitCode, CliError> {
    let interrupt = Interrupt::listen()?;
    let shown = show(args, &interrupt);
    // Only here: the daemon has ended by now, which it would not by itself.
    interrupt.end();
    shown
}

fn show(args: &DemoArgs, interrupt: &Interrupt) -> Result<ExitCode, CliError> {
    let ffmpeg = Ffmpeg::find(None)?;
    let home = tempfile::Builder::new()
        .prefix("reeld-demo-")
        .tempdir()
        .map_err(|error| CliError::failed("no temporary folder").caused_by(&error))?
        // The video is what the demo leaves behind.
        .keep();
    out::say(&format!("reeld demo in {}", home.shown()));
    out::say(&format!("  FFmpeg {} at {}", ffmpeg.version, ffmpeg.path.shown()));
    let frames = home.join("frames");
    let failed = |error: std::io::Error| CliError::failed(format!("cannot use {}", home.shown())).caused_by(&error);
    std::fs::create_dir(&frames).map_err(failed)?;
    std::fs::create_dir(home.join("config")).map_err(failed)?;
    let config = home.join("config/reeld.toml");
    std::fs::write(&config, CONFIG).map_err(failed)?;
    let mut daemon = Daemon::start(&config, &home, interrupt.stop())?;
    daemon.wait_until(|snapshot| (snapshot.phase == DaemonPhase::Running).then_some(()))?;
    out::say("  the daemon runs: `reeld run --config config/reeld.toml`");
    out::say(&format!(
        "  a generator writes {} frames to frames/shot_####.png, one each {} ms ...",
        args.count,
        PACE.as_millis()
    ));
    for number in 1..=args.count {
        write_frame(&frames.join(format!("shot_{number:04}.png")), 1280, 720, number, 4, Format::Png)?;
        daemon.check_wanted()?;
        std::thread::sleep(PACE);
    }
    let last_frame = Instant::now();
    File::create(frames.join(".done")).map_err(failed)?;
    out::say("  ... and says that it is finished: frames/.done");
    let video = daemon.wait_until(|snapshot| snapshot.videos.first().cloned())?;
    let waited = last_frame.elapsed();
    out::say(&format!("  sequence finished: {} frames, because of {}", video.frames, video.why));
    out::say(&format!("  encoded while they came: {} frames; only the end of the last chunk was left", video.ahead));
    out::say(&format!(
        "  decoded again and compared with the frames: {} of {} are in the video",
        video.frames, args.count
    ));
    out::say("  the frames are still there: nothing is removed unless the config says so");
    daemon.stop()?;
    out::say(&format!("  {}.{} s from the last frame to the video:", waited.as_secs(), waited.subsec_millis() / 100));
    out::path(&PathBuf::from(video.path))?;
    Ok(ExitCode::SUCCESS)
}

/// This very program, run as a daemon. It is asked what goes on, as `reeld status` does.
struct Daemon {
    child: Child,
    socket_dir: PathBuf,
    log: PathBuf,
    /// Nobody wants to see the rest.
    interrupted: Stop,
}

impl Daemon {
    fn start(config: &Path, home: &Path, interrupted: &Stop) -> Result<Self, CliError> {
        let failed = |error: std::io::Error| CliError::failed("cannot start the daemon").caused_by(&error);
        let program = std::env::current_exe().map_err(failed)?;
        let log = home.join("log");
        let child = Command::new(program)
            .args(["run", "--config"])
            .arg(config)
            // A daemon that runs already keeps its own state directory and socket.
            .env("XDG_RUNTIME_DIR", home)
            .env_remove("RUNTIME_DIRECTORY")
            .stdin(Stdio::null())
            .stderr(File::create(&log).map_err(failed)?)
            .spawn()
            .map_err(failed)?;
        Ok(Self { child, socket_dir: home.join("reeld"), log, interrupted: interrupted.clone() })
    }

    /// Looks at what goes on until that is what is `wanted`. Ends with the daemon's own words when it ends first, and with what
    /// it needs when it needs a person: it makes no video then.
    fn wait_until<T>(&mut self, wanted: impl Fn(&Snapshot) -> Option<T>) -> Result<T, CliError> {
        let mut needs_a_person: Option<Instant> = None;
        loop {
            self.check_wanted()?;
            if let Some(snapshot) = self.snapshot()? {
                if let Some(found) = wanted(&snapshot) {
                    return Ok(found);
                }
                match snapshot.attention.first() {
                    None => needs_a_person = None,
                    Some(Attention { what, why, hint }) => {
                        if needs_a_person.get_or_insert_with(Instant::now).elapsed() > ATTENTION_TIMEOUT {
                            return Err(CliError::failed(format!("{what}: {why}")).hint(hint.clone()));
                        }
                    }
                }
            }
            let failed = |error: std::io::Error| CliError::failed("cannot look at the daemon").caused_by(&error);
            if self.child.try_wait().map_err(failed)?.is_some() {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                return Err(CliError::failed(format!("the daemon ended early; its last words:\n{}", log.trim_end())));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// What goes on; `None` before it listens.
    fn snapshot(&self) -> Result<Option<Box<Snapshot>>, CliError> {
        match client::find(std::slice::from_ref(&self.socket_dir), &|_| true, &|_| false)? {
            Found::Daemon(client) => match client.order(&DaemonCommand::Status)? {
                Reply::Status(snapshot) => Ok(Some(snapshot)),
                _ => Ok(None),
            },
            Found::Nobody { .. } => Ok(None),
        }
    }

    fn check_wanted(&self) -> Result<(), CliError> {
        if self.interrupted.requested() { Err(CliError::failed("the demo was interrupted")) } else { Ok(()) }
    }

    fn stop(mut self) -> Result<(), CliError> {
        self.end().map_err(|error| CliError::failed("cannot stop the daemon").caused_by(&error))
    }

    /// Asks it to stop, so that it ends what it started, and waits until it has.
    fn end(&mut self) -> std::io::Result<()> {
        if self.child.try_wait()?.is_none() {
            kill_process(Pid::from_child(&self.child), Signal::TERM)?;
            self.child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // After an error nobody waits for it. Where it cannot even be asked, nothing else can be done either.
        let _ = self.end();
    }
}

//! `reeld demo`: the real daemon on a temporary folder, with frames that come at the pace of a generator.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;

use super::error::CliError;
use super::make_frames::{Format, write_frame};
use super::out;
use crate::encode::ffmpeg::Ffmpeg;
use crate::text::printable::Show as _;

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// How many frames
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(2..=9999))]
    count: u32,
}

/// Pause between two frames.
const PACE: Duration = Duration::from_millis(40);

const CONFIG: &str = "\
# What `reeld demo` runs. `reeld init` writes a config with every key explained.
state_dir = \"../state\"

[[watch]]
path = \"../frames\"
framerate = 24
";

pub(crate) fn run(args: &DemoArgs) -> Result<ExitCode, CliError> {
    let ffmpeg = Ffmpeg::find(None)?;
    let home = tempfile::Builder::new()
        .prefix("reeld-demo-")
        .tempdir()
        .map_err(|error| CliError::failed("no temporary folder").caused_by(&error))?
        // The reel is what the demo leaves behind.
        .keep();
    out::say(&format!("reeld demo in {}", home.shown()));
    out::say(&format!("  FFmpeg {} at {}", ffmpeg.version, ffmpeg.path.shown()));
    let frames = home.join("frames");
    let failed = |error: std::io::Error| CliError::failed(format!("cannot use {}", home.shown())).caused_by(&error);
    std::fs::create_dir(&frames).map_err(failed)?;
    std::fs::create_dir(home.join("config")).map_err(failed)?;
    let config = home.join("config/reeld.toml");
    std::fs::write(&config, CONFIG).map_err(failed)?;
    let mut daemon = Daemon::start(&config, &home)?;
    daemon.wait_for("ready")?;
    out::say("  the daemon runs: `reeld run --config config/reeld.toml`");
    out::say(&format!(
        "  a generator writes {} frames to frames/shot_####.png, one each {} ms ...",
        args.count,
        PACE.as_millis()
    ));
    for number in 1..=args.count {
        write_frame(&frames.join(format!("shot_{number:04}.png")), 1280, 720, number, 4, Format::Png)?;
        std::thread::sleep(PACE);
    }
    let last_frame = Instant::now();
    File::create(frames.join(".done")).map_err(failed)?;
    out::say("  ... and says that it is finished: frames/.done");
    let finished = daemon.wait_for("sequence finished")?;
    out::say(&format!(
        "  sequence finished: {} frames, because of {}",
        text(&finished, "frames"),
        text(&finished, "why")
    ));
    let reel = daemon.wait_for("reel")?;
    let waited = last_frame.elapsed();
    out::say(&format!(
        "  encoded while they came: {} frames; only the end of the last chunk was left",
        text(&reel, "ahead")
    ));
    out::say(&format!(
        "  decoded again and compared with the frames: {} of {} are in the reel",
        text(&reel, "frames"),
        args.count
    ));
    out::say("  the frames are still there: nothing is removed unless the config says so");
    daemon.stop()?;
    out::say(&format!("  {}.{} s from the last frame to the reel:", waited.as_secs(), waited.subsec_millis() / 100));
    out::path(&PathBuf::from(text(&reel, "reel")))?;
    Ok(ExitCode::SUCCESS)
}

/// This very program, run as a daemon; its log comes as JSON lines.
struct Daemon {
    child: Child,
    log: BufReader<std::process::ChildStderr>,
}

impl Daemon {
    fn start(config: &Path, home: &Path) -> Result<Self, CliError> {
        let failed = |error: std::io::Error| CliError::failed("cannot start the daemon").caused_by(&error);
        let program = std::env::current_exe().map_err(failed)?;
        let mut child = Command::new(program)
            .args(["run", "--log-format", "json", "--config"])
            .arg(config)
            // A daemon that runs already keeps its own state directory and socket.
            .env("XDG_RUNTIME_DIR", home)
            .env_remove("RUNTIME_DIRECTORY")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let log = child.stderr.take().map(BufReader::new).ok_or_else(|| CliError::failed("the daemon has no log"))?;
        Ok(Self { child, log })
    }

    /// The next log line with this message. Ends with the daemon's own words when it ends first.
    fn wait_for(&mut self, message: &str) -> Result<Value, CliError> {
        let mut said = String::new();
        let mut line = String::new();
        loop {
            line.clear();
            let read = self
                .log
                .read_line(&mut line)
                .map_err(|error| CliError::failed("the daemon's log").caused_by(&error))?;
            if read == 0 {
                return Err(CliError::failed(format!("the daemon ended early; its last words:\n{}", said.trim_end())));
            }
            match serde_json::from_str::<Value>(&line) {
                Ok(value) if value["message"] == message => return Ok(value),
                Ok(value) if value["level"] == "ERROR" => {
                    return Err(CliError::failed(text(&value, "message")).hint(text(&value, "hint")));
                }
                _ => said.push_str(&line),
            }
        }
    }

    fn stop(mut self) -> Result<(), CliError> {
        let failed = |error: std::io::Error| CliError::failed("cannot stop the daemon").caused_by(&error);
        if let Some(pid) = rustix::process::Pid::from_raw(self.child.id().cast_signed()) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).map_err(|error| failed(error.into()))?;
        }
        self.child.wait().map_err(failed)?;
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // After an error nobody waits for it; after `stop` both calls do nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(value: &Value, key: &str) -> String {
    match &value[key] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

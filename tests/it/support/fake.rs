//! An FFmpeg that fails as real ones do.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Sandbox, wait_for};

/// What the fake does when it is to encode. Everything else goes to the real FFmpeg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Reads nothing, writes nothing, never ends.
    Hang,
    /// The same, and ignores SIGTERM.
    DeafToTerm,
    /// Reports three frames, then nothing more.
    Stall,
    /// Ends at once with status 1.
    Exit1,
    /// Ends by a signal: earlyoom's, that of a wrong access to memory, that of the kernel without memory.
    Terminated,
    Crashed,
    Killed,
    /// Reads everything, writes no file, ends with status 0.
    Exit0NoFile,
    /// Writes a whole file of the first three frames, ends with status 0.
    Exit0ShortFile,
    /// Writes megabytes to standard error, then encodes.
    FloodStderr,
    /// Encodes, reports the end, then ends with status 1.
    EndThenFail,
    /// Has no libx264.
    MissingEncoder,
    /// Encodes once [`Fake::open`] is called.
    Gate,
    /// Leaves out the texts that it is to write into videos. It says and does all else as it should.
    WithoutTexts,
    /// Hangs where the daemon tries the settings of its roots, and encodes their frames.
    HangInTrial,
}

/// The script and what it records.
pub(crate) struct Fake {
    dir: PathBuf,
}

impl Fake {
    /// Writes the script; [`Sandbox::install`] puts it on the `PATH`.
    pub(crate) fn new(sandbox: &Sandbox, fault: Fault) -> Self {
        let dir = sandbox.path().join("fake");
        let other = match fault {
            Fault::MissingEncoder => WITHOUT_LIBX264,
            Fault::HangInTrial => HANG_IN_TRIAL,
            // Joining is no encode.
            Fault::WithoutTexts => WITHOUT_TEXTS,
            _ => "exec \"$real\" \"$@\"",
        };
        stand_in(&dir, &sandbox.ffmpeg, SCRIPT, encode(fault), other);
        Self { dir }
    }

    /// The script.
    pub(crate) fn program(&self) -> PathBuf {
        self.dir.join("ffmpeg")
    }

    /// How many encodes were begun.
    pub(crate) fn encodes(&self) -> usize {
        self.processes().len()
    }

    /// The processes of the encodes that were begun.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let begun = fs::read_to_string(self.dir.join("encodes")).unwrap_or_default();
        begun.lines().map(|process| process.parse().unwrap()).collect()
    }

    /// Waits until an encode is begun.
    pub(crate) fn wait_for_encode(&self) {
        wait_for("an encode begins", || (self.encodes() > 0).then_some(()));
    }

    /// Waits until every encode has ended, also those that a killed daemon left behind.
    pub(crate) fn wait_for_end(&self) {
        for pid in self.processes() {
            wait_for("an encode ends", || {
                // A process that nobody has waited for is a zombie: `PID (name) Z`.
                let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                (stat.is_empty() || stat.contains(") Z")).then_some(())
            });
        }
    }

    /// Lets [`Fault::Gate`] encode.
    pub(crate) fn open(&self) {
        fs::write(self.dir.join("open"), "").unwrap();
    }
}

/// Writes `ffmpeg` into `dir`: a script in the place of `real` that does `body` for an encode, with `encode` in it, and
/// `other` for every other call.
pub(crate) fn stand_in(dir: &Path, real: &Path, body: &str, encode: &str, other: &str) -> PathBuf {
    fs::create_dir_all(dir).unwrap();
    let script = [HEAD, body]
        .concat()
        .replace("@REAL@", &quoted(real))
        .replace("@DIR@", &quoted(dir))
        .replace("@ENCODE@", encode)
        .replace("@ELSE@", other);
    // Renamed into place, and written by a process of its own: a script that is open for writing cannot be started, and the
    // children that other tests start meanwhile have what this process has open, until they are programs of their own.
    let (draft, program) = (dir.join("draft"), dir.join("ffmpeg"));
    let mut tee = Command::new("tee").arg(&draft).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    tee.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(tee.wait().unwrap().success());
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(&draft, &program).unwrap();
    program
}

/// An encode is a call whose input is raw video; raw video as output is the proof's.
const HEAD: &str = r#"#!/bin/sh
PATH=/usr/bin:/bin
real=@REAL@
dir=@DIR@
encode=no
for argument; do
    case $argument in
        -i) break ;;
        rawvideo | yuv4mpegpipe) encode=yes ;;
    esac
done
# The daemon tries the settings of its roots: that encodes no frames of theirs.
case $* in */reeld/trial/*) encode=no ;; esac
if [ "$encode" = no ]; then
    @ELSE@
"#;

const SCRIPT: &str = r#"fi
echo "$$" >> "$dir/encodes"
@ENCODE@
"#;

const HANG_IN_TRIAL: &str = r#"case $* in
        */reeld/trial/*) echo "$$" >> "$dir/encodes"; exec sleep 600 ;;
        *) exec "$real" "$@" ;;
    esac"#;

const WITHOUT_LIBX264: &str = r#"case $* in
        *encoder=libx264*) echo "Codec 'libx264' is not recognized by FFmpeg." ; exit 0 ;;
        *libx264*) echo "Unknown encoder 'libx264'" >&2; exit 1 ;;
        *-encoders*) "$real" "$@" | grep -v libx264; exit 0 ;;
        *) exec "$real" "$@" ;;
    esac"#;

/// `-map_metadata 1` brings the texts, from the second input.
const WITHOUT_TEXTS: &str = r#"count=$#
while [ "$count" -gt 0 ]; do
    if [ "$1" = -map_metadata ] && [ "$2" = 1 ]; then
        shift 2
        set -- "$@" -map_metadata -1
        count=$((count - 2))
    else
        set -- "$@" "$1"
        shift
        count=$((count - 1))
    fi
done
exec "$real" "$@""#;

fn encode(fault: Fault) -> &'static str {
    match fault {
        Fault::Hang => "exec sleep 600",
        Fault::HangInTrial => "exec \"$real\" \"$@\"",
        // An ignored signal stays ignored in the program that takes the shell's place.
        Fault::DeafToTerm => "trap '' TERM\nexec sleep 600",
        Fault::Stall => "printf 'frame=3\\nprogress=continue\\n'\nexec sleep 600",
        Fault::WithoutTexts => WITHOUT_TEXTS,
        Fault::Exit1 => "echo 'Conversion failed!' >&2\nexit 1",
        Fault::Terminated => "kill -TERM $$",
        Fault::Crashed => "kill -SEGV $$",
        Fault::Killed => "kill -KILL $$",
        Fault::Exit0NoFile => "cat > /dev/null\nprintf 'frame=10\\nprogress=end\\n'\nexit 0",
        Fault::Exit0ShortFile => {
            // The output is the last argument: everything before it is put back in order, then the limit.
            r#"count=$#
while [ "$count" -gt 1 ]; do
    set -- "$@" "$1"
    shift
    count=$((count - 1))
done
output=$1
shift
"$real" "$@" -frames:v 3 "$output"
cat > /dev/null
exit 0"#
        }
        Fault::FloodStderr => {
            "head -c 8000000 /dev/zero | tr '\\0' x >&2\nyes 'a line of noise' | head -n 200000 >&2\nexec \"$real\" \"$@\""
        }
        Fault::EndThenFail => "\"$real\" \"$@\"\nexit 1",
        Fault::MissingEncoder => {
            "case $* in *libx264*) echo \"Unknown encoder 'libx264'\" >&2; exit 1 ;; esac\nexec \"$real\" \"$@\""
        }
        // Ends with the sandbox, should the test fail.
        Fault::Gate => "while [ -d \"$dir\" ] && [ ! -e \"$dir/open\" ]; do sleep 0.02; done\nexec \"$real\" \"$@\"",
    }
}

/// As one word of the shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_str().unwrap().replace('\'', r"'\''"))
}

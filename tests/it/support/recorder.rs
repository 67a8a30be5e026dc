//! An FFmpeg that keeps what it is fed, so that a test can tell which frames were encoded how often.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use reeld::cli::make_frames::placeholder;
use reeld::frame::color::Feed;

use super::fake::stand_in;
use super::{Sandbox, wait_for};

/// Size of the pictures that it can read, which is that of [`Frames`](super::Frames) unless a test asks for another.
const SIZE: (u32, u32) = (256, 144);

/// What is odd about the FFmpeg. Encodes are counted from 1.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Twist {
    None,
    /// This encode dies in its sixth frame.
    DieOnce(u32),
    /// This encode takes five frames, then nothing more, and never ends.
    HangOnce(u32),
    /// This encode makes a whole file of its first three frames, and ends well.
    ShortOnce(u32),
    /// Nothing can be encoded into a folder called `chunks`.
    NoSpaceForChunks,
    /// It says that it is another version.
    OtherVersion,
}

/// The script and what it records: a folder for each encode.
pub(crate) struct Recorder {
    dir: PathBuf,
}

impl Recorder {
    /// Puts it in front of `real`, on the `PATH` of `sandbox`. A second one goes on where the first one was.
    pub(crate) fn install(sandbox: &Sandbox, real: &Path, twist: Twist) -> Self {
        let dir = sandbox.path().join("recorder");
        let (encode, other) = scripts(twist);
        let program = stand_in(&dir, real, SCRIPT, &encode, other);
        sandbox.remove_ffmpeg();
        symlink(&program, sandbox.path().join("bin/ffmpeg")).unwrap();
        Self { dir }
    }

    /// How many encodes were begun.
    pub(crate) fn encodes(&self) -> usize {
        self.folders().count()
    }

    /// The numbers in the pictures that each encode was fed so far. Pictures without a number are left out.
    pub(crate) fn fed(&self) -> Vec<Vec<u32>> {
        let (width, height) = SIZE;
        let numbers_in = |folder: PathBuf| {
            let raw = fs::read(folder.join("fed")).unwrap_or_default();
            let pictures = raw.chunks_exact(Feed::Yuv420p.frame_bytes(width, height));
            pictures.filter_map(|picture| placeholder::read_number(picture, Feed::Yuv420p, width, height)).collect()
        };
        self.folders().map(numbers_in).collect()
    }

    /// Panics unless each of these numbers was fed so often, over all encodes.
    #[track_caller]
    pub(crate) fn assert_fed(&self, numbers: impl IntoIterator<Item = u32>, times: usize) {
        let fed = self.fed();
        for number in numbers {
            let count = fed.iter().flatten().filter(|fed| **fed == number).count();
            assert_eq!(count, times, "how often {number} was fed; each encode was fed {fed:?}");
        }
    }

    /// Waits until there were that many encodes, and they have ended.
    pub(crate) fn wait_for_ends(&self, count: usize) {
        wait_for("the encodes end", || {
            let ended = self.folders().filter(|folder| {
                let pid = fs::read_to_string(folder.join("pid")).unwrap_or_default();
                // A process that nobody has waited for is a zombie: `PID (name) Z`.
                let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
                !pid.is_empty() && (stat.is_empty() || stat.contains(") Z"))
            });
            (ended.count() >= count).then_some(())
        });
    }

    fn folders(&self) -> impl Iterator<Item = PathBuf> {
        (1..).map(|encode: u32| self.dir.join(encode.to_string())).take_while(|folder| folder.is_dir())
    }
}

/// What it does for an encode. FFmpeg takes the shell's place, so that a signal reaches it.
const SCRIPT: &str = r#"    exec "$real" "$@"
fi
count=1
until mkdir "$dir/$count" 2> /dev/null; do
    count=$((count + 1))
done
dir=$dir/$count
echo "$$" > "$dir/pid"
mkfifo "$dir/pipe"
exec 3<&0
@ENCODE@
tee "$dir/fed" <&3 > "$dir/pipe" 2> /dev/null &
exec "$real" "$@" < "$dir/pipe" 3<&-
"#;

/// What is put into the script for an encode, and for everything else.
fn scripts(twist: Twist) -> (String, &'static str) {
    let frame = Feed::Yuv420p.frame_bytes(SIZE.0, SIZE.1);
    let once = |count: u32, script: String| format!("if [ \"$count\" = {count} ]; then\n{script}\nfi");
    let five_frames = format!("head -c {} > \"$dir/fed\"", 5 * frame + frame / 2);
    match twist {
        Twist::None => (String::new(), ""),
        Twist::DieOnce(count) => (once(count, format!("{five_frames}\necho 'Conversion failed!' >&2\nexit 1")), ""),
        Twist::HangOnce(count) => (once(count, format!("{five_frames}\nexec sleep 600")), ""),
        Twist::ShortOnce(count) => {
            let three = format!("head -c {} <&3 | tee \"$dir/fed\" > \"$dir/pipe\"", 3 * frame);
            let rest = "cat <&3 > /dev/null";
            (once(count, format!("{{ {three}; {rest}; }} &\nexec \"$real\" \"$@\" < \"$dir/pipe\" 3<&-")), "")
        }
        Twist::NoSpaceForChunks => {
            let full = "echo 'av_interleaved_write_frame(): No space left on device' >&2";
            (format!("case $* in */chunks/*)\n{five_frames}\n{full}\nexit 1\nesac"), "")
        }
        Twist::OtherVersion => {
            let script = r#"case $* in -version)
        "$real" "$@" | sed '1s/^ffmpeg version [^ ]*/ffmpeg version other/'
        exit 0
    esac"#;
            (String::new(), script)
        }
    }
}

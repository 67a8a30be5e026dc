//! The names of chunk files. What is not named so is not touched.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

const PREFIX: &str = "reeld-";
const CHUNK: &str = ".chunk.mp4";
const BEFORE_PID: &str = ".chunk.";
const PART: &str = ".part";

/// What a name says of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    /// A kept chunk.
    Chunk,
    /// One in the making, by the process with this pid.
    Temp(u32),
}

impl Name {
    /// `None` for names that are not given here.
    pub(super) fn parse(name: &OsStr) -> Option<Self> {
        let name = std::str::from_utf8(name.as_bytes()).ok()?.strip_prefix(PREFIX)?;
        if let Some(label) = name.strip_suffix(CHUNK) {
            return is_label(label).then_some(Self::Chunk);
        }
        let (label, pid) = name.strip_suffix(PART)?.split_once(BEFORE_PID)?;
        // `parse` alone would take a sign and zeros in front.
        let pid = pid.parse().ok().filter(|number: &u32| number.to_string() == pid)?;
        is_label(label).then_some(Self::Temp(pid))
    }

    /// Whether it is in the making and its process, or another one with the same pid, lives.
    pub(super) fn is_of_living_process(self) -> bool {
        let Self::Temp(pid) = self else { return false };
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        pid.is_some_and(|pid| !matches!(test_kill_process(pid), Err(Errno::SRCH)))
    }
}

/// Whether it can be the middle of a name: ASCII letters, digits, `-` and `_`.
pub(super) fn is_label(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// The names to try for a chunk, best first.
pub(super) fn chunks(label: &str) -> impl Iterator<Item = OsString> {
    numbered(label).map(|label| format!("{PREFIX}{label}{CHUNK}").into())
}

/// The names to try for one that this process makes.
pub(super) fn parts(label: &str) -> impl Iterator<Item = OsString> {
    let pid = std::process::id();
    numbered(label).map(move |label| format!("{PREFIX}{label}{BEFORE_PID}{pid}{PART}").into())
}

fn numbered(label: &str) -> impl Iterator<Item = String> {
    let numbered = (2_u32..).map(move |number| format!("{label}-{number}"));
    std::iter::once(label.to_owned()).chain(numbered)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_names_of_ones_own_making_are_known() {
        let parse = |name: &str| Name::parse(name.as_ref());
        assert_eq!(parse("reeld-7-a_b.chunk.mp4"), Some(Name::Chunk));
        assert_eq!(parse("reeld-7-2.chunk.4711.part"), Some(Name::Temp(4711)));
        for foreign in [
            "clip.mp4",
            "x.chunk.mp4",
            "reeld-.chunk.mp4",
            "reeld-7.mp4",
            "reeld-7.chunk.mp4.bak",
            "reeld-my film.chunk.mp4",
            "reeld-7.8.chunk.mp4",
            ".reeld-7.12.part",
            "reeld-7.12.part",
            "reeld-7.chunk.part",
            "reeld-7.chunk..part",
            "reeld-7.chunk.+12.part",
            "reeld-7.chunk.012.part",
            "reeld-7.chunk.4294967296.part",
            "reeld-7.chunk.12.part ",
            "reeld-.chunk.12.part",
        ] {
            assert_eq!(parse(foreign), None, "{foreign}");
        }
        assert_eq!(Name::parse(OsStr::from_bytes(b"reeld-\xFF.chunk.mp4")), None);
    }

    #[test]
    fn a_pid_is_that_of_a_living_process_or_not() {
        assert!(Name::Temp(std::process::id()).is_of_living_process());
        assert!(Name::Temp(1).is_of_living_process(), "also one of somebody else");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        for nobody in [Name::Temp(child.id()), Name::Temp(0), Name::Temp(u32::MAX), Name::Chunk] {
            assert!(!nobody.is_of_living_process(), "{nobody:?}");
        }
    }

    proptest! {
        #[test]
        fn every_name_that_is_given_is_known(label in "[a-zA-Z0-9_-]{1,20}", which in 0_usize..4) {
            prop_assert!(is_label(&label));
            prop_assert_eq!(Name::parse(&chunks(&label).nth(which).unwrap()), Some(Name::Chunk));
            let own = Some(Name::Temp(std::process::id()));
            prop_assert_eq!(Name::parse(&parts(&label).nth(which).unwrap()), own);
        }

        #[test]
        fn no_name_is_too_odd(name in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Name::parse(OsStr::from_bytes(&name));
        }
    }
}

//! Values that are one of a few names.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use super::{UnitError, parse_duration, print_duration};
use crate::config::{
    Builtin, Cleanup, Container, Live, Metadata, NamedQuality, ParallelChunks, Poster, StopPolicy, WatchMode,
};
use crate::frame::geometry::{Flip, Rotation};
use crate::sequence::finish::{Continuation, Existing, IdleTimeout, MissingFrames, Stills};
use crate::sequence::generator::Generator;
use crate::sequence::group::Scope;
use crate::sequence::order::FrameOrder;
use crate::sequence::sizes::SizeChange;

/// A type whose values are one of a few names, spelt alike in the configuration and on the command line.
pub trait Named: Copy + 'static {
    /// Each name with its value, in the order in which they are listed to people.
    const NAMES: &'static [(&'static str, Self)];

    /// The names alone.
    fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().map(|(name, _)| *name)
    }
}

macro_rules! named {
    ($($type:ident, $what:literal: $($name:literal = $variant:ident),+;)+) => {$(
        impl Named for $type {
            const NAMES: &'static [(&'static str, Self)] = &[$(($name, Self::$variant)),+];
        }

        impl FromStr for $type {
            type Err = UnitError;

            fn from_str(text: &str) -> Result<Self, UnitError> {
                match text {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(UnitError::Unknown {
                        text: text.to_owned(),
                        what: $what,
                        known: Self::names().collect(),
                    }),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Self::$variant => $name),+ })
            }
        }
    )+};
}

named! {
    Builtin, "preset":
        "h264" = H264, "h264-10bit" = H264Ten, "h265" = H265, "h265-10bit" = H265Ten, "av1" = Av1, "vp9" = Vp9,
        "prores" = Prores, "prores-4444" = Prores4444, "dnxhr" = Dnxhr, "ffv1" = Ffv1, "mpeg4" = Mpeg4, "gif" = Gif,
        "webp" = Webp, "lossless" = Lossless;
    Cleanup, "cleanup": "keep" = Keep, "delete" = Delete, "trash" = Trash, "archive" = Archive;
    Container, "container":
        "mp4" = Mp4, "mov" = Mov, "mkv" = Mkv, "webm" = Webm, "avi" = Avi, "gif" = Gif, "webp" = Webp;
    Continuation, "continuation": "new" = New, "extend" = Extend;
    Existing, "treatment of existing files": "skip" = Skip, "encode" = Encode;
    Stills, "treatment of single pictures": "skip" = Skip, "encode" = Encode;
    Live, "way to encode live": "true" = Always, "false" = Never, "when_idle" = WhenIdle;
    Metadata, "choice of metadata": "true" = Everything, "false" = Nothing, "frames" = Frames;
    Poster, "choice of a poster": "false" = Nothing, "first" = First, "middle" = Middle, "last" = Last;
    MissingFrames, "treatment of missing frames": "skip" = Skip, "hold" = Hold, "error" = Error, "wait" = Wait;
    NamedQuality, "quality":
        "LOSSLESS" = Lossless, "PERC_LOSSLESS" = PercLossless, "HIGH" = High, "MEDIUM" = Medium, "LOW" = Low,
        "VERYLOW" = VeryLow, "LOWEST" = Lowest;
    Generator, "generator":
        "comfyui" = Comfyui, "dream" = Dream, "blender" = Blender, "a1111" = A1111, "deforum" = Deforum,
        "animatediff" = Animatediff, "swarmui" = Swarmui, "invokeai" = Invokeai, "fooocus" = Fooocus,
        "octoprint" = Octoprint, "moonraker" = Moonraker, "motion" = Motion, "allsky" = Allsky, "gphoto" = Gphoto,
        "plain" = Plain;
    FrameOrder, "order": "number" = Number, "time" = Time;
    Scope, "group": "folder" = Folder, "tree" = Tree;
    Rotation, "rotation in degrees": "0" = Not, "90" = By90, "180" = By180, "270" = By270;
    Flip, "way to flip": "horizontal" = Horizontal, "vertical" = Vertical;
    SizeChange, "treatment of a size change": "split" = Split, "fit" = Fit, "error" = Error;
    StopPolicy, "stop policy": "abort" = Abort, "finish" = Finish;
    WatchMode, "way to watch": "auto" = Auto, "native" = Native, "poll" = Poll, "both" = Both;
}

/// The name of a generator; `None` for `auto`, which is found out.
pub fn parse_generator(text: &str) -> Result<Option<Generator>, UnitError> {
    match text {
        "auto" => Ok(None),
        text => text.parse().map(Some).map_err(|error| match error {
            UnitError::Unknown { text, what, known } => {
                UnitError::Unknown { text, what, known: ["auto"].into_iter().chain(known).collect() }
            }
            other => other,
        }),
    }
}

/// `auto`, `never`, or a duration of at least a second.
impl FromStr for IdleTimeout {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        const WHAT: &str = "an idle timeout";
        match text.trim() {
            "auto" => Ok(Self::Auto),
            "never" => Ok(Self::Never),
            duration => match parse_duration(duration) {
                // Below that, the time between two frames of any generator would end a sequence.
                Ok(duration) if duration.as_secs() >= 1 => Ok(Self::After(duration)),
                Ok(_) | Err(UnitError::OutOfRange { .. }) => {
                    Err(UnitError::OutOfRange { text: text.to_owned(), what: WHAT, range: "1s to 3650d" })
                }
                Err(_) => {
                    let form =
                        "an idle timeout is \"auto\", \"never\", or a duration such as \"45s\", \"10m\", \"1h30m\"";
                    Err(UnitError::malformed(text, WHAT, form))
                }
            },
        }
    }
}

impl fmt::Display for IdleTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Never => f.write_str("never"),
            Self::After(duration) => f.write_str(&print_duration(*duration)),
        }
    }
}

/// `auto`, or a whole number from 1 to 64.
impl FromStr for ParallelChunks {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        const WHAT: &str = "a number of chunks";
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<NonZeroUsize>() {
            Ok(count) if digits && count.get() <= 64 => Ok(Self::Fixed(count)),
            _ if digits => Err(UnitError::OutOfRange { text: text.to_owned(), what: WHAT, range: "auto, or 1 to 64" }),
            _ => {
                let form = "a number of chunks is \"auto\", or a whole number from 1 to 64";
                Err(UnitError::malformed(text, WHAT, form))
            }
        }
    }
}

impl fmt::Display for ParallelChunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Fixed(count) => write!(f, "{count}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::error::Explain as _;

    fn round_trip<T: Named + FromStr<Err = UnitError> + fmt::Display + PartialEq + Debug>() {
        for (name, value) in T::NAMES {
            assert_eq!(name.parse::<T>().as_ref(), Ok(value));
            assert_eq!(value.to_string(), *name);
        }
    }

    #[test]
    fn names_survive_printing() {
        round_trip::<Builtin>();
        round_trip::<Cleanup>();
        round_trip::<Container>();
        round_trip::<Continuation>();
        round_trip::<Live>();
        round_trip::<Metadata>();
        round_trip::<Poster>();
        round_trip::<Existing>();
        round_trip::<MissingFrames>();
        round_trip::<NamedQuality>();
        round_trip::<FrameOrder>();
        round_trip::<Generator>();
        assert!(Generator::all().all(|generator| Generator::names().any(|name| name == generator.to_string())));
        round_trip::<Scope>();
        round_trip::<SizeChange>();
        round_trip::<Stills>();
        round_trip::<StopPolicy>();
        round_trip::<WatchMode>();
    }

    #[test]
    fn an_unknown_name_is_told_the_nearest() {
        let error = "h.264".parse::<Builtin>().unwrap_err();
        insta::assert_snapshot!(format!("{error}\nhint: {}", error.hint().unwrap()), @r#"
        unknown preset `h.264`
        hint: did you mean `h264`? allowed: h264, h264-10bit, h265, h265-10bit, av1, vp9, prores, prores-4444, dnxhr, ffv1, mpeg4, gif, webp, lossless
        "#);
    }

    #[test]
    fn idle_timeouts() {
        assert_eq!("auto".parse(), Ok(IdleTimeout::Auto));
        assert_eq!("never".parse(), Ok(IdleTimeout::Never));
        assert_eq!("1h30m".parse(), Ok(IdleTimeout::After(Duration::from_secs(5400))));
        assert!(matches!("999ms".parse::<IdleTimeout>(), Err(UnitError::OutOfRange { .. })));
        assert!(matches!("soon".parse::<IdleTimeout>(), Err(UnitError::Malformed { .. })));
    }

    #[test]
    fn numbers_of_chunks() {
        assert_eq!("auto".parse(), Ok(ParallelChunks::Auto));
        for count in [1, 64] {
            let fixed = ParallelChunks::Fixed(NonZeroUsize::new(count).unwrap());
            assert_eq!(count.to_string().parse(), Ok(fixed));
            assert_eq!(fixed.to_string().parse(), Ok(fixed));
        }
        for text in ["0", "65", "99999999999999999999"] {
            assert!(matches!(text.parse::<ParallelChunks>(), Err(UnitError::OutOfRange { .. })), "{text}");
        }
        for text in ["", "-1", "+2", "2.5", "1e1", "Auto", "all"] {
            assert!(matches!(text.parse::<ParallelChunks>(), Err(UnitError::Malformed { .. })), "{text}");
        }
    }

    proptest! {
        #[test]
        fn idle_timeouts_survive_printing(ms in 1000u64..10_000_000_000) {
            let idle = IdleTimeout::After(Duration::from_millis(ms));
            prop_assert_eq!(idle.to_string().parse(), Ok(idle));
        }

        #[test]
        fn any_text_is_answered(text in "\\PC*") {
            let _ = text.parse::<Builtin>().map_err(|error| (error.to_string(), error.hint()));
            let _ = text.parse::<IdleTimeout>().map_err(|error| (error.to_string(), error.hint()));
        }
    }
}

//! What is to be encoded, and what became of it: plain data, the same on any machine that can read the frames.
//!
//! Owns the words between who asks for a file and who makes it. Where the file goes to, the FFmpeg and the queue of frames that
//! still come are of one process, and stand beside it.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::{Encoder, FrameRate};
use crate::encode::recipe::{Form, Recipe};
use crate::encode::tags::Tags;
use crate::frame::digest::Contents;
use crate::model::Identity;
use crate::sequence::{FrameNumber, Unreadable};

mod path_bytes;

/// Which frames become a file, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkSpec {
    /// The frames, in order.
    pub frames: Vec<FrameFile>,
    /// How they become a file.
    pub encode: EncodeSpec,
}

/// How frames become a file, whichever they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncodeSpec {
    /// Codec, pixels and container.
    pub recipe: Recipe,
    /// Frames per second.
    pub rate: FrameRate,
    /// What the file is.
    pub form: Form,
    /// What a frame means that turns out to be damaged.
    pub bad_frames: BadFrames,
    /// What the file says of itself; nothing for a chunk, of which only the pictures are used.
    pub tags: Tags,
    /// How FFmpeg is run.
    pub settings: Settings,
}

/// What became of a [`ChunkSpec`]: a proved file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkOutcome {
    /// The files that had their turn, in order.
    pub shown: Vec<Shown>,
    /// What was read of those that could be used.
    pub contents: Vec<(FrameNumber, Contents)>,
    /// Frames that could not be used, by ascending number.
    pub bad: Vec<Unreadable>,
    /// The frame before which it ended, under [`BadFrames::End`].
    pub ended_by: Option<Unreadable>,
    /// What was proved of the file: its frames and its size, and a digest of every packet, which the joined video is held
    /// against.
    pub proof: Proof,
}

/// What was proved of a file: a number of frames, one after the other in equal steps from zero, each with its picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Frames in the file.
    pub frames: u64,
    /// Size of the file.
    pub bytes: u64,
    /// How much of what the recipe allows the worst picture is off, in percent; `None` where the pictures are those of parts
    /// that were proved before.
    pub worst: Option<u8>,
    /// How long the video plays, to the microsecond.
    pub duration: Duration,
    /// What it holds; `None` for WebP, which FFmpeg before 8 cannot read.
    pub samples: Option<Samples>,
}

/// What a file holds, packet by packet, so that a copy of it can be known for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Samples {
    /// Packets, one for each frame of the video.
    pub count: u64,
    /// FFmpeg's account of the codec's configuration record: its size and its hash; empty where the codec has none.
    pub config: String,
    /// One hash over the sizes and hashes of all packets, in their order.
    pub digest: [u8; 32],
}

/// A frame's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameFile {
    /// Where it is.
    #[serde(with = "path_bytes")]
    pub path: PathBuf,
    /// The very file that was seen.
    pub identity: Identity,
    /// Its number.
    pub number: FrameNumber,
    /// How many frames of the video show it: 1, or more where it is held over a gap.
    pub repeat: u32,
}

impl FrameFile {
    /// It without its path.
    #[must_use]
    pub fn shown(&self) -> Shown {
        Shown { number: self.number, identity: self.identity, repeat: self.repeat }
    }
}

/// A frame of a video: which file, and for how many pictures. Two stretches of video of the same recipe are the same if
/// these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Its number.
    pub number: FrameNumber,
    /// The very file.
    pub identity: Identity,
    /// How many frames of the video show it, at least 1.
    pub repeat: u32,
}

/// What a frame means that cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BadFrames {
    /// It is left out; an anomaly.
    Skip,
    /// The frame before it is shown in its place, or the one after it where it is the first; an anomaly.
    Hold,
    /// The encode fails.
    Error,
    /// The encode ends before it: more of a growing sequence may make sense of it later.
    End,
}

/// How FFmpeg is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// How far FFmpeg and decoding step back for other programs, 0 to 19.
    pub nice: u8,
    /// Threads of the encoder; its own choice where `None`.
    pub threads: Option<NonZeroUsize>,
    /// How long FFmpeg may make no progress at all before it is ended.
    pub stall: Duration,
}

/// Slow encoders look ahead over many large frames before the first comes out; a hang lasts for ever.
const STALL: Duration = Duration::from_secs(120);

impl Default for Settings {
    fn default() -> Self {
        Self { nice: 0, threads: None, stall: STALL }
    }
}

impl From<&Encoder> for Settings {
    fn from(encoder: &Encoder) -> Self {
        Self { nice: encoder.nice, threads: encoder.threads, stall: STALL }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::num::NonZeroU32;
    use std::os::unix::ffi::OsStringExt as _;

    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::config::{Builtin, EncoderArgs, Preset, Video};
    use crate::encode::recipe::{ChunkPosition, Source};
    use crate::encode::tags::tests::tags;
    use crate::frame::digest::Digest;
    use crate::frame::geometry::Geometry;
    use crate::sequence::playback::Playback;
    use crate::sequence::sizes::SizeChange;

    fn identity() -> impl Strategy<Value = Identity> {
        let numbers = (any::<u64>(), any::<u64>(), any::<u64>(), any::<i64>());
        numbers.prop_map(|(dev, ino, size, mtime_ns)| Identity { dev, ino, size, mtime_ns })
    }

    fn shown() -> impl Strategy<Value = Shown> {
        (any::<i64>(), identity(), any::<u32>()).prop_map(|(number, identity, repeat)| Shown {
            number,
            identity,
            repeat,
        })
    }

    /// Paths of any bytes.
    fn frame() -> impl Strategy<Value = FrameFile> {
        (vec(any::<u8>(), 0..20), shown()).prop_map(|(path, Shown { number, identity, repeat })| {
            let path = PathBuf::from(OsString::from_vec(path));
            FrameFile { path, identity, number, repeat }
        })
    }

    fn recipe() -> impl Strategy<Value = Recipe> {
        let source = (256..4000_u32, 256..4000_u32, any::<bool>(), any::<bool>(), any::<bool>())
            .prop_map(|(width, height, deep, linear, alpha)| Source { width, height, deep, linear, alpha });
        let layer = select(vec![None, Some("ViewLayer.Combined \u{e4}")]);
        let args = select(vec![&[][..], &["-tune", "film"], &["-metadata", "title=\u{e4} b", "-bf", "2"]]);
        (select(Builtin::ALL.to_vec()), source, args, layer, -20_000..=20_000_i32, any::<[u8; 3]>()).prop_map(
            |(builtin, source, args, layer, exposure, background)| {
                let video = Video {
                    rate: FrameRate::default(),
                    preset: Preset::Builtin(builtin),
                    quality: None,
                    speed: None,
                    encoder_args: EncoderArgs::parse(args).unwrap(),
                    layer: layer.map(|layer| layer.parse().unwrap()),
                    exposure: exposure.try_into().unwrap(),
                    background,
                    geometry: Geometry::default(),
                    playback: Playback::default(),
                    size_change: SizeChange::Error,
                    audio: None,
                };
                Recipe::resolve(&video, &source).unwrap()
            },
        )
    }

    fn spec() -> impl Strategy<Value = ChunkSpec> {
        let rate = (1..=u32::MAX, 1..=u32::MAX).prop_map(|(num, den)| {
            let part = |number| NonZeroU32::new(number).unwrap();
            FrameRate { num: part(num), den: part(den) }
        });
        let positions = vec![ChunkPosition::First, ChunkPosition::Later, ChunkPosition::Last];
        let chunk = (1..=u32::MAX, select(positions))
            .prop_map(|(gop, position)| Form::Chunk { gop: NonZeroU32::new(gop).unwrap(), position });
        let form = prop_oneof![Just(Form::Reel), chunk];
        let bad_frames = select(vec![BadFrames::Skip, BadFrames::Hold, BadFrames::Error, BadFrames::End]);
        let settings = (any::<u8>(), option::of(1..=usize::MAX), any::<Duration>())
            .prop_map(|(nice, threads, stall)| Settings { nice, threads: threads.and_then(NonZeroUsize::new), stall });
        (vec(frame(), 0..5), recipe(), rate, form, bad_frames, tags(), settings).prop_map(
            |(frames, recipe, rate, form, bad_frames, tags, settings)| ChunkSpec {
                frames,
                encode: EncodeSpec { recipe, rate, form, bad_frames, tags, settings },
            },
        )
    }

    fn outcome() -> impl Strategy<Value = ChunkOutcome> {
        let contents = (option::of(any::<i64>()), vec(any::<u8>(), 0..9))
            .prop_map(|(changed_ns, bytes)| Contents { changed_ns, digest: Digest::of(&bytes) });
        let unreadable = || (any::<i64>(), any::<String>()).prop_map(|(number, reason)| Unreadable { number, reason });
        let samples = (any::<u64>(), any::<String>(), any::<[u8; 32]>()).prop_map(|(count, config, digest)| Samples {
            count,
            config,
            digest,
        });
        let proof = (any::<u64>(), any::<u64>(), option::of(any::<u8>()), any::<Duration>(), option::of(samples))
            .prop_map(|(frames, bytes, worst, duration, samples)| Proof { frames, bytes, worst, duration, samples });
        let bad = vec(unreadable(), 0..3);
        (vec(shown(), 0..5), vec((any::<i64>(), contents), 0..5), bad, option::of(unreadable()), proof)
            .prop_map(|(shown, contents, bad, ended_by, proof)| ChunkOutcome { shown, contents, bad, ended_by, proof })
    }

    proptest! {
        #[test]
        fn a_spec_is_the_same_on_another_machine(spec in spec()) {
            let text = serde_json::to_string(&spec).unwrap();
            prop_assert_eq!(serde_json::from_str::<ChunkSpec>(&text).unwrap(), spec);
        }

        #[test]
        fn an_outcome_is_the_same_where_it_was_asked_for(outcome in outcome()) {
            let text = serde_json::to_string(&outcome).unwrap();
            prop_assert_eq!(serde_json::from_str::<ChunkOutcome>(&text).unwrap(), outcome);
        }
    }
}

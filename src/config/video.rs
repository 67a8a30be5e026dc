//! What a batch becomes: rate, preset, quality.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::frame::geometry::Geometry;
use crate::frame::{Exposure, Layer};
use crate::model::FrameRate;
use crate::sequence::playback::Playback;
use crate::sequence::sizes::SizeChange;
use crate::text::printable::Show as _;

use super::EncoderArgs;
use super::units::{Named as _, print_duration, print_geometry, suggest};

/// What a batch becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Video {
    /// Frames per second of the video: what `framerate` states, or 24 until the maker of the frames says another one, times
    /// the factor.
    pub rate: FrameRate,
    /// Codec, pixel format and container.
    pub preset: Preset,
    /// How good; the preset's own where `None`.
    pub quality: Option<Quality>,
    /// The encoder's own speed preset, such as `veryfast`; the preset's own where `None`.
    pub speed: Option<String>,
    /// Further arguments for the encoder, after reeld's own.
    pub encoder_args: EncoderArgs,
    /// Which layer of EXR frames is the picture; the one that looks like it where `None`.
    pub layer: Option<Layer>,
    /// How much brighter linear light is shown.
    pub exposure: Exposure,
    /// What shows through transparent pixels where the codec has no alpha: red, green, blue.
    pub background: [u8; 3],
    /// What of a frame is shown, which way up, and how large.
    pub geometry: Geometry,
    /// In which order, how often and with which pauses the frames are shown.
    pub playback: Playback,
    /// What frames of another size than the most mean.
    pub size_change: SizeChange,
    /// What sounds beside the pictures; nothing, and no track for it, where `None`.
    pub audio: Option<Audio>,
}

/// The sound of a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audio {
    /// A track without a sound, for players that want one.
    Silence,
    /// What is in this file, which is absolute: from its start, cut or followed by silence where the video ends.
    File(PathBuf),
}

/// A recipe by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preset {
    /// One of reeld's own.
    Builtin(Builtin),
    /// `[presets.NAME]` of the config.
    Custom(Arc<CustomPreset>),
}

/// The presets that come with reeld.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the codecs; encode::recipe says what each stands for")]
pub enum Builtin {
    H264,
    H264Ten,
    H265,
    H265Ten,
    Av1,
    Vp9,
    Prores,
    Prores4444,
    Dnxhr,
    Ffv1,
    Mpeg4,
    Gif,
    Webp,
    Lossless,
}

/// A preset of the user's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomPreset {
    /// Its name in the config.
    pub name: String,
    /// FFmpeg's name of the encoder, such as `libx264`.
    pub encoder: String,
    /// FFmpeg's name of the pixel format, such as `yuv420p10le`.
    pub pix_fmt: String,
    /// The file format.
    pub container: Container,
    /// Arguments for the encoder.
    pub args: EncoderArgs,
}

/// File formats of videos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the file extensions")]
pub enum Container {
    Mp4,
    Mov,
    Mkv,
    Webm,
    Avi,
    Gif,
    Webp,
}

/// How good a video is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quality {
    /// The encoder's own constant quality number (CRF or its like).
    Crf(u8),
    /// Blender's name.
    Named(NamedQuality),
}

/// Blender's quality names, meaning what Blender's own tables say for each codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "encode::recipe has the numbers of each")]
pub enum NamedQuality {
    Lossless,
    PercLossless,
    High,
    Medium,
    Low,
    VeryLow,
    Lowest,
}

impl Video {
    /// Everything that decides what a batch becomes, the rate apart, as the journal records it: `h264`, or
    /// `h264 crf 18 veryfast` where the preset's own choices are overruled. Equal texts mean equal settings.
    #[must_use]
    pub fn settings(&self) -> String {
        let mut text = self.preset.name();
        if let Preset::Custom(custom) = &self.preset {
            let CustomPreset { name: _, encoder, pix_fmt, container, args } = &**custom;
            text += &format!(" [{encoder} {pix_fmt} {container} {args:?}]");
        }
        match self.quality {
            Some(Quality::Crf(crf)) => text += &format!(" crf {crf}"),
            Some(Quality::Named(name)) => text += &format!(" {name}"),
            None => {}
        }
        if let Some(speed) = &self.speed {
            text += &format!(" {speed}");
        }
        if !self.encoder_args.is_empty() {
            text += &format!(" {:?}", self.encoder_args);
        }
        if let Some(layer) = &self.layer {
            text += &format!(" layer {:?}", layer.as_str());
        }
        if self.exposure != Exposure::NONE {
            text += &format!(" exposure {}", self.exposure);
        }
        if self.background != [0, 0, 0] {
            let [red, green, blue] = self.background;
            text += &format!(" over #{red:02x}{green:02x}{blue:02x}");
        }
        text += &print_geometry(&self.geometry);
        text += &print_playback(&self.playback);
        if self.size_change == SizeChange::Error {
            text += " of one size";
        }
        match &self.audio {
            None => {}
            Some(Audio::Silence) => text += " with silence",
            Some(Audio::File(path)) => text += &format!(" with the sound of {}", path.shown()),
        }
        text
    }
}

/// What of it is not the default, for the journal.
fn print_playback(playback: &Playback) -> String {
    let Playback { reverse, ping_pong, times, hold_first, hold_last } = *playback;
    let mut text = String::new();
    if reverse {
        text += " reversed";
    }
    if ping_pong {
        text += " forth and back";
    }
    if times.get() > 1 {
        text += &format!(" {times} times");
    }
    for (pause, which) in [(hold_first, "first"), (hold_last, "last")] {
        if !pause.is_zero() {
            text += &format!(" {which} held {}", print_duration(pause));
        }
    }
    text
}

impl Preset {
    /// The preset of this name: one of reeld's, or of `own`. Else what was perhaps meant.
    pub(crate) fn find(name: &str, own: &[Arc<CustomPreset>]) -> Result<Self, String> {
        if let Ok(builtin) = name.parse() {
            return Ok(Self::Builtin(builtin));
        }
        if let Some(custom) = own.iter().find(|custom| custom.name == name) {
            return Ok(Self::Custom(Arc::clone(custom)));
        }
        let own = own.iter().map(|custom| custom.name.as_str());
        let known: Vec<&str> = Builtin::NAMES.iter().map(|(name, _)| *name).chain(own).collect();
        Err(format!("{}; your own are written as [presets.NAME]", suggest(name, &known)))
    }

    /// Its name in the configuration and on the command line.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Builtin(builtin) => builtin.to_string(),
            Self::Custom(custom) => custom.name.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;
    use crate::frame::geometry::{Crop, Flip, Rotation, Size};

    #[test]
    fn other_settings_have_another_text() {
        let plain = Video {
            rate: FrameRate { num: NonZeroU32::MIN, den: NonZeroU32::MIN },
            preset: Preset::Builtin(Builtin::H264),
            quality: None,
            speed: None,
            encoder_args: EncoderArgs::default(),
            layer: None,
            exposure: Exposure::NONE,
            background: [0, 0, 0],
            geometry: Geometry::default(),
            playback: Playback::default(),
            size_change: SizeChange::Split,
            audio: None,
        };
        let custom = CustomPreset {
            name: "h264".to_owned(),
            encoder: "libx264".to_owned(),
            pix_fmt: "yuv420p".to_owned(),
            container: Container::Mkv,
            args: EncoderArgs::default(),
        };
        let crf = Video { quality: Some(Quality::Crf(18)), ..plain.clone() };
        let variants = [
            Video { preset: Preset::Custom(Arc::new(custom)), ..plain.clone() },
            Video { speed: Some("veryfast".to_owned()), ..crf.clone() },
            Video { quality: Some(Quality::Named(NamedQuality::High)), ..plain.clone() },
            Video { encoder_args: EncoderArgs::own(&[("-tune", "film"), ("-bf", "2")]), ..plain.clone() },
            Video { encoder_args: EncoderArgs::own(&[("-tune", "film -bf 2")]), ..plain.clone() },
            Video { layer: "rgba over".parse().ok(), ..plain.clone() },
            Video { exposure: (-1500).try_into().unwrap(), ..plain.clone() },
            Video { background: [255, 128, 0], ..plain.clone() },
            Video { size_change: SizeChange::Error, ..plain.clone() },
            Video { audio: Some(Audio::Silence), ..plain.clone() },
            Video { audio: Some(Audio::File("/a b/c.flac".into())), ..plain.clone() },
            Video {
                geometry: Geometry {
                    crop: Some(Crop::Shape { width: 16, height: 9 }),
                    rotate: Rotation::By90,
                    flip: Some(Flip::Vertical),
                    size: Some(Size::Width { width: 1280, even: true }),
                },
                ..plain.clone()
            },
            Video {
                playback: Playback {
                    reverse: true,
                    ping_pong: true,
                    times: NonZeroU32::new(3).unwrap(),
                    hold_first: Duration::from_secs(2),
                    hold_last: Duration::from_millis(2500),
                },
                ..plain.clone()
            },
            crf,
            plain,
        ];
        let texts = variants.each_ref().map(Video::settings);
        let expected = [
            "h264 [libx264 yuv420p mkv []]",
            "h264 crf 18 veryfast",
            "h264 HIGH",
            r#"h264 ["-tune", "film", "-bf", "2"]"#,
            r#"h264 ["-tune", "film -bf 2"]"#,
            r#"h264 layer "rgba over""#,
            "h264 exposure -1.5",
            "h264 over #ff8000",
            "h264 of one size",
            "h264 with silence",
            "h264 with the sound of /a b/c.flac",
            "h264 crop 16:9 rotate 90 flip vertical size 1280x-2",
            "h264 reversed forth and back 3 times first held 2s last held 2s500ms",
            "h264 crf 18",
            "h264",
        ];
        assert_eq!(texts, expected);
    }
}

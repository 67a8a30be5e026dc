//! What a preset's name stands for: encoder, pixel format, rate control, container, and what goes to FFmpeg as pixels.
//!
//! Owns every codec argument, each with its reason beside it, and refuses what a codec cannot do before anything runs.
//! Pure: no files, no processes.

use serde::{Deserialize, Serialize};

use crate::config::{Builtin, Container, EncoderArgs, FrameRate, Preset, Video};
use crate::encode::fingerprint::Fingerprint;
use crate::encode::fingerprint::small::Layout;
use crate::encode::mp4::timing::track_timescale;
use crate::frame::color::{Canvas, Feed};
use crate::frame::geometry::Geometry;
use crate::frame::{Exposure, Layer, PixelAspect};

mod chunked;
pub(super) mod encoder_family;
pub(crate) mod error;
mod fidelity;
mod form;
mod joinable;
mod pixels;
mod players;
mod presets;
mod proof_frames;

use encoder_family::EncoderFamily;
pub use error::RecipeError;
pub use fidelity::Fidelity;
pub(crate) use form::Arrival;
pub use form::{ChunkPosition, Form};
use pixels::Pixels;
pub use proof_frames::ProofFrames;

/// After this many bytes a part of a video gets its next fragment.
const FRAGMENT_BYTES: &str = "1000000";
/// After this many frames it does too, however small they are: what is not yet in a fragment cannot be proved.
const FRAGMENT_FRAMES: u64 = 8;

/// What the frames of a batch are like, as far as it matters for the video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// More than eight bits a channel.
    pub deep: bool,
    /// Linear light in floating point.
    pub linear: bool,
    /// Whether any frame may be transparent.
    pub alpha: bool,
}

/// Everything that decides how pixels become a file, except the frames and their rate. The same recipe gives the same
/// codec configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// The preset's name.
    pub name: String,
    /// The file format.
    pub container: Container,
    /// What reeld writes to FFmpeg.
    pub feed: Feed,
    /// What of a frame is shown, and which way up.
    pub geometry: Geometry,
    /// The size of the video, and of the picture in it.
    pub canvas: Canvas,
    /// Which layer of EXR frames is the picture.
    pub layer: Option<Layer>,
    /// How much brighter linear light is shown.
    pub exposure: Exposure,
    /// What shows through transparent pixels where the feed has no alpha: red, green, blue.
    pub background: [u8; 3],
    /// FFmpeg's name of the encoder.
    pub encoder: String,
    /// FFmpeg's name of the encoder's pixel format.
    pub pix_fmt: String,
    /// FFmpeg's filter chain between the feed and the encoder.
    pub filters: String,
    /// Arguments for the encoder, the user's own last.
    pub encoder_args: EncoderArgs,
    /// How far the colours of the video may be from those of the frames.
    pub tolerance: Tolerance,
}

/// How far the pictures of the video may be from those of the frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tolerance {
    /// Not at all, and no pixel either: the codec is lossless, and keeps the depth of the frames.
    Exact,
    /// As little as videos of this fidelity are: measured in many ways, see
    /// [`measure`](crate::encode::verify::measure).
    Like(Fidelity),
}

impl Tolerance {
    /// Whether so little of a picture may be left that a proof says no more than that it is broadly the film, in its order:
    /// from about CRF 40 of x264 on, where the quality is a bit rate, and where the encoder was not measured.
    #[must_use]
    pub fn is_coarse(self) -> bool {
        match self {
            Self::Exact => false,
            Self::Like(fidelity) => fidelity.as_x264().is_none_or(|crf| crf >= 40.0),
        }
    }
}

impl Recipe {
    /// The recipe for `video` made of frames like `source`.
    pub fn resolve(video: &Video, source: &Source) -> Result<Self, RecipeError> {
        let (width, height) = video.geometry.picture(source.width, source.height)?;
        // From here on it is the picture that counts, whatever is cut away and scaled before.
        let source = &Source { width, height, ..*source };
        let preset = match &video.preset {
            Preset::Builtin(builtin) => presets::builtin(*builtin, video, source)?,
            Preset::Custom(custom) => presets::custom(custom, video)?,
        };
        let pixels = Pixels::of(&preset.pix_fmt)
            .ok_or_else(|| RecipeError::PixelFormat { preset: preset.name.clone(), pix_fmt: preset.pix_fmt.clone() })?;
        presets::check_limits(&preset, video.rate, source)?;
        let feed = pixels.feed(source, preset.family);
        let mut encoder_args = preset.args;
        encoder_args.append(video.encoder_args.clone());
        Ok(Self {
            container: preset.container,
            feed,
            geometry: video.geometry,
            canvas: Canvas::new(width, height, pixels.even()),
            layer: video.layer.clone(),
            exposure: video.exposure,
            background: video.background,
            filters: if preset.family == EncoderFamily::Gif { presets::gif_filters() } else { pixels.filters(feed) },
            tolerance: preset.family.tolerance(&pixels, feed, &encoder_args),
            name: preset.name,
            encoder: preset.encoder,
            pix_fmt: preset.pix_fmt,
            encoder_args,
        })
    }

    /// The same for frames with pixels of this shape: in the stream and in the container, as far as they have a place for it.
    #[must_use]
    pub fn of_aspect(mut self, aspect: PixelAspect) -> Self {
        let aspect = self.geometry.aspect(aspect);
        if aspect != PixelAspect::SQUARE {
            let (width, height) = aspect.into();
            self.filters += &format!(",setsar={width}/{height}");
        }
        self
    }

    /// What a raw frame of this recipe is told by, of `size` pixels across and down.
    pub(crate) fn fingerprint(&self, raw: &[u8], layout: Layout, size: (u32, u32)) -> Fingerprint {
        match self.tolerance {
            Tolerance::Exact => Fingerprint::exact(raw),
            Tolerance::Like(_) => Fingerprint::small(raw, layout, size),
        }
    }

    /// FFmpeg's name of the muxer. Never left to FFmpeg's guess from a name.
    pub(crate) fn muxer(&self, form: Form) -> &'static str {
        let fragments = EncoderFamily::of(&self.encoder).fragments();
        if let (Form::Chunk { .. }, Some(muxer)) = (form, fragments) {
            return muxer;
        }
        match self.container {
            Container::Mp4 => "mp4",
            Container::Mov => "mov",
            Container::Mkv => "matroska",
            Container::Webm => "webm",
            Container::Avi => "avi",
            Container::Gif => "gif",
            Container::Webp => "webp",
        }
    }

    /// The video's extension, without the dot.
    #[must_use]
    pub fn extension(&self) -> &'static str {
        match self.container {
            Container::Mp4 => "mp4",
            Container::Mov => "mov",
            Container::Mkv => "mkv",
            Container::Webm => "webm",
            Container::Avi => "avi",
            Container::Gif => "gif",
            Container::Webp => "webp",
        }
    }

    /// The encoder's arguments with `threads`, where that many are asked for. `arrival` changes how soon pictures come out of
    /// it, and not what they are.
    pub(crate) fn encoder_args(&self, form: Form, arrival: Arrival, threads: Option<usize>) -> Vec<String> {
        let mut args = self.encoder_args.clone();
        let family = EncoderFamily::of(&self.encoder);
        if let Form::Chunk { gop, position } = form {
            family.divide(&mut args, gop, position);
            if position != ChunkPosition::First {
                family.go_on(&mut args);
            }
        }
        if arrival == Arrival::Live {
            family.hold_less_back(&mut args);
        }
        if let Some(threads) = threads {
            family.limit_threads(&mut args, threads);
        }
        args.to_argv()
    }

    /// Arguments for the muxer.
    pub(crate) fn muxer_args(&self, form: Form, rate: FrameRate) -> Vec<String> {
        let micros = (FRAGMENT_FRAMES * 1_000_000 * u64::from(rate.den.get()) / u64::from(rate.num.get())).to_string();
        let args: &[&str] = match (form, self.container) {
            // Fragments that end after some frames or bytes, not at key frames, so that FFmpeg has little in memory and
            // what is encoded can be decoded and compared at once. The first one comes before the index, so that the
            // delay of pictures out of order is known and the first picture is at 0. No table of the fragments at the
            // end, which nobody reads.
            (Form::Chunk { .. }, _) => &[
                "-movflags",
                "+delay_moov+default_base_moof+skip_trailer",
                "-frag_size",
                FRAGMENT_BYTES,
                "-frag_duration",
                &micros,
                // FFmpeg would gather 256 kB of fragments before it writes them.
                "-flush_packets",
                "1",
            ],
            // The index in front, so that players on the web start at once.
            (Form::Reel, Container::Mp4 | Container::Mov) => &["-movflags", "+faststart"],
            // For ever.
            (Form::Reel, Container::Gif | Container::Webp) => &["-loop", "0"],
            (Form::Reel, Container::Mkv | Container::Webm | Container::Avi) => &[],
        };
        let mut args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        if self.is_boxes(form) {
            // A clock in which a frame is a whole number of ticks, pinned so that every FFmpeg and every part of a video
            // has the same.
            args.extend(["-video_track_timescale".to_owned(), track_timescale(rate).to_string()]);
        }
        args
    }

    /// Whether the file is an mp4 or mov.
    pub(crate) fn is_boxes(&self, form: Form) -> bool {
        form != Form::Reel || matches!(self.container, Container::Mp4 | Container::Mov)
    }

    /// Arguments in front of the input of a decode of the video.
    pub(crate) fn decoder_args(&self) -> &'static [&'static str] {
        // FFmpeg's own VP9 decoder leaves the alpha out.
        if self.encoder == "libvpx-vp9" && self.feed.has_alpha() { &["-c:v", "libvpx-vp9"] } else { &[] }
    }

    /// Whether the samples are limited-range BT.709 YUV, which the container should then say.
    pub(crate) fn is_bt709(&self) -> bool {
        self.container != Container::Webp && Pixels::of(&self.pix_fmt).is_some_and(|pixels| pixels.is_limited_yuv())
    }
}

impl Builtin {
    /// Every preset that comes with reeld, in the order of the manual.
    pub const ALL: [Self; 14] = [
        Self::H264,
        Self::H264Ten,
        Self::H265,
        Self::H265Ten,
        Self::Av1,
        Self::Vp9,
        Self::Prores,
        Self::Prores4444,
        Self::Dnxhr,
        Self::Ffv1,
        Self::Mpeg4,
        Self::Gif,
        Self::Webp,
        Self::Lossless,
    ];

    /// Its name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::H264Ten => "h264-10bit",
            Self::H265 => "h265",
            Self::H265Ten => "h265-10bit",
            Self::Av1 => "av1",
            Self::Vp9 => "vp9",
            Self::Prores => "prores",
            Self::Prores4444 => "prores-4444",
            Self::Dnxhr => "dnxhr",
            Self::Ffv1 => "ffv1",
            Self::Mpeg4 => "mpeg4",
            Self::Gif => "gif",
            Self::Webp => "webp",
            Self::Lossless => "lossless",
        }
    }
}

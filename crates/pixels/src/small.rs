//! Small pictures: what the proof of a lossy file compares, instead of whole frames.
//!
//! Owns how a frame is made smaller. A sample is the mean of a square of pixels, so that what a codec does to detail hardly
//! shows, while another picture, another colour or another order does. Every pixel counts. Samples are luma and chroma,
//! whatever the frame is made of: going back to RGB cuts off what a codec adds to white, which then looks darker.

use std::sync::Arc;

use crate::Feed;

mod means;

/// A small picture is about this long on its longer side.
const LONG: usize = 160;

/// How the values of a raw frame follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// As a frame is fed to an encoder.
    Feed(Feed),
    /// 8-bit planes of limited range and full size, as FFmpeg makes them of what it decodes.
    Yuv444p,
}

impl Layout {
    /// FFmpeg's name of the pixel format.
    #[must_use]
    pub fn ffmpeg_name(self) -> &'static str {
        match self {
            Self::Feed(feed) => feed.ffmpeg_name(),
            Self::Yuv444p => "yuv444p",
        }
    }

    /// Bytes of one frame of `width` times `height` pixels.
    #[must_use]
    pub fn frame_bytes(self, width: u32, height: u32) -> usize {
        match self {
            Self::Feed(feed) => feed.frame_bytes(width, height),
            Self::Yuv444p => 3 * width as usize * height as usize,
        }
    }
}

/// How many samples a small picture has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Samples of luma across; half of it of chroma.
    pub width: usize,
    /// Samples of luma down; half of it of chroma.
    pub height: usize,
    /// Whether each sample stands for a square of equally many pixels.
    pub is_even: bool,
}

impl Grid {
    /// The grid for frames of this size in pixels.
    #[must_use]
    pub fn of(width: u32, height: u32) -> Self {
        let (width, height) = (width as usize, height as usize);
        let long = width.max(height);
        // Means of fewer pixels are no means: where nothing is averaged, codecs are off by several times as much.
        let side = match long {
            256.. => long.div_ceil(LONG).max(4),
            128.. => 2,
            _ => 1,
        };
        let divides = |side: &usize| width.is_multiple_of(2 * side) && height.is_multiple_of(2 * side);
        if let Some(side) = (side..=2 * side).find(divides) {
            return Self { width: width / side, height: height / side, is_even: true };
        }
        let samples = |pixels: usize| 2 * (pixels / 2).div_ceil(side).max(1);
        Self { width: samples(width), height: samples(height), is_even: false }
    }

    fn luma(self) -> usize {
        self.width * self.height
    }

    /// Samples of one plane of chroma.
    #[must_use]
    pub fn chroma(self) -> usize {
        (self.width / 2) * (self.height / 2)
    }
}

/// A frame, made small: as it is seen over black, and how opaque it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layers {
    /// Its colours. Where a frame is transparent, each colour counts as much as it is visible, because codecs do as they like
    /// with colours that nobody can see.
    pub color: Arc<Small>,
    /// Its alpha as luma, where the layout has any.
    pub alpha: Option<Arc<Small>>,
}

impl Layers {
    /// Makes a raw frame of `width` times `height` pixels small. Bytes that are missing count as black.
    #[must_use]
    pub fn of(raw: &[u8], layout: Layout, (width, height): (u32, u32)) -> Self {
        let size = (width as usize, height as usize);
        let grid = Grid::of(width, height);
        let (color, alpha) = match layout {
            Layout::Feed(Feed::Yuv420p) => (means::planar(raw, size, 2, grid), None),
            Layout::Yuv444p => (means::planar(raw, size, 1, grid), None),
            Layout::Feed(Feed::Rgb24) => means::interleaved::<u8, 3>(raw, size, grid),
            Layout::Feed(Feed::Rgba) => means::interleaved::<u8, 4>(raw, size, grid),
            Layout::Feed(Feed::Rgb48le) => means::interleaved::<[u8; 2], 3>(raw.as_chunks().0, size, grid),
            Layout::Feed(Feed::Rgba64le) => means::interleaved::<[u8; 2], 4>(raw.as_chunks().0, size, grid),
        };
        Self { color: Arc::new(color), alpha: alpha.map(Arc::new) }
    }

    /// A frame that was made small by FFmpeg, as planes of `grid`.
    #[must_use]
    pub fn reduced(raw: &[u8], grid: Grid) -> Self {
        Self { color: Arc::new(Small { grid, samples: raw.into(), noise: [0; 2] }), alpha: None }
    }
}

/// One layer of a frame, made small. Samples are in 8-bit units of limited range, those of alpha of full range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Small {
    grid: Grid,
    samples: Box<[u8]>,
    /// The part of the variance inside of the squares that is left in their means, were it noise, in thousandths: what a
    /// codec rightly throws away of grain. Of luma and of chroma.
    noise: [u32; 2],
}

impl Small {
    /// `samples` are those of luma, then of both planes of chroma; `noise` is the variance of what is left of noise in the means
    /// of luma and of chroma.
    fn new(grid: Grid, samples: Vec<u8>, noise: [f64; 2]) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let noise = noise.map(|noise| (noise * 1000.0).round().clamp(0.0, 1e9) as u32);
        Self { grid, samples: samples.into(), noise }
    }

    /// Its grid.
    #[must_use]
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// Variance of the noise in a mean of luma, were the detail of the frame noise.
    #[must_use]
    pub fn noise(&self) -> f64 {
        f64::from(self.noise[0]) / 1000.0
    }

    /// The same of chroma.
    #[must_use]
    pub fn chroma_noise(&self) -> f64 {
        f64::from(self.noise[1]) / 1000.0
    }

    /// The samples of luma, row by row.
    #[must_use]
    pub fn luma(&self) -> &[u8] {
        &self.samples[..self.grid.luma().min(self.samples.len())]
    }

    /// The samples of both planes of chroma, one after the other.
    #[must_use]
    pub fn chroma(&self) -> &[u8] {
        self.samples.get(self.grid.luma()..).unwrap_or_default()
    }

    /// The same with other samples, for trying what a proof sees.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut [u8])) -> Self {
        let mut other = self.clone();
        change(&mut other.samples);
        other
    }
}

#[cfg(test)]
mod tests;

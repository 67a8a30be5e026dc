//! The clock of an mp4 or mov track: one in which a frame is a whole number of ticks, pinned so that every FFmpeg and every
//! part of a video has the same.

use crate::config::FrameRate;

/// Ticks a second of an mp4 or mov track: the rate's numerator, doubled until it is fine enough, as FFmpeg itself does
/// (24000 for 24000/1001, 12288 for 24, 15360 for 30). A multiple of the numerator, so that no frame's time is rounded.
pub(crate) fn track_timescale(rate: FrameRate) -> u64 {
    let mut scale = u64::from(rate.num.get());
    while scale < 10_000 {
        scale *= 2;
    }
    scale
}

/// Ticks a frame in such a track.
pub(crate) fn track_step(rate: FrameRate) -> u64 {
    track_timescale(rate) / u64::from(rate.num.get()) * u64::from(rate.den.get())
}

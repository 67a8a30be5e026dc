//! What the families of encoders are told of threads, and how far their videos may be from the frames.

use super::pixels::Pixels;
use super::{Fidelity, Tolerance};
use crate::config::EncoderArgs;
pub(in crate::encode) use crate::config::codec::EncoderFamily;
use crate::frame::color::Feed;

impl EncoderFamily {
    /// Limits the encoder to `threads` threads.
    pub(super) fn limit_threads(self, args: &mut EncoderArgs, threads: usize) {
        match self {
            // x265 takes FFmpeg's number for frames in parallel only; its workers have a key of their own.
            Self::X265 => args.add_param("-x265-params", &format!("pools={threads}")),
            // SVT-AV1 does not look at FFmpeg's number. Its levels of parallelism end at 6.
            Self::SvtAv1 => args.add_param("-svtav1-params", &format!("lp={}", threads.min(6))),
            _ => {}
        }
        args.push("-threads", threads.to_string());
    }

    /// See [`Tolerance`].
    pub(super) fn tolerance(self, pixels: &Pixels, feed: Feed, args: &EncoderArgs) -> Tolerance {
        let is_lossless = match self {
            Self::Ffv1 => true,
            Self::X264 => args.last("-qp") == Some("0"),
            Self::Vpx => args.is_lossless(),
            _ => false,
        };
        if is_lossless && pixels.holds(feed) {
            Tolerance::Exact
        } else {
            Tolerance::Like(Fidelity::of(self, args, feed))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_reach_encoders_that_have_their_own_key() {
        let mut args = EncoderArgs::own(&[("-x265-params", "log-level=error")]);
        EncoderFamily::X265.limit_threads(&mut args, 2);
        assert_eq!(args.to_argv(), ["-x265-params", "log-level=error:pools=2", "-threads", "2"]);
        let mut args = EncoderArgs::default();
        EncoderFamily::SvtAv1.limit_threads(&mut args, 64);
        assert_eq!(args.to_argv(), ["-svtav1-params", "lp=6", "-threads", "64"]);
    }
}

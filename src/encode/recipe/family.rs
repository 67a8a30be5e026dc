//! What the families of encoders are told of threads, and how far their videos may be from the frames.

use super::pixels::Pixels;
use super::{Fidelity, Tolerance};
pub(in crate::encode) use crate::config::codec::Family;
use crate::frame::color::Feed;

impl Family {
    /// Limits the encoder to `threads` threads.
    pub(super) fn limit_threads(self, args: &mut Vec<String>, threads: usize) {
        match self {
            // x265 takes FFmpeg's number for frames in parallel only; its workers have a key of their own.
            Self::X265 => add_param(args, "-x265-params", &format!("pools={threads}")),
            // SVT-AV1 does not look at FFmpeg's number. Its levels of parallelism end at 6.
            Self::SvtAv1 => add_param(args, "-svtav1-params", &format!("lp={}", threads.min(6))),
            _ => {}
        }
        args.extend(["-threads".to_owned(), threads.to_string()]);
    }

    /// See [`Tolerance`].
    pub(super) fn tolerance(self, pixels: &Pixels, feed: Feed, args: &[String]) -> Tolerance {
        let asked = |option: &str, value: &str| args.windows(2).any(|pair| pair == [option, value]);
        let is_lossless = match self {
            Self::Ffv1 => true,
            Self::X264 => asked("-qp", "0"),
            Self::Vpx => asked("-lossless", "1"),
            _ => false,
        };
        if is_lossless && pixels.holds(feed) {
            Tolerance::Exact
        } else {
            Tolerance::Like(Fidelity::of(self, args, feed))
        }
    }
}

/// The keys and values of a `key=value:key=value` argument.
pub(super) fn params(value: &str) -> impl Iterator<Item = (&str, &str)> {
    value.split(':').map(|param| param.split_once('=').unwrap_or((param, "")))
}

/// Adds to a `key=value:key=value` argument, which encoders take once only.
pub(super) fn add_param(args: &mut Vec<String>, option: &str, param: &str) {
    match args.iter().rposition(|arg| arg == option) {
        Some(at) if at + 1 < args.len() => {
            args[at + 1].push(':');
            args[at + 1].push_str(param);
        }
        _ => args.extend([option.to_owned(), param.to_owned()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_reach_encoders_that_have_their_own_key() {
        let mut args = vec!["-x265-params".to_owned(), "log-level=error".to_owned()];
        Family::X265.limit_threads(&mut args, 2);
        assert_eq!(args, ["-x265-params", "log-level=error:pools=2", "-threads", "2"]);
        let mut args = Vec::new();
        Family::SvtAv1.limit_threads(&mut args, 64);
        assert_eq!(args, ["-svtav1-params", "lp=6", "-threads", "64"]);
    }
}

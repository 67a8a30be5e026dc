//! How much one frame may cost, whatever its bytes ask for.
//!
//! Owns the numbers and the account of one look at a header. The numbers are those of the process, as the kernel's own limits
//! are: there is one config, and every file is read under it. This module never opens a file.

use std::cell::Cell;
use std::error::Error;
use std::io;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::frame::complete::Bytes;
use crate::frame::{FrameErrorKind, MAX_PIXEL};

/// What a frame may cost at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Width times height. Of an EXR its data window counts too, which may be larger than the picture.
    pub pixels: u64,
    /// Bytes of the file: it is read into memory as a whole.
    pub file_bytes: u64,
    /// Bytes that are read of a file to find out whether it is whole.
    pub look_bytes: u64,
    /// Directory entries, chunks, segments and the like that are followed in a file to find that out.
    pub look_entries: u64,
    /// Processor time of that look. Waiting for a slow disk does not count.
    pub look_time: Duration,
    /// Processor time of decoding in a process of its own. What decoding a PNG or JPEG takes is bounded by its pixels and bytes:
    /// `zune-jpeg` refuses more than 100 scans, each of which may cost a pass over all pixels.
    pub decode_time: Duration,
}

impl Limits {
    /// The defaults: room for 16384 x 8192 and for 16K UHD (15360 x 8640) in every format.
    pub const DEFAULT: Self = Self {
        pixels: 1 << 27,
        file_bytes: 1 << 31,
        look_bytes: 64 << 20,
        look_entries: 1 << 20,
        look_time: Duration::from_secs(10),
        decode_time: Duration::from_secs(60),
    };

    /// Bytes of the pixels of the largest frame, in the largest form that they are decoded to.
    #[must_use]
    pub fn pixel_bytes(&self) -> u64 {
        self.pixels.saturating_mul(MAX_PIXEL)
    }

    /// Refuses a picture of this size.
    pub(in crate::frame) fn check_pixels(&self, what: &str, width: u64, height: u64) -> Result<(), FrameErrorKind> {
        if width.saturating_mul(height) <= self.pixels {
            return Ok(());
        }
        Err(FrameErrorKind::TooLarge(format!(
            "{what}{width}x{height} pixels; `pixels` under [limits] allows {}",
            self.pixels
        )))
    }

    /// Refuses a table with this many entries, before there is memory for it.
    pub(in crate::frame) fn check_entries(&self, of: &str, count: u64) -> Result<(), FrameErrorKind> {
        if count <= self.look_entries {
            return Ok(());
        }
        let most = self.look_entries;
        Err(FrameErrorKind::TooLarge(format!("{count} {of}; `look_entries` under [limits] allows {most}")))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

static CURRENT: RwLock<Limits> = RwLock::new(Limits::DEFAULT);

/// Those in force.
#[must_use]
pub fn current() -> Limits {
    // A copy of numbers: nothing can be half written.
    *CURRENT.read().unwrap_or_else(PoisonError::into_inner)
}

/// Puts others into force, for every look and decode that begins from now on.
pub fn set(limits: Limits) {
    *CURRENT.write().unwrap_or_else(PoisonError::into_inner) = limits;
}

/// A limit that a look ran into, on its way through the readers of other people, which know [`io::Error`] only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(in crate::frame) struct Exceeded(String);

impl Exceeded {
    /// The one that `error` is about.
    pub(in crate::frame) fn of(error: &io::Error) -> Option<&Self> {
        let inner: &(dyn Error + 'static) = error.get_ref()?;
        inner.downcast_ref()
    }
}

/// Bytes of which a limited number may be read, in a limited number of steps: whatever a header says, the look at it ends.
pub(in crate::frame) struct Metered<'a> {
    bytes: &'a dyn Bytes,
    limits: Limits,
    /// What part of the bytes is for this: one in this many.
    part: u64,
    read: Cell<u64>,
    steps: Cell<u64>,
    /// Processor time of this thread when the look began.
    since: Duration,
    exceeded: Cell<bool>,
}

/// Steps between two looks at the clock, which cost more than a step.
const CLOCK_EVERY: u64 = 1024;

impl<'a> Metered<'a> {
    pub(in crate::frame) fn new(bytes: &'a dyn Bytes, limits: Limits) -> Self {
        Self::part(bytes, limits, 1)
    }

    /// The same, of which no more than one in `part` bytes may be read.
    pub(in crate::frame) fn part(bytes: &'a dyn Bytes, limits: Limits, part: u64) -> Self {
        let (read, steps, exceeded) = Default::default();
        Self { bytes, limits, part, read, steps, since: processor_time(), exceeded }
    }

    /// What the look comes to: a limit that was exceeded counts, whatever a reader has made of it.
    pub(in crate::frame) fn within_limits<T>(&self, looked: Result<T, FrameErrorKind>) -> Result<T, FrameErrorKind> {
        match self.check() {
            Err(exceeded) if self.exceeded.get() => Err(FrameErrorKind::TooLarge(exceeded.to_string())),
            _ => looked,
        }
    }

    /// What was read so far.
    #[cfg(test)]
    pub(in crate::frame) fn bytes_read(&self) -> u64 {
        self.read.get()
    }

    fn check(&self) -> Result<(), Exceeded> {
        let Limits { look_bytes, look_entries, look_time, .. } = self.limits;
        let key = if self.read.get() > look_bytes / self.part {
            let of = if self.part == 1 { String::new() } else { format!("1/{} of ", self.part) };
            format!("`look_bytes` under [limits] allows {of}{look_bytes}")
        } else if self.steps.get() > look_entries {
            format!("`look_entries` under [limits] allows {look_entries}")
        } else if self.steps.get().is_multiple_of(CLOCK_EVERY) && processor_time() > self.since + look_time {
            format!("`look_time` under [limits] allows {} s", look_time.as_secs())
        } else {
            return Ok(());
        };
        Err(Exceeded(format!("its header cannot be read to its end; {key}")))
    }
}

impl Bytes for Metered<'_> {
    fn len(&self) -> u64 {
        self.bytes.len()
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.read.update(|read| read.saturating_add(out.len() as u64));
        self.steps.update(|steps| steps + 1);
        if let Err(exceeded) = self.check() {
            self.exceeded.set(true);
            return Err(io::Error::other(exceeded));
        }
        self.bytes.read_at(offset, out)
    }
}

/// What this thread has had of a processor.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { look_bytes: 100, look_entries: 10, ..Limits::DEFAULT }
    }

    #[test]
    fn bytes_steps_and_time_end_a_look() {
        let bytes = [7_u8; 1000];
        let bytes = &&bytes[..];
        let mut out = [0; 50];
        let metered = Metered::new(bytes, limits());
        assert!(metered.read_at(0, &mut out).is_ok() && metered.read_at(50, &mut out).is_ok());
        let error = FrameErrorKind::from(metered.read_at(0, &mut out[..1]).unwrap_err());
        assert!(matches!(&error, FrameErrorKind::TooLarge(text) if text.contains("`look_bytes`")), "{error}");

        let metered = Metered::new(bytes, limits());
        assert!((0..10).all(|at| metered.read_at(at, &mut out[..1]).is_ok()));
        let error = FrameErrorKind::from(metered.read_at(0, &mut out[..1]).unwrap_err());
        assert!(matches!(&error, FrameErrorKind::TooLarge(text) if text.contains("`look_entries`")), "{error}");

        let limits = Limits { look_time: Duration::ZERO, ..Limits::DEFAULT };
        let metered = Metered::new(bytes, limits);
        let failed = (0..CLOCK_EVERY).find_map(|_| metered.read_at(0, &mut out[..1]).err()).unwrap();
        assert!(failed.to_string().contains("`look_time`"), "{failed}");
    }

    /// Readers of other people swallow errors, or call them something else.
    #[test]
    fn a_limit_counts_whatever_became_of_its_error() {
        let bytes = [7_u8; 1000];
        let bytes = &&bytes[..];
        let metered = Metered::new(bytes, limits());
        assert!(metered.within_limits(Ok(1)).is_ok());
        assert!(metered.read_at(0, &mut [0; 101]).is_err());
        assert!(matches!(metered.within_limits(Ok(1)), Err(FrameErrorKind::TooLarge(_))));
        assert!(matches!(
            metered.within_limits::<u8>(Err(FrameErrorKind::NotAnImage)),
            Err(FrameErrorKind::TooLarge(_))
        ));
    }
}

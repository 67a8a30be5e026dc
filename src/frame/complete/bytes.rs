//! Reading at offsets, from a file or from memory, so that both are checked by the same code.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;

use crate::frame::limits::Exceeded;

/// Bytes that can be read anywhere. Readers take it as `dyn Bytes`: the decoders that they hand it to are compiled once then,
/// and not once for each kind of bytes.
pub(crate) trait Bytes {
    /// How many there are.
    fn len(&self) -> u64;

    /// Fills `out` from `offset` on; `UnexpectedEof` where the bytes end earlier.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
}

impl dyn Bytes + '_ {
    /// The `N` bytes at `offset`.
    pub(crate) fn array<const N: usize>(&self, offset: u64) -> io::Result<[u8; N]> {
        let mut out = [0; N];
        self.read_at(offset, &mut out)?;
        Ok(out)
    }

    /// A reader for decoders that want a stream.
    pub(crate) fn reader(&self) -> BufReader<Stream<'_>> {
        BufReader::new(Stream { bytes: self, position: 0 })
    }
}

impl Bytes for &[u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let found = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..start.checked_add(out.len())?))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }
}

/// A file's bytes. The first ones are kept, because every format's header is there.
pub(crate) struct FileBytes<'a> {
    file: &'a File,
    len: u64,
    head: Vec<u8>,
    /// What was read last, and where: entries of a directory are a few bytes each, and follow each other.
    window: RefCell<(u64, Vec<u8>)>,
}

/// The size of the window: no more than the kernel reads anyway.
const WINDOW: usize = 4 << 10;

impl<'a> FileBytes<'a> {
    /// Reads the first `head` bytes of `file`, which has `len` bytes.
    pub(crate) fn new(file: &'a File, len: u64, head: usize) -> io::Result<Self> {
        let mut head = vec![0; usize::try_from(len).unwrap_or(usize::MAX).min(head)];
        file.read_exact_at(&mut head, 0)?;
        Ok(Self { file, len, head, window: RefCell::default() })
    }
}

impl Bytes for FileBytes<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if self.head.as_slice().read_at(offset, out).is_ok() {
            return Ok(());
        }
        // Also an offset that no file can have, which the kernel would call an invalid argument.
        if offset.checked_add(out.len() as u64).is_none_or(|end| end > self.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if out.len() > WINDOW / 8 {
            return self.file.read_exact_at(out, offset);
        }
        let mut window = self.window.borrow_mut();
        let (start, bytes) = &mut *window;
        let within = |start: u64, bytes: &Vec<u8>, out: &mut [u8]| {
            offset.checked_sub(start).is_some_and(|at| bytes.as_slice().read_at(at, out).is_ok())
        };
        if within(*start, bytes, out) {
            return Ok(());
        }
        bytes.resize(WINDOW, 0);
        *start = offset;
        let mut filled = 0;
        while filled < WINDOW {
            match self.file.read_at(&mut bytes[filled..], offset.saturating_add(filled as u64)) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    bytes.clear();
                    return Err(error);
                }
            }
        }
        bytes.truncate(filled);
        if within(*start, bytes, out) { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

/// A position in [`Bytes`].
pub(crate) struct Stream<'a> {
    bytes: &'a dyn Bytes,
    position: u64,
}

impl Read for Stream<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let rest = self.bytes.len().saturating_sub(self.position);
        let count = out.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
        let out = out.get_mut(..count).unwrap_or_default();
        match self.bytes.read_at(self.position, out) {
            // For people's decoders the file ends here: one of them (PNM's in `image` 0.25) passes over errors, and would read
            // on for ever. The account says what it was.
            Err(error) if Exceeded::of(&error).is_some() => return Ok(0),
            read => read?,
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Stream<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(delta) => self.bytes.len().checked_add_signed(delta),
            SeekFrom::Current(delta) => self.position.checked_add_signed(delta),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

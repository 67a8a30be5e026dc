//! Reading at offsets, from a file or from memory, so that both are checked by the same code.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;

/// Bytes that can be read anywhere.
pub(crate) trait Bytes {
    /// How many there are.
    fn len(&self) -> u64;

    /// Fills `out` from `offset` on; `UnexpectedEof` where the bytes end earlier.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;

    /// The `N` bytes at `offset`.
    fn array<const N: usize>(&self, offset: u64) -> io::Result<[u8; N]> {
        let mut out = [0; N];
        self.read_at(offset, &mut out)?;
        Ok(out)
    }

    /// A reader for decoders that want a stream.
    fn reader(&self) -> BufReader<Stream<'_, Self>>
    where
        Self: Sized,
    {
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
}

impl<'a> FileBytes<'a> {
    /// Reads the first `head` bytes of `file`, which has `len` bytes.
    pub(crate) fn new(file: &'a File, len: u64, head: usize) -> io::Result<Self> {
        let mut head = vec![0; usize::try_from(len).unwrap_or(usize::MAX).min(head)];
        file.read_exact_at(&mut head, 0)?;
        Ok(Self { file, len, head })
    }
}

impl Bytes for FileBytes<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match self.head.as_slice().read_at(offset, out) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.file.read_exact_at(out, offset),
            read => read,
        }
    }
}

/// A position in [`Bytes`].
pub(crate) struct Stream<'a, B> {
    bytes: &'a B,
    position: u64,
}

impl<B: Bytes> Read for Stream<'_, B> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let rest = self.bytes.len().saturating_sub(self.position);
        let count = out.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
        let out = out.get_mut(..count).unwrap_or_default();
        self.bytes.read_at(self.position, out)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl<B: Bytes> Seek for Stream<'_, B> {
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

//! What a process and its decoders say to each other: one message a packet, with an open file beside it where one is meant.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::frame::color::Target;
use crate::frame::digest::Contents;
use crate::frame::limits::Limits;
use crate::frame::note::Note;
use crate::frame::{FrameErrorKind, ImageInfo, Layer};

/// The longest message.
pub(super) const LONGEST: usize = 16 << 10;

/// The longest text in one: a decoder's words may quote the file.
const LONGEST_TEXT: usize = 1000;

/// The first message, which comes with the file for the pixels.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) limits: Limits,
}

/// What to do with the file that comes with it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) task: FileTask,
    /// The file's extension, which tells TGA.
    pub(super) extension: String,
    /// Which layer of an EXR is the picture.
    pub(super) layer: Option<Layer>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum FileTask {
    Look,
    Decode(Target),
}

impl Request {
    pub(super) fn new(task: FileTask, path: &Path, layer: Option<&Layer>) -> Self {
        let extension = path.extension().map_or_else(String::new, |extension| extension.to_string_lossy().into_owned());
        Self { task, extension, layer: layer.cloned() }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Whole(ImageInfo),
    /// The pixels are this many bytes at the start of the file for them.
    Decoded {
        info: ImageInfo,
        bytes: u64,
        /// What was read of the frame's file, which nobody else reads.
        contents: Contents,
        /// What there is to say of it.
        notes: Vec<Note>,
    },
    Refused(Refusal),
}

/// The errors that contents can have; the others are found before a child is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Refusal {
    Torn(String),
    NotAnImage,
    Animated,
    Changed,
    Io(String),
    Unsupported(String),
    NoLayer(String),
    Decode(String),
    TooLarge(String),
}

impl From<FrameErrorKind> for Refusal {
    fn from(kind: FrameErrorKind) -> Self {
        let short = |text: String| text.chars().take(LONGEST_TEXT).collect();
        match kind {
            FrameErrorKind::Torn(text) => Self::Torn(short(text)),
            FrameErrorKind::NotAnImage => Self::NotAnImage,
            FrameErrorKind::Animated => Self::Animated,
            FrameErrorKind::Changed => Self::Changed,
            FrameErrorKind::Unsupported(text) => Self::Unsupported(short(text)),
            FrameErrorKind::NoLayer(text) => Self::NoLayer(short(text)),
            FrameErrorKind::Decode(text) => Self::Decode(short(text)),
            FrameErrorKind::TooLarge(text) => Self::TooLarge(short(text)),
            kind @ (FrameErrorKind::Io(_)
            | FrameErrorKind::Empty
            | FrameErrorKind::NotAFile(_)
            | FrameErrorKind::Vanished
            | FrameErrorKind::Died(_)
            | FrameErrorKind::NoDecoder(_)) => Self::Io(short(kind.to_string())),
        }
    }
}

impl From<Refusal> for FrameErrorKind {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Torn(text) => Self::Torn(text),
            Refusal::NotAnImage => Self::NotAnImage,
            Refusal::Animated => Self::Animated,
            Refusal::Changed => Self::Changed,
            Refusal::Io(text) => Self::Io(io::Error::other(text)),
            Refusal::Unsupported(text) => Self::Unsupported(text),
            Refusal::NoLayer(text) => Self::NoLayer(text),
            Refusal::Decode(text) => Self::Decode(text),
            Refusal::TooLarge(text) => Self::TooLarge(text),
        }
    }
}

/// Sends a message, and with it `file`.
pub(super) fn send(socket: impl AsFd, message: &impl Serialize, file: Option<&File>) -> io::Result<()> {
    let text = serde_json::to_vec(message)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let files = file.map(|file| [file.as_fd()]);
    if let Some(files) = &files
        && !beside.push(SendAncillaryMessage::ScmRights(files))
    {
        return Err(io::Error::other("no space for a descriptor"));
    }
    loop {
        // Whoever is gone is told by the error, not by a signal.
        match sendmsg(&socket, &[IoSlice::new(&text)], &mut beside, SendFlags::NOSIGNAL) {
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(()),
        }
    }
}

/// Receives a message and the file that came with it; `None` where the other side has closed.
pub(super) fn receive<T: DeserializeOwned>(socket: impl AsFd) -> io::Result<Option<(T, Option<File>)>> {
    let mut text = vec![0; LONGEST];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(socket, &mut [IoSliceMut::new(&mut text)], &mut beside, RecvFlags::CMSG_CLOEXEC)?;
    let mut files = beside.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => files.collect::<Vec<OwnedFd>>(),
        _ => Vec::new(),
    });
    let file = files.next().map(File::from);
    if received.bytes == 0 {
        return Ok(None);
    }
    Ok(Some((serde_json::from_slice(&text[..received.bytes])?, file)))
}

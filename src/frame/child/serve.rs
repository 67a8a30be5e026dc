//! What a child does: it looks at files and decodes them until nobody asks any more.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::confine::{self, Budget};
use super::wire::{self, Answer, FileTask, Hello, Refusal, Request};
use crate::error::chain;
use crate::fault;
use crate::files::identity_of;
use crate::frame::color::{Canvas, Target};
use crate::frame::complete::{self, FileBytes, HEADER};
use crate::frame::decode::Decoder;
use crate::frame::digest::Contents;
use crate::frame::note::{self, Note};
use crate::frame::{FrameErrorKind, ImageInfo, Layer, limits};

/// What a child says before its first answer where its system calls are not filtered.
pub(super) const UNFILTERED: &str = "its system calls are not filtered";

/// Serves the process that holds the other end of standard input, until that is closed.
#[must_use]
pub fn serve() -> ExitCode {
    // Nobody is there to tell an error: the other side sees that this one has ended, and its status.
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is a file of the other side's.
            let _ = io::Write::write_all(&mut io::stderr(), format!("{}\n", chain(&error)).as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let socket = rustix::stdio::stdin();
    let Some((Hello { limits }, Some(pixels))) = wire::receive::<Hello>(socket)? else { return Ok(()) };
    limits::set(limits);
    let fault = fault::decoder();
    let (mut budget, unfiltered) = confine::confine(&limits, fault.is_some())?;
    if let Some(why) = unfiltered {
        io::Write::write_all(&mut io::stderr(), format!("{UNFILTERED}: {why}\n").as_bytes())?;
    }
    let (mut decoder, mut raw) = (Decoder::default(), Vec::new());
    while let Some((request, Some(file))) = wire::receive::<Request>(socket)? {
        let path = Path::new("frame").with_extension(&request.extension);
        let answer = match request.task {
            FileTask::Look => look(&file, &path, request.layer.as_ref(), &mut budget).map(Answer::Whole),
            FileTask::Decode(target) => {
                fault::end(fault);
                decoder.set_layer(request.layer);
                decode(file, path, &target, &mut decoder, &mut raw, &mut budget).and_then(|(info, contents)| {
                    pixels.write_all_at(&raw, 0)?;
                    let notes = decoder.take_notes().into_iter().take(note::MOST).map(Note::short).collect();
                    Ok(Answer::Decoded { info, bytes: raw.len() as u64, contents, notes })
                })
            }
        };
        let answer = answer.unwrap_or_else(|kind| Answer::Refused(Refusal::from(kind)));
        wire::send(socket, &answer, None)?;
        // What a large frame took is no part of what the next one may take.
        if raw.capacity() > KEPT || decoder.kept() > KEPT {
            (decoder, raw) = (Decoder::default(), Vec::new());
        }
    }
    Ok(())
}

/// Memory beyond this is given back after a frame.
const KEPT: usize = 64 << 20;

fn look(file: &File, path: &Path, layer: Option<&Layer>, budget: &mut Budget) -> Result<ImageInfo, FrameErrorKind> {
    // Readers of headers keep what they have read, in memory that grows by doubling.
    budget.begin(limits::current().look_time, limits::current().look_bytes.saturating_mul(4))?;
    let bytes = FileBytes::new(file, file.metadata()?.len(), HEADER)?;
    complete::examine(&bytes, path, layer).map(|(_, info)| info)
}

fn decode(
    file: File,
    path: PathBuf,
    target: &Target,
    decoder: &mut Decoder,
    raw: &mut Vec<u8>,
    budget: &mut Budget,
) -> Result<(ImageInfo, Contents), FrameErrorKind> {
    let info = look(&file, &path, decoder.layer(), budget)?;
    let identity = identity_of(&file.metadata()?);
    let canvas = target.canvas.unwrap_or_else(|| Canvas::new(info.width, info.height, false));
    let pixels = [(info.width, info.height), (canvas.width, canvas.height)]
        .map(|(width, height)| u64::from(width) * u64::from(height));
    budget.begin(limits::current().decode_time, confine::memory_of(pixels, identity.size))?;
    let mut picture = decoder.decode_open(file, &identity, path)?;
    target.convert(&mut picture, raw).map_err(|error| error.kind)?;
    let found = (picture.info, picture.contents);
    decoder.recycle(picture);
    Ok(found)
}

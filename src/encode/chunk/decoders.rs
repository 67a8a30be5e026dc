//! The threads that turn files into raw video.

use std::thread;

use super::intake::{Intake, Raw};
use super::{ChunkJob, FrameFile};
use crate::config::Container;
use crate::encode::look::{harden, look};
use crate::encode::priority::step_back;
use crate::frame::FrameError;
use crate::frame::color::convert;
use crate::frame::decode::Decoder;

/// More than this decode faster than any encoder takes frames, and only use memory.
const MOST: usize = 4;

/// How many threads decode.
pub(super) fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(MOST)
}

/// Decodes frames for `job` as long as any come.
pub(super) fn run(job: &ChunkJob, intake: &Intake) {
    let _guard = CloseOnPanic(intake);
    step_back(job.settings.nice);
    let mut decoder = Decoder::default();
    while let Some((index, frame, buffer)) = intake.claim() {
        intake.put(index, raw(&mut decoder, job, &frame, buffer));
    }
}

fn raw(decoder: &mut Decoder, job: &ChunkJob, frame: &FrameFile, mut pixels: Vec<u8>) -> Result<Raw, FrameError> {
    let recipe = &job.recipe;
    let picture = decoder.decode(&frame.path, &frame.identity)?;
    convert(&picture, &recipe.canvas, recipe.feed, recipe.background, &mut pixels)?;
    decoder.recycle(picture);
    if recipe.container == Container::Gif && recipe.feed.has_alpha() {
        harden(&mut pixels);
    }
    let signature = look(recipe, &pixels);
    Ok(Raw { pixels, signature })
}

/// Lets nobody wait for a frame that will not come.
struct CloseOnPanic<'a>(&'a Intake);

impl Drop for CloseOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.close();
        }
    }
}

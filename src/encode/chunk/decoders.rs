//! The threads that turn files into raw video.

use std::thread;

use super::ChunkJob;
use super::intake::{Intake, Raw};
use crate::config::Container;
use crate::encode::look::{Look, harden};
use crate::encode::priority::step_back;
use crate::encode::recipe::Recipe;
use crate::frame::FrameError;
use crate::frame::color::convert;
use crate::frame::decode::{Decoder, Picture};

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
    while let Some((index, frame)) = intake.claim() {
        let raw = match decoder.decode(&frame.path, &frame.identity) {
            Ok(picture) => {
                let Some(buffer) = intake.buffer(index) else { return };
                let raw = raw(&job.recipe, &picture, buffer, intake);
                decoder.recycle(picture);
                raw
            }
            Err(error) => Err(error),
        };
        intake.put(index, raw);
    }
}

fn raw(recipe: &Recipe, picture: &Picture, mut pixels: Vec<u8>, intake: &Intake) -> Result<Raw, FrameError> {
    if let Err(error) = convert(picture, &recipe.canvas, recipe.feed, recipe.background, &mut pixels) {
        intake.recycle(pixels);
        return Err(error);
    }
    if recipe.container == Container::Gif && recipe.feed.has_alpha() {
        harden(&mut pixels);
    }
    let look = Look::of(recipe, &pixels, (recipe.canvas.width, recipe.canvas.height));
    Ok(Raw { pixels, look, contents: picture.contents })
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

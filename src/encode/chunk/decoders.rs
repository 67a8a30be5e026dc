//! The threads that turn files into raw video.

use std::thread;

use super::EncodeSpec;
use super::frame_queue::{FrameQueue, Raw};
use crate::config::Container;
use crate::encode::ffmpeg::priority::step_back;
use crate::encode::fingerprint::small::Layout;
use crate::encode::recipe::Recipe;
use crate::frame::FrameError;
use crate::frame::color::Target;
use crate::frame::decode::{Decoded, Decoder};

/// More than this decode faster than any encoder takes frames, and only use memory: each thread keeps a decoded picture.
const MOST: usize = 4;

/// How many threads decode.
pub(super) fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(MOST)
}

/// Decodes frames for `spec` as long as any come.
pub(super) fn run(spec: &EncodeSpec, queue: &FrameQueue) {
    let _guard = CloseOnPanic(queue);
    // Decoding is work too, and niceness is a property of a thread: that of the encoder's process does not reach here.
    step_back(spec.settings.nice);
    let recipe = &spec.recipe;
    let target = Target {
        geometry: recipe.geometry,
        canvas: Some(recipe.canvas),
        feed: recipe.feed,
        exposure: recipe.exposure,
        background: recipe.background,
    };
    let mut decoder = Decoder::of_layer(recipe.layer.clone());
    while let Some((index, frame)) = queue.claim() {
        let raw = match decoder.decode_for(&frame.path, &frame.identity, &target, &|| !queue.is_closed()) {
            Ok(ready) => {
                // Taken after decoding, so that fewer buffers than threads are enough: see `FrameQueue::open`.
                let Some(buffer) = queue.buffer(index) else { return };
                raw(recipe, ready, &mut decoder, &target, buffer, queue)
            }
            Err(error) => Err(error),
        };
        queue.put(index, raw);
    }
}

fn raw(
    recipe: &Recipe,
    ready: Decoded,
    decoder: &mut Decoder,
    target: &Target,
    mut pixels: Vec<u8>,
    queue: &FrameQueue,
) -> Result<Raw, FrameError> {
    let contents = ready.contents();
    if let Err(error) = decoder.fill(ready, target, &mut pixels) {
        queue.recycle(pixels);
        return Err(error);
    }
    if recipe.container == Container::Gif && recipe.feed.has_alpha() {
        harden(&mut pixels);
    }
    let size = (recipe.canvas.width, recipe.canvas.height);
    let fingerprint = recipe.fingerprint(&pixels, Layout::Feed(recipe.feed), size);
    Ok(Raw { pixels, fingerprint, contents })
}

/// Lets nobody wait for a frame that will not come. A panic alone would wake nobody: the feeder would wait for this frame,
/// and the scope that hands the panic on would wait for the feeder.
struct CloseOnPanic<'a>(&'a FrameQueue);

impl Drop for CloseOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.close();
        }
    }
}

/// Makes every pixel of straight RGBA either opaque or gone, as GIF has it.
fn harden(raw: &mut [u8]) {
    for pixel in raw.as_chunks_mut::<4>().0 {
        *pixel = if pixel[3] < 128 { [0; 4] } else { [pixel[0], pixel[1], pixel[2], 255] };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gif_pixels_are_there_or_not() {
        let mut raw = [1, 2, 3, 127, 4, 5, 6, 128];
        harden(&mut raw);
        assert_eq!(raw, [0, 0, 0, 0, 4, 5, 6, 255]);
    }
}

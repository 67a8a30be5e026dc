//! Texts that are read word by word: `masterpiece, cat\nSteps: 20, Seed: 7, Size: 512x512`.

use super::{Counts, Layers, Role};
use crate::sequence::name::has_frame_extension;

/// Endings of films that pictures are loaded from, beside those of images.
const FILMS: [&[u8]; 6] = [b".mp4", b".mov", b".webm", b".mkv", b".avi", b".gif"];

/// Reads a text. A number after a word that ends in `seed` is a seed, and so is one after `Batch pos`, the place in a
/// batch of pictures whose seeds step. Digits in the name of an image file count.
pub(super) fn read(text: &[u8], layers: &mut Layers) {
    // The word before, and where the words begin that are not put yet: hashing many at once is cheaper.
    let mut before: &[u8] = b"";
    let mut start = 0;
    let mut at = 0;
    while at < text.len() {
        let length = text[at..].iter().position(|byte| is_separator(*byte)).unwrap_or(text.len() - at);
        let word = &text[at..at + length];
        if word.iter().any(u8::is_ascii_digit) && (is_source(word) || is_number(word)) {
            layers.put(Role::Words, &text[start..at]);
            if is_source(word) {
                source(word, layers);
            } else if is_seed(before) || before == b"pos" {
                layers.put(Role::Seed, word);
            } else {
                layers.put(Role::Number, word);
            }
            start = at + length;
        }
        if !word.is_empty() {
            before = word;
        }
        // The separator, too.
        at += length + 1;
    }
    layers.put(Role::Words, &text[start..]);
}

/// Reads the name of a source, whose digits count.
pub(super) fn source(name: &[u8], layers: &mut Layers) {
    for part in name.chunk_by(|one, other| one.is_ascii_digit() == other.is_ascii_digit()) {
        let digits = part[0].is_ascii_digit();
        layers.put(if digits { Role::Counter(Counts::Sources) } else { Role::Words }, part);
    }
}

/// Whether this is the name of an image or a film.
pub(super) fn is_source(name: &[u8]) -> bool {
    let is_film = |film: &&[u8]| name.len() > film.len() && name[name.len() - film.len()..].eq_ignore_ascii_case(film);
    has_frame_extension(name) || FILMS.iter().any(is_film)
}

/// Whether a number of this name, or after this word, is a seed.
pub(super) fn is_seed(name: &[u8]) -> bool {
    name.len().checked_sub(4).is_some_and(|start| name[start..].eq_ignore_ascii_case(b"seed"))
}

fn is_separator(byte: u8) -> bool {
    byte.is_ascii_whitespace()
        || matches!(byte, b',' | b';' | b':' | b'"' | b'\'' | b'(' | b')' | b'[' | b']' | b'{' | b'}')
        || matches!(byte, b'<' | b'>' | b'/' | b'\\' | b'|' | b'=')
}

/// `20`, `-1.5`, `7e-05`, `512x768`.
fn is_number(word: &[u8]) -> bool {
    word.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'x' | b'e' | b'%'))
        && !matches!(word.first(), None | Some(b'x' | b'e'))
}

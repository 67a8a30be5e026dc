//! What the encoder or the format of a preset can never do, whatever the frames are.

use std::ops::Range;

use toml::Spanned;

use super::{Checker, value};
use crate::config::codec;
use crate::config::error::Complaint;
use crate::config::raw::RawRoot;
use crate::config::{Factor, FrameRate, Framerate, Preset, arguments};

impl Checker<'_> {
    /// What no frame is needed to know: that the encoder or the format of a preset can never do what is asked of it. `place` is
    /// where the root is named.
    pub(super) fn recipe(&mut self, root: &RawRoot, preset: &Preset, place: Range<usize>) {
        if let Some(quality) = &root.quality
            && let Some((message, allowed)) = codec::refuses_quality(preset, *quality.get_ref())
        {
            self.mistakes.add(quality.span(), Complaint::new(format!("`quality`: {message}"), allowed));
        }
        if let Some(speed) = &root.speed
            && let Some((message, allowed)) =
                codec::refuses_speed(preset, speed.get_ref(), &format!("\"{}\"", speed.get_ref()))
        {
            self.mistakes.add(speed.span(), Complaint::new(format!("`speed`: {message}"), allowed));
        }
        // What makers say is not known here. What they say and the preset cannot play is not taken.
        let rate = match value(root.framerate.as_ref(), Framerate::Auto) {
            Framerate::Auto => FrameRate::default(),
            Framerate::Stated(rate) => rate,
        };
        if let Ok(rate) = rate.scaled(value(root.framerate_factor.as_ref(), Factor::default()))
            && let Some((message, hint)) = codec::refuses_rate(preset, rate)
        {
            let written =
                [root.framerate.as_ref().map(Spanned::span), root.framerate_factor.as_ref().map(Spanned::span)];
            let span = written.into_iter().flatten().chain(root.preset.as_ref().map(Spanned::span)).next();
            self.mistakes.add(span.unwrap_or(place), Complaint::new(format!("`framerate`: {message}"), hint));
        }
        if let Some(audio) = &root.audio
            && let Some((message, hint)) = codec::refuses_sound(preset)
        {
            self.mistakes.add(audio.span(), Complaint::new(format!("`audio`: {message}"), hint));
        }
        if let Some(args) = &root.encoder_args {
            let asked = [("quality", root.quality.is_some()), ("speed", root.speed.is_some())];
            for (span, complaint) in arguments::contradictions(args.get_ref(), &asked) {
                self.mistakes.add(span, complaint.about("encoder_args"));
            }
        }
    }
}

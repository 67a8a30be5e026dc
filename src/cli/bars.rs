//! Progress of an encode on standard error: a bar on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal as _, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::out;
use crate::encode::chunk::Progress;

/// Time between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// The progress of one batch.
#[derive(Debug)]
pub(crate) struct Bar {
    name: String,
    kind: Kind,
    started: Instant,
}

#[derive(Debug)]
enum Kind {
    Silent,
    Terminal(ProgressBar),
    Lines(Mutex<Instant>),
}

impl Bar {
    /// A bar for `name`, of `total` frames.
    pub(crate) fn start(name: String, total: u64, quiet: bool) -> Self {
        let started = Instant::now();
        let kind = if quiet {
            Kind::Silent
        } else if stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10));
            bar.set_style(style());
            bar.set_message(name.clone());
            Kind::Terminal(bar)
        } else {
            Kind::Lines(Mutex::new(started))
        };
        Self { name, kind, started }
    }

    /// Shows how far the encoder is.
    pub(crate) fn update(&self, progress: &Progress) {
        match &self.kind {
            Kind::Silent => {}
            Kind::Terminal(bar) => {
                bar.set_length(progress.total);
                bar.set_position(progress.frames);
            }
            Kind::Lines(last) => {
                // A poisoned clock still tells the time.
                let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if last.elapsed() >= LINE_EVERY {
                    *last = Instant::now();
                    out::say(&line(&self.name, progress, self.started.elapsed()));
                }
            }
        }
    }

    /// Takes the bar off the terminal; what follows says how it ended.
    pub(crate) fn finish(&self) {
        if let Kind::Terminal(bar) = &self.kind {
            bar.finish_and_clear();
        }
    }
}

/// `shot_010: 120/240 frames, 50 %, 48.3 fps, 2 s left`. Rates in tenths, computed on integers.
fn line(name: &str, progress: &Progress, elapsed: Duration) -> String {
    let Progress { frames, total, .. } = *progress;
    let percent = (frames * 100).checked_div(total).unwrap_or(100).min(100);
    let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    let tenths = frames.saturating_mul(10_000) / ms;
    let left = match total.saturating_sub(frames).saturating_mul(ms).checked_div(frames) {
        Some(left_ms) => format!("{} s left", left_ms.div_ceil(1000)),
        None => "starting".to_owned(),
    };
    format!("{name}: {frames}/{total} frames, {percent} %, {}.{} fps, {left}", tenths / 10, tenths % 10)
}

fn style() -> ProgressStyle {
    const TEMPLATE: &str = "{msg}  [{bar:30}] {pos}/{len} frames  {percent} %  {per_sec}  {eta} left";
    // The template is a constant of this file, and a test parses it.
    ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_frames_percentage_speed_and_time_left() {
        let progress = Progress { frames: 120, total: 240 };
        assert_eq!(line("shot", &progress, Duration::from_secs(3)), "shot: 120/240 frames, 50 %, 40.0 fps, 3 s left");
        let nothing = Progress { frames: 0, total: 240 };
        assert_eq!(line("shot", &nothing, Duration::ZERO), "shot: 0/240 frames, 0 %, 0.0 fps, starting");
    }
}

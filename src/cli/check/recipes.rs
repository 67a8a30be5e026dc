//! What FFmpeg makes of the settings of each root, and of the presets that are there.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Findings, existing, good, note, output_of};
use crate::cli::error::CliError;
use crate::config::{Builtin, Config, Encoder, FrameRate, Preset, Root, Video, dirs};
use crate::encode::ffmpeg::{Ffmpeg, Stop};
use crate::encode::{self, EncodeError, Extent, PROBE_HINT};
use crate::error::{Explain as _, chain};
use crate::text::printable::Show as _;

/// What some roots make of their frames, and where.
struct Used {
    video: Arc<Video>,
    roots: Vec<PathBuf>,
    places: Vec<PathBuf>,
}

/// The settings of every root are tried for real, and so is every other preset, which may be missing.
/// What was being tried when `stop` is requested is no finding.
pub(super) fn check(config: Option<&Config>, stop: &Stop, findings: &mut Findings) -> Result<(), CliError> {
    let ffmpeg = match Ffmpeg::find(config.and_then(|config| config.encoder.ffmpeg.as_deref())) {
        Ok(ffmpeg) => ffmpeg,
        Err(error) => return findings.failed("FFmpeg: ", &error),
    };
    good(&format!("FFmpeg: {} at {}", ffmpeg.version, ffmpeg.path.shown()))?;
    let encoder = config.map_or_else(Encoder::default, |config| config.encoder.clone());
    let temporary = std::env::temp_dir();
    let used = config.map(used_by).unwrap_or_default();
    for Used { video, roots, places } in &used {
        let name = name_of(video);
        if places.is_empty() {
            match encode::probe(&ffmpeg, video, &encoder, &temporary, Extent::VideoAndChunk, stop) {
                Ok(()) => good(&format!("preset {name}: encodes"))?,
                Err(_) if stop.requested() => return Ok(()),
                Err(error) => fail(roots, &name, &error, findings)?,
            }
        }
        for place in places {
            match encode::probe(&ffmpeg, video, &encoder, place, Extent::VideoAndChunk, stop) {
                Ok(()) => good(&format!("preset {name}: encodes in {}", place.shown()))?,
                Err(_) if stop.requested() => return Ok(()),
                Err(error) => {
                    fail(roots, &name, &error, findings)?;
                    break;
                }
            }
        }
    }
    let defaults = Root::with_defaults(PathBuf::new()).video;
    for builtin in Builtin::ALL {
        let preset = Preset::Builtin(builtin);
        if used.iter().any(|used| used.video.preset == preset) {
            continue;
        }
        let video = Video { preset, ..Video::clone(&defaults) };
        match encode::probe(&ffmpeg, &video, &encoder, &temporary, Extent::Video, stop) {
            Ok(()) => good(&format!("preset {builtin}: encodes"))?,
            Err(_) if stop.requested() => return Ok(()),
            Err(error) => {
                note(&format!("preset {builtin}, which is unused, does not work here: {}", chain(&error)))?;
            }
        }
    }
    Ok(())
}

/// What the roots make of their frames, each with the folders that the daemon encodes it in: those of the videos, and that of
/// the chunks. A disk that is full, or that FFmpeg may not write to, is nobody else's affair. What cannot be written at all is
/// said where the folders are looked at.
fn used_by(config: &Config) -> Vec<Used> {
    let chunks = dirs::state_dir(config.state_dir.as_deref(), &dirs::process_env)
        .ok()
        .map(|state| existing(&dirs::chunk_dir(config.encoder.chunk_dir.as_deref(), &state)));
    let mut all: Vec<Used> = Vec::new();
    for root in &config.roots {
        let at = all.iter().position(|used| used.video == root.video).unwrap_or_else(|| {
            all.push(Used { video: Arc::clone(&root.video), roots: Vec::new(), places: Vec::new() });
            all.len() - 1
        });
        let Some(used) = all.get_mut(at) else { continue };
        used.roots.push(root.path.clone());
        if !root.path.is_dir() {
            continue;
        }
        for place in [Some(existing(&output_of(root))), chunks.clone()].into_iter().flatten() {
            if !used.places.contains(&place) && tempfile::tempfile_in(&place).is_ok() {
                used.places.push(place);
            }
        }
    }
    all
}

fn name_of(video: &Video) -> String {
    let rate = if video.rate == FrameRate::default() {
        String::new()
    } else {
        format!(" at {} frames per second", video.rate)
    };
    video.settings() + &rate
}

/// Says of which roots no video can be made.
fn fail(roots: &[PathBuf], name: &str, error: &EncodeError, findings: &mut Findings) -> Result<(), CliError> {
    let roots: Vec<String> = roots.iter().map(|root| root.shown().to_string()).collect();
    let why = chain(error).in_lines().replace('\n', "\n       ");
    let text = format!("{}: no video can be made with preset {name}: {why}", roots.join(", "));
    findings.wrong(&text, error.hint().or_else(|| Some(PROBE_HINT.to_owned())))
}

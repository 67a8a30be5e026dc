//! Looks at the files of a finished sequence, on a worker: whether each is whole, and what speaks for a film.

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use crate::core::effect::Inspection;
use crate::core::event::ScanReport;
use crate::daemon::reader::RootReader;
use crate::error::{Explain as _, chain};
use crate::frame::sample::{self, Inspected};
use crate::frame::{FrameErrorKind, complete};
use crate::sequence::tracker::InspectionResult;
use crate::sequence::{Flaw, Frame, Kind, Pattern, name, os_name};
use crate::text::printable::Show as _;

/// Whether a change of this name must not wait with the frames: a marker, or a folder. Generators' temporaries are
/// frames on their way, and pictures that cannot be read come as often as frames.
pub(super) fn is_urgent(name: &[u8]) -> bool {
    !name::has_frame_extension(name) && !name::is_temporary(name) && name::unsupported::format_of(name).is_none()
}

/// Reads the folders of a sequence once more, since events are hints, and tells what it shows before the files are looked at,
/// which takes time.
pub(super) fn inspect(reader: &RootReader, inspection: &Inspection, tell: impl FnOnce(ScanReport)) -> InspectionResult {
    let Inspection { dir, pattern, frames, .. } = inspection;
    let folders: BTreeSet<PathBuf> = frames.iter().map(|frame| folder_of(dir, pattern, frame)).collect();
    let is_listed = reader.relist(dir, |report| {
        let is_listed = folders.iter().all(|folder| report.has_listed(folder));
        tell(report);
        is_listed
    });
    if is_listed { look_at(inspection) } else { InspectionResult::Changed }
}

/// The folder that `frame` is in.
fn folder_of(dir: &Path, pattern: &Pattern, frame: &Frame) -> PathBuf {
    let name = frame.name.as_ref().filter(|_| matches!(pattern.kind, Kind::Folders { .. }));
    let within = name.map_or(&b""[..], |name| name::split_folder(name).0);
    // Joined with nothing it would end with a slash.
    if within.is_empty() { dir.to_owned() } else { dir.join(os_name(within)) }
}

/// Looks at every file, and with `weigh` also gathers what speaks for a film, of the frames from that number on.
fn look_at(Inspection { dir, pattern, frames, weigh, size_change, generator, layer }: &Inspection) -> InspectionResult {
    let mut flawed = Vec::new();
    let mut whole = Vec::with_capacity(frames.len());
    for frame in frames.iter().cloned() {
        let path = dir.join(os_name(&frame.file_name(pattern)));
        // The sequence waits for the result, so that a parser's panic over one strange file must not swallow it.
        let looked = catch_unwind(|| complete::inspect_with_origin(&path, &frame.identity, layer.as_ref()));
        let flaw = match looked {
            Ok(Ok((info, origin))) => {
                whole.push(Inspected { frame, info, origin: origin.as_of(*generator) });
                continue;
            }
            Ok(Err(error)) if matches!(error.kind, FrameErrorKind::Changed | FrameErrorKind::Vanished) => {
                return InspectionResult::Changed;
            }
            Ok(Err(error)) => {
                tracing::debug!(path = %error.path.shown(), reason = %chain(&error.kind), "not whole");
                Flaw {
                    reason: chain(&error.kind).to_string(),
                    hint: error.hint().unwrap_or_default(),
                    lasting: error.kind.is_lasting(),
                }
            }
            Err(_) => {
                let hint = "this is a bug in reeld: keep the file, and report it";
                tracing::error!(path = %path.shown(), hint, "looking at this frame failed");
                Flaw { reason: "looking at it failed".to_owned(), hint: hint.to_owned(), lasting: true }
            }
        };
        flawed.push((frame, flaw));
    }
    // Where none of those can be read, what is before them is all there is.
    let weighed = |from| match whole.partition_point(|inspected| inspected.frame.number < from) {
        at if at < whole.len() => &whole[at..],
        _ => &whole[..],
    };
    let runs = match *weigh {
        Some(from) => sample::runs(dir, pattern, weighed(from), *size_change, *generator, layer.as_ref()),
        None => sample::runs_by_size(dir, pattern, &whole, *size_change, *generator),
    };
    InspectionResult::Looked { flawed, runs }
}

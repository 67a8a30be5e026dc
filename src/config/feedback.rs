//! Videos that could be taken for frames, and chunks among them.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::error::Complaint;
use super::place::{normalised, real};
use super::{Builtin, Container, Preset, Root};

use crate::text::printable::Show as _;

/// What is wrong if the videos of `root` land where one of `roots` would find frames in them.
///
/// Only WebP is both a video and a picture. Two videos of one name are `name.webp` and `name_2.webp`, so whatever the
/// template says, they can look like a sequence. They are refused inside of a root unless its `include` or `exclude`
/// keeps them out.
pub(super) fn complaint(root: &Root, roots: &[Root]) -> Option<Complaint> {
    let webp = match &root.video.preset {
        Preset::Builtin(builtin) => *builtin == Builtin::Webp,
        Preset::Custom(custom) => custom.container == Container::Webp,
    };
    if !webp {
        return None;
    }
    let videos = videos(root);
    let fed = roots.iter().find(|other| videos.iter().any(|video| admits(other, video)))?;
    let message = format!("the videos are WebP pictures inside of `{}`, where they would be frames", fed.path.shown());
    let hint = "set `output_dir` to a folder that is not watched, or leave them out: exclude = [\"*.webp\"]";
    Some(Complaint::new(message, hint))
}

/// What is wrong if chunks in `dir` land where one of `roots` looks for frames. No chunk looks like one, but each
/// change in a folder has it read again, and chunks grow all the time.
pub(super) fn complaint_about_chunks(dir: &Path, roots: &[Root]) -> Option<Complaint> {
    let watches =
        |root: &&Root| watches_folder(root, &root.path, dir) || watches_folder(root, &real(&root.path), &real(dir));
    let root = roots.iter().find(watches)?;
    let message = format!("chunks would be inside of `{}`, which is watched for frames", root.path.shown());
    let hint = "name a folder that is not watched, or a hidden one, whose name begins with a dot";
    Some(Complaint::new(message, hint))
}

/// Whether `root`, which is at `path`, reads the folder `dir`.
fn watches_folder(root: &Root, path: &Path, dir: &Path) -> bool {
    let Ok(below) = dir.strip_prefix(path) else { return false };
    let hidden = below.components().any(|part| part.as_os_str().as_bytes().starts_with(b"."));
    below.as_os_str().is_empty() || (!hidden && root.selection.reads_folder(below))
}

/// Where second videos of `root` land: of frames at its top, and of frames in some folder below it.
fn videos(root: &Root) -> Vec<PathBuf> {
    let name = format!("{}_2.webp", root.delivery.output_name);
    let dir = root.delivery.output_dir.as_deref().unwrap_or(Path::new(""));
    let frames = [Some(root.path.clone()), root.selection.recursive.then(|| root.path.join("folder"))];
    frames.into_iter().flatten().map(|folder| normalised(&folder.join(dir).join(&name))).collect()
}

/// Whether `root` would look at this file.
fn admits(root: &Root, file: &Path) -> bool {
    let Ok(path) = file.strip_prefix(&root.path) else { return false };
    root.selection.shows(path)
}

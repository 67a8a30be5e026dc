//! Reels that could be taken for frames.

use super::error::Complaint;
use super::place::normalised;
use super::{Builtin, Container, Preset, Root};

/// What is wrong if the reels of `root` land where one of `roots` would find frames in them.
///
/// Only WebP is both a video and a picture. Two reels of one name are `name.webp` and `name_2.webp`, so whatever the
/// template says, they can look like a sequence. They are refused inside of a root unless its `include` or `exclude`
/// keeps `*.webp` out.
pub(super) fn complaint(root: &Root, roots: &[Root]) -> Option<Complaint> {
    let webp = match &root.video.preset {
        Preset::Builtin(builtin) => *builtin == Builtin::Webp,
        Preset::Custom(custom) => custom.container == Container::Webp,
    };
    if !webp {
        return None;
    }
    let fed = roots.iter().find(|other| lands_in(root, other) && admits_reels(other))?;
    let message = format!("the reels are WebP pictures inside of `{}`, where they would be frames", fed.path.display());
    let hint = "set `output_dir` to a folder that is not watched, or leave them out: exclude = [\"*.webp\"]";
    Some(Complaint::new(message, hint))
}

/// Whether reels of `root` can land in a folder that is watched by `other`.
fn lands_in(root: &Root, other: &Root) -> bool {
    let relative = match &root.delivery.output_dir {
        None => return root.path == other.path,
        Some(dir) if dir.is_relative() => dir,
        Some(dir) => {
            let dir = normalised(dir);
            return dir == other.path || (other.recursive && dir.starts_with(&other.path));
        }
    };
    // From some folder below the root even `..` stays within it; without such folders there is one place alone.
    let at_top = normalised(&root.path.join(relative));
    (root.path == other.path && root.recursive)
        || at_top == other.path
        || (other.recursive && at_top.starts_with(&other.path))
}

fn admits_reels(root: &Root) -> bool {
    let admits =
        |path: &str| root.include.as_ref().is_none_or(|include| include.is_match(path)) && !root.exclude.is_match(path);
    admits("reel_2.webp") || (root.recursive && admits("folder/reel_2.webp"))
}

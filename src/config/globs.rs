//! Globs of paths and of file names.

use globset::{Glob, GlobBuilder, GlobMatcher, GlobSet};

use super::error::Complaint;
use super::units::printable;

/// A glob of paths relative to a root. Without a slash inside it means that name at any depth, as in a `.gitignore`; with
/// one it means the path from the root. `*` stays within one folder, `**` does not.
pub(super) fn path(text: &str) -> Result<Glob, Complaint> {
    let bare = text.trim_end_matches('/');
    let anchored = bare.strip_prefix("./").or_else(|| bare.strip_prefix('/'));
    match anchored {
        Some(rest) => compile(text, rest),
        None if bare.contains('/') || bare.is_empty() => compile(text, bare),
        None => compile(text, &format!("**/{bare}")),
    }
}

/// A glob of bare file names.
pub(super) fn name(text: &str) -> Result<Glob, Complaint> {
    if text.contains('/') {
        let message = format!("`{}` has a slash, and no file name has", printable(text));
        return Err(Complaint::new(message, "write the name alone, such as \"*.done\""));
    }
    compile(text, text)
}

/// All of them as one.
pub(super) fn set<'a>(globs: impl IntoIterator<Item = &'a Glob>) -> Result<GlobSet, globset::Error> {
    let mut builder = GlobSet::builder();
    for glob in globs {
        builder.add(glob.clone());
    }
    builder.build()
}

/// All of them as one that also matches whatever is below a match.
pub(super) fn trees<'a>(globs: impl IntoIterator<Item = &'a Glob>) -> Result<GlobSet, globset::Error> {
    let mut builder = GlobSet::builder();
    for glob in globs {
        builder.add(glob.clone());
        builder.add(compiled(&format!("{}/**", glob.glob()))?);
    }
    builder.build()
}

/// The one as a matcher.
pub(super) fn matcher(glob: &Glob) -> GlobMatcher {
    glob.compile_matcher()
}

/// Compiles what `written` means.
fn compile(written: &str, glob: &str) -> Result<Glob, Complaint> {
    const HINT: &str = "`*` is any text, `?` one character, `[abc]` one of these, `{png,jpg}` one of these texts, `**/` \
                        any folders";
    if glob.is_empty() {
        return Err(Complaint::new("an empty glob matches nothing", HINT));
    }
    compiled(glob)
        .map_err(|error| Complaint::new(format!("`{}` is not a glob: {}", printable(written), error.kind()), HINT))
}

/// A glob in the words of [`Glob::glob`], which are those of the crate.
pub(super) fn compiled(text: &str) -> Result<Glob, globset::Error> {
    GlobBuilder::new(text).literal_separator(true).build()
}

//! What is in a watched folder and is left alone although somebody may expect a video of it: pictures in formats that
//! cannot be read, and links. Said once a folder and kind, however many there are.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Explain as _, chain};
use crate::frame::FrameErrorKind;
use crate::sequence::name::unsupported::{Counted, Tally, still_format_of};
use crate::sequence::os_name;
use crate::text::printable::Show as _;
use crate::watch::scan::Links;

/// What is counted while a folder is read.
#[derive(Debug, Default)]
pub(super) struct LeftAlone(RefCell<Tally>);

/// What was said, by folder.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeSet<(Arc<Path>, &'static str)>);

impl LeftAlone {
    /// A name that is not wanted.
    pub(super) fn add(&self, name: &[u8]) {
        if let Some(format) = still_format_of(name) {
            self.0.borrow_mut().add(format, name);
        }
    }

    /// Says what was counted in `dir`, unless that was said before.
    pub(super) fn tell(self, dir: &Arc<Path>, links: &Links, told: &mut Told) {
        for (format, Counted { count, example }) in self.0.into_inner().iter() {
            if told.0.insert((Arc::clone(dir), format)) {
                let error = FrameErrorKind::Unsupported(format.to_owned()).at(&dir.join(os_name(example)));
                let (hint, dir) = (error.hint(), dir.shown());
                tracing::warn!(path = %error.path.shown(), %dir, count, hint, "pictures that cannot be read are left alone: {}", chain(&error.kind));
            }
        }
        if let Some(example) = &links.example
            && told.0.insert((Arc::clone(dir), "links"))
        {
            let (path, dir, count) = (dir.join(os_name(example)), dir.shown(), links.count);
            let hint = "put the files themselves there, or watch the folder that a link leads to";
            if links.wanted {
                tracing::warn!(path = %path.shown(), %dir, count, hint, "links are not followed");
            } else {
                tracing::info!(path = %path.shown(), %dir, count, hint, "links are not followed");
            }
        }
    }
}

impl Told {
    /// A folder is gone; what is there later is another one.
    pub(super) fn forget(&mut self, dir: &Path) {
        self.0.retain(|(of, _)| **of != *dir);
    }
}

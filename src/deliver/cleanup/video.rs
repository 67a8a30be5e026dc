//! Whether the video is still what was proved: the last look before the first frame goes.
//!
//! It reads the whole video. Compared with its frames that is little, and a video that was damaged, edited or zeroed in
//! place since then has the same name, inode and size as before.

use std::fs::File;
use std::io;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Statx, openat, statx};
use rustix::io::Errno;

use super::CleanupError;
use crate::deliver::Published;
use crate::deliver::publish::is_still;
use crate::files::{IDENTITY_FLAGS, identity_of, is_regular};
use crate::frame::digest::Digest;

/// Fails unless the published file is there with the contents that were proved. Of a video that an earlier version
/// published, the contents are not known: there the device, the inode and the size have to do.
///
/// Times do not count, since a backup may set them. Contents do, whoever changed them: a video that got a tag may be as
/// good as it was, but it is not the file that was compared with the frames.
pub(super) fn check(video: &Published) -> Result<(), CleanupError> {
    let path = || video.path.clone();
    let unreadable = |source| CleanupError::Video { path: path(), source };
    let Some(digest) = video.digest else {
        let is_same = is_still(&video.path, &video.identity).map_err(unreadable)?;
        return if is_same { Ok(()) } else { Err(CleanupError::VideoChanged { path: path() }) };
    };
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file: File = match openat(CWD, &video.path, flags, Mode::empty()) {
        Ok(file) => file.into(),
        // Gone, or a link, or a socket.
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO) => {
            return Err(CleanupError::VideoChanged { path: path() });
        }
        Err(errno) => return Err(unreadable(errno.into())),
    };
    let look = || -> io::Result<_> { Ok(statx(&file, "", AtFlags::EMPTY_PATH, IDENTITY_FLAGS)?) };
    let before = look().map_err(unreadable)?;
    let identity = identity_of(&before);
    // The device's number may be another one, as after a restart: the contents tell more than it does.
    if !is_regular(&before) || (identity.ino, identity.size) != (video.identity.ino, video.identity.size) {
        return Err(CleanupError::VideoChanged { path: path() });
    }
    let found = Digest::of_file(&file).map_err(unreadable)?;
    let after = look().map_err(unreadable)?;
    let changed_at = |stat: &Statx| (stat.stx_ctime.tv_sec, stat.stx_ctime.tv_nsec);
    let untouched = identity_of(&after) == identity && changed_at(&after) == changed_at(&before);
    if found == digest && untouched { Ok(()) } else { Err(CleanupError::OtherContents { path: path() }) }
}

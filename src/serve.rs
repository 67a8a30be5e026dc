//! The control socket: how the commands of reeld reach a running daemon.
//!
//! Owns the socket file, who may use it, and both ends of what goes over it, whose form is in `wire`. It never touches the
//! daemon's state: an order becomes an event like any other, and the loop answers it. What only reads (the journal, a check) is
//! answered beside the loop.
//!
//! Whoever may connect may give orders, so the socket is open to the daemon's user, and of a service to the group of its
//! runtime folder. A client names folders and numbers, never a file to read: the daemon reads what its config watches, its
//! journal and its own config, and nothing because a client says so.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Explain, place};
use crate::text::printable::Show as _;

mod check;
pub mod client;
pub mod server;
pub(crate) mod wire;

pub use wire::{Identity, MOST_ROWS};

/// How long either side waits for the other to take or give the next line, where nothing is worked on meanwhile.
const LINE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the path of a socket can be: `sun_path` of unix(7) has 108 bytes, with a zero byte at the end.
const PATH_LIMIT: usize = 107;

/// Where the socket is in its folder.
#[must_use]
pub fn socket_path(socket_dir: &Path) -> PathBuf {
    socket_dir.join("control.sock")
}

/// Why the control socket cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "every field is the path, the version or the cause that its message shows")]
pub enum SocketError {
    /// Of the daemon.
    #[error("cannot listen on {}", path.shown())]
    Listen { path: PathBuf, source: io::Error },
    /// Of whoever asks it.
    #[error("cannot ask the daemon at {}", path.shown())]
    Ask { path: PathBuf, source: io::Error },
    /// Of a client that does not know what the daemon would say.
    #[error("the daemon at {} is reeld {theirs}, which this reeld {ours} does not understand", path.shown())]
    Version { path: PathBuf, theirs: String, ours: &'static str },
}

impl SocketError {
    /// Whether no daemon listens there.
    #[must_use]
    pub fn is_nobody(&self) -> bool {
        let Self::Ask { source, .. } = self else { return false };
        // Where a path is too long for a socket, or goes through a file, there can be none.
        matches!(
            source.kind(),
            io::ErrorKind::NotFound
                | io::ErrorKind::ConnectionRefused
                | io::ErrorKind::NotADirectory
                | io::ErrorKind::InvalidInput
        )
    }

    /// Whether there may be a daemon that this user may not ask.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Ask { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}

impl Explain for SocketError {
    fn hint(&self) -> Option<String> {
        let (Self::Listen { path, source } | Self::Ask { path, source }) = self else {
            return Some("restart the daemon, or use the `reeld` that it was started with".to_owned());
        };
        let length = path.as_os_str().len();
        Some(match (self, source.kind()) {
            (_, io::ErrorKind::InvalidInput) if length > PATH_LIMIT => format!(
                "the path of a socket has {PATH_LIMIT} bytes at most, and this one {length}: set $XDG_RUNTIME_DIR (or \
                 $RUNTIME_DIRECTORY) to a folder with a shorter path"
            ),
            (Self::Listen { .. }, _) => place::hint(path, source, "$RUNTIME_DIRECTORY or $XDG_RUNTIME_DIR"),
            (_, io::ErrorKind::PermissionDenied) => {
                "a daemon may be asked by its own user, and a service also by the members of its group: \
                 `sudo usermod -aG reeld $USER` makes you one of them, from your next login on"
                    .to_owned()
            }
            (_, io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => {
                "use the `reeld` command of the same version as the daemon".to_owned()
            }
            (_, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                "the daemon does not answer: look at its log, and at the load of the machine".to_owned()
            }
            _ => "look at the daemon's log; `reeld check` says what is wrong on this machine".to_owned(),
        })
    }
}

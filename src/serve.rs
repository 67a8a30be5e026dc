//! The control socket: how `reeld done`, `retry` and `forget` reach a running daemon.
//!
//! Owns the socket file and the form of the messages: one JSON object a line, one request a connection. It never touches
//! the daemon's state; a request becomes an event like any other, and the loop answers it.

use std::fs::Permissions;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use crate::daemon::Handle;
use crate::daemon::command::{Command, Reply};
use crate::error::{Explain, chain, place};
use crate::text::printable::Show as _;

/// Longest request line in bytes: a path is at most 4096, written as JSON numbers.
const REQUEST_LIMIT: u64 = 64 * 1024;

/// How long either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the socket lies in the runtime directory.
#[must_use]
pub fn socket_path(runtime_dir: &Path) -> PathBuf {
    runtime_dir.join("control.sock")
}

/// How long a socket's path can be: `sun_path` of unix(7) has 108 bytes, with a zero byte at the end.
const PATH_LIMIT: usize = 107;

/// Why the control socket cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "every field is the path or the cause that its message shows")]
pub enum SocketError {
    /// Of the daemon.
    #[error("cannot listen on {}", path.shown())]
    Listen { path: PathBuf, source: io::Error },
    /// Of whoever asks it.
    #[error("cannot ask the daemon at {}", path.shown())]
    Ask { path: PathBuf, source: io::Error },
}

impl SocketError {
    /// Whether no daemon listens there.
    #[must_use]
    pub fn is_nobody(&self) -> bool {
        let Self::Ask { source, .. } = self else { return false };
        matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
    }
}

impl Explain for SocketError {
    fn hint(&self) -> Option<String> {
        let (Self::Listen { path, source } | Self::Ask { path, source }) = self;
        let length = path.as_os_str().len();
        Some(match (self, source.kind()) {
            (_, io::ErrorKind::InvalidInput) if length > PATH_LIMIT => format!(
                "the path of a socket has {PATH_LIMIT} bytes at most, and this one {length}: set $XDG_RUNTIME_DIR (or \
                 $RUNTIME_DIRECTORY) to a folder with a shorter path"
            ),
            (Self::Listen { .. }, _) => place::hint(path, source, "$RUNTIME_DIRECTORY or $XDG_RUNTIME_DIR"),
            (Self::Ask { .. }, io::ErrorKind::PermissionDenied) => {
                "run this as the user that the daemon runs as".to_owned()
            }
            (Self::Ask { .. }, io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => {
                "use the `reeld` command of the same version as the daemon".to_owned()
            }
            (Self::Ask { .. }, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                "the daemon does not answer: look at its log, and at the load of the machine".to_owned()
            }
            (Self::Ask { .. }, _) => {
                "look at the daemon's log; `reeld check` says what is wrong on this machine".to_owned()
            }
        })
    }
}

/// The listening side. The socket file goes when it is dropped.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
}

impl Server {
    /// Listens on `path`, which only this user may open. The caller holds the lock of the state directory, so a socket
    /// file already there is a dead daemon's and is replaced.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made or the socket cannot be bound.
    pub fn bind(path: PathBuf) -> Result<Self, SocketError> {
        match Self::listen(&path) {
            Ok(listener) => Ok(Self { listener, path }),
            Err(source) => Err(SocketError::Listen { path, source }),
        }
    }

    fn listen(path: &Path) -> io::Result<UnixListener> {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir)?;
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
        Ok(listener)
    }

    /// Answers clients for as long as it is polled.
    pub async fn serve(self, daemon: Handle) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let daemon = daemon.clone();
                    tokio::spawn(async move {
                        match tokio::time::timeout(PATIENCE, answer(stream, &daemon)).await {
                            Ok(Err(error)) => tracing::debug!(error = %chain(&error), "a client went away"),
                            Err(_) => tracing::debug!("a client said nothing"),
                            Ok(Ok(())) => {}
                        }
                    });
                }
                Err(error) => {
                    // Out of descriptors, most likely: accepting again at once would spin.
                    tracing::warn!(error = %chain(&error), "the control socket cannot take a client");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A file left behind is replaced at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn answer(stream: UnixStream, daemon: &Handle) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    tokio::io::BufReader::new(read.take(REQUEST_LIMIT)).read_line(&mut line).await?;
    let reply = match serde_json::from_str::<Command>(&line) {
        Ok(command) => daemon.ask(command).await,
        Err(error) => Reply::Refused {
            message: format!("not a request: {}", chain(&error)),
            hint: "use the `reeld` command of the same version as the daemon".to_owned(),
        },
    };
    let mut text = serde_json::to_vec(&reply)?;
    text.push(b'\n');
    write.write_all(&text).await
}

/// Asks the daemon that listens on `path`.
///
/// # Errors
///
/// Where [`SocketError::is_nobody`], no daemon listens there; whatever else the socket says.
pub fn ask(path: &Path, command: &Command) -> Result<Reply, SocketError> {
    asked(path, command).map_err(|source| SocketError::Ask { path: path.to_path_buf(), source })
}

fn asked(path: &Path, command: &Command) -> io::Result<Reply> {
    let mut stream = BlockingStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut text = serde_json::to_vec(command)?;
    text.push(b'\n');
    stream.write_all(&text)?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

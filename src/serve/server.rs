//! The daemon's end of the control socket.
//!
//! Owns the socket file, its mode and that of its folder, and the record of who gave which order. It never decides what is
//! answered to an order.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf, UCred};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use super::wire::{self, Ask, Greeting, Identity, MOST_ROWS, Part, QUESTION_LIMIT, Question, Row, Stamp};
use super::{LINE_TIMEOUT, PATH_LIMIT, SocketError, check, socket_path};
use crate::config::dirs::SocketDir;
use crate::config::real;
use crate::core::command::{Command, Reply, RetryTarget, WirePath};
use crate::daemon::Handle;
use crate::error::{Explain as _, chain};
use crate::journal::{Entry, Journal, JournalError};
use crate::text::printable::Show as _;

/// Clients that are served at a time. More wait in the kernel's queue.
const MOST_CLIENTS: usize = 32;

/// Lines of a check that may wait for a client to take them.
const AHEAD: usize = 64;

/// How long a daemon that ends may take to leave its socket, and how long between two looks.
const LEAVE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(20);

/// The listening side. The socket file goes when it is dropped.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode of the socket file: another daemon may have put its own in the place.
    file: (u64, u64),
}

impl Server {
    /// Listens in `dir`, or in `state`, the state folder, where another daemon does so in `dir` already. The caller holds the
    /// lock of the state folder. A socket file of a dead daemon is replaced. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made or the socket cannot be bound.
    pub fn bind(dir: SocketDir, state: &Path) -> Result<Self, SocketError> {
        let dir = if dir.path() != state && is_taken(&socket_path(dir.path())) {
            tracing::warn!(there = %dir.path().shown(), here = %state.shown(), hint = "commands reach this one by `--config`", "another daemon listens there, so this one listens here");
            SocketDir::OfUser(state.to_owned())
        } else {
            dir
        };
        let path = socket_path(dir.path());
        match listen(&dir, &path) {
            Ok((listener, file)) => Ok(Self { listener, path, file }),
            Err(source) => Err(SocketError::Listen { path, source }),
        }
    }

    /// Answers clients for as long as it is polled.
    pub async fn serve(self, daemon: Handle) {
        let service = Arc::new(Service { daemon, checks: Semaphore::new(1) });
        let places = Arc::new(Semaphore::new(MOST_CLIENTS));
        // Nobody closes the semaphore.
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let service = Arc::clone(&service);
                    tokio::spawn(async move {
                        if let Err(error) = service.answer(stream).await {
                            tracing::debug!(error = %chain(&error), "a client went away");
                        }
                        drop(place);
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
        let there = fs::symlink_metadata(&self.path);
        if there.is_ok_and(|there| (there.dev(), there.ino()) == self.file) {
            // A file left behind is replaced at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether a daemon listens there, and goes on to. One that is about to end, and whose state folder is free already, gets a moment.
fn is_taken(path: &Path) -> bool {
    let begun = Instant::now();
    while std::os::unix::net::UnixStream::connect(path).is_ok() {
        if begun.elapsed() > LEAVE {
            return true;
        }
        std::thread::sleep(PAUSE);
    }
    false
}

/// The socket at `path`, with the mode that it has from the first moment at which anybody can find it.
fn listen(dir: &SocketDir, path: &Path) -> io::Result<(UnixListener, (u64, u64))> {
    // Whoever may connect may give orders. The group of a service's folder is there for that; the group of a user's own files may
    // be everybody.
    let (folder_mode, mode) = match dir {
        SocketDir::OfService(_) => (0o750, 0o660),
        SocketDir::OfUser(_) => (0o700, 0o600),
    };
    if path.as_os_str().len() > PATH_LIMIT {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    DirBuilder::new().recursive(true).mode(folder_mode).create(dir.path())?;
    // No longer than the name that it gets, which must not be too long either.
    let fresh = dir.path().join(format!(".ctl.{}", std::process::id()));
    let listener = UnixListener::bind(&fresh)?;
    let named = fs::set_permissions(&fresh, Permissions::from_mode(mode)).and_then(|()| fs::rename(&fresh, path));
    if let Err(error) = named {
        // The reason is what counts.
        let _ = fs::remove_file(&fresh);
        return Err(error);
    }
    let file = fs::symlink_metadata(path)?;
    Ok((listener, (file.dev(), file.ino())))
}

/// What all clients share.
struct Service {
    daemon: Handle,
    /// One check at a time: each of them encodes with every preset.
    checks: Semaphore,
}

impl Service {
    async fn answer(&self, stream: UnixStream) -> io::Result<()> {
        let peer = stream.peer_cred()?;
        let (read, write) = stream.into_split();
        let mut client = Client(write);
        let Handle { config, state_dir, .. } = &self.daemon;
        let daemon = Identity {
            pid: std::process::id(),
            config: WirePath::from(&**config),
            state_dir: WirePath::from(&**state_dir),
        };
        client.send(&Greeting { stamp: Stamp::own(), daemon }).await?;
        let line = timeout(LINE_TIMEOUT, question(read)).await??;
        if line.is_empty() {
            // It only looked who is there.
            return Ok(());
        }
        match wire::first_line(&line) {
            Ok(Ok(Question { ask: Ask::Order(order), .. })) => self.order(order, peer, &mut client).await,
            Ok(Ok(Question { ask: Ask::List { limit }, .. })) => self.list(limit, &mut client).await,
            Ok(Ok(Question { ask: Ask::Check, .. })) => self.check(&mut client).await,
            Ok(Err(Stamp { version, .. })) => {
                let message = format!(
                    "this daemon is reeld {}, which does not understand reeld {version}",
                    env!("CARGO_PKG_VERSION")
                );
                client.refuse(message, "restart the daemon, or use the `reeld` that it was started with").await
            }
            Err(error) => {
                let message = format!("not a question: {}", chain(&error));
                client.refuse(message, "use the `reeld` command of the same version as the daemon").await
            }
        }
    }

    async fn order(&self, order: Command, peer: UCred, client: &mut Client) -> io::Result<()> {
        let order = match checked(order).await {
            Ok(order) => order,
            Err(message) => return client.refuse(message, "name the folder by its full path").await,
        };
        record(&order, peer);
        let reply = self.daemon.ask(order).await;
        client.send(&Part::Reply(reply)).await
    }

    async fn list(&self, limit: u32, client: &mut Client) -> io::Result<()> {
        let dir = Arc::clone(&self.daemon.state_dir);
        // By a connection of its own: the loop's is not to wait for somebody who reads.
        let rows = blocking(move || rows(&dir, limit.min(MOST_ROWS))).await?;
        match rows {
            Ok(rows) => {
                for entry in rows.into_iter().rev() {
                    client.send(&Part::Row(Box::new(Row::from(entry)))).await?;
                }
            }
            Err(error) => {
                let hint = error.hint().unwrap_or_default();
                return client.refuse(chain(&error).in_lines(), &hint).await;
            }
        }
        match self.daemon.ask(Command::Open).await {
            Reply::Open { sequences, troubles } => {
                for trouble in troubles {
                    client.send(&Part::Trouble(trouble)).await?;
                }
                for open in sequences {
                    client.send(&Part::Open(Box::new(open))).await?;
                }
                client.send(&Part::Listed).await
            }
            refused => client.send(&Part::Reply(refused)).await,
        }
    }

    async fn check(&self, client: &mut Client) -> io::Result<()> {
        let _turn = self.checks.acquire().await;
        let (sender, mut lines) = mpsc::channel(AHEAD);
        let config = Arc::clone(&self.daemon.config);
        let checking = blocking(move || check::run(&config, |line| sender.blocking_send(line).is_ok()));
        let telling = async {
            let mut told = Ok(());
            while let Some(line) = lines.recv().await {
                told = client.send(&Part::Line(line)).await;
                if told.is_err() {
                    // The client went away. A closed channel ends the check.
                    lines.close();
                    break;
                }
            }
            told
        };
        let (status, told) = tokio::join!(checking, telling);
        told?;
        match status?.map(check::status) {
            Ok(Ok(status)) => client.send(&Part::Checked { status }).await,
            Ok(Err(signal)) => {
                client.refuse(format!("the check was ended by signal {signal}"), "look at the daemon's log").await
            }
            Err(error) => {
                client.refuse(format!("the check cannot be run: {}", chain(&error)), "look at the daemon's log").await
            }
        }
    }
}

/// Where a client takes its answer.
struct Client(OwnedWriteHalf);

impl Client {
    async fn send(&mut self, message: &impl Serialize) -> io::Result<()> {
        timeout(LINE_TIMEOUT, self.0.write_all(&wire::line(message)?)).await?
    }

    async fn refuse(&mut self, message: String, hint: &str) -> io::Result<()> {
        self.send(&Part::Reply(Reply::Refused { message, hint: hint.to_owned() })).await
    }
}

async fn question(read: OwnedReadHalf) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    BufReader::new(read.take(QUESTION_LIMIT)).read_until(b'\n', &mut line).await?;
    Ok(line)
}

/// Runs `work`, which blocks, on a thread of its own.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)
}

fn rows(state_dir: &Path, limit: u32) -> Result<Vec<Entry>, JournalError> {
    Journal::open_to_read(state_dir)?.map_or_else(|| Ok(Vec::new()), |journal| journal.list(limit))
}

/// The order with the folder that it names as the disk has it. The daemon may enter folders that the client may not, so a path that
/// leads out of the watched folders, by `..` or by a link, must not pass for one that is within them.
async fn checked(order: Command) -> Result<Command, String> {
    let (Command::Done { dir } | Command::Forget { dir } | Command::Retry { target: RetryTarget::Dir(dir) }) = &order
    else {
        return Ok(order);
    };
    let named = dir.to_path();
    let is_plain = named.is_absolute() && named.components().collect::<PathBuf>().as_os_str() == named.as_os_str();
    if !is_plain || named.components().any(|part| part == std::path::Component::ParentDir) {
        return Err(format!("{} is not the full path of a folder", named.shown()));
    }
    let found = blocking(move || real(&named)).await.map_err(|error| chain(&error).to_string())?;
    let dir = WirePath::from(&*found);
    Ok(match order {
        Command::Done { .. } => Command::Done { dir },
        Command::Forget { .. } => Command::Forget { dir },
        _ => Command::Retry { target: RetryTarget::Dir(dir) },
    })
}

/// Who changed what. The process tells more than the user: to a service with `PrivateUsers=` all other users but root look the same.
fn record(order: &Command, peer: UCred) {
    let (uid, pid) = (peer.uid(), peer.pid().unwrap_or(0));
    match order {
        Command::Done { dir } => tracing::info!(uid, pid, dir = %dir.to_path().shown(), "a client says done"),
        Command::Forget { dir } => tracing::info!(uid, pid, dir = %dir.to_path().shown(), "a client says forget"),
        Command::Retry { target: RetryTarget::Dir(dir) } => {
            tracing::info!(uid, pid, dir = %dir.to_path().shown(), "a client says retry");
        }
        Command::Retry { target: RetryTarget::Batch(batch) } => {
            tracing::info!(uid, pid, batch, "a client says retry");
        }
        Command::Reload => tracing::info!(uid, pid, "a client says reload"),
        Command::Open | Command::Status => {}
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener as Listener;

    use super::*;

    #[test]
    fn a_daemon_that_is_about_to_end_is_not_taken_for_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let (run, state) = (folder.path().join("run"), folder.path().join("state"));
        fs::create_dir_all(&run).unwrap();
        let old = Listener::bind(socket_path(&run)).unwrap();
        // It ends once somebody has seen that it listens.
        let ending = std::thread::spawn(move || drop(old.accept().unwrap()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let bound = runtime.block_on(async { Server::bind(SocketDir::OfUser(run.clone()), &state) }).unwrap();
        ending.join().unwrap();
        assert_eq!(bound.path, socket_path(&run));
    }
}

//! The client's end of the control socket: finding the daemon that is meant, and asking it.
//!
//! It blocks, and waits no longer than it says. It never starts a daemon, and never reads a journal itself.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::wire::{self, Ask, Greeting, Identity, LINE_LIMIT, Part, Question, Stamp};
use super::{LINE_TIMEOUT, SocketError, socket_path};
use crate::core::command::{Command, Reply, Trouble};
use crate::journal::Entry;
use crate::sequence::tracker::OpenSequence;

/// How long an order may take: a batch that is forgotten stops being encoded first.
const WORK: Duration = Duration::from_secs(60);

/// How long a check may be silent: it encodes a few frames with each preset, on a machine that may be busy.
const CHECK: Duration = Duration::from_secs(300);

/// Whether a daemon is one that is wanted.
pub type Wanted<'a> = &'a dyn Fn(&Identity) -> bool;

/// What a search came to.
#[derive(Debug)]
pub enum Found {
    /// The daemon that was looked for.
    Daemon(Client),
    /// No such daemon runs.
    Nobody {
        /// Daemons that run and are others.
        others: Vec<Identity>,
        /// There may be one that this user may not ask.
        forbidden: Option<SocketError>,
    },
}

/// A daemon that can be asked, once.
#[derive(Debug)]
pub struct Client {
    path: PathBuf,
    stream: BufReader<UnixStream>,
    identity: Identity,
}

/// What a daemon lists.
#[derive(Debug, Default)]
pub struct Listing {
    /// Rows of its journal, the oldest first.
    pub rows: Vec<Entry>,
    /// Roots of which no video can be made.
    pub troubles: Vec<Trouble>,
    /// Sequences that are not videos yet.
    pub open: Vec<OpenSequence>,
}

/// Looks in the folders `dirs`, one after the other, for a daemon that `best` accepts; the first that `second` accepts will do
/// where there is none.
///
/// # Errors
///
/// When something listens in one of the folders that cannot be understood, or does not answer.
pub fn find(dirs: &[PathBuf], best: Wanted<'_>, second: Wanted<'_>) -> Result<Found, SocketError> {
    let (mut reached, mut forbidden) = (Vec::new(), None);
    for dir in dirs {
        match Client::connect(&socket_path(dir)) {
            Ok(client) if best(&client.identity) => return Ok(Found::Daemon(client)),
            Ok(client) => reached.push(client),
            Err(error) if error.is_nobody() => {}
            Err(error) if error.is_forbidden() => forbidden = forbidden.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    if let Some(at) = reached.iter().position(|client| second(&client.identity)) {
        return Ok(Found::Daemon(reached.swap_remove(at)));
    }
    let others = reached.into_iter().map(|client| client.identity).collect();
    Ok(Found::Nobody { others, forbidden })
}

impl Client {
    fn connect(path: &Path) -> Result<Self, SocketError> {
        let failed = |source| SocketError::Ask { path: path.to_path_buf(), source };
        let (stream, greeting) = greeted(path).map_err(failed)?;
        match greeting {
            Ok(Greeting { daemon, .. }) => Ok(Self { path: path.to_path_buf(), stream, identity: daemon }),
            Err(Stamp { version, .. }) => {
                Err(SocketError::Version { path: path.to_path_buf(), theirs: version, ours: env!("CARGO_PKG_VERSION") })
            }
        }
    }

    /// Which daemon it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Has the daemon do something.
    ///
    /// # Errors
    ///
    /// Whatever the socket says. A refusal is an answer.
    pub fn order(mut self, command: &Command) -> Result<Reply, SocketError> {
        self.ask(Ask::Order(command.clone()), WORK)?;
        match self.part()? {
            Part::Reply(reply) => Ok(reply),
            other => Err(self.unexpected(&other)),
        }
    }

    /// The newest `limit` rows of the journal, or [`MOST_ROWS`](super::MOST_ROWS) of them, and what is open.
    ///
    /// # Errors
    ///
    /// Whatever the socket says. A refusal is an answer.
    pub fn list(mut self, limit: u32) -> Result<Result<Listing, Reply>, SocketError> {
        self.ask(Ask::List { limit }, WORK)?;
        let mut listing = Listing::default();
        loop {
            match self.part()? {
                Part::Row(row) => listing.rows.push(Entry::from(*row)),
                Part::Trouble(trouble) => listing.troubles.push(trouble),
                Part::Open(open) => listing.open.push(*open),
                Part::Listed => return Ok(Ok(listing)),
                Part::Reply(reply) => return Ok(Err(reply)),
                other => return Err(self.unexpected(&other)),
            }
        }
    }

    /// Has the daemon check its own config, and hands each line of that to `say`; the exit status comes back. Ends early when `say`
    /// fails.
    ///
    /// # Errors
    ///
    /// Whatever the socket says, or `say`. A refusal is an answer.
    pub fn check<E: From<SocketError>>(
        mut self,
        mut say: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<Result<u8, Reply>, E> {
        self.ask(Ask::Check, CHECK)?;
        loop {
            match self.part()? {
                Part::Line(line) => say(&line)?,
                Part::Checked { status } => return Ok(Ok(status)),
                Part::Reply(reply) => return Ok(Err(reply)),
                other => return Err(self.unexpected(&other).into()),
            }
        }
    }

    fn ask(&mut self, ask: Ask, timeout: Duration) -> Result<(), SocketError> {
        let question = Question { stamp: Stamp::own(), ask };
        let stream = self.stream.get_mut();
        let sent = wire::line(&question).and_then(|line| stream.write_all(&line));
        sent.and_then(|()| stream.set_read_timeout(Some(timeout))).map_err(|source| self.failed(source))
    }

    fn part(&mut self) -> Result<Part, SocketError> {
        let line = read_line(&mut self.stream);
        line.and_then(|line| Ok(serde_json::from_slice(&line)?)).map_err(|source| self.failed(source))
    }

    fn unexpected(&self, part: &Part) -> SocketError {
        let text = format!("an answer to another question: {part:.200?}");
        self.failed(io::Error::new(io::ErrorKind::InvalidData, text))
    }

    fn failed(&self, source: io::Error) -> SocketError {
        SocketError::Ask { path: self.path.clone(), source }
    }
}

type Greeted = (BufReader<UnixStream>, Result<Greeting, Stamp>);

fn greeted(path: &Path) -> io::Result<Greeted> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(LINE_TIMEOUT))?;
    stream.set_write_timeout(Some(LINE_TIMEOUT))?;
    let mut stream = BufReader::new(stream);
    let line = read_line(&mut stream)?;
    Ok((stream, wire::first_line(&line)?))
}

fn read_line(stream: &mut BufReader<UnixStream>) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    stream.take(LINE_LIMIT).read_until(b'\n', &mut line)?;
    match line.last() {
        Some(b'\n') => Ok(line),
        Some(_) if line.len() as u64 == LINE_LIMIT => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "a line of the answer is too long"))
        }
        _ => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the daemon ended the connection early")),
    }
}

//! What goes over the control socket: JSON objects, one a line, in the order
//!
//! ```text
//! daemon  {"protocol":1,"version":"0.1.0","daemon":{...}}                      at once: who listens
//! client  {"protocol":1,"version":"0.1.0","ask":{"list":{"limit":50}}}         one question
//! daemon  {"row":{...}} {"row":{...}} ... "listed"                             parts, the last of which says so
//! ```
//!
//! Owns the form of the lines, its version, and how long a line may be. It never decides what is answered.
//!
//! The daemon speaks first, so that a client can tell the daemon that it looks for from others before it asks, and so that each
//! side can tell another version in words. A long answer is many lines: neither side holds more than it needs.

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::core::command::{Command, Reply, Trouble, WirePath};
use crate::journal::Entry;
use crate::sequence::tracker::OpenSequence;

/// The version of the form. It grows with every change after which one side would misunderstand the other.
const PROTOCOL: u32 = 1;

/// Longest question in bytes: a path is at most 4096 bytes, written as JSON numbers.
pub(super) const QUESTION_LIMIT: u64 = 64 << 10;

/// Longest line of an answer in bytes. One row lists all missing numbers of a batch.
pub(super) const LINE_LIMIT: u64 = 16 << 20;

/// Most rows of the journal in one answer, whatever the client asks for: the daemon holds them all at once.
pub const MOST_ROWS: u32 = 10_000;

/// Which form a side speaks, and which reeld it is. All versions of the protocol begin every first line with this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    protocol: u32,
    /// The release, for people.
    pub(super) version: String,
}

impl Stamp {
    /// That of this program.
    pub(super) fn own() -> Self {
        Self { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned() }
    }

    pub(super) fn is_understood(&self) -> bool {
        self.protocol == PROTOCOL
    }
}

/// Which daemon listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its process.
    pub pid: u32,
    /// Its config file, absolute.
    pub config: WirePath,
    /// The folder of its journal, absolute.
    pub state_dir: WirePath,
}

/// The first line of the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Greeting {
    #[serde(flatten)]
    pub(super) stamp: Stamp,
    pub(super) daemon: Identity,
}

/// The only line of the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Question {
    #[serde(flatten)]
    pub(super) stamp: Stamp,
    pub(super) ask: Ask,
}

/// What a client can ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ask {
    /// Have the daemon do something. Answered by a [`Part::Reply`].
    Order(Command),
    /// The newest rows of the journal, the oldest of them first, then roots with troubles and open sequences. Ends with
    /// [`Part::Listed`].
    List {
        /// How many rows at most, and no more than [`MOST_ROWS`].
        limit: u32,
    },
    /// What `reeld check` says of the daemon's own config from within its process. Ends with [`Part::Checked`].
    Check,
}

/// A line of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    /// A row of the journal.
    Row(Box<Row>),
    /// A root of which no video can be made.
    Trouble(Trouble),
    /// A sequence that is not a video yet.
    Open(Box<OpenSequence>),
    /// A line of a check.
    Line(String),
    /// The answer to an order, or why the question is not answered (any further). The last part.
    Reply(Reply),
    /// All is listed. The last part.
    Listed,
    /// The check is over. The last part.
    Checked {
        /// The exit status of `reeld check`.
        status: u8,
    },
}

/// A batch as the journal lists it. Its paths go beside it, because an [`Entry`] is written for programs that want text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    entry: Entry,
    root: WirePath,
    dir: WirePath,
    /// The path of its video. The name is a key of the protocol.
    reel: Option<WirePath>,
}

impl From<Entry> for Row {
    fn from(entry: Entry) -> Self {
        let (root, dir) = (WirePath::from(&*entry.root), WirePath::from(&*entry.dir));
        Self { root, dir, reel: entry.video.as_deref().map(WirePath::from), entry }
    }
}

impl From<Row> for Entry {
    fn from(Row { entry, root, dir, reel }: Row) -> Self {
        Self { root: root.to_path(), dir: dir.to_path(), video: reel.map(|video| video.to_path()), ..entry }
    }
}

/// The first line of the other side: what it says, or which version it is where that is another one.
pub(super) fn first_line<T: DeserializeOwned>(line: &[u8]) -> io::Result<Result<T, Stamp>> {
    let stamp: Stamp = serde_json::from_slice(line)?;
    if stamp.is_understood() { Ok(Ok(serde_json::from_slice(line)?)) } else { Ok(Err(stamp)) }
}

/// `message` as a line.
pub(super) fn line(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    if line.len() as u64 > LINE_LIMIT {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a line of {} bytes is too long", line.len())));
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_form_is_the_one_of_this_protocol() {
        let path = |bytes: &[u8]| WirePath::from(Path::new(OsStr::from_bytes(bytes)));
        let daemon = Identity { pid: 7, config: path(b"/c"), state_dir: path(b"/\xff") };
        let questions = [Ask::Order(Command::Done { dir: path(b"/d") }), Ask::List { limit: 2 }, Ask::Check]
            .map(|ask| line(&Question { stamp: Stamp { version: "x".to_owned(), ..Stamp::own() }, ask }).unwrap());
        let greeting = line(&Greeting { stamp: Stamp { version: "x".to_owned(), ..Stamp::own() }, daemon }).unwrap();
        let parts = [Part::Listed, Part::Checked { status: 1 }, Part::Line("ok".to_owned())];
        let parts = parts.map(|part| line(&part).unwrap());
        let text: Vec<u8> = [greeting].into_iter().chain(questions).chain(parts).flatten().collect();
        // Whoever changes this form raises PROTOCOL.
        insta::assert_snapshot!(String::from_utf8(text).unwrap(), @r#"
        {"protocol":1,"version":"x","daemon":{"pid":7,"config":[47,99],"state_dir":[47,255]}}
        {"protocol":1,"version":"x","ask":{"order":{"command":"done","dir":[47,100]}}}
        {"protocol":1,"version":"x","ask":{"list":{"limit":2}}}
        {"protocol":1,"version":"x","ask":"check"}
        "listed"
        {"checked":{"status":1}}
        {"line":"ok"}
        "#);
    }

    #[test]
    fn another_version_is_told_from_nonsense() {
        let other = first_line::<Question>(br#"{"protocol":2,"version":"9.9.9","ask":{"dance":true}}"#).unwrap();
        assert_eq!(other.unwrap_err(), Stamp { protocol: 2, version: "9.9.9".to_owned() });
        first_line::<Question>(br#"{"protocol":1,"version":"0.1.0","ask":{"dance":true}}"#).unwrap_err();
        first_line::<Question>(b"hello").unwrap_err();
    }
}

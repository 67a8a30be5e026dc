//! What is wrong with a file of a sequence: as much of it as the tracker decides by, and as the journal keeps.

use serde::{Deserialize, Serialize};

use crate::sequence::FrameNumber;

/// Why a file is no frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// What is wrong, as a phrase.
    pub reason: String,
    /// What the user can do about it.
    pub hint: String,
    /// Waiting is of no use: it is nothing that is still being written.
    pub lasting: bool,
}

/// A file of a batch that is no part of its video.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Unreadable {
    /// The number in its name.
    pub number: FrameNumber,
    /// What is wrong with it, as a phrase.
    pub reason: String,
}

/// How journals have it: an older one holds the numbers alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Number(FrameNumber),
    Reasoned { number: FrameNumber, reason: String },
}

impl From<Stored> for Unreadable {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Number(number) => {
                Self { number, reason: "it was not whole when the sequence was finished".to_owned() }
            }
            Stored::Reasoned { number, reason } => Self { number, reason },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_an_older_journal_are_read() {
        let read: Vec<Unreadable> = serde_json::from_str(r#"[3,{"number":-4,"reason":"the file is empty"}]"#).unwrap();
        let numbers: Vec<FrameNumber> = read.iter().map(|unreadable| unreadable.number).collect();
        assert_eq!(numbers, [3, -4]);
        assert_eq!(read[1].reason, "the file is empty");
        assert!(read[0].reason.contains("not whole"));
        let again: Vec<Unreadable> = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        assert_eq!(again, read);
    }
}

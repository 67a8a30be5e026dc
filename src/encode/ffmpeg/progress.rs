//! FFmpeg's `-progress` stream: `key=value` lines in blocks that end with `progress=continue` or `progress=end`.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crossbeam_channel::{Receiver, bounded};

use super::child::{Child, LAST_WORDS};

/// Longer lines are not FFmpeg's.
const LINE_LIMIT: u64 = 4096;

/// The last whole block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Block {
    /// Frames encoded so far.
    pub(crate) frame: u64,
    /// Frames that FFmpeg repeated by itself.
    pub(crate) dup: u64,
    /// Frames that FFmpeg left out by itself.
    pub(crate) drop: u64,
    /// Whether it was the last. That proves nothing: FFmpeg says so before a failing trailer as well.
    pub(crate) end: bool,
}

/// Puts lines together to blocks.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    open: Block,
    last: Block,
}

impl Parser {
    /// Takes a line. Lines that are not understood are passed over: FFmpeg has more keys than are of use here.
    pub(crate) fn line(&mut self, line: &str) {
        let Some((key, value)) = line.trim().split_once('=') else { return };
        let number = || value.trim().parse().ok();
        match key.trim() {
            "frame" => self.open.frame = number().unwrap_or(self.open.frame),
            "dup_frames" => self.open.dup = number().unwrap_or(self.open.dup),
            "drop_frames" => self.open.drop = number().unwrap_or(self.open.drop),
            "progress" => {
                self.open.end = value.trim() == "end";
                self.last = self.open;
            }
            _ => {}
        }
    }

    /// The last whole block.
    pub(crate) fn last(&self) -> Block {
        self.last
    }
}

/// Reads the stream of a child on a thread, so that the child never waits for us.
#[derive(Debug)]
pub(crate) struct ProgressReader {
    parser: Arc<Mutex<Parser>>,
    closed: Receiver<()>,
}

impl ProgressReader {
    /// Reads the standard output of `child`.
    pub(crate) fn of(child: &mut Child) -> Self {
        let parser = Arc::new(Mutex::new(Parser::default()));
        let (open, closed) = bounded(0);
        if let Some(pipe) = child.stdout() {
            let parser = Arc::clone(&parser);
            thread::spawn(move || {
                read_blocks(pipe, &parser);
                drop(open);
            });
        }
        Self { parser, closed }
    }

    /// The last whole block so far.
    pub(crate) fn now(&self) -> Block {
        self.parser.lock().unwrap_or_else(PoisonError::into_inner).last()
    }

    /// The last block of a child that has ended.
    ///
    /// The reader may still be at what the child wrote last. It is not joined but waited for with a limit: a grandchild
    /// that inherited the pipe can keep it open.
    pub(crate) fn finish(self) -> Block {
        _ = self.closed.recv_timeout(LAST_WORDS);
        self.now()
    }
}

fn read_blocks(pipe: impl Read, parser: &Mutex<Parser>) {
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    loop {
        line.clear();
        match reader.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => parser.lock().unwrap_or_else(PoisonError::into_inner).line(&String::from_utf8_lossy(&line)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_whole_blocks_count() {
        let mut parser = Parser::default();
        for line in ["frame=12", "fps=0.0", "dup_frames=1", "drop_frames=2", "progress=continue", "frame=40"] {
            parser.line(line);
        }
        assert_eq!(parser.last(), Block { frame: 12, dup: 1, drop: 2, end: false });
        parser.line("progress=end\r");
        assert_eq!(parser.last(), Block { frame: 40, dup: 1, drop: 2, end: true });
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(blocks in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u64>(), any::<bool>()), 1..20)) {
            let mut text = String::new();
            for (frame, dup, drop, end) in &blocks {
                let end = if *end { "end" } else { "continue" };
                writeln!(text, "frame={frame}\nbitrate=N/A\ndup_frames={dup}\ndrop_frames={drop}\nprogress={end}").unwrap();
            }
            let parser = Mutex::new(Parser::default());
            read_blocks(text.as_bytes(), &parser);
            let (frame, dup, drop, end) = *blocks.last().unwrap();
            prop_assert_eq!(parser.into_inner().unwrap().last(), Block { frame, dup, drop, end });
        }

        #[test]
        fn no_bytes_trouble_it(bytes in prop::collection::vec(any::<u8>(), 0..9000)) {
            read_blocks(bytes.as_slice(), &Mutex::new(Parser::default()));
        }
    }
}

//! The same text four times, each time with more of it blanked, as hashes.

use std::hash::{DefaultHasher, Hasher as _};

use super::{Counter, Counts, Stamps, Total, Written};
use crate::sequence::rate::{RateWord, TimeStamp};

/// Hashes of one text. Each is what is left of the one before it. They hold as long as the process: another version of
/// the standard library may hash in another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hashes {
    pub(super) whole: u64,
    /// Seeds blanked.
    pub(super) unseeded: u64,
    /// Seeds and counters blanked.
    pub(super) core: u64,
    /// All numbers blanked.
    pub(super) words: u64,
}

/// What a part of a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Words,
    Number,
    Seed,
    Counter(Counts),
}

/// A text on its way to its hashes.
#[derive(Default)]
pub(super) struct Layers {
    whole: DefaultHasher,
    unseeded: DefaultHasher,
    core: DefaultHasher,
    words: DefaultHasher,
    counter: Counter,
    position: i64,
    total: Option<Total>,
    rate: Option<RateWord>,
}

impl Layers {
    /// The next part of the text. What is blanked leaves a mark, so that its place counts.
    pub(super) fn put(&mut self, role: Role, part: &[u8]) {
        let shown = match role {
            Role::Words => 4,
            Role::Number => 3,
            Role::Counter(_) => 2,
            Role::Seed => 1,
        };
        let layers = [&mut self.whole, &mut self.unseeded, &mut self.core, &mut self.words];
        for (index, layer) in layers.into_iter().enumerate() {
            layer.write(if index < shown { part } else { b"\0" });
        }
        if let Role::Counter(counts) = role {
            self.counter.counts = self.counter.counts.max(Some(counts));
            let value = std::str::from_utf8(part).ok().and_then(|part| part.parse::<i64>().ok());
            self.position = self.position.saturating_add(value.unwrap_or(0));
        }
    }

    /// There is a counter whose value the text does not tell.
    pub(super) fn counts_unseen(&mut self, counts: Counts) {
        self.counter = Counter { counts: self.counter.counts.max(Some(counts)), hidden: true };
    }

    /// The generator states the number of frames. The first statement counts.
    pub(super) fn state(&mut self, total: Total) {
        self.total.get_or_insert(total);
    }

    /// What the generator says of the rate.
    pub(super) fn say_rate(&mut self, rate: RateWord) {
        self.rate = Some(rate);
    }

    /// Cameras are left out although each picture has one: a film cuts from one to another. So are times and machines.
    pub(super) fn stamps(&mut self, stamps: &Stamps) {
        self.put(Role::Words, &stamps.file);
        self.put(Role::Words, b"\0");
        self.put(Role::Words, &stamps.scene);
        self.put(Role::Words, b"\0");
        if let Some(frame) = stamps.frame {
            self.put(Role::Counter(Counts::Frames), frame.to_string().as_bytes());
        }
        if let Some((first, last)) = stamps.range {
            self.put(Role::Number, format!("{first}:{last}").as_bytes());
            self.state(Total::Range { first, last });
        }
        // Another time is no other picture.
        self.rate = stamps
            .frame
            .zip(stamps.time.as_ref())
            .and_then(|(frame, time)| TimeStamp::of(frame, time))
            .map(RateWord::Stamp);
    }

    pub(super) fn finish(self) -> Written {
        let Self { whole, unseeded, core, words, counter, position, total, rate } = self;
        let [whole, unseeded, core, words] = [whole, unseeded, core, words].map(|layer| layer.finish());
        Written { hashes: Hashes { whole, unseeded, core, words }, counter, position, total, rate, generator: None }
    }
}

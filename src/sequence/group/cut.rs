//! A name -> its runs of digits; a family -> its columns.

use crate::sequence::name::split_extension;

/// A run of digits that is part of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DigitRun {
    /// The place of its first digit.
    pub start: usize,
    /// The place after its last digit.
    pub end: usize,
    /// Its value. It fits because the front of a longer run counts as text.
    pub value: i64,
    /// How many digits it has.
    pub width: u8,
}

impl DigitRun {
    pub(super) fn number(&self) -> Number {
        Number { value: self.value, width: self.width }
    }
}

/// A number as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    pub value: i64,
    pub width: u8,
}

impl Number {
    /// Whether it begins with a zero before another digit, so that its width is known to be fixed.
    pub(super) fn is_padded(self) -> bool {
        self.width > 1 && digits_of(self.value) < self.width
    }

    /// Whether it can be a half of `1920x1080`.
    pub(super) fn is_length(self) -> bool {
        (3..=5).contains(&self.width) && !self.is_padded()
    }
}

/// How many digits `value`, which is not negative, has.
pub(super) fn digits_of(value: i64) -> u8 {
    // At most 19.
    value.checked_ilog10().map_or(1, |log| u8::try_from(log + 1).unwrap_or(u8::MAX))
}

/// The digits that are sure to fit into a value.
const SURE_DIGITS: usize = 18;

/// The longest run. What stands before its last digits counts as text, whatever they are.
const LONGEST_RUN: usize = 200;

/// Calls `found` for each run of digits in the stem of `name`, in order. The extension has none.
pub(super) fn for_each_run(name: &[u8], mut found: impl FnMut(DigitRun)) {
    let stem = split_extension(name).map_or(name, |(stem, _)| stem);
    let mut at = 0;
    while at < stem.len() {
        if !stem[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let mut start = at;
        let (mut value, mut fits) = (0_i64, true);
        while at < stem.len() && stem[at].is_ascii_digit() {
            let next = value.checked_mul(10).and_then(|value| value.checked_add(i64::from(stem[at] - b'0')));
            match next {
                Some(next) => value = next,
                None => fits = false,
            }
            at += 1;
        }
        if !fits || at - start > LONGEST_RUN {
            start = at - SURE_DIGITS;
            value = stem[start..at].iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
        }
        // At most `LONGEST_RUN`.
        let width = u8::try_from(at - start).unwrap_or(u8::MAX);
        found(DigitRun { start, end: at, value, width });
    }
}

/// The runs of one name, into `runs`.
pub(super) fn cut(name: &[u8], runs: &mut Vec<DigitRun>) {
    runs.clear();
    for_each_run(name, |run| runs.push(run));
}

/// One run, name by name.
#[derive(Debug, Clone)]
pub(super) enum Column {
    /// The same in all names.
    Same(Number),
    /// As many as names.
    Varies { values: Vec<i64>, widths: Vec<u8> },
}

impl Column {
    pub(super) fn get(&self, row: usize) -> Number {
        match self {
            Self::Same(number) => *number,
            Self::Varies { values, widths } => Number { value: values[row], width: widths[row] },
        }
    }

    pub(super) fn varies(&self) -> bool {
        matches!(self, Self::Varies { .. })
    }

    /// All numbers of it, once where they are the same.
    pub(super) fn iter(&self) -> impl Iterator<Item = Number> + '_ {
        let len = match self {
            Self::Same(_) => 1,
            Self::Varies { values, .. } => values.len(),
        };
        (0..len).map(|row| self.get(row))
    }

    /// The one width of all numbers.
    pub(super) fn width(&self) -> Option<u8> {
        let width = self.get(0).width;
        self.iter().all(|number| number.width == width).then_some(width)
    }

    /// The highest value.
    pub(super) fn highest(&self) -> i64 {
        self.iter().map(|number| number.value).max().unwrap_or(0)
    }

    /// The lowest value.
    pub(super) fn lowest(&self) -> i64 {
        self.iter().map(|number| number.value).min().unwrap_or(0)
    }

    /// The most digits of a number.
    pub(super) fn widest(&self) -> u8 {
        self.iter().map(|number| number.width).max().unwrap_or(0)
    }
}

/// The names of one family, cut.
#[derive(Debug)]
pub(super) struct Table<'n> {
    /// All names, of which those of the family are some.
    pub names: &'n [&'n [u8]],
    /// The place of each name of the family.
    pub rows: Vec<u32>,
    /// The texts around the runs: one more than columns.
    pub pieces: Vec<&'n [u8]>,
    /// The runs.
    pub columns: Vec<Column>,
}

impl<'n> Table<'n> {
    /// Cuts the names at `rows`, which are at least one, of one family, and none twice.
    pub(super) fn new(names: &'n [&'n [u8]], rows: Vec<u32>) -> Self {
        let first: &[u8] = names[rows[0] as usize];
        let mut runs = Vec::new();
        cut(first, &mut runs);
        let mut columns: Vec<Column> = runs.iter().map(|run| Column::Same(run.number())).collect();
        for (row, place) in rows.iter().enumerate().skip(1) {
            let mut at = 0;
            for_each_run(names[*place as usize], |run| {
                columns[at].push(row, run.number(), rows.len());
                at += 1;
            });
        }
        Self { names, pieces: pieces(first, &runs), rows, columns }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The name of a row.
    pub(super) fn name(&self, row: usize) -> &'n [u8] {
        self.names[self.rows[row] as usize]
    }

    /// The columns that vary.
    pub(super) fn varying(&self) -> Vec<usize> {
        (0..self.columns.len()).filter(|column| self.columns[*column].varies()).collect()
    }
}

/// The texts around the runs of a name.
pub(super) fn pieces<'n>(name: &'n [u8], runs: &[DigitRun]) -> Vec<&'n [u8]> {
    let mut pieces = Vec::with_capacity(runs.len() + 1);
    let mut from = 0;
    for run in runs {
        pieces.push(&name[from..run.start]);
        from = run.end;
    }
    pieces.push(&name[from..]);
    pieces
}

impl Column {
    /// Takes in the number of `row`, of `total` rows; all rows before it are in.
    fn push(&mut self, row: usize, number: Number, total: usize) {
        match self {
            Self::Same(known) if *known == number => {}
            Self::Same(known) => {
                let (mut values, mut widths) = (Vec::with_capacity(total), Vec::with_capacity(total));
                values.resize(row, known.value);
                widths.resize(row, known.width);
                values.push(number.value);
                widths.push(number.width);
                *self = Self::Varies { values, widths };
            }
            Self::Varies { values, widths } => {
                values.push(number.value);
                widths.push(number.width);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(name: &str) -> Vec<(usize, usize, i64)> {
        let mut runs = Vec::new();
        cut(name.as_bytes(), &mut runs);
        runs.iter().map(|run| (run.start, run.end, run.value)).collect()
    }

    #[test]
    fn runs_are_cut_and_the_front_of_what_does_not_fit_is_text() {
        assert_eq!(runs("a12b_003.h264"), [(1, 3, 12), (5, 8, 3)]);
        assert_eq!(runs("frame.h264"), []);
        assert_eq!(runs("9223372036854775807.png"), [(0, 19, i64::MAX)]);
        assert_eq!(runs("9223372036854775808.png"), [(1, 19, 223_372_036_854_775_808)]);
        assert_eq!(runs("000000000000000000001.png"), [(0, 21, 1)]);
        let long = format!("{}7.png", "0".repeat(250));
        assert_eq!(runs(&long), [(233, 251, 7)]);
    }

    #[test]
    fn a_leading_zero_is_seen_without_the_text() {
        let padded = |value, width| Number { value, width }.is_padded();
        assert!(padded(0, 2) && padded(7, 2) && padded(99, 3));
        assert!(!padded(0, 1) && !padded(10, 2) && !padded(100, 3));
    }
}

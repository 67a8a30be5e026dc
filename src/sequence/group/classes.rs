//! Rows of a family, divided by the texts of some of its parts.

use crate::sequence::group::cut::{Column, Table};
use crate::sequence::group::fold::Part;

/// A class for each row. Rows are of one class if their texts are equal: `01` and `1` are two.
#[derive(Debug, Clone)]
pub(super) struct Classes {
    /// The class of each row.
    pub of_row: Vec<u32>,
    /// How many classes there are.
    pub count: u32,
}

impl Classes {
    /// All rows in one class.
    pub(super) fn one(rows: usize) -> Self {
        Self { of_row: vec![0; rows], count: 1 }
    }

    /// The rows by the texts of one part.
    pub(super) fn of_part(table: &Table<'_>, part: &Part) -> Self {
        let columns = part.rule.columns.iter().map(|column| &table.columns[*column]).filter(|column| column.varies());
        columns.map(Self::of_column).reduce(|all, next| all.and(&next)).unwrap_or_else(|| Self::one(table.len()))
    }

    fn of_column(column: &Column) -> Self {
        let Column::Varies { values, widths } = column else { return Self::one(0) };
        let (lowest, highest) = (column.lowest(), column.highest());
        let mut range = u64::try_from(highest - lowest).unwrap_or(u64::MAX).saturating_add(1);
        if !column.iter().all(|number| !number.is_padded()) && column.width().is_none() {
            // The value does not give the text.
            range = u64::MAX;
        }
        // Values are not negative, so the difference fits.
        let near = |row: usize| values[row].abs_diff(lowest);
        let exact = |row: usize| (u128::from(near(row)) << 8) | u128::from(widths[row]);
        number_keys(values.len(), range, near, exact)
    }

    /// The rows by their class here and there.
    pub(super) fn and(&self, other: &Self) -> Self {
        if self.count == 1 {
            return other.clone();
        }
        if other.count == 1 {
            return self.clone();
        }
        let range = u64::from(self.count) * u64::from(other.count);
        let key = |row: usize| u64::from(self.of_row[row]) * u64::from(other.count) + u64::from(other.of_row[row]);
        number_keys(self.of_row.len(), range, key, |row| u128::from(key(row)))
    }

    /// How many rows each class has.
    pub(super) fn sizes(&self) -> Vec<u32> {
        let mut sizes = vec![0; self.count as usize];
        for class in &self.of_row {
            sizes[*class as usize] += 1;
        }
        sizes
    }

    /// The rows of each class.
    pub(super) fn members(&self) -> Members {
        let mut starts = Vec::with_capacity(self.count as usize + 1);
        let mut at = 0;
        for size in self.sizes() {
            starts.push(at);
            at += size;
        }
        starts.push(at);
        let mut next = starts.clone();
        let mut rows = vec![0; self.of_row.len()];
        for (row, class) in (0_u32..).zip(&self.of_row) {
            let place = &mut next[*class as usize];
            rows[*place as usize] = row;
            *place += 1;
        }
        Members { rows, starts }
    }
}

/// The rows of each class, one class after the other.
#[derive(Debug)]
pub(super) struct Members {
    rows: Vec<u32>,
    starts: Vec<u32>,
}

impl Members {
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u32]> {
        self.starts.windows(2).map(|bounds| &self.rows[bounds[0] as usize..bounds[1] as usize])
    }
}

/// Numbers the different keys of the rows in the order in which they are met. `near` gives keys below `range`; where that
/// is too many, `exact` gives keys of any size.
fn number_keys(rows: usize, range: u64, near: impl Fn(usize) -> u64, exact: impl Fn(usize) -> u128) -> Classes {
    let small = usize::try_from(range).ok().filter(|range| *range <= 4 * rows + 1024);
    let (mut of_row, mut count) = (Vec::with_capacity(rows), 0_u32);
    if let Some(range) = small {
        let mut known = vec![u32::MAX; range];
        for row in 0..rows {
            // Below `range`, which fits.
            let class = &mut known[usize::try_from(near(row)).unwrap_or(0)];
            if *class == u32::MAX {
                *class = count;
                count += 1;
            }
            of_row.push(*class);
        }
        return Classes { of_row, count };
    }
    let mask = (2 * rows).next_power_of_two() - 1;
    let mut slots = vec![u32::MAX; mask + 1];
    let mut keys: Vec<u128> = Vec::new();
    for row in 0..rows {
        let key = exact(row);
        let mut at = spread(key) & mask;
        let class = loop {
            match slots[at] {
                u32::MAX => {
                    slots[at] = count;
                    keys.push(key);
                    count += 1;
                    break count - 1;
                }
                class if keys[class as usize] == key => break class,
                _ => at = (at + 1) & mask,
            }
        };
        of_row.push(class);
    }
    Classes { of_row, count }
}

/// A hash whose low bits depend on all bits of the key.
#[expect(clippy::cast_possible_truncation, reason = "a hash takes what bits it gets")]
fn spread(key: u128) -> usize {
    let mixed = (key as u64 ^ ((key >> 64) as u64).rotate_left(29)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93) as usize >> 20
}

//! The columns of a family -> its parts: neighbouring runs fold into stamps.
//!
//! A form with many digits and a valid date in every name is hardly there by chance; one of two or four digits is. So the
//! short forms, and those that shots have as well (`sq2010_01_10`), count only where a time follows the date.

use crate::sequence::group::cut::{Column, DigitRun, Number, Table};
use crate::sequence::group::stamp::{self, Form, RunForm, Unit};

/// One part of a name: a counter, or what several runs say together.
#[derive(Debug)]
pub(super) struct Part {
    /// What it is, and its columns.
    pub rule: PartRule,
    /// Its value in each row. Misfits have any.
    pub values: Vec<i64>,
}

/// What a part is, apart from the names at hand.
#[derive(Debug, Clone)]
pub(super) struct PartRule {
    /// Its columns, in the order in which `kind` reads them.
    pub columns: Vec<usize>,
    /// What it is.
    pub kind: PartKind,
    /// For a counter that is a count only because, as a time of day, it never left the first minute: the stamp that it
    /// would be, with the columns before it.
    pub clock: Option<(usize, Vec<RunForm>)>,
    /// Whether no further name that it reads makes it another part.
    pub firm: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PartKind {
    Counter,
    Stamp(Vec<RunForm>),
    /// A frame and a fraction of this width, in this many steps.
    SubFrame {
        width: u8,
        steps: i64,
    },
}

impl PartRule {
    /// Whether nothing can be missing between two of its values.
    pub(super) fn is_dense(&self) -> bool {
        self.kind != PartKind::Counter
    }

    pub(super) fn unit(&self) -> Option<Unit> {
        match &self.kind {
            PartKind::Stamp(form) => Some(Unit::of(form)),
            _ => None,
        }
    }

    pub(super) fn first_column(&self) -> usize {
        self.columns.iter().copied().min().unwrap_or(0)
    }

    pub(super) fn last_column(&self) -> usize {
        self.columns.iter().copied().max().unwrap_or(0)
    }

    /// Its value in a name with these runs; `None` where they do not fit.
    pub(super) fn read(&self, runs: &[DigitRun]) -> Option<i64> {
        let number = |column: &usize| runs[*column].number();
        match &self.kind {
            PartKind::Counter => Some(number(&self.columns[0]).value),
            PartKind::Stamp(form) => stamp::read(form, self.columns.iter().map(number)),
            PartKind::SubFrame { width, steps } => {
                let fraction = number(&self.columns[1]);
                let fits = fraction.width == *width && stamp::is_step_of_a_frame(fraction.value, *width, *steps);
                sub_frame(number(&self.columns[0]).value, fraction).filter(|_| fits)
            }
        }
    }
}

fn sub_frame(frame: i64, fraction: Number) -> Option<i64> {
    let scale = 10_i64.checked_pow(u32::from(fraction.width))?;
    frame.checked_mul(scale)?.checked_add(fraction.value)
}

/// The parts of a family, in order, and the rows that do not fit the form of a stamp. Up to `slack` rows may not.
pub(super) fn fold(table: &Table<'_>, slack: usize) -> (Vec<Part>, Vec<usize>) {
    let mut folder = Folder { table, slack, misfits: Vec::new() };
    let mut parts = Vec::new();
    let mut at = 0;
    while at < table.columns.len() {
        let part = match folder.stamp_at(at) {
            Some(form) => folder.stamp(at, form),
            None => folder.counter(at),
        };
        at += part.rule.columns.len();
        parts.push(part);
    }
    join_time_and_date(&mut parts);
    join_sub_frames(table, &mut parts);
    let mut misfits = folder.misfits;
    misfits.sort_unstable();
    misfits.dedup();
    (parts, misfits)
}

struct Folder<'t> {
    table: &'t Table<'t>,
    slack: usize,
    misfits: Vec<usize>,
}

impl Folder<'_> {
    fn columns(&self, at: usize, form: &[RunForm]) -> Option<&[Column]> {
        self.table.columns.get(at..at + form.len())
    }

    fn separated(&self, at: usize) -> bool {
        stamp::is_separator(self.table.pieces[at])
    }

    /// Whether the columns from `at` have this form in all rows but `slack` of them.
    fn fits(&self, at: usize, form: &[RunForm], slack: usize) -> bool {
        let Some(columns) = self.columns(at, form) else { return false };
        let inner = &self.table.pieces[at + 1..at + form.len()];
        if inner.iter().any(|piece| !stamp::is_separator(piece) || piece.contains(&b'T')) {
            return false;
        }
        let reads = |row: usize| stamp::read(form, columns.iter().map(|column| column.get(row))).is_some();
        if !columns.iter().any(Column::varies) {
            return reads(0);
        }
        let mut left = slack;
        (0..self.table.len()).all(|row| {
            reads(row) || {
                let spare = left > 0;
                left = left.saturating_sub(1);
                spare
            }
        })
    }

    /// The form of the stamp that begins at column `at`.
    fn stamp_at(&self, at: usize) -> Option<Vec<RunForm>> {
        let mut form = match self.date_at(at) {
            Some(date) => {
                let mut form = date.to_vec();
                if Unit::of(&form) == Unit::Day
                    && let Some(time) = self.time_after_date(at + form.len())
                {
                    form.extend_from_slice(time);
                }
                form
            }
            None => self.time_alone(at)?.to_vec(),
        };
        if self.has_fraction(at, &form) {
            let width = self.table.columns[at + form.len()].width().filter(|_| form != stamp::EPOCH);
            form.push(stamp::fraction(width));
        }
        Some(form)
    }

    fn date_at(&self, at: usize) -> Option<Form> {
        let time_follows = |form: Form, times: &[Form]| {
            let next = at + form.len();
            next < self.table.columns.len() && self.separated(next) && times.iter().any(|time| self.fits(next, time, 0))
        };
        let few_years = |form: Form| {
            let mut years: Vec<i64> = Vec::new();
            self.columns(at, form).is_some_and(|columns| {
                columns[2].iter().all(|number| {
                    if !years.contains(&number.value) {
                        years.push(number.value);
                    }
                    years.len() <= 3
                })
            })
        };
        let forms: [(Form, usize); 8] = [
            (stamp::Y_M_D, self.slack),
            (stamp::D_M_Y, 0),
            (stamp::M_D_Y, 0),
            (stamp::YMDHMS, self.slack),
            (stamp::YMDHMSF, self.slack),
            (stamp::YMDHM, self.slack),
            (stamp::Y_MD, 0),
            (stamp::YMD, 0),
        ];
        let found = forms.into_iter().find(|(form, slack)| {
            if !self.fits(at, form, *slack) {
                return false;
            }
            // `2000_0110` and `sq2010_01_10` are shots as well.
            let is_shot = *form == stamp::Y_MD
                || *form == stamp::Y_M_D
                    && self.table.pieces[at].last().is_some_and(u8::is_ascii_alphabetic)
                    && self.table.pieces[at + 1] != b"-";
            match *form {
                form if form == stamp::D_M_Y || form == stamp::M_D_Y => few_years(form),
                form if is_shot => time_follows(form, &[stamp::H_M_S, stamp::HMS]),
                _ => true,
            }
        });
        if let Some((form, _)) = found {
            return Some(form);
        }
        // Years of two digits, or none, are dates only if a time follows.
        let short: [(Form, Form); 3] =
            [(stamp::SHORT_Y_M_D, stamp::H_M_S), (stamp::SHORT_YMD, stamp::HMS), (stamp::MD, stamp::HMS)];
        short
            .into_iter()
            .find(|(form, time)| self.fits(at, form, 0) && time_follows(form, &[time]))
            .map(|(form, _)| form)
    }

    fn time_after_date(&self, at: usize) -> Option<Form> {
        if at >= self.table.columns.len() {
            return None;
        }
        if !self.separated(at) && !matches!(self.table.pieces[at], b" at " | b"_at_" | b" - ") {
            return None;
        }
        let times =
            [(stamp::H_M_S, self.slack), (stamp::HMS, 0), (stamp::HMSF, 0), (stamp::H_M, self.slack), (stamp::HM, 0)];
        let fits = |(form, slack): &(Form, usize)| {
            self.fits(at, form, *slack)
                && !(*form == stamp::HM && self.fits(at, stamp::Y_M_D, self.slack))
                && !self.stays_in_first_minute(at, form)
        };
        times.into_iter().find(fits).map(|(form, _)| form)
    }

    /// Whether a time in one run varies, and never leaves the first minute of the day (or, written without seconds,
    /// the first hour): 000001 to 000059 are a count.
    fn stays_in_first_minute(&self, at: usize, form: Form) -> bool {
        (form == stamp::HMS || form == stamp::HM)
            && self.table.columns[at].varies()
            && self.table.columns[at].highest() < 100
    }

    fn time_alone(&self, at: usize) -> Option<Form> {
        let columns = &self.table.columns;
        if columns[at].iter().all(|number| number.width == 2) && self.fits(at, stamp::H_M_S, self.slack) {
            return Some(stamp::H_M_S);
        }
        let fraction_follows = at + 2 == columns.len() && self.table.pieces[at + 1] == b".";
        (fraction_follows && self.fits(at, stamp::EPOCH, 0)).then_some(stamp::EPOCH)
    }

    /// Whether the run after a stamp is the fraction of its second.
    fn has_fraction(&self, at: usize, form: &[RunForm]) -> bool {
        let next = at + form.len();
        if Unit::of(form) != Unit::Second || next >= self.table.columns.len() {
            return false;
        }
        if !matches!(self.table.pieces[next], b"." | b",") {
            return false;
        }
        if form == stamp::EPOCH {
            return true;
        }
        let column = &self.table.columns[next];
        column.width().is_some_and(|width| matches!(width, 2 | 3 | 6 | 9)) && !self.counts_up(at, form, column)
    }

    /// Whether a column counts from 0 or 1 in each second.
    fn counts_up(&self, at: usize, form: &[RunForm], column: &Column) -> bool {
        let columns = &self.table.columns[at..at + form.len()];
        let second = |row| stamp::read(form, columns.iter().map(|column| column.get(row)));
        let mut rows: Vec<(i64, i64)> =
            (0..self.table.len()).filter_map(|row| second(row).map(|second| (second, column.get(row).value))).collect();
        rows.sort_unstable();
        rows.chunk_by(|a, b| a.0 == b.0).all(|of_one| {
            let (low, high) = (of_one[0].1, of_one[of_one.len() - 1].1);
            low <= 1 && usize::try_from(high - low).is_ok_and(|span| span < 2 * of_one.len())
        })
    }

    fn stamp(&mut self, at: usize, form: Vec<RunForm>) -> Part {
        let columns = &self.table.columns[at..at + form.len()];
        let mut values = Vec::with_capacity(self.table.len());
        for row in 0..self.table.len() {
            let value = stamp::read(&form, columns.iter().map(|column| column.get(row)));
            if value.is_none() {
                self.misfits.push(row);
            }
            values.push(value.unwrap_or(0));
        }
        // With more than three years, or once it varies in its first minute, it is no stamp.
        let is_late = |run: usize| columns[run].highest() >= 100;
        let stays = !form.starts_with(stamp::D_M_Y)
            && !form.starts_with(stamp::M_D_Y)
            && (0..form.len()).all(|run| is_late(run) || ![stamp::HMS, stamp::HM].contains(&&form[run..=run]));
        let columns = (at..at + form.len()).collect();
        Part { rule: PartRule { columns, kind: PartKind::Stamp(form), clock: None, firm: stays }, values }
    }

    fn counter(&self, at: usize) -> Part {
        let column = &self.table.columns[at];
        let values = match column {
            Column::Varies { values, .. } => values.clone(),
            Column::Same(number) => vec![number.value; self.table.len()],
        };
        Part {
            rule: PartRule { columns: vec![at], kind: PartKind::Counter, clock: self.clock_of(at), firm: true },
            values,
        }
    }

    /// The date and time that a counter after a date would be, had it left the first minute.
    fn clock_of(&self, at: usize) -> Option<(usize, Vec<RunForm>)> {
        let time = [stamp::HMS, stamp::HM]
            .into_iter()
            .find(|form| self.stays_in_first_minute(at, form) && self.separated(at) && self.fits(at, form, 0))?;
        (1..=3.min(at)).find_map(|runs| {
            let date = self.date_at(at - runs).filter(|date| date.len() == runs && Unit::of(date) == Unit::Day)?;
            Some((at - runs, [date, time].concat()))
        })
    }
}

/// A time in front of its date is one stamp with it.
fn join_time_and_date(parts: &mut Vec<Part>) {
    let is_time = |part: &Part| matches!(&part.rule.kind, PartKind::Stamp(form) if form == stamp::H_M_S);
    let is_date = |part: &Part| part.rule.unit() == Some(Unit::Day);
    let only = |is: &dyn Fn(&Part) -> bool| {
        let mut found = parts.iter().enumerate().filter(|(_, part)| is(part)).map(|(at, _)| at);
        found.next().filter(|_| found.next().is_none())
    };
    let (Some(time), Some(date)) = (only(&is_time), only(&is_date)) else { return };
    if time > date {
        return;
    }
    let later = parts.remove(date);
    let (PartKind::Stamp(date_form), PartKind::Stamp(time_form)) = (later.rule.kind, &mut parts[time].rule.kind) else {
        return;
    };
    time_form.extend(date_form);
    let part = &mut parts[time];
    part.rule.columns.extend(later.rule.columns);
    // Times without a date are those of the first day of 1970.
    part.values.iter_mut().zip(later.values).for_each(|(time, day)| *time += day);
}

/// `0001.250`, a number and steps of a frame after a point, is one number.
fn join_sub_frames(table: &Table<'_>, parts: &mut Vec<Part>) {
    let mut at = 1;
    while at < parts.len() {
        if let Some(joined) = sub_frames(table, &parts[at - 1], &parts[at]) {
            parts[at - 1] = joined;
            parts.remove(at);
        }
        at += 1;
    }
}

fn sub_frames(table: &Table<'_>, frame: &Part, fraction: &Part) -> Option<Part> {
    if frame.rule.kind != PartKind::Counter || fraction.rule.kind != PartKind::Counter {
        return None;
    }
    let (whole, part) = (frame.rule.columns[0], fraction.rule.columns[0]);
    let (numbers, fractions) = (&table.columns[whole], &table.columns[part]);
    if table.pieces[part] != b"." || !numbers.varies() || !fractions.varies() {
        return None;
    }
    let width = fractions.width()?;
    let steps = stamp::steps_of_a_frame(&fraction.values, width)?;
    let values = frame.values.iter().zip(&fraction.values);
    let values = values.map(|(frame, fraction)| sub_frame(*frame, Number { value: *fraction, width }));
    let values = values.collect::<Option<Vec<i64>>>()?;
    let kind = PartKind::SubFrame { width, steps };
    Some(Part { rule: PartRule { columns: vec![whole, part], kind, clock: None, firm: false }, values })
}

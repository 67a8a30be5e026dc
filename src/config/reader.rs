//! Tables of a TOML text, read key by key.
//!
//! Owns the step from TOML's own values to typed ones. A value that does not fit is noted as a mistake at its place and
//! read as if it were not there, so that one reading finds every mistake. Numbers with a point are taken as written: a
//! rate never passes through floating point.

use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Complaint, Mistakes};
use super::units::{UnitError, nearest, printable};

/// A table of the text, and the keys that were not asked for yet.
pub(super) struct Reader<'t, 'm> {
    /// How messages call it, such as `[encoder]`.
    title: String,
    /// Where it stands.
    pub(super) span: Range<usize>,
    table: DeTable<'t>,
    pub(super) mistakes: &'m mut Mistakes,
}

impl<'t, 'm> Reader<'t, 'm> {
    pub(super) fn new(title: String, table: Spanned<DeTable<'t>>, mistakes: &'m mut Mistakes) -> Self {
        Self { title, span: table.span(), table: table.into_inner(), mistakes }
    }

    /// Whether the key stands there and was not asked for yet.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A text.
    pub(super) fn text(&mut self, key: &str) -> Option<Spanned<String>> {
        self.read(key, |value| text_of(value).map(str::to_owned))
    }

    /// A path, as written.
    pub(super) fn path(&mut self, key: &str) -> Option<Spanned<PathBuf>> {
        self.read(key, |value| match text_of(value)? {
            "" => Err(Complaint::new("the path is empty", "name a file or folder, or leave the key out")),
            text if text.contains('\0') => Err(Complaint::new("a path has no zero bytes", "leave the zero byte out")),
            text => Ok(PathBuf::from(text)),
        })
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &str) -> Option<Spanned<bool>> {
        self.read(key, |value| {
            value.as_bool().ok_or_else(|| wrong_type(value, "true or false", "write it without quotes"))
        })
    }

    /// `true` or `false`, or a text that stands for something between them. `parse` gets the two as texts.
    pub(super) fn flag_or_name<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, UnitError>,
    ) -> Option<Spanned<T>> {
        self.read(key, |value| match value {
            DeValue::Boolean(true) => Ok(parse("true")?),
            DeValue::Boolean(false) => Ok(parse("false")?),
            DeValue::String(text) => Ok(parse(text)?),
            other => Err(wrong_type(
                other,
                "true, false or a text",
                "true and false stand without quotes, a text in double quotes",
            )),
        })
    }

    /// A whole number from `MIN` to `MAX`.
    pub(super) fn whole<const MIN: i64, const MAX: i64>(&mut self, key: &str) -> Option<Spanned<i64>> {
        self.read(key, |value| {
            let number = value
                .as_integer()
                .ok_or_else(|| wrong_type(value, "a whole number", "write it without quotes and without a point"))?;
            let allowed = match (MIN, MAX) {
                (_, i64::MAX) => format!("allowed: {MIN} and more"),
                _ => format!("allowed: {MIN} to {MAX}"),
            };
            i64::from_str_radix(number.as_str(), number.radix())
                .ok()
                .filter(|number| (MIN..=MAX).contains(number))
                .ok_or_else(|| Complaint::new(format!("{number} is out of range"), allowed))
        })
    }

    /// A text that stands for a value.
    pub(super) fn parsed<T, E: Into<Complaint>>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Spanned<T>> {
        self.read(key, |value| {
            // What `45` lacks as a duration is its unit, and then its quotes.
            if let DeValue::Integer(number) = value {
                parse(number.as_str()).map_err(Into::into)?;
            }
            parse(text_of(value)?).map_err(Into::into)
        })
    }

    /// A number, or a text that stands for one.
    pub(super) fn number<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, UnitError>) -> Option<Spanned<T>> {
        self.read(key, |value| match value {
            // In another base the digits would mean another number.
            DeValue::Integer(number) if number.radix() != 10 => {
                Err(Complaint::new(format!("{number} is not a decimal number"), "write it with the digits 0 to 9"))
            }
            DeValue::Integer(number) => Ok(parse(number.as_str().trim_start_matches('+'))?),
            DeValue::Float(number) => Ok(parse(number.as_str().trim_start_matches('+'))?),
            DeValue::String(text) => Ok(parse(text)?),
            other => Err(wrong_type(other, "a number or a text", "a decimal number, or a text in double quotes")),
        })
    }

    /// An array of texts, each of which stands for a value.
    pub(super) fn list<T, E: Into<Complaint>>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Spanned<Vec<Spanned<T>>>> {
        let value = self.table.remove(key)?;
        let span = value.span();
        let DeValue::Array(items) = value.into_inner() else {
            let hint = format!("one in brackets is an array too: {key} = [\"...\"]");
            self.mistakes.add(span, Complaint::new("expected an array of texts", hint).about(key));
            return None;
        };
        let mut list = Vec::new();
        for item in items {
            let parsed = text_of(item.get_ref()).and_then(|text| parse(text).map_err(Into::into));
            match parsed {
                Ok(value) => list.push(Spanned::new(item.span(), value)),
                Err(complaint) => self.mistakes.add(item.span(), complaint.about(key)),
            }
        }
        Some(Spanned::new(span, list))
    }

    /// A table below this one: `[key]`.
    pub(super) fn table(&mut self, key: &str) -> Option<Reader<'t, '_>> {
        let value = self.table.remove(key)?;
        self.open(format!("[{key}]"), key, value)
    }

    /// The tables of `[key.NAME]`, with their names.
    pub(super) fn named_tables(&mut self, key: &str, mut each: impl FnMut(Spanned<&str>, Reader<'t, '_>)) {
        let Some(Reader { table, .. }) = self.table(key) else { return };
        for (name, value) in table {
            let title = format!("[{key}.{}]", printable(name.get_ref()));
            if let Some(reader) = self.open(title, name.get_ref(), value) {
                each(Spanned::new(name.span(), name.get_ref()), reader);
            }
        }
    }

    /// The tables of `[[key]]`.
    pub(super) fn tables(&mut self, key: &str, mut each: impl FnMut(Reader<'t, '_>)) {
        let Some(value) = self.table.remove(key) else { return };
        let span = value.span();
        let DeValue::Array(items) = value.into_inner() else {
            let hint = format!("there can be several, so the brackets are doubled: [[{key}]]");
            self.mistakes.add(span, Complaint::new(format!("`{key}` is not written as `[[{key}]]`"), hint));
            return;
        };
        for item in items {
            if let Some(reader) = self.open(format!("[[{key}]]"), key, item) {
                each(reader);
            }
        }
    }

    /// The same, but for those of `noted`, of which somebody said what is wrong with them.
    pub(super) fn finish_but(mut self, noted: &[&str], sections: &[(&str, &[&str])]) {
        for key in noted {
            self.table.remove(*key);
        }
        self.finish(sections);
    }

    /// Notes every key that nothing asked for. `sections` has the keys of all tables, this one's among them.
    pub(super) fn finish(self, sections: &[(&str, &[&str])]) {
        let known = sections.iter().find(|(title, _)| *title == self.title).map_or(&[][..], |(_, keys)| *keys);
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            let elsewhere = sections.iter().find(|(title, keys)| *title != self.title && keys.contains(&name));
            let advice = match (nearest(name, known), elsewhere) {
                (_, Some(("", _))) => format!("`{name}` stands at the top of the file, before the first `[table]`; "),
                (_, Some((title, _))) => format!("`{name}` belongs in `{title}`; "),
                (Some(nearest), None) => format!("did you mean `{nearest}`? "),
                (None, None) => String::new(),
            };
            let place = if self.title.is_empty() {
                "at the top of the file".to_owned()
            } else {
                format!("in `{}`", self.title)
            };
            let message = format!("unknown key `{}` {place}", printable(name));
            self.mistakes.add(key.span(), Complaint::new(message, format!("{advice}allowed: {}", known.join(", "))));
        }
    }

    fn read<T>(&mut self, key: &str, parse: impl FnOnce(&DeValue<'t>) -> Result<T, Complaint>) -> Option<Spanned<T>> {
        let value = self.table.remove(key)?;
        match parse(value.get_ref()) {
            Ok(parsed) => Some(Spanned::new(value.span(), parsed)),
            Err(complaint) => {
                self.mistakes.add(value.span(), complaint.about(key));
                None
            }
        }
    }

    fn open(&mut self, title: String, key: &str, value: Spanned<DeValue<'t>>) -> Option<Reader<'t, '_>> {
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(table) => Some(Reader { title, span, table, mistakes: self.mistakes }),
            other => {
                self.mistakes.add(
                    span,
                    wrong_type(&other, "a table", "its keys stand below its name in brackets").about(&printable(key)),
                );
                None
            }
        }
    }
}

fn text_of<'v>(value: &'v DeValue<'_>) -> Result<&'v str, Complaint> {
    value.as_str().ok_or_else(|| wrong_type(value, "a text", "put it in double quotes"))
}

fn wrong_type(found: &DeValue<'_>, expected: &str, hint: &str) -> Complaint {
    let found = match found {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    };
    Complaint::new(format!("expected {expected}, found {found}"), hint)
}

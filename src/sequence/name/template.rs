//! Patterns as renderers write them: `shot.####.png`, `shot.%04d.png`, `shot.$F4.png`.

use bstr::BString;

use crate::sequence::Padding;
use crate::sequence::name::{PatternError, Reading, STAMP_DIGITS, may_be_frame, sign_may_follow};

/// Literal bytes around one number.
#[derive(Debug, Clone)]
pub(super) struct Template {
    prefix: BString,
    suffix: BString,
    padding: Padding,
}

impl Template {
    pub(super) fn parse(pattern: &str) -> Result<Self, PatternError> {
        let owned = || pattern.to_owned();
        if pattern.contains('/') {
            return Err(PatternError::Slash { pattern: owned() });
        }
        let (prefix, width, suffix) = match printf_or_houdini(pattern)? {
            Some(parts) => parts,
            None => hashes(pattern).ok_or_else(|| PatternError::NoNumber { pattern: owned() })?,
        };
        let wrong_width = || PatternError::Width { pattern: owned(), width: width.to_string() };
        let padding = match u8::try_from(width).ok().filter(|width| usize::from(*width) <= STAMP_DIGITS) {
            Some(0) | None => return Err(wrong_width()),
            Some(1) => Padding::None,
            Some(width) => Padding::Width(width),
        };
        if !may_be_frame(format!("{prefix}1{suffix}").as_bytes()) {
            return Err(PatternError::NotAnImage { pattern: owned() });
        }
        Ok(Self { prefix: prefix.into(), suffix: suffix.into(), padding })
    }

    pub(super) fn read<'n>(&self, name: &'n [u8]) -> Option<Reading<'n>> {
        let rest = name.strip_prefix(self.prefix.as_slice())?;
        let number = rest.strip_suffix(self.suffix.as_slice())?;
        if number.starts_with(b"-") && !sign_may_follow(&self.prefix) {
            return None;
        }
        let reading = Reading::of_digits(name, self.prefix.len(), self.prefix.len() + number.len())?;
        let fits = reading.prefix == self.prefix
            && match self.padding {
                Padding::None => !reading.digits.padded,
                Padding::Width(width) if reading.digits.padded => reading.digits.width == width,
                Padding::Width(width) => reading.digits.width >= width,
            };
        fits.then_some(Reading { fixed: Some(self.padding), ..reading })
    }
}

/// The last run of `#`; earlier ones are literal, as Blender's output path has it.
fn hashes(pattern: &str) -> Option<(String, usize, String)> {
    let end = pattern.rfind('#')? + 1;
    let start = pattern[..end].trim_end_matches('#').len();
    Some((pattern[..start].into(), end - start, pattern[end..].into()))
}

/// `%d`, `%04d`, `$F`, `$F4`, with `%%` for a percent sign; `None` where there is no such token.
fn printf_or_houdini(pattern: &str) -> Result<Option<(String, usize, String)>, PatternError> {
    let mut parts = vec![String::new()];
    let mut width = 0;
    let mut rest = pattern;
    while let Some(at) = rest.find(['%', '$']) {
        let (literal, token) = rest.split_at(at);
        let text = parts.last_mut().expect("one part from the start");
        text.push_str(literal);
        if let Some(after) = token.strip_prefix("%%") {
            text.push('%');
            rest = after;
        } else if let Some((asked, after)) = number_token(token) {
            width = asked.parse().map_err(|_| PatternError::Width { pattern: pattern.into(), width: asked.into() })?;
            parts.push(String::new());
            rest = after;
        } else {
            text.push_str(&token[..1]);
            rest = &token[1..];
        }
    }
    parts.last_mut().expect("one part from the start").push_str(rest);
    match <[String; 2]>::try_from(parts) {
        Ok([prefix, suffix]) => Ok(Some((prefix, width, suffix))),
        Err(parts) if parts.len() == 1 => Ok(None),
        Err(_) => Err(PatternError::NoNumber { pattern: pattern.into() }),
    }
}

/// The width as text and what follows, if `token` starts with a token for the number.
fn number_token(token: &str) -> Option<(&str, &str)> {
    if let Some(after) = token.strip_prefix("%d") {
        return Some(("1", after));
    }
    if let Some(after) = token.strip_prefix("%0") {
        let end = after.find(|c: char| !c.is_ascii_digit())?;
        return after[end..].strip_prefix('d').filter(|_| end > 0).map(|rest| (&after[..end], rest));
    }
    let after = token.strip_prefix("$F")?;
    let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    Some(if end == 0 { ("1", after) } else { after.split_at(end) })
}

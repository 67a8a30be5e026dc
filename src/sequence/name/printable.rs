//! Names of files as people see them: in the log, on a terminal, in the status of the service.

use std::borrow::Cow;

/// `text` on one line: each control character as its escape. A file name may hold a line break, which would begin a line that
/// nobody wrote, or an escape sequence, which a terminal obeys.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        let shown = |c: char| if c.is_control() { c.escape_default().collect() } else { String::from(c) };
        Cow::Owned(text.chars().map(shown).collect())
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_nothing_else() {
        assert_eq!(printable("a\u{1b}[31m\nb\t\u{9b}\u{7f}.png"), "a\\u{1b}[31m\\nb\\t\\u{9b}\\u{7f}.png");
        assert!(matches!(printable("Größe 'a\\b' \u{1F3AC} #.png"), Cow::Borrowed(_)));
    }
}

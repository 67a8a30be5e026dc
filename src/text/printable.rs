//! Names of files as people see them: in the log, on a terminal, in the status of the service.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// A name or a path for people, on one line: every byte and character that is not simply shown as its escape. The data that
/// programs read (JSON, paths on a pipe) are never this.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a>(&'a [u8]);

/// What has a [`Shown`] form. Takes the place of `Path::display`, which hands a terminal whatever a name holds.
pub trait Show {
    /// As people see it.
    fn shown(&self) -> Shown<'_>;
}

impl Show for Path {
    fn shown(&self) -> Shown<'_> {
        Shown(self.as_os_str().as_bytes())
    }
}

impl Show for OsStr {
    fn shown(&self) -> Shown<'_> {
        Shown(self.as_bytes())
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.utf8_chunks() {
            f.write_str(&printable(part.valid()))?;
            part.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        Ok(())
    }
}

/// `text` on one line: each character that gives orders as its escape. A file name may hold a line break, which would begin
/// a line that nobody wrote, an escape sequence, which a terminal obeys, or a change of direction, by which `gnp.exe` is
/// read as `exe.png`.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(gives_orders) {
        Cow::Owned(text.chars().fold(String::with_capacity(text.len() + 8), |mut shown, c| {
            if gives_orders(c) {
                shown.extend(c.escape_default());
            } else {
                shown.push(c);
            }
            shown
        }))
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a terminal or a log does something with `c` other than to show it: control characters, separators of lines and
/// paragraphs, the controls of writing direction (UAX 9), and marks that nobody sees (the byte order mark, tags).
#[must_use]
pub fn gives_orders(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(c, '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn characters_that_give_orders_are_escaped_and_nothing_else() {
        assert_eq!(printable("a\u{1b}[31m\nb\t\u{9b}\u{7f}.png"), "a\\u{1b}[31m\\nb\\t\\u{9b}\\u{7f}.png");
        assert_eq!(printable("a\u{202e}gnp.exe\u{2029}"), "a\\u{202e}gnp.exe\\u{2029}");
        for plain in ["Größe 'a\\b' \u{1F3AC} #.png", "नमस्ते", "👩‍🚀", "日本語", "سلام"] {
            assert!(matches!(printable(plain), Cow::Borrowed(_)), "{plain}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_what_they_are() {
        let name = OsString::from_vec(b"a\xff\xfe\x1b_0001.png".to_vec());
        assert_eq!(name.shown().to_string(), "a\\xff\\xfe\\u{1b}_0001.png");
        assert_eq!(Path::new("/srv/a b.png").shown().to_string(), "/srv/a b.png");
    }

    proptest! {
        #[test]
        fn whatever_a_name_is_it_gives_no_orders(name in prop::collection::vec(any::<u8>(), 0..60)) {
            let shown = OsString::from_vec(name).shown().to_string();
            prop_assert!(!shown.contains(gives_orders));
        }
    }
}

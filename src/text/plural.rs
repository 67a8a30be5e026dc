//! Numbers of things, as people say them.

/// `1 frame`, `240 frames`: `one` is the word for one, `many` that for any other number.
#[must_use]
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", agree(count, one, many))
}

/// The word for this number of things.
#[must_use]
pub fn agree<'w>(count: u64, one: &'w str, many: &'w str) -> &'w str {
    if count == 1 { one } else { many }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        assert_eq!(counted(0, "frame", "frames"), "0 frames");
        assert_eq!(counted(1, "frame", "frames"), "1 frame");
        assert_eq!(format!("2 of them {}", agree(2, "stays", "stay")), "2 of them stay");
    }
}

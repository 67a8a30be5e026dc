//! Durations: `45s`, `10m`, `1h30m`, `250ms`, `2d`.

use std::time::Duration;

use super::UnitError;

const FORM: &str = "a duration is whole numbers with units, largest first, such as \"45s\", \"10m\", \"1h30m\", \
                    \"250ms\", \"2d\"";
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// The longest there is: ten years, far from where adding it to a clock could overflow.
const LONGEST_MS: u64 = 3650 * 86_400_000;

/// Reads a duration of up to 3650 days: whole numbers, each with one of the units d, h, m, s, ms, largest first.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let malformed = || UnitError::malformed(text, "a duration", FORM);
    let mut rest = text.trim();
    let mut units = UNITS.iter();
    let mut total: u64 = 0;
    if rest.is_empty() {
        return Err(malformed());
    }
    while !rest.is_empty() {
        let (digits, behind) = rest.split_at(length_of(rest, |c| c.is_ascii_digit()));
        let (unit, behind) = behind.split_at(length_of(behind, |c| c.is_ascii_alphabetic()));
        // The iterator goes on from the unit before, so that units stand in order and at most once.
        let (_, ms) = units.find(|(name, _)| *name == unit).ok_or_else(malformed)?;
        if digits.is_empty() {
            return Err(malformed());
        }
        let amount = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(*ms));
        total = amount
            .and_then(|amount| total.checked_add(amount))
            .filter(|total| *total <= LONGEST_MS)
            .ok_or_else(|| UnitError::OutOfRange { text: text.to_owned(), what: "a duration", range: "up to 3650d" })?;
        rest = behind;
    }
    Ok(Duration::from_millis(total))
}

/// A duration of a second to a day: how long a video lasts.
pub fn parse_length(text: &str) -> Result<Duration, UnitError> {
    match parse_duration(text) {
        Ok(length) if (1..=86_400).contains(&length.as_secs()) => Ok(length),
        Ok(_) | Err(UnitError::OutOfRange { .. }) => {
            Err(UnitError::OutOfRange { text: text.to_owned(), what: "the length of a video", range: "1s to 1d" })
        }
        Err(error) => Err(error),
    }
}

/// A duration of an hour at most: how long a frame stands still.
pub fn parse_pause(text: &str) -> Result<Duration, UnitError> {
    match parse_duration(text) {
        Ok(pause) if pause <= Duration::from_secs(3600) => Ok(pause),
        Ok(_) | Err(UnitError::OutOfRange { .. }) => {
            Err(UnitError::OutOfRange { text: text.to_owned(), what: "a pause", range: "0s to 1h" })
        }
        Err(error) => Err(error),
    }
}

/// Prints a duration as [`parse_duration`] reads it, to the millisecond.
#[must_use]
pub fn print_duration(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    let mut parts = Vec::new();
    for (name, ms) in UNITS {
        let amount = rest / u128::from(ms);
        rest %= u128::from(ms);
        if amount > 0 {
            parts.push(format!("{amount}{name}"));
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.concat() }
}

fn length_of(text: &str, wanted: impl Fn(char) -> bool) -> usize {
    text.find(|c| !wanted(c)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::Explain as _;

    #[test]
    fn durations_are_read() {
        for (text, ms) in [
            ("0s", 0),
            ("45s", 45_000),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("1m5ms", 60_005),
            ("2d", 172_800_000),
            ("3650d", LONGEST_MS),
            (" 6h ", 21_600_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", " ", "45", "s", "1.5s", "-1s", "10 m", "10min", "30m1h", "1s1s", "1H", "1s5", "\u{661}s"] {
            assert!(matches!(parse_duration(text), Err(UnitError::Malformed { .. })), "{text}");
        }
        for text in ["3651d", "3650d1ms", "99999999999999999999s", "18446744073709551615d"] {
            assert!(matches!(parse_duration(text), Err(UnitError::OutOfRange { .. })), "{text}");
        }
    }

    proptest! {
        #[test]
        fn durations_survive_printing(ms in 0..=LONGEST_MS) {
            let duration = Duration::from_millis(ms);
            prop_assert_eq!(parse_duration(&print_duration(duration)), Ok(duration));
        }

        #[test]
        fn any_text_is_answered(text in "\\PC*|[0-9dhms ]{0,24}") {
            let _ = parse_duration(&text).map_err(|error| (error.to_string(), error.hint()));
        }
    }
}

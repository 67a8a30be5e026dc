//! Qualities and colours.

use std::fmt;
use std::str::FromStr;

use super::{Named as _, UnitError};
use crate::config::{NamedQuality, Quality};
use crate::frame::{Exposure, Layer};
use crate::model::decimal::Decimal;

/// A whole number from 0 (best) to 63, or one of Blender's names in any case.
impl FromStr for Quality {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let trimmed = text.trim();
        if !trimmed.is_empty() && trimmed.bytes().all(|b| b.is_ascii_digit()) {
            let crf = trimmed.parse().ok().filter(|crf| *crf <= 63);
            return crf.map(Self::Crf).ok_or_else(|| UnitError::OutOfRange {
                text: text.to_owned(),
                what: "a quality",
                range: "0 (best) to 63",
            });
        }
        trimmed.to_ascii_uppercase().parse().map(Self::Named).map_err(|_| UnitError::Unknown {
            text: text.to_owned(),
            what: "quality",
            known: ["0 to 63"].into_iter().chain(NamedQuality::names()).collect(),
        })
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crf(number) => number.fmt(f),
            Self::Named(name) => name.fmt(f),
        }
    }
}

/// Reads `#rrggbb` as red, green, blue.
pub fn parse_colour(text: &str) -> Result<[u8; 3], UnitError> {
    let malformed = || {
        UnitError::malformed(text, "a colour", "a colour is `#rrggbb` in hexadecimal, such as \"#000000\" for black")
    };
    let digits = text.trim().strip_prefix('#').ok_or_else(malformed)?;
    if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(malformed());
    }
    let [_, red, green, blue] = u32::from_str_radix(digits, 16).map_err(|_| malformed())?.to_be_bytes();
    Ok([red, green, blue])
}

/// Reads stops: `1`, `-0.5`, `+1.333`.
pub fn parse_exposure(text: &str) -> Result<Exposure, UnitError> {
    const WHAT: &str = "an exposure";
    let malformed =
        || UnitError::malformed(text, WHAT, "a number of stops with at most three decimals, such as 1 or -0.5");
    let trimmed = text.trim();
    let (sign, number) = match trimmed.strip_prefix('-') {
        Some(number) => (-1, number),
        None => (1, trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    let decimal = Decimal::parse(number).filter(|decimal| decimal.places <= 3).ok_or_else(malformed)?;
    let thousandths = i32::try_from(decimal.digits * 1000 / decimal.scale()).unwrap_or(i32::MAX);
    let out_of_range = |_| UnitError::OutOfRange { text: text.to_owned(), what: WHAT, range: "-20 to 20 stops" };
    Exposure::try_from(sign * thousandths).map_err(out_of_range)
}

/// Reads the name of a layer.
pub fn parse_layer(text: &str) -> Result<Layer, UnitError> {
    let form = "the name of a layer, a part or a channel of an EXR, such as \"ViewLayer.Combined\"";
    text.parse().map_err(|_| UnitError::malformed(text, "a layer", form))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::Explain as _;

    #[test]
    fn an_exposure_is_a_number_of_stops() {
        for (text, printed) in
            [("1", "1"), ("-0.5", "-0.5"), ("+1.333", "1.333"), ("0", "0"), ("-20", "-20"), ("1.050", "1.05")]
        {
            assert_eq!(parse_exposure(text).unwrap().to_string(), printed);
        }
        for text in ["", "one", "1.2345", "20.001", "-21", "--1", "1e3", "999999999"] {
            assert!(parse_exposure(text).is_err(), "{text}");
        }
    }

    #[test]
    fn qualities_are_numbers_or_names() {
        assert_eq!("18".parse(), Ok(Quality::Crf(18)));
        assert_eq!("0".parse(), Ok(Quality::Crf(0)));
        assert_eq!("perc_lossless".parse(), Ok(Quality::Named(NamedQuality::PercLossless)));
        for text in ["64", "256", "99999999999"] {
            assert!(matches!(text.parse::<Quality>(), Err(UnitError::OutOfRange { .. })), "{text}");
        }
        for text in ["", "-1", "18.5", "best", "NONE"] {
            assert!(matches!(text.parse::<Quality>(), Err(UnitError::Unknown { .. })), "{text}");
        }
        let error = "very_low".parse::<Quality>().unwrap_err();
        insta::assert_snapshot!(format!("{error}\nhint: {}", error.hint().unwrap()), @r#"
        unknown quality `very_low`
        hint: did you mean `VERYLOW`? allowed: 0 to 63, LOSSLESS, PERC_LOSSLESS, HIGH, MEDIUM, LOW, VERYLOW, LOWEST
        "#);
    }

    #[test]
    fn colours_have_six_digits() {
        assert_eq!(parse_colour("#ff8000"), Ok([255, 128, 0]));
        assert_eq!(parse_colour("#FFFFFF"), Ok([255, 255, 255]));
        for text in ["", "#", "ff8000", "#ff800", "#ff80000", "#gg8000", "black", "#+f8000", "#ää"] {
            assert!(parse_colour(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn qualities_survive_printing(number in 0u8..=63, name in 0usize..7) {
            let named = Quality::Named(NamedQuality::NAMES[name].1);
            for quality in [Quality::Crf(number), named] {
                prop_assert_eq!(quality.to_string().parse(), Ok(quality));
            }
        }

        #[test]
        fn colours_survive_printing(colour: [u8; 3]) {
            let [red, green, blue] = colour;
            prop_assert_eq!(parse_colour(&format!("#{red:02x}{green:02x}{blue:02x}")), Ok(colour));
        }

        #[test]
        fn any_text_is_answered(text in "\\PC*|#\\PC{6}") {
            let _ = text.parse::<Quality>().map_err(|error| (error.to_string(), error.hint()));
            let _ = parse_colour(&text).map_err(|error| (error.to_string(), error.hint()));
        }
    }
}

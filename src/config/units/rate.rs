//! Frame rates and the factor on them: exact fractions.

use std::fmt;
use std::str::FromStr;

use super::UnitError;
use crate::model::decimal::Decimal;
use crate::model::rate::greatest_common_divisor;
use crate::model::{FrameRate, NoRate};

const WHAT: &str = "a frame rate";
const FORM: &str = "a frame rate is a number such as 24 or 23.976, or a fraction such as \"24000/1001\"";
const RANGE: &str = "0.001 to 1000 frames per second";

impl FrameRate {
    /// This rate times `factor`, exactly. The product of an allowed rate and an allowed factor is allowed, even where it
    /// would not be as a rate by itself, unless its fraction is too fine.
    pub fn scaled(self, factor: Factor) -> Result<Self, UnitError> {
        let num = u128::from(self.num.get()) * u128::from(factor.0.digits);
        let den = u128::from(self.den.get()) * u128::from(factor.0.scale());
        let divisor = greatest_common_divisor(num, den);
        let part = |value: u128| u64::try_from(value / divisor).ok();
        part(num).zip(part(den)).and_then(|(num, den)| Self::new(num, den)).ok_or_else(|| UnitError::OutOfRange {
            text: format!("{self} x {factor}"),
            what: WHAT,
            range: "fractions of numbers up to 2147483647; use fewer decimals",
        })
    }
}

/// As [`FrameRate::read`] reads it.
impl FromStr for FrameRate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        Self::read(text).map_err(|why| match why {
            NoRate::Malformed => UnitError::malformed(text, WHAT, FORM),
            NoRate::OutOfRange => UnitError::OutOfRange { text: text.to_owned(), what: WHAT, range: RANGE },
        })
    }
}

/// What `framerate` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framerate {
    /// What the maker of the frames says, else 24.
    Auto,
    /// This.
    Stated(FrameRate),
}

impl FromStr for Framerate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        if text == "auto" { Ok(Self::Auto) } else { text.parse().map(Self::Stated) }
    }
}

/// What a frame rate is multiplied by: an exact decimal from 0.01 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Factor(Decimal);

/// 1.
impl Default for Factor {
    fn default() -> Self {
        Self(Decimal { digits: 1, places: 0 })
    }
}

impl FromStr for Factor {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        const WHAT: &str = "a factor";
        let decimal = Decimal::parse(text.trim())
            .ok_or_else(|| UnitError::malformed(text, WHAT, "a factor is a number such as 0.5 or 2"))?;
        if decimal.digits * 100 < decimal.scale() || decimal.digits > decimal.scale() * 100 {
            return Err(UnitError::OutOfRange { text: text.to_owned(), what: WHAT, range: "0.01 to 100" });
        }
        Ok(Self(decimal))
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::Explain as _;

    fn rate(text: &str) -> String {
        text.parse::<FrameRate>().unwrap().to_string()
    }

    #[test]
    fn ntsc_decimals_mean_their_fraction() {
        for text in ["23.976", "23.98", "23.9760", "23.976024", "23.976023976", "24000/1001", "48000/2002"] {
            assert_eq!(rate(text), "24000/1001", "{text}");
        }
        assert_eq!(rate("29.97"), "30000/1001");
        assert_eq!(rate("47.952"), "48000/1001");
        assert_eq!(rate("59.94"), "60000/1001");
        assert_eq!(rate("119.88"), "120000/1001");
        assert_eq!(rate("239.76"), "240000/1001");
        assert_eq!(rate("14.985"), "15000/1001");
        assert_eq!(rate("11.988"), "12000/1001");
    }

    /// By libraries for videos, Python and JavaScript, which print every digit of a 64-bit number, and others that print some.
    #[test]
    fn what_programs_print_means_the_fraction() {
        for (printed, meant) in [
            ("23.976023976023978", "24000/1001"),
            ("23.976023976023976", "24000/1001"),
            ("29.97002997002997", "30000/1001"),
            ("29.97002997", "30000/1001"),
            ("59.94005994005994", "60000/1001"),
            ("59.94006", "60000/1001"),
            ("59.940060", "60000/1001"),
            ("14.985014985014985", "15000/1001"),
            ("119.88011988011988", "120000/1001"),
            ("16.666666666666668", "50/3"),
            ("29.999999999999996", "30"),
            ("12.000000000000002", "12"),
            ("0.016666666666666666", "1/60"),
            ("24.000", "24"),
            ("30/1", "30"),
            ("2997/100", "2997/100"),
        ] {
            assert_eq!(rate(printed), meant, "{printed}");
        }
        for text in ["0.000000000000001", "1000.0000100000001", "99999999999.0000000000001"] {
            assert!(text.parse::<FrameRate>().is_err(), "{text}");
        }
    }

    #[test]
    fn other_decimals_are_exact() {
        assert_eq!(rate("24"), "24");
        assert_eq!(rate("24.0"), "24");
        assert_eq!(rate("12.5"), "25/2");
        assert_eq!(rate("23.9"), "239/10");
        assert_eq!(rate("23.97"), "2397/100");
        assert_eq!(rate("0.001"), "1/1000");
        assert_eq!(rate("1000"), "1000");
        assert_eq!(rate(" 30 / 1 "), "30");
    }

    #[test]
    fn impossible_rates_are_refused() {
        for text in ["0", "0.0009", "1000.1", "1001/1", "999999999/1000"] {
            assert!(matches!(text.parse::<FrameRate>(), Err(UnitError::OutOfRange { .. })), "{text}");
        }
        for text in
            ["", "fast", "-24", "+24", "24fps", "1e3", "24/0", "0/24", "24/", "/1", "1/2/3", ".5", "5.", "24,5", "nan"]
        {
            assert!(matches!(text.parse::<FrameRate>(), Err(UnitError::Malformed { .. })), "{text}");
        }
    }

    #[test]
    fn a_factor_scales_exactly() {
        let scaled = |rate: &str, factor: &str| {
            rate.parse::<FrameRate>().unwrap().scaled(factor.parse().unwrap()).map(|rate| rate.to_string())
        };
        assert_eq!(scaled("24", "1.5").unwrap(), "36");
        assert_eq!(scaled("24", "0.7").unwrap(), "84/5");
        assert_eq!(scaled("23.976", "2").unwrap(), "48000/1001");
        assert_eq!(scaled("30", "1").unwrap(), "30");
        assert_eq!(scaled("1000", "100").unwrap(), "100000");
        assert_eq!(scaled("0.001", "0.01").unwrap(), "1/100000");
        let error = scaled("23.9761", "1.234567").unwrap_err();
        assert_eq!(error.to_string(), "`239761/10000 x 1.234567` is out of range for a frame rate");
    }

    #[test]
    fn factors_have_bounds() {
        assert_eq!("0.010".parse::<Factor>().unwrap().to_string(), "0.01");
        assert_eq!("100".parse::<Factor>().unwrap().to_string(), "100");
        assert_eq!("1.050".parse::<Factor>().unwrap().to_string(), "1.05");
        for text in ["0.0099", "100.01", "0", "-1", "1/2", ""] {
            assert!(text.parse::<Factor>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn rates_survive_printing(num in 1u64..=i32::MAX as u64, den in 1u64..=i32::MAX as u64) {
            if let Some(rate) = FrameRate::new(num, den) {
                prop_assert_eq!(u64::from(rate.num.get()) * den, num * u64::from(rate.den.get()));
                // The text form has at most nine digits a part, and stands for a rate that may be asked for.
                let written = num < 1_000_000_000 && den < 1_000_000_000;
                if written && num >= den.div_ceil(1000) && num <= den * 1000 {
                    prop_assert_eq!(rate.to_string().parse::<FrameRate>(), Ok(rate));
                }
            }
        }

        #[test]
        fn factors_survive_printing(hundredths in 1u64..=10_000, finer in 0u64..1000) {
            let text = format!("{}.{:02}{finer:03}", hundredths / 100, hundredths % 100);
            if let Ok(factor) = text.parse::<Factor>() {
                prop_assert_eq!(factor.to_string().parse::<Factor>(), Ok(factor));
            }
        }

        #[test]
        fn a_factor_and_its_inverse_cancel(rate in 1u64..1000, places in 0u32..=2) {
            let rate = FrameRate::new(rate, 1).unwrap();
            let up = Factor(Decimal { digits: 10u64.pow(places), places: 0 });
            let down = Factor(Decimal { digits: 1, places });
            if let Ok(scaled) = rate.scaled(down) {
                prop_assert_eq!(scaled.scaled(up), Ok(rate));
            }
        }

        #[test]
        fn any_text_is_answered(text in "\\PC*|[0-9./ +-]{0,24}") {
            let _ = text.parse::<FrameRate>().map_err(|error| (error.to_string(), error.hint()));
            let _ = text.parse::<Factor>().map_err(|error| (error.to_string(), error.hint()));
        }
    }
}

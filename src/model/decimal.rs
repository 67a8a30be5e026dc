//! Decimal numbers, exactly as written.
//!
//! Owns reading and printing them, without floating point.

/// `digits` / 10^`places`, without trailing zeros after the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Decimal {
    pub(crate) digits: u64,
    pub(crate) places: u32,
}

impl Decimal {
    /// `24`, `23.976`, `0.5`: at most nine digits before and nine after the point, no sign, no exponent.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) {
            return None;
        }
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        if whole.len() > 9 || fraction.len() > 9 {
            return None;
        }
        let digits = format!("0{whole}{fraction}").parse().ok()?;
        Some(Self { digits, places: u32::try_from(fraction.len()).ok()? })
    }

    /// 10^`places`.
    pub(crate) fn scale(self) -> u64 {
        10u64.pow(self.places)
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.digits / self.scale())?;
        if self.places > 0 {
            write!(f, ".{:0width$}", self.digits % self.scale(), width = self.places as usize)?;
        }
        Ok(())
    }
}

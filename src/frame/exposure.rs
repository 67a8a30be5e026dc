//! How much brighter or darker linear light is shown.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Stops, each of which doubles the light, in thousandths: -20 to 20.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "i32", into = "i32")]
pub struct Exposure(i32);

/// What is beyond the range of an [`Exposure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an exposure is from -20 to 20 stops")]
pub struct ExposureError;

impl Exposure {
    /// Light as it is.
    pub const NONE: Self = Self(0);

    /// The most thousandths of a stop in either direction.
    const MOST: i32 = 20_000;

    /// What linear light is multiplied with.
    pub(in crate::frame) fn factor(self) -> f32 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "from a millionth to a million, rounded to a float's precision"
        )]
        let factor = (f64::from(self.0) / 1000.0).exp2() as f32;
        factor
    }
}

impl TryFrom<i32> for Exposure {
    type Error = ExposureError;

    /// Of thousandths of a stop.
    fn try_from(thousandths: i32) -> Result<Self, ExposureError> {
        (-Self::MOST..=Self::MOST).contains(&thousandths).then_some(Self(thousandths)).ok_or(ExposureError)
    }
}

impl From<Exposure> for i32 {
    fn from(exposure: Exposure) -> Self {
        exposure.0
    }
}

/// `-1.5`
impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, rest) = (self.0.abs() / 1000, self.0.abs() % 1000);
        let rest = format!("{rest:03}");
        let rest = rest.trim_end_matches('0');
        let point = if rest.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{rest}")
    }
}

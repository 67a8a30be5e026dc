//! The name of a layer of an EXR that a user asks for.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A layer or part by its name, or a single channel: `ViewLayer.Combined`, `rgba`, `depth.Z`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Layer(Arc<str>);

/// The longest name that OpenEXR knows, in bytes.
const LONGEST: usize = 255;

/// Why a text is no name of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of a layer has 1 to {LONGEST} bytes, and no control characters")]
pub struct LayerError;

impl Layer {
    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Layer {
    type Err = LayerError;

    fn from_str(text: &str) -> Result<Self, LayerError> {
        let fits = (1..=LONGEST).contains(&text.len()) && !text.chars().any(char::is_control);
        fits.then(|| Self(text.into())).ok_or(LayerError)
    }
}

impl TryFrom<String> for Layer {
    type Error = LayerError;

    fn try_from(text: String) -> Result<Self, LayerError> {
        text.parse()
    }
}

impl From<Layer> for String {
    fn from(layer: Layer) -> Self {
        layer.as_str().to_owned()
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

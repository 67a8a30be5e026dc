//! The whole module, from text to checked form.

mod documents;
mod mistakes;
mod refusals;
mod values;

use std::ffi::OsString;
use std::path::Path;

use super::{Config, ConfigError};

/// Parses as `/etc/reeld/reeld.toml` of the user `u`.
fn parse(text: &str) -> Result<Config, ConfigError> {
    let env = |name: &str| (name == "HOME").then(|| OsString::from("/home/u"));
    super::parse_in(text, Path::new("/etc/reeld/reeld.toml"), &env)
}

/// The error that `text` deserves, as people see it.
fn mistake(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

/// The error that these keys deserve in a `[[watch]]`.
fn watch_mistake(keys: &str) -> String {
    mistake(&format!("[[watch]]\npath = \"/srv/renders\"\n{keys}\n"))
}

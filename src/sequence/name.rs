//! A file name -> prefix, number, width, suffix.

/// Which digits of a name are the frame number.
#[derive(Debug, Clone, Default)]
pub enum NameRule {
    /// The run that makes the largest group in the folder; of equals the last one.
    #[default]
    Auto,
}

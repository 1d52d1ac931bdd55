//! A configuration value that no server can have.

/// A value, or values that contradict each other, by the names of their settings.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct OutOfRange {
    /// The settings concerned.
    pub settings: &'static [&'static str],
    /// What is wrong, and what would be right.
    pub text: String,
}

//! The error for a configuration value outside its range.

/// A value is out of range, or values contradict each other.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct OutOfRange {
    /// The names of the settings.
    pub settings: &'static [&'static str],
    /// The value and its range.
    pub text: String,
}

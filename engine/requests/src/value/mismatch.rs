//! Why a value does not have the type that it should have.

use std::fmt;

/// Where a value does not fit its type, and what is wrong there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch {
    /// The path of fields and list positions, such as `items[2].count`. Empty: the value itself.
    path: String,
    what: String,
}

impl Mismatch {
    /// A mismatch of the value itself; [`Mismatch::in_field`] and [`Mismatch::at`] say where that is.
    pub fn new(what: impl Into<String>) -> Self {
        Mismatch { path: String::new(), what: what.into() }
    }

    /// The path of fields and list positions, such as `items[2].count`. Empty: the value itself.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The mismatch is in the field `name` of a record.
    #[must_use]
    pub fn in_field(mut self, name: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{name}{dot}{}", self.path);
        self
    }

    /// The mismatch is in the element `position` of a list.
    #[must_use]
    pub fn at(mut self, position: usize) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("[{position}]{dot}{}", self.path);
        self
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for Mismatch {}

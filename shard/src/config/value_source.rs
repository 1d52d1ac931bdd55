//! Where the value of a setting comes from.

use std::fmt;
use std::path::PathBuf;

/// Prefix of the environment variables that are settings.
pub const VARIABLE_PREFIX: &str = "RINGSHARD_";

/// The environment variable that names the file.
pub(super) const FILE_VARIABLE: &str = "RINGSHARD_CONFIG";

/// Where the value of a setting comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// Nothing sets it.
    Default,
    /// This line of a file, from 1.
    File(PathBuf, usize),
    /// An environment variable.
    Environment(String),
    /// A flag.
    Flag,
}

impl Source {
    /// A source wins over all with a lower number.
    pub(super) fn precedence(&self) -> u8 {
        match self {
            Source::Default => 0,
            Source::File(..) => 1,
            Source::Environment(_) => 2,
            Source::Flag => 3,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => write!(f, "default"),
            Source::File(path, line) => write!(f, "{}:{line}", path.display()),
            Source::Environment(variable) => write!(f, "{variable}"),
            Source::Flag => write!(f, "flag"),
        }
    }
}

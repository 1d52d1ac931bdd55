//! One setting, before it has a value.

use super::value_format::ValueKind;
use super::value_source::VARIABLE_PREFIX;

/// What is known of a setting before it has a value.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its name in files and as a flag.
    pub name: String,
    /// The group it belongs to.
    pub group: &'static str,
    /// What it does.
    pub help: String,
    /// Its value if no source sets it.
    pub default: &'static str,
    /// The values that it takes, for people; completes "must be".
    pub expects: String,
    /// The same in a word, for the list of flags.
    pub placeholder: String,
    /// The same for machines.
    pub kind: ValueKind,
    /// Whether it can change while a server runs.
    pub live: bool,
}

impl Setting {
    /// Its name in the environment: `RINGSHARD_`, then capitals and underscores.
    pub fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.name.to_uppercase().replace('-', "_"))
    }
}

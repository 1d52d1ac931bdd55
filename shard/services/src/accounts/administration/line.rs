//! Accounts as lines of JSON.

use serde::{Deserialize, Serialize};

/// Whether an export has hashes of passwords.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Secrets {
    /// It has: the accounts can log in where they are imported.
    Included,
    /// It has not: they need a new password there.
    LeftOut,
}

/// An account as a line.
#[derive(Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<u64>,
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) created: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) disabled: bool,
    /// PHC string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) password: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) devices: Vec<DeviceLine>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) identities: Vec<IdentityLine>,
}

/// A device in a line.
#[derive(Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct DeviceLine {
    /// Public key, in base64url.
    pub(super) key: String,
    #[serde(default)]
    pub(super) label: String,
    #[serde(default)]
    pub(super) created: Option<u64>,
}

/// An account elsewhere in a line.
#[derive(Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentityLine {
    pub(super) directory: String,
    pub(super) subject: String,
}

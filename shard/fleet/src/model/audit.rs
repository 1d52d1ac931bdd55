//! Who changed what.

use super::{Name, RunId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One change that an operator made. Entries are added, never changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When, in milliseconds since 1970, on the clock of its writer.
    pub at_ms: u64,
    /// The operator, as the program names them that made the change.
    pub by: String,
    /// What was changed.
    #[serde(flatten)]
    pub changed: Changed,
    /// Why. Empty: nobody said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What was changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "changed", rename_all = "kebab-case")]
pub enum Changed {
    /// A host was put into maintenance, or taken out of it.
    Maintenance {
        /// The host.
        host: Name,
        /// Whether it is in maintenance now.
        on: bool,
    },
    /// A host was told to drain.
    Drain {
        /// The host.
        host: Name,
        /// The run that is to end.
        run: RunId,
    },
}

impl fmt::Display for Changed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Changed::Maintenance { host, on: true } => write!(formatter, "maintenance of {host} on"),
            Changed::Maintenance { host, on: false } => write!(formatter, "maintenance of {host} off"),
            Changed::Drain { host, run } => write!(formatter, "drain of {host} (run {run})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_flat_object() {
        let changed = Changed::Maintenance { host: "eu-1".parse().unwrap(), on: true };
        let entry = AuditEntry { at_ms: 5, by: "ada@console".into(), changed, reason: "new disk".into() };
        let text = serde_json::to_string(&entry).unwrap();
        let expected =
            r#"{"at_ms":5,"by":"ada@console","changed":"maintenance","host":"eu-1","on":true,"reason":"new disk"}"#;
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<AuditEntry>(&text).unwrap(), entry);
    }
}

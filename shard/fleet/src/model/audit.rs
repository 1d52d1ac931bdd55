//! Who changed what.

use super::{Area, Cut, Name, RunId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One change that an operator made. Entries are added, never changed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
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
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
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
    /// A zone was added.
    ZoneCreated {
        /// The zone.
        zone: Name,
        /// Where it is.
        area: Area,
    },
    /// A zone that nobody owned was removed.
    ZoneRemoved {
        /// The zone.
        zone: Name,
    },
    /// A zone was cut in two.
    ZoneSplit {
        /// The zone.
        zone: Name,
        /// The line.
        at: Cut,
        /// The name of the other part.
        new: Name,
    },
    /// Two zones became one.
    ZonesMerged {
        /// The zone that stays.
        zone: Name,
        /// The one that went.
        with: Name,
    },
    /// A zone is to go to another host.
    ZoneMove {
        /// The zone.
        zone: Name,
        /// The host.
        to: Name,
    },
    /// A zone that was to go to another host stays.
    ZoneStays {
        /// The zone.
        zone: Name,
    },
}

impl fmt::Display for Changed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Changed::Maintenance { host, on: true } => write!(formatter, "maintenance of {host} on"),
            Changed::Maintenance { host, on: false } => write!(formatter, "maintenance of {host} off"),
            Changed::Drain { host, run } => write!(formatter, "drain of {host} (run {run})"),
            Changed::ZoneCreated { zone, area } => write!(formatter, "zone {zone} at {area}"),
            Changed::ZoneRemoved { zone } => write!(formatter, "zone {zone} removed"),
            Changed::ZoneSplit { zone, at, new } => {
                write!(formatter, "zone {zone} cut at {at}; the other part is {new}")
            }
            Changed::ZonesMerged { zone, with } => write!(formatter, "zone {with} merged into {zone}"),
            Changed::ZoneMove { zone, to } => write!(formatter, "zone {zone} moves to {to}"),
            Changed::ZoneStays { zone } => write!(formatter, "zone {zone} stays"),
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

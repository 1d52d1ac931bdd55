//! Where each record is in the store.
//!
//! | key | value | under a lease |
//! |---|---|---|
//! | `PREFIX` `state/hosts/NAME/record` | [`Host`](crate::model::Host) | that of the host |
//! | `PREFIX` `state/hosts/NAME/orders` | [`Orders`](crate::model::Orders) | no |
//! | `PREFIX` `state/nodes/NAME/record` | [`Node`](crate::model::Node) | that of the node |
//! | `PREFIX` `state/zones` | [`Zones`](crate::model::Zones) | no |
//! | `PREFIX` `audit/TIME-NUMBER` | [`AuditEntry`](crate::model::AuditEntry) | no |

use crate::model::Name;

/// The keys of one fleet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keys {
    prefix: String,
}

/// What a key below `state/` is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum StateKey {
    /// What a host says about itself.
    Record(Name),
    /// What operators want of a host.
    Orders(Name),
    /// What an edge or a relay says about itself.
    Node(Name),
    /// The zones.
    Zones,
}

impl Keys {
    /// The keys below this prefix, which may be empty.
    pub fn new(prefix: impl Into<String>) -> Self {
        Keys { prefix: prefix.into() }
    }

    /// Where everything is that a directory shows.
    pub fn state(&self) -> String {
        format!("{}state/", self.prefix)
    }

    /// Where everything about one host is. No name contains `/`, so no other host is there.
    pub fn host(&self, name: &Name) -> String {
        format!("{}state/hosts/{name}/", self.prefix)
    }

    /// What a host says about itself.
    pub fn record(&self, name: &Name) -> String {
        self.host(name) + "record"
    }

    /// What operators want of a host.
    pub fn orders(&self, name: &Name) -> String {
        self.host(name) + "orders"
    }

    /// What an edge or a relay says about itself.
    pub fn node(&self, name: &Name) -> String {
        format!("{}state/nodes/{name}/record", self.prefix)
    }

    /// Where the nodes are.
    pub fn nodes(&self) -> String {
        format!("{}state/nodes/", self.prefix)
    }

    /// The zones.
    pub fn zones(&self) -> String {
        format!("{}state/zones", self.prefix)
    }

    /// Where the audit is. Its keys sort by time.
    pub fn audit(&self) -> String {
        format!("{}audit/", self.prefix)
    }

    /// Where an entry of the audit is that was written at this time, in milliseconds since 1970.
    pub fn audit_entry(&self, at_ms: u64, random: u64) -> String {
        format!("{}audit/{at_ms:013}-{random:016x}", self.prefix)
    }

    /// What a key below `state/` is for; None if it is none of this version.
    pub(super) fn parse(&self, key: &str) -> Option<StateKey> {
        let key = key.strip_prefix(&*self.prefix)?.strip_prefix("state/")?;
        if key == "zones" {
            return Some(StateKey::Zones);
        }
        if let Some(node) = key.strip_prefix("nodes/") {
            return node.strip_suffix("/record")?.parse().ok().map(StateKey::Node);
        }
        let (name, kind) = key.strip_prefix("hosts/")?.split_once('/')?;
        let name = name.parse().ok()?;
        match kind {
            "record" => Some(StateKey::Record(name)),
            "orders" => Some(StateKey::Orders(name)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let keys = Keys::new("/ringshard/");
        let name: Name = "eu-1".parse().unwrap();
        assert_eq!(keys.parse(&keys.record(&name)), Some(StateKey::Record(name.clone())));
        assert_eq!(keys.parse(&keys.orders(&name)), Some(StateKey::Orders(name.clone())));
        assert_eq!(keys.parse(&keys.node(&name)), Some(StateKey::Node(name)));
        assert_eq!(keys.parse(&keys.zones()), Some(StateKey::Zones));
        for key in ["hosts/", "hosts/eu-1/other", "hosts/A/record", "nodes/eu-1", "nodes/A/record", "zones/a", "zone"] {
            assert_eq!(keys.parse(&format!("/ringshard/state/{key}")), None, "{key}");
        }
        assert_eq!(keys.parse("state/zones"), None, "it is another fleet's");
    }
}

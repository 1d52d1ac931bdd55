//! Where each record is in the store.
//!
//! | key | value | under a lease |
//! |---|---|---|
//! | `PREFIX` `hosts/NAME/record` | [`Host`](crate::model::Host) | that of the host |
//! | `PREFIX` `hosts/NAME/orders` | [`Orders`](crate::model::Orders) | no |
//! | `PREFIX` `audit/TIME-NUMBER` | [`AuditEntry`](crate::model::AuditEntry) | no |

use crate::model::Name;

/// The keys of one fleet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keys {
    prefix: String,
}

/// What a key below `hosts/` is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum HostKey {
    /// What the host says about itself.
    Record,
    /// What operators want of it.
    Orders,
}

impl Keys {
    /// The keys below this prefix, which may be empty.
    pub fn new(prefix: impl Into<String>) -> Self {
        Keys { prefix: prefix.into() }
    }

    /// Where everything about hosts is.
    pub fn hosts(&self) -> String {
        format!("{}hosts/", self.prefix)
    }

    /// Where everything about one host is. No name contains `/`, so no other host is there.
    pub fn host(&self, name: &Name) -> String {
        format!("{}hosts/{name}/", self.prefix)
    }

    /// What a host says about itself.
    pub fn record(&self, name: &Name) -> String {
        self.host(name) + "record"
    }

    /// What operators want of a host.
    pub fn orders(&self, name: &Name) -> String {
        self.host(name) + "orders"
    }

    /// Where the audit is. Its keys sort by time.
    pub fn audit(&self) -> String {
        format!("{}audit/", self.prefix)
    }

    /// Where an entry of the audit is that was written at this time, in milliseconds since 1970.
    pub fn audit_entry(&self, at_ms: u64, random: u64) -> String {
        format!("{}audit/{at_ms:013}-{random:016x}", self.prefix)
    }

    /// The name and the kind of a key below `hosts/`; None if it is none of this version.
    pub(super) fn parse(&self, key: &str) -> Option<(Name, HostKey)> {
        let (name, kind) = key.strip_prefix(&*self.prefix)?.strip_prefix("hosts/")?.split_once('/')?;
        let kind = match kind {
            "record" => HostKey::Record,
            "orders" => HostKey::Orders,
            _ => return None,
        };
        Some((name.parse().ok()?, kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let keys = Keys::new("/ringshard/");
        let name: Name = "eu-1".parse().unwrap();
        assert_eq!(keys.parse(&keys.record(&name)), Some((name.clone(), HostKey::Record)));
        assert_eq!(keys.parse(&keys.orders(&name)), Some((name, HostKey::Orders)));
        for key in ["/ringshard/hosts/", "/ringshard/hosts/eu-1/other", "/ringshard/hosts/A/record", "hosts/a/record"] {
            assert_eq!(keys.parse(key), None, "{key}");
        }
    }
}

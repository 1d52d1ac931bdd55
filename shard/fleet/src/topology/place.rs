//! A node or a host, in four bytes.

use crate::model::Name;
use ring::digest::{SHA256, digest};
use std::fmt;

/// A node or a host of the fleet, as datagrams between nodes name it: the first four bytes of the SHA-256 of its kind and name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PlaceId(pub u32);

impl PlaceId {
    /// The node of this name.
    pub fn of_node(name: &Name) -> PlaceId {
        PlaceId::of("node ", name)
    }

    /// The host of this name.
    pub fn of_host(name: &Name) -> PlaceId {
        PlaceId::of("host ", name)
    }

    fn of(kind: &str, name: &Name) -> PlaceId {
        let hash = digest(&SHA256, format!("{kind}{name}").as_bytes());
        PlaceId(u32::from_le_bytes(*hash.as_ref().first_chunk().expect("a hash has 32 bytes")))
    }
}

impl fmt::Display for PlaceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_and_a_host_of_one_name_are_two_places() {
        let name = "eu-1".parse().unwrap();
        assert_ne!(PlaceId::of_node(&name), PlaceId::of_host(&name));
        assert_eq!(PlaceId::of_node(&name), PlaceId::of_node(&name));
    }
}

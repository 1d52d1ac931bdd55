//! Ending connections on request: which ones, and how a core finds them.

use ringshard_protocol::Endpoint;
use ringshard_protocol::endpoint::{ConnectionInfo, Standing};
use ringshard_protocol::wire::{ConnectionId, DisconnectReason};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Which connections to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub enum Target {
    /// The connection with this id.
    Connection(ConnectionId),
    /// All connections from an IP address.
    Address(IpAddr),
    /// The connection from an address and port.
    Peer(SocketAddr),
}

/// The text is not a [`Target`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("give an id such as 0.12.3 (core, slot, generation), an IP address, or an IP address with a port")]
pub struct BadTarget;

impl FromStr for Target {
    type Err = BadTarget;

    fn from_str(text: &str) -> Result<Self, BadTarget> {
        if let Ok(address) = text.parse() {
            return Ok(Target::Address(address));
        }
        if let Ok(peer) = text.parse() {
            return Ok(Target::Peer(peer));
        }
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(BadTarget);
        let (core, slot, generation) = (part()?, part()?, part()?);
        let core = core.parse().map_err(|_| BadTarget)?;
        let slot = slot.parse().map_err(|_| BadTarget)?;
        let generation = generation.parse().ok().filter(|generation| *generation != 0).ok_or(BadTarget)?;
        match parts.next() {
            None => Ok(Target::Connection(ConnectionId::new(core, generation, slot))),
            Some(_) => Err(BadTarget),
        }
    }
}

impl TryFrom<String> for Target {
    type Error = BadTarget;

    fn try_from(text: String) -> Result<Self, BadTarget> {
        text.parse()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Connection(id) => id.fmt(f),
            Target::Address(address) => address.fmt(f),
            Target::Peer(peer) => peer.fmt(f),
        }
    }
}

impl Target {
    fn matches(&self, info: &ConnectionInfo) -> bool {
        let peer = info.address;
        match self {
            Target::Connection(id) => info.id == *id,
            Target::Address(address) => peer.ip().to_canonical() == address.to_canonical(),
            Target::Peer(wanted) => {
                peer.ip().to_canonical() == wanted.ip().to_canonical() && peer.port() == wanted.port()
            }
        }
    }
}

/// The result of ending connections.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Kicked {
    /// Number of connections that were ended.
    pub connections: usize,
    /// Cores that do not respond: their connections were not ended.
    #[serde(default)]
    pub missing: Vec<usize>,
}

/// The progress of one core, which visits some slots per turn.
#[derive(Clone, Copy, Debug)]
pub struct Kick {
    target: Target,
    next_slot: usize,
    /// Number of connections ended so far.
    pub connections: usize,
}

impl Kick {
    /// No slot visited yet.
    pub fn new(target: Target) -> Self {
        Kick { target, next_slot: 0, connections: 0 }
    }

    /// Visits the next `slots` slots of a core; returns whether all have been visited. Clients are told that the server
    /// closed the connection, so they do not reconnect by themselves.
    pub fn advance(&mut self, endpoint: &mut Endpoint, slots: usize) -> bool {
        assert!(self.next_slot == 0 || self.next_slot < endpoint.slots(), "a kick that has visited all slots goes on");
        let last = self.next_slot + slots;
        for slot in self.next_slot..last.min(endpoint.slots()) {
            let Some(info) = endpoint.infos(slot, 1).next() else { continue };
            if info.standing != Standing::Closing && self.target.matches(&info) {
                endpoint.disconnect(info.id, DisconnectReason::Closed);
                self.connections += 1;
            }
        }
        self.next_slot = last;
        last >= endpoint.slots()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_an_id_an_address_or_an_address_with_port_and_nothing_else() {
        let read = |text: &str| text.parse::<Target>();
        assert_eq!(read("3.12.7"), Ok(Target::Connection(ConnectionId::new(3, 7, 12))));
        assert_eq!(read("10.0.0.7"), Ok(Target::Address([10, 0, 0, 7].into())));
        assert_eq!(read("[2001:db8::1]:9"), Ok(Target::Peer("[2001:db8::1]:9".parse().unwrap())));
        for wrong in ["", "3", "3.12", "3.12.0", "300.1.1", "3.70000.1", "player", "3.12.7.x"] {
            assert_eq!(read(wrong), Err(BadTarget), "{wrong}");
        }
        for text in ["3.12.7", "10.0.0.7", "::1", "10.0.0.7:9"] {
            assert_eq!(read(text).unwrap().to_string(), text);
        }
    }
}

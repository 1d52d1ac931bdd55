//! Ending connections by order: which, and how a core goes through its own.

use crate::runtime::control::SLOTS_PER_TURN;
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
    /// This one.
    Connection(ConnectionId),
    /// All from an IP address.
    Address(IpAddr),
    /// The one from an address and port.
    Peer(SocketAddr),
}

/// A text that is no [`Target`].
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
    fn is(&self, info: &ConnectionInfo) -> bool {
        let peer = info.path.peer;
        match self {
            Target::Connection(id) => info.id == *id,
            Target::Address(address) => peer.ip().to_canonical() == address.to_canonical(),
            Target::Peer(wanted) => {
                peer.ip().to_canonical() == wanted.ip().to_canonical() && peer.port() == wanted.port()
            }
        }
    }
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Kicked {
    /// Connections that were ended.
    pub connections: usize,
    /// Cores that do not answer: connections that they have are still there.
    #[serde(default)]
    pub missing: Vec<usize>,
}

/// A core's part of it, some slots a turn.
#[derive(Clone, Copy, Debug)]
pub struct Kick {
    target: Target,
    next_slot: usize,
    /// Connections ended so far.
    pub connections: usize,
}

impl Kick {
    /// Nothing done yet.
    pub fn new(target: Target) -> Self {
        Kick { target, next_slot: 0, connections: 0 }
    }

    /// Goes through some more slots of a core; true when all are done. Clients are told that the server wants no more, on
    /// which they do not come back by themselves.
    pub fn go_on(&mut self, endpoint: &mut Endpoint) -> bool {
        let last = self.next_slot + SLOTS_PER_TURN;
        for slot in self.next_slot..last.min(endpoint.slots()) {
            let Some(info) = endpoint.infos(slot, 1).next() else { continue };
            if info.standing != Standing::Closing && self.target.is(&info) {
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
    fn a_target_is_an_id_an_address_or_both_with_port_and_nothing_else() {
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

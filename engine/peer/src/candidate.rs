//! Addresses at which a player may be reached (PROTOCOL.md#candidates).

use crate::address::{ADDRESS_BYTES, from_wire, to_wire};
use is::Protocol;
use std::net::SocketAddr;

/// A candidate on the wire, in bytes: kind 1, address 16, port 2.
pub(crate) const CANDIDATE_BYTES: usize = 1 + ADDRESS_BYTES;

/// How a candidate was found. The order is that of preference.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CandidateKind {
    /// An address of the host itself.
    Host,
    /// The address that a STUN server saw: that of the outermost NAT.
    Reflexive,
    /// A relay, through which the player is reached.
    Relayed,
}

impl CandidateKind {
    /// Name as in reports.
    pub const fn name(self) -> &'static str {
        match self {
            CandidateKind::Host => "host",
            CandidateKind::Reflexive => "reflexive",
            CandidateKind::Relayed => "relay",
        }
    }

    /// Type preference (RFC 8445, section 5.1.2.2).
    const fn preference(self) -> u32 {
        match self {
            CandidateKind::Host => 126,
            CandidateKind::Reflexive => 100,
            CandidateKind::Relayed => 2,
        }
    }
}

/// An address at which a player may be reached.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Candidate {
    /// How it was found.
    pub kind: CandidateKind,
    /// The address.
    pub address: SocketAddr,
}

impl Candidate {
    /// The candidate of the other player, whose `index`-th it is, on this lane. The receiver computes the priority, so that a
    /// peer cannot choose it.
    pub(crate) fn of_peer(&self, index: usize, lane: Protocol) -> is::Candidate {
        let kind = match self.kind {
            CandidateKind::Host => is::CandidateKind::Host,
            CandidateKind::Reflexive => is::CandidateKind::ServerReflexive,
            CandidateKind::Relayed => is::CandidateKind::Relayed,
        };
        let priority = self.kind.preference() << 24 | (65_535 - index as u32) << 8 | 255;
        is::Candidate::from_parts(format!("{}", index + 1), 1, lane, priority, self.address, kind, None, None, None)
    }

    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        to.push(self.kind as u8);
        to.extend_from_slice(&to_wire(self.address));
    }

    pub(crate) fn read(bytes: &[u8; CANDIDATE_BYTES]) -> Option<Self> {
        let kind = match bytes[0] {
            0 => CandidateKind::Host,
            1 => CandidateKind::Reflexive,
            _ => return None,
        };
        let address = from_wire(bytes.last_chunk()?);
        Some(Candidate { kind, address })
    }
}

//! A datagram of a client or a host, on its way along a route.

use super::{Reader, VERSION};
use crate::relay::RelayKey;
use crate::relay::key::MAC_BYTES;
use crate::topology::{NODES_OF_ROUTE_MAX, PlaceId};
use ringshard_protocol::limits::{DATAGRAM_BYTES_MAX, MTU_PROBE_BYTES};

/// Bytes before the nodes.
const HEAD_BYTES: usize = 31;
/// Most bytes of a datagram that nodes carry. Longer ones do not fit into a packet on the longest route. None passes on a
/// shorter one either: otherwise what a client found out about the largest datagram would be wrong after a change of the route.
pub const CARRIED_BYTES_MAX: usize = DATAGRAM_BYTES_MAX - Carry::overhead(NODES_OF_ROUTE_MAX);
const _: () = assert!(CARRIED_BYTES_MAX >= MTU_PROBE_BYTES[1] as usize, "the second step of MTU discovery passes");

/// Where a datagram goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From a client to a host.
    ToHost,
    /// From a host to a client.
    ToClient,
}

/// The nodes of a route, in the order in which a datagram passes them: at least one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hops {
    count: u8,
    nodes: [PlaceId; NODES_OF_ROUTE_MAX],
}

impl Hops {
    /// These nodes. None if there are none, too many, or one of them twice.
    pub fn new(nodes: &[PlaceId]) -> Option<Hops> {
        let is_new = |(at, node): (usize, &PlaceId)| !nodes[..at].contains(node);
        if !(1..=NODES_OF_ROUTE_MAX).contains(&nodes.len()) || !nodes.iter().enumerate().all(is_new) {
            return None;
        }
        let mut hops = Hops { count: nodes.len() as u8, nodes: [PlaceId(0); NODES_OF_ROUTE_MAX] };
        hops.nodes[..nodes.len()].copy_from_slice(nodes);
        Some(hops)
    }

    /// The nodes.
    pub fn nodes(&self) -> &[PlaceId] {
        &self.nodes[..usize::from(self.count)]
    }

    /// The way back.
    pub fn reversed(&self) -> Hops {
        let mut back = *self;
        back.nodes[..usize::from(self.count)].reverse();
        back
    }

    /// The first node.
    pub fn first(&self) -> PlaceId {
        self.nodes[0]
    }

    /// The last node.
    pub fn last(&self) -> PlaceId {
        self.nodes[usize::from(self.count) - 1]
    }

    /// The node after this one. None: it is the last, or none of these.
    pub fn after(&self, node: PlaceId) -> Option<PlaceId> {
        let at = self.nodes().iter().position(|hop| *hop == node)?;
        self.nodes().get(at + 1).copied()
    }
}

/// A datagram on its way. The nodes pass it on unchanged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Carry<'a> {
    /// Where it goes.
    pub direction: Direction,
    /// The run of the first node.
    pub run: u64,
    /// Rises with each datagram of the flow in this direction.
    pub number: u64,
    /// The client, as its edge calls it.
    pub flow: u64,
    /// The host.
    pub host: PlaceId,
    /// The nodes, at least two.
    pub hops: Hops,
    /// The datagram: 1 to [`CARRIED_BYTES_MAX`] bytes.
    pub datagram: &'a [u8],
}

impl<'a> Carry<'a> {
    /// Bytes that are added to a datagram that passes this many nodes.
    pub const fn overhead(nodes: usize) -> usize {
        HEAD_BYTES + 4 * nodes + MAC_BYTES
    }

    /// Appends its bytes. `front` comes before the datagram.
    pub(in crate::relay) fn write(&self, key: &RelayKey, front: &[u8], bytes: &mut Vec<u8>) {
        let start = bytes.len();
        let kind = match self.direction {
            Direction::ToHost => 1,
            Direction::ToClient => 2,
        };
        bytes.extend_from_slice(&[kind, VERSION, self.hops.count]);
        for number in [self.run, self.number, self.flow] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for place in [self.host].iter().chain(self.hops.nodes()) {
            bytes.extend_from_slice(&place.0.to_le_bytes());
        }
        bytes.extend_from_slice(front);
        bytes.extend_from_slice(self.datagram);
        key.seal(bytes, start);
    }

    pub(super) fn read(direction: Direction, mut reader: Reader<'a>) -> Option<Carry<'a>> {
        let count = usize::from(reader.byte()?);
        let (run, number, flow, host) = (reader.long()?, reader.long()?, reader.long()?, reader.place()?);
        if !(2..=NODES_OF_ROUTE_MAX).contains(&count) {
            return None;
        }
        let mut nodes = [PlaceId(0); NODES_OF_ROUTE_MAX];
        for node in &mut nodes[..count] {
            *node = reader.place()?;
        }
        let (hops, datagram) = (Hops::new(&nodes[..count])?, reader.0);
        (1..=CARRIED_BYTES_MAX).contains(&datagram.len()).then_some(Carry {
            direction,
            run,
            number,
            flow,
            host,
            hops,
            datagram,
        })
    }
}

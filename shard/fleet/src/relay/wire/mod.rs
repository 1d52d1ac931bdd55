//! The datagrams between nodes. Numbers are little-endian; the last 16 bytes are the MAC of all before them.
//!
//! | file | has |
//! |---|---|
//! | `carry` | [`Carry`]: a datagram of a client or a host, on its way along a route |
//! | `probe` | [`Probe`], [`Answer`]: what nodes measure links with |
//!
//! ```text
//! carry, 31 + 4 N + DATAGRAM + 16 bytes
//!   0   kind      u8      1: to the host, 2: to the client
//!   1   version   u8      1
//!   2   count     u8      N, 2 to 4
//!   3   run       u64     of the first node of the list: when its process started, in ms since 1970
//!  11   number    u64     rises with each datagram of a flow in this direction
//!  19   flow      u64     drawn by the edge
//!  27   host      u32     place of the host
//!  31   nodes     N u32   places of the nodes, in the order in which the datagram passes them
//!  ..   datagram          1 to 1,409 bytes, unchanged; to the host, it may be forwarded (PROTOCOL.md#forwarded-datagrams)
//!
//! probe, 27 + 16 bytes
//!   0   kind      u8      3
//!   1   version   u8      1
//!   2   zero      u8
//!   3   run       u64     of the asking node
//!  11   number    u64     rises from probe to probe
//!  19   from, to  2 u32   places of the asking and the asked node
//!
//! answer, 36 + 11 L + 16 bytes
//!   0   kind      u8      4
//!   1   version   u8      1
//!   2   count     u8      L, 0 to 110
//!   3   run       u64     of the answering node
//!  11   number    u64     of the probe
//!  19   from, to  2 u32   places of the answering and the asking node
//!  27   asked     u64     run of the asking node
//!  35   zero      u8
//!  36   links     L of: node u32, node or host u32, round trip in ms u16, loss in percent u8 (255: the link is down)
//! ```

mod carry;
mod probe;

pub use carry::{CARRIED_BYTES_MAX, Carry, Direction, Hops};
pub use probe::{Answer, LINKS_MAX, LinkReport, Probe};

use crate::topology::PlaceId;

const VERSION: u8 = 1;

/// A datagram between nodes, whose MAC was right.
#[derive(Clone, PartialEq, Debug)]
pub enum Message<'a> {
    /// A datagram of a client or a host.
    Carry(Carry<'a>),
    /// A question.
    Probe(Probe),
    /// What answers it.
    Answer(Answer),
}

/// Why bytes are no datagram of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Its MAC is wrong.
    Forged,
    /// A node has written it, but of another version, or it is broken.
    Malformed,
}

/// Reads a datagram of a node.
///
/// # Errors
/// [`Refused`].
pub fn read<'a>(key: &super::RelayKey, bytes: &'a [u8]) -> Result<Message<'a>, Refused> {
    let content = key.open(bytes).ok_or(Refused::Forged)?;
    let mut reader = Reader(content);
    let message = match (reader.byte(), reader.byte()) {
        (Some(1), Some(VERSION)) => Carry::read(Direction::ToHost, reader).map(Message::Carry),
        (Some(2), Some(VERSION)) => Carry::read(Direction::ToClient, reader).map(Message::Carry),
        (Some(3), Some(VERSION)) => Probe::read(reader).map(Message::Probe),
        (Some(4), Some(VERSION)) => Answer::read(reader).map(Message::Answer),
        _ => None,
    };
    message.ok_or(Refused::Malformed)
}

/// Reads fields from the front of some bytes.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn short(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn long(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn place(&mut self) -> Option<PlaceId> {
        self.take().map(u32::from_le_bytes).map(PlaceId)
    }
}

#[cfg(test)]
mod tests;

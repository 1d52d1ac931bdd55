//! How many datagrams of each connection an overloaded core opens.
//!
//! A client that sends ten times as much must not take the others' share. While the queue stands, a connection gets
//! [`DATAGRAMS`] per [`TICKS`] ticks, which is half as much again as a client of a world sends. Only datagrams from the
//! connection's own address count, and they count before they are decrypted. So an attacker who knows a client's address and
//! connection id, and can forge the address, can use up that client's share while the core is overloaded. Such an attacker is
//! on the client's path, where it can drop the client's datagrams just as well.

use ringshard_protocol::Endpoint;
use ringshard_protocol::limits::CONNECTIONS_PER_CORE_MAX;
use ringshard_protocol::link::Path;
use ringshard_protocol::wire::ConnectionId;

/// Ticks for which a share is counted: so many datagrams can come at once after a short outage of the network.
const TICKS: u64 = 8;
/// Datagrams of a connection that are opened in that time.
const DATAGRAMS: u32 = 12;
/// Bits of the datagrams in what is kept of a connection. The other bits have the period in which they were counted.
const COUNT_BITS: u32 = 16;
const COUNT: u32 = (1 << COUNT_BITS) - 1;

/// What each connection has used of its share, by slot.
#[derive(Debug)]
pub(super) struct Shares {
    /// Memory that no connection has used costs nothing: the kernel provides it on first use.
    used: Box<[u32]>,
    period: u32,
}

impl Shares {
    /// Nothing is used.
    pub(super) fn new() -> Self {
        Shares { used: vec![0; CONNECTIONS_PER_CORE_MAX].into(), period: 0 }
    }

    /// A tick begins.
    pub(super) fn begin_tick(&mut self, tick: u64) {
        self.period = (tick / TICKS) as u32 & COUNT;
    }

    /// Whether the core opens another datagram that names `id` and came over `path`.
    #[inline]
    pub(super) fn allows(&mut self, endpoint: &Endpoint, id: ConnectionId, path: Path) -> bool {
        if !endpoint.is_path_of(id, path) {
            return true;
        }
        let used = &mut self.used[usize::from(id.slot())];
        if *used >> COUNT_BITS != self.period {
            *used = self.period << COUNT_BITS;
        }
        if *used & COUNT == DATAGRAMS {
            return false;
        }
        *used += 1;
        true
    }
}

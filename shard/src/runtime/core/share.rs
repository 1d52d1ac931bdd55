//! How many datagrams of each connection an overloaded core opens.
//!
//! A client that sends ten times as much must not take the others' share. While the queue stands, a connection gets
//! [`DATAGRAMS`] per [`TICKS`] ticks, which is half as much again as a client of a world sends. Only datagrams from the
//! connection's own address count, and they count before they are decrypted. So an attacker who knows a client's address and
//! connection id, and can forge the address, can use up that client's share while the core is overloaded. Such an attacker is
//! on the client's path, where it can drop the client's datagrams just as well.

use ringshard_protocol::Endpoint;
use ringshard_protocol::link::Path;
use ringshard_protocol::wire::ConnectionId;

/// Ticks for which a share is counted: so many datagrams can come at once after a short outage of the network.
const TICKS: u64 = 8;
/// Datagrams of a connection that are opened in that time.
const DATAGRAMS: u8 = 12;

#[derive(Clone, Copy, Debug, Default)]
struct Used {
    /// The period in which they were counted, modulo 2^16.
    period: u16,
    datagrams: u8,
}

/// What each connection has used of its share, by slot.
#[derive(Debug)]
pub(super) struct Shares {
    used: Box<[Used]>,
    period: u16,
}

impl Shares {
    /// Shares of `slots` connections.
    pub(super) fn new(slots: usize) -> Self {
        Shares { used: vec![Used::default(); slots].into(), period: 0 }
    }

    /// A tick begins.
    pub(super) fn begin_tick(&mut self, tick: u64) {
        self.period = (tick / TICKS) as u16;
    }

    /// Whether the core opens another datagram that names `id` and came over `path`.
    #[inline]
    pub(super) fn allows(&mut self, endpoint: &Endpoint, id: ConnectionId, path: Path) -> bool {
        let Some(used) = self.used.get_mut(usize::from(id.slot())) else { return true };
        if !endpoint.is_path_of(id, path) {
            return true;
        }
        if used.period != self.period {
            *used = Used { period: self.period, datagrams: 0 };
        }
        used.datagrams = used.datagrams.saturating_add(1);
        used.datagrams <= DATAGRAMS
    }
}

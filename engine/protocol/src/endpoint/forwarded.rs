//! Datagrams from gateways, which vouch for the addresses of their clients (PROTOCOL.md#forwarded-datagrams).

use super::Endpoint;
use super::offenders::Offence;
use super::receive::Received;
use super::sender::{Origin, Sender};
use crate::gateway::Forwarded;
use crate::link::Path;
use crate::time::Instant;
use crate::wire::{ConnectionId, Header};
use core::net::SocketAddr;

impl Endpoint {
    /// Takes a datagram that claims to come from a gateway. If a known gateway wrote it, takes the datagram inside as one
    /// of the client for which the gateway vouches.
    #[cold]
    pub(super) fn receive_forwarded<'a>(
        &mut self,
        now: Instant,
        path: Path,
        header: &Header,
        datagram: &'a mut [u8],
    ) -> Received<'a> {
        let core = header.connection.core();
        if header.connection != ConnectionId::NONE && core != self.core && usize::from(core) < self.cores {
            return self.for_other_core(path, core, datagram);
        }
        let Some((origin, inner)) = self.open_forwarded(datagram) else {
            return self.refuse_forwarded(Offence::ForgedGateway, path.peer);
        };
        if self.policy.denies(origin.address.ip()) {
            return self.refuse_forwarded(Offence::Denied, origin.address);
        }
        match Header::decode(inner) {
            Ok(header) => self.receive_from(now, path, Some(origin), &header, inner),
            Err(_) => self.bad_size(path),
        }
    }

    /// The client and its datagram, if a known gateway wrote this.
    fn open_forwarded<'a>(&self, datagram: &'a mut [u8]) -> Option<(Origin, &'a mut [u8])> {
        let forwarded = Forwarded::decode(datagram).ok()?;
        let key = self.policy.gateways.iter().find(|key| key.name() == forwarded.gateway)?;
        let origin = Origin { address: forwarded.address, gateway: forwarded.gateway };
        Some((origin, forwarded.open(key)?))
    }

    fn refuse_forwarded(&mut self, offence: Offence, sender: SocketAddr) -> Received<'static> {
        let drops = &mut self.resources.drops;
        *match offence {
            Offence::Denied => &mut drops.denied_address,
            _ => &mut drops.forged_gateway,
        } += 1;
        self.offenders.note(offence, sender);
        Received::Nothing
    }

    /// An authentic datagram of a connection came through a gateway. The client may have moved behind the gateway.
    pub(super) fn heard_behind_gateway(&mut self, sender: Sender, header: &Header) {
        let Some(entry) = self.table.get_mut(header.connection) else { return };
        // A datagram that was overtaken shows where the client was, not where it is.
        if entry.path == sender.path && entry.connection.is_newest(header.sequence) {
            entry.origin = sender.origin;
        }
    }
}

//! The way of a datagram out, perhaps through a relay.

use super::Mesh;
use crate::limits::PEER_DATAGRAM_BYTES_MAX;
use crate::outbox::{Leaving, Via};
use crate::relay::{write_to_guest, write_to_owner};
use ringshard_protocol::time::Instant;
use std::net::SocketAddr;

impl Mesh {
    /// Writes the next datagram to the front of `buffer`. Returns its destination and size.
    ///
    /// # Panics
    /// When `buffer` is shorter than [`PEER_DATAGRAM_BYTES_MAX`].
    pub fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<(SocketAddr, usize)> {
        let buffer = &mut buffer[..PEER_DATAGRAM_BYTES_MAX];
        self.fill_outbox(now);
        let Mesh { outbox, peers, local, .. } = self;
        loop {
            let Leaving { via, to, bytes } = outbox.pop()?;
            let wrapped = match via {
                Via::Socket => {
                    buffer[..bytes.len()].copy_from_slice(bytes);
                    Some((to, bytes.len()))
                }
                Via::OwnRelay => local
                    .channel
                    .and_then(|channel| Some((channel.relay, write_to_guest(buffer, &channel.name, to, bytes)?))),
                Via::TheirRelay(peer) => peers
                    .get(&peer)
                    .and_then(|peer| peer.relays().iter().find(|channel| channel.relay == to))
                    .and_then(|channel| Some((to, write_to_owner(buffer, &channel.name, bytes)?))),
            };
            if wrapped.is_some() {
                return wrapped;
            }
        }
    }

    fn fill_outbox(&mut self, now: Instant) {
        if !self.outbox.is_empty() {
            return;
        }
        let Mesh { peers, gathering, relay, local, outbox, stats, .. } = self;
        gathering.transmit(now, outbox);
        if let Some(relay) = relay {
            relay.transmit(now, &local.host, outbox);
        }
        for peer in peers.values_mut() {
            peer.transmit(now, outbox, stats);
        }
        self.take_events(now);
        // What tells a peer that leaves is in the outbox now. It may go through that peer's relay.
        if self.outbox.is_empty() {
            self.forget_leaving();
        }
    }

    fn forget_leaving(&mut self) {
        let Mesh { peers, addresses, .. } = self;
        peers.retain(|id, peer| {
            let stays = !peer.is_leaving();
            if !stays {
                addresses.retain(|_, owner| owner.peer != *id);
            }
            stays
        });
    }
}

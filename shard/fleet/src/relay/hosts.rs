//! The hosts: probes, answers. A probe is a Connect without a cookie, as any client sends it: a server answers it at once and
//! keeps nothing of it (PROTOCOL.md#cookie-validation).

use super::RelayKey;
use super::counters::Counters;
use super::links::{MeasuredLinks, Target};
use super::outbox::{Outbox, To};
use super::own::Own;
use super::wire::LinkReport;
use crate::topology::PlaceId;
use ringshard_protocol::limits::{CONNECT_BYTES, COOKIE_BYTES};
use ringshard_protocol::wire::{Connect, NOISE_MESSAGE_1_BYTES, Options, UnencryptedPacket, decode_unencrypted};
use std::time::Duration;

/// The hosts.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    pub(super) links: MeasuredLinks,
}

impl Hosts {
    /// Takes over the hosts. Gives those that are gone or have another address.
    pub(super) fn set(&mut self, now: Duration, targets: Vec<Target>) -> Vec<PlaceId> {
        let targets = targets.into_iter().map(|target| (PlaceId::of_host(&target.name), target)).collect();
        self.links.set(now, targets)
    }

    /// Sends the probes that are due, and notes which are lost. Gives the links that others must hear of.
    pub(super) fn advance(
        &mut self,
        now: Duration,
        own: &Own,
        key: &RelayKey,
        counters: &mut Counters,
        outbox: &mut Outbox,
    ) -> Vec<LinkReport> {
        self.links.advance(now, own.id, counters, |host, _, number| {
            let (tag, probe) = connect(key, own.run, number);
            outbox.send_parts(To::HostProbe(host), &[], &probe);
            tag
        })
    }

    /// Takes what came to the socket that probes a host. Any answer to a probe shows that the host is there.
    pub(super) fn answered(&mut self, now: Duration, host: PlaceId, datagram: &[u8], counters: &mut Counters) {
        let tag = match decode_unencrypted(datagram) {
            Ok(UnencryptedPacket::Cookie(cookie)) => Some(cookie.tag),
            Ok(UnencryptedPacket::Denied(denied)) => Some(denied.tag),
            _ => None,
        };
        let is_mine = tag.is_some_and(|tag| self.links.answered(host, tag, now));
        counters.answers_unclaimed += u64::from(!is_mine);
    }
}

/// A Connect that nobody can foresee, and its handshake tag.
fn connect(key: &RelayKey, run: u64, number: u64) -> (u64, [u8; CONNECT_BYTES]) {
    let client_key = key.draw("ringshard relay 1 host probe", run, number);
    let mut noise = [0; NOISE_MESSAGE_1_BYTES];
    noise[..client_key.len()].copy_from_slice(&client_key);
    let tag = Connect::tag_of(&client_key);
    let connect = Connect { core: None, tag, suites: 3, options: Options::default(), cookie: [0; COOKIE_BYTES], noise };
    (tag, connect.encode())
}

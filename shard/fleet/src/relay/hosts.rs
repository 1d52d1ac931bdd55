//! The hosts: probes, answers. A probe is a Connect without a cookie, as any client sends it: a server answers it at once and
//! keeps nothing of it (PROTOCOL.md#cookie-validation).

use super::RelayKey;
use super::counters::Counters;
use super::outbox::{Outbox, To};
use super::own::Own;
use super::wire::LinkReport;
use crate::model::{Name, Quality};
use crate::topology::{Meter, PlaceId, publish};
use ringshard_protocol::limits::{CONNECT_BYTES, COOKIE_BYTES};
use ringshard_protocol::wire::{Connect, NOISE_MESSAGE_1_BYTES, Options, UnencryptedPacket, decode_unencrypted};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// Time between two probes of a host.
const PROBE_INTERVAL: Duration = Duration::from_millis(100);

/// A host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostTarget {
    /// Its name.
    pub name: Name,
    /// Where it is.
    pub address: SocketAddr,
}

/// The hosts.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    hosts: BTreeMap<PlaceId, Host>,
    /// Number of the last probe.
    number: u64,
}

#[derive(Debug)]
pub(super) struct Host {
    pub(super) target: HostTarget,
    pub(super) meter: Meter,
    pub(super) quality: Quality,
    probe_at: Duration,
}

impl Hosts {
    /// Takes over the hosts. Those that are where they were stay as they are. Gives those that are gone.
    pub(super) fn set(&mut self, now: Duration, targets: Vec<HostTarget>) -> Vec<PlaceId> {
        let mut before = std::mem::take(&mut self.hosts);
        for target in targets {
            let id = PlaceId::of_host(&target.name);
            let known = before.remove(&id).filter(|host| host.target == target);
            let host = known.unwrap_or_else(|| Host {
                probe_at: now + Duration::from_millis(u64::from(id.0) % PROBE_INTERVAL.as_millis() as u64),
                target,
                meter: Meter::default(),
                quality: Quality::DOWN,
            });
            self.hosts.insert(id, host);
        }
        before.into_keys().filter(|id| !self.hosts.contains_key(id)).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (PlaceId, &Host)> {
        self.hosts.iter().map(|(id, host)| (*id, host))
    }

    /// Where a host is.
    pub(super) fn address(&self, host: PlaceId) -> Option<SocketAddr> {
        self.hosts.get(&host).map(|host| host.target.address)
    }

    /// The links of this node to them.
    pub(super) fn reports(&self, own: &Own) -> impl Iterator<Item = LinkReport> {
        self.hosts.iter().map(|(id, host)| LinkReport { from: own.id, to: *id, quality: host.quality })
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
        let mut changed = Vec::new();
        for (id, host) in &mut self.hosts {
            host.meter.advance(now);
            if host.probe_at <= now {
                self.number += 1;
                let (tag, probe) = connect(key, own.run, self.number);
                outbox.send_parts(To::HostProbe(*id), &[], &probe);
                host.meter.asked(tag, now);
                host.probe_at = (host.probe_at + PROBE_INTERVAL).max(now);
                counters.probes_sent += 1;
            }
            let quality = publish(Some(host.quality), &host.meter);
            if quality != host.quality {
                if quality.up != host.quality.up {
                    counters.links_lost += u64::from(!quality.up);
                    let (host, up) = (&host.target.name, quality.up);
                    tracing::info!(%host, up, round_trip_ms = quality.round_trip_ms, "a link to a host has changed");
                }
                host.quality = quality;
                changed.push(LinkReport { from: own.id, to: *id, quality });
            }
        }
        changed
    }

    /// Takes what came to the socket that probes a host. Any answer to a probe shows that the host is there.
    pub(super) fn answered(&mut self, now: Duration, host: PlaceId, datagram: &[u8], counters: &mut Counters) {
        let tag = match decode_unencrypted(datagram) {
            Ok(UnencryptedPacket::Cookie(cookie)) => Some(cookie.tag),
            Ok(UnencryptedPacket::Denied(denied)) => Some(denied.tag),
            _ => None,
        };
        let is_mine = self.hosts.get_mut(&host).zip(tag).is_some_and(|(host, tag)| host.meter.answered(tag, now));
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

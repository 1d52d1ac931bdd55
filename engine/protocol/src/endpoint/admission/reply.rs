//! Replies to unknown addresses. None of them costs a key exchange.

use super::super::entry::Phase;
use super::super::observer::{Observer, show};
use super::super::offenders::Offence;
use super::super::sender::Sender;
use super::context::Context;
use crate::crypto::{CookieSigner, Csprng};
use crate::limits::{BUSY_WAIT, CONNECT_BYTES, PROTOCOL_VERSION};
use crate::link::{Link, Path};
use crate::stats::EndpointStats;
use crate::time::Instant;
use crate::wire::{ConnectionId, Cookie, Denied, DeniedReason};

#[derive(Debug)]
pub(super) enum Reply {
    Cookie {
        tag: u64,
        client_key: [u8; 32],
    },
    Denied(Denied),
    /// The Accepted of this half-open connection.
    Accepted(ConnectionId),
}

pub(super) fn denied(tag: u64, reason: DeniedReason) -> Reply {
    let wait_ms = match reason {
        DeniedReason::ServerFull | DeniedReason::Busy => BUSY_WAIT.as_millis() as u16,
        _ => 0,
    };
    Reply::Denied(Denied { tag, reason, server_version: PROTOCOL_VERSION, wait_ms })
}

impl Reply {
    /// Sends the reply; false if the link has no room.
    pub(super) fn send(
        self,
        now: Instant,
        sender: Sender,
        cookies: &mut CookieSigner,
        random: &mut Csprng,
        link: &mut impl Link,
        context: &mut Context<'_>,
    ) -> bool {
        let Context { table, stats, drops, offenders, observer, .. } = context;
        match self {
            Reply::Cookie { tag, client_key } => {
                let cookie = cookies.sign(now, sender.addresses(), &client_key, random);
                let sent = transmit(link, sender.path, &Cookie { tag, cookie }.encode(), stats, observer);
                stats.cookies_out += u64::from(sent);
                sent
            }
            Reply::Denied(denied) => {
                let sent = transmit(link, sender.path, &denied.encode(), stats, observer);
                if sent {
                    stats.denied_out += 1;
                    let (counter, offence) = denial(stats, denied.reason);
                    *counter += 1;
                    offenders.note(offence, sender.address());
                }
                sent
            }
            Reply::Accepted(id) => match table.get(id).map(|entry| &entry.phase) {
                Some(Phase::HalfOpen(half_open)) => {
                    let sent = transmit(link, sender.path, &half_open.reply, stats, observer);
                    table.restart_half_open_timeout(now, id);
                    sent
                }
                // The client has proved its keys since: this is a late copy of its Connect.
                _ => {
                    drops.unexpected += 1;
                    true
                }
            },
        }
    }
}

/// The counter of denials with this reason, and the reason to note the address for.
fn denial(stats: &mut EndpointStats, reason: DeniedReason) -> (&mut u64, Offence) {
    match reason {
        DeniedReason::WrongVersion => (&mut stats.denied_version, Offence::DeniedVersion),
        DeniedReason::ServerFull => (&mut stats.denied_full, Offence::DeniedFull),
        DeniedReason::WrongKey => (&mut stats.denied_key, Offence::DeniedKey),
        DeniedReason::NoCommonSuite => (&mut stats.denied_cipher, Offence::DeniedCipher),
        DeniedReason::ShuttingDown => (&mut stats.denied_draining, Offence::DeniedDraining),
        DeniedReason::PreSharedKeyMismatch => (&mut stats.denied_pre_shared_key, Offence::DeniedPreSharedKey),
        DeniedReason::Busy => (&mut stats.denied_busy, Offence::DeniedBusy),
    }
}

fn transmit(
    link: &mut impl Link,
    path: Path,
    packet: &[u8],
    stats: &mut EndpointStats,
    observer: &mut Option<Observer>,
) -> bool {
    assert!(packet.len() <= CONNECT_BYTES, "a reply is no larger than the Connect that it answers");
    let Some(room) = link.reserve(path, packet.len()) else { return false };
    room.copy_from_slice(packet);
    show(observer, false, path, packet);
    stats.unvalidated_bytes_out += packet.len() as u64;
    stats.datagrams_out += 1;
    stats.bytes_out += packet.len() as u64;
    true
}

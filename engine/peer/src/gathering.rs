//! Asks STUN servers for the address that others see, at the beginning and from time to time: NATs forget.

use crate::address::are_of_one_family;
use crate::limits::{STUN_PERIOD, STUN_RETRY_FIRST, STUN_RETRY_MAX};
use crate::outbox::{Outbox, Via};
use crate::stun::{self, TransactionId};
use rand_chacha::rand_core::Rng;
use ringshard_protocol::crypto::Csprng;
use ringshard_protocol::time::{Duration, Instant};
use std::net::SocketAddr;

/// A STUN server that is asked.
#[derive(Debug)]
struct Asked {
    server: SocketAddr,
    id: TransactionId,
    next_at: Instant,
    wait: Duration,
    seen: Option<SocketAddr>,
}

/// The questions to all STUN servers.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    /// All servers, also those of a family that this host lacks.
    servers: Vec<SocketAddr>,
    asked: Vec<Asked>,
}

impl Gathering {
    /// Asks these servers from now on, if this host has an address of their family.
    pub(crate) fn begin(&mut self, now: Instant, servers: &[SocketAddr], host: &[SocketAddr], random: &mut Csprng) {
        self.servers = servers.to_vec();
        self.begin_again(now, host, random);
    }

    /// Forgets all answers, because this host has these addresses now.
    pub(crate) fn begin_again(&mut self, now: Instant, host: &[SocketAddr], random: &mut Csprng) {
        let reached = self.servers.iter().filter(|&&server| host.iter().any(|&host| are_of_one_family(host, server)));
        let asked = |&server| Asked { server, id: fresh_id(random), next_at: now, wait: STUN_RETRY_FIRST, seen: None };
        self.asked = reached.map(asked).collect();
    }

    /// Whether every server has answered.
    pub(crate) fn is_complete(&self) -> bool {
        self.asked.iter().all(|asked| asked.seen.is_some())
    }

    /// Takes a STUN message from `from`; None if it is no answer to a question, else whether it told another address than
    /// before.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
        random: &mut Csprng,
    ) -> Option<bool> {
        let asked = self.asked.iter_mut().find(|asked| asked.server == from)?;
        let seen = stun::mapped_address(datagram, &asked.id)?;
        // A question counts once: its copies may have been answered, too.
        (asked.id, asked.next_at, asked.wait) = (fresh_id(random), now + STUN_PERIOD, STUN_RETRY_FIRST);
        Some(asked.seen.replace(seen) != Some(seen))
    }

    /// The addresses that the servers saw.
    pub(crate) fn seen(&self) -> Vec<SocketAddr> {
        let mut seen: Vec<SocketAddr> = self.asked.iter().filter_map(|asked| asked.seen).collect();
        seen.dedup();
        seen
    }

    /// Hands the questions that are due to the outbox.
    pub(crate) fn transmit(&mut self, now: Instant, outbox: &mut Outbox) {
        for asked in self.asked.iter_mut().filter(|asked| asked.next_at <= now) {
            let Some(room) = outbox.room(Via::Socket, asked.server, stun::REQUEST_BYTES) else { return };
            room.copy_from_slice(&stun::request(asked.id));
            asked.next_at = now + asked.wait;
            asked.wait = (asked.wait * 2).min(STUN_RETRY_MAX);
        }
    }

    /// When a question is due.
    pub(crate) fn deadline(&self) -> Instant {
        self.asked.iter().map(|asked| asked.next_at).min().unwrap_or(Instant::NEVER)
    }
}

fn fresh_id(random: &mut Csprng) -> TransactionId {
    let mut id = [0; 12];
    random.fill_bytes(&mut id);
    id
}

//! The key exchanges of admission (PROTOCOL.md#noise), and the connections that they make.

use super::super::budget::Budget;
use super::super::entry::{Entry, HalfOpen, Phase};
use super::super::offenders::Offence;
use super::super::sender::Sender;
use super::super::session::Token;
use super::buckets::Rate;
use super::reply::{Reply, denied};
use super::{Admission, Context};
use crate::connection::{Connection, ConnectionConfig, Role, draw_secret, prologue};
use crate::crypto::noise::{MESSAGE_2_OVERHEAD_BYTES, Responder};
use crate::crypto::{Suite, Suites};
use crate::limits::*;
use crate::time::Instant;
use crate::wire::{Accepted, Connect, ConnectionId, ConnectionParameters, DeniedReason};

/// Key exchanges run at their full rate while a quarter of the core's time is spare, and more slowly below that.
const SPARE_FOR_FULL_RATE: f32 = 0.25;
/// The share of their rate that remains when no time is spare.
const RATE_SHARE_MIN: f32 = 0.1;

/// A Connect whose first Noise message was valid: its client knows the server's key.
pub(in super::super) struct Opened {
    suite: Suite,
    responder: Responder,
    /// The session that the client wants to resume.
    pub(in super::super) token: Token,
}

impl Admission {
    /// Does the key exchanges that wait, within the budget of a flush and the rate of the policy.
    pub(super) fn exchange_keys(&mut self, now: Instant, context: &mut Context<'_>) {
        // Key exchanges use spare time, so players do not wait for them. But some are always done.
        let share = (self.spare / SPARE_FOR_FULL_RATE).clamp(RATE_SHARE_MIN, 1.0);
        let per_second = (context.policy.handshakes_per_second as f64 * f64::from(share)) as u64;
        let limit = Rate { per_second, at_once: (per_second / 10).max(HANDSHAKES_PER_FLUSH as u64) };
        assert!(self.without_slot.is_empty(), "the last flush has answered every client without a slot");
        self.next_handshake_at = None;
        let before = context.stats.handshakes;
        while !self.handshakes.is_empty() && context.stats.handshakes - before < HANDSHAKES_PER_FLUSH as u64 {
            if !self.handshakes_left.has(now, limit) {
                self.next_handshake_at = Some(self.handshakes_left.ready_at(limit));
                return;
            }
            if let Some((sender, connect)) = self.handshakes.pop()
                && self.handshake(now, sender, &connect, context)
            {
                self.handshakes_left.take(now, limit);
            }
        }
    }

    /// Answers one Connect with a key exchange, or without one: then it returns false.
    fn handshake(&mut self, now: Instant, sender: Sender, connect: &Connect, context: &mut Context<'_>) -> bool {
        if context.policy.denies(sender.ip()) {
            // The policy changed while the Connect waited.
            context.drop_packet(Offence::Denied, sender);
            return false;
        }
        if let Some(id) = context.table.of_client(sender.path.peer, connect.client_key()) {
            // Two copies of the Connect waited.
            context.stats.handshakes_repeated += 1;
            self.reply(sender, Reply::Accepted(id), context);
            return false;
        }
        if self.shutting_down {
            self.reply(sender, denied(connect.tag, DeniedReason::ShuttingDown), context);
            return false;
        }
        if context.table.is_full() && !context.table.must_displace(now) {
            match self.without_slot.len() < HANDSHAKES_PER_FLUSH {
                true => self.without_slot.push_back((sender, connect.clone())),
                false => self.deny_full(sender, connect, context),
            }
            return true;
        }
        context.stats.handshakes += 1;
        match self.open(connect) {
            Ok(opened) => self.admit(now, sender, connect, opened, context),
            Err(reason) => self.exchanged.push_back((sender, denied(connect.tag, reason))),
        }
        true
    }

    /// The next client of this flush that found no free slot.
    pub(in super::super) fn next_without_slot(&mut self) -> Option<(Sender, Connect)> {
        self.without_slot.pop_front()
    }

    /// Tells a client that the server is full.
    pub(in super::super) fn deny_full(&mut self, sender: Sender, connect: &Connect, context: &mut Context<'_>) {
        self.reply(sender, denied(connect.tag, DeniedReason::ServerFull), context);
    }

    /// Opens the Connect of a client that found no free slot. If that fails, denies the client and returns None.
    pub(in super::super) fn open_without_slot(
        &mut self,
        sender: Sender,
        connect: &Connect,
        context: &mut Context<'_>,
    ) -> Option<Opened> {
        context.stats.handshakes += 1;
        self.open(connect).map_err(|reason| self.reply(sender, denied(connect.tag, reason), context)).ok()
    }

    /// The first half of a key exchange: reads the client's Noise message.
    fn open(&self, connect: &Connect) -> Result<Opened, DeniedReason> {
        let config = &self.config;
        let suite = config.suites.agree(Suites::from_bits(connect.suites)).ok_or(DeniedReason::NoCommonSuite)?;
        let prologue = prologue(connect.suites, connect.options);
        let (responder, token) =
            Responder::read(&config.secret, &self.public, &prologue, config.pre_shared.clone(), &connect.noise)
                .map_err(|_| DeniedReason::WrongKey)?;
        Ok(Opened { suite, responder, token })
    }

    /// The second half of a key exchange: makes a half-open connection. The reply leaves first in the next flush.
    pub(in super::super) fn admit(
        &mut self,
        now: Instant,
        sender: Sender,
        connect: &Connect,
        opened: Opened,
        context: &mut Context<'_>,
    ) {
        let reply = match self.accept(now, sender, connect, opened, context) {
            Ok(id) => Reply::Accepted(id),
            Err(reason) => denied(connect.tag, reason),
        };
        self.exchanged.push_back((sender, reply));
    }

    fn accept(
        &mut self,
        now: Instant,
        sender: Sender,
        connect: &Connect,
        opened: Opened,
        context: &mut Context<'_>,
    ) -> Result<ConnectionId, DeniedReason> {
        let Context { policy, table, resumption, stats, .. } = context;
        // A client that shows a token has yet to prove that it knows the session's secret. The session is not touched
        // before.
        let resumes = resumption.key_of(&opened.token);
        if self.only_resumed && resumes.is_none() {
            return Err(DeniedReason::Busy);
        }
        if table.must_displace(now) {
            // Clients that never prove their keys must not keep out those that would.
            stats.half_open_displaced += u64::from(table.displace_half_open());
        }
        let id = table.next_id().ok_or(DeniedReason::ServerFull)?;
        let parameters = ConnectionParameters {
            connection: id,
            suite: opened.suite as u8,
            resumed: resumes.is_some(),
            datagram_bytes_max: DATAGRAM_BYTES_MAX as u16,
            heartbeat: self.config.heartbeat.interval,
            timeout: self.config.heartbeat.timeout,
        };
        let ephemeral = draw_secret(&mut self.random);
        let mut noise = [0; ConnectionParameters::BYTES + MESSAGE_2_OVERHEAD_BYTES];
        let secrets =
            opened.responder.write(&ephemeral, &parameters.encode(), &mut noise).map_err(|_| DeniedReason::WrongKey)?;
        let config = ConnectionConfig {
            id,
            role: Role::Server,
            suite: opened.suite,
            secrets: match &resumes {
                Some(key) => secrets.resuming(key),
                None => secrets,
            },
            heartbeat: self.config.heartbeat,
            transport: self.config.transport,
        };
        let mut connection = Connection::new(config, now, &mut self.random);
        connection.cap_rate(now, policy.connection_send_bytes_per_second);
        let reply = Accepted { tag: connect.tag, connection: id, noise }.encode();
        let phase = Phase::HalfOpen(Box::new(HalfOpen { reply, until: now, resumes }));
        table.insert(now, entry(now, sender, *connect.client_key(), phase, connection));
        Ok(id)
    }
}

/// The table's entry for a new connection.
fn entry(now: Instant, sender: Sender, client_key: [u8; 32], phase: Phase, connection: Connection) -> Entry {
    Entry {
        path: sender.path,
        origin: sender.origin,
        budget: Budget::default(),
        accepted_at: now,
        candidate: None,
        handshake_peer: sender.path.peer,
        client_key,
        phase,
        open_datagram: None,
        is_active: false,
        session_id: None,
        resumed_by: None,
        integrity_check_at: Instant::NEVER,
        lost_counted: 0,
        connection,
    }
}

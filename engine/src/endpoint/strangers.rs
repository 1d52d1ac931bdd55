//! Strangers: whoever has no connection yet.
//!
//! Receiving one only queues work in bounded queues; the work is done at the end of a flush, within its budget. A reply
//! is never larger than the Connect it answers, and each Connect gets one at most, so bytes out never exceed bytes in.

use super::resumption::{Resumption, Token};
use super::table::{Connection, Phase, Table};
use crate::crypto::noise::{MESSAGE_2_OVERHEAD_BYTES, Responder};
use crate::crypto::{CookieSigner, CookieVerdict, Csprng, PreSharedKey, PublicKey, SecretKey, Suites};
use crate::limits::*;
use crate::link::{Link, Path};
use crate::session::{HeartbeatConfig, Role, Session, SessionConfig, TransportConfig, draw_secret};
use crate::stats::{Drops, EndpointStats};
use crate::time::Instant;
use crate::wire::{
    Accepted, Cleartext, Connect, ConnectionId, Cookie, Denied, DeniedReason, SessionParameters, decode_cleartext,
};
use std::collections::VecDeque;

#[derive(Debug)]
pub(super) struct Strangers {
    random: Csprng,
    cookies: CookieSigner,
    secret: SecretKey,
    public: PublicKey,
    suites: Suites,
    pre_shared: Option<PreSharedKey>,
    heartbeat: HeartbeatConfig,
    transport: TransportConfig,
    shutting_down: bool,
    replies: VecDeque<(Path, Reply)>,
    handshakes: VecDeque<(Path, Connect)>,
}

/// A reply that costs no key exchange.
#[derive(Debug)]
enum Reply {
    Cookie { tag: u64, client_key: [u8; 32] },
    Denied(Denied),
    Repeat(ConnectionId),
}

impl Strangers {
    pub(super) fn new(
        now: Instant,
        mut random: Csprng,
        secret: SecretKey,
        suites: Suites,
        pre_shared: Option<PreSharedKey>,
        heartbeat: HeartbeatConfig,
        transport: TransportConfig,
    ) -> Self {
        Strangers {
            cookies: CookieSigner::new(now, &mut random),
            random,
            public: secret.public(),
            secret,
            suites,
            pre_shared,
            heartbeat,
            transport,
            shutting_down: false,
            replies: VecDeque::with_capacity(STRANGER_REPLIES_WAITING_MAX + HANDSHAKES_PER_FLUSH),
            handshakes: VecDeque::with_capacity(HANDSHAKES_WAITING_MAX),
        }
    }

    pub(super) fn refuse_all(&mut self) {
        self.shutting_down = true;
    }

    pub(super) fn are_waiting(&self) -> bool {
        !self.handshakes.is_empty() || !self.replies.is_empty()
    }

    pub(super) fn receive(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
        table: &mut Table,
        stats: &mut EndpointStats,
        drops: &mut Drops,
    ) {
        stats.stranger_bytes_in += datagram.len() as u64;
        match decode_cleartext(datagram) {
            Ok(Cleartext::Connect(connect)) => {
                stats.connects_in += 1;
                self.connect(now, path, connect, table, stats, drops);
            }
            Ok(Cleartext::ForeignConnect { tag, .. }) => {
                stats.connects_in += 1;
                self.reply(path, denied(tag, DeniedReason::WrongVersion), drops);
            }
            Ok(_) => drops.unexpected += 1,
            Err(_) => drops.malformed += 1,
        }
    }

    fn connect(
        &mut self,
        now: Instant,
        path: Path,
        connect: Connect,
        table: &Table,
        stats: &mut EndpointStats,
        drops: &mut Drops,
    ) {
        if self.replies.len() >= STRANGER_REPLIES_WAITING_MAX && connect.cookie == [0; COOKIE_BYTES] {
            drops.stranger_budget += 1;
            return;
        }
        let (tag, client_key) = (connect.tag, *connect.client_key());
        if self.cookies.verify(now, path.peer, &client_key, &connect.cookie) != CookieVerdict::Valid {
            return self.reply(path, Reply::Cookie { tag, client_key }, drops);
        }
        if let Some(id) = table.of_client(path.peer, &client_key) {
            // The same Connect again: its Accepted was lost, or is late.
            stats.handshakes_repeated += 1;
            return self.reply(path, Reply::Repeat(id), drops);
        }
        if self.shutting_down {
            return self.reply(path, denied(tag, DeniedReason::ShuttingDown), drops);
        }
        if connect.options.pre_shared_key != self.pre_shared.is_some() {
            return self.reply(path, denied(tag, DeniedReason::PreSharedKeyMismatch), drops);
        }
        if self.handshakes.len() >= HANDSHAKES_WAITING_MAX {
            drops.handshake_queue_full += 1;
            return;
        }
        self.handshakes.push_back((path, connect));
    }

    fn reply(&mut self, path: Path, reply: Reply, drops: &mut Drops) {
        if self.replies.len() >= STRANGER_REPLIES_WAITING_MAX {
            drops.stranger_budget += 1;
            return;
        }
        self.replies.push_back((path, reply));
    }

    /// Does the work that waits, as far as the budget goes and the link has room.
    #[allow(clippy::too_many_arguments, reason = "the parts of the endpoint that strangers touch, each by name")]
    pub(super) fn flush(
        &mut self,
        now: Instant,
        link: &mut impl Link,
        table: &mut Table,
        resumption: &Resumption,
        stats: &mut EndpointStats,
        drops: &mut Drops,
    ) {
        let exchanges_before = stats.handshakes;
        while stats.handshakes - exchanges_before < HANDSHAKES_PER_FLUSH as u64 {
            let Some((path, connect)) = self.handshakes.pop_front() else { break };
            self.handshake(now, path, &connect, table, resumption, stats, drops);
        }
        for _ in 0..STRANGER_REPLIES_PER_FLUSH {
            let Some((path, reply)) = self.replies.pop_front() else { break };
            let sent = match reply {
                Reply::Cookie { tag, client_key } => {
                    let cookie = self.cookies.sign(now, path.peer, &client_key, &mut self.random);
                    let sent = send(link, path, &Cookie { tag, cookie }.encode(), stats);
                    stats.cookies_out += u64::from(sent);
                    sent
                }
                Reply::Denied(denied) => {
                    let sent = send(link, path, &denied.encode(), stats);
                    stats.denied_out += u64::from(sent);
                    sent
                }
                Reply::Repeat(id) => match table.get(id).map(|connection| &connection.phase) {
                    Some(Phase::HalfOpen { reply, .. }) => {
                        let sent = send(link, path, reply.as_slice(), stats);
                        table.await_proof(now, id);
                        sent
                    }
                    // Its client has long had the Accepted: this is a late copy.
                    _ => {
                        drops.unexpected += 1;
                        true
                    }
                },
            };
            drops.stranger_budget += u64::from(!sent);
        }
        assert!(stats.stranger_bytes_out <= stats.stranger_bytes_in, "a server never amplifies");
    }

    /// The key exchange. Its reply joins the other replies of this flush.
    #[allow(clippy::too_many_arguments, reason = "the parts of the endpoint that strangers touch, each by name")]
    fn handshake(
        &mut self,
        now: Instant,
        path: Path,
        connect: &Connect,
        table: &mut Table,
        resumption: &Resumption,
        stats: &mut EndpointStats,
        drops: &mut Drops,
    ) {
        let client_key = connect.client_key();
        if let Some(id) = table.of_client(path.peer, client_key) {
            // Two copies waited in the queue.
            stats.handshakes_repeated += 1;
            return self.reply(path, Reply::Repeat(id), drops);
        }
        if self.shutting_down {
            return self.reply(path, denied(connect.tag, DeniedReason::ShuttingDown), drops);
        }
        stats.handshakes += 1;
        match self.accept(now, path, connect, table, resumption) {
            Ok(id) => self.replies.push_front((path, Reply::Repeat(id))),
            Err(reason) => self.replies.push_front((path, denied(connect.tag, reason))),
        }
    }

    fn accept(
        &mut self,
        now: Instant,
        path: Path,
        connect: &Connect,
        table: &mut Table,
        resumption: &Resumption,
    ) -> Result<ConnectionId, DeniedReason> {
        let suite = self.suites.agree(Suites::from_bits(connect.suites)).ok_or(DeniedReason::NoCommonSuite)?;
        let id = table.vacancy().ok_or(DeniedReason::ServerFull)?;
        let prologue = crate::session::prologue(connect.suites, connect.options);
        let (responder, token): (_, Token) =
            Responder::read(&self.secret, &self.public, &prologue, self.pre_shared.clone(), &connect.noise)
                .map_err(|_| DeniedReason::WrongKey)?;
        // Whoever shows a token has still to prove its keys before anything is done with it.
        let resumes = resumption.knows(&token).then_some(token);
        let parameters = SessionParameters {
            connection: id,
            suite: suite as u8,
            resumed: resumes.is_some(),
            datagram_bytes_max: DATAGRAM_BYTES_MAX as u16,
            heartbeat: self.heartbeat.interval,
            timeout: self.heartbeat.timeout,
        };
        let ephemeral = draw_secret(&mut self.random);
        let mut noise = [0; SessionParameters::BYTES + MESSAGE_2_OVERHEAD_BYTES];
        let secrets =
            responder.write(&ephemeral, &parameters.encode(), &mut noise).map_err(|_| DeniedReason::WrongKey)?;
        let reply = Accepted { tag: connect.tag, connection: id, noise }.encode();
        let config = SessionConfig {
            id,
            role: Role::Server,
            suite,
            secrets,
            heartbeat: self.heartbeat,
            transport: self.transport,
        };
        let connection = Connection {
            path,
            candidate: None,
            born_at: path.peer,
            client_key: *connect.client_key(),
            phase: Phase::HalfOpen { reply: Box::new(reply), until: now, resumes },
            staged: None,
            is_active: false,
            alias: None,
            challenge_at: Instant::NEVER,
            lost_counted: 0,
            session: Session::new(config, now, &mut self.random),
        };
        table.insert(now, connection);
        Ok(id)
    }
}

fn denied(tag: u64, reason: DeniedReason) -> Reply {
    Reply::Denied(Denied { tag, reason, server_version: PROTOCOL_VERSION })
}

fn send(link: &mut impl Link, path: Path, datagram: &[u8], stats: &mut EndpointStats) -> bool {
    let Some(room) = link.reserve(path, datagram.len()) else { return false };
    room.copy_from_slice(datagram);
    stats.stranger_bytes_out += datagram.len() as u64;
    stats.datagrams_out += 1;
    stats.bytes_out += datagram.len() as u64;
    true
}

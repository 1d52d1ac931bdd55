//! Admission of clients that have no connection yet (PROTOCOL.md#server-handshake).
//!
//! Receiving a Connect only queues work, in bounded queues. The work is done at the end of a flush, within its budget:
//! players come first. Until a client has returned its cookie, it costs no memory and no key exchange. A reply is never
//! larger than the Connect that it answers, and a Connect gets at most one, so the server amplifies no attack.

mod buckets;
mod context;
mod fair_queue;
mod handshake;
mod reply;

use self::buckets::{Bucket, Buckets, Rate};
pub(super) use self::context::Context;
use self::fair_queue::FairQueue;
use self::reply::{Reply, denied};
use super::networks::{limit_key, queue_key};
use super::offenders::Offence;
use super::sender::Sender;
use crate::connection::{HeartbeatConfig, TransportConfig};
use crate::crypto::{CookieSigner, CookieVerdict, Csprng, PreSharedKey, PublicKey, SecretKey, Suites};
use crate::limits::*;
use crate::link::Link;
use crate::time::Instant;
use crate::wire::{Connect, DeniedReason, UnencryptedPacket, decode_unencrypted};
use core::hash::Hasher;
use rand_chacha::rand_core::Rng;
use std::collections::VecDeque;
use std::hash::DefaultHasher;

/// Malformed or unexpected packets that an address may send before it is misbehaving. While the reply queue is full,
/// the Connects without a cookie of misbehaving addresses are dropped first.
const INVALID_PACKETS: Rate = Rate { per_second: 20, at_once: 200 };

/// What admission needs to know of the server.
#[derive(Debug)]
pub(super) struct AdmissionConfig {
    pub(super) secret: SecretKey,
    pub(super) suites: Suites,
    pub(super) pre_shared: Option<PreSharedKey>,
    pub(super) heartbeat: HeartbeatConfig,
    pub(super) transport: TransportConfig,
}

#[derive(Debug)]
pub(super) struct Admission {
    config: AdmissionConfig,
    /// The public half of the server's static key.
    public: PublicKey,
    random: Csprng,
    cookies: CookieSigner,
    shutting_down: bool,
    /// Whether only clients that resume a session are accepted.
    only_resumed: bool,
    /// Answers to key exchanges. They leave first, because most of the work for them is done.
    exchanged: VecDeque<(Sender, Reply)>,
    replies: FairQueue<(Sender, Reply)>,
    handshakes: FairQueue<(Sender, Connect)>,
    /// Clients of this flush that found no free slot.
    without_slot: VecDeque<(Sender, Connect)>,
    /// Key exchanges that each address may still have. Only addresses that returned a cookie are in it.
    handshakes_by_address: Buckets,
    /// Invalid packets that each address may still send.
    invalid_by_address: Buckets,
    /// Key exchanges that the endpoint may still do.
    handshakes_left: Bucket,
    /// When the next key exchange may be done, if all of [`Self::handshakes_left`] is used.
    next_handshake_at: Option<Instant>,
    /// Share of the core's time that is spare, 0 to 1.
    spare: f32,
    /// Keys the mapping from address to lane, so that an attacker cannot choose whose lane to fill.
    lane_secret: u64,
}

impl Admission {
    pub(super) fn new(now: Instant, mut random: Csprng, config: AdmissionConfig) -> Self {
        Admission {
            cookies: CookieSigner::new(now, &mut random),
            handshakes_by_address: Buckets::new(&mut random),
            invalid_by_address: Buckets::new(&mut random),
            handshakes_left: Bucket::default(),
            next_handshake_at: None,
            spare: 1.0,
            lane_secret: random.next_u64(),
            random,
            public: config.secret.public(),
            config,
            shutting_down: false,
            only_resumed: false,
            exchanged: VecDeque::with_capacity(2 * HANDSHAKES_PER_FLUSH),
            replies: FairQueue::new(ADMISSION_REPLIES_WAITING_MAX),
            handshakes: FairQueue::new(HANDSHAKES_WAITING_MAX),
            without_slot: VecDeque::with_capacity(HANDSHAKES_PER_FLUSH),
        }
    }

    /// Sets the share of the core's time that is spare.
    pub(super) fn set_spare(&mut self, spare: f32) {
        self.spare = spare;
    }

    /// Denies clients that do not resume a session, or accepts them again.
    pub(super) fn refuse_newcomers(&mut self, refuse: bool) {
        self.only_resumed = refuse;
    }

    /// Denies all clients from now on: the server is shutting down.
    pub(super) fn refuse_all(&mut self) {
        self.shutting_down = true;
    }

    /// Whether there is something to do right now.
    pub(super) fn has_work(&self) -> bool {
        let handshakes = !self.handshakes.is_empty() && self.next_handshake_at.is_none();
        handshakes || !self.replies.is_empty() || !self.exchanged.is_empty()
    }

    /// When there is something to do that must wait until then.
    pub(super) fn deadline(&self) -> Instant {
        self.next_handshake_at.filter(|_| !self.handshakes.is_empty()).unwrap_or(Instant::NEVER)
    }

    /// Takes a packet from an unknown address: queues what it asks for, or drops and counts it.
    pub(super) fn receive(&mut self, now: Instant, sender: Sender, packet: &[u8], context: &mut Context<'_>) {
        context.stats.unvalidated_bytes_in += packet.len() as u64;
        if context.policy.denies(sender.ip()) {
            return context.drop_packet(Offence::Denied, sender);
        }
        match decode_unencrypted(packet) {
            Ok(UnencryptedPacket::Connect(connect)) => {
                context.stats.connects_in += 1;
                self.connect(now, sender, connect, context);
            }
            Ok(UnencryptedPacket::ForeignConnect { tag, .. }) => {
                context.stats.connects_in += 1;
                self.reply_unvalidated(now, sender, denied(tag, DeniedReason::WrongVersion), context);
            }
            Ok(_) => self.invalid(now, sender, Offence::Unexpected, context),
            Err(_) => self.invalid(now, sender, Offence::Malformed, context),
        }
    }

    fn invalid(&mut self, now: Instant, sender: Sender, offence: Offence, context: &mut Context<'_>) {
        self.invalid_by_address.take(now, limit_key(sender.ip()), INVALID_PACKETS);
        context.drop_packet(offence, sender);
    }

    fn connect(&mut self, now: Instant, sender: Sender, connect: Connect, context: &mut Context<'_>) {
        let (tag, client_key) = (connect.tag, *connect.client_key());
        if self.cookies.verify(now, sender.addresses(), &client_key, &connect.cookie) != CookieVerdict::Valid {
            return self.reply_unvalidated(now, sender, Reply::Cookie { tag, client_key }, context);
        }
        // From here on the address is validated.
        if let Some(id) = context.table.of_client(sender.path.peer, &client_key) {
            // A repeated Connect: its Accepted was lost, or is late.
            context.stats.handshakes_repeated += 1;
            return self.reply(sender, Reply::Accepted(id), context);
        }
        if self.shutting_down {
            return self.reply(sender, denied(tag, DeniedReason::ShuttingDown), context);
        }
        if connect.options.pre_shared_key != self.config.pre_shared.is_some() {
            return self.reply(sender, denied(tag, DeniedReason::PreSharedKeyMismatch), context);
        }
        if !self.may_handshake(now, sender, context) {
            context.drop_packet(Offence::AddressBudget, sender);
            return self.reply(sender, denied(tag, DeniedReason::Busy), context);
        }
        let lane = self.lane(sender);
        if let Some((displaced, Connect { tag, .. })) = self.handshakes.push(lane, (sender, connect)) {
            context.drop_packet(Offence::HandshakeQueueFull, displaced);
            self.reply(displaced, denied(tag, DeniedReason::Busy), context);
        }
    }

    /// Charges the address for a key exchange; false if it may not have another one now.
    fn may_handshake(&mut self, now: Instant, sender: Sender, context: &Context<'_>) -> bool {
        let address = sender.ip();
        let limit = Rate {
            per_second: context.policy.address_handshakes_per_second,
            at_once: context.policy.address_handshakes_at_once,
        };
        context.policy.allowed.contain(address) || self.handshakes_by_address.take(now, limit_key(address), limit)
    }

    /// Queues a reply to an address that is not validated.
    fn reply_unvalidated(&mut self, now: Instant, sender: Sender, reply: Reply, context: &mut Context<'_>) {
        // Addresses can be forged, so invalid packets count against an address only while others wait for the room.
        if self.replies.is_full()
            && !self.invalid_by_address.has(now, limit_key(sender.ip()), INVALID_PACKETS)
            && !context.policy.allowed.contain(sender.ip())
        {
            return context.drop_packet(Offence::MisbehavingAddress, sender);
        }
        self.reply(sender, reply, context);
    }

    fn reply(&mut self, sender: Sender, reply: Reply, context: &mut Context<'_>) {
        let lane = self.lane(sender);
        if let Some((displaced, _)) = self.replies.push(lane, (sender, reply)) {
            context.drop_packet(Offence::ReplyQueueFull, displaced);
        }
    }

    /// The lane in which the address waits, together with its own network and some others.
    fn lane(&self, sender: Sender) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.lane_secret);
        hasher.write_u128(queue_key(sender.ip()));
        hasher.finish()
    }

    /// Does the work that waits, within the budget of a flush and the room of the link.
    pub(super) fn flush(&mut self, now: Instant, link: &mut impl Link, context: &mut Context<'_>) {
        self.exchange_keys(now, context);
        let mut room = ADMISSION_REPLIES_PER_FLUSH;
        while room > 0
            && let Some((sender, reply)) = self.exchanged.pop_front().or_else(|| self.replies.pop())
        {
            room -= 1;
            if !reply.send(now, sender, &mut self.cookies, &mut self.random, link, context) {
                context.drop_packet(Offence::ReplyQueueFull, sender);
            }
        }
        assert!(self.exchanged.is_empty(), "the answer to a key exchange waits for one flush at most");
        let stats = &context.stats;
        assert!(stats.unvalidated_bytes_out <= stats.unvalidated_bytes_in, "a server never amplifies");
    }
}

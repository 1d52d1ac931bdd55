//! What a peer can fill or hold up, and how far.

use std::time::Duration;

/// Bytes of an offer.
pub(super) const OFFER_BYTES_MAX: usize = 16 << 10;
/// How long a peer may take from its offer to an open channel.
pub(super) const OPENING_MAX: Duration = Duration::from_secs(10);
/// Peers of a thread that have no open channel yet.
pub(super) const OPENING_PEERS_MAX: usize = 512;
/// Of these, peers whose offer came from one address. An IPv6 address counts as its /64.
pub(super) const OPENING_PEERS_PER_ADDRESS_MAX: usize = 16;
/// Packets that a peer may send until its channel is open.
pub(super) const OPENING_PACKETS_MAX: u32 = 400;
/// Bytes that a peer may send until its channel is open. A handshake takes about 5,000, and each STUN check about 120.
pub(super) const OPENING_BYTES_MAX: usize = 64 << 10;
/// Packets that a peer may send per second once its channel is open, of which as many may come at once. A datagram takes one or
/// two, and about as many acknowledgments return.
pub(super) const PACKETS_PER_SECOND: u32 = 4_000;
/// Addresses at one time that packets of a peer may come from.
pub(super) const ADDRESSES_MAX: usize = 4;
/// Addresses that a peer may have in its life. str0m keeps each of them.
pub(super) const ADDRESSES_EVER_MAX: u32 = 100;
/// Bytes of datagrams that SCTP holds for a peer: not sent yet, or not acknowledged. Beyond, datagrams wait in the client's
/// queue, which drops its oldest ones.
pub(super) const HELD_BYTES_MAX: usize = 32 << 10;
/// Bytes of a UDP packet to a peer. With IPv6 headers it has 1,280 bytes, which every path carries. A datagram of 1,152 bytes
/// fits into one such packet.
pub(super) const PACKET_BYTES: usize = 1_232;
/// A peer's deadlines are looked at this often at least.
pub(super) const CHECK_EVERY: Duration = Duration::from_secs(5);
/// Packets that are received before anything else gets its turn.
pub(super) const PACKETS_PER_TURN: usize = 256;
/// Label of the data channel.
pub(super) const LABEL: &str = "ringshard";

//! What a peer can fill or hold up, and how far.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Bytes of an offer.
pub(crate) const OFFER_BYTES_MAX: usize = 16 << 10;
/// Characters of a client's name and password for STUN (RFC 8839, section 5.4).
pub(super) const NAME_CHARACTERS: RangeInclusive<usize> = 4..=256;
pub(super) const PASSWORD_CHARACTERS: RangeInclusive<usize> = 22..=256;
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
/// Bytes of a STUN check that waits until its address is proven. A longer one is dropped; clients repeat checks.
pub(super) const HELD_CHECK_BYTES_MAX: usize = 640;
/// Addresses at one time that packets of a peer may come from.
pub(super) const ADDRESSES_MAX: usize = 4;
/// Addresses that a peer may prove in its life. str0m keeps each of them.
pub(super) const ADDRESSES_EVER_MAX: u32 = 100;
/// Bytes of datagrams that SCTP holds for a peer: not sent yet, or not acknowledged. Beyond, datagrams wait in the client's
/// queue, which drops its oldest ones.
pub(super) const HELD_BYTES_MAX: usize = 32 << 10;
/// Bytes of a UDP packet to a peer. With IPv6 headers it has 1,280 bytes, which every path carries. A datagram of 1,152 bytes
/// fits into one such packet.
pub(super) const PACKET_BYTES: usize = 1_232;
/// A peer's deadlines are looked at this often at least.
pub(super) const CHECK_EVERY: Duration = Duration::from_secs(5);
/// Two looks at a peer's deadlines are at least this far apart, whatever str0m says.
pub(super) const CHECK_AFTER: Duration = Duration::from_millis(1);
/// Packets that are received before anything else gets its turn.
pub(super) const PACKETS_PER_TURN: usize = 256;
/// STUN checks that may ask for a proof of address, per second and peer, of which as many may come at once. Anybody who has
/// seen a client's check can repeat it, so this is apart from what the client itself may send.
pub(super) const PROOFS_PER_SECOND: u32 = 100;
/// Chunks of SCTP that a peer may send per second, of which as many may come at once. A packet counts as one more.
pub(super) const CHUNKS_PER_SECOND: u32 = 10_000;
/// Attempts of a peer to begin SCTP. A browser repeats one that is lost.
pub(super) const INITS_MAX: u32 = 16;
/// Chunks that may arrive after the oldest missing one. str0m holds all of them.
pub(super) const AHEAD_MAX: usize = 2_048;
/// Of these, fragments of messages.
pub(super) const FRAGMENTS_AHEAD_MAX: usize = 256;
/// Fragments of one message. A datagram needs two, or three if its first one fills a packet that has others.
pub(super) const FRAGMENTS_OF_MESSAGE_MAX: usize = 16;
/// Acknowledged fragments that wait for what cannot come.
pub(super) const STRANDED_MAX: usize = 64;
/// Ordered messages of a peer. A client sends them until its channel is open at both ends.
pub(super) const ORDERED_MAX: u16 = 256;
/// Fragments of these.
pub(super) const ORDERED_FRAGMENTS_MAX: usize = 512;
/// How far an acknowledgment may reach beyond the oldest missing chunk. [`HELD_BYTES_MAX`] has no more chunks of datagrams.
pub(super) const GAP_END_MAX: u16 = 4_096;
/// Label of the data channel.
pub(super) const LABEL: &str = "ringshard";

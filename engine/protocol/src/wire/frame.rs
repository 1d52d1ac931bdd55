//! Frames: the content of encrypted datagrams (PROTOCOL.md#frames).
//!
//! ```text
//! | kind and length u16 | body, length bytes |     kind in the upper 5 bits, length in the lower 11
//! ```

use super::{Ack, Channel, ConnectionId, Delivery, DisconnectReason, Fragment};

pub(super) const KIND_END: u16 = 0;
pub(super) const KIND_COMPRESSED: u16 = 1;
pub(super) const KIND_PATH_CHALLENGE: u16 = 2;
pub(super) const KIND_PATH_RESPONSE: u16 = 3;
pub(super) const KIND_PING: u16 = 4;
pub(super) const KIND_PONG: u16 = 5;
pub(super) const KIND_DISCONNECT: u16 = 6;
pub(super) const KIND_ACK: u16 = 7;
pub(super) const KIND_FRAGMENT: u16 = 8;
pub(super) const KIND_NEW_ID: u16 = 9;
pub(super) const KIND_INTEGRITY: u16 = 12;
pub(super) const KIND_REKEY_REQUEST: u16 = 13;
pub(super) const KIND_REKEY_RESPONSE: u16 = 14;
pub(super) const KIND_PROBE: u16 = 15;
/// Messages of channel `n` have kind 16 + `n`.
pub(super) const KIND_MESSAGE: u16 = 16;

pub(super) const LENGTH_BITS: u32 = 11;
pub(super) const LENGTH_MASK: u16 = (1 << LENGTH_BITS) - 1;

/// Bytes of a message's number. Unreliable messages have none.
pub const NUMBER_BYTES: usize = 2;
/// A RekeyResponse names its request by this many first bytes of the request's key.
pub const REKEY_NAME_BYTES: usize = 8;
/// An integrity answer names its challenge by this many first bytes of the challenge's nonce.
pub const INTEGRITY_NAME_BYTES: usize = 8;
/// Bytes of an integrity challenge's nonce.
pub const INTEGRITY_NONCE_BYTES: usize = 16;

/// The integrity check: a challenge that only an unaltered client can answer, and the answer
/// (PROTOCOL.md#integrity-check).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IntegrityFrame {
    /// Server to client.
    Challenge {
        /// Which entry of the key table to use.
        index: u8,
        /// Fresh for every challenge.
        nonce: [u8; INTEGRITY_NONCE_BYTES],
    },
    /// Client to server.
    Answer {
        /// First bytes of the challenge's nonce.
        to: [u8; INTEGRITY_NAME_BYTES],
        /// HMAC under the entry of the key table.
        mac: [u8; 32],
    },
}

/// One frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Frame<'a> {
    /// The receiver answers with the same value.
    Ping(u64),
    /// The answer to a ping.
    Pong(u64),
    /// The sender closed the connection.
    Disconnect(DisconnectReason),
    /// A whole message: its number, except on unreliable channels, and its bytes.
    Message(Channel, &'a [u8]),
    /// A whole message, compressed.
    Compressed(Channel, &'a [u8]),
    /// A piece of a message.
    Fragment(Fragment<'a>),
    /// Which datagrams the peer received.
    Ack(Ack<'a>),
    /// An impossible acknowledgment (PROTOCOL.md#impossible-acks).
    BadAck,
    /// The receiver answers with the same value.
    PathChallenge(u64),
    /// The answer to a path challenge.
    PathResponse(u64),
    /// Server to client: the connection id to use from now on.
    NewId(ConnectionId),
    /// Part of the integrity check.
    Integrity(IntegrityFrame),
    /// Asks for new traffic keys, with a fresh public key.
    RekeyRequest(&'a [u8; 32]),
    /// The answer to a RekeyRequest.
    RekeyResponse {
        /// First bytes of the request's key.
        to: [u8; REKEY_NAME_BYTES],
        /// A fresh public key.
        key: &'a [u8; 32],
    },
    /// Asks for an acknowledgment only; its length fills the datagram.
    Probe,
    /// A frame of unknown kind or wrong content. It is counted and skipped.
    Bad,
}

impl Frame<'_> {
    /// Whether the receiver must acknowledge its datagram (RFC 9002, section 2). Frames that are never sent again are
    /// not ack-eliciting.
    #[inline]
    pub fn is_ack_eliciting(&self) -> bool {
        match self {
            Frame::Message(channel, _) | Frame::Compressed(channel, _) => channel.delivery().is_reliable(),
            Frame::Fragment(fragment) => fragment.channel.delivery().is_reliable(),
            Frame::NewId(_)
            | Frame::Integrity(_)
            | Frame::RekeyRequest(_)
            | Frame::RekeyResponse { .. }
            | Frame::Probe => true,
            _ => false,
        }
    }
}

/// Bytes of the number in front of a message of `channel`.
#[inline]
pub(super) fn number_bytes(channel: Channel) -> usize {
    if channel.delivery() == Delivery::Unreliable { 0 } else { NUMBER_BYTES }
}

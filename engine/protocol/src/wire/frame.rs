//! Frames: what an encrypted datagram carries, each with its length in front (W7).
//!
//! ```text
//! | kind and length u16 | body, length bytes |     kind in the upper 5 bits, length in the lower 11
//! ```
//! Kind 0 ends the frames: what follows is padding. One bad frame costs itself alone; only a length that leaves the
//! datagram ends the reading early.

use super::ack::{self, Ack};
use super::{Channel, ConnectionId, Delivery, Fragment};
use crate::limits::FRAME_HEADER_BYTES;
use crate::time::Duration;

const KIND_END: u16 = 0;
const KIND_COMPRESSED: u16 = 1;
const KIND_PATH_CHALLENGE: u16 = 2;
const KIND_PATH_RESPONSE: u16 = 3;
const KIND_PING: u16 = 4;
const KIND_PONG: u16 = 5;
const KIND_DISCONNECT: u16 = 6;
const KIND_ACK: u16 = 7;
const KIND_FRAGMENT: u16 = 8;
const KIND_NEW_ID: u16 = 9;
const KIND_INTEGRITY: u16 = 12;
const KIND_REKEY_REQUEST: u16 = 13;
const KIND_REKEY_RESPONSE: u16 = 14;
const KIND_PROBE: u16 = 15;
/// Messages of channel `n` have kind 16 + `n`.
const KIND_MESSAGE: u16 = 16;

const LENGTH_BITS: u32 = 11;
const LENGTH_MASK: u16 = (1 << LENGTH_BITS) - 1;

/// Length of a message's number, in bytes; unreliable messages have none.
pub const NUMBER_BYTES: usize = 2;
/// How much of a request's key names it in the response, in bytes.
pub const REKEY_NAME_BYTES: usize = 8;
/// How much of a challenge's nonce names it in the answer, in bytes.
pub const INTEGRITY_NAME_BYTES: usize = 8;
/// Length of an integrity challenge's nonce, in bytes.
pub const INTEGRITY_NONCE_BYTES: usize = 16;

/// Why an end hung up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, thiserror::Error)]
pub enum DisconnectReason {
    /// The peer asked for it.
    #[error("closed by the peer")]
    Closed = 0,
    /// The server is going down.
    #[error("the server is shutting down")]
    ShuttingDown = 1,
    /// Nothing was heard for the timeout: what an end finds out by itself. It is never on the wire.
    #[error("nothing heard for the timeout")]
    TimedOut = 2,
    /// The key has sealed as many packets as it may.
    #[error("the key is used up")]
    KeyExhausted = 3,
    /// The peer did what no correct end does: acknowledged what was not sent, or sent beyond a window.
    #[error("the peer broke the protocol")]
    ProtocolViolation = 4,
    /// More reliable messages wait than may.
    #[error("too many reliable messages wait: the peer does not keep up")]
    Overflow = 5,
    /// A message that does not decompress to what it says.
    #[error("a message could not be decompressed")]
    BadCompression = 6,
    /// Held more memory than others, or began reliable messages and left them incomplete, while memory was short.
    #[error("the other end is short of memory: too much was sent to it, or left unacknowledged or incomplete")]
    ShortOfMemory = 7,
    /// The application did not accept the answer to an integrity challenge.
    #[error("the integrity check failed")]
    IntegrityFailed = 9,
    /// The session that was to go on is gone.
    #[error("the session to resume is gone")]
    NotResumable = 10,
    /// The server does not let this client's address in any more.
    #[error("the server does not let this address in")]
    Denied = 11,
}

impl DisconnectReason {
    /// A reason that is not known, or that no peer can give, still means that the peer is gone.
    fn from_code(code: u8) -> Self {
        use DisconnectReason::*;
        let known = [
            ShuttingDown,
            KeyExhausted,
            ProtocolViolation,
            Overflow,
            BadCompression,
            ShortOfMemory,
            IntegrityFailed,
            NotResumable,
            Denied,
        ];
        known.into_iter().find(|&reason| reason as u8 == code).unwrap_or(Closed)
    }
}

/// A question that only an unaltered client can answer, and its answer (S7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IntegrityFrame {
    /// Server to client: the table's entry to use, and a nonce.
    Challenge {
        /// Entry of the table.
        index: u8,
        /// Fresh for every challenge.
        nonce: [u8; INTEGRITY_NONCE_BYTES],
    },
    /// Client to server.
    Answer {
        /// First bytes of the nonce that it answers.
        to: [u8; INTEGRITY_NAME_BYTES],
        /// HMAC with the table's entry.
        mac: [u8; 32],
    },
}

/// One frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Frame<'a> {
    /// Answer me with the same 8 bytes.
    Ping(u64),
    /// The answer.
    Pong(u64),
    /// The sender has hung up.
    Disconnect(DisconnectReason),
    /// A whole message: its number where the channel's delivery has one, and its bytes.
    Message(Channel, &'a [u8]),
    /// The same, compressed.
    Compressed(Channel, &'a [u8]),
    /// A piece of a message.
    Fragment(Fragment<'a>),
    /// What the peer received.
    Ack(Ack<'a>),
    /// An acknowledgment that cannot be true.
    BadAck,
    /// Answer me with the same 8 bytes over the path that this came by.
    PathChallenge(u64),
    /// The answer.
    PathResponse(u64),
    /// Server to client: use this connection id from now on.
    NewId(ConnectionId),
    /// The check of the client's integrity.
    Integrity(IntegrityFrame),
    /// A public key for new traffic keys.
    RekeyRequest(&'a [u8; 32]),
    /// The answering public key, and the front of the key that it answers.
    RekeyResponse {
        /// First bytes of the key in the request.
        to: [u8; REKEY_NAME_BYTES],
        /// The public key.
        key: &'a [u8; 32],
    },
    /// Only there to be acknowledged, and to be long.
    Probe,
    /// A frame that was delimited but not understood: counted, skipped.
    Bad,
}

impl Frame<'_> {
    /// Whether its datagram is to be acknowledged. What is only worth something now is not: it would not be repeated.
    #[inline]
    pub fn asks_for_ack(&self) -> bool {
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

/// Walks over the frames of an opened datagram.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    rest: &'a [u8],
}

impl<'a> Frames<'a> {
    /// The frames in `plaintext`: the opened part of a datagram, padding included.
    pub fn new(plaintext: &'a [u8]) -> Self {
        Frames { rest: plaintext }
    }

    /// Bytes that were not read yet.
    #[inline]
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    #[inline]
    fn next(&mut self) -> Option<Frame<'a>> {
        let Some((head, rest)) = self.rest.split_first_chunk::<FRAME_HEADER_BYTES>() else {
            // A last odd byte can hold no frame; as zero it is padding.
            let stray = self.rest.first().is_some_and(|&byte| byte != 0);
            self.rest = &[];
            return stray.then_some(Frame::Bad);
        };
        let head = u16::from_le_bytes(*head);
        let (kind, length) = (head >> LENGTH_BITS, usize::from(head & LENGTH_MASK));
        if kind == KIND_END {
            self.rest = &[];
            return (length != 0).then_some(Frame::Bad);
        }
        let Some((body, rest)) = rest.split_at_checked(length) else {
            self.rest = &[];
            return Some(Frame::Bad);
        };
        self.rest = rest;
        Some(match message_channel(kind) {
            Some(channel) => read_message(channel, body),
            None => read_control(kind, body),
        })
    }
}

#[inline]
fn message_channel(kind: u16) -> Option<Channel> {
    kind.checked_sub(KIND_MESSAGE).and_then(|number| Channel::new(number as u8))
}

#[inline]
fn number_bytes(channel: Channel) -> usize {
    if channel.delivery() == Delivery::Unreliable { 0 } else { NUMBER_BYTES }
}

#[inline]
fn read_message(channel: Channel, body: &[u8]) -> Frame<'_> {
    if body.len() < number_bytes(channel) { Frame::Bad } else { Frame::Message(channel, body) }
}

fn read_control(kind: u16, body: &[u8]) -> Frame<'_> {
    let word = |body: &[u8]| body.try_into().map(u64::from_le_bytes);
    let frame = match kind {
        KIND_PING => word(body).ok().map(Frame::Ping),
        KIND_PONG => word(body).ok().map(Frame::Pong),
        KIND_PATH_CHALLENGE => word(body).ok().map(Frame::PathChallenge),
        KIND_PATH_RESPONSE => word(body).ok().map(Frame::PathResponse),
        KIND_DISCONNECT => match body {
            &[code] => Some(Frame::Disconnect(DisconnectReason::from_code(code))),
            _ => None,
        },
        KIND_COMPRESSED => body.split_first().and_then(|(&number, body)| {
            let channel = Channel::new(number)?;
            (body.len() > number_bytes(channel)).then_some(Frame::Compressed(channel, body))
        }),
        KIND_FRAGMENT => Fragment::decode(body).ok().map(Frame::Fragment),
        KIND_ACK => Some(Ack::decode(body).map_or(Frame::BadAck, Frame::Ack)),
        KIND_NEW_ID => {
            let id = body.try_into().map(|bits| ConnectionId::from_bits(u32::from_le_bytes(bits)));
            id.ok().filter(|id| id.generation() != 0).map(Frame::NewId)
        }
        KIND_INTEGRITY => match body.split_first() {
            Some((&index, nonce)) if nonce.len() == INTEGRITY_NONCE_BYTES => {
                nonce.try_into().ok().map(|nonce| Frame::Integrity(IntegrityFrame::Challenge { index, nonce }))
            }
            _ => body.split_first_chunk().and_then(|(&to, mac)| {
                let mac = mac.try_into().ok()?;
                Some(Frame::Integrity(IntegrityFrame::Answer { to, mac }))
            }),
        },
        KIND_REKEY_REQUEST => body.try_into().ok().map(Frame::RekeyRequest),
        KIND_REKEY_RESPONSE => body.split_first_chunk().and_then(|(&to, key)| {
            let key = key.try_into().ok()?;
            Some(Frame::RekeyResponse { to, key })
        }),
        KIND_PROBE => Some(Frame::Probe),
        _ => None,
    };
    frame.unwrap_or(Frame::Bad)
}

/// Makes the frame that begins at `at` one that [`Messages`] passes over: what it said was dealt with.
#[inline]
pub(crate) fn strike(plaintext: &mut [u8], at: usize) {
    if let Some(high) = plaintext.get_mut(at + 1) {
        *high = *high & (LENGTH_MASK >> 8) as u8 | (KIND_PROBE << (LENGTH_BITS - 8)) as u8;
    }
}

/// A message, and the channel it came by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message<'a> {
    /// Its channel.
    pub channel: Channel,
    /// What was sent.
    pub bytes: &'a [u8],
}

/// The messages of an opened datagram that can be delivered as they lie there, in the order they were sent.
#[derive(Clone, Debug)]
pub struct Messages<'a>(Frames<'a>);

impl<'a> Messages<'a> {
    pub(crate) fn new(plaintext: &'a [u8]) -> Self {
        Messages(Frames::new(plaintext))
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    #[inline]
    fn next(&mut self) -> Option<Message<'a>> {
        self.0.find_map(|frame| match frame {
            Frame::Message(channel, body) => Some(Message { channel, bytes: &body[number_bytes(channel)..] }),
            _ => None,
        })
    }
}

/// Appends frames to a buffer of the caller's, never past its end. Every method gives false, and writes nothing, when
/// its frame does not fit.
#[derive(Debug)]
pub struct FrameWriter<'a> {
    buffer: &'a mut [u8],
    used: usize,
}

impl<'a> FrameWriter<'a> {
    /// Writes behind the first `used` bytes of `buffer`.
    pub fn new(buffer: &'a mut [u8], used: usize) -> Self {
        assert!(used <= buffer.len(), "a writer starts inside its buffer");
        FrameWriter { buffer, used }
    }

    /// Bytes written so far, those found at the start included.
    #[inline]
    pub fn used(&self) -> usize {
        self.used
    }

    /// Bytes that the body of one more frame can have.
    pub fn room(&self) -> usize {
        (self.buffer.len() - self.used).saturating_sub(FRAME_HEADER_BYTES)
    }

    /// Appends a message without a number.
    #[inline]
    pub fn message(&mut self, channel: Channel, message: &[u8]) -> bool {
        let kind = KIND_MESSAGE + u16::from(channel.number());
        self.begin(kind, message.len()).map(|body| body.copy_from_slice(message)).is_some()
    }

    /// Appends a message with its number, perhaps compressed.
    pub fn numbered(&mut self, channel: Channel, number: u16, compressed: bool, message: &[u8]) -> bool {
        let kind = if compressed { KIND_COMPRESSED } else { KIND_MESSAGE + u16::from(channel.number()) };
        let front = usize::from(compressed);
        let Some(body) = self.begin(kind, front + NUMBER_BYTES + message.len()) else { return false };
        if compressed {
            body[0] = channel.number();
        }
        body[front..front + NUMBER_BYTES].copy_from_slice(&number.to_le_bytes());
        body[front + NUMBER_BYTES..].copy_from_slice(message);
        true
    }

    /// Appends a compressed message without a number.
    pub fn compressed(&mut self, channel: Channel, message: &[u8]) -> bool {
        let Some(body) = self.begin(KIND_COMPRESSED, 1 + message.len()) else { return false };
        body[0] = channel.number();
        body[1..].copy_from_slice(message);
        true
    }

    /// Appends a piece of a message.
    pub fn fragment(&mut self, fragment: &Fragment<'_>) -> bool {
        let header = fragment.encode_header();
        let Some(body) = self.begin(KIND_FRAGMENT, header.len() + fragment.bytes.len()) else { return false };
        body[..header.len()].copy_from_slice(&header);
        body[header.len()..].copy_from_slice(fragment.bytes);
        true
    }

    /// Appends an acknowledgment of `largest`, `delay` after it arrived, and of what `runs` says of those before it.
    pub fn ack(&mut self, largest: u64, delay: Duration, runs: impl Iterator<Item = u64>) -> bool {
        let mut encoded = [0; Ack::BYTES_MAX];
        let used = ack::encode(largest, delay, runs, &mut encoded);
        self.begin(KIND_ACK, used).map(|body| body.copy_from_slice(&encoded[..used])).is_some()
    }

    /// Appends a ping.
    pub fn ping(&mut self, value: u64) -> bool {
        self.word(KIND_PING, value)
    }

    /// Appends the answer to a ping.
    pub fn pong(&mut self, value: u64) -> bool {
        self.word(KIND_PONG, value)
    }

    /// Appends a path challenge.
    pub fn path_challenge(&mut self, value: u64) -> bool {
        self.word(KIND_PATH_CHALLENGE, value)
    }

    /// Appends the answer to a path challenge.
    pub fn path_response(&mut self, value: u64) -> bool {
        self.word(KIND_PATH_RESPONSE, value)
    }

    /// Appends a farewell.
    pub fn disconnect(&mut self, reason: DisconnectReason) -> bool {
        self.begin(KIND_DISCONNECT, 1).map(|body| body[0] = reason as u8).is_some()
    }

    /// Appends the connection id to use from now on.
    pub fn new_id(&mut self, id: ConnectionId) -> bool {
        self.bytes(KIND_NEW_ID, &id.bits().to_le_bytes())
    }

    /// Appends a part of the integrity check.
    pub fn integrity(&mut self, frame: &IntegrityFrame) -> bool {
        match frame {
            IntegrityFrame::Challenge { index, nonce } => {
                let mut body = [*index; 1 + INTEGRITY_NONCE_BYTES];
                body[1..].copy_from_slice(nonce);
                self.bytes(KIND_INTEGRITY, &body)
            }
            IntegrityFrame::Answer { to, mac } => {
                let mut body = [0; INTEGRITY_NAME_BYTES + 32];
                body[..INTEGRITY_NAME_BYTES].copy_from_slice(to);
                body[INTEGRITY_NAME_BYTES..].copy_from_slice(mac);
                self.bytes(KIND_INTEGRITY, &body)
            }
        }
    }

    /// Appends a public key for new traffic keys.
    pub fn rekey_request(&mut self, key: &[u8; 32]) -> bool {
        self.bytes(KIND_REKEY_REQUEST, key)
    }

    /// Appends the answering public key to the request whose key begins with `to`.
    pub fn rekey_response(&mut self, to: &[u8; REKEY_NAME_BYTES], key: &[u8; 32]) -> bool {
        let mut body = [0; REKEY_NAME_BYTES + 32];
        body[..REKEY_NAME_BYTES].copy_from_slice(to);
        body[REKEY_NAME_BYTES..].copy_from_slice(key);
        self.bytes(KIND_REKEY_RESPONSE, &body)
    }

    /// Appends a frame of `length` bytes that only asks to be acknowledged.
    pub fn probe(&mut self, length: usize) -> bool {
        self.begin(KIND_PROBE, length).map(|body| body.fill(0)).is_some()
    }

    fn word(&mut self, kind: u16, value: u64) -> bool {
        self.bytes(kind, &value.to_le_bytes())
    }

    fn bytes(&mut self, kind: u16, bytes: &[u8]) -> bool {
        self.begin(kind, bytes.len()).map(|body| body.copy_from_slice(bytes)).is_some()
    }

    #[inline]
    fn begin(&mut self, kind: u16, length: usize) -> Option<&mut [u8]> {
        let (head, rest) = self.buffer[self.used..].split_first_chunk_mut::<FRAME_HEADER_BYTES>()?;
        let body = rest.get_mut(..length)?;
        if length > usize::from(LENGTH_MASK) {
            return None;
        }
        *head = (kind << LENGTH_BITS | length as u16).to_le_bytes();
        self.used += FRAME_HEADER_BYTES + length;
        Some(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: &[u8]) -> Frame<'_> {
        Frame::Message(Channel::UNRELIABLE, bytes)
    }

    #[test]
    fn one_bad_frame_costs_itself_alone() {
        let mut buffer = [0; 64];
        let mut writer = FrameWriter::new(&mut buffer, 0);
        assert!(writer.message(Channel::UNRELIABLE, b"before"));
        assert!(writer.begin(10, 5).is_some(), "a kind nobody knows");
        assert!(writer.message(Channel::UNRELIABLE, b"after"));
        let used = writer.used();
        let frames: Vec<_> = Frames::new(&buffer[..used]).collect();
        assert_eq!(frames, [message(b"before"), Frame::Bad, message(b"after")]);
    }

    #[test]
    fn padding_is_not_a_frame_and_a_length_past_the_end_is_bad() {
        assert_eq!(Frames::new(&[0; 7]).count(), 0);
        assert_eq!(Frames::new(&[0]).count(), 0);
        assert_eq!(Frames::new(&[9]).collect::<Vec<_>>(), [Frame::Bad]);
        assert_eq!(Frames::new(&[5, KIND_MESSAGE as u8 * 8, 0, 1]).collect::<Vec<_>>(), [Frame::Bad]);
    }

    #[test]
    fn a_message_that_does_not_fit_leaves_no_trace() {
        let mut buffer = [0; 10];
        let mut writer = FrameWriter::new(&mut buffer, 0);
        assert!(!writer.message(Channel::UNRELIABLE, &[1; 9]));
        assert_eq!(writer.used(), 0);
        assert!(writer.message(Channel::UNRELIABLE, &[1; 8]));
        assert_eq!(writer.used(), 10);
    }

    #[test]
    fn every_frame_reads_back_as_it_was_written() {
        let mut buffer = [0; 600];
        let mut writer = FrameWriter::new(&mut buffer, 0);
        let fragment = Fragment {
            channel: Channel::RELIABLE_ORDERED,
            number: 9,
            offset: 128,
            total: 200,
            compressed: true,
            bytes: &[4; 72],
        };
        let integrity = [
            IntegrityFrame::Challenge { index: 7, nonce: [8; 16] },
            IntegrityFrame::Answer { to: [8; 8], mac: [9; 32] },
        ];
        assert!(writer.numbered(Channel::RELIABLE_UNORDERED, 0x0102, false, b"number"));
        assert!(writer.numbered(Channel::UNRELIABLE_SEQUENCED, 3, true, b"small"));
        assert!(writer.compressed(Channel::UNRELIABLE, b"small"));
        assert!(writer.fragment(&fragment));
        assert!(writer.ack(77, Duration::from_micros(80), [3, 1, 4].into_iter()));
        assert!(writer.path_challenge(5) && writer.path_response(6));
        assert!(writer.new_id(ConnectionId::new(1, 2, 3)));
        assert!(integrity.iter().all(|frame| writer.integrity(frame)));
        assert!(writer.rekey_request(&[3; 32]) && writer.rekey_response(&[3; 8], &[4; 32]) && writer.probe(40));
        let used = writer.used();
        let mut frames = Frames::new(&buffer[..used]);
        assert_eq!(frames.next(), Some(Frame::Message(Channel::RELIABLE_UNORDERED, b"\x02\x01number")));
        assert_eq!(frames.next(), Some(Frame::Compressed(Channel::UNRELIABLE_SEQUENCED, b"\x03\x00small")));
        assert_eq!(frames.next(), Some(Frame::Compressed(Channel::UNRELIABLE, b"small")));
        assert_eq!(frames.next(), Some(Frame::Fragment(fragment)));
        let Some(Frame::Ack(ack)) = frames.next() else { panic!("an acknowledgment") };
        assert_eq!(ack.ranges().collect::<Vec<_>>(), [74..=77, 69..=72]);
        assert_eq!(frames.next(), Some(Frame::PathChallenge(5)));
        assert_eq!(frames.next(), Some(Frame::PathResponse(6)));
        assert_eq!(frames.next(), Some(Frame::NewId(ConnectionId::new(1, 2, 3))));
        assert!(integrity.into_iter().all(|frame| frames.next() == Some(Frame::Integrity(frame))));
        assert_eq!(frames.next(), Some(Frame::RekeyRequest(&[3; 32])));
        assert_eq!(frames.next(), Some(Frame::RekeyResponse { to: [3; 8], key: &[4; 32] }));
        assert_eq!(frames.next(), Some(Frame::Probe));
        assert_eq!(frames.next(), None);
    }

    #[test]
    fn a_struck_message_is_passed_over() {
        let mut buffer = [0; 32];
        let mut writer = FrameWriter::new(&mut buffer, 0);
        assert!(writer.message(Channel::UNRELIABLE, b"one"));
        let second = writer.used();
        assert!(writer.message(Channel::UNRELIABLE, b"two") && writer.message(Channel::UNRELIABLE, b"three"));
        strike(&mut buffer, second);
        let messages: Vec<_> = Messages::new(&buffer).map(|message| message.bytes).collect();
        assert_eq!(messages, [&b"one"[..], b"three"]);
    }
}

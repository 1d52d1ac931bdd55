//! Writing frames into a datagram.

use super::ack::{self, Ack};
use super::frame::*;
use super::{Channel, ConnectionId, DisconnectReason, Fragment};
use crate::limits::{CHANNELS, FRAME_HEADER_BYTES};
use crate::time::Duration;

const _: () = assert!(KIND_MESSAGE + CHANNELS as u16 == 1 << (u16::BITS - LENGTH_BITS), "a kind has 5 bits");
const _: () = assert!(Ack::BYTES_MAX <= LENGTH_MASK as usize, "the largest acknowledgment fits into a frame");

/// Appends frames to the caller's buffer. Every method returns false and writes nothing if its frame does not fit.
#[derive(Debug)]
pub struct FrameWriter<'a> {
    buffer: &'a mut [u8],
    used: usize,
}

impl<'a> FrameWriter<'a> {
    /// Writes behind the first `used` bytes of `buffer`.
    ///
    /// # Panics
    /// If `buffer` is shorter than `used`.
    pub fn new(buffer: &'a mut [u8], used: usize) -> Self {
        assert!(used <= buffer.len(), "a writer starts inside its buffer");
        FrameWriter { buffer, used }
    }

    /// Bytes of the buffer in use.
    #[inline]
    pub fn used(&self) -> usize {
        self.used
    }

    /// Longest body that one more frame can have, in bytes.
    pub fn room(&self) -> usize {
        (self.buffer.len() - self.used).saturating_sub(FRAME_HEADER_BYTES)
    }

    /// Appends a message without a number: of an unreliable channel.
    #[inline]
    pub fn message(&mut self, channel: Channel, message: &[u8]) -> bool {
        let kind = KIND_MESSAGE + u16::from(channel.number());
        self.begin(kind, message.len()).map(|body| body.copy_from_slice(message)).is_some()
    }

    /// Appends a message with its number. `compressed` says whether `message` is compressed already.
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

    /// Appends a compressed message without a number: of an unreliable channel.
    pub fn compressed(&mut self, channel: Channel, message: &[u8]) -> bool {
        let Some(body) = self.begin(KIND_COMPRESSED, 1 + message.len()) else { return false };
        body[0] = channel.number();
        body[1..].copy_from_slice(message);
        true
    }

    /// Appends a piece of a message.
    ///
    /// # Panics
    /// If the piece is empty, begins beside a grain, or reaches beyond its message.
    pub fn fragment(&mut self, fragment: &Fragment<'_>) -> bool {
        let header = fragment.encode_header();
        let Some(body) = self.begin(KIND_FRAGMENT, header.len() + fragment.bytes.len()) else { return false };
        body[..header.len()].copy_from_slice(&header);
        body[header.len()..].copy_from_slice(fragment.bytes);
        true
    }

    /// Appends an acknowledgment of `largest`, which arrived `delay` ago, and of the sequences below it by `runs`.
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

    /// Appends a Disconnect.
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

    /// Appends a request for new traffic keys.
    pub fn rekey_request(&mut self, key: &[u8; 32]) -> bool {
        self.bytes(KIND_REKEY_REQUEST, key)
    }

    /// Appends the answer to the rekey request whose key begins with `to`.
    pub fn rekey_response(&mut self, to: &[u8; REKEY_NAME_BYTES], key: &[u8; 32]) -> bool {
        let mut body = [0; REKEY_NAME_BYTES + 32];
        body[..REKEY_NAME_BYTES].copy_from_slice(to);
        body[REKEY_NAME_BYTES..].copy_from_slice(key);
        self.bytes(KIND_REKEY_RESPONSE, &body)
    }

    /// Appends a frame with `length` bytes of zeros, which only asks for an acknowledgment.
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
        debug_assert!(kind != KIND_END && kind < 1 << (u16::BITS - LENGTH_BITS), "a kind has 5 bits");
        let used_max = self.buffer.len();
        let (head, rest) = self.buffer[self.used..].split_first_chunk_mut::<FRAME_HEADER_BYTES>()?;
        let body = rest.get_mut(..length)?;
        if length > usize::from(LENGTH_MASK) {
            return None;
        }
        *head = (kind << LENGTH_BITS | length as u16).to_le_bytes();
        self.used += FRAME_HEADER_BYTES + length;
        debug_assert!(self.used <= used_max, "a frame ends inside the buffer");
        Some(body)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Frames;
    use super::*;

    fn message(bytes: &[u8]) -> Frame<'_> {
        Frame::Message(Channel::UNRELIABLE, bytes)
    }

    #[test]
    fn a_bad_frame_does_not_affect_its_neighbours() {
        let mut buffer = [0; 64];
        let mut writer = FrameWriter::new(&mut buffer, 0);
        assert!(writer.message(Channel::UNRELIABLE, b"before"));
        assert!(writer.begin(10, 5).is_some(), "an unknown kind");
        assert!(writer.message(Channel::UNRELIABLE, b"after"));
        let used = writer.used();
        let frames: Vec<_> = Frames::new(&buffer[..used]).collect();
        assert_eq!(frames, [message(b"before"), Frame::Bad, message(b"after")]);
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
}

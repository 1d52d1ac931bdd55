//! Frames: what an encrypted datagram carries, each with its length in front (W7).
//!
//! ```text
//! | kind and length u16 | body, length bytes |     kind in the upper 5 bits, length in the lower 11
//! ```
//! Kind 0 ends the frames: what follows is padding. One bad frame costs itself alone; only a length that leaves the
//! datagram ends the reading early.

use crate::limits::FRAME_HEADER_BYTES;

const KIND_END: u16 = 0;
const KIND_PING: u16 = 4;
const KIND_PONG: u16 = 5;
const KIND_DISCONNECT: u16 = 6;
/// Messages of channel `n` have kind 16 + `n`.
const KIND_MESSAGE: u16 = 16;

const LENGTH_BITS: u32 = 11;
const LENGTH_MASK: u16 = (1 << LENGTH_BITS) - 1;

/// Channel number of unreliable messages (W2), the only one in this version.
const CHANNEL_UNRELIABLE: u16 = 0;
const KIND_UNRELIABLE: u16 = KIND_MESSAGE + CHANNEL_UNRELIABLE;

/// Why an end hung up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DisconnectReason {
    /// The peer asked for it.
    #[error("closed by the peer")]
    Closed = 0,
    /// The server is going down.
    #[error("the server is shutting down")]
    ShuttingDown = 1,
    /// Nothing was heard for the timeout.
    #[error("nothing heard for the timeout")]
    TimedOut = 2,
    /// The key has sealed as many packets as it may.
    #[error("the key is used up")]
    KeyExhausted = 3,
}

impl DisconnectReason {
    /// A reason of a later version still means that the peer is gone.
    fn from_code(code: u8) -> Self {
        use DisconnectReason::*;
        [ShuttingDown, TimedOut, KeyExhausted].into_iter().find(|&reason| reason as u8 == code).unwrap_or(Closed)
    }
}

/// A message as it lies in the datagram.
pub type Message<'a> = &'a [u8];

/// One frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Frame<'a> {
    /// Answer me with the same 8 bytes.
    Ping(u64),
    /// The answer.
    Pong(u64),
    /// The sender has hung up.
    Disconnect(DisconnectReason),
    /// A message on the unreliable channel.
    Message(Message<'a>),
    /// A frame that was delimited but not understood: counted, skipped.
    Bad,
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
        Some(read_frame(kind, body))
    }
}

#[inline]
fn read_frame(kind: u16, body: &[u8]) -> Frame<'_> {
    match (kind, body) {
        (KIND_UNRELIABLE, message) => Frame::Message(message),
        (KIND_PING, &[a, b, c, d, e, f, g, h]) => Frame::Ping(u64::from_le_bytes([a, b, c, d, e, f, g, h])),
        (KIND_PONG, &[a, b, c, d, e, f, g, h]) => Frame::Pong(u64::from_le_bytes([a, b, c, d, e, f, g, h])),
        (KIND_DISCONNECT, &[code]) => Frame::Disconnect(DisconnectReason::from_code(code)),
        _ => Frame::Bad,
    }
}

/// The messages of an opened datagram, in the order they were sent.
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
            Frame::Message(message) => Some(message),
            _ => None,
        })
    }
}

/// Appends frames to a buffer of the caller's, never past its end.
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
    pub fn used(&self) -> usize {
        self.used
    }

    /// Appends a message; false, and nothing written, when it does not fit.
    #[inline]
    pub fn message(&mut self, message: &[u8]) -> bool {
        self.begin(KIND_UNRELIABLE, message.len()).map(|body| body.copy_from_slice(message)).is_some()
    }

    /// Appends a ping; false when it does not fit.
    pub fn ping(&mut self, value: u64) -> bool {
        self.begin(KIND_PING, 8).map(|body| body.copy_from_slice(&value.to_le_bytes())).is_some()
    }

    /// Appends the answer to a ping; false when it does not fit.
    pub fn pong(&mut self, value: u64) -> bool {
        self.begin(KIND_PONG, 8).map(|body| body.copy_from_slice(&value.to_le_bytes())).is_some()
    }

    /// Appends a farewell; false when it does not fit.
    pub fn disconnect(&mut self, reason: DisconnectReason) -> bool {
        self.begin(KIND_DISCONNECT, 1).map(|body| body[0] = reason as u8).is_some()
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

    #[test]
    fn one_bad_frame_costs_itself_alone() {
        let mut buffer = [0; 64];
        let mut writer = FrameWriter::new(&mut buffer, 0);
        assert!(writer.message(b"before"));
        assert!(writer.begin(15, 5).is_some(), "a kind nobody knows");
        assert!(writer.message(b"after"));
        let used = writer.used();
        let frames: Vec<_> = Frames::new(&buffer[..used]).collect();
        assert_eq!(frames, [Frame::Message(b"before"), Frame::Bad, Frame::Message(b"after")]);
    }

    #[test]
    fn padding_is_not_a_frame_and_a_length_past_the_end_is_bad() {
        assert_eq!(Frames::new(&[0; 7]).count(), 0);
        assert_eq!(Frames::new(&[0]).count(), 0);
        assert_eq!(Frames::new(&[9]).collect::<Vec<_>>(), [Frame::Bad]);
        assert_eq!(Frames::new(&[5, KIND_UNRELIABLE as u8 * 8, 0, 1]).collect::<Vec<_>>(), [Frame::Bad]);
    }

    #[test]
    fn a_message_that_does_not_fit_leaves_no_trace() {
        let mut buffer = [0; 10];
        let mut writer = FrameWriter::new(&mut buffer, 0);
        assert!(!writer.message(&[1; 9]));
        assert_eq!(writer.used(), 0);
        assert!(writer.message(&[1; 8]));
        assert_eq!(writer.used(), 10);
    }
}

//! Reading the frames of an opened datagram (PROTOCOL.md#reading-frames).

use super::frame::*;
use super::{Ack, Channel, ConnectionId, DisconnectReason, Fragment};
use crate::limits::FRAME_HEADER_BYTES;

/// The frames of an opened datagram, in their order.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    rest: &'a [u8],
}

impl<'a> Frames<'a> {
    /// The frames in `plaintext`: the opened part of a datagram, padding included.
    pub fn new(plaintext: &'a [u8]) -> Self {
        Frames { rest: plaintext }
    }

    /// Bytes not yet read.
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
            // A single last byte holds no frame; zero is padding.
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
fn read_message(channel: Channel, body: &[u8]) -> Frame<'_> {
    if body.len() < number_bytes(channel) { Frame::Bad } else { Frame::Message(channel, body) }
}

fn read_control(kind: u16, body: &[u8]) -> Frame<'_> {
    decode_control(kind, body).unwrap_or(Frame::Bad)
}

/// A frame other than a whole message. None for a bad one.
fn decode_control(kind: u16, body: &[u8]) -> Option<Frame<'_>> {
    let word = |body: &[u8]| body.try_into().ok().map(u64::from_le_bytes);
    match kind {
        KIND_PING => word(body).map(Frame::Ping),
        KIND_PONG => word(body).map(Frame::Pong),
        KIND_PATH_CHALLENGE => word(body).map(Frame::PathChallenge),
        KIND_PATH_RESPONSE => word(body).map(Frame::PathResponse),
        KIND_DISCONNECT => match body {
            &[code] => Some(Frame::Disconnect(DisconnectReason::from_code(code))),
            _ => None,
        },
        KIND_COMPRESSED => decode_compressed(body),
        KIND_FRAGMENT => Fragment::decode(body).ok().map(Frame::Fragment),
        KIND_ACK => Some(Ack::decode(body).map_or(Frame::BadAck, Frame::Ack)),
        KIND_NEW_ID => {
            let id = body.try_into().ok().map(|bits| ConnectionId::from_bits(u32::from_le_bytes(bits)));
            id.filter(|id| id.generation() != 0).map(Frame::NewId)
        }
        KIND_INTEGRITY => decode_integrity(body).map(Frame::Integrity),
        KIND_REKEY_REQUEST => body.try_into().ok().map(Frame::RekeyRequest),
        KIND_REKEY_RESPONSE => {
            let (&to, key) = body.split_first_chunk()?;
            Some(Frame::RekeyResponse { to, key: key.try_into().ok()? })
        }
        KIND_PROBE => Some(Frame::Probe),
        _ => None,
    }
}

fn decode_compressed(body: &[u8]) -> Option<Frame<'_>> {
    let (&number, body) = body.split_first()?;
    let channel = Channel::new(number)?;
    (body.len() > number_bytes(channel)).then_some(Frame::Compressed(channel, body))
}

/// Challenge and answer differ in length.
fn decode_integrity(body: &[u8]) -> Option<IntegrityFrame> {
    let (&index, nonce) = body.split_first()?;
    if let Ok(nonce) = nonce.try_into() {
        return Some(IntegrityFrame::Challenge { index, nonce });
    }
    let (&to, mac) = body.split_first_chunk()?;
    Some(IntegrityFrame::Answer { to, mac: mac.try_into().ok()? })
}

/// Turns the frame at `at` into one that [`Messages`] skips, because the connection has dealt with it.
#[inline]
pub(crate) fn mark_consumed(plaintext: &mut [u8], at: usize) {
    if let Some(high) = plaintext.get_mut(at + 1) {
        *high = *high & (LENGTH_MASK >> 8) as u8 | (KIND_PROBE << (LENGTH_BITS - 8)) as u8;
    }
}

/// A message and its channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message<'a> {
    /// Its channel.
    pub channel: Channel,
    /// The message as it was sent.
    pub bytes: &'a [u8],
}

/// The messages of an opened datagram that are delivered in place, in the order in which they were sent.
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

#[cfg(test)]
mod tests {
    use super::super::FrameWriter;
    use super::*;

    #[test]
    fn padding_is_not_a_frame_and_a_length_past_the_end_is_bad() {
        assert_eq!(Frames::new(&[0; 7]).count(), 0);
        assert_eq!(Frames::new(&[0]).count(), 0);
        assert_eq!(Frames::new(&[9]).collect::<Vec<_>>(), [Frame::Bad]);
        assert_eq!(Frames::new(&[5, KIND_MESSAGE as u8 * 8, 0, 1]).collect::<Vec<_>>(), [Frame::Bad]);
    }

    #[test]
    fn a_consumed_message_is_skipped() {
        let mut buffer = [0; 32];
        let mut writer = FrameWriter::new(&mut buffer, 0);
        assert!(writer.message(Channel::UNRELIABLE, b"one"));
        let second = writer.used();
        assert!(writer.message(Channel::UNRELIABLE, b"two") && writer.message(Channel::UNRELIABLE, b"three"));
        mark_consumed(&mut buffer, second);
        let messages: Vec<_> = Messages::new(&buffer).map(|message| message.bytes).collect();
        assert_eq!(messages, [&b"one"[..], b"three"]);
    }
}

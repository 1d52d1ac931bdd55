//! A client's messages, out of the bytes of its connection. Nothing is copied but messages in fragments.

use super::frames::{Fault, Header, Opcode, unmask};
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;

/// What a client sends.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Event<'a> {
    /// A binary message, which is a datagram.
    Datagram(&'a [u8]),
    /// A frame that asks for nothing: a pong, or a fragment that does not complete its message.
    Idle,
    /// A ping: a pong with this payload answers it.
    Ping(&'a [u8]),
    /// The client closes the connection. The payload has a code and a reason, or nothing.
    Close(&'a [u8]),
}

/// The message whose fragments arrive.
#[derive(Default)]
pub(super) struct Messages {
    /// The payload so far. None between messages.
    begun: Option<Vec<u8>>,
}

impl Messages {
    /// Calls `each` with what the complete frames at the begin of `bytes` say, and takes their masks off. Returns the bytes of
    /// those frames.
    ///
    /// # Errors
    /// A fault in a frame, which may be found before the frame is complete, or an error of `each`.
    pub(super) fn take<E: From<Fault>>(
        &mut self,
        bytes: &mut [u8],
        mut each: impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<usize, E> {
        let mut at = 0;
        while let Some(header) = Header::parse(&bytes[at..])? {
            let length = self.check(&header)?;
            let begin = at + header.bytes;
            let Some(payload) = bytes.get_mut(begin..begin + length) else { break };
            unmask(payload, header.mask);
            at = begin + length;
            self.take_frame(&header, payload, &mut each)?;
        }
        Ok(at)
    }

    /// Whether a frame may come now. Returns the length of its payload.
    fn check(&self, header: &Header) -> Result<usize, Fault> {
        let begun = match (header.opcode, &self.begun) {
            (Opcode::Text, _) => return Err(Fault::Text),
            (Opcode::Continuation, None) | (Opcode::Binary, Some(_)) => return Err(Fault::Protocol),
            (Opcode::Continuation, Some(begun)) => begun.len(),
            _ => 0,
        };
        let length = usize::try_from(header.payload_bytes).unwrap_or(usize::MAX);
        if length > DATAGRAM_BYTES_MAX - begun { Err(Fault::TooLarge) } else { Ok(length) }
    }

    fn take_frame<E: From<Fault>>(
        &mut self,
        header: &Header,
        payload: &[u8],
        each: &mut impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match header.opcode {
            Opcode::Binary if header.is_final => each(Event::Datagram(payload)),
            Opcode::Ping => each(Event::Ping(payload)),
            Opcode::Close if payload.len() == 1 => Err(Fault::Protocol.into()),
            Opcode::Close => each(Event::Close(payload)),
            Opcode::Pong => each(Event::Idle),
            Opcode::Text => Err(Fault::Text.into()),
            Opcode::Binary | Opcode::Continuation => {
                let mut message = self.begun.take().unwrap_or_default();
                message.extend_from_slice(payload);
                if header.is_final {
                    return each(Event::Datagram(&message));
                }
                self.begun = Some(message);
                each(Event::Idle)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carriers::websocket::frames::HEADER_BYTES_MAX;
    use proptest::prelude::*;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};
    use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};

    /// What [`Messages`] said, in a form that can be kept.
    #[derive(Clone, PartialEq, Eq, Debug)]
    enum Said {
        Datagram(Vec<u8>),
        Idle,
        Ping(Vec<u8>),
        Close(Vec<u8>),
    }

    fn said(event: &Event<'_>) -> Said {
        match event {
            Event::Datagram(payload) => Said::Datagram(payload.to_vec()),
            Event::Idle => Said::Idle,
            Event::Ping(payload) => Said::Ping(payload.to_vec()),
            Event::Close(payload) => Said::Close(payload.to_vec()),
        }
    }

    /// A frame as another implementation writes it for a client.
    fn frame(opcode: OpCode, is_final: bool, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let header = FrameHeader { is_final, rsv1: false, rsv2: false, rsv3: false, opcode, mask: Some(mask) };
        let mut bytes = Vec::new();
        Frame::from_payload(header, payload.to_vec().into()).format(&mut bytes).unwrap();
        bytes
    }

    /// Gives the bytes in pieces, as a connection does: what is left of one piece comes again before the next one.
    fn take_in_pieces(bytes: &[u8], pieces: &[usize]) -> Result<Vec<Said>, Fault> {
        let (mut messages, mut partial, mut all) = (Messages::default(), Vec::new(), Vec::new());
        let (mut rest, mut pieces) = (bytes, pieces.iter().cycle());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(*pieces.next().unwrap()));
            rest = after;
            partial.extend_from_slice(piece);
            let used = messages.take::<Fault>(&mut partial, |event| {
                all.push(said(&event));
                Ok(())
            })?;
            partial.drain(..used);
            assert!(partial.len() < HEADER_BYTES_MAX + DATAGRAM_BYTES_MAX, "only one frame is held");
        }
        Ok(all)
    }

    #[derive(Clone, Debug)]
    enum Sent {
        Message(Vec<u8>, Vec<usize>),
        Ping(Vec<u8>),
        Pong(Vec<u8>),
    }

    fn sent() -> impl Strategy<Value = Sent> {
        let bytes = |most| prop::collection::vec(any::<u8>(), 0..=most);
        prop_oneof![
            3 => (bytes(1_472), prop::collection::vec(0..1_472_usize, 0..3)).prop_map(|(payload, cuts)| Sent::Message(payload, cuts)),
            1 => bytes(125).prop_map(Sent::Ping),
            1 => bytes(125).prop_map(Sent::Pong),
        ]
    }

    /// The frames of a message that is cut in these places, with a ping between them.
    fn put(sent: &Sent, mask: [u8; 4], stream: &mut Vec<u8>, expected: &mut Vec<Said>) {
        match sent {
            Sent::Ping(payload) => {
                stream.extend(frame(OpCode::Control(Control::Ping), true, mask, payload));
                expected.push(Said::Ping(payload.clone()));
            }
            Sent::Pong(payload) => {
                stream.extend(frame(OpCode::Control(Control::Pong), true, mask, payload));
                expected.push(Said::Idle);
            }
            Sent::Message(payload, cuts) => {
                let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (payload.len() + 1)).collect();
                cuts.extend([0, payload.len()]);
                cuts.sort_unstable();
                let parts: Vec<&[u8]> = cuts.windows(2).map(|pair| &payload[pair[0]..pair[1]]).collect();
                for (at, part) in parts.iter().enumerate() {
                    let opcode = OpCode::Data(if at == 0 { Data::Binary } else { Data::Continue });
                    stream.extend(frame(opcode, at + 1 == parts.len(), mask, part));
                    if at + 1 < parts.len() {
                        expected.push(Said::Idle);
                        put(&Sent::Ping(vec![at as u8]), mask, stream, expected);
                    }
                }
                expected.push(Said::Datagram(payload.clone()));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn messages_arrive_whatever_their_fragments_and_whatever_the_pieces_of_the_stream(
            all in prop::collection::vec((sent(), any::<[u8; 4]>()), 1..12),
            pieces in prop::collection::vec(1..3_000_usize, 1..6),
        ) {
            let (mut stream, mut expected) = (Vec::new(), Vec::new());
            for (sent, mask) in &all {
                put(sent, *mask, &mut stream, &mut expected);
            }
            prop_assert_eq!(take_in_pieces(&stream, &pieces), Ok(expected));
        }

        #[test]
        fn no_bytes_make_it_panic_or_hold_more_than_a_datagram(
            bytes in prop::collection::vec(any::<u8>(), 0..4_000),
            pieces in prop::collection::vec(1..200_usize, 1..4),
        ) {
            let _ = take_in_pieces(&bytes, &pieces);
        }
    }

    #[test]
    fn a_message_that_is_too_large_is_refused_at_its_header_also_in_fragments() {
        let binary = OpCode::Data(Data::Binary);
        let whole = frame(binary, true, [1; 4], &[0; DATAGRAM_BYTES_MAX + 1]);
        assert_eq!(take_in_pieces(&whole[..8], &[8]), Err(Fault::TooLarge));
        let mut parts = frame(binary, false, [1; 4], &[0; DATAGRAM_BYTES_MAX]);
        parts.extend(frame(OpCode::Data(Data::Continue), true, [1; 4], &[0]));
        assert_eq!(take_in_pieces(&parts, &[100]), Err(Fault::TooLarge));
    }

    #[test]
    fn frames_out_of_turn_and_text_are_refused() {
        let (binary, more) = (OpCode::Data(Data::Binary), OpCode::Data(Data::Continue));
        assert_eq!(take_in_pieces(&frame(more, true, [1; 4], &[0]), &[99]), Err(Fault::Protocol));
        let twice = [frame(binary, false, [1; 4], &[0]), frame(binary, true, [1; 4], &[0])].concat();
        assert_eq!(take_in_pieces(&twice, &[99]), Err(Fault::Protocol));
        assert_eq!(take_in_pieces(&frame(OpCode::Data(Data::Text), true, [1; 4], b"a"), &[99]), Err(Fault::Text));
        let half_a_code = frame(OpCode::Control(Control::Close), true, [1; 4], &[3]);
        assert_eq!(take_in_pieces(&half_a_code, &[99]), Err(Fault::Protocol));
        let closes = frame(OpCode::Control(Control::Close), true, [1; 4], &[3, 0xe8]);
        assert_eq!(take_in_pieces(&closes, &[99]), Ok(vec![Said::Close(vec![3, 0xe8])]));
    }
}

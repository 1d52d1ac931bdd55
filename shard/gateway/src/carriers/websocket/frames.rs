//! Frames of a WebSocket, as a server reads and writes them (RFC 6455, section 5).

/// Bytes of the largest header: two, eight of length, four of mask.
#[cfg(test)]
pub(super) const HEADER_BYTES_MAX: usize = 14;
/// Payload of a control frame.
const CONTROL_BYTES_MAX: usize = 125;
/// Lengths that stand for themselves. The next two values announce 16 and 64 bits of length.
const LENGTH_7_BITS_MAX: u8 = 125;
const LENGTH_16_BITS: u8 = 126;

const FINAL: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;

/// Why a connection is closed.
pub(super) mod close_code {
    /// The gateway shuts down.
    pub(crate) const AWAY: u16 = 1001;
    /// Not a frame of a client.
    pub(crate) const PROTOCOL: u16 = 1002;
    /// Not a binary message.
    pub(crate) const UNSUPPORTED: u16 = 1003;
    /// Not what a correct client does.
    pub(crate) const POLICY: u16 = 1008;
    /// A message larger than a datagram.
    pub(crate) const SIZE: u16 = 1009;
}

/// What a frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

/// What is wrong with a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// No correct client sends it.
    Protocol,
    /// It carries text.
    Text,
    /// It carries more than a datagram.
    TooLarge,
}

/// The header of a client's frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) opcode: Opcode,
    /// The last, or the only, frame of a message.
    pub(super) is_final: bool,
    pub(super) mask: [u8; 4],
    /// Bytes of the header itself.
    pub(super) bytes: usize,
    pub(super) payload_bytes: u64,
}

impl Header {
    /// The header at the begin of `bytes`. None if it is not complete.
    ///
    /// # Errors
    /// [`Fault::Protocol`]: no client sends this.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Header>, Fault> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let opcode = match first & OPCODE {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            _ => return Err(Fault::Protocol),
        };
        let is_final = first & FINAL != 0;
        let (payload_bytes, length_bytes) = match second & !MASKED {
            length @ ..=LENGTH_7_BITS_MAX => (Some(u64::from(length)), 0),
            LENGTH_16_BITS => (rest.first_chunk().map(|length| u64::from(u16::from_be_bytes(*length))), 2),
            _ => (rest.first_chunk().map(|length| u64::from_be_bytes(*length)), 8),
        };
        let is_control = matches!(opcode, Opcode::Close | Opcode::Ping | Opcode::Pong);
        let is_sound =
            first & RESERVED == 0 && second & MASKED != 0 && (!is_control || (is_final && length_bytes == 0));
        if !is_sound {
            return Err(Fault::Protocol);
        }
        let (Some(payload_bytes), Some(rest)) = (payload_bytes, rest.get(length_bytes..)) else { return Ok(None) };
        let Some(mask) = rest.first_chunk().copied() else { return Ok(None) };
        Ok(Some(Header { opcode, is_final, mask, bytes: 2 + length_bytes + 4, payload_bytes }))
    }
}

/// Takes the mask off a payload.
pub(super) fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    // Sixteen bytes at a time, which is one operation of the CPU.
    let wide = u128::from_ne_bytes([a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d]);
    let mut chunks = payload.chunks_exact_mut(16);
    for chunk in &mut chunks {
        let bytes: &mut [u8; 16] = chunk.try_into().expect("chunks have 16 bytes");
        *bytes = (u128::from_ne_bytes(*bytes) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in chunks.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// Bytes of a binary frame with a datagram.
pub(super) fn binary_bytes(datagram: usize) -> usize {
    let is_short = datagram <= usize::from(LENGTH_7_BITS_MAX);
    (if is_short { 2 } else { 4 }) + datagram
}

/// Appends a binary frame with a datagram.
///
/// # Panics
/// If the datagram has more than 65,535 bytes.
pub(super) fn put_binary(into: &mut Vec<u8>, datagram: &[u8]) {
    match u8::try_from(datagram.len()) {
        Ok(length @ ..=LENGTH_7_BITS_MAX) => into.extend_from_slice(&[FINAL | 2, length]),
        _ => {
            let [high, low] = u16::try_from(datagram.len()).expect("a datagram has few bytes").to_be_bytes();
            into.extend_from_slice(&[FINAL | 2, LENGTH_16_BITS, high, low]);
        }
    }
    into.extend_from_slice(datagram);
}

/// Appends the answer to a ping, which has the payload of the ping.
pub(super) fn put_pong(into: &mut Vec<u8>, payload: &[u8]) {
    put_control(into, 10, payload);
}

/// Appends a close frame.
pub(super) fn put_close(into: &mut Vec<u8>, code: u16, reason: &str) {
    put_control(into, 8, &[&code.to_be_bytes()[..], reason.as_bytes()].concat());
}

/// Appends the answer to a close frame, which has the code of that, if it has one.
pub(super) fn put_close_answer(into: &mut Vec<u8>, payload: &[u8]) {
    put_control(into, 8, payload.get(..2).unwrap_or_default());
}

fn put_control(into: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    assert!(payload.len() <= CONTROL_BYTES_MAX, "a control frame has at most {CONTROL_BYTES_MAX} bytes");
    into.extend_from_slice(&[FINAL | opcode, payload.len() as u8]);
    into.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(bytes: &[u8]) -> Result<Option<Header>, Fault> {
        Header::parse(bytes)
    }

    #[test]
    fn a_header_is_known_once_it_is_complete_and_not_before() {
        for (bytes, payload_bytes) in [
            (vec![0x82, 0x85, 1, 2, 3, 4], 5),
            (vec![0x82, 0xfe, 0x05, 0xc0, 1, 2, 3, 4], 1_472),
            (vec![0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 2, 3, 4], 1 << 20),
        ] {
            for short in 0..bytes.len() {
                assert_eq!(header(&bytes[..short]), Ok(None), "{short} bytes of {bytes:?}");
            }
            let expected = Header {
                opcode: Opcode::Binary,
                is_final: true,
                mask: [1, 2, 3, 4],
                bytes: bytes.len(),
                payload_bytes,
            };
            assert_eq!(header(&bytes), Ok(Some(expected)));
            assert!(bytes.len() <= HEADER_BYTES_MAX);
        }
    }

    #[test]
    fn what_no_client_sends_is_refused_at_its_second_byte() {
        for (bytes, what) in [
            ([0x82, 0x05], "no mask"),
            ([0xc2, 0x85], "a reserved bit"),
            ([0x83, 0x85], "an opcode that does not exist"),
            ([0x09, 0x85], "a ping in fragments"),
            ([0x89, 0xfe], "a ping with more than 125 bytes"),
            ([0x88, 0xff], "a close frame with more than 125 bytes"),
        ] {
            assert_eq!(header(&bytes), Err(Fault::Protocol), "{what}");
        }
    }

    #[test]
    fn the_mask_comes_off_whatever_the_length() {
        let mask = [0x11, 0x22, 0x44, 0x88];
        for length in 0..100 {
            let plain: Vec<u8> = (0..length).collect();
            let mut masked: Vec<u8> = plain.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]).collect();
            unmask(&mut masked, mask);
            assert_eq!(masked, plain);
        }
    }

    #[test]
    fn a_frame_has_as_many_bytes_as_it_says() {
        for length in [0, 1, 125, 126, 127, 255, 256, 1_472] {
            let mut frame = Vec::new();
            put_binary(&mut frame, &vec![7; length]);
            assert_eq!(frame.len(), binary_bytes(length));
        }
    }
}

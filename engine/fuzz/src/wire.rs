//! Decoders of datagrams, frames and what is in them.

use ringshard_protocol::limits::*;
use ringshard_protocol::wire::*;

/// Writes the right checksum at the end, without which decoders refuse the datagram.
pub(crate) fn put_checksum(datagram: &mut [u8]) {
    if let Some((covered, checksum)) = datagram.split_last_chunk_mut::<4>() {
        *checksum = crc32c::crc32c(covered).to_le_bytes();
    }
}

/// An unencrypted packet that is accepted is encoded as the same bytes.
pub fn cleartext(data: &[u8]) {
    check_cleartext(data);
    let mut repaired = data.to_vec();
    put_checksum(&mut repaired);
    check_cleartext(&repaired);
}

fn check_cleartext(datagram: &[u8]) {
    match decode_unencrypted(datagram) {
        Ok(UnencryptedPacket::Connect(connect)) => assert_eq!(connect.encode(), datagram),
        Ok(UnencryptedPacket::Cookie(cookie)) => assert_eq!(cookie.encode(), datagram),
        Ok(UnencryptedPacket::Accepted(accepted)) => assert_eq!(accepted.encode(), datagram),
        Ok(UnencryptedPacket::Denied(denied)) => assert_eq!(denied.encode(), datagram),
        Ok(UnencryptedPacket::ForeignConnect { version, .. }) => {
            assert_ne!(version, PROTOCOL_VERSION);
            // Its answer must not be larger.
            assert!(datagram.len() >= CONNECT_BYTES);
        }
        Err(_) => {}
    }
}

/// Frames stay inside the datagram, and known ones are written as the same bytes.
pub fn frames(data: &[u8]) {
    let mut buffer = vec![0; data.len()];
    let mut writer = FrameWriter::new(&mut buffer, 0);
    let mut same = true;
    for frame in Frames::new(data) {
        let fits = match frame {
            Frame::Ping(value) => writer.ping(value),
            Frame::Pong(value) => writer.pong(value),
            Frame::PathChallenge(value) => writer.path_challenge(value),
            Frame::PathResponse(value) => writer.path_response(value),
            Frame::Message(channel, body) => write_message(&mut writer, channel, body, false),
            Frame::Compressed(channel, body) => write_message(&mut writer, channel, body, true),
            Frame::Fragment(fragment) => writer.fragment(&fragment),
            Frame::NewId(id) => writer.new_id(id),
            Frame::Integrity(frame) => writer.integrity(&frame),
            Frame::RekeyRequest(key) => writer.rekey_request(key),
            Frame::RekeyResponse { to, key } => writer.rekey_response(&to, key),
            Frame::Disconnect(reason) => {
                // Unknown reasons read as this one.
                same &= reason != DisconnectReason::Closed;
                writer.disconnect(reason)
            }
            // An acknowledgment has several encodings, and a probe has any bytes.
            Frame::Ack(_) | Frame::Probe | Frame::BadAck | Frame::Bad => {
                same = false;
                true
            }
        };
        assert!(fits, "the frames are longer than what they were read from");
    }
    let used = writer.used();
    if same {
        assert_eq!(buffer[..used], data[..used]);
    }
}

/// Writes a message that was read, behind its number if it has one.
fn write_message(writer: &mut FrameWriter<'_>, channel: Channel, body: &[u8], compressed: bool) -> bool {
    match body.split_first_chunk::<NUMBER_BYTES>() {
        Some((number, bytes)) if channel.delivery() != Delivery::Unreliable => {
            writer.numbered(channel, u16::from_le_bytes(*number), compressed, bytes)
        }
        _ if compressed => writer.compressed(channel, body),
        _ => writer.message(channel, body),
    }
}

/// The ranges of an acknowledgment lie in `1..=largest`, descend, do not touch, and are few. Written again, they are the
/// same.
pub fn ack(data: &[u8]) {
    // Numbers end at 2^62. A higher one was never sent, and its ranges are not read.
    let Some(ack) = Ack::decode(data).ok().filter(|ack| ack.largest <= 1 << 62) else { return };
    let mut runs = Vec::new();
    let mut lowest = None;
    let mut received = 0;
    for range in ack.ranges() {
        let (oldest, newest) = (*range.start(), *range.end());
        assert!(1 <= oldest && oldest <= newest && newest <= ack.largest);
        match lowest {
            None => {
                assert_eq!(newest, ack.largest, "the newest was received");
                runs.push(newest - oldest);
            }
            Some(lowest) => {
                assert!(newest < lowest, "ranges overlap");
                runs.extend([lowest - newest - 1, newest - oldest + 1]);
            }
        }
        lowest = Some(oldest);
        received += newest - oldest + 1;
    }
    let lowest = lowest.expect("at least the newest was received");
    assert!(received <= ACK_POSITIONS_MAX + 1 && ack.largest - lowest <= ACK_POSITIONS_MAX);
    let mut body = [0; Ack::BYTES_MAX];
    let used = ringshard_protocol::wire::ack::encode(ack.largest, ack.delay, runs.iter().copied(), &mut body);
    let again = Ack::decode(&body[..used]).expect("what is written is read");
    assert_eq!((again.largest, again.delay), (ack.largest, ack.delay));
    // Without room, the oldest ranges are left out.
    let acknowledged = |ack: &Ack<'_>| -> Vec<u64> { ack.ranges().flatten().collect() };
    let (all, mut some) = (acknowledged(&ack), acknowledged(&again));
    assert!(used + 5 >= Ack::BYTES_MAX || some.len() == all.len());
    some.retain(|number| !all.contains(number));
    assert!(some.is_empty(), "numbers are acknowledged that were not received: {some:?}");
}

/// A fragment lies within its message and on the grain, and is encoded as the same bytes.
pub fn fragment(data: &[u8]) {
    let Ok(fragment) = Fragment::decode(data) else { return };
    let Fragment { offset, total, bytes, .. } = fragment;
    let end = offset + bytes.len();
    assert!(!bytes.is_empty() && end <= total && total <= MESSAGE_BYTES_MAX);
    assert!(offset.is_multiple_of(FRAGMENT_GRAIN_BYTES) && (end == total || end.is_multiple_of(FRAGMENT_GRAIN_BYTES)));
    let mut buffer = vec![0; FRAME_HEADER_BYTES + data.len()];
    let mut writer = FrameWriter::new(&mut buffer, 0);
    // The length of a frame is 11 bits wide.
    assert_eq!(writer.fragment(&fragment), data.len() < 1 << 11);
    if writer.used() > 0 {
        assert_eq!(buffer[FRAME_HEADER_BYTES..], *data);
        assert_eq!(Frames::new(&buffer).next(), Some(Frame::Fragment(fragment)));
    }
}

/// What is decoded is encoded as the same bytes.
pub fn session_parameters_and_header(data: &[u8]) {
    if let Ok(header) = Header::decode(data) {
        assert_eq!(header.encode(), data[..HEADER_BYTES]);
    }
    if let Some(bytes) = data.first_chunk()
        && let Ok(parameters) = ConnectionParameters::decode(bytes)
    {
        assert_eq!(&parameters.encode(), bytes);
    }
}

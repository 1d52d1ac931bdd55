//! What each fuzz target does with its input. The targets themselves only hand it over, so that an ordinary test can
//! replay a corpus.
//!
//! Nothing may panic; beyond that, each function states what must hold.

mod client;
mod codec;
mod endpoint;
mod input;
mod link;
mod peer;
mod session_frames;
mod world;

pub use client::client_receive;
pub use codec::codec;
pub use endpoint::endpoint_receive;
pub use session_frames::session_frames;
pub use world::world;

use input::Input;
use rand_chacha::rand_core::SeedableRng;
use ringshard_protocol::crypto::{CookieSigner, CookieVerdict, Csprng, ReplayWindow};
use ringshard_protocol::limits::*;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::*;
use std::collections::HashSet;
use std::net::SocketAddr;

/// Puts the right checksum at the end, without which no decoder looks at the rest.
fn put_checksum(datagram: &mut [u8]) {
    if let Some((covered, checksum)) = datagram.split_last_chunk_mut::<4>() {
        *checksum = crc32c::crc32c(covered).to_le_bytes();
    }
}

/// A packet outside encryption that is accepted is the one that an encoder writes.
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
            // What answers it must not be larger.
            assert!(datagram.len() >= CONNECT_BYTES);
        }
        Err(_) => {}
    }
}

/// Frames end, stay inside the datagram, and those that are understood are the ones that a writer writes.
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
                // Reasons that nobody knows yet read as this one.
                same &= reason != DisconnectReason::Closed;
                writer.disconnect(reason)
            }
            // There is more than one way to write the same acknowledgment, and any bytes are a probe.
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

/// Writes a message that was read, its number in front of it where it has one.
fn write_message(writer: &mut FrameWriter<'_>, channel: Channel, body: &[u8], compressed: bool) -> bool {
    match body.split_first_chunk::<NUMBER_BYTES>() {
        Some((number, bytes)) if channel.delivery() != Delivery::Unreliable => {
            writer.numbered(channel, u16::from_le_bytes(*number), compressed, bytes)
        }
        _ if compressed => writer.compressed(channel, body),
        _ => writer.message(channel, body),
    }
}

/// The ranges of an acknowledgment lie in `1..=largest`, apart from each other and ever lower, and are few; written again
/// they say the same.
pub fn ack(data: &[u8]) {
    // Numbers end at 2^62: what is beyond was never sent, and nobody looks at the ranges.
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
    // What finds no room is left out: the oldest.
    let spoken_of = |ack: &Ack<'_>| -> Vec<u64> { ack.ranges().flatten().collect() };
    let (all, mut some) = (spoken_of(&ack), spoken_of(&again));
    assert!(used + 5 >= Ack::BYTES_MAX || some.len() == all.len());
    some.retain(|number| !all.contains(number));
    assert!(some.is_empty(), "something is said to be received that was not: {some:?}");
}

/// A fragment stays within its message, lies on the grain, and encodes to the same bytes.
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

/// What decodes encodes to the same bytes.
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

/// The window agrees with a set that remembers everything.
pub fn replay_window(data: &[u8]) {
    let mut input = Input::new(data);
    let mut window = ReplayWindow::default();
    let mut seen = HashSet::new();
    let mut highest = 0u64;
    let positions = data.last().map_or(0, |&byte| 8 * u64::from(byte));
    while !input.is_empty() {
        let sequence = match input.byte() % 5 {
            0 => highest.saturating_add(input.byte().into()),
            1 => highest.saturating_add(input.word().into()),
            2 => highest.saturating_sub(input.byte().into()),
            3 => highest.saturating_sub((input.word() % 2048).into()),
            _ => u64::from_le_bytes(input.array()),
        };
        let fresh =
            sequence != 0 && !seen.contains(&sequence) && (sequence > highest || highest - sequence < REPLAY_WINDOW);
        assert_eq!(window.is_fresh(sequence), fresh, "{sequence} after {highest}");
        if fresh {
            window.commit(sequence);
            assert!(!window.is_fresh(sequence));
            seen.insert(sequence);
            highest = highest.max(sequence);
        }
        assert_eq!(window.highest(), highest);
    }
    // The runs that acknowledgments are made of say the same as the set.
    let mut at = highest;
    for (index, run) in window.runs(positions).enumerate() {
        assert!(run < at && (run > 0 || index == 0), "{run} below {at}");
        assert!((at - run..at).all(|sequence| seen.contains(&sequence) == (index % 2 == 0)));
        at -= run;
    }
    assert_eq!(highest - at, positions.min(REPLAY_WINDOW - 1).min(highest.saturating_sub(1)));
}

/// A cookie is good for its sender and its time, whatever else was signed meanwhile, and for nobody and nothing else.
pub fn cookie(data: &[u8]) {
    let mut input = Input::new(data);
    let mut random = Csprng::from_seed([1; 32]);
    let mut now = Instant::from_nanos(u64::from_le_bytes(input.array()) >> 8);
    let mut signer = CookieSigner::new(now, &mut random);
    let address = SocketAddr::from((input.array::<4>(), input.word()));
    let client_key: [u8; 32] = input.array();
    now = now + Duration::from_millis(input.word().into()) * 4;
    let cookie = signer.sign(now, address, &client_key, &mut random);
    let mut age = Duration::ZERO;
    for _ in 0..input.byte() % 4 {
        age += Duration::from_millis(input.word().into());
        signer.sign(now + age, SocketAddr::from((input.array::<4>(), 1)), &client_key, &mut random);
    }
    let verdict = |address, key: &[u8; 32], cookie| signer.verify(now + age, address, key, cookie);
    let expected = if age <= COOKIE_LIFETIME { CookieVerdict::Valid } else { CookieVerdict::Expired };
    assert_eq!(verdict(address, &client_key, &cookie), expected);

    let (mut other_cookie, mut other_key) = (cookie, client_key);
    let other_address = SocketAddr::from((input.array::<4>(), input.word()));
    while !input.is_empty() {
        let (at, by) = (usize::from(input.byte()), input.byte());
        match at.checked_sub(COOKIE_BYTES) {
            None => other_cookie[at] ^= by,
            Some(at) => other_key[at % 32] ^= by,
        }
    }
    if other_cookie != cookie {
        assert_ne!(verdict(address, &client_key, &other_cookie), CookieVerdict::Valid);
    }
    if other_key != client_key {
        assert_ne!(verdict(address, &other_key, &cookie), CookieVerdict::Valid);
    }
    if other_address != address {
        assert_ne!(verdict(other_address, &client_key, &cookie), CookieVerdict::Valid);
    }
}

//! What a receiver does with values that no peer may send: PROTOCOL.md#reserved-values, row by row.

use crate::bare_client::{connect, deliver, find, frame, joined, kind, message, with_checksum};
use crate::document::table;
use ringshard_protocol::crypto::noise::{MESSAGE_2_OVERHEAD_BYTES, Responder};
use ringshard_protocol::crypto::{SecretKey, Suite, Suites};
use ringshard_protocol::limits::*;
use ringshard_protocol::stats::Drops;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::*;
use ringshard_protocol::{Client, ClientConfig};

type Check = fn();

const ROWS: [(&str, &str, &str, Check); 17] = [
    ("connection id", "generation 0, except in id 0 and, in a Connect, with slot 1", "drops", ids),
    ("header, channel", "1 to 255", "drops", channels),
    (
        "header, flags",
        "0x08 to 0x40, and 0x80 beside another or where no gateway has written it",
        "drops",
        header_flags,
    ),
    ("sequence, encrypted", "0, above 2^62", "drops", sequences),
    ("type, unencrypted", "4 to 255", "drops", types),
    ("Connect, suites", "0x04 to 0x80", "ignores the bit", suites),
    ("Connect, options", "0x02 to 0x80", "drops", options),
    ("Connect, padding", "not 0", "drops", padding),
    ("parameters, suite", "not one bit of the offer", "treats the packet as not authentic", suite_agreed),
    ("parameters, resumed", "2 to 255, and 1 after a token of zeros", "treats the packet as not authentic", resumed),
    ("parameters, largest datagram", "not 1472", "treats the packet as not authentic", largest_datagram),
    ("ConnectionDenied, reason", "0, 8 to 255", "drops", denials),
    ("frame, kind", "10, 11", "skips the frame", kinds),
    ("Compressed and Fragment, channel", "16 to 255", "skips the frame", frame_channels),
    ("NewId, generation", "0", "skips the frame", new_ids),
    ("Probe, body", "not 0", "ignores it", probes),
    ("Disconnect, reason", "2, 8, 12 to 255", "treats it as 0", reasons),
];

#[test]
fn reserved_values_are_treated_as_the_document_says() {
    let rows: Vec<_> = table(&["where", "reserved", "receiver"]);
    let named: Vec<_> = ROWS.iter().map(|&(place, reserved, receiver, _)| vec![place, reserved, receiver]).collect();
    assert_eq!(named, rows);
    for (place, _, _, check) in ROWS {
        println!("{place}");
        check();
    }
}

/// The server drops a datagram with an altered header, counts it in `counter`, and still reads the next one.
fn dropped_by_header(alter: impl Fn(&mut [u8; 14]), counter: fn(&Drops) -> u64) {
    let (mut server, mut client) = joined();
    let mut header = client.header();
    alter(&mut header);
    let before = counter(server.endpoint.drops());
    assert_eq!(deliver(&mut server, client.port, &client.seal_as(header, &[message(0, 0, b"dropped")])), []);
    assert_eq!(counter(server.endpoint.drops()), before + 1, "{header:?}");
    let next = client.seal(&[message(0, 0, b"read")]);
    deliver(&mut server, client.port, &next);
    assert_eq!(server.messages, [(Channel::UNRELIABLE, b"read".to_vec())]);
}

fn ids() {
    dropped_by_header(|header| header[1] = 0, |drops| drops.malformed);
    // A Connect has no connection id; it may name a core.
    assert!(altered_connect(2, 1).is_ok());
    for (at, value) in [(0, 1), (1, 1), (2, 2), (2, 255), (3, 1)] {
        assert_eq!(altered_connect(at, value), Err(Malformed::UnknownValue), "byte {at} is {value}");
    }
}

fn channels() {
    for channel in [1, 2, 255] {
        dropped_by_header(|header| header[4] = channel, |drops| drops.wrong_flags);
    }
}

fn header_flags() {
    for bit in 3..8 {
        dropped_by_header(|header| header[5] |= 1 << bit, |drops| drops.wrong_flags);
    }
    dropped_by_header(|header| header[5] = 0x80, |drops| drops.forged_gateway);
    // The other suite, no encryption, and a phase without a key.
    dropped_by_header(|header| header[5] = 0x01, |drops| drops.wrong_flags);
    dropped_by_header(|header| header[5] = 0x00, |drops| drops.wrong_flags);
    dropped_by_header(|header| header[5] = 0x07, |drops| drops.not_authentic);
}

fn sequences() {
    for sequence in [0, (1 << 62) + 1, u64::MAX] {
        dropped_by_header(|header| header[6..].copy_from_slice(&u64::to_le_bytes(sequence)), |drops| drops.replayed);
    }
    let (mut server, client) = joined();
    let mut header = client.header();
    header[6..].copy_from_slice(&(1_u64 << 62).to_le_bytes());
    deliver(&mut server, client.port, &client.seal_as(header, &[message(0, 0, b"the last")]));
    assert_eq!(server.messages.len(), 1);
}

fn any_connect() -> Connect {
    let noise = [0x33; NOISE_MESSAGE_1_BYTES];
    let options = Options { pre_shared_key: false };
    let mut connect = Connect { core: None, tag: 0, suites: 1, options, cookie: [0; COOKIE_BYTES], noise };
    connect.tag = Connect::tag_of(connect.client_key());
    connect
}

/// A Connect with one altered byte and a correct checksum.
fn altered_connect(at: usize, value: u8) -> Result<UnencryptedPacket, Malformed> {
    let mut packet = any_connect().encode()[..CONNECT_BYTES - 4].to_vec();
    packet[at] = value;
    decode_unencrypted(&with_checksum(packet))
}

fn types() {
    assert!((4..=255).all(|value| altered_connect(14, value) == Err(Malformed::UnknownType)));
}

fn options() {
    for value in 0..=255 {
        assert_eq!(altered_connect(18, value).is_ok(), value <= 1, "{value}");
    }
}

fn padding() {
    assert!(
        (131..140).all(|at| altered_connect(at, 0).is_ok() && altered_connect(at, 1) == Err(Malformed::UnknownValue))
    );
}

fn suites() {
    let (mut server, _) = joined();
    let client = connect(&mut server, 43_000, 0xFD, 0x66, None);
    assert_eq!(client.parameters[4], Suite::ChaCha20Poly1305 as u8);
}

/// Whether a client that offers ChaCha20-Poly1305 alone accepts a ConnectionAccepted with these parameters.
fn accepts(alter: impl Fn(&mut [u8; ConnectionParameters::BYTES])) -> bool {
    let secret = SecretKey::from_bytes([0x71; 32]);
    let public = secret.public();
    let config = ClientConfig { suites: Suites::only(&[Suite::ChaCha20Poly1305]), ..ClientConfig::new(public) };
    let mut client = Client::new(config, Instant::ZERO, [0x72; 32]).expect("a sound key");
    let mut buffer = [0; DATAGRAM_BYTES_MAX];
    let len = client.poll_transmit(Instant::ZERO, &mut buffer).expect("a Connect");
    let Ok(UnencryptedPacket::Connect(connect)) = decode_unencrypted(&buffer[..len]) else { panic!("a Connect") };
    let (responder, _) =
        Responder::read(&secret, &public, b"ringshard\x01\x00\x01\x00", None, &connect.noise).expect("message 1 opens");
    let mut parameters = [1, 2, 3, 4, 1, 0, 0xC0, 0x05, 0x88, 0x13, 0, 0, 0x98, 0x3A, 0, 0];
    alter(&mut parameters);
    let mut noise = [0; ConnectionParameters::BYTES + MESSAGE_2_OVERHEAD_BYTES];
    responder.write(&SecretKey::from_bytes([0x73; 32]), &parameters, &mut noise).expect("a sound key");
    let mut accepted = Accepted { tag: connect.tag, connection: ConnectionId::NONE, noise }.encode();
    client.receive(Instant::ZERO, &mut accepted);
    assert_eq!(client.drops().not_authentic, u64::from(!client.is_connected()));
    client.is_connected()
}

fn suite_agreed() {
    assert!((0..=255).all(|value| accepts(|parameters| parameters[4] = value) == (value == 1)));
}

fn resumed() {
    assert!((0..=255).all(|value| accepts(|parameters| parameters[5] = value) == (value == 0)));
    // Other values that PROTOCOL.md#connectionaccepted does not allow.
    assert!(!accepts(|parameters| parameters[1] = 0), "generation 0");
    assert!(!accepts(|parameters| parameters[8..12].fill(0)), "no heartbeat");
    assert!(!accepts(|parameters| parameters.copy_within(8..12, 12)), "a timeout of one heartbeat");
}

fn largest_datagram() {
    for bytes in [0, 512, 1200, 1471, 1472, 1473, 65_535_u16] {
        let believed = accepts(|parameters| parameters[6..8].copy_from_slice(&bytes.to_le_bytes()));
        assert_eq!(believed, bytes == 1472, "{bytes}");
    }
}

fn denials() {
    for reason in 0..=255 {
        let packet = with_checksum([&[0; 6][..], &[9; 8], &[3, reason, 1, 0, 0, 0]].concat());
        assert_eq!(decode_unencrypted(&packet).is_ok(), (1..=7).contains(&reason), "{reason}");
    }
}

/// The server counts this many bad frames and reads the frames beside them.
fn skipped(bad: u64, frames: Vec<Vec<u8>>) {
    let (mut server, mut client) = joined();
    let frames = [vec![message(0, 0, b"before")], frames, vec![message(0, 0, b"after")]].concat();
    let datagram = client.seal(&frames);
    assert_eq!(deliver(&mut server, client.port, &datagram), []);
    assert_eq!(server.endpoint.drops().bad_frame, bad);
    assert_eq!(server.messages.len(), 2);
}

fn kinds() {
    skipped(2, vec![frame(10, b"unknown"), frame(11, b"")]);
}

fn frame_channels() {
    let channels = [16, 17, 255];
    let fragment = |channel| frame(kind::FRAGMENT, &[&[channel, 0, 0, 0, 0, 1, 0, 0, 0][..], b"x"].concat());
    skipped(3, channels.map(|channel| frame(kind::COMPRESSED, &[channel, 0, 0, 1, 0, 0, 0, 0x10, b'x'])).to_vec());
    skipped(3, channels.map(fragment).to_vec());
}

fn new_ids() {
    let plaintext = frame(kind::NEW_ID, &[1, 0, 3, 4]);
    assert_eq!(Frames::new(&plaintext).collect::<Vec<_>>(), [Frame::Bad]);
    // A server refuses every NewId.
    skipped(2, vec![plaintext, frame(kind::NEW_ID, &[0, 9, 0, 0])]);
}

fn probes() {
    let (mut server, mut client) = joined();
    let datagram = client.seal(&[frame(kind::PROBE, b"anything"), message(0, 0, b"after"), frame(kind::PING, &[1; 8])]);
    let answers = deliver(&mut server, client.port, &datagram);
    let frames: Vec<_> = answers.iter().flat_map(|(_, answer)| client.open(answer)).collect();
    assert!(find(&frames, kind::ACK).is_some(), "a Probe is ack-eliciting");
    assert_eq!((server.endpoint.drops().bad_frame, server.messages.len()), (0, 1));
}

fn reasons() {
    for code in [2, 8].into_iter().chain(12..=255) {
        let plaintext = frame(kind::DISCONNECT, &[code]);
        assert_eq!(Frames::new(&plaintext).collect::<Vec<_>>(), [Frame::Disconnect(DisconnectReason::Closed)]);
    }
}

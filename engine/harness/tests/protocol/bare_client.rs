//! A client written from `PROTOCOL.md` alone: its bytes and keys follow the document, and it shares no code with the
//! engine's connections. It talks to a real server.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce, Tag};
use ringshard_harness::*;
use ringshard_protocol::EndpointConfig;
use ringshard_protocol::crypto::noise::Initiator;
use ringshard_protocol::crypto::{PublicKey, SecretKey, hkdf_sha256};
use ringshard_protocol::endpoint::{Event, IntegrityConfig};
use ringshard_protocol::limits::*;
use ringshard_protocol::link::Path;
use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::ConnectionId;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

pub const INTEGRITY_KEYS: [[u8; 32]; 3] = [[1; 32], [2; 32], [3; 32]];
pub const INTEGRITY_PERIOD: Duration = Duration::from_secs(60);

/// Kinds of frames: PROTOCOL.md#frames.
pub mod kind {
    pub const COMPRESSED: u16 = 1;
    pub const PATH_CHALLENGE: u16 = 2;
    pub const PATH_RESPONSE: u16 = 3;
    pub const PING: u16 = 4;
    pub const PONG: u16 = 5;
    pub const DISCONNECT: u16 = 6;
    pub const ACK: u16 = 7;
    pub const FRAGMENT: u16 = 8;
    pub const NEW_ID: u16 = 9;
    pub const INTEGRITY: u16 = 12;
    pub const REKEY_REQUEST: u16 = 13;
    pub const REKEY_RESPONSE: u16 = 14;
    pub const PROBE: u16 = 15;
    pub const MESSAGE: u16 = 16;
}

/// A real server that checks the integrity of its clients.
pub fn server() -> Server {
    let integrity = Some(IntegrityConfig { keys: INTEGRITY_KEYS.into(), period: INTEGRITY_PERIOD });
    Server::new(EndpointConfig { connections_max: 4, integrity, ..server_config() })
}

/// Datagrams of the server, and the client's port that each goes to.
pub type Sent = Vec<(u16, Vec<u8>)>;

fn by_port(sent: Vec<(Path, Vec<u8>)>) -> Sent {
    sent.into_iter().map(|(path, datagram)| (path.peer.port(), datagram)).collect()
}

/// Hands in a datagram from a client's port; gives what the server sends at once.
pub fn deliver(server: &mut Server, port: u16, datagram: &[u8]) -> Sent {
    let path = Path::new(0, SocketAddr::from(([10, 1, 0, 1], port)));
    server.receive(path, &mut datagram.to_vec());
    flush(server)
}

/// Gives what the server sends now.
pub fn flush(server: &mut Server) -> Sent {
    by_port(server.flush())
}

/// Lets time pass; gives what the server sends meanwhile.
pub fn wait(server: &mut Server, duration: Duration) -> Sent {
    let until = server.now + duration;
    let mut sent = flush(server);
    while server.now < until {
        let step = Duration::from_millis(1).min(until.since(server.now));
        sent.append(&mut by_port(server.advance(step)));
    }
    sent
}

/// A frame by its kind, and its body.
pub type AnyFrame = (u16, Vec<u8>);

/// The client: its keys and numbers.
pub struct BareClient {
    pub port: u16,
    pub id: [u8; 4],
    pub parameters: [u8; 16],
    pub splits: [[u8; 32]; 2],
    /// Split keys of the handshake.
    pub first_splits: [[u8; 32]; 2],
    pub phases: [u8; 2],
    keys: [[u8; 32]; 2],
    pub sequence: u64,
    /// Sequence numbers received.
    received: Vec<u64>,
    /// Fragmented messages by channel and number: the bytes that have arrived.
    fragments: BTreeMap<(u8, u16), Vec<Option<u8>>>,
    /// Numbers of reliable messages received: each is delivered once.
    taken: BTreeSet<(u8, u16)>,
    pub messages: Vec<(u8, Vec<u8>)>,
}

/// Connects. With `former`, it resumes the session of that connection.
pub fn connect(server: &mut Server, port: u16, suites: u8, ephemeral: u8, former: Option<&BareClient>) -> BareClient {
    let token = former.map_or([0; 16], BareClient::token);
    let id = former.map_or([0; 4], |former| [former.id[0], 0, 1, 0]);
    let public = server_config().secret.public();
    let prologue = [b"ringshard\x01\x00", &[suites, 0][..]].concat();
    let (initiator, noise) = Initiator::begin(&public, SecretKey::from_bytes([ephemeral; 32]), &prologue, None, &token)
        .expect("a sound key");
    let tag = noise[..8].to_vec();
    let connect = |cookie: &[u8]| {
        let head = [&id[..], &[0; 2], &tag[..], &[0, 1, 0, suites, 0]].concat();
        with_checksum([&head, cookie, &noise[..], &[0; 9]].concat())
    };
    assert_eq!(connect(&[0; 48]).len(), 144);

    let answers = deliver(server, port, &connect(&[0; 48]));
    let [(to, cookie)] = &answers[..] else { panic!("one cookie") };
    assert_eq!((*to, cookie.len(), cookie[14], &cookie[6..14]), (port, 67, 1, &tag[..]));
    let answers = deliver(server, port, &connect(&cookie[15..63]));
    let [(_, accepted)] = &answers[..] else { panic!("one ConnectionAccepted") };
    assert_eq!((accepted.len(), accepted[14], &accepted[6..14]), (83, 2, &tag[..]));
    let (secrets, parameters) = initiator.finish::<16>(&accepted[15..79]).expect("message 2 opens");
    let (client_half, server_half) = secrets.split();
    let mut splits = [*client_half, *server_half];
    if let Some(former) = former.filter(|_| parameters[5] == 1) {
        splits = splits.map(|split| hkdf(&split, &former.resume_secret(), "ringshard 1 resumed"));
    }
    let mut client = BareClient {
        port,
        id: parameters[..4].try_into().expect("four bytes"),
        parameters,
        splits,
        first_splits: splits,
        phases: [0; 2],
        keys: [[0; 32]; 2],
        sequence: 1,
        received: Vec::new(),
        fragments: BTreeMap::new(),
        taken: BTreeSet::new(),
        messages: Vec::new(),
    };
    client.keys = client.traffic_keys();
    client
}

pub fn with_checksum(mut packet: Vec<u8>) -> Vec<u8> {
    let checksum = crc32c::crc32c(&packet);
    packet.extend_from_slice(&checksum.to_le_bytes());
    packet
}

pub fn frame(kind: u16, body: &[u8]) -> Vec<u8> {
    [&(kind << 11 | body.len() as u16).to_le_bytes()[..], body].concat()
}

pub fn message(channel: u8, number: u16, text: &[u8]) -> Vec<u8> {
    let numbered = !channel.is_multiple_of(4);
    let number = number.to_le_bytes();
    frame(kind::MESSAGE + u16::from(channel), &[if numbered { &number[..] } else { &[] }, text].concat())
}

pub fn hkdf<const N: usize>(salt: &[u8], input: &[u8], info: &str) -> [u8; N] {
    let mut output = [0; N];
    hkdf_sha256(salt, input, info.as_bytes(), &mut output);
    output
}

impl BareClient {
    fn traffic_keys(&self) -> [[u8; 32]; 2] {
        self.splits.map(|split| hkdf(&[], &split, "ringshard 1 traffic chacha20-poly1305"))
    }

    fn resume_secret(&self) -> [u8; 32] {
        hkdf(&[], &self.first_splits.concat(), "ringshard 1 resume secret")
    }

    pub fn token(&self) -> [u8; 16] {
        hkdf(&[], &self.first_splits.concat(), "ringshard 1 resume")
    }

    /// Seals a datagram.
    pub fn seal(&mut self, frames: &[Vec<u8>]) -> Vec<u8> {
        let header = self.header();
        self.sequence += 1;
        self.seal_as(header, frames)
    }

    /// The header of the next datagram.
    pub fn header(&self) -> [u8; 14] {
        let rest = [0, 0x03 | self.phases[0]];
        [&self.id[..], &rest, &self.sequence.to_le_bytes()].concat().try_into().expect("14 bytes")
    }

    pub fn seal_as(&self, header: [u8; 14], frames: &[Vec<u8>]) -> Vec<u8> {
        let mut body = frames.concat();
        let tag = ChaCha20Poly1305::new(&Key::from(self.keys[0]))
            .encrypt_inout_detached(&nonce(&header), &header, (&mut body[..]).into())
            .expect("it seals");
        [&header[..], &body, &tag].concat()
    }

    /// Opens a datagram of the server and reads its frames; keeps messages and fragments.
    pub fn open(&mut self, datagram: &[u8]) -> Vec<AnyFrame> {
        let sizes: Vec<_> = DATAGRAM_BUCKETS.into_iter().map(usize::from).collect();
        assert!(sizes.contains(&datagram.len()), "padded to {}", datagram.len());
        let header: [u8; 14] = datagram[..14].try_into().expect("14 bytes");
        assert_eq!((&header[..4], header[4], header[5]), (&self.id[..], 0, 0x03 | self.phases[1]));
        let sequence = u64::from_le_bytes(header[6..].try_into().expect("eight bytes"));
        assert!(sequence > 0 && !self.received.contains(&sequence), "{sequence} twice");
        let (mut body, tag) = (datagram[14..datagram.len() - 16].to_vec(), &datagram[datagram.len() - 16..]);
        ChaCha20Poly1305::new(&Key::from(self.keys[1]))
            .decrypt_inout_detached(
                &nonce(&header),
                &header,
                (&mut body[..]).into(),
                &Tag::try_from(tag).expect("16 bytes"),
            )
            .expect("it opens");
        self.received.push(sequence);
        let frames = split_frames(&body);
        frames.iter().for_each(|frame| self.take(frame));
        frames
    }

    fn take(&mut self, (kind, body): &AnyFrame) {
        match *kind {
            kind::MESSAGE.. => {
                let channel = (kind - kind::MESSAGE) as u8;
                if channel.is_multiple_of(4) {
                    self.messages.push((channel, body.clone()));
                } else {
                    self.deliver(channel, u16::from_le_bytes([body[0], body[1]]), body[2..].to_vec());
                }
            }
            kind::COMPRESSED => {
                if body[0].is_multiple_of(4) {
                    self.messages.push((body[0], decompressed(&body[1..])));
                } else {
                    self.deliver(body[0], u16::from_le_bytes([body[1], body[2]]), decompressed(&body[3..]));
                }
            }
            kind::FRAGMENT => self.take_fragment(body),
            _ => {}
        }
    }

    fn take_fragment(&mut self, body: &[u8]) {
        let word = |at: usize| u16::from_le_bytes([body[at], body[at + 1]]);
        let (channel, number, offset) = (body[0], word(1), usize::from(word(3)));
        let size = u32::from_le_bytes(body[5..9].try_into().expect("four bytes"));
        let (total, compressed, piece) = ((size & !0x8000_0000) as usize, size & 0x8000_0000 != 0, &body[9..]);
        assert!(offset.is_multiple_of(128) && !piece.is_empty() && offset + piece.len() <= total && total <= 65_536);
        assert!((offset + piece.len()).is_multiple_of(128) || offset + piece.len() == total);
        let whole = self.fragments.entry((channel, number)).or_insert_with(|| vec![None; total]);
        whole[offset..offset + piece.len()].iter_mut().zip(piece).for_each(|(place, &byte)| *place = Some(byte));
        if let Some(bytes) = whole.iter().copied().collect::<Option<Vec<u8>>>() {
            self.fragments.remove(&(channel, number));
            self.deliver(channel, number, if compressed { decompressed(&bytes) } else { bytes });
        }
    }

    fn deliver(&mut self, channel: u8, number: u16, text: Vec<u8>) {
        let reliable = matches!(channel % 4, 1 | 2);
        if !reliable || self.taken.insert((channel, number)) {
            self.messages.push((channel, text));
        }
    }

    /// An Ack of all that was received.
    pub fn ack(&mut self) -> Vec<u8> {
        self.received.sort_unstable();
        let largest = *self.received.last().expect("something was received");
        let (mut runs, mut at, mut seen) = (Vec::new(), largest - 1, true);
        while at > 0 && largest - at <= 400 {
            let same = (1..=at).rev().take_while(|number| self.received.contains(number) == seen);
            let run = same.count().min(255) as u64;
            runs.push(run as u8);
            at -= run;
            seen = !seen;
        }
        let mut kept = 0;
        runs.retain(|&run| {
            kept += u64::from(run);
            kept <= 512
        });
        frame(kind::ACK, &[&largest.to_le_bytes()[..], &[0, 0], &runs].concat())
    }

    /// Rekeys: derives both split keys from `ours` and `theirs`.
    pub fn next_splits(&mut self, ours: &SecretKey, theirs: &[u8]) {
        let theirs = PublicKey::from_bytes(theirs.try_into().expect("32 bytes"));
        let shared = ours.diffie_hellman(&theirs).expect("a sound key");
        self.splits = self.splits.map(|split| hkdf(&split, &shared, "ringshard 1 rekey"));
    }

    /// Seals (direction 0) or opens (direction 1) in the new phase.
    pub fn change_phase(&mut self, direction: usize) {
        self.phases[direction] ^= 0x04;
        self.keys[direction] = self.traffic_keys()[direction];
    }
}

fn decompressed(bytes: &[u8]) -> Vec<u8> {
    let size = u32::from_le_bytes(bytes[..4].try_into().expect("four bytes"));
    lz4_flex::block::decompress(&bytes[4..], size as usize).expect("an LZ4 block")
}

fn nonce(header: &[u8; 14]) -> Nonce {
    let bytes: [u8; 12] = [&header[..4], &header[6..]].concat().try_into().expect("12 bytes");
    bytes.into()
}

fn split_frames(mut plaintext: &[u8]) -> Vec<AnyFrame> {
    let mut frames = Vec::new();
    while let Some((head, rest)) = plaintext.split_first_chunk::<2>() {
        let head = u16::from_le_bytes(*head);
        let (kind, length) = (head >> 11, usize::from(head & 0x7FF));
        if kind == 0 {
            break;
        }
        frames.push((kind, rest[..length].to_vec()));
        plaintext = &rest[length..];
    }
    assert!(plaintext.iter().all(|&byte| byte == 0), "zeros end the frames");
    frames
}

/// The body of the first frame of this kind.
pub fn find(frames: &[AnyFrame], kind: u16) -> Option<&[u8]> {
    frames.iter().find(|frame| frame.0 == kind).map(|frame| &frame.1[..])
}

/// A server and a client that has joined.
pub fn joined() -> (Server, BareClient) {
    let mut server = server();
    let mut client = connect(&mut server, 40_000, 0x01, 0x61, None);
    let proof = client.seal(&[frame(kind::PING, &[7; 8])]);
    let frames = ask(&mut server, &mut client, &proof);
    assert_eq!(find(&frames, kind::PONG), Some(&[7; 8][..]));
    assert!(matches!(server.events[..], [Event::Joined { .. }]));
    (server, client)
}

/// Hands in a datagram of the client; gives the frames that the server sends at once.
pub fn ask(server: &mut Server, client: &mut BareClient, datagram: &[u8]) -> Vec<AnyFrame> {
    let answers = deliver(server, client.port, datagram);
    answers.iter().flat_map(|(_, answer)| client.open(answer)).collect()
}

/// Whether the frame is ack-eliciting.
fn is_ack_eliciting((kind, body): &AnyFrame) -> bool {
    let channel = match *kind {
        kind::MESSAGE.. => kind - kind::MESSAGE,
        kind::COMPRESSED | kind::FRAGMENT => body[0].into(),
        kind => {
            return [kind::NEW_ID, kind::INTEGRITY, kind::REKEY_REQUEST, kind::REKEY_RESPONSE, kind::PROBE]
                .contains(&kind);
        }
    };
    matches!(channel % 4, 1 | 2)
}

/// Lets time pass, and acknowledges ack-eliciting frames at once; gives the frames that the server sends meanwhile.
pub fn receive_for(server: &mut Server, client: &mut BareClient, duration: Duration) -> Vec<AnyFrame> {
    let until = server.now + duration;
    let mut frames = Vec::new();
    while server.now < until {
        let sent = wait(server, Duration::from_millis(5));
        let mut opened: Vec<_> = sent.iter().flat_map(|(_, datagram)| client.open(datagram)).collect();
        let must_acknowledge = opened.iter().any(is_ack_eliciting);
        frames.append(&mut opened);
        if must_acknowledge {
            let ack = client.ack();
            let ack = client.seal(&[ack]);
            frames.append(&mut ask(server, client, &ack));
        }
    }
    frames
}

/// The same for a long time, with pings so that the connection does not time out.
pub fn stay_for(server: &mut Server, client: &mut BareClient, duration: Duration) -> Vec<AnyFrame> {
    let until = server.now + duration;
    let mut frames = Vec::new();
    while server.now < until {
        let ping = client.seal(&[frame(kind::PING, &[2; 8])]);
        frames.append(&mut ask(server, client, &ping));
        frames.append(&mut receive_for(server, client, Duration::from_secs(5)));
    }
    frames
}

pub fn id_of(client: &BareClient) -> ConnectionId {
    ConnectionId::from_bits(u32::from_le_bytes(client.id))
}

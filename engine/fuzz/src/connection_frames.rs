//! An endpoint whose client has the keys. It sends frames that the input chooses, between honest ones.

use crate::endpoint::{established, path};
use crate::input::Input;
use crate::link::FlatLink;
use crate::peer::Peer;
use ringshard_protocol::connection::sealed_len;
use ringshard_protocol::crypto::SecretKey;
use ringshard_protocol::endpoint::{Endpoint, Event, Received};
use ringshard_protocol::limits::*;
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::*;

const OPERATIONS_MAX: usize = 256;
const DATAGRAMS_AT_ONCE: usize = 64;

struct Fixture {
    endpoint: Endpoint,
    link: FlatLink,
    now: Instant,
    peer: Peer,
    /// The connection's id at the endpoint.
    id: ConnectionId,
    path: Path,
    /// The highest sequence number that the endpoint sent and the client took.
    newest: u64,
    /// The value of the endpoint's last path challenge.
    challenge: u64,
    /// The name of the endpoint's last rekey request.
    request: [u8; REKEY_NAME_BYTES],
    /// The client has sent a forged rekey response: the peer cannot open what the endpoint seals after it.
    keys_are_lost: bool,
}

/// An authentic client sends anything: nothing panics, memory stays within its bound, and all of it is freed with the
/// connection.
pub fn connection_frames(data: &[u8]) {
    let now = Instant::from_nanos(1_000_000_000);
    let mut link = FlatLink::new();
    let (endpoint, peer) = established(now, &mut link);
    let id = peer.connection.id();
    let (newest, challenge, request) = (0, 0, [0; REKEY_NAME_BYTES]);
    let mut fixture =
        Fixture { endpoint, link, now, peer, id, path: path(1), newest, challenge, request, keys_are_lost: false };
    fixture.run(&mut Input::new(data));
    fixture.close();
}

impl Fixture {
    fn run(&mut self, input: &mut Input<'_>) {
        for _ in 0..OPERATIONS_MAX {
            if input.is_empty() || self.endpoint.connections() == 0 {
                break;
            }
            match input.byte() % 16 {
                0 => self.deliver_frames(input.piece(FRAMES_BYTES_MAX)),
                1..=5 => {
                    let mut buffer = [0; FRAMES_BYTES_MAX];
                    let mut writer = FrameWriter::new(&mut buffer, 0);
                    for _ in 0..1 + input.byte() % 8 {
                        self.write_any(input, &mut writer);
                    }
                    let used = writer.used();
                    self.deliver_frames(&buffer[..used]);
                }
                6 | 7 => {
                    let (channel, message) = any_message(input);
                    // It may be refused.
                    let _ = self.endpoint.send(self.now, self.id, channel, &message);
                }
                8 => {
                    let (channel, message) = any_message(input);
                    let Peer { connection, resources } = &mut self.peer;
                    if channel.delivery().is_reliable() {
                        let _ = connection.send_reliable(self.now, channel, &message, resources);
                    }
                }
                9 | 10 => self.client_sends(input.byte()),
                11 | 12 => self.client_receives(input.byte()),
                13 => {
                    self.now = self.now + Duration::from_millis(u64::from(input.word()) % 4096);
                    self.endpoint.sweep(self.now);
                }
                14 => match input.byte() % 4 {
                    0 => self.endpoint.rekey(self.now, self.id),
                    1 => self.peer.connection.rekey(self.now, &mut self.peer.resources),
                    2 => self.endpoint.set_rate(self.now, self.id, input.byte().checked_mul(8).map(u64::from)),
                    _ => self.path = path(input.byte()),
                },
                _ => self.deliver(&mut input.piece(64).to_vec()),
            }
            self.check();
        }
    }

    /// Writes a frame that the endpoint may expect now, or one that is slightly wrong.
    fn write_any(&mut self, input: &mut Input<'_>, writer: &mut FrameWriter<'_>) {
        let channel = Channel::new(input.byte() % 16).expect("there are 16");
        // Mostly low numbers, which are inside the window.
        let number = |input: &mut Input<'_>| match input.byte() {
            255 => input.word(),
            byte => u16::from(byte % 16),
        };
        match input.byte() % 16 {
            0..=2 => {
                let number = number(input);
                let bytes = vec![number as u8; usize::from(input.byte()) * 6 % 1300];
                match channel.delivery() {
                    Delivery::Unreliable => writer.message(channel, &bytes),
                    _ => writer.numbered(channel, number, false, &bytes),
                }
            }
            3 | 4 => {
                let (number, block) = (number(input), any_block(input));
                match channel.delivery() {
                    Delivery::Unreliable => writer.compressed(channel, &block),
                    _ => writer.numbered(channel, number, true, &block),
                }
            }
            5..=7 => write_any_fragment(channel, number(input), input, writer),
            8 => {
                let largest =
                    self.newest.saturating_sub((input.byte() % 32).into()).wrapping_add((input.byte() / 254).into());
                let count = input.byte() % 8;
                let runs: Vec<u64> = input.take(count.into()).iter().map(|&run| run.into()).collect();
                writer.ack(largest, Duration::from_micros(input.word().into()), runs.into_iter())
            }
            9 => {
                writer.path_response(if input.byte().is_multiple_of(4) { input.byte().into() } else { self.challenge })
            }
            10 => writer.path_challenge(input.byte().into()),
            11 => self.write_any_rekey(input, writer),
            12 => writer.new_id(ConnectionId::new(0, input.byte().max(1), input.word())),
            13 => match input.byte() % 2 {
                0 => writer.integrity(&IntegrityFrame::Challenge { index: input.byte(), nonce: input.array() }),
                _ => writer.integrity(&IntegrityFrame::Answer { to: input.array(), mac: input.array() }),
            },
            14 => writer.probe(usize::from(input.word()) % 1500),
            _ => match input.byte() % 8 {
                0 => writer.disconnect(DisconnectReason::Closed),
                _ => writer.ping(input.byte().into()),
            },
        };
    }

    fn write_any_rekey(&mut self, input: &mut Input<'_>, writer: &mut FrameWriter<'_>) -> bool {
        match input.byte() % 3 {
            0 => writer.rekey_request(SecretKey::from_bytes(input.array()).public().as_bytes()),
            1 => writer.rekey_request(&[input.byte(); 32]),
            _ => {
                self.keys_are_lost = true;
                writer.rekey_response(&self.request, &[input.byte(); 32])
            }
        }
    }

    fn deliver_frames(&mut self, frames: &[u8]) {
        self.keys_are_lost |= Frames::new(frames).any(|frame| matches!(frame, Frame::RekeyResponse { .. }));
        let mut datagram = self.peer.seal(frames);
        self.deliver(&mut datagram);
    }

    fn deliver(&mut self, datagram: &mut [u8]) {
        let Received::Messages { id, messages, more } = self.endpoint.receive(self.now, self.path, datagram) else {
            return;
        };
        assert!(messages.map(|message| message.bytes.len()).sum::<usize>() <= FRAMES_BYTES_MAX);
        let mut message = Vec::new();
        while self.endpoint.read(id, &mut message).is_some() {
            assert!(more && message.len() <= MESSAGE_BYTES_MAX);
        }
    }

    /// The client sends what is due. Datagrams whose bit is set in `lost` do not arrive.
    fn client_sends(&mut self, lost: u8) {
        let now = self.now;
        self.peer.connection.advance(now, &mut self.peer.resources);
        for index in 0..DATAGRAMS_AT_ONCE {
            let Peer { connection, resources } = &mut self.peer;
            if !connection.wants_datagram(now) {
                break;
            }
            let mut buffer = [0; FRAMES_BYTES_MAX];
            let limit = connection.fresh_frames_max(now);
            let mut writer = FrameWriter::new(&mut buffer[..limit], 0);
            let carried = connection.fill(now, &mut writer, true);
            let used = writer.used();
            if used == 0 {
                break;
            }
            let sequence = connection.begin_datagram(&mut resources.random);
            connection.sent(now, sequence, used, carried);
            let mut datagram = vec![0; sealed_len(used)];
            connection.seal(sequence, &buffer[..used], &mut datagram).expect("the key is far from exhausted");
            if lost & 1 << (index % 8) == 0 {
                self.deliver(&mut datagram);
            }
        }
    }

    /// The endpoint sends what is due, and the client receives it. Datagrams whose bit is set in `lost` do not arrive.
    fn client_receives(&mut self, lost: u8) {
        self.endpoint.flush(self.now, &mut self.link);
        let Peer { connection, resources } = &mut self.peer;
        let mut message = Vec::new();
        for (index, (_, datagram)) in self.link.sent().enumerate() {
            let header = Header::decode(datagram).expect("the endpoint's datagrams have a header");
            if header.flags & flags::ENCRYPTED == 0 {
                decode_unencrypted(datagram).expect("the endpoint's packets are well-formed");
                continue;
            }
            assert!(connection.has_id(header.connection), "the client does not know this id");
            let bytes = datagram.len();
            let Ok(plaintext) = connection.open(self.now, &header, datagram) else {
                assert!(self.keys_are_lost, "the client holds the key");
                continue;
            };
            for frame in Frames::new(plaintext) {
                match frame {
                    Frame::Bad | Frame::BadAck => panic!("the endpoint's frames are well-formed"),
                    Frame::PathChallenge(value) => self.challenge = value,
                    Frame::RekeyRequest(key) => {
                        self.request = *key.first_chunk().expect("a key is longer than its name");
                    }
                    _ => {}
                }
            }
            if lost & 1 << (index % 8) == 0 {
                self.newest = self.newest.max(header.sequence);
                // The client may refuse it.
                let _ = connection.ingest(self.now, &header, bytes, plaintext, resources);
                while let Ok(Some(_)) = connection.read(&mut message, resources) {}
            }
        }
        self.link.submit();
    }

    /// Checks what must hold at any time.
    fn check(&mut self) {
        assert!(self.endpoint.message_bytes() <= MESSAGE_MEMORY_BYTES_MIN, "memory beyond its bound");
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::Renamed { id, former } => {
                    assert_eq!(former, self.id);
                    self.id = id;
                }
                Event::Suspended { id, .. } | Event::Ended { id: Some(id), .. } => assert_eq!(id, self.id),
                _ => {}
            }
        }
    }

    fn close(mut self) {
        self.endpoint.disconnect(self.id, DisconnectReason::Closed);
        while self.endpoint.connections() > 0 {
            assert!(!self.endpoint.is_flushed(), "a connection that its caller ended is still there");
            self.endpoint.flush(self.now, &mut self.link);
            self.link.submit();
        }
        // A session that timed out is kept until it cannot be resumed any more.
        self.endpoint.sweep(self.now + RESUME_PERIOD);
        assert_eq!(self.endpoint.message_bytes(), 0, "memory was not given back");
    }
}

fn write_any_fragment(channel: Channel, number: u16, input: &mut Input<'_>, writer: &mut FrameWriter<'_>) -> bool {
    let total = match input.byte() {
        255 => MESSAGE_BYTES_MAX,
        byte => 1 + usize::from(byte) * 257,
    };
    let grains = total.div_ceil(FRAGMENT_GRAIN_BYTES);
    let offset = usize::from(input.word()) % grains * FRAGMENT_GRAIN_BYTES;
    let len = (total - offset).min(FRAGMENT_GRAIN_BYTES * (1 + usize::from(input.byte()) % 9));
    let bytes = &vec![number as u8; len];
    let compressed = input.byte() % 8 == 7;
    writer.fragment(&Fragment { channel, number, offset, total, compressed, bytes })
}

fn any_message(input: &mut Input<'_>) -> (Channel, Vec<u8>) {
    let (channel, len) = input.channel_and_length();
    // Compressible bytes, or incompressible ones.
    let factor = if input.byte().is_multiple_of(2) { 0 } else { 0x9E37_79B9_7F4A_7C15u64 };
    (channel, (0..len as u64).map(|at| (at.wrapping_mul(factor) >> 40) as u8).collect())
}

/// A compressed message, whose size and block may be valid or not.
fn any_block(input: &mut Input<'_>) -> Vec<u8> {
    let literals = usize::from(input.byte() % 15);
    let size = match input.byte() {
        byte @ 0..=3 => u32::from(byte) * 0x5555,
        255 => u32::MAX,
        _ => literals as u32,
    };
    let mut block = size.to_le_bytes().to_vec();
    match input.byte() {
        0 => block.extend(input.take(64)),
        byte => {
            block.push((literals as u8) << 4);
            block.extend(std::iter::repeat_n(byte, literals));
        }
    }
    block
}

//! What a capture at the gateway shows: all bytes that the gateway's process takes and gives, on the carrier and on the way to the
//! server. The carrier is WebSocket without TLS, so that nothing but the session's own keys hides anything.

use crate::player::{Player, open};
use crate::server::{EchoServer, GATEWAY_KEY, SERVER_SECRET, count, settings, wait_until};
use crate::tcp_tap::TcpTap;
use crate::udp_proxy::{UdpProxy, Way};
use ringshard_client::Channel;
use ringshard_gateway::{Gateway, Settings};
use ringshard_harness::random_bytes;
use ringshard_protocol::gateway::GatewayKey;
use std::collections::HashSet;
use std::io::Cursor;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;

/// So many bytes of a secret in a row give it away. By chance, they appear in no capture.
const PART_BYTES: usize = 8;

/// Places of a capture: datagrams that went to the server, and that came from it.
type Uplink = Arc<Mutex<[Vec<u8>; 2]>>;

/// A gateway of which everything is recorded.
struct Tapped {
    gateway: Gateway,
    carrier: TcpTap,
    uplink: Uplink,
    _proxy: UdpProxy,
}

impl Tapped {
    /// `server`: its real address.
    fn new(settings: Settings, server: SocketAddr) -> Self {
        let uplink = Uplink::default();
        let record = uplink.clone();
        let proxy = UdpProxy::start(server, move |way, datagram| {
            record.lock().unwrap()[usize::from(way == Way::Down)].extend_from_slice(datagram);
            vec![datagram.to_vec()]
        });
        let mut settings = Settings { key: Some(GatewayKey::from_bytes(GATEWAY_KEY)), ..settings };
        settings.servers[0].address = proxy.address;
        let gateway = Gateway::start(settings).unwrap();
        Tapped { carrier: TcpTap::start(gateway.listen()), gateway, uplink, _proxy: proxy }
    }

    /// The places where a part of the secret is.
    fn places(&self, secret: &[u8]) -> Vec<&'static str> {
        let parts: HashSet<&[u8]> = secret.windows(PART_BYTES).collect();
        let shows = |bytes: &[u8]| bytes.windows(PART_BYTES).any(|part| parts.contains(part));
        let ([up, down], uplink) = (self.carrier.recorded(), self.uplink.lock().unwrap());
        let mut places = Vec::new();
        for (place, bytes) in [
            // Clients mask their frames, with a key that each frame tells.
            ("carrier up", [up.clone(), unmasked(&up)].concat()),
            ("carrier down", [down.clone(), unmasked(&down)].concat()),
            ("uplink up", uplink[0].clone()),
            ("uplink down", uplink[1].clone()),
        ] {
            assert!(bytes.len() > 80, "nothing was recorded: {place}");
            if shows(&bytes) {
                places.push(place);
            }
        }
        places
    }
}

/// What the WebSocket frames of a stream carry.
fn unmasked(stream: &[u8]) -> Vec<u8> {
    let head = stream.windows(4).position(|end| end == b"\r\n\r\n").expect("the head of a request or of an answer");
    let (mut frames, mut payloads) = (Cursor::new(&stream[head + 4..]), Vec::new());
    while let Ok(Some((header, len))) = FrameHeader::parse(&mut frames) {
        let from = frames.position() as usize;
        let Some(payload) = frames.get_ref().get(from..from + len as usize) else { break };
        let mask = header.mask.unwrap_or_default();
        payloads.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frames.set_position(from as u64 + len);
    }
    payloads
}

#[test]
fn a_capture_at_the_gateway_shows_neither_messages_nor_keys() {
    let server = EchoServer::start();
    let tapped = Tapped::new(settings(&server), server.address());
    let marker = random_bytes(1, 64);
    let mut player = Player::connected(tapped.carrier.address, server.key());
    let channels =
        [Channel::UNRELIABLE, Channel::RELIABLE_ORDERED, Channel::RELIABLE_UNORDERED, Channel::UNRELIABLE_SEQUENCED];
    // As it is; compressed, which keeps its first copy; in fragments.
    let messages = [marker.clone(), marker.repeat(100), [random_bytes(2, 3_000), marker.clone()].concat()];
    for channel in channels {
        for message in &messages {
            player.messages.clear();
            player.send(channel, message);
            player.run_until("the echo is there", |player| !player.messages.is_empty());
            assert_eq!(player.messages, [(channel, message.clone())]);
        }
    }
    assert!(count(&tapped.gateway, "forwarded") > 0);
    for (what, secret) in [
        ("the messages", &marker[..]),
        ("the server's secret key", &SERVER_SECRET[..]),
        ("the server's public key", &server.key().as_bytes()[..]),
        ("the gateway's key", &GATEWAY_KEY[..]),
    ] {
        assert_eq!(tapped.places(secret), [""; 0], "{what}");
    }
}

#[test]
fn a_capture_shows_what_is_not_sealed() {
    let (echo, server) = (EchoServer::start(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let tapped = Tapped::new(settings(&echo), server.local_addr().unwrap());
    let marker = random_bytes(1, 64);
    let mut client = open(tapped.carrier.address, "echo").unwrap();
    // A Connect, and the answer to it: all that passes a gateway and is not sealed.
    let mut connect = vec![0; 144];
    connect[6..14].fill(9);
    connect[67..131].copy_from_slice(&marker);
    client.send(Message::binary(connect)).unwrap();
    let (_, flow) = server.recv_from(&mut [0; 2_048]).unwrap();
    let mut accepted = vec![0; 83];
    (accepted[1], accepted[2], accepted[14]) = (1, 7, 2);
    accepted[6..14].fill(9);
    accepted[15..79].copy_from_slice(&marker);
    server.send_to(&accepted, flow).unwrap();
    assert!(client.read().unwrap().is_binary());
    let all = ["carrier up", "carrier down", "uplink up", "uplink down"];
    wait_until("all places show it", || tapped.places(&marker) == all);
}

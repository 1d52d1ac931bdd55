//! Handshakes: clients at their real addresses that get cookies and make the server do key exchanges.
//!
//! A cookie binds one key to one address, and the server makes one connection of each pair. So there are two sorts of
//! clients. *Valid* ones have a real key and a Noise message that opens: the server does the whole key exchange and
//! keeps a half-open connection. They repeat their Connect until it is accepted, then wait until the server must have
//! replaced that connection. *Invalid* ones fill the gaps with a message that does not open, which the server only
//! notices after half of the key exchange. The server keeps nothing for them, so they can reuse a Connect as long as
//! its cookie is valid.

use super::Attack;
use super::connects::connect_with_random_key;
use crate::flood::addresses::{HANDSHAKE_HOSTS, handshake_source};
use crate::flood::send_batch::{SendBatch, Sent, wildcard_socket};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use ringshard::runtime::entropy::random_bytes;
use ringshard_protocol::crypto::PublicKey;
use ringshard_protocol::limits::{CONNECT_BYTES, COOKIE_BYTES, COOKIE_LIFETIME, DATAGRAM_BYTES_MAX};
use ringshard_protocol::wire::{Connect, UnencryptedPacket, decode_unencrypted};
use ringshard_protocol::{Client, ClientConfig, time};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

/// Maximum number of valid clients, and how long making their keys may take.
const VALID_MAX: usize = 16_384;
const PREPARATION: Duration = Duration::from_secs(3);
/// Invalid clients: four per address.
const INVALID_CLIENTS: usize = HANDSHAKE_HOSTS as usize * 4;
/// When a cookie is requested again.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// How long a cookie is usable: its lifetime, less the time on the way.
const COOKIE_GOOD: Duration = COOKIE_LIFETIME.saturating_sub(Duration::from_secs(2));
/// When a client that was not accepted repeats its Connect.
const SHOW_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// When a client that was accepted connects again: at thousands of new connections per second, the server has replaced
/// its connection by then.
const RETURN_AFTER: Duration = Duration::from_secs(2);
/// One in this many datagrams comes from an invalid client.
const INVALID_EVERY: usize = 4;
/// Clients that are tried for each datagram.
const LOOKS: usize = 16;
/// Answers to receive before sending more.
const ANSWERS: usize = 512;

pub struct Handshakes {
    /// Bound to no address: receives the answers to all of theirs.
    socket: UdpSocket,
    server: SocketAddrV4,
    batch: SendBatch,
    clients: Vec<ForgedClient>,
    by_tag: HashMap<u64, usize>,
    valid: RoundRobin,
    invalid: RoundRobin,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    cookies_asked: u64,
    cookies_got: u64,
    openable: u64,
    unopenable: u64,
    accepted: u64,
    denied: u64,
}

impl Handshakes {
    /// Makes keys for the server with this public key. Takes some seconds.
    pub fn prepare(server: SocketAddrV4, key: PublicKey, burst: usize) -> io::Result<Self> {
        let socket = wildcard_socket()?;
        socket.set_nonblocking(true)?;
        let began = Instant::now();
        let valid = (0..VALID_MAX).take_while(|_| began.elapsed() < PREPARATION).map(|_| openable(key));
        let mut connects: Vec<Connect> = valid.collect();
        let valid = connects.len();
        let mut random = ChaCha8Rng::from_seed([5; 32]);
        connects.extend((0..INVALID_CLIENTS).map(|_| connect_with_random_key(&mut random)));
        let clients = connects.into_iter().enumerate();
        let clients: Vec<ForgedClient> =
            clients.map(|(number, connect)| ForgedClient::new(handshake_source(number / burst), connect)).collect();
        let by_tag = clients.iter().enumerate().map(|(number, client)| (client.connect.tag, number)).collect();
        Ok(Handshakes {
            socket,
            server,
            batch: SendBatch::new(),
            valid: RoundRobin { first: 0, len: valid, next: 0, again: SHOW_AGAIN_AFTER },
            invalid: RoundRobin { first: valid, len: clients.len() - valid, next: 0, again: Duration::ZERO },
            clients,
            by_tag,
            counts: Counts::default(),
        })
    }

    /// Takes cookies, and counts the other answers.
    fn receive(&mut self, now: Instant) {
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        for _ in 0..ANSWERS {
            let Ok(len) = self.socket.recv(&mut datagram) else { return };
            match decode_unencrypted(&datagram[..len]) {
                Ok(UnencryptedPacket::Cookie(cookie)) => {
                    if let Some(&number) = self.by_tag.get(&cookie.tag) {
                        self.counts.cookies_got += 1;
                        self.clients[number].take_cookie(now, cookie.cookie);
                    }
                }
                Ok(UnencryptedPacket::Accepted(accepted)) => {
                    if let Some(&number) = self.by_tag.get(&accepted.tag) {
                        self.counts.accepted += 1;
                        self.clients[number].accepted_at = Some(now);
                    }
                }
                Ok(UnencryptedPacket::Denied(_)) => self.counts.denied += 1,
                _ => {}
            }
        }
    }
}

impl Attack for Handshakes {
    fn send(&mut self) -> io::Result<Sent> {
        let now = Instant::now();
        self.receive(now);
        let Handshakes { socket, server, batch, clients, valid, invalid, counts, .. } = self;
        for place in 0..super::BATCH {
            let valid_one = if place % INVALID_EVERY != 0 { valid.next(now, clients) } else { None };
            let is_valid = valid_one.is_some();
            let Some((source, request)) = valid_one.or_else(|| invalid.next(now, clients)) else { continue };
            *match (&request, is_valid) {
                (Request::CookieRequest(_), _) => &mut counts.cookies_asked,
                (Request::WithCookie(_), true) => &mut counts.openable,
                (Request::WithCookie(_), false) => &mut counts.unopenable,
            } += 1;
            let (Request::CookieRequest(datagram) | Request::WithCookie(datagram)) = request;
            batch.add(source, CONNECT_BYTES).copy_from_slice(&datagram);
        }
        batch.send_to(socket, *server)
    }

    fn counts(&self) -> BTreeMap<&'static str, u64> {
        let Counts { cookies_asked, cookies_got, openable, unopenable, accepted, denied } = self.counts;
        BTreeMap::from([
            ("cookies_asked", cookies_asked),
            ("cookies_got", cookies_got),
            ("handshakes_openable", openable),
            ("handshakes_unopenable", unopenable),
            ("accepted", accepted),
            ("denied", denied),
        ])
    }
}

/// A first Connect with a valid Noise message.
fn openable(server: PublicKey) -> Connect {
    let now = time::Instant::ZERO;
    let mut client = Client::new(ClientConfig::new(server), now, random_bytes()).expect("the server's key is valid");
    let mut datagram = [0; DATAGRAM_BYTES_MAX];
    let len = client.poll_transmit(now, &mut datagram).expect("a client begins with a Connect");
    match decode_unencrypted(&datagram[..len]) {
        Ok(UnencryptedPacket::Connect(connect)) => connect,
        other => unreachable!("a client begins with {other:?}"),
    }
}

/// A range of clients that take turns.
struct RoundRobin {
    first: usize,
    len: usize,
    next: usize,
    /// How long a client waits after it has sent its cookie.
    again: Duration,
}

impl RoundRobin {
    /// The request of the next client that has one, and its address.
    fn next(&mut self, now: Instant, clients: &mut [ForgedClient]) -> Option<(Ipv4Addr, Request)> {
        for _ in 0..LOOKS.min(self.len) {
            let client = &mut clients[self.first + self.next];
            self.next = (self.next + 1) % self.len;
            if let Some(request) = client.next_request(now, self.again) {
                return Some((client.source, request));
            }
        }
        None
    }
}

struct ForgedClient {
    source: Ipv4Addr,
    /// Includes the cookie, once it has one.
    connect: Connect,
    cookie_at: Option<Instant>,
    asked_at: Option<Instant>,
    shown_at: Option<Instant>,
    accepted_at: Option<Instant>,
}

enum Request {
    /// Asks for a cookie.
    CookieRequest([u8; CONNECT_BYTES]),
    /// Carries a valid cookie.
    WithCookie([u8; CONNECT_BYTES]),
}

impl ForgedClient {
    fn new(source: Ipv4Addr, connect: Connect) -> Self {
        ForgedClient { source, connect, cookie_at: None, asked_at: None, shown_at: None, accepted_at: None }
    }

    fn take_cookie(&mut self, now: Instant, cookie: [u8; COOKIE_BYTES]) {
        self.connect.cookie = cookie;
        self.cookie_at = Some(now);
        self.asked_at = None;
    }

    /// What it sends now, if anything.
    fn next_request(&mut self, now: Instant, again: Duration) -> Option<Request> {
        let within = |since: Option<Instant>, time: Duration| since.is_some_and(|since| now - since < time);
        if within(self.shown_at, again) || within(self.accepted_at, RETURN_AFTER) {
            return None;
        }
        if within(self.cookie_at, COOKIE_GOOD) {
            self.shown_at = Some(now);
            return Some(Request::WithCookie(self.connect.encode()));
        }
        if within(self.asked_at, ASK_AGAIN_AFTER) {
            return None;
        }
        self.asked_at = Some(now);
        Some(Request::CookieRequest(Connect { cookie: [0; COOKIE_BYTES], ..self.connect.clone() }.encode()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringshard_protocol::crypto::SecretKey;

    fn decoded(request: Option<Request>) -> Option<(bool, Connect)> {
        let (shows, datagram) = match request? {
            Request::CookieRequest(datagram) => (false, datagram),
            Request::WithCookie(datagram) => (true, datagram),
        };
        let Ok(UnencryptedPacket::Connect(connect)) = decode_unencrypted(&datagram) else { panic!("it is a Connect") };
        Some((shows, connect))
    }

    #[test]
    fn a_client_asks_for_a_cookie_and_then_connects_with_it() {
        let connect = openable(SecretKey::from_bytes([6; 32]).public());
        let mut client = ForgedClient::new(handshake_source(0), connect.clone());
        let begin = Instant::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let mut next_request = |millis| decoded(client.next_request(at(millis), SHOW_AGAIN_AFTER));
        assert_eq!(next_request(0), Some((false, connect.clone())), "all but the cookie stays as it is");
        assert_eq!(next_request(249), None);
        assert_eq!(next_request(250), Some((false, connect.clone())));
        client.take_cookie(at(300), [7; COOKIE_BYTES]);
        let with_cookie = Connect { cookie: [7; COOKIE_BYTES], ..connect.clone() };
        let mut next_request = |millis| decoded(client.next_request(at(millis), SHOW_AGAIN_AFTER));
        assert_eq!(next_request(300), Some((true, with_cookie.clone())));
        assert_eq!(next_request(399), None);
        assert_eq!(next_request(400), Some((true, with_cookie.clone())), "the server has not accepted it");
        client.accepted_at = Some(at(450));
        let mut next_request = |millis| decoded(client.next_request(at(millis), SHOW_AGAIN_AFTER));
        assert_eq!(next_request(2_449), None, "the server still knows it");
        assert_eq!(next_request(2_450), Some((true, with_cookie)));
        assert_eq!(next_request(8_300), Some((false, connect)), "the cookie is too old");
    }

    #[test]
    fn an_invalid_client_repeats_its_cookie_without_waiting() {
        let mut random = ChaCha8Rng::from_seed([8; 32]);
        let mut invalid_client = [ForgedClient::new(handshake_source(1), connect_with_random_key(&mut random))];
        let now = Instant::now();
        invalid_client[0].take_cookie(now, [1; COOKIE_BYTES]);
        let mut turn = RoundRobin { first: 0, len: 1, next: 0, again: Duration::ZERO };
        for _ in 0..3 {
            assert!(matches!(turn.next(now, &mut invalid_client), Some((_, Request::WithCookie(_)))));
        }
    }
}

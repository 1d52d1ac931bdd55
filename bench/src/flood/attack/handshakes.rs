//! Handshakes: strangers who are where they say they are, have cookies, and let the server do key exchanges.
//!
//! A cookie names one key at one address, and a server makes one connection of both. So there are two sorts of them.
//! *Keen* ones have keys of their own and a Noise message that opens: the server does all of the exchange and keeps a
//! connection for a client that never proves its keys. Until it is accepted a keen one comes again and again; then it
//! stays away until the server must have given up its connection for newer ones. *Liars*, who fill the gaps, have a
//! message that does not open, which the server cannot know before it has done half of the exchange; nothing is kept of
//! that, so the same Connect is good for as long as its cookie is.

use super::Attack;
use super::connects::a_key_of_nobody;
use crate::flood::source::{HOSTS, handshaker};
use crate::flood::volley::{Sent, Volley, socket_of_all_addresses};
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

/// Keen ones, and how long making their keys may take.
const KEEN_MAX: usize = 16_384;
const PREPARATION: Duration = Duration::from_secs(3);
/// Liars: some at each address.
const LIARS: usize = HOSTS as usize * 4;
/// After this, a cookie that was asked for is asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(250);
/// A cookie is good for so long, less what is on the way.
const COOKIE_GOOD: Duration = COOKIE_LIFETIME.saturating_sub(Duration::from_secs(2));
/// After this, one who was not accepted comes again: its Connect was dropped.
const SHOW_AGAIN: Duration = Duration::from_millis(100);
/// After this, one who was accepted comes again: with some thousand new ones a second, its connection was given up.
const RETURN: Duration = Duration::from_secs(2);
/// Of so many datagrams, one is a liar's.
const LIAR_EVERY: usize = 4;
/// Strangers that are looked at for a datagram.
const LOOKS: usize = 16;
/// Answers taken before more is sent.
const ANSWERS: usize = 512;

/// See the module.
pub struct Handshakes {
    /// Bound to no address: what is sent to any of theirs comes here.
    socket: UdpSocket,
    server: SocketAddrV4,
    volley: Volley,
    strangers: Vec<Stranger>,
    by_tag: HashMap<u64, usize>,
    keen: Turn,
    liars: Turn,
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
    /// Makes keys for a server with this one; takes some seconds.
    pub fn prepare(server: SocketAddrV4, key: PublicKey, burst: usize) -> io::Result<Self> {
        let socket = socket_of_all_addresses()?;
        socket.set_nonblocking(true)?;
        let began = Instant::now();
        let keen = (0..KEEN_MAX).take_while(|_| began.elapsed() < PREPARATION).map(|_| openable(key));
        let mut connects: Vec<Connect> = keen.collect();
        let keen = connects.len();
        let mut random = ChaCha8Rng::from_seed([5; 32]);
        connects.extend((0..LIARS).map(|_| a_key_of_nobody(&mut random)));
        let strangers = connects.into_iter().enumerate();
        let strangers: Vec<Stranger> =
            strangers.map(|(number, connect)| Stranger::new(handshaker(number / burst), connect)).collect();
        let by_tag = strangers.iter().enumerate().map(|(number, stranger)| (stranger.connect.tag, number)).collect();
        Ok(Handshakes {
            socket,
            server,
            volley: Volley::new(),
            keen: Turn { first: 0, len: keen, next: 0, again: SHOW_AGAIN },
            liars: Turn { first: keen, len: strangers.len() - keen, next: 0, again: Duration::ZERO },
            strangers,
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
                        self.strangers[number].take_cookie(now, cookie.cookie);
                    }
                }
                Ok(UnencryptedPacket::Accepted(accepted)) => {
                    if let Some(&number) = self.by_tag.get(&accepted.tag) {
                        self.counts.accepted += 1;
                        self.strangers[number].accepted_at = Some(now);
                    }
                }
                Ok(UnencryptedPacket::Denied(_)) => self.counts.denied += 1,
                _ => {}
            }
        }
    }
}

impl Attack for Handshakes {
    fn strike(&mut self) -> io::Result<Sent> {
        let now = Instant::now();
        self.receive(now);
        let Handshakes { socket, server, volley, strangers, keen, liars, counts, .. } = self;
        for place in 0..super::BATCH {
            let keen_one = if place % LIAR_EVERY != 0 { keen.next(now, strangers) } else { None };
            let is_keen = keen_one.is_some();
            let Some((source, word)) = keen_one.or_else(|| liars.next(now, strangers)) else { continue };
            *match (&word, is_keen) {
                (Word::Ask(_), _) => &mut counts.cookies_asked,
                (Word::Show(_), true) => &mut counts.openable,
                (Word::Show(_), false) => &mut counts.unopenable,
            } += 1;
            let (Word::Ask(datagram) | Word::Show(datagram)) = word;
            volley.add(source, CONNECT_BYTES).copy_from_slice(&datagram);
        }
        volley.send_to(socket, *server)
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

/// A Connect as a client of its own sends it first.
fn openable(server: PublicKey) -> Connect {
    let now = time::Instant::ZERO;
    let mut client = Client::new(ClientConfig::new(server), now, random_bytes()).expect("a server made the key");
    let mut datagram = [0; DATAGRAM_BYTES_MAX];
    let len = client.poll_transmit(now, &mut datagram).expect("a client begins with a Connect");
    match decode_unencrypted(&datagram[..len]) {
        Ok(UnencryptedPacket::Connect(connect)) => connect,
        other => unreachable!("a client begins with {other:?}"),
    }
}

/// Some of the strangers, who take turns.
struct Turn {
    first: usize,
    len: usize,
    next: usize,
    /// How long one waits after it has shown its cookie.
    again: Duration,
}

impl Turn {
    /// What one of the next has to say, and where it is.
    fn next(&mut self, now: Instant, strangers: &mut [Stranger]) -> Option<(Ipv4Addr, Word)> {
        for _ in 0..LOOKS.min(self.len) {
            let stranger = &mut strangers[self.first + self.next];
            self.next = (self.next + 1) % self.len;
            if let Some(word) = stranger.speak(now, self.again) {
                return Some((stranger.source, word));
            }
        }
        None
    }
}

struct Stranger {
    source: Ipv4Addr,
    /// With the cookie that it has.
    connect: Connect,
    cookie_at: Option<Instant>,
    asked_at: Option<Instant>,
    shown_at: Option<Instant>,
    accepted_at: Option<Instant>,
}

enum Word {
    /// For a cookie.
    Ask([u8; CONNECT_BYTES]),
    /// Of a good one.
    Show([u8; CONNECT_BYTES]),
}

impl Stranger {
    fn new(source: Ipv4Addr, connect: Connect) -> Self {
        Stranger { source, connect, cookie_at: None, asked_at: None, shown_at: None, accepted_at: None }
    }

    fn take_cookie(&mut self, now: Instant, cookie: [u8; COOKIE_BYTES]) {
        self.connect.cookie = cookie;
        self.cookie_at = Some(now);
        self.asked_at = None;
    }

    /// What it has to say now.
    fn speak(&mut self, now: Instant, again: Duration) -> Option<Word> {
        let within = |since: Option<Instant>, time: Duration| since.is_some_and(|since| now - since < time);
        if within(self.shown_at, again) || within(self.accepted_at, RETURN) {
            return None;
        }
        if within(self.cookie_at, COOKIE_GOOD) {
            self.shown_at = Some(now);
            return Some(Word::Show(self.connect.encode()));
        }
        if within(self.asked_at, ASK_AGAIN) {
            return None;
        }
        self.asked_at = Some(now);
        Some(Word::Ask(Connect { cookie: [0; COOKIE_BYTES], ..self.connect.clone() }.encode()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringshard_protocol::crypto::SecretKey;

    fn said(word: Option<Word>) -> Option<(bool, Connect)> {
        let (shows, datagram) = match word? {
            Word::Ask(datagram) => (false, datagram),
            Word::Show(datagram) => (true, datagram),
        };
        let Ok(UnencryptedPacket::Connect(connect)) = decode_unencrypted(&datagram) else { panic!("it is a Connect") };
        Some((shows, connect))
    }

    #[test]
    fn one_asks_until_it_has_a_cookie_and_shows_it_when_its_turn_has_come() {
        let connect = openable(SecretKey::from_bytes([6; 32]).public());
        let mut stranger = Stranger::new(handshaker(0), connect.clone());
        let begin = Instant::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let mut speak = |millis| said(stranger.speak(at(millis), SHOW_AGAIN));
        assert_eq!(speak(0), Some((false, connect.clone())), "all but the cookie stays as it is");
        assert_eq!(speak(249), None);
        assert_eq!(speak(250), Some((false, connect.clone())));
        stranger.take_cookie(at(300), [7; COOKIE_BYTES]);
        let with_cookie = Connect { cookie: [7; COOKIE_BYTES], ..connect.clone() };
        let mut speak = |millis| said(stranger.speak(at(millis), SHOW_AGAIN));
        assert_eq!(speak(300), Some((true, with_cookie.clone())));
        assert_eq!(speak(399), None);
        assert_eq!(speak(400), Some((true, with_cookie.clone())), "nobody has accepted it");
        stranger.accepted_at = Some(at(450));
        let mut speak = |millis| said(stranger.speak(at(millis), SHOW_AGAIN));
        assert_eq!(speak(2_449), None, "the server still knows it");
        assert_eq!(speak(2_450), Some((true, with_cookie)));
        assert_eq!(speak(8_300), Some((false, connect)), "the cookie is too old");
    }

    #[test]
    fn a_liar_shows_its_cookie_all_the_time() {
        let mut random = ChaCha8Rng::from_seed([8; 32]);
        let mut liar = [Stranger::new(handshaker(1), a_key_of_nobody(&mut random))];
        let now = Instant::now();
        liar[0].take_cookie(now, [1; COOKIE_BYTES]);
        let mut turn = Turn { first: 0, len: 1, next: 0, again: Duration::ZERO };
        for _ in 0..3 {
            assert!(matches!(turn.next(now, &mut liar), Some((_, Word::Show(_)))));
        }
    }
}

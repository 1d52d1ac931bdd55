//! A relay among owners, guests and attackers, who know every secret that they have ever received.

use crate::input::Input;
use ringshard_peer::limits::RELAY_BYTES_MAX;
use ringshard_peer::relay::{Relay, RelayLimits};
use ringshard_protocol::gateway::{GatewayKey, RelayTicket};
use ringshard_protocol::time::{Duration, Instant};
use std::collections::HashMap;
use std::net::SocketAddr;

const KEY: [u8; 32] = [0x33; 32];
const OTHER_KEY: [u8; 32] = [0x44; 32];
const LIMITS: RelayLimits = RelayLimits { channels_max: 6, channels_per_name_max: 2, bytes_per_second: 20_000 };
/// What a relay adds to a datagram for the owner of a channel: the guest's address.
const GUEST_BYTES: usize = 18;
/// How long channels and guests live.
const LIFETIME: Duration = Duration::from_secs(60);
const HOSTS: [&str; 6] =
    ["192.0.2.1:1", "192.0.2.1:2", "198.51.100.7:4000", "[2001:db8::1]:1", "[2001:db8::2]:1", "[fe80::1]:9"];

type Channel = [u8; 8];

/// What must be true of the relay's channels.
#[derive(Default)]
struct Model {
    /// The last registered owner of each channel, and when.
    owners: HashMap<Channel, (SocketAddr, Instant)>,
    /// When a guest last sent to a channel.
    heard: HashMap<(Channel, SocketAddr), Instant>,
}

/// Orders of hosts to a relay. An address that has proven nothing gets at most as many bytes as were sent for it, an owner at
/// most its guests' addresses more; nobody gets anything who did not send first; channels stay within their limits.
pub fn relay(data: &[u8]) {
    let mut input = Input::new(data);
    let hosts = HOSTS.map(|host| host.parse::<SocketAddr>().expect("it is an address"));
    let mut relay = Relay::new(vec![GatewayKey::from_bytes(KEY)], LIMITS, [1; 32]);
    let mut model = Model::default();
    let (mut now, mut cookies, mut channels) = (Instant::ZERO, vec![[0; 16]], vec![[9; 8]]);
    let mut out = [0; 4_096 + RELAY_BYTES_MAX];
    while !input.is_empty() {
        let order = input.byte();
        let from = hosts[usize::from(order) % hosts.len()];
        let datagram = match order / 43 {
            0 => input.piece(200).to_vec(),
            1 => register(&mut input, &cookies),
            2 => to_owner(&mut input, &channels),
            3 => to_guest(&mut input, &channels, &hosts),
            4 => corrupt(register(&mut input, &cookies), &mut input),
            _ => {
                now = now + Duration::from_millis(u64::from(input.word()));
                continue;
            }
        };
        if datagram.get(..8) == Some(&[4, 0, 0, 0, b'R', b'l', b'a', b'y'][..]) && datagram.len() >= 16 {
            let channel: Channel = datagram[8..16].try_into().expect("8 bytes");
            model.heard.insert((channel, from), now);
        }
        if let Some((to, len)) = relay.receive(now, 50, from, &datagram, &mut out) {
            model.check(now, from, &datagram, to, &out[..len]);
            match out[0] {
                2 => cookies.push(out[16..32].try_into().expect("16 bytes")),
                3 => channels.push(out[8..16].try_into().expect("8 bytes")),
                _ => {}
            }
        }
        assert!(relay.channels() <= LIMITS.channels_max);
    }
}

impl Model {
    /// Checks what the relay sends because of a datagram.
    fn check(&mut self, now: Instant, from: SocketAddr, datagram: &[u8], to: SocketAddr, out: &[u8]) {
        let channel: Channel = out[8..16].try_into().expect("it has a header");
        let owner = self.owners.get(&channel).filter(|(_, at)| *at + LIFETIME > now).map(|(owner, _)| *owner);
        match (datagram[0], out[0]) {
            (1, 2) => assert!(to == from && out.len() * 2 <= datagram.len(), "a Cookie is half of a Register"),
            (1, 3) => {
                assert!(to == from && out.len() <= datagram.len());
                assert!(shows_good_ticket(datagram), "it has expired, or is of another key");
                self.owners.insert(channel, (from, now));
            }
            (4, 5) => {
                assert_eq!(Some(to), owner, "guests reach the owner alone");
                assert_eq!(out.len(), datagram.len() + GUEST_BYTES);
            }
            (6, 7) => {
                assert_eq!(Some(from), owner, "the owner alone reaches guests");
                assert!(self.heard.get(&(channel, to)).is_some_and(|at| *at + LIFETIME > now), "it was not heard");
                assert_eq!(out.len() + GUEST_BYTES, datagram.len());
            }
            other => panic!("{other:?}"),
        }
    }
}

fn shows_good_ticket(register: &[u8]) -> bool {
    [0, 1].iter().any(|&name| register[16..32] == ticket(0, name).public()[..])
}

/// Number 0 is good, number 1 has expired, number 2 is of another key.
fn ticket(number: u8, name: u8) -> RelayTicket {
    let (key, expiry) = match number {
        0 => (KEY, 100),
        1 => (KEY, 50),
        _ => (OTHER_KEY, 101),
    };
    RelayTicket::issue(&GatewayKey::from_bytes(key), expiry, [name; 8])
}

fn header(kind: u8, name: &[u8]) -> Vec<u8> {
    [&[kind, 0, 0, 0][..], b"Rlay", name].concat()
}

/// A Register with one of the tickets, and a cookie of whomever.
fn register(input: &mut Input, cookies: &[[u8; 16]]) -> Vec<u8> {
    let [which, instance, cookie] = input.array();
    let ticket = ticket(which % 3, which / 128);
    let cookie = cookies[usize::from(cookie) % cookies.len()];
    let mut bytes = [&header(1, &[instance % 4; 8])[..], ticket.public(), &cookie].concat();
    bytes.extend_from_slice(&ticket.mac(&bytes));
    bytes
}

fn corrupt(mut datagram: Vec<u8>, input: &mut Input) -> Vec<u8> {
    // The ticket's public half stays, so that it is known which one it is.
    let at = 32 + usize::from(input.byte()) % (datagram.len() - 32);
    datagram[at] ^= 1 << (input.byte() % 8);
    datagram
}

fn to_owner(input: &mut Input, channels: &[Channel]) -> Vec<u8> {
    let channel = channels[usize::from(input.byte()) % channels.len()];
    [&header(4, &channel), input.piece(1_500)].concat()
}

fn to_guest(input: &mut Input, channels: &[Channel], hosts: &[SocketAddr; 6]) -> Vec<u8> {
    let [channel, guest] = input.array();
    let channel = channels[usize::from(channel) % channels.len()];
    let guest = hosts[usize::from(guest) % hosts.len()];
    let ip = match guest.ip() {
        std::net::IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        std::net::IpAddr::V6(ip) => ip,
    };
    [&header(6, &channel)[..], &ip.octets(), &guest.port().to_le_bytes(), input.piece(1_500)].concat()
}

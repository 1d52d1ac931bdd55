//! The meeting point: it carries introductions and gives tickets, as the server of a game does, and answers STUN and relays,
//! as a gateway does.
//!
//! A datagram to it is: the sender's number, the receiver's number, the bytes; without bytes it shows the sender's address,
//! and is answered with a ticket for the relay.

use crate::Failure;
use ringshard_peer::limits::RELAY_BYTES_MAX;
use ringshard_peer::relay::{Relay, RelayLimits};
use ringshard_peer::stun;
use ringshard_protocol::gateway::{GatewayKey, RelayTicket};
use ringshard_protocol::time::Instant;
use std::net::{SocketAddr, UdpSocket};
use std::time::UNIX_EPOCH;

/// Numbers that players can have.
const PLAYERS_MAX: usize = 256;
/// Seconds that a ticket is good.
const TICKET_SECS: u64 = 3_600;

pub fn serve(address: SocketAddr) -> Result<bool, Failure> {
    let socket = UdpSocket::bind(address)?;
    println!("meeting at {}", socket.local_addr()?);
    let mut players = [None; PLAYERS_MAX];
    let (key, secret) = (random()?, random()?);
    let key = GatewayKey::from_bytes(key);
    let mut relay = Relay::new(vec![key.clone()], RelayLimits::default(), secret);
    let start = std::time::Instant::now();
    let mut datagram = [0; 2_048];
    loop {
        let Ok((len, from)) = socket.recv_from(&mut datagram) else { continue };
        let mut answer = [0; stun::ANSWER_BYTES_MAX];
        if let Some(len) = stun::answer(&datagram[..len], from, &mut answer) {
            let _ = socket.send_to(&answer[..len], from);
            continue;
        }
        let unix = UNIX_EPOCH.elapsed()?.as_secs();
        if datagram[..len].get(4..8) == Some(b"Rlay") {
            let mut out = [0; 2_048 + RELAY_BYTES_MAX];
            let now = Instant::ZERO + start.elapsed();
            if let Some((to, len)) = relay.receive(now, unix, from, &datagram[..len], &mut out) {
                let _ = socket.send_to(&out[..len], to);
            }
            continue;
        }
        let [sender, receiver, bytes @ ..] = &datagram[..len] else { continue };
        players[usize::from(*sender)] = Some(from);
        if sender == receiver {
            let ticket = RelayTicket::issue(&key, unix + TICKET_SECS, [*sender; 8]);
            let _ = socket.send_to(&[&[*sender, *sender], &ticket.to_bytes()[..]].concat(), from);
            continue;
        }
        if let Some(to) = players[usize::from(*receiver)]
            && !bytes.is_empty()
        {
            let _ = socket.send_to(&datagram[..len], to);
        }
    }
}

fn random() -> Result<[u8; 32], Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

//! The meeting point: it carries introductions and gives tickets, as the server of a game does, and answers STUN and relays,
//! as a gateway does. It has a socket per address, so that players of either family meet.
//!
//! A datagram to it is: the sender's number, the receiver's number, the bytes; without bytes it shows the sender's address,
//! and is answered with a ticket for the relay.

use crate::Failure;
use ringshard_peer::limits::RELAY_BYTES_MAX;
use ringshard_peer::relay::{Relay, RelayLimits, is_relayed};
use ringshard_peer::stun;
use ringshard_protocol::gateway::{GatewayKey, RelayTicket};
use ringshard_protocol::time::Instant;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Mutex;
use std::time::UNIX_EPOCH;

/// Numbers that players can have.
const PLAYERS_MAX: usize = 256;
/// Seconds that a ticket is good.
const TICKET_SECS: u64 = 3_600;
const DATAGRAM_BYTES: usize = 2_048;

pub fn serve(addresses: &[SocketAddr]) -> Result<bool, Failure> {
    let sockets = addresses.iter().map(UdpSocket::bind).collect::<Result<Vec<_>, _>>()?;
    let key = GatewayKey::from_bytes(random()?);
    let relay = Relay::new(vec![key.clone()], RelayLimits::default(), random()?);
    let meeting = Meeting { players: [None; PLAYERS_MAX], key, relay, start: std::time::Instant::now() };
    let meeting = Mutex::new(meeting);
    for socket in &sockets {
        println!("meeting at {}", socket.local_addr()?);
    }
    std::thread::scope(|scope| {
        for socket in &sockets {
            scope.spawn(|| listen(socket, &sockets, &meeting));
        }
    });
    Ok(true)
}

fn random() -> Result<[u8; 32], Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// Answers from the socket of the receiver's family.
fn listen(socket: &UdpSocket, sockets: &[UdpSocket], meeting: &Mutex<Meeting>) {
    let (mut datagram, mut out) = ([0; DATAGRAM_BYTES], [0; DATAGRAM_BYTES + RELAY_BYTES_MAX]);
    let is_of = |socket: &&UdpSocket, to: SocketAddr| socket.local_addr().is_ok_and(|it| it.is_ipv6() == to.is_ipv6());
    loop {
        let Ok((len, from)) = socket.recv_from(&mut datagram) else { continue };
        let answer = meeting.lock().expect("no thread panics").take(from, &datagram[..len], &mut out);
        if let Some((to, len)) = answer
            && let Some(socket) = sockets.iter().find(|socket| is_of(socket, to))
        {
            let _ = socket.send_to(&out[..len], to);
        }
    }
}

struct Meeting {
    players: [Option<SocketAddr>; PLAYERS_MAX],
    key: GatewayKey,
    relay: Relay,
    start: std::time::Instant,
}

impl Meeting {
    /// Takes a datagram, and writes what is to be sent: its destination and size.
    fn take(&mut self, from: SocketAddr, datagram: &[u8], out: &mut [u8]) -> Option<(SocketAddr, usize)> {
        let unix = UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
        if is_relayed(datagram) {
            return self.relay.receive(Instant::ZERO + self.start.elapsed(), unix, from, datagram, out);
        }
        let answer = out.first_chunk_mut().expect("the buffer is larger");
        if let Some(len) = stun::answer(datagram, from, answer) {
            return Some((from, len));
        }
        let [sender, receiver, bytes @ ..] = datagram else { return None };
        self.players[usize::from(*sender)] = Some(from);
        if sender == receiver {
            let ticket = RelayTicket::issue(&self.key, unix + TICKET_SECS, [*sender; 8]);
            return write(out, from, &[&[*sender, *sender], &ticket.to_bytes()[..]].concat());
        }
        let to = self.players[usize::from(*receiver)].filter(|_| !bytes.is_empty())?;
        write(out, to, datagram)
    }
}

fn write(out: &mut [u8], to: SocketAddr, datagram: &[u8]) -> Option<(SocketAddr, usize)> {
    out.get_mut(..datagram.len())?.copy_from_slice(datagram);
    Some((to, datagram.len()))
}

//! The meeting point: it carries introductions, as the server of a game does, and answers STUN, as a gateway does.
//!
//! A datagram to it is: the sender's number, the receiver's number, the bytes; without bytes it only shows the sender's address.

use crate::Failure;
use ringshard_peer::stun;
use std::net::{SocketAddr, UdpSocket};

/// Numbers that players can have.
const PLAYERS_MAX: usize = 256;

pub fn serve(address: SocketAddr) -> Result<bool, Failure> {
    let socket = UdpSocket::bind(address)?;
    println!("meeting at {}", socket.local_addr()?);
    let mut players = [None; PLAYERS_MAX];
    let mut datagram = [0; 2_048];
    loop {
        let Ok((len, from)) = socket.recv_from(&mut datagram) else { continue };
        let mut answer = [0; stun::ANSWER_BYTES_MAX];
        if let Some(len) = stun::answer(&datagram[..len], from, &mut answer) {
            let _ = socket.send_to(&answer[..len], from);
            continue;
        }
        let [sender, receiver, bytes @ ..] = &datagram[..len] else { continue };
        players[usize::from(*sender)] = Some(from);
        if let Some(to) = players[usize::from(*receiver)]
            && !bytes.is_empty()
        {
            let _ = socket.send_to(&datagram[..len], to);
        }
    }
}

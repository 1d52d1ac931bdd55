//! Connects: everybody asks to be let in, and nobody is there.

use super::Attack;
use crate::flood::source::Forged;
use crate::flood::volley::{Sent, Volley, socket_of_all_addresses};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard_protocol::crypto::Suites;
use ringshard_protocol::limits::{CONNECT_BYTES, COOKIE_BYTES};
use ringshard_protocol::wire::{Connect, NOISE_MESSAGE_1_BYTES, Options};
use std::io;
use std::net::{SocketAddrV4, UdpSocket};

/// See the module.
pub struct Connects {
    socket: UdpSocket,
    server: SocketAddrV4,
    volley: Volley,
    forged: Forged,
    random: ChaCha8Rng,
}

impl Connects {
    pub fn new(server: SocketAddrV4, burst: usize) -> io::Result<Self> {
        let socket = socket_of_all_addresses()?;
        let (volley, forged) = (Volley::new(), Forged::new(burst));
        Ok(Connects { socket, server, volley, forged, random: ChaCha8Rng::from_seed([1; 32]) })
    }
}

impl Attack for Connects {
    fn strike(&mut self) -> io::Result<Sent> {
        while !self.volley.is_full() {
            let (source, _) = self.forged.next(&mut self.random);
            self.volley.add(source, CONNECT_BYTES).copy_from_slice(&a_key_of_nobody(&mut self.random).encode());
        }
        self.volley.send_to(&self.socket, self.server)
    }
}

/// A first Connect as a client sends it, with a key that nobody holds.
pub fn a_key_of_nobody(random: &mut ChaCha8Rng) -> Connect {
    let mut noise = [0x5A; NOISE_MESSAGE_1_BYTES];
    random.fill_bytes(&mut noise[..32]);
    let suites = Suites::native().bits();
    let connect = Connect { core: None, tag: 0, suites, options: Options::default(), cookie: [0; COOKIE_BYTES], noise };
    Connect { tag: Connect::tag_of(connect.client_key()), ..connect }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringshard_protocol::wire::{UnencryptedPacket, decode_unencrypted};

    #[test]
    fn a_server_takes_them_for_what_they_seem() {
        let mut random = ChaCha8Rng::from_seed([2; 32]);
        let (one, other) = (a_key_of_nobody(&mut random), a_key_of_nobody(&mut random));
        assert_eq!(decode_unencrypted(&one.encode()), Ok(UnencryptedPacket::Connect(one.clone())));
        assert_ne!((one.tag, one.client_key()), (other.tag, other.client_key()));
    }
}

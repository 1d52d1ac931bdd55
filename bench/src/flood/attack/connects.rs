//! Connects: first Connects from clients that do not exist.

use super::Attack;
use crate::flood::addresses::ForgedAddresses;
use crate::flood::send_batch::{SendBatch, Sent, wildcard_socket};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard_protocol::crypto::Suites;
use ringshard_protocol::limits::{CONNECT_BYTES, COOKIE_BYTES};
use ringshard_protocol::wire::{Connect, NOISE_MESSAGE_1_BYTES, Options};
use std::io;
use std::net::{SocketAddrV4, UdpSocket};

pub struct Connects {
    socket: UdpSocket,
    server: SocketAddrV4,
    batch: SendBatch,
    forged: ForgedAddresses,
    random: ChaCha8Rng,
}

impl Connects {
    pub fn new(server: SocketAddrV4, burst: usize) -> io::Result<Self> {
        let socket = wildcard_socket()?;
        let (batch, forged) = (SendBatch::new(), ForgedAddresses::new(burst));
        Ok(Connects { socket, server, batch, forged, random: ChaCha8Rng::from_seed([1; 32]) })
    }
}

impl Attack for Connects {
    fn send(&mut self) -> io::Result<Sent> {
        while !self.batch.is_full() {
            let (source, _) = self.forged.next(&mut self.random);
            self.batch.add(source, CONNECT_BYTES).copy_from_slice(&connect_with_random_key(&mut self.random).encode());
        }
        self.batch.send_to(&self.socket, self.server)
    }
}

/// A first Connect as a client sends it, with a random public key.
pub fn connect_with_random_key(random: &mut ChaCha8Rng) -> Connect {
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
    fn they_decode_as_connects() {
        let mut random = ChaCha8Rng::from_seed([2; 32]);
        let (one, other) = (connect_with_random_key(&mut random), connect_with_random_key(&mut random));
        assert_eq!(decode_unencrypted(&one.encode()), Ok(UnencryptedPacket::Connect(one.clone())));
        assert_ne!((one.tag, one.client_key()), (other.tag, other.client_key()));
    }
}

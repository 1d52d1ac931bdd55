//! Garbage: random bytes of any size, some with plausible headers.

use super::Attack;
use crate::flood::addresses::ForgedAddresses;
use crate::flood::send_batch::{SendBatch, Sent, wildcard_socket};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard_protocol::limits::{CONNECT_BYTES, HEADER_BYTES};
use ringshard_protocol::wire::{ConnectionId, Header, flags};
use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddrV4, UdpSocket};

/// Largest size in bytes.
const BYTES_MAX: usize = 1400;
/// Random bytes that datagrams are cut from: new random bytes would cost more than sending them.
const POOL_BYTES: usize = 1 << 16;
/// Slots that plausible connection ids name.
const SLOTS: u16 = 2048;

pub struct Garbage {
    socket: UdpSocket,
    server: SocketAddrV4,
    batch: SendBatch,
    forged: ForgedAddresses,
    draw: GarbageSource,
    /// Shape and size of all datagrams of this burst.
    shape: (Shape, usize),
    /// Datagrams shorter than a header. The kernel drops them in the same counter as datagrams it has no room for.
    runts: u64,
}

impl Garbage {
    pub fn new(server: SocketAddrV4, burst: usize) -> io::Result<Self> {
        let socket = wildcard_socket()?;
        let (batch, forged, draw) = (SendBatch::new(), ForgedAddresses::new(burst), GarbageSource::new(3));
        Ok(Garbage { socket, server, batch, forged, draw, shape: (Shape::Noise, 1), runts: 0 })
    }
}

const RUNTS: &str = "shorter_than_a_header";

impl Attack for Garbage {
    fn send(&mut self) -> io::Result<Sent> {
        let mut runts = 0;
        while !self.batch.is_full() {
            let (source, begins) = self.forged.next(&mut self.draw.random);
            if begins {
                self.shape = self.draw.next();
            }
            let (shape, len) = self.shape;
            runts += u64::from(len < HEADER_BYTES);
            self.draw.write(shape, self.batch.add(source, len));
        }
        let sent = self.batch.send_to(&self.socket, self.server)?;
        self.runts += runts;
        Ok(sent)
    }

    fn counts(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([(RUNTS, self.runts)])
    }
}

/// What a datagram looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    /// Random bytes.
    Noise,
    /// Connection id 0, as from an unknown address, then noise.
    UnknownAddress,
    /// A Connect of the right size: noise behind its type.
    Connect,
    /// A plausible connection id, flags and channel, then noise.
    Player,
}

struct GarbageSource {
    random: ChaCha8Rng,
    pool: Box<[u8]>,
}

impl GarbageSource {
    fn new(seed: u8) -> Self {
        let mut random = ChaCha8Rng::from_seed([seed; 32]);
        let mut pool = vec![0; POOL_BYTES];
        random.fill_bytes(&mut pool);
        GarbageSource { random, pool: pool.into() }
    }

    /// Shape and size of the next burst.
    fn next(&mut self) -> (Shape, usize) {
        let draw = self.random.next_u32() as usize;
        let len = 1 + draw / 4 % BYTES_MAX;
        match draw % 4 {
            0 => (Shape::Noise, len),
            1 => (Shape::UnknownAddress, len),
            2 => (Shape::Connect, CONNECT_BYTES),
            _ => (Shape::Player, len),
        }
    }

    fn write(&mut self, shape: Shape, datagram: &mut [u8]) {
        let draw = self.random.next_u64();
        let from = draw as usize % (POOL_BYTES - datagram.len());
        datagram.copy_from_slice(&self.pool[from..from + datagram.len()]);
        let header = |connection, flags| Header { connection, channel: 0, flags, sequence: draw >> 2 }.encode();
        let header = match shape {
            Shape::Noise => return,
            Shape::UnknownAddress => header(ConnectionId::NONE, 0),
            Shape::Connect => {
                datagram[HEADER_BYTES] = 0;
                header(ConnectionId::NONE, 0)
            }
            Shape::Player => {
                let generation = (draw >> 8) as u8 | 1;
                let id = ConnectionId::new(0, generation, (draw >> 16) as u16 % SLOTS);
                let cipher = if draw & 1 == 0 { 0 } else { flags::CHACHA20_POLY1305 };
                header(id, flags::ENCRYPTED | cipher)
            }
        };
        let len = datagram.len().min(HEADER_BYTES);
        datagram[..len].copy_from_slice(&header[..len]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringshard_protocol::wire::{Malformed, decode_unencrypted};

    #[test]
    fn garbage_has_every_size_and_shape_and_never_decodes() {
        let mut draw = GarbageSource::new(9);
        let mut sizes = [0; BYTES_MAX + 1];
        let mut shapes = [0; 4];
        for _ in 0..100_000 {
            let (shape, len) = draw.next();
            let mut datagram = vec![0; len];
            draw.write(shape, &mut datagram);
            sizes[len] += 1;
            shapes[shape as usize] += 1;
            let cleartext = decode_unencrypted(&datagram);
            assert!(cleartext.is_err(), "{shape:?} is {cleartext:?}");
            match shape {
                Shape::Connect => assert_eq!(cleartext, Err(Malformed::Checksum)),
                Shape::Player if len >= HEADER_BYTES => {
                    let header = Header::decode(&datagram).unwrap();
                    assert_ne!(header.connection.generation(), 0);
                    assert_eq!(header.flags & flags::ENCRYPTED, flags::ENCRYPTED);
                }
                _ => {}
            }
        }
        assert!(sizes[1..].iter().all(|&count| count > 0) && sizes[0] == 0);
        assert!(shapes.iter().all(|&count| count > 20_000), "{shapes:?}");
    }
}

//! Garbage: bytes at random, of any size, some of which look right at first sight.

use super::Attack;
use crate::flood::source::Forged;
use crate::flood::volley::{Sent, Volley, socket_of_all_addresses};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard_protocol::limits::{CONNECT_BYTES, HEADER_BYTES};
use ringshard_protocol::wire::{ConnectionId, Header, flags};
use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddrV4, UdpSocket};

/// The largest of them, in bytes.
const BYTES_MAX: usize = 1400;
/// Random bytes that they are cut from: drawing them all anew would cost more than sending them.
const POOL_BYTES: usize = 1 << 16;
/// Slots that plausible ids name.
const SLOTS: u16 = 2048;

/// See the module.
pub struct Garbage {
    socket: UdpSocket,
    server: SocketAddrV4,
    volley: Volley,
    forged: Forged,
    draw: Draw,
    /// What those of one burst are, so that they are of one size.
    sort: (Sort, usize),
    /// Shorter than a header: the kernel drops these, and counts them as it counts what it has no room for.
    runts: u64,
}

impl Garbage {
    pub fn new(server: SocketAddrV4, burst: usize) -> io::Result<Self> {
        let socket = socket_of_all_addresses()?;
        let (volley, forged, draw) = (Volley::new(), Forged::new(burst), Draw::new(3));
        Ok(Garbage { socket, server, volley, forged, draw, sort: (Sort::Noise, 1), runts: 0 })
    }
}

/// The name of the count of datagrams that are shorter than a header.
const RUNTS: &str = "shorter_than_a_header";

impl Attack for Garbage {
    fn strike(&mut self) -> io::Result<Sent> {
        let mut runts = 0;
        while !self.volley.is_full() {
            let (source, begins) = self.forged.next(&mut self.draw.random);
            if begins {
                self.sort = self.draw.next();
            }
            let (sort, len) = self.sort;
            runts += u64::from(len < HEADER_BYTES);
            self.draw.write(sort, self.volley.add(source, len));
        }
        let sent = self.volley.send_to(&self.socket, self.server)?;
        self.runts += runts;
        Ok(sent)
    }

    fn counts(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([(RUNTS, self.runts)])
    }
}

/// What they look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sort {
    /// Nothing.
    Noise,
    /// A stranger's: connection id 0, and noise behind it.
    Stranger,
    /// A Connect of the right size, all of it noise behind its type.
    Connect,
    /// A player's: an id such as players have, flags and channel as they should be.
    Player,
}

struct Draw {
    random: ChaCha8Rng,
    pool: Box<[u8]>,
}

impl Draw {
    fn new(seed: u8) -> Self {
        let mut random = ChaCha8Rng::from_seed([seed; 32]);
        let mut pool = vec![0; POOL_BYTES];
        random.fill_bytes(&mut pool);
        Draw { random, pool: pool.into() }
    }

    /// The sort and size of the next one.
    fn next(&mut self) -> (Sort, usize) {
        let draw = self.random.next_u32() as usize;
        let len = 1 + draw / 4 % BYTES_MAX;
        match draw % 4 {
            0 => (Sort::Noise, len),
            1 => (Sort::Stranger, len),
            2 => (Sort::Connect, CONNECT_BYTES),
            _ => (Sort::Player, len),
        }
    }

    fn write(&mut self, sort: Sort, datagram: &mut [u8]) {
        let draw = self.random.next_u64();
        let from = draw as usize % (POOL_BYTES - datagram.len());
        datagram.copy_from_slice(&self.pool[from..from + datagram.len()]);
        let header = |connection, flags| Header { connection, channel: 0, flags, sequence: draw >> 2 }.encode();
        let header = match sort {
            Sort::Noise => return,
            Sort::Stranger => header(ConnectionId::NONE, 0),
            Sort::Connect => {
                datagram[HEADER_BYTES] = 0;
                header(ConnectionId::NONE, 0)
            }
            Sort::Player => {
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
    fn it_has_every_size_and_every_sort_and_none_of_it_is_anything() {
        let mut draw = Draw::new(9);
        let mut sizes = [0; BYTES_MAX + 1];
        let mut sorts = [0; 4];
        for _ in 0..100_000 {
            let (sort, len) = draw.next();
            let mut datagram = vec![0; len];
            draw.write(sort, &mut datagram);
            sizes[len] += 1;
            sorts[sort as usize] += 1;
            let cleartext = decode_unencrypted(&datagram);
            assert!(cleartext.is_err(), "{sort:?} is {cleartext:?}");
            match sort {
                Sort::Connect => assert_eq!(cleartext, Err(Malformed::Checksum)),
                Sort::Player if len >= HEADER_BYTES => {
                    let header = Header::decode(&datagram).unwrap();
                    assert_ne!(header.connection.generation(), 0);
                    assert_eq!(header.flags & flags::ENCRYPTED, flags::ENCRYPTED);
                }
                _ => {}
            }
        }
        assert!(sizes[1..].iter().all(|&count| count > 0) && sizes[0] == 0);
        assert!(sorts.iter().all(|&count| count > 20_000), "{sorts:?}");
    }
}

//! Bad tags: under the names of players, as somebody sends who has seen their headers and holds none of their keys.

use super::Attack;
use crate::flood::operated::Target;
use crate::flood::source::Forged;
use crate::flood::volley::{Sent, Volley, socket_of_all_addresses};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard_protocol::limits::{DATAGRAM_BUCKETS, HEADER_BYTES};
use ringshard_protocol::wire::Header;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};

/// Of so many volleys, one is sent from a player's own address, the others from forged ones.
const OWN_EVERY: u64 = 8;
/// Numbers that no player comes to, and that are far from the highest there is: always fresh.
const SEQUENCES: std::ops::Range<u64> = 1 << 41..1 << 61;

/// See the module.
pub struct BadTags {
    socket: UdpSocket,
    server: SocketAddrV4,
    volley: Volley,
    draw: Draw,
    targets: Vec<Target>,
    own: Vec<Voice>,
    volleys: u64,
    sent_as_own: u64,
}

struct Draw {
    random: ChaCha8Rng,
    forged: Forged,
    /// Of those of one burst.
    len: usize,
}

/// The socket of some players.
struct Voice {
    socket: UdpSocket,
    players: Vec<Target>,
}

impl BadTags {
    /// Against these players of the server.
    pub fn new(server: SocketAddrV4, targets: Vec<Target>, burst: usize) -> io::Result<Self> {
        assert!(!targets.is_empty(), "there are players to pass for");
        Ok(BadTags {
            socket: socket_of_all_addresses()?,
            server,
            volley: Volley::new(),
            draw: Draw { random: ChaCha8Rng::from_seed([4; 32]), forged: Forged::new(burst), len: 0 },
            own: voices(server, &targets),
            targets,
            volleys: 0,
            sent_as_own: 0,
        })
    }

    /// Whether it can send from players' own addresses.
    pub fn has_own(&self) -> bool {
        !self.own.is_empty()
    }
}

impl Draw {
    fn fill(&mut self, volley: &mut Volley, players: &[Target]) {
        while !volley.is_full() {
            let (source, begins) = self.forged.next(&mut self.random);
            let draw = self.random.next_u64();
            if begins {
                self.len = usize::from(DATAGRAM_BUCKETS[(draw >> 32) as usize % DATAGRAM_BUCKETS.len()]);
            }
            let Target { id, flags, .. } = players[draw as usize % players.len()];
            let sequence = SEQUENCES.start + self.random.next_u64() % (SEQUENCES.end - SEQUENCES.start);
            let datagram = volley.add(source, self.len);
            // What is left of what stood there before is ciphertext and tag as good as any.
            datagram[..HEADER_BYTES].copy_from_slice(&Header { connection: id, channel: 0, flags, sequence }.encode());
        }
    }
}

impl Attack for BadTags {
    fn strike(&mut self) -> io::Result<Sent> {
        self.volleys += 1;
        let BadTags { socket, server, volley, draw, targets, own, volleys, sent_as_own } = self;
        if *volleys % OWN_EVERY != 0 || own.is_empty() {
            draw.fill(volley, targets);
            return volley.send_to(socket, *server);
        }
        let Voice { socket, players } = &own[(*volleys / OWN_EVERY) as usize % own.len()];
        draw.fill(volley, players);
        let sent = volley.send_through(socket)?;
        *sent_as_own += sent.datagrams;
        Ok(sent)
    }

    fn counts(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([("from_players_own_addresses", self.sent_as_own)])
    }
}

/// The players' own sockets. They are this process's, whose generator plays for them; what is sent through a copy comes
/// from the player's address and port, as nothing from a socket of another does.
fn voices(server: SocketAddrV4, targets: &[Target]) -> Vec<Voice> {
    let mut players: BTreeMap<SocketAddr, Vec<Target>> = BTreeMap::new();
    for target in targets {
        players.entry(target.address).or_default().push(*target);
    }
    let mut voices = Vec::new();
    for socket in own_sockets() {
        if socket.peer_addr().is_ok_and(|peer| peer == SocketAddr::V4(server))
            && let Some(players) = socket.local_addr().ok().and_then(|address| players.remove(&address))
        {
            voices.push(Voice { socket, players });
        }
    }
    voices
}

/// A copy of every file of this process, as a socket; most of them are none. Empty where the system gives no copies.
fn own_sockets() -> impl Iterator<Item = UdpSocket> {
    let own = pidfd_open(getpid(), PidfdFlags::empty()).ok();
    let files = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers: Vec<i32> = files.filter_map(|file| file.file_name().to_str()?.parse().ok()).collect();
    numbers.into_iter().filter_map(move |number| {
        pidfd_getfd(own.as_ref()?, number, PidfdGetfdFlags::empty()).ok().map(UdpSocket::from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flood::volley::BATCH;
    use ringshard_protocol::wire::{ConnectionId, flags};
    use std::time::Duration;

    fn target(slot: u16, address: SocketAddr) -> Target {
        Target { id: ConnectionId::new(0, 9, slot), address, flags: flags::ENCRYPTED }
    }

    #[test]
    fn they_come_under_players_names_from_everywhere_and_from_the_players_themselves() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        server.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let SocketAddr::V4(address) = server.local_addr().unwrap() else { unreachable!("it was bound to IPv4") };
        let player = UdpSocket::bind("127.0.0.1:0").unwrap();
        player.connect(address).unwrap();
        let own = player.local_addr().unwrap();
        let targets = vec![target(1, own), target(2, own), target(3, "127.0.0.1:1".parse().unwrap())];
        let mut attack = BadTags::new(address, targets, 1).unwrap();
        // A system may refuse copies of files.
        let has_own = attack.has_own();
        let (mut from_own, mut slots) = (0, [0; 4]);
        for _ in 0..OWN_EVERY {
            assert_eq!(attack.strike().unwrap().datagrams, BATCH as u64);
            for _ in 0..BATCH {
                let mut datagram = [0; 2048];
                let (len, from) = server.recv_from(&mut datagram).unwrap();
                let header = Header::decode(&datagram[..len]).unwrap();
                assert!(SEQUENCES.contains(&header.sequence) && header.flags == flags::ENCRYPTED);
                assert!(DATAGRAM_BUCKETS.contains(&(len as u16)));
                assert_eq!(header.connection.generation(), 9);
                slots[usize::from(header.connection.slot())] += 1;
                if from == own {
                    from_own += 1;
                    assert_ne!(header.connection.slot(), 3, "not the name of somebody elsewhere");
                }
            }
        }
        assert!(slots[1..].iter().all(|&count| count > 0), "{slots:?}");
        assert_eq!(from_own, if has_own { BATCH as u64 } else { 0 });
        assert_eq!(attack.counts()["from_players_own_addresses"], from_own);
    }
}

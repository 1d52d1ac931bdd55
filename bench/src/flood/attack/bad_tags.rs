//! Bad tags: an attacker that has seen players' headers but has none of their keys.

use super::Attack;
use crate::flood::addresses::ForgedAddresses;
use crate::flood::configured_server::Target;
use crate::flood::send_batch::{SendBatch, Sent, wildcard_socket};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard_protocol::limits::{DATAGRAM_BUCKETS, HEADER_BYTES};
use ringshard_protocol::wire::Header;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};

/// One in this many batches is sent from a player's own address, the others from forged ones.
const OWN_EVERY: u64 = 8;
/// Sequence numbers that no player reaches, far below the maximum: they always look fresh.
const SEQUENCES: std::ops::Range<u64> = 1 << 41..1 << 61;

pub struct BadTags {
    socket: UdpSocket,
    server: SocketAddrV4,
    batch: SendBatch,
    draw: DatagramSource,
    targets: Vec<Target>,
    player_sockets: Vec<PlayerSocket>,
    batches: u64,
    sent_as_own: u64,
}

struct DatagramSource {
    random: ChaCha8Rng,
    forged: ForgedAddresses,
    /// Size of the datagrams of this burst.
    len: usize,
}

/// A socket that some players share.
struct PlayerSocket {
    socket: UdpSocket,
    players: Vec<Target>,
}

impl BadTags {
    /// Attacks the connections of these players.
    pub fn new(server: SocketAddrV4, targets: Vec<Target>, burst: usize) -> io::Result<Self> {
        assert!(!targets.is_empty(), "there must be players to imitate");
        Ok(BadTags {
            socket: wildcard_socket()?,
            server,
            batch: SendBatch::new(),
            draw: DatagramSource {
                random: ChaCha8Rng::from_seed([4; 32]),
                forged: ForgedAddresses::new(burst),
                len: 0,
            },
            player_sockets: player_sockets(server, &targets),
            targets,
            batches: 0,
            sent_as_own: 0,
        })
    }

    /// Whether it can send from players' own addresses.
    pub fn has_player_sockets(&self) -> bool {
        !self.player_sockets.is_empty()
    }
}

impl DatagramSource {
    fn fill(&mut self, batch: &mut SendBatch, players: &[Target]) {
        while !batch.is_full() {
            let (source, begins) = self.forged.next(&mut self.random);
            let draw = self.random.next_u64();
            if begins {
                self.len = usize::from(DATAGRAM_BUCKETS[(draw >> 32) as usize % DATAGRAM_BUCKETS.len()]);
            }
            let Target { id, flags, .. } = players[draw as usize % players.len()];
            let sequence = SEQUENCES.start + self.random.next_u64() % (SEQUENCES.end - SEQUENCES.start);
            let datagram = batch.add(source, self.len);
            // The previous bytes serve as ciphertext and tag.
            datagram[..HEADER_BYTES].copy_from_slice(&Header { connection: id, channel: 0, flags, sequence }.encode());
        }
    }
}

impl Attack for BadTags {
    fn send(&mut self) -> io::Result<Sent> {
        self.batches += 1;
        let BadTags { socket, server, batch, draw, targets, player_sockets, batches, sent_as_own } = self;
        if *batches % OWN_EVERY != 0 || player_sockets.is_empty() {
            draw.fill(batch, targets);
            return batch.send_to(socket, *server);
        }
        let PlayerSocket { socket, players } = &player_sockets[(*batches / OWN_EVERY) as usize % player_sockets.len()];
        draw.fill(batch, players);
        let sent = batch.send_through(socket)?;
        *sent_as_own += sent.datagrams;
        Ok(sent)
    }

    fn counts(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([("from_players_own_addresses", self.sent_as_own)])
    }
}

/// Copies of the players' own sockets: this process plays the players. What a copy sends comes from the player's
/// address and port, which no other socket can do.
fn player_sockets(server: SocketAddrV4, targets: &[Target]) -> Vec<PlayerSocket> {
    let mut players: BTreeMap<SocketAddr, Vec<Target>> = BTreeMap::new();
    for target in targets {
        players.entry(target.address).or_default().push(*target);
    }
    let mut player_sockets = Vec::new();
    for socket in own_sockets() {
        if socket.peer_addr().is_ok_and(|peer| peer == SocketAddr::V4(server))
            && let Some(players) = socket.local_addr().ok().and_then(|address| players.remove(&address))
        {
            player_sockets.push(PlayerSocket { socket, players });
        }
    }
    player_sockets
}

/// A copy of every file of this process, as a socket; most are none. Empty if the system refuses copies.
fn own_sockets() -> impl Iterator<Item = UdpSocket> {
    let player_sockets = pidfd_open(getpid(), PidfdFlags::empty()).ok();
    let files = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers: Vec<i32> = files.filter_map(|file| file.file_name().to_str()?.parse().ok()).collect();
    numbers.into_iter().filter_map(move |number| {
        pidfd_getfd(player_sockets.as_ref()?, number, PidfdGetfdFlags::empty()).ok().map(UdpSocket::from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flood::send_batch::BATCH;
    use ringshard_protocol::wire::{ConnectionId, flags};
    use std::time::Duration;

    fn target(slot: u16, address: SocketAddr) -> Target {
        Target { id: ConnectionId::new(0, 9, slot), address, flags: flags::ENCRYPTED }
    }

    #[test]
    fn datagrams_carry_players_ids_and_some_come_from_players_own_addresses() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        server.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let SocketAddr::V4(address) = server.local_addr().unwrap() else { unreachable!("it was bound to IPv4") };
        let player = UdpSocket::bind("127.0.0.1:0").unwrap();
        player.connect(address).unwrap();
        let player_sockets = player.local_addr().unwrap();
        let targets =
            vec![target(1, player_sockets), target(2, player_sockets), target(3, "127.0.0.1:1".parse().unwrap())];
        let mut attack = BadTags::new(address, targets, 1).unwrap();
        // A system may refuse copies of files.
        let has_player_sockets = attack.has_player_sockets();
        let (mut from_own, mut slots) = (0, [0; 4]);
        for _ in 0..OWN_EVERY {
            assert_eq!(attack.send().unwrap().datagrams, BATCH as u64);
            for _ in 0..BATCH {
                let mut datagram = [0; 2048];
                let (len, from) = server.recv_from(&mut datagram).unwrap();
                let header = Header::decode(&datagram[..len]).unwrap();
                assert!(SEQUENCES.contains(&header.sequence) && header.flags == flags::ENCRYPTED);
                assert!(DATAGRAM_BUCKETS.contains(&(len as u16)));
                assert_eq!(header.connection.generation(), 9);
                slots[usize::from(header.connection.slot())] += 1;
                if from == player_sockets {
                    from_own += 1;
                    assert_ne!(header.connection.slot(), 3, "not the id of a player on another socket");
                }
            }
        }
        assert!(slots[1..].iter().all(|&count| count > 0), "{slots:?}");
        assert_eq!(from_own, if has_player_sockets { BATCH as u64 } else { 0 });
        assert_eq!(attack.counts()["from_players_own_addresses"], from_own);
    }
}

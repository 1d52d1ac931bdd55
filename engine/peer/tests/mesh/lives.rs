//! A random walk over the life of a mesh: players come, leave, crash and come back, lose and change their paths, and are
//! introduced again, while the server goes away now and then. Strangers, who name everybody and whom nobody names, try to join.
//!
//! A ledger knows what must be true. Every reliable message arrives once, in order, from the program that sent it, for as long as
//! its session lives; nobody has a session with a stranger; what a mesh keeps of others is bounded; and when the network works
//! again, all are connected and nothing is missing.
//!
//! `MESH_LIVES=N` walks with N more seeds; in release, a seed takes some seconds.

use crate::internet::{Internet, NatKind};
use crate::players::{Players, RELAY_KEY, entity, instant};
use ringshard_peer::limits::ENTRIES_PER_PLAYER_MAX;
use ringshard_peer::relay::{Relay, RelayLimits};
use ringshard_peer::{MeshEvent, PeerId};
use ringshard_protocol::gateway::GatewayKey;
use ringshard_protocol::wire::Channel;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::time::Duration;

/// What a player says to another: the program that says it, whom to, the session of that program, and the number in it.
const HEADER_BYTES: usize = 16;
/// Time between two turns of fate.
const TURN: Duration = Duration::from_millis(250);

/// A player, as the game knows it. Its index is that of its entity.
#[derive(Default)]
struct Life {
    /// Which of all programs it is; 0 while it is away.
    program: u32,
    is_stranger: bool,
    /// The player of each name that its mesh gave.
    ids: HashMap<PeerId, usize>,
    connected: HashSet<PeerId>,
    /// The present session with each player, and the messages sent in it.
    sent: BTreeMap<usize, (u32, u32)>,
    /// Of each program: its session, and the messages received in it.
    received: BTreeMap<u32, (u32, u32)>,
}

struct Walk {
    players: Players,
    lives: Vec<Life>,
    /// The player of each program.
    programs: Vec<usize>,
    networks: Vec<usize>,
    /// What ends at its time.
    troubles: Vec<(Duration, Trouble)>,
    /// The last number of a host.
    hosts: u8,
    random: u64,
}

enum Trouble {
    Cut(SocketAddr),
    ServerAway,
    /// The game has not noticed yet that this player is gone.
    Gone(usize),
}

impl Walk {
    fn new(seed: u64, count: usize, strangers: usize) -> Self {
        let mut net = Internet::new(seed);
        net.loss_per_mille = 20;
        net.corruption_per_mille = 5;
        let limits = RelayLimits { channels_per_name_max: 100, ..RelayLimits::default() };
        net.relay = Relay::new(vec![GatewayKey::from_bytes(RELAY_KEY)], limits, [2; 32]);
        let kinds = [NatKind::FullCone, NatKind::PortRestricted, NatKind::Symmetric, NatKind::Symmetric];
        let networks = kinds.map(|kind| net.nat(kind, 0, false)).into_iter().chain([0]).collect();
        let mut walk = Walk {
            players: Players::new(net),
            lives: Vec::new(),
            programs: vec![usize::MAX],
            networks,
            troubles: Vec::new(),
            hosts: 0,
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
        };
        for index in 0..count + strangers {
            let addresses = walk.somewhere();
            walk.players.add_at(&addresses, true);
            walk.lives.push(Life { is_stranger: index >= count, ..Life::default() });
            walk.come(index);
        }
        walk
    }

    fn draw(&mut self, below: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 16) as usize % below
    }

    /// Addresses in some network: IPv4 alone, IPv6 alone, or both.
    fn somewhere(&mut self) -> Vec<SocketAddr> {
        let is_taken = |number: u8| self.players.all.iter().any(|player| player.has_number(number));
        self.hosts = (0..250)
            .map(|step| ((usize::from(self.hosts) + step) % 250) as u8 + 1)
            .find(|&number| !is_taken(number))
            .expect("a number");
        let network = self.draw(self.networks.len());
        let network = self.networks[network];
        let is_firewalled = self.draw(2) == 0;
        let net = &mut self.players.net;
        match self.random % 4 {
            0 => vec![net.host6(self.hosts, is_firewalled)],
            1 => vec![net.host6(self.hosts, is_firewalled), net.host(network, self.hosts)],
            _ => vec![net.host(network, self.hosts)],
        }
    }

    fn is_here(&self, index: usize) -> bool {
        self.lives[index].program != 0
    }

    /// The player starts its program, for the first time or again.
    fn come(&mut self, index: usize) {
        let addresses = self.somewhere();
        let program = self.programs.len() as u32;
        self.programs.push(index);
        self.players.restart(index, &addresses, program);
        let is_stranger = self.lives[index].is_stranger;
        self.lives[index] = Life { program, is_stranger, ..Life::default() };
    }

    /// The player is gone, with or without a word.
    fn go(&mut self, index: usize, politely: bool) {
        if politely {
            self.players.all[index].mesh.leave();
            self.players.run(Duration::from_millis(20));
        }
        let notices = Duration::from_millis(self.draw(20_000) as u64);
        self.lives[index].program = 0;
        self.troubles.push((self.players.net.now + notices, Trouble::Gone(index)));
        self.players.all[index].mesh = self.players.empty_mesh();
        self.players.all[index].messages.clear();
    }

    /// The game names all who are here to each other. Strangers name everybody.
    fn name(&mut self) {
        let now = instant(self.players.net.now);
        for a in 0..self.lives.len() {
            for b in (0..self.lives.len()).filter(|&b| b != a) {
                let is_named = self.is_here(a) && self.is_here(b) && !self.lives[b].is_stranger;
                if is_named && let Ok(id) = self.players.all[a].mesh.join(now, entity(b)) {
                    self.lives[a].ids.insert(id, b);
                }
            }
        }
    }

    /// The game tells the others that this player is gone.
    fn notice(&mut self, index: usize) {
        if self.is_here(index) {
            return;
        }
        for a in (0..self.lives.len()).filter(|&a| a != index) {
            self.remove(a, index);
        }
    }

    fn remove(&mut self, a: usize, b: usize) {
        let mesh = &mut self.players.all[a].mesh;
        let id = mesh.peers().find(|(_, of)| *of == entity(b)).map(|(id, _)| id);
        if let Some(id) = id {
            mesh.remove(id);
            self.lives[a].connected.remove(&id);
        }
    }

    /// One turn of fate, and what the players say meanwhile.
    fn turn(&mut self) {
        let index = self.draw(self.lives.len());
        let until = self.players.net.now + Duration::from_millis(self.draw(20_000) as u64);
        match self.draw(24) {
            0..=3 if !self.is_here(index) => self.come(index),
            0 => self.go(index, true),
            1 => self.go(index, false),
            // It is back before the game notices.
            2 if self.is_here(index) => self.come(index),
            3 => {
                let network = self.draw(self.networks.len() - 1);
                let network = self.networks[network];
                self.players.net.forget_flows(network);
            }
            4 | 5 => {
                let address = self.players.all[index].address;
                self.players.net.cut.insert(address);
                self.troubles.push((until, Trouble::Cut(address)));
            }
            6 | 7 if self.is_here(index) => {
                let addresses = self.somewhere();
                self.players.move_to(index, &addresses);
            }
            8 => {
                self.players.server_is_away = true;
                self.troubles.push((until, Trouble::ServerAway));
            }
            9 | 10 => self.introduce_again(),
            11 => {
                let other = self.draw(self.lives.len());
                self.remove(index, other);
            }
            _ => {}
        }
        self.end_troubles(self.players.net.now);
        self.pass(TURN);
        self.talk();
    }

    /// The server brings an old introduction once more, to whom it was for, or as if it were of somebody else.
    fn introduce_again(&mut self) {
        let Some(last) = self.players.overheard.len().checked_sub(1) else { return };
        let which = self.draw(last + 1);
        let (mut from, to, bytes) = self.players.overheard[which].clone();
        if self.draw(2) == 0 {
            from = entity(self.draw(self.lives.len()));
        }
        if from != to {
            self.players.introduce(from, to, &bytes);
        }
    }

    fn end_troubles(&mut self, now: Duration) {
        for (_, trouble) in self.troubles.extract_if(.., |(until, _)| *until <= now).collect::<Vec<_>>() {
            match trouble {
                Trouble::Cut(address) => drop(self.players.net.cut.remove(&address)),
                Trouble::ServerAway => self.players.server_is_away = false,
                Trouble::Gone(index) => self.notice(index),
            }
        }
    }

    /// Time passes, and the ledger takes what happened.
    fn pass(&mut self, time: Duration) {
        self.name();
        self.players.run(time);
        for index in 0..self.lives.len() {
            let player = &mut self.players.all[index];
            let (events, messages) = (std::mem::take(&mut player.events), std::mem::take(&mut player.messages));
            let (entries, peers) = (player.mesh.entries(), player.mesh.peers().count());
            assert!(entries <= ENTRIES_PER_PLAYER_MAX * peers.max(1), "{entries} entries of {peers} players");
            if self.is_here(index) {
                events.iter().for_each(|event| self.take_event(index, event));
                messages.iter().for_each(|(id, _, bytes)| self.take_message(index, *id, bytes));
            }
        }
        let spare = self.players.overheard.len().saturating_sub(500);
        self.players.overheard.drain(..spare);
    }

    fn take_event(&mut self, index: usize, event: &MeshEvent) {
        let life = &mut self.lives[index];
        match *event {
            MeshEvent::Connected { peer, resumed, .. } => {
                let other = life.ids[&peer];
                life.connected.insert(peer);
                if !resumed {
                    let session = life.sent.entry(other).or_default();
                    *session = (session.0 + 1, 0);
                }
                let are_strangers = life.is_stranger || self.lives[other].is_stranger;
                assert!(!are_strangers, "{index} has a session with {other}");
            }
            MeshEvent::Suspended(peer) | MeshEvent::BeganAnew(peer) | MeshEvent::Left(peer, _) => {
                life.connected.remove(&peer);
            }
            _ => {}
        }
    }

    fn take_message(&mut self, index: usize, id: PeerId, bytes: &[u8]) {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("a message has its header"));
        let (program, to, session, number) = (word(0), word(4), word(8), word(12));
        let life = &mut self.lives[index];
        let from = self.programs[program as usize];
        assert_eq!((to, life.ids[&id]), (index as u32, from), "it is of who sent it, for who got it");
        let received = life.received.entry(program).or_default();
        if session > received.0 {
            *received = (session, 0);
        }
        assert_eq!((session, number), *received, "from {from} to {index}");
        received.1 += 1;
        assert!(bytes[HEADER_BYTES..].iter().all(|&byte| byte == number as u8));
    }

    fn talk(&mut self) {
        let now = instant(self.players.net.now);
        for index in 0..self.lives.len() {
            for (id, other) in self.lives[index].ids.clone() {
                if !self.lives[index].connected.contains(&id) || self.draw(4) != 0 {
                    continue;
                }
                let len = self.draw(2_500);
                let life = &mut self.lives[index];
                let (session, number) = life.sent.get_mut(&other).expect("they are connected");
                let mut bytes = Vec::with_capacity(HEADER_BYTES + len);
                for word in [life.program, other as u32, *session, *number] {
                    bytes.extend_from_slice(&word.to_le_bytes());
                }
                bytes.resize(HEADER_BYTES + len, *number as u8);
                let sent = self.players.all[index].mesh.send(now, id, Channel::RELIABLE_ORDERED, &bytes);
                *number += u32::from(sent.is_ok());
            }
        }
    }

    /// All pairs of players who are here and no strangers.
    fn pairs(&self) -> Vec<(usize, usize)> {
        let members = |&index: &usize| self.is_here(index) && !self.lives[index].is_stranger;
        let all: Vec<usize> = (0..self.lives.len()).filter(members).collect();
        all.iter().flat_map(|&a| all.iter().filter(move |&&b| b != a).map(move |&b| (a, b))).collect()
    }

    fn is_connected(&self, a: usize, b: usize) -> bool {
        self.lives[a].connected.iter().any(|id| self.lives[a].ids[id] == b)
    }

    fn has_all(&self, a: usize, b: usize) -> bool {
        let sent = self.lives[a].sent.get(&b).copied().unwrap_or_default();
        let received = self.lives[b].received.get(&self.lives[a].program).copied().unwrap_or_default();
        sent.1 == 0 || sent == received
    }

    /// Everything works again: all find each other, and what they said arrives.
    fn end(&mut self) {
        self.end_troubles(Duration::MAX);
        self.players.net.cut.clear();
        let settled = |walk: &Self| walk.pairs().iter().all(|&(a, b)| walk.is_connected(a, b));
        for _ in 0..480 {
            self.pass(TURN);
            if settled(self) {
                break;
            }
        }
        let apart = |walk: &Self| walk.pairs().into_iter().find(|&(a, b)| !walk.is_connected(a, b));
        assert_eq!(apart(self), None, "they do not find each other again");
        self.talk();
        let lacks = |walk: &Self| walk.pairs().into_iter().find(|&(a, b)| !walk.has_all(a, b));
        for _ in 0..240 {
            if lacks(self).is_none() {
                break;
            }
            self.pass(TURN);
        }
        if let Some((a, b)) = lacks(self) {
            let (sent, received) = (&self.lives[a].sent, &self.lives[b].received);
            panic!("{a} (program {}) sent {sent:?}, {b} received {received:?}", self.lives[a].program);
        }
    }
}

fn walk(seed: u64, count: usize, strangers: usize, turns: usize) {
    println!("seed {seed}: {count} players, {strangers} strangers, {turns} turns");
    let mut walk = Walk::new(seed, count, strangers);
    for _ in 0..turns {
        walk.turn();
    }
    walk.end();
}

#[test]
fn two_players_live_through_everything() {
    walk(1, 2, 1, 300);
}

#[test]
fn six_players_live_through_everything() {
    walk(2, 6, 1, 80);
}

#[test]
fn sixteen_players_live_through_everything() {
    let more: u64 = std::env::var("MESH_LIVES").map_or(0, |text| text.parse().expect("MESH_LIVES is a number"));
    walk(3, 15, 1, if more == 0 { 8 } else { 400 });
    for seed in 4..4 + more {
        walk(seed, 2 + seed as usize % 14, seed as usize % 2, 400);
    }
}

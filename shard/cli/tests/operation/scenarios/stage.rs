//! What a scenario has: a server, the relay before it, and clients.

use super::echoing::Echoing;
use super::events::Events;
use super::player::Player;
use super::relay::Relay;
use super::steps::Side;
use crate::shared::{Folder, Server, TIMEOUT, ringshard, text};
use ringshard_client::PublicKey;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Time between two turns. Loopback is as fast as that.
const TURN: Duration = Duration::from_micros(500);

pub struct Stage {
    pub relay: Relay,
    clients: BTreeMap<usize, Member>,
    server: Server,
    /// Of the server's key.
    _keys: Folder,
}

pub enum Member {
    Echoing(Box<Echoing>),
    Player(Box<Player>),
}

impl Member {
    pub fn events(&mut self) -> &mut Events {
        match self {
            Member::Echoing(echoing) => &mut echoing.events,
            Member::Player(player) => &mut player.events,
        }
    }

    pub fn close(&mut self) {
        match self {
            Member::Echoing(echoing) => echoing.close(),
            Member::Player(player) => player.close(),
        }
    }

    fn turn(&mut self) {
        match self {
            Member::Echoing(echoing) => echoing.turn(),
            Member::Player(player) => player.turn(),
        }
    }
}

impl Stage {
    pub fn new(flags: &[String]) -> Self {
        let keys = Folder::new("scenario-key");
        let key = keys.file("key");
        assert!(ringshard(&["keygen", "--out", &key]).status.success());
        let common = ["--key", &key, "--admin-socket", "admin.sock", "--idle", "park"];
        let flags: Vec<&str> = common.into_iter().chain(flags.iter().map(String::as_str)).collect();
        let server = Server::start("scenario", "", &flags);
        Stage { relay: Relay::new(server.listen), clients: BTreeMap::new(), server, _keys: keys }
    }

    pub fn connect(&mut self, client: usize, key: Side, reconnect: bool) {
        let mut bytes = *self.server.key.as_bytes();
        bytes[0] ^= u8::from(key == Side::Wrong);
        let echoing = Echoing::new(self.relay.address(), PublicKey::from_bytes(bytes), reconnect, client);
        self.add(client, Member::Echoing(Box::new(echoing)));
    }

    pub fn enter(&mut self, client: usize, level: Side) {
        let player = Player::new(self.relay.address(), self.server.key, level, client);
        self.add(client, Member::Player(Box::new(player)));
    }

    pub fn member(&mut self, client: usize) -> &mut Member {
        self.clients.get_mut(&client).unwrap_or_else(|| panic!("there is no client {client}"))
    }

    pub fn echoing(&mut self, client: usize) -> &mut Echoing {
        match self.member(client) {
            Member::Echoing(echoing) => echoing,
            Member::Player(_) => panic!("client {client} is a player"),
        }
    }

    pub fn player(&mut self, client: usize) -> &mut Player {
        match self.member(client) {
            Member::Player(player) => player,
            Member::Echoing(_) => panic!("client {client} is no player"),
        }
    }

    pub fn set_walking(&mut self, walks: bool) {
        for member in self.clients.values_mut() {
            if let Member::Player(player) = member {
                player.walks = walks;
            }
        }
    }

    /// Lets the relay and all clients act.
    pub fn turn(&mut self) {
        self.relay.turn();
        self.clients.values_mut().for_each(Member::turn);
        self.relay.turn();
        std::thread::sleep(TURN);
    }

    /// Turns until something has happened.
    ///
    /// # Panics
    /// When it does not happen in time.
    pub fn until(&mut self, what: &str, mut happened: impl FnMut(&mut Stage) -> bool) {
        let give_up = Instant::now() + TIMEOUT;
        while !happened(self) {
            assert!(Instant::now() < give_up, "waited {TIMEOUT:?} in vain: {what}");
            self.turn();
        }
    }

    pub fn rest(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.turn();
        }
    }

    /// Starts the server again, with its key and at its address. Kills it first, if it still runs.
    pub fn restart_server(&mut self) {
        self.server.restart();
    }

    /// Asks the server to end, and waits until it has.
    pub fn shut_down_server(&mut self) {
        self.server.signal(Signal::TERM);
        assert!(self.server.ends().success());
    }

    /// Ends all connections, as an operator does.
    pub fn kick_all(&mut self) {
        let socket = self.server.folder.file("admin.sock");
        let kicked = ringshard(&["kick", "127.0.0.1", "--admin-socket", &socket]);
        assert!(kicked.status.success(), "{}", text(&kicked.stderr));
    }

    /// How often an event of METRICS.md has happened.
    pub fn server_events(&self, name: &str) -> u64 {
        let metrics = self.server.admin_client().text("/metrics").expect("the server answers");
        let label = format!("event=\"{name}\"");
        let counts: Vec<u64> = metrics
            .lines()
            .filter(|line| line.contains(&label))
            .map(|line| line.split_whitespace().next_back().expect("a value").parse().expect("a whole number"))
            .collect();
        assert!(!counts.is_empty(), "the server does not count {name}");
        counts.iter().sum()
    }

    /// # Panics
    /// When a client told what no step expected.
    pub fn end(&mut self) {
        for (client, member) in &mut self.clients {
            let unexpected = member.events().unexpected();
            assert!(unexpected.is_empty(), "no step expects of client {client}: {unexpected:?}");
        }
    }

    fn add(&mut self, client: usize, member: Member) {
        assert!(self.clients.insert(client, member).is_none(), "there is a client {client} already");
    }
}

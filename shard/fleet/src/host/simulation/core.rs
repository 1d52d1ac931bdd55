//! A core of a host, as the fleet sees it: players in a world without space, and letters.

use super::client::Client;
use ringshard::runtime::fleet::{FleetPort, FromCore, OwnZones, ToCore, Token};
use ringshard_protocol::crypto::noise::ResumeKey;
use ringshard_protocol::limits::EXPECTED_PERIOD;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::time::Instant;

/// A player in a world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Player {
    /// Which client's.
    pub client: usize,
    pub token: Token,
    /// How often its state has changed. It stands for all that moves with a player.
    pub version: u64,
}

/// What a core reports to the simulation.
#[derive(Debug)]
pub(super) enum Report {
    /// The client of this session is sent to a core of another server.
    Sent { token: Token, address: std::net::SocketAddr, core: usize },
    /// A player has come, with its state.
    Came(Player),
    /// A player has been taken out of the world.
    Taken(Player),
}

pub(super) struct Core {
    port: FleetPort,
    pub players: BTreeMap<u64, Player>,
    expected: BTreeMap<Token, Instant>,
    taken: BTreeSet<Token>,
    pub own: Option<Arc<OwnZones>>,
    next: u64,
}

impl Core {
    pub(super) fn new(port: FleetPort) -> Self {
        let (players, expected, taken) = Default::default();
        Core { port, players, expected, taken, own: None, next: 0 }
    }

    /// A client enters as a newcomer.
    pub(super) fn enter(&mut self, player: Player) {
        self.next += 1;
        self.players.insert(self.next, player);
    }

    /// A client is here beside its other server. Gives whether the core expects it.
    pub(super) fn arrives(&mut self, token: Token) -> bool {
        let is_expected = self.expected.get(&token).is_some_and(|until| Instant::now() < *until);
        if is_expected {
            self.port.say(FromCore::Awaited { token });
        }
        is_expected
    }

    /// Answers the fleet.
    pub(super) fn hear(&mut self, refuses: bool) -> Vec<Report> {
        let mut reports = Vec::new();
        while let Some(letter) = self.port.take() {
            reports.extend(self.answer(letter, refuses));
        }
        reports
    }

    fn answer(&mut self, letter: ToCore, refuses: bool) -> Option<Report> {
        match letter {
            ToCore::Own(own) => self.own = Some(own),
            ToCore::Offer { player } => {
                let key = self.players.get(&player).map(|player| key_of(&player.token));
                self.port.say(FromCore::Key { player, key });
            }
            ToCore::Expect { key } => {
                self.expected.insert(key.token, Instant::now() + EXPECTED_PERIOD);
            }
            ToCore::Forget { token } => {
                self.expected.remove(&token);
            }
            ToCore::Send { player, to } => {
                let player = self.players.get(&player)?;
                return Some(Report::Sent { token: player.token, address: to.address, core: to.core.into() });
            }
            ToCore::Take { token } => {
                let number = self.players.iter().find(|(_, player)| player.token == token).map(|(number, _)| *number);
                let player = number.and_then(|number| self.players.remove(&number));
                self.port.say(FromCore::Taken { token, player: player.map(|player| bytes_of(&player)) });
                let player = player?;
                self.taken.insert(token);
                return Some(Report::Taken(player));
            }
            ToCore::Give { token, player } => {
                let player = player_of(&player);
                assert_eq!(player.token, token, "a core is given another player than the letter names");
                let is_own = self.taken.remove(&token);
                let is_in = is_own || (self.expected.remove(&token).is_some() && !refuses);
                if is_in {
                    let twice = self.players.values().any(|other| other.token == token);
                    assert!(!twice, "a core is given a player that it has");
                    self.enter(player);
                }
                self.port.say(FromCore::Given { token, player: is_in.then_some(self.next) });
                return is_in.then_some(Report::Came(player));
            }
            ToCore::Checkpoints { .. }
            | ToCore::Recalled { .. }
            | ToCore::GainZone { .. }
            | ToCore::SaveZone { .. }
            | ToCore::Release { .. } => panic!("these fleets keep no checkpoints: {letter:?}"),
        }
        None
    }

    /// Says which players are outside of the host's zones.
    pub(super) fn report_outside(&mut self, clients: &[Client]) {
        let Some(own) = &self.own else { return };
        for (number, player) in &self.players {
            let point = clients[player.client].point;
            if clients[player.client].token == player.token && own.excludes(point) && self.port.has_room() {
                self.port.say(FromCore::Outside { player: *number, point });
            }
        }
    }
}

fn key_of(token: &Token) -> ResumeKey {
    let mut bytes = [0; ResumeKey::BYTES];
    bytes[..token.len()].copy_from_slice(token);
    ResumeKey::from_bytes(&bytes)
}

fn bytes_of(player: &Player) -> Vec<u8> {
    let numbers = [(player.client as u64).to_le_bytes(), player.version.to_le_bytes()];
    [&player.token[..], &numbers.concat()].concat()
}

fn player_of(bytes: &[u8]) -> Player {
    let (token, numbers) = bytes.split_first_chunk::<16>().expect("a player begins with its token");
    let number = |at: usize| u64::from_le_bytes(numbers[at..at + 8].try_into().expect("it has eight bytes"));
    Player { client: number(0) as usize, token: *token, version: number(8) }
}

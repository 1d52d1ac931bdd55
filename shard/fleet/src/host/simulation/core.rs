//! A core of a host, as the fleet sees it: players in a world without space, zones with a number as their contents, and letters.

use super::client::Client;
use ringshard::game::AccountId;
use ringshard::runtime::fleet::{
    FleetPort, FromCore, OwnZone, OwnZones, Recall, SavedPart, Stay, StayEnd, ToCore, Token,
};
use ringshard::runtime::tick::TICK;
use ringshard_protocol::crypto::noise::ResumeKey;
use ringshard_protocol::limits::EXPECTED_PERIOD;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A player in a world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Player {
    /// Which client's.
    pub client: usize,
    pub token: Token,
    /// Its account. None: a guest.
    pub account: Option<AccountId>,
    /// Its stay, if it has an account.
    pub stay: Option<Stay>,
    /// How often its state has changed. It stands for all that moves with a player.
    pub version: u64,
}

/// What a core reports to the simulation.
#[derive(Debug)]
pub(super) enum Report {
    /// The client of this session is sent to a core of another server.
    Sent { token: Token, address: std::net::SocketAddr, core: usize },
    /// A client is in the world: with the state of its checkpoint, if it has one.
    Entered { player: Player, is_restored: bool },
    /// A client is not let in, because its account is elsewhere.
    Refused(Player),
    /// A player has been put out, because its account has entered elsewhere.
    PutOut(Player),
    /// A player has come, with its state.
    Came(Player),
    /// A player has been taken out of the world.
    Taken(Player),
    /// The core has got a zone, with these contents.
    Gained { zone: String, contents: u64 },
}

pub(super) struct Core {
    port: FleetPort,
    pub players: BTreeMap<u64, Player>,
    /// Clients that wait for their checkpoint.
    entering: BTreeMap<u64, Player>,
    /// Time between two checkpoints of a player. None: none are kept.
    every: Option<Duration>,
    /// When the next checkpoint of a player is due.
    due: BTreeMap<u64, Instant>,
    expected: BTreeMap<Token, Instant>,
    taken: BTreeSet<Token>,
    /// Zones that the core has got, and what it has of each: a number that grows.
    pub zones: BTreeMap<String, u64>,
    /// Those that it saves when it ends.
    here: Arc<[Arc<OwnZone>]>,
    pub own: Option<Arc<OwnZones>>,
    next: u64,
}

impl Core {
    pub(super) fn new(port: FleetPort) -> Self {
        let (players, entering, due) = Default::default();
        let (expected, taken, zones, here) = Default::default();
        Core { port, players, entering, every: None, due, expected, taken, zones, here, own: None, next: 0 }
    }

    /// A client wants to enter. Gives whether it is in the world at once: one with an account waits for its checkpoint.
    pub(super) fn enter(&mut self, player: Player) -> bool {
        let Some(account) = player.account else {
            self.add(player);
            return true;
        };
        self.next += 1;
        self.entering.insert(self.next, player);
        self.port.say(FromCore::Enters { player: self.next, account });
        false
    }

    fn add(&mut self, player: Player) {
        self.next += 1;
        self.players.insert(self.next, player);
    }

    /// The session of a player is over, because its client is gone.
    pub(super) fn end(&mut self, number: u64) {
        let player = self.players.remove(&number);
        if let Some(Player { account: Some(account), stay: Some(stay), .. }) = player {
            self.port.say(FromCore::Ended { player: number, account, stay, end: StayEnd::Left });
        }
    }

    /// Ends in order, and says what it has at last. Gives its players.
    pub(super) fn end_in_order(mut self) -> Vec<Player> {
        let players: Vec<Player> = self.players.values().copied().collect();
        for (number, player) in std::mem::take(&mut self.players) {
            let (Some(account), Some(stay)) = (player.account, player.stay) else { continue };
            let end = StayEnd::Released(Some(bytes_of(&player)));
            self.port.say(FromCore::Ended { player: number, account, stay, end });
        }
        let part = |zone: &Arc<OwnZone>| {
            let contents = self.zones.get(&zone.name).copied().unwrap_or_default();
            SavedPart { zone: zone.clone(), bytes: contents.to_le_bytes().to_vec() }
        };
        let zones = self.here.iter().map(part).collect();
        self.port.say(FromCore::Ends { zones });
        players
    }

    /// Makes the checkpoints that are due.
    pub(super) fn make_checkpoints(&mut self) {
        let (now, Some(every)) = (Instant::now(), self.every) else { return };
        self.due.retain(|number, _| self.players.contains_key(number));
        for (number, player) in &self.players {
            let (Some(account), Some(stay)) = (player.account, player.stay) else { continue };
            let due = self.due.entry(*number).or_insert(now);
            if *due <= now && self.port.has_room() {
                *due = now + every;
                let state = bytes_of(player);
                self.port.say(FromCore::Checkpoint { player: *number, account, stay, state });
            }
        }
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
    pub(super) fn hear(&mut self, refuses: bool, clients: &[Client]) -> Vec<Report> {
        let mut reports = Vec::new();
        while let Some(letter) = self.port.take() {
            reports.extend(self.answer(letter, refuses, clients));
        }
        reports
    }

    fn answer(&mut self, letter: ToCore, refuses: bool, clients: &[Client]) -> Option<Report> {
        match letter {
            ToCore::Own(own) => self.own = Some(own),
            ToCore::Offer { player } => {
                let key = self.players.get(&player).map(|player| key_of(&player.token));
                self.port.say(FromCore::Key { player, key, gateway: None });
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
                if let (Some(account), Some(stay)) = (player.account, player.stay) {
                    let player = number.expect("it was found");
                    self.port.say(FromCore::Ended { player, account, stay, end: StayEnd::Kept });
                }
                self.taken.insert(token);
                return Some(Report::Taken(player));
            }
            ToCore::Give { token, player, is_own } => {
                let mut player = player_of(&player);
                if let Some(stay) = &mut player.stay {
                    stay.moves += if is_own { 2 } else { 1 };
                }
                assert_eq!(player.token, token, "a core is given another player than the letter names");
                let was_taken = self.taken.remove(&token);
                assert!(was_taken || !is_own, "only what was taken here comes back");
                let is_in = is_own || (self.expected.remove(&token).is_some() && !refuses);
                if is_in {
                    let twice = self.players.values().any(|other| other.token == token);
                    assert!(!twice, "a core is given a player that it has");
                    self.add(player);
                }
                self.port.say(FromCore::Given { token, player: is_in.then_some(self.next) });
                return is_in.then_some(Report::Came(player));
            }
            ToCore::Checkpoints { ticks } => self.every = (ticks > 0).then_some(TICK * ticks),
            ToCore::Recalled { player, recall } => return self.recalled(player, recall, clients),
            ToCore::Release { player: number } => {
                let player = self.players.remove(&number)?;
                let (account, stay) = (player.account?, player.stay?);
                let end = StayEnd::Released(Some(bytes_of(&player)));
                self.port.say(FromCore::Ended { player: number, account, stay, end });
                return Some(Report::PutOut(player));
            }
            ToCore::GainZone { zone, saved } => {
                let of = |share: Vec<u8>| u64::from_le_bytes(share.try_into().expect("a number of eight bytes"));
                let (zone, contents) = (zone.name.clone(), saved.into_iter().map(of).sum());
                let former = self.zones.insert(zone.clone(), contents);
                assert!(former.is_none(), "a core gets zone {zone} twice");
                return Some(Report::Gained { zone, contents });
            }
            ToCore::Zones(zones) => self.here = zones,
            ToCore::SaveZone { request, zone, is_lost } => {
                // Of a zone that was split, the other part begins to count.
                let contents = *self.zones.entry(zone.name.clone()).or_default();
                if is_lost {
                    self.zones.remove(&zone.name);
                }
                self.port.say(FromCore::ZoneSaved { request, bytes: contents.to_le_bytes().to_vec() });
            }
        }
        None
    }

    fn recalled(&mut self, number: u64, recall: Recall, clients: &[Client]) -> Option<Report> {
        let mut player = self.entering.remove(&number).expect("the fleet answers once");
        let is_waiting = clients[player.client].token == player.token;
        match recall {
            Recall::Refuse => is_waiting.then_some(Report::Refused(player)),
            Recall::Enter { stay, .. } if !is_waiting => {
                let account = player.account.expect("who waits has an account");
                self.port.say(FromCore::Ended { player: number, account, stay, end: StayEnd::Kept });
                None
            }
            Recall::Enter { stay, state } => {
                let state = state.map(|state| player_of(&state));
                let is_restored = state.is_some();
                player.version = state.map_or(0, |state| state.version);
                player.stay = Some(stay);
                self.players.insert(number, player);
                Some(Report::Entered { player, is_restored })
            }
        }
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
    let account = player.account.map_or(0, |account| account.0);
    let Stay { number, moves } = player.stay.unwrap_or(Stay { number: 0, moves: 0 });
    let numbers = [player.client as u64, player.version, account, number, u64::from(moves)].map(u64::to_le_bytes);
    [&player.token[..], &numbers.concat()].concat()
}

fn player_of(bytes: &[u8]) -> Player {
    let (token, numbers) = bytes.split_first_chunk::<16>().expect("a player begins with its token");
    let number = |at: usize| u64::from_le_bytes(numbers[at..at + 8].try_into().expect("it has eight bytes"));
    let stay = Some(Stay { number: number(24), moves: number(32) as u32 }).filter(|stay| stay.number != 0);
    let account = Some(AccountId(number(16))).filter(|account| account.0 != 0);
    Player { client: number(0) as usize, token: *token, account, stay, version: number(8) }
}

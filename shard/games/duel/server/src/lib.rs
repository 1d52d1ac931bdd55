//! The server of the duel: it puts players together into matches, and passes on what the matches send.

use ringshard::game::{Admission, Channel, Game, LeaveReason, NoJob, PlayerId, Reply, Shard, To, Visitor};
use ringshard_duel_rules::{Answer, Ask, DuelRules, Event, Input, Own, Ring, start};
use ringshard_rollback::{Match, MatchConfig, MatchStats, SEATS_MAX, SEATS_MIN};
use std::collections::BTreeMap;

ringshard_world::wire! {
    /// Entities do nothing to each other: there are none.
    pub enum Command { Nothing }
}

/// A match of this core.
type Duel = Match<DuelRules, PlayerId>;

/// The duels of one core.
pub struct Duels {
    config: MatchConfig,
    /// The matches by number.
    matches: BTreeMap<u16, Duel>,
    /// In which match a player is.
    players: BTreeMap<PlayerId, u16>,
    /// Players without a match, and how many seats their match shall have. Who waits longest is first.
    waiting: Vec<(PlayerId, usize)>,
    next: u16,
    /// Matches that are over.
    past: MatchStats,
}

impl Duels {
    /// No players yet.
    pub fn new(config: MatchConfig) -> Self {
        Duels {
            config,
            matches: BTreeMap::new(),
            players: BTreeMap::new(),
            waiting: Vec::new(),
            next: 1,
            past: MatchStats::default(),
        }
    }

    /// The match of a player.
    pub fn match_of(&self, player: PlayerId) -> Option<&Duel> {
        self.matches.get(self.players.get(&player)?)
    }

    fn match_of_mut(&mut self, player: PlayerId) -> Option<&mut Duel> {
        self.matches.get_mut(self.players.get(&player)?)
    }

    /// The state of the match with this number.
    pub fn state(&self, number: u16) -> Option<&Ring> {
        self.matches.get(&number)?.state()
    }

    /// What all matches did, those that are over included.
    pub fn stats(&self) -> MatchStats {
        let mut sum = self.past;
        self.matches.values().for_each(|duel| sum.add(duel.stats()));
        sum
    }

    /// Gives those who wait a seat that was left, or a match of their own. A player whose client is silent keeps its place in
    /// the queue: in a match, the others would play against nobody.
    fn seat_players(&mut self, shard: &Shard<Self>) {
        let Duels { matches, players, waiting, .. } = self;
        waiting.retain(|&(player, seats)| {
            if !shard.is_connected(player) {
                return true;
            }
            let duel = matches.iter_mut().find(|(_, duel)| duel.seats() == seats && duel.players().count() < seats);
            let seat = duel.and_then(|(&number, duel)| duel.enter(player).map(|_| number));
            seat.inspect(|&number| _ = players.insert(player, number)).is_none()
        });
        for seats in SEATS_MIN..=SEATS_MAX {
            while self.waiting.iter().filter(|waits| plays(shard, waits, seats)).count() >= seats {
                self.begin(shard, seats);
            }
        }
    }

    fn begin(&mut self, shard: &Shard<Self>, seats: usize) {
        let mut together = Vec::new();
        self.waiting.retain(|waits| {
            let joins = together.len() < seats && plays(shard, waits, seats);
            together.extend(joins.then_some(waits.0));
            !joins
        });
        while self.matches.contains_key(&self.next) {
            self.next = self.next.wrapping_add(1);
        }
        let number = self.next;
        self.next = number.wrapping_add(1);
        self.players.extend(together.iter().map(|&player| (player, number)));
        let duel = Match::begin(DuelRules, number, shard.tick(), start(), &together, self.config);
        self.matches.insert(number, duel);
    }

    fn leave_match(&mut self, player: PlayerId) {
        self.waiting.retain(|&(waiting, _)| waiting != player);
        let Some(number) = self.players.remove(&player) else { return };
        let Some(duel) = self.matches.get_mut(&number) else { return };
        duel.leave(player);
        if duel.players().next().is_none() {
            self.past.add(duel.stats());
            self.matches.remove(&number);
        }
    }
}

/// Whether a player that waits can begin a match of so many seats now.
fn plays(shard: &Shard<Duels>, &(player, wanted): &(PlayerId, usize), seats: usize) -> bool {
    wanted == seats && shard.is_connected(player)
}

impl Game for Duels {
    type Rules = DuelRules;
    type Command = Command;
    type Job = NoJob;
    type Done = NoJob;

    fn rules(&self) -> &DuelRules {
        &DuelRules
    }

    /// The ticket says how many seats the match shall have: `2` to `8`.
    fn join(&mut self, shard: &mut Shard<Self>, player: PlayerId, visitor: Visitor<'_>) -> Admission {
        let seats = std::str::from_utf8(visitor.name()).ok().and_then(|seats| seats.parse().ok());
        let Some(seats) = seats.filter(|seats| (SEATS_MIN..=SEATS_MAX).contains(seats)) else {
            return Admission::Refused(0);
        };
        shard.control(player, None, Own {});
        self.waiting.push((player, seats));
        Admission::Accepted
    }

    fn leave(&mut self, _shard: &mut Shard<Self>, player: PlayerId, _reason: LeaveReason) -> u32 {
        self.leave_match(player);
        0
    }

    fn suspended(&mut self, _shard: &mut Shard<Self>, player: PlayerId) {
        if let Some(duel) = self.match_of_mut(player) {
            duel.suspended(player);
        }
    }

    fn resumed(&mut self, _shard: &mut Shard<Self>, player: PlayerId) {
        if let Some(duel) = self.match_of_mut(player) {
            duel.resumed(player);
        }
    }

    fn stepped(&mut self, _shard: &mut Shard<Self>, player: PlayerId, input: &Input) {
        if let Some(duel) = self.match_of_mut(player) {
            duel.taken(player, input);
        }
    }

    fn event(&mut self, shard: &mut Shard<Self>, player: PlayerId, Event::Match { packet }: Event) {
        if let Some(duel) = self.match_of_mut(player)
            && let Err(refused) = duel.report(player, &packet)
        {
            shard.refuse(player, refused.reason());
        }
    }

    fn ask(&mut self, shard: &mut Shard<Self>, _player: PlayerId, Ask::Nothing: Ask, reply: Reply) {
        shard.reply(reply, &Answer::Nothing);
    }

    fn tick(&mut self, shard: &mut Shard<Self>) {
        let tick = shard.tick();
        for duel in self.matches.values_mut() {
            duel.tick(tick, |player, channel: Channel, packet| {
                let _ = shard.tell(To::Player(player), channel, &Event::Match { packet });
            });
        }
        if !self.waiting.is_empty() {
            self.seat_players(shard);
        }
    }
}

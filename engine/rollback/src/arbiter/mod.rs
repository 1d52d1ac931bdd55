//! The server's half of a match.

mod checks;
mod history;

use crate::digest::Encoder;
use crate::messages::{Body, Content, Difference, Report, StatePart, lost_packet};
use crate::packet::Packet;
use crate::ticks::extend;
use crate::together::{Inputs, SEATS_MIN, Together, check, normalised};
use checks::{Checks, Outcome};
use history::History;
use ringshard_protocol::wire::Channel;
use ringshard_world::Refusal;

/// Reports of one player that are read per tick. A client makes one in three ticks; after an outage, some arrive at once.
const REPORTS_PER_TICK: u8 = 8;
/// A player gets no second state for so many ticks.
const STATE_EVERY_TICKS: u64 = 120;
/// A player whose client does not say that it has the state gets none for so many ticks: the first one is still under way.
const STATE_AGAIN_TICKS: u64 = 1_200;

/// Fewest ticks from one compared digest to the next: clients that are [`HISTORY`](crate::HISTORY) ticks behind are compared,
/// too.
pub const CHECK_EVERY_MIN: u8 = 16;
const _: () = assert!(checks::KEPT * CHECK_EVERY_MIN as usize >= crate::ticks::HISTORY);

/// How a server runs a match.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MatchConfig {
    /// Ticks from one compared digest to the next, at least [`CHECK_EVERY_MIN`].
    pub check_every: u8,
    /// Whether the server steps the match, too. Then its state is the right one: a client whose state differs, or that was
    /// away, gets it, and players can come later. Otherwise the server only passes inputs on, and compares the clients'
    /// states with each other.
    pub is_stepped: bool,
}

impl Default for MatchConfig {
    /// Twice a second; the server steps the match.
    fn default() -> Self {
        MatchConfig { check_every: 30, is_stepped: true }
    }
}

/// Why a report is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// The sender does not play in this match.
    #[error("not a player of this match")]
    Stranger,
    /// More reports in a tick than a client makes.
    #[error("too many reports")]
    Flood,
    /// No report, or one that says what cannot be.
    #[error("not a report that a client of this match makes")]
    Forged,
}

impl Refused {
    /// The reason to count it under.
    pub fn reason(self) -> Refusal {
        match self {
            Refused::Flood => Refusal::Flood,
            Refused::Stranger | Refused::Forged => Refusal::Game,
        }
    }
}

ringshard_protocol::counters! {
    /// What a match did so far.
    MatchStats {
        /// Ticks of the match.
        ticks,
        /// Packets of inputs that were sent.
        relays,
        /// Bytes of their content.
        relay_bytes,
        /// Reports that were read.
        reports,
        /// Reports that were refused.
        reports_refused,
        /// Digests that agreed.
        digests_agreed,
        /// Differences that were found.
        differences,
        /// States that were sent.
        states,
        /// Players that were away for too long, and could not be given a state.
        lost,
    }
}

/// A state that a player was given.
#[derive(Clone, Copy)]
struct Given {
    /// The tick of the state.
    tick: u64,
    /// The tick in which it was given.
    at: u64,
    /// The client has since said that it has as much.
    is_answered: bool,
}

impl Given {
    /// Whether another state may follow now.
    fn is_past(&self, now: u64) -> bool {
        now - self.at >= if self.is_answered { STATE_EVERY_TICKS } else { STATE_AGAIN_TICKS }
    }
}

/// A player of the match.
struct Member<P> {
    player: P,
    /// Its client is there.
    is_connected: bool,
    /// It needs the state of the match.
    needs_state: bool,
    /// It was told that it cannot go on.
    is_lost: bool,
    /// The last state that it was given.
    state: Option<Given>,
    /// Its client has the inputs of all ticks up to this one.
    confirmed: u64,
    /// The tick from which inputs that do not fit the first packet are sent next.
    cursor: u64,
    reports_left: u8,
    difference: Option<Difference>,
}

/// The server's half of a match of 2 to 8 players of one core: it passes on the inputs that the server took, which are the
/// same for all, and compares what the clients make of them. `P` names a player, for example `PlayerId`.
///
/// It allocates when it begins, and not after that.
pub struct Match<T: Together, P> {
    rules: T,
    number: u16,
    config: MatchConfig,
    members: Vec<Option<Member<P>>>,
    neutral: T::Input,
    /// The inputs of the tick that runs.
    taken: Inputs<T::Input>,
    history: History<T::Input>,
    /// The state that the server can give, and its tick: the present one if the server steps, otherwise the first one.
    state: T::State,
    state_tick: u64,
    checks: Checks,
    encoder: Encoder,
    stats: MatchStats,
}

impl<T: Together, P: Copy + PartialEq> Match<T, P> {
    /// Begins a match with `state`, which is the state after `tick`: the next tick is the first that players step. The
    /// players have the seats 0, 1 and so on. Their clients are connected: for one that is not, call [`Self::suspended`] next.
    /// `number` tells the match from others that its players were in or will be in.
    ///
    /// # Panics
    /// When there are fewer than 2 players or more than [`Together::SEATS`], a player is named twice, or `check_every` is
    /// less than [`CHECK_EVERY_MIN`].
    pub fn begin(rules: T, number: u16, tick: u64, state: T::State, players: &[P], config: MatchConfig) -> Self {
        const { check::<T>() };
        assert!((SEATS_MIN..=T::SEATS).contains(&players.len()), "a match begins with 2 to {} players", T::SEATS);
        assert!(
            config.check_every >= CHECK_EVERY_MIN,
            "from one check to the next are {CHECK_EVERY_MIN} ticks or more"
        );
        let twice = players.iter().enumerate().any(|(at, player)| players[..at].contains(player));
        assert!(!twice, "a player has one seat");
        let neutral = normalised(&rules.neutral());
        let blank = Inputs::neutral(neutral, players.len(), 0);
        Match {
            number,
            config,
            members: players.iter().map(|&player| Some(Member::new(player, tick))).collect(),
            neutral,
            taken: blank,
            history: History::new(tick, blank),
            state,
            state_tick: tick,
            checks: Checks::new(config.check_every),
            encoder: Encoder::new::<T::State>(),
            stats: MatchStats::default(),
            rules,
        }
    }

    /// The server has taken this input of a player for the tick that runs: call it from `Game::stepped`. False if the player
    /// is not in this match.
    pub fn taken(&mut self, player: P, input: &T::Input) -> bool {
        let Some(seat) = self.seat(player) else { return false };
        self.taken.set(seat, normalised(input));
        true
    }

    /// Ends the tick: call it from `Game::tick`, once per tick, after all players have stepped. It calls `send` for each
    /// packet that a player is to get.
    ///
    /// # Panics
    /// When `tick` does not follow the tick of the last call, or of [`Self::begin`].
    pub fn tick(&mut self, tick: u64, mut send: impl FnMut(P, Channel, Packet)) {
        assert_eq!(tick, self.history.newest + 1, "the game calls a match in every tick");
        let present = self.present();
        let mut inputs = Inputs::neutral(self.neutral, self.members.len(), present);
        (0..self.members.len())
            .filter(|seat| present & 1 << seat != 0)
            .for_each(|seat| inputs.set(seat, *self.taken.of(seat)));
        self.taken = Inputs::neutral(self.neutral, self.members.len(), 0);
        self.history.push(inputs);
        self.stats.ticks += 1;
        if self.config.is_stepped {
            self.rules.step_together(&mut self.state, &inputs);
            self.state_tick = tick;
        }
        if self.checks.is_checked(tick) {
            let reference = self.config.is_stepped.then(|| self.encoder.digest(&self.state));
            self.checks.begin(tick, reference);
        }
        for seat in 0..self.members.len() {
            self.serve(seat, present, &mut send);
        }
    }

    /// Sends a player what it needs in this tick.
    fn serve(&mut self, seat: usize, present: u8, send: &mut impl FnMut(P, Channel, Packet)) {
        let Match { members, history, number, stats, .. } = self;
        let Some(member) = &mut members[seat] else { return };
        member.reports_left = REPORTS_PER_TICK;
        if !member.is_connected || member.is_lost {
            return;
        }
        let player = member.player;
        if let Some(difference) = member.difference.take() {
            send(player, Channel::RELIABLE_ORDERED, difference.packet(*number));
        }
        member.needs_state |= !history.reaches(member.confirmed);
        if member.needs_state && !history.reaches(self.state_tick) {
            member.is_lost = true;
            stats.lost += 1;
            return send(player, Channel::RELIABLE_ORDERED, lost_packet(*number));
        }
        let newest = history.newest;
        if member.needs_state && member.state.is_none_or(|given| given.is_past(newest)) {
            member.needs_state = false;
            member.state = Some(Given { tick: self.state_tick, at: newest, is_answered: false });
            member.confirmed = self.state_tick;
            stats.states += 1;
            self.send_state(player, seat, present, send);
        }
        self.relay(seat, send);
    }

    fn send_state(&mut self, player: P, seat: usize, present: u8, send: &mut impl FnMut(P, Channel, Packet)) {
        let bytes = self.encoder.bytes(&self.state);
        let part = StatePart {
            seat: seat as u8,
            seats: self.members.len() as u8,
            present,
            check_every: self.config.check_every,
            tick: self.state_tick as u32,
            len: bytes.len() as u32,
            at: 0,
            bytes: &[],
        };
        // An empty state has a part, too.
        for at in (0..bytes.len().max(1)).step_by(StatePart::BYTES_MAX) {
            let end = bytes.len().min(at + StatePart::BYTES_MAX);
            let part = StatePart { at: at as u32, bytes: &bytes[at..end], ..part };
            send(player, Channel::RELIABLE_ORDERED, part.packet(self.number));
        }
    }

    /// Sends the inputs that a client does not have yet: the newest that fit a packet and, if some are older, a packet of
    /// those, in turn.
    fn relay(&mut self, seat: usize, send: &mut impl FnMut(P, Channel, Packet)) {
        let Match { members, history, number, stats, .. } = self;
        let Some(member) = &mut members[seat] else { return };
        let from = member.confirmed + 1;
        if from > history.newest || !history.reaches(member.confirmed) {
            return;
        }
        let mut relay = |first, last| {
            let packet = history.packet(*number, first, last);
            stats.relays += 1;
            stats.relay_bytes += packet.content().len() as u64;
            send(member.player, Channel::UNRELIABLE, packet);
        };
        let first = history.newest_that_fit(from);
        relay(first, history.newest);
        if first > from {
            if !(from..first).contains(&member.cursor) {
                member.cursor = from;
            }
            let last = history.oldest_that_fit(member.cursor, first - 1);
            relay(member.cursor, last);
            member.cursor = last + 1;
        }
    }

    /// Takes a packet of a player: call it from `Game::event`. Gives the difference that its digest has shown, if any. The
    /// server tells both players.
    ///
    /// # Errors
    /// [`Refused`]: nothing has changed. A client can say what it likes; it harms itself at most.
    pub fn report(&mut self, player: P, packet: &Packet) -> Result<Option<Difference>, Refused> {
        let taken = self.take_report(player, packet);
        match taken {
            Ok(difference) => {
                self.stats.reports += 1;
                self.stats.differences += u64::from(difference.is_some());
            }
            Err(_) => self.stats.reports_refused += 1,
        }
        taken
    }

    fn take_report(&mut self, player: P, packet: &Packet) -> Result<Option<Difference>, Refused> {
        let seat = self.seat(player).ok_or(Refused::Stranger)?;
        let newest = self.history.newest;
        let member = self.members[seat].as_mut().expect("a player has its seat");
        member.reports_left = member.reports_left.checked_sub(1).ok_or(Refused::Flood)?;
        let Ok(Content { number, body: Body::Report(report) }) = Content::read(packet) else {
            return Err(Refused::Forged);
        };
        if number != self.number {
            // It was under way when this match began.
            return Ok(None);
        }
        let Report { confirmed, check } = report;
        let confirmed = extend(confirmed, newest);
        let check = check.map(|(tick, digest)| (extend(tick, newest), digest));
        let is_possible = |(tick, _)| tick <= confirmed && self.checks.is_checked(tick);
        if confirmed > newest || !check.is_none_or(is_possible) {
            return Err(Refused::Forged);
        }
        // Reports can overtake each other.
        member.confirmed = member.confirmed.max(confirmed);
        let Some(given) = &mut member.state else { return Ok(None) };
        given.is_answered |= confirmed >= given.tick;
        // Of the time before its state, a client may say what it likes.
        let check = check.filter(|&(tick, _)| tick > given.tick);
        let Some((tick, digest)) = check else { return Ok(None) };
        match self.checks.note(tick, seat, digest) {
            Outcome::Nothing => Ok(None),
            Outcome::Agrees => {
                self.stats.digests_agreed += 1;
                member.needs_state = false;
                Ok(None)
            }
            Outcome::Differs(difference) => {
                self.differ(difference);
                Ok(Some(difference))
            }
            Outcome::Contradicts => Err(Refused::Forged),
        }
    }

    /// Tells those concerned. If the server is one of them, it gives the other its state.
    fn differ(&mut self, difference: Difference) {
        let concerned = difference.from | 1 << difference.seat;
        let members = self.members.iter_mut().enumerate().filter(|(seat, _)| concerned & 1 << seat != 0);
        for member in members.filter_map(|(_, member)| member.as_mut()) {
            member.difference.get_or_insert(difference);
            member.needs_state |= difference.is_from_server();
        }
    }

    /// A player, whose client is connected, takes the first free seat, and gets the state of the match. None, and nothing is
    /// done, if all seats are taken, the player has one already, or the server does not step the match.
    pub fn enter(&mut self, player: P) -> Option<usize> {
        if !self.config.is_stepped || self.seat(player).is_some() {
            return None;
        }
        let seat = self.members.iter().position(Option::is_none)?;
        self.members[seat] = Some(Member::new(player, self.history.newest));
        self.checks.forget(seat);
        Some(seat)
    }

    /// A player leaves the match for good: its seat is empty from this tick on. Gives the seat that it had.
    pub fn leave(&mut self, player: P) -> Option<usize> {
        let seat = self.seat(player)?;
        self.members[seat] = None;
        Some(seat)
    }

    /// A player's client has fallen silent: it keeps its seat. Call it from `Game::suspended`.
    pub fn suspended(&mut self, player: P) {
        self.connect(player, false);
    }

    /// The client of a player is back: it gets the inputs that it missed, or the state. Call it from `Game::resumed`.
    pub fn resumed(&mut self, player: P) {
        self.connect(player, true);
    }

    fn connect(&mut self, player: P, is_connected: bool) {
        let member = self.members.iter_mut().flatten().find(|member| member.player == player);
        if let Some(member) = member {
            member.is_connected = is_connected;
        }
    }

    /// The seat of a player.
    pub fn seat(&self, player: P) -> Option<usize> {
        self.members.iter().position(|member| member.as_ref().is_some_and(|member| member.player == player))
    }

    /// The players, with their seats.
    pub fn players(&self) -> impl Iterator<Item = (usize, P)> + '_ {
        self.members.iter().enumerate().filter_map(|(seat, member)| Some((seat, member.as_ref()?.player)))
    }

    /// Seats of the match.
    pub fn seats(&self) -> usize {
        self.members.len()
    }

    /// A bit for each seat that a player has.
    fn present(&self) -> u8 {
        self.players().fold(0, |present, (seat, _)| present | 1 << seat)
    }

    /// Whether a player was away for so long that it cannot go on, and there is no state to give. The game may put it out.
    pub fn is_lost(&self, player: P) -> bool {
        self.members.iter().flatten().any(|member| member.player == player && member.is_lost)
    }

    /// The server's state, after the last tick; None if the server does not step the match.
    pub fn state(&self) -> Option<&T::State> {
        self.config.is_stepped.then_some(&self.state)
    }

    /// The number of the match.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// What happened so far.
    pub fn stats(&self) -> &MatchStats {
        &self.stats
    }
}

impl<P> Member<P> {
    fn new(player: P, tick: u64) -> Self {
        Member {
            player,
            is_connected: true,
            needs_state: true,
            is_lost: false,
            state: None,
            confirmed: tick,
            cursor: tick,
            reports_left: REPORTS_PER_TICK,
            difference: None,
        }
    }
}

impl<T: Together, P: Copy + PartialEq> std::fmt::Debug for Match<T, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("Match");
        debug.field("number", &self.number).field("seats", &self.seats()).field("stats", &self.stats);
        debug.finish_non_exhaustive()
    }
}

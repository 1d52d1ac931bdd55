//! Moves away from this host.

use super::{CourierCounters, Destination, MOVES_MAX, MoveId, Note, Output, PLAYER_BYTES_MAX, Peer, Refusal};
use crate::model::RunId;
use ringshard::runtime::fleet::{ToCore, Token};
use ringshard_protocol::crypto::noise::ResumeKey;
use ringshard_protocol::limits::EXPECTED_PERIOD;
use ringshard_world::messages::ChangeServer;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

/// Time between two copies of a note that was not answered.
const REPEAT: Duration = Duration::from_millis(250);
/// How long a target may take to say whether the player may come.
const ASK_PATIENCE: Duration = Duration::from_secs(3);
/// How long a client may take to get to the target: the target expects it no longer.
const CLIENT_PATIENCE: Duration = EXPECTED_PERIOD.saturating_add(Duration::from_secs(2));
/// A target that has not said for so long whether it took a player may be gone.
const DOUBT: Duration = Duration::from_secs(5);
/// A player that has moved, or could not, stays for so long: else one that walks along a border would move all the time.
const REST: Duration = Duration::from_secs(3);

/// A player of this host.
type Player = (usize, u64);

/// All moves away from this host.
#[derive(Debug)]
pub(super) struct Leavings {
    run: RunId,
    /// Moves that have begun.
    begun: u64,
    moves: BTreeMap<MoveId, Leaving>,
    players: HashMap<Player, MoveId>,
    tokens: HashMap<Token, MoveId>,
    /// Until when a player stays.
    resting: HashMap<Player, Duration>,
}

#[derive(Debug)]
struct Leaving {
    core: usize,
    player: u64,
    to: Destination,
    token: Option<Token>,
    /// The name of the key of the gateway that the client is behind.
    gateway: Option<u64>,
    phase: Phase,
    /// When the phase began.
    since: Duration,
    /// When a note or a question is repeated.
    repeat_at: Duration,
}

#[derive(Debug)]
enum Phase {
    /// The core is asked for the key of the session.
    Offered,
    /// The target is asked whether the player may come.
    Asking { ask: Note },
    /// The client is on its way.
    Sent,
    /// The core takes the player out of its world.
    Taking,
    /// The target is given the player, which is in no world.
    Giving { player: Note },
    /// The core takes its player back.
    Returning,
}

impl Leavings {
    pub(super) fn new(run: RunId) -> Self {
        let (moves, players, tokens, resting) = Default::default();
        Leavings { run, begun: 0, moves, players, tokens, resting }
    }

    pub(super) fn len(&self) -> usize {
        self.moves.len()
    }

    pub(super) fn giving(&self) -> usize {
        self.moves.values().filter(|leaving| matches!(leaving.phase, Phase::Giving { .. })).count()
    }

    pub(super) fn longest_wait(&self, now: Duration) -> Duration {
        self.moves.values().map(|leaving| now - leaving.since).max().unwrap_or_default()
    }

    /// Whether this session moves away.
    pub(super) fn has(&self, token: &Token) -> bool {
        self.tokens.contains_key(token)
    }

    pub(super) fn begin(
        &mut self,
        now: Duration,
        core: usize,
        player: u64,
        to: &Destination,
        out: &mut VecDeque<Output>,
    ) -> bool {
        let rests = self.resting.get(&(core, player)).is_some_and(|until| now < *until);
        if rests || self.moves.len() == MOVES_MAX || self.players.contains_key(&(core, player)) {
            return false;
        }
        let id = MoveId { source: self.run.0, number: self.begun };
        self.begun += 1;
        self.players.insert((core, player), id);
        let to = to.clone();
        let leaving =
            Leaving { core, player, to, token: None, gateway: None, phase: Phase::Offered, since: now, repeat_at: now };
        self.moves.insert(id, leaving);
        out.push_back(Output::ToCore(core, ToCore::Offer { player }));
        true
    }

    /// This player stays for a while.
    pub(super) fn rest(&mut self, now: Duration, core: usize, player: u64) {
        self.resting.insert((core, player), now + REST);
    }

    pub(super) fn key(
        &mut self,
        now: Duration,
        core: usize,
        player: u64,
        client: Option<(ResumeKey, Option<u64>)>,
        contract: &str,
        out: &mut VecDeque<Output>,
    ) {
        let Some(&id) = self.players.get(&(core, player)) else { return };
        let Some(leaving) = self.moves.get_mut(&id).filter(|leaving| matches!(leaving.phase, Phase::Offered)) else {
            return;
        };
        // Without a key it is no longer in the world. Two moves of one session cannot be: it is in one world.
        let Some((key, gateway)) = client.filter(|(key, _)| !self.tokens.contains_key(&key.token)) else {
            return self.end(now, id);
        };
        (leaving.token, leaving.gateway) = (Some(key.token), gateway);
        self.tokens.insert(key.token, id);
        let ask = Note::Ask { key: key.to_bytes().to_vec(), contract: contract.to_owned() };
        out.push_back(Output::ToHost(leaving.to.peer.clone(), id, ask.clone()));
        leaving.enter(now, Phase::Asking { ask });
    }

    pub(super) fn welcome(&mut self, now: Duration, from: &Peer, id: MoveId, core: u8, out: &mut VecDeque<Output>) {
        let Some(leaving) = self.at(from, id) else {
            // It was given up meanwhile.
            return out.push_back(Output::ToHost(from.clone(), id, Note::Over));
        };
        if !matches!(leaving.phase, Phase::Asking { .. }) {
            return;
        }
        let Leaving { core: at, player, gateway, .. } = *leaving;
        let to = ChangeServer { core, key: leaving.to.key, address: leaving.to.address };
        out.push_back(Output::Send { core: at, player, to, host: leaving.to.peer.name.clone(), gateway });
        leaving.enter(now, Phase::Sent);
    }

    pub(super) fn here(&mut self, now: Duration, from: &Peer, id: MoveId, out: &mut VecDeque<Output>) {
        let Some(leaving) = self.at(from, id) else {
            // The target must not wait for a player that does not come.
            return out.push_back(Output::ToHost(from.clone(), id, Note::Over));
        };
        if matches!(leaving.phase, Phase::Sent) {
            let token = leaving.token.expect("the client was sent with a key");
            out.push_back(Output::ToCore(leaving.core, ToCore::Take { token }));
            leaving.enter(now, Phase::Taking);
        }
    }

    pub(super) fn taken(
        &mut self,
        now: Duration,
        core: usize,
        token: &Token,
        player: Option<Vec<u8>>,
        out: &mut VecDeque<Output>,
    ) {
        let Some(&id) = self.tokens.get(token) else { return };
        let leaving = self.moves.get_mut(&id).expect("a token names a move");
        if leaving.core != core || !matches!(leaving.phase, Phase::Taking) {
            return;
        }
        let to = leaving.to.peer.clone();
        let Some(player) = player else {
            out.push_back(Output::ToHost(to, id, Note::Over));
            return self.end(now, id);
        };
        let is_short = player.len() <= PLAYER_BYTES_MAX;
        let player = Note::Player(player);
        if is_short {
            out.push_back(Output::ToHost(to, id, player.clone()));
        }
        leaving.enter(now, Phase::Giving { player });
        if !is_short {
            tracing::warn!(host = %leaving.to.peer.name, "a player stays, because too much waits for its client");
            leaving.give_back(now, out);
        }
    }

    pub(super) fn took(
        &mut self,
        now: Duration,
        from: &Peer,
        id: MoveId,
        out: &mut VecDeque<Output>,
        counters: &mut CourierCounters,
    ) {
        match self.at(from, id).map(|leaving| &leaving.phase) {
            Some(Phase::Giving { .. }) => {
                counters.left += 1;
                self.end(now, id);
            }
            // It was known already.
            None => {}
            // The player is back at its core, because the target was taken for gone.
            Some(_) => return,
        }
        out.push_back(Output::ToHost(from.clone(), id, Note::Over));
    }

    pub(super) fn refused(
        &mut self,
        now: Duration,
        from: &Peer,
        id: MoveId,
        why: Refusal,
        out: &mut VecDeque<Output>,
        counters: &mut CourierCounters,
    ) {
        let Some(leaving) = self.at(from, id) else { return };
        match leaving.phase {
            Phase::Asking { .. } | Phase::Sent => {
                counters.refused += 1;
                tracing::debug!(host = %from.name, %why, "a player stays, because the other host does not take it");
                self.end(now, id);
            }
            // Another reason answers an early `Ask`: the target has let the player come since.
            Phase::Giving { .. } if matches!(why, Refusal::Late | Refusal::Game) => {
                tracing::warn!(host = %from.name, %why, "a player comes back, because the other host does not take it");
                leaving.give_back(now, out);
            }
            Phase::Offered | Phase::Taking | Phase::Giving { .. } | Phase::Returning => {}
        }
    }

    /// Whether the core has taken its own player back, or not.
    pub(super) fn given(
        &mut self,
        now: Duration,
        core: usize,
        token: &Token,
        player: Option<u64>,
        counters: &mut CourierCounters,
    ) -> bool {
        let Some(&id) = self.tokens.get(token) else { return false };
        let leaving = &self.moves[&id];
        if leaving.core != core || !matches!(leaving.phase, Phase::Returning) {
            return false;
        }
        match player {
            Some(player) => {
                counters.returned += 1;
                self.rest(now, core, player);
            }
            None => {
                counters.lost += 1;
                tracing::error!("a player is lost: neither the other host nor this one takes it");
            }
        }
        self.end(now, id);
        true
    }

    pub(super) fn is_gone(
        &mut self,
        now: Duration,
        peer: &Peer,
        out: &mut VecDeque<Output>,
        counters: &mut CourierCounters,
    ) {
        let affected: Vec<MoveId> =
            self.moves.iter().filter(|(_, leaving)| leaving.to.peer == *peer).map(|(id, _)| *id).collect();
        for id in affected {
            let leaving = self.moves.get_mut(&id).expect("it was found");
            match leaving.phase {
                Phase::Asking { .. } | Phase::Sent => {
                    counters.late += 1;
                    self.end(now, id);
                }
                Phase::Giving { .. } => leaving.give_back(now, out),
                // The core answers, and the answer finds that the target is gone.
                Phase::Offered | Phase::Taking | Phase::Returning => {}
            }
        }
    }

    pub(super) fn tick(&mut self, now: Duration, out: &mut VecDeque<Output>, counters: &mut CourierCounters) {
        self.resting.retain(|_, until| now < *until);
        let mut late = Vec::new();
        for (&id, leaving) in &mut self.moves {
            let patience = match leaving.phase {
                Phase::Asking { .. } => ASK_PATIENCE,
                Phase::Sent => CLIENT_PATIENCE,
                Phase::Offered | Phase::Taking | Phase::Giving { .. } | Phase::Returning => Duration::MAX,
            };
            if now - leaving.since >= patience {
                late.push(id);
            } else if now >= leaving.repeat_at {
                leaving.repeat(now, id, out);
            }
        }
        for id in late {
            counters.late += 1;
            out.push_back(Output::ToHost(self.moves[&id].to.peer.clone(), id, Note::Over));
            self.end(now, id);
        }
    }

    /// The move, if it goes to this host.
    fn at(&mut self, peer: &Peer, id: MoveId) -> Option<&mut Leaving> {
        self.moves.get_mut(&id).filter(|leaving| leaving.to.peer == *peer)
    }

    fn end(&mut self, now: Duration, id: MoveId) {
        let Some(Leaving { core, player, token, .. }) = self.moves.remove(&id) else { return };
        self.players.remove(&(core, player));
        self.rest(now, core, player);
        if let Some(token) = token {
            self.tokens.remove(&token);
        }
    }
}

impl Leaving {
    fn enter(&mut self, now: Duration, phase: Phase) {
        (self.phase, self.since, self.repeat_at) = (phase, now, now + REPEAT);
    }

    fn repeat(&mut self, now: Duration, id: MoveId, out: &mut VecDeque<Output>) {
        let to = &self.to.peer;
        match &self.phase {
            Phase::Asking { ask } => out.push_back(Output::ToHost(to.clone(), id, ask.clone())),
            Phase::Giving { player } => {
                out.push_back(Output::ToHost(to.clone(), id, player.clone()));
                if now - self.since >= DOUBT {
                    out.push_back(Output::IsGone(to.clone()));
                }
            }
            Phase::Offered | Phase::Sent | Phase::Taking | Phase::Returning => {}
        }
        self.repeat_at = now + REPEAT;
    }

    fn give_back(&mut self, now: Duration, out: &mut VecDeque<Output>) {
        let phase = std::mem::replace(&mut self.phase, Phase::Returning);
        let Phase::Giving { player: Note::Player(player) } = phase else { panic!("it has no player: {phase:?}") };
        let token = self.token.expect("a player is taken by its token");
        out.push_back(Output::ToCore(self.core, ToCore::Give { token, player, is_own: true }));
        self.enter(now, Phase::Returning);
    }
}

//! Moves to this host.

use super::{CourierCounters, Door, MOVES_MAX, MoveId, Note, Output, Peer, Refusal};
use ringshard::runtime::fleet::{ToCore, Token};
use ringshard_protocol::crypto::noise::ResumeKey;
use ringshard_protocol::limits::EXPECTED_PERIOD;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

/// Time between two copies of a note that was not answered.
const REPEAT: Duration = Duration::from_millis(250);
/// How long a client may take to come, and its host to send it on.
const PATIENCE: Duration = EXPECTED_PERIOD.saturating_add(Duration::from_secs(2));
/// A source that has not said for so long that it gives its copy up may be gone.
const DOUBT: Duration = Duration::from_secs(5);
/// How many moves that have ended are remembered. At 100 moves a second that is ten minutes, and a source that still asks
/// does so four times a second.
const OUTCOMES_MAX: usize = 1 << 16;

/// All moves to this host.
#[derive(Debug)]
pub(super) struct Comings {
    cores: usize,
    /// The core that expects the next player.
    next_core: usize,
    moves: BTreeMap<MoveId, Coming>,
    tokens: HashMap<Token, MoveId>,
    outcomes: Outcomes,
}

#[derive(Debug)]
struct Coming {
    from: Peer,
    core: usize,
    token: Token,
    phase: Phase,
    since: Duration,
    repeat_at: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// The client is on its way.
    Expecting,
    /// It is here. Its host is asked for the player.
    Here,
    /// The core takes the player in.
    Giving,
    /// The player is in the world. `Took` is repeated until the source says that it has given its copy up. The player does not
    /// move on before: if this host died then, the source would return a player that is at a third host.
    Took,
}

impl Comings {
    pub(super) fn new(cores: usize) -> Self {
        let (moves, tokens) = Default::default();
        Comings { cores, next_core: 0, moves, tokens, outcomes: Outcomes::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.moves.len()
    }

    /// Players that are here, while their source may still have a copy.
    pub(super) fn unconfirmed(&self) -> usize {
        self.moves.values().filter(|coming| coming.phase == Phase::Took).count()
    }

    pub(super) fn longest_wait(&self, now: Duration) -> Duration {
        self.moves.values().map(|coming| now - coming.since).max().unwrap_or_default()
    }

    /// Whether a move of this session to this host has not ended.
    pub(super) fn has(&self, token: &Token) -> bool {
        self.tokens.contains_key(token)
    }

    #[expect(clippy::too_many_arguments, reason = "parts of the courier, which this borrows apart")]
    pub(super) fn asked(
        &mut self,
        now: Duration,
        from: &Peer,
        id: MoveId,
        key: &[u8],
        contract: &str,
        door: &Door,
        is_free: impl Fn(&Token) -> bool,
        out: &mut VecDeque<Output>,
        counters: &mut CourierCounters,
    ) {
        if let Some(coming) = self.moves.get(&id) {
            let core = coming.core as u8;
            return out.push_back(Output::ToHost(from.clone(), id, Note::Welcome { core }));
        }
        if let Some(answer) = self.outcomes.answer(id) {
            return out.push_back(Output::ToHost(from.clone(), id, answer));
        }
        // What is no key comes from a host of another version.
        let key = key.try_into().ok().map(ResumeKey::from_bytes);
        let refusal = match &key {
            _ if !door.is_open => Some(Refusal::Closed),
            _ if contract != door.contract => Some(Refusal::Contract),
            _ if self.moves.len() == MOVES_MAX => Some(Refusal::Busy),
            Some(key) if self.tokens.contains_key(&key.token) || !is_free(&key.token) => Some(Refusal::Busy),
            Some(_) => None,
            None => Some(Refusal::Contract),
        };
        if let Some(why) = refusal {
            counters.turned_away += 1;
            return out.push_back(Output::ToHost(from.clone(), id, Note::Refused(why)));
        }
        let key = key.expect("it was refused otherwise");
        let core = self.next_core;
        self.next_core = (core + 1) % self.cores;
        let (token, from) = (key.token, from.clone());
        out.push_back(Output::ToCore(core, ToCore::Expect { key }));
        out.push_back(Output::ToHost(from.clone(), id, Note::Welcome { core: core as u8 }));
        self.tokens.insert(token, id);
        self.moves.insert(id, Coming { from, core, token, phase: Phase::Expecting, since: now, repeat_at: now });
    }

    pub(super) fn awaited(&mut self, now: Duration, core: usize, token: &Token, out: &mut VecDeque<Output>) {
        let Some(&id) = self.tokens.get(token) else {
            return out.push_back(Output::ToCore(core, ToCore::Forget { token: *token }));
        };
        let coming = self.moves.get_mut(&id).expect("a token names a move");
        if coming.core == core && coming.phase == Phase::Expecting {
            (coming.phase, coming.since, coming.repeat_at) = (Phase::Here, now, now + REPEAT);
            out.push_back(Output::ToHost(coming.from.clone(), id, Note::Here));
        }
    }

    pub(super) fn player(
        &mut self,
        now: Duration,
        from: &Peer,
        id: MoveId,
        player: Vec<u8>,
        out: &mut VecDeque<Output>,
    ) {
        let Some(coming) = self.moves.get_mut(&id) else {
            if self.outcomes.has_forgotten(id) {
                // It may be here: only the end of this host settles that.
                return;
            }
            let answer = self.outcomes.answer(id).unwrap_or(Note::Refused(Refusal::Late));
            // From now on it is refused for good.
            self.outcomes.remember(id, answer.clone());
            return out.push_back(Output::ToHost(from.clone(), id, answer));
        };
        match coming.phase {
            Phase::Here => {
                (coming.phase, coming.since) = (Phase::Giving, now);
                out.push_back(Output::ToCore(coming.core, ToCore::Give { token: coming.token, player, is_own: false }));
            }
            Phase::Took => out.push_back(Output::ToHost(from.clone(), id, Note::Took)),
            Phase::Expecting | Phase::Giving => {}
        }
    }

    pub(super) fn given(
        &mut self,
        now: Duration,
        core: usize,
        token: &Token,
        player: Option<u64>,
        out: &mut VecDeque<Output>,
        counters: &mut CourierCounters,
    ) {
        let Some(&id) = self.tokens.get(token) else { return };
        let coming = self.moves.get_mut(&id).expect("a token names a move");
        if coming.core != core {
            return;
        }
        match (player, coming.phase) {
            (Some(_), Phase::Giving) => {
                counters.came += 1;
                tracing::debug!(host = %coming.from.name, waited_ms = (now - coming.since).as_millis() as u64, "a player came");
                out.push_back(Output::ToHost(coming.from.clone(), id, Note::Took));
                (coming.phase, coming.since, coming.repeat_at) = (Phase::Took, now, now + REPEAT);
            }
            (None, Phase::Expecting | Phase::Giving) => {
                counters.turned_away += 1;
                let why = if coming.phase == Phase::Giving { Refusal::Game } else { Refusal::Busy };
                let refused = Note::Refused(why);
                out.push_back(Output::ToCore(core, ToCore::Forget { token: *token }));
                out.push_back(Output::ToHost(coming.from.clone(), id, refused.clone()));
                self.end(id, refused);
            }
            _ => {}
        }
    }

    /// The source has no copy of the player any more: it has given up to send the player, or knows that it is here.
    pub(super) fn over(&mut self, from: &Peer, id: MoveId, out: &mut VecDeque<Output>) {
        if self.moves.get(&id).is_some_and(|coming| coming.from == *from) {
            self.without_source(id, out);
        }
    }

    pub(super) fn is_gone(&mut self, peer: &Peer, out: &mut VecDeque<Output>) {
        let affected: Vec<MoveId> =
            self.moves.iter().filter(|(_, coming)| coming.from == *peer).map(|(id, _)| *id).collect();
        affected.into_iter().for_each(|id| self.without_source(id, out));
    }

    pub(super) fn tick(&mut self, now: Duration, out: &mut VecDeque<Output>) {
        let mut late = Vec::new();
        for (&id, coming) in &mut self.moves {
            let is_due = now >= coming.repeat_at;
            match coming.phase {
                Phase::Expecting | Phase::Here if now - coming.since >= PATIENCE => late.push(id),
                Phase::Here if is_due => out.push_back(Output::ToHost(coming.from.clone(), id, Note::Here)),
                Phase::Took if is_due => {
                    out.push_back(Output::ToHost(coming.from.clone(), id, Note::Took));
                    if now - coming.since >= DOUBT {
                        out.push_back(Output::IsGone(coming.from.clone()));
                    }
                }
                Phase::Expecting | Phase::Here | Phase::Giving | Phase::Took => continue,
            }
            coming.repeat_at = now + REPEAT;
        }
        late.into_iter().for_each(|id| self.forget(id, out));
    }

    /// Nothing more comes from the source.
    fn without_source(&mut self, id: MoveId, out: &mut VecDeque<Output>) {
        match self.moves[&id].phase {
            Phase::Expecting | Phase::Here => self.forget(id, out),
            // The core answers soon.
            Phase::Giving => {}
            Phase::Took => self.end(id, Note::Took),
        }
    }

    /// The client is no longer expected.
    fn forget(&mut self, id: MoveId, out: &mut VecDeque<Output>) {
        let Coming { core, token, .. } = self.moves[&id];
        out.push_back(Output::ToCore(core, ToCore::Forget { token }));
        self.end(id, Note::Refused(Refusal::Late));
    }

    fn end(&mut self, id: MoveId, outcome: Note) {
        let coming = self.moves.remove(&id).expect("it was found");
        self.tokens.remove(&coming.token);
        self.outcomes.remember(id, outcome);
    }
}

/// What became of the last moves.
#[derive(Debug, Default)]
struct Outcomes {
    answers: HashMap<MoveId, Note>,
    /// The oldest first.
    order: VecDeque<MoveId>,
    /// Of each source: the highest number of a move that was forgotten.
    forgotten: HashMap<u64, u64>,
}

impl Outcomes {
    fn answer(&self, id: MoveId) -> Option<Note> {
        self.answers.get(&id).cloned()
    }

    /// Whether nobody knows any more what became of a move.
    fn has_forgotten(&self, id: MoveId) -> bool {
        !self.answers.contains_key(&id) && self.forgotten.get(&id.source).is_some_and(|highest| id.number <= *highest)
    }

    fn remember(&mut self, id: MoveId, answer: Note) {
        if self.answers.insert(id, answer).is_none() {
            self.order.push_back(id);
        }
        if self.order.len() > OUTCOMES_MAX {
            let oldest = self.order.pop_front().expect("there are some");
            self.answers.remove(&oldest);
            let highest = self.forgotten.entry(oldest.source).or_default();
            *highest = (*highest).max(oldest.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_a_forgotten_move_is_not_guessed() {
        let mut outcomes = Outcomes::default();
        let id = |number| MoveId { source: 1, number };
        for number in 0..OUTCOMES_MAX as u64 + 10 {
            outcomes.remember(id(number), Note::Took);
        }
        assert!(outcomes.has_forgotten(id(0)) && outcomes.has_forgotten(id(9)));
        assert!(!outcomes.has_forgotten(id(10)) && outcomes.answer(id(10)) == Some(Note::Took));
        assert!(!outcomes.has_forgotten(id(OUTCOMES_MAX as u64 + 10)), "it has never been here");
        assert!(!outcomes.has_forgotten(MoveId { source: 2, number: 0 }));
        assert_eq!((outcomes.order.len(), outcomes.answers.len()), (OUTCOMES_MAX, OUTCOMES_MAX));
    }
}

//! Checkpoints of players with an account, and players that come back from theirs: see [`crate::runtime::fleet`].

use super::Simulation;
use super::moves::{DEPART_BYTES_MAX, LOOKS};
use super::player_state::{self, PlayerState, STATE_BYTES_MAX};
use crate::game::members::Presence;
use crate::game::player::{PlayerId, Visitor};
use crate::game::{AccountId, Arrival, Game, LeaveReason};
use crate::runtime::fleet::{FromCore, Recall, StayEnd};
use ringshard_world::codec::{Reader, Writer};
use ringshard_world::messages::{EnterAnswer, reason};
use std::collections::BTreeMap;

/// What a core knows of checkpoints.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    /// Ticks between two of a player; 0: none.
    pub ticks: u32,
    /// Clients that wait until the fleet has looked for their checkpoint: their accounts, and the names of these.
    entering: BTreeMap<PlayerId, (AccountId, Box<str>)>,
}

impl<G: Game> Simulation<G> {
    /// A client with an account wants to enter: the fleet looks for its checkpoint first.
    pub(super) fn recall(&mut self, player: PlayerId, account: AccountId, name: &str) {
        self.checkpoints.entering.insert(player, (account, name.into()));
        self.shard.fleet.say(FromCore::Enters { player: player.number(), account });
    }

    /// The fleet has looked.
    pub(super) fn recalled(&mut self, player: u64, recall: Recall) {
        let id = PlayerId::of_number(player).expect("the fleet names players that a core has named");
        let (account, name) = self.checkpoints.entering.remove(&id).expect("the fleet answers once");
        let is_waiting = self.shard.members.known(id).is_some_and(|member| member.presence == Presence::Knocking);
        match recall {
            // Its session has ended meanwhile.
            Recall::Enter { stay, .. } if !is_waiting => {
                self.shard.fleet.say(FromCore::Ended { player, account, stay, end: StayEnd::Kept });
            }
            Recall::Refuse if !is_waiting => {}
            Recall::Refuse => self.turn_away(id, reason::BUSY),
            Recall::Enter { stay, state } => {
                let member = self.shard.members.known(id).expect("it waits");
                member.pend(Some(account));
                member.stay = Some(stay);
                let is_restored = state.is_some_and(|state| self.restore(id, account, &state));
                if !is_restored {
                    self.join(id, Visitor::Account { id: account, name: &name });
                }
            }
        }
    }

    /// A client enters as the player that it was. False: the bytes are no player of this game, or the game refuses it.
    fn restore(&mut self, player: PlayerId, account: AccountId, state: &[u8]) -> bool {
        let mut reader = Reader::new(state);
        let is_in = player_state::read::<G>(self.game.rules(), &mut reader).is_ok_and(|PlayerState { own, body }| {
            let bytes = &state[state.len() - reader.remaining()..];
            let arrival = Arrival { account: Some(account), own, body, bytes, is_restored: true };
            self.game.arrive(&mut self.shard, player, arrival)
        });
        if is_in {
            self.stats.restored += 1;
            self.let_in(player);
        } else {
            self.stats.restores_refused += 1;
        }
        is_in
    }

    /// The account of a player enters elsewhere.
    pub(super) fn release(&mut self, player: u64) {
        let id = PlayerId::of_number(player).expect("the fleet names players that a core has named");
        let Some(member) = self.shard.members.get(id) else { return };
        let (presence, account, stay) = (member.presence, member.account, member.stay);
        let (Some(account), Some(stay)) = (account, stay) else { return };
        let state = (presence == Presence::Inside).then(|| self.checkpoint(id));
        self.shard.members.get_mut(id).expect("it is here").stay = None;
        self.leave(id, LeaveReason::PutOut(reason::ELSEWHERE));
        self.stats.put_out += 1;
        self.answer_entering(id, EnterAnswer::PutOut(reason::ELSEWHERE));
        self.shard.fleet.say(FromCore::Ended { player, account, stay, end: StayEnd::Released(state) });
    }

    /// A player is not in the world of this core any more, or has not come into it.
    pub(super) fn end_stay(&mut self, player: PlayerId, cause: LeaveReason) {
        let Some(member) = self.shard.members.known(player) else { return };
        let (Some(stay), Some(account)) = (member.stay.take(), member.account) else { return };
        let end = match cause {
            _ if member.presence != Presence::Inside => StayEnd::Kept,
            LeaveReason::Moved | LeaveReason::Refused(_) => StayEnd::Kept,
            // The services put it out because its account is at another core: that is not for good either.
            LeaveReason::ShuttingDown | LeaveReason::PutOut(reason::ELSEWHERE) => {
                StayEnd::Released(Some(self.checkpoint(player)))
            }
            _ => StayEnd::Left,
        };
        self.shard.fleet.say(FromCore::Ended { player: player.number(), account, stay, end });
    }

    /// At the end of a tick: makes the checkpoints that are due. A tick looks at one of [`LOOKS`] parts of the players.
    pub(super) fn make_checkpoints(&mut self) {
        let (every, tick) = (u64::from(self.checkpoints.ticks), self.shard.tick());
        if every == 0 {
            return;
        }
        for slot in self.shard.members.slots().skip((tick % LOOKS as u64) as usize).step_by(LOOKS) {
            if !self.shard.fleet.has_room() {
                return;
            }
            let Some(member) = self.shard.members.in_slot_mut(slot) else { continue };
            let is_due = member.presence == Presence::Inside && member.checkpoint_at <= tick;
            let (Some(stay), Some(account), true) = (member.stay, member.account, is_due) else { continue };
            // Players that enter together are spread over time.
            let early = (LOOKS as u64 + u64::from(slot) % (every / 8).max(1)).min(every / 2);
            member.checkpoint_at = tick + every - early;
            let player = member.id;
            let state = self.checkpoint(player);
            self.shard.fleet.say(FromCore::Checkpoint { player: player.number(), account, stay, state });
        }
    }

    /// A player in the world, as bytes.
    fn checkpoint(&mut self, player: PlayerId) -> Vec<u8> {
        let mut buffer = [0; STATE_BYTES_MAX];
        let mut writer = Writer::new(&mut buffer);
        player_state::write(self.game.rules(), &self.shard, player, &mut writer).expect("the buffer has room for it");
        let mut bytes = writer.written().to_vec();
        let start = bytes.len();
        self.game.checkpoint(&mut self.shard, player, &mut bytes);
        let added = bytes.len().checked_sub(start).expect("a game only appends");
        assert!(added <= DEPART_BYTES_MAX, "a game adds at most {DEPART_BYTES_MAX} bytes to a checkpoint");
        bytes
    }
}

//! The life of a player: entering the world, suspension, return, and leaving (PROTOCOL.md#entering).
//!
//! ```text
//!         EnterRequest, with services: Knocking      ticket refused: Outside
//!                              |
//!                              v
//!                          Game::join
//!           Pending        Accepted     Refused
//!              |               |           |
//!              v   admit       v           v
//!           Pending -------> Inside ---> Outside     put out, or refused later: Game::leave
//!                           |      ^
//!            Suspended:     v      |      Resumed: Game::resumed
//!     Game::suspended      Inside, without a connection
//!
//!          Ended: the session is over. Game::leave if the player was inside or pending.
//! ```
//! A player belongs to a session, not to a connection: it stays in the world as long as the session can resume.

use super::Simulation;
use crate::game::ledger::weight;
use crate::game::members::{Member, Presence};
use crate::game::outgoing::Recipient;
use crate::game::shard::{Decision, Lingering, Shard};
use crate::game::{AccountId, Admission, Game, LeaveReason, PlayerId, Visitor};
use crate::runtime::fleet::FromCore;
use crate::runtime::flight_recorder;
use ringshard_protocol::Endpoint;
use ringshard_protocol::endpoint::{EndCause, Event, SessionId};
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{Channel, ConnectionId, DisconnectReason};
use ringshard_world::codec::Writer;
use ringshard_world::messages::{EnterAnswer, EnterRequest, Welcome, reason};
use ringshard_world::{Refusal, Rules};

impl<G: Game> Simulation<G> {
    /// Follows a session from connection to connection, and to its end.
    pub(super) fn session_event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        let address = |id| endpoint.info(id).map(|info| info.address);
        let members = &mut self.shard.members;
        match event {
            Event::Joined { .. } | Event::Integrity(..) => {}
            Event::Awaited { token } => self.shard.fleet.say(FromCore::Awaited { token }),
            Event::Renamed { id, former } | Event::Resumed { id, former: Some(former), .. } => {
                if let Some(slot) = members.of_connection(former).map(|member| member.id.slot) {
                    members.connect(slot, id, address(id));
                }
            }
            Event::Suspended { session, .. } => self.suspend(session),
            Event::Resumed { id, session, former: None } => {
                if let Some(slot) = members.of_session(session).map(|member| member.id.slot) {
                    members.connect(slot, id, address(id));
                    self.resume(now, endpoint, slot, id);
                }
            }
            Event::Ended { session, cause, .. } => self.end(session, leave_reason(cause)),
        }
    }

    fn suspend(&mut self, session: SessionId) {
        let Some(member) = self.shard.members.of_session(session) else { return };
        let (player, presence) = (member.id, member.presence);
        self.shard.members.disconnect(player.slot);
        if presence == Presence::Inside {
            self.shard.services.suspended(player.number());
            self.game.suspended(&mut self.shard, player);
        }
    }

    fn resume(&mut self, now: Instant, endpoint: &mut Endpoint, slot: u16, id: ConnectionId) {
        let shard = &mut self.shard;
        let Some(member) = shard.members.in_slot_mut(slot) else { return };
        let (player, presence) = (member.id, member.presence);
        if member.backlog.is_overflowed() {
            return self.overflow_backlog(player);
        }
        // At once: messages that the game has sent since the last tick come after these.
        member.backlog.drain(|channel, message| _ = endpoint.send(now, id, channel, message));
        if presence == Presence::Inside {
            shard.services.resumed(player.number());
            self.game.resumed(shard, player);
        }
    }

    fn end(&mut self, session: SessionId, reason: LeaveReason) {
        let Some(member) = self.shard.members.of_session(session) else { return };
        let player = member.id;
        self.leave(player, reason);
        self.shard.members.remove(player.slot);
    }

    /// A client asks to enter.
    pub(super) fn enter(&mut self, endpoint: &Endpoint, id: ConnectionId, request: &EnterRequest<'_>) {
        let Some(player) = self.player_of(endpoint, id) else { return };
        if let Some(differs) = self.game.rules().schema().difference(&request.schema) {
            self.stats.wrong_schemas += 1;
            return self.answer_entering(player, EnterAnswer::WrongSchema(differs));
        }
        let tick = self.shard.tick();
        let Some(member) = self.shard.members.known(player) else { return };
        match member.presence {
            // A client that asks twice gets the answer to its first request.
            Presence::Knocking | Presence::Pending => {}
            Presence::Inside => self.welcome(player),
            Presence::Outside => {
                let answer = member.requests.told;
                if !member.requests.take(tick) {
                    self.shard.members.ledger.add(player.slot, Refusal::Flood, weight(Refusal::Flood), tick);
                    return self.answer_entering(player, answer.unwrap_or(EnterAnswer::Refused(0)));
                }
                let next = self.shard.members.next_id(player.slot);
                let Some(member) = self.shard.members.known(player) else { return };
                member.begin(self.game.rules(), next);
                let address = member.address.ip();
                if !self.shard.services.is_open() {
                    self.admit(next, None, Visitor::Guest(request.ticket));
                } else if self.shard.services.knock(next.number(), address, request.ticket).is_err() {
                    // The port has counted it.
                    self.turn_away(next, reason::BUSY);
                }
            }
        }
    }

    /// A client's ticket is good, or it needs none: the game decides, after the fleet has looked for a checkpoint.
    pub(super) fn admit(&mut self, player: PlayerId, account: Option<AccountId>, visitor: Visitor<'_>) {
        let member = self.shard.members.known(player).filter(|member| member.presence == Presence::Knocking);
        // Its session may have ended meanwhile.
        let Some(member) = member else { return };
        match visitor {
            Visitor::Account { id, name } if self.checkpoints.ticks > 0 => self.recall(player, id, name),
            _ => {
                member.pend(account);
                self.join(player, visitor);
            }
        }
    }

    /// The game decides about a pending player.
    pub(super) fn join(&mut self, player: PlayerId, visitor: Visitor<'_>) {
        // What a guest shows may be a secret: it does not appear in a panic report.
        flight_recorder::work_on("the request to enter", player.number(), &[], |_| "what it shows".into());
        let admission = self.game.join(&mut self.shard, player, visitor);
        flight_recorder::work_done();
        match admission {
            Admission::Refused(reason) => {
                self.stats.refused += 1;
                self.end_stay(player, LeaveReason::Refused(reason));
                self.turn_away(player, reason);
            }
            Admission::Accepted => self.let_in(player),
            Admission::Pending => {}
        }
    }

    /// The services refuse the ticket of a client.
    pub(super) fn refuse_ticket(&mut self, player: PlayerId, reason: u8) {
        let member = self.shard.members.known(player);
        if member.is_some_and(|member| member.presence == Presence::Knocking) {
            self.shard.services.stats.tickets_refused += 1;
            self.turn_away(player, reason);
        }
    }

    /// The player of a connection, which may be new. None if the connection is gone, or the core has no room for another
    /// player: the request is then ignored.
    fn player_of(&mut self, endpoint: &Endpoint, id: ConnectionId) -> Option<PlayerId> {
        let Simulation { shard, game, .. } = self;
        if let Some(member) = shard.members.of_connection(id) {
            return Some(member.id);
        }
        let info = endpoint.info(id)?;
        let (session, address) = (info.session?, info.address);
        let rules = game.rules();
        let member = shard.members.add(|player| Member::new(rules, player, session, Some(id), address, 0));
        member.map(|member| member.id)
    }

    /// A pending player enters.
    pub(super) fn let_in(&mut self, player: PlayerId) {
        let tick = self.shard.wire_tick();
        let Some(member) = self.shard.members.get_mut(player) else { return };
        member.enter(self.game.rules(), tick);
        let (address, account, is_connected) = (member.address.ip(), member.account, member.connection.is_some());
        if is_connected {
            self.shard.members.join_slice(player.slot);
        }
        self.stats.joined += 1;
        self.welcome(player);
        self.shard.services.entered(player.number(), address, account);
        if !is_connected {
            // Its client fell silent while the game decided.
            self.shard.services.suspended(player.number());
            self.game.suspended(&mut self.shard, player);
        }
    }

    fn welcome(&mut self, player: PlayerId) {
        let Some(member) = self.shard.members.get(player) else { return };
        let welcome =
            Welcome { tick: self.shard.wire_tick(), first_snapshot: member.first_snapshot, map: *self.shard.map() };
        self.answer_entering(player, EnterAnswer::Welcome(welcome));
    }

    /// A client does not enter. The game does not know of it, or has refused it in [`Game::join`].
    pub(super) fn turn_away(&mut self, player: PlayerId, reason: u8) {
        self.put_outside(player.slot);
        self.answer_entering(player, EnterAnswer::Refused(reason));
    }

    pub(super) fn answer_entering(&mut self, player: PlayerId, answer: EnterAnswer) {
        if let EnterAnswer::Refused(_) | EnterAnswer::PutOut(_) = answer
            && let Some(member) = self.shard.members.known(player)
        {
            member.requests.told = Some(answer);
        }
        let mut message = [0; EnterAnswer::BYTES_MAX];
        let mut writer = Writer::new(&mut message);
        answer.write(&mut writer).expect("the buffer has room for it");
        self.shard.outgoing.push(Recipient::Player(player), Channel::RELIABLE_ORDERED, writer.written());
    }

    /// Carries out what the game has decided about players' presence.
    pub(super) fn settle(&mut self) {
        let mut decisions = std::mem::take(&mut self.shard.decisions);
        for (player, decision) in decisions.drain(..) {
            let Some(presence) = self.shard.members.get(player).map(|member| member.presence) else { continue };
            match (decision, presence) {
                (Decision::Admit(Admission::Accepted), Presence::Pending) => self.let_in(player),
                (Decision::Admit(Admission::Refused(reason)), Presence::Pending) => {
                    self.leave(player, LeaveReason::Refused(reason));
                    self.stats.refused += 1;
                    self.answer_entering(player, EnterAnswer::Refused(reason));
                }
                (Decision::PutOut(reason), _) => {
                    self.leave(player, LeaveReason::PutOut(reason));
                    self.stats.put_out += 1;
                    self.answer_entering(player, EnterAnswer::PutOut(reason));
                }
                (Decision::Backlog, _) => self.overflow_backlog(player),
                // Its answer was given already.
                (Decision::Admit(_), _) => {}
            }
        }
        // What the game decided meanwhile is settled at the end of the next tick.
        std::mem::swap(&mut self.shard.decisions, &mut decisions);
        self.shard.decisions.append(&mut decisions);
    }

    /// More waited for a suspended player than the server keeps.
    pub(super) fn overflow_backlog(&mut self, player: PlayerId) {
        // It may have left for another reason meanwhile.
        self.stats.backlogs_overflowed += u64::from(self.shard.members.get(player).is_some());
        self.leave(player, LeaveReason::Backlog);
        if let Some(member) = self.shard.members.known(player) {
            member.backlog.clear();
        }
        self.answer_entering(player, EnterAnswer::PutOut(reason::BACKLOG));
    }

    /// A player leaves the world. Its body lingers as long as the game says.
    pub(super) fn leave(&mut self, player: PlayerId, reason: LeaveReason) {
        let Some(presence) = self.shard.members.get(player).map(|member| member.presence) else { return };
        if presence == Presence::Inside {
            self.shard.services.left(player.number());
        }
        self.end_stay(player, reason);
        let ticks = self.game.leave(&mut self.shard, player, reason);
        // A player is at one server.
        let ticks = if reason == LeaveReason::Moved { 0 } else { ticks };
        let body = self.shard.body(player);
        self.put_outside(player.slot);
        match body {
            Some(body) if ticks > 0 => {
                self.shard.lingering.push(Lingering { until: self.shard.tick() + u64::from(ticks), body });
            }
            Some(body) => {
                self.shard.entities.despawn(body);
            }
            None => {}
        }
    }

    pub(super) fn put_outside(&mut self, slot: u16) {
        let members = &mut self.shard.members;
        members.leave_slice(slot);
        members.set_body(slot, None);
        if let Some(member) = members.in_slot_mut(slot) {
            assert!(member.presence != Presence::Outside, "a player leaves once");
            member.presence = Presence::Outside;
        }
    }

    /// Despawns bodies that have lingered long enough. One that the game has despawned is forgotten at once: its id is used
    /// again some day.
    pub(super) fn end_lingering(&mut self) {
        let Shard { lingering, entities, tick, .. } = &mut self.shard;
        lingering.retain(|&Lingering { until, body }| {
            if *tick >= until {
                entities.despawn(body);
            }
            entities.contains(body)
        });
    }
}

/// The reason that the game is given for the end of a session.
fn leave_reason(cause: EndCause) -> LeaveReason {
    match cause {
        EndCause::Client(_) => LeaveReason::Left,
        EndCause::Expired => LeaveReason::TimedOut,
        EndCause::Server(DisconnectReason::ShuttingDown) => LeaveReason::ShuttingDown,
        EndCause::Server(_) => LeaveReason::Disconnected,
    }
}

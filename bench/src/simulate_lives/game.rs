//! A game that acts at random and records in the ledger what it did and which callbacks it got.

use super::ledger::{Owner, Presence, Shared, State, put_out_reason};
use super::rules::{
    Answer, Ask, Event, Input, LATE_REFUSAL, Lives, Order, Own, REFUSAL, Shown, Ticket, WRONG_TICKET, plans, seal,
};
use crate::random::Random;
use ringshard::game::{Admission, Game, LeaveReason, NoJob, PlayerId, Reply, Shard, To, Visitor};
use ringshard_protocol::wire::Channel;
use ringshard_world::messages::read_whole;
use ringshard_world::{EntityId, Rules};

/// Most entities of a core that are no player's body.
const OTHERS_MAX: usize = 4;
/// Ticks for which a body lingers, at most.
const LINGER_MAX: u64 = 600;
/// Reliable messages to a suspended player that are more than the server keeps.
const FLOOD: usize = 520;

/// When an ask is answered.
enum Due {
    At(u64),
    OnReturn,
    Never,
}

/// The game on one core.
pub struct RandomGame {
    core: usize,
    ledger: Shared,
    random: Random,
    asks: Vec<(Due, Reply, u32)>,
    /// Pending players, and when the game decides.
    pending: Vec<(u64, PlayerId)>,
    /// Commands that were sent to each core.
    orders: Vec<u32>,
}

type Core = Shard<RandomGame>;

impl RandomGame {
    pub fn new(core: usize, cores: usize, ledger: Shared, random: Random) -> Self {
        RandomGame { core, ledger, random, asks: Vec::new(), pending: Vec::new(), orders: vec![0; cores] }
    }

    fn shown(&mut self, serial: u32) -> Shown {
        let version = self.random.next() as u32;
        Shown { serial, version, seal: seal(serial, version) }
    }

    fn spawn(&mut self, shard: &mut Core, own: &Own, owner: Owner) -> Option<EntityId> {
        let serial = self.ledger.open().serial();
        let shown = self.shown(serial);
        let spawned = shard.entities.spawn(Lives.pose(own), shown);
        let mut ledger = self.ledger.open();
        let Ok(id) = spawned else {
            ledger.counts.entities_full += 1;
            if shard.entities.len() < shard.entities.capacity() {
                ledger.fail(format!("core {} has no room for an entity, but is not full", self.core));
            }
            return None;
        };
        let entity = super::ledger::Entity { serial, core: self.core, owner, gone_at: None };
        let former = ledger.entities.insert(id, entity);
        if former.is_some_and(|former| former.gone_at.is_none()) {
            ledger.fail(format!("{id:?} is spawned, but exists"));
        }
        Some(id)
    }

    fn despawn(&mut self, shard: &mut Core, id: EntityId) {
        let was_there = shard.entities.despawn(id);
        let mut ledger = self.ledger.open();
        if let Some(entity) = ledger.entities.get_mut(&id) {
            entity.gone_at = Some(shard.tick());
        }
        if !was_there {
            ledger.fail(format!("{id:?} is gone, but nobody has despawned it"));
        }
    }

    /// Gives a player an own state and a body, or none.
    fn control(&mut self, shard: &mut Core, serial: u32, player: PlayerId, own: Own, body: Option<EntityId>) {
        let is_given = shard.control(player, body, own);
        let mut ledger = self.ledger.open();
        ledger.note(serial, own, body, shard.tick());
        if !is_given {
            ledger.fail(format!("player {player} of core {} is refused the body {body:?}", self.core));
        }
    }

    /// A body that lingers for this client, a new one, or none if the core is full.
    fn body_for(&mut self, shard: &mut Core, client: u32, own: &Own, serial: u32) -> Option<EntityId> {
        let mut ledger = self.ledger.open();
        let lingers = |owner| matches!(owner, Owner::Lingers { of, .. } if of == client);
        let lingering = ledger.entities.iter().filter(|(_, it)| it.core == self.core && lingers(it.owner));
        let lingering = lingering.map(|(id, _)| *id).filter(|id| shard.entities.contains(*id)).min();
        if lingering.is_some() {
            ledger.counts.bodies_taken_over += 1;
            return lingering;
        }
        drop(ledger);
        self.spawn(shard, own, Owner::Presence(serial))
    }

    /// A player of this core that is in the world, at random.
    fn someone(&mut self) -> Option<(u32, PlayerId, bool)> {
        let ledger = self.ledger.open();
        let inside = |serial: &u32| {
            let presence: &Presence = &ledger.presences[serial];
            matches!(presence.state, State::Inside(_)).then_some((*serial, presence.player, presence.is_suspended))
        };
        let inside: Vec<_> = ledger.living[self.core].values().filter_map(inside).collect();
        (!inside.is_empty()).then(|| inside[self.random.next() as usize % inside.len()])
    }

    /// A presence's own state, body and client.
    fn facts(&self, serial: u32) -> (Own, Option<EntityId>, u32) {
        let ledger = self.ledger.open();
        let presence = &ledger.presences[&serial];
        (presence.own, presence.body, presence.ticket.client)
    }

    fn tell(&mut self, shard: &mut Core, serial: u32, player: PlayerId, channel: Channel) {
        let event = self.ledger.open().next_event(serial, channel);
        shard.tell(To::Player(player), channel, &event).expect("a player of this core");
    }

    /// Tells many players something.
    fn spread(&mut self, shard: &mut Core, about: EntityId) {
        let value = self.random.next() as u32;
        let to = self.random.pick(&[To::Everybody, To::ViewersOf(about), To::Entity(about)]);
        let channel =
            self.random.pick(&[Channel::UNRELIABLE, Channel::RELIABLE_ORDERED, Channel::UNRELIABLE_SEQUENCED]);
        let sent = shard.tell(to, channel, &Event::Rumour { value, seal: seal(value, 0) });
        let mut ledger = self.ledger.open();
        if let Err(error) = sent {
            ledger.fail(format!("an event to {to:?} is refused: {error}"));
        }
        // They may wait for players that are suspended, on every core.
        ledger.presences.values_mut().for_each(|presence| presence.waiting_most += 1);
    }

    fn order(&mut self, shard: &mut Core, to: EntityId, core: usize) {
        let order = Order { core: self.core as u8, number: self.orders[core] };
        if shard.command(to, to, &order).is_ok() {
            self.orders[core] += 1;
        }
    }

    fn answer(&mut self, shard: &mut Core, reply: Reply, value: u32) {
        self.ledger.open().count_message(self.core, reply.player(), Channel::RELIABLE_ORDERED);
        shard.reply(reply, &Answer { value });
    }

    fn answer_due(&mut self, shard: &mut Core, returned: Option<PlayerId>) {
        let tick = shard.tick();
        let is_due = |(due, reply, _): &mut (Due, Reply, u32)| match due {
            Due::At(at) => *at <= tick,
            Due::OnReturn => returned == Some(reply.player()),
            Due::Never => false,
        };
        let due: Vec<_> = self.asks.extract_if(.., is_due).collect();
        due.into_iter().for_each(|(_, reply, value)| self.answer(shard, reply, value));
    }

    fn decide_pending(&mut self, shard: &mut Core) {
        let tick = shard.tick();
        let due: Vec<_> = self.pending.extract_if(.., |(at, _)| *at <= tick).collect();
        for (_, player) in due {
            let mut ledger = self.ledger.open();
            let Some(serial) = ledger.serial_of(self.core, player) else { continue };
            if ledger.presences[&serial].ticket.plan == plans::REFUSED_LATER {
                ledger.send_away(self.core, player, LeaveReason::Refused(LATE_REFUSAL), tick);
                shard.admit(player, Admission::Refused(LATE_REFUSAL));
            } else {
                ledger.admit(self.core, player, tick);
                shard.admit(player, Admission::Accepted);
            }
        }
    }

    /// Changes an entity that is no player's body.
    fn act_on_others(&mut self, shard: &mut Core) {
        let ledger = self.ledger.open();
        let others = ledger.entities.iter().filter(|(_, it)| it.core == self.core && it.gone_at.is_none());
        let mut others: Vec<_> = others.filter(|(_, it)| it.owner == Owner::Game).map(|(id, _)| *id).collect();
        drop(ledger);
        others.sort_unstable();
        if others.len() > OTHERS_MAX || !others.is_empty() && self.random.chance(300) {
            let other = self.random.pick(&others);
            return self.despawn(shard, other);
        }
        let own = Own { sum: self.random.next() as u32 % 2_000, ..Own::default() };
        self.spawn(shard, &own, Owner::Game);
    }

    fn act_on_player(&mut self, shard: &mut Core) {
        let Some((serial, player, is_suspended)) = self.someone() else { return };
        let (mut own, known, client) = self.facts(serial);
        let body = known.filter(|body| shard.entities.contains(*body));
        match self.random.between(0, 99) {
            0..20 => {
                let channel = Channel::new((self.random.next() % 16) as u8).expect("there are sixteen");
                let count = self.random.magnitude(1, 8);
                (0..count).for_each(|_| self.tell(shard, serial, player, channel));
            }
            20..30 => {
                own.sum ^= self.random.next() as u32;
                shard.own_mut(player).expect("it is in the world").sum = own.sum;
                self.ledger.open().note(serial, own, known, shard.tick());
            }
            30..38 => self.control(shard, serial, player, own, None),
            38..46 => {
                let body = self.body_for(shard, client, &own, serial);
                self.control(shard, serial, player, own, body);
            }
            46..54 => {
                // Its body becomes that of another player, or it remains its own.
                let Some((other, to, _)) = self.someone() else { return };
                let (other_own, ..) = self.facts(other);
                self.control(shard, other, to, other_own, body);
            }
            54..60 => body.into_iter().for_each(|body| self.despawn(shard, body)),
            60..62 => {
                let reason = put_out_reason(self.random.next());
                self.ledger.open().send_away(self.core, player, LeaveReason::PutOut(reason), shard.tick());
                shard.put_out(player, reason);
            }
            64..68 if is_suspended => {
                (0..FLOOD).for_each(|_| self.tell(shard, serial, player, Channel::RELIABLE_ORDERED));
            }
            _ => {
                let Some(body) = body else { return };
                let serial = self.ledger.open().entities[&body].serial;
                *shard.entities.shown_mut(body).expect("it exists") = self.shown(serial);
                self.spread(shard, body);
            }
        }
    }

    fn act_on_other_cores(&mut self, shard: &mut Core) {
        let ledger = self.ledger.open();
        let mut ids: Vec<_> = ledger.entities.iter().map(|(id, it)| (*id, it.core)).collect();
        drop(ledger);
        ids.sort_unstable();
        if !ids.is_empty() {
            let (to, core) = self.random.pick(&ids);
            self.order(shard, to, core);
        }
    }
}

impl Game for RandomGame {
    type Rules = Lives;
    type Command = Order;
    type Job = NoJob;
    type Done = NoJob;

    fn rules(&self) -> &Lives {
        &Lives
    }

    fn join(&mut self, shard: &mut Core, player: PlayerId, visitor: Visitor<'_>) -> Admission {
        let ticket = visitor.name();
        let tick = shard.tick();
        self.ledger.open().counts.asked += 1;
        let Ok(ticket) = read_whole::<Ticket>(ticket) else {
            self.ledger.open().counts.refused += 1;
            return Admission::Refused(WRONG_TICKET);
        };
        if ticket.plan == plans::REFUSED {
            self.ledger.open().counts.refused += 1;
            return Admission::Refused(REFUSAL);
        }
        let serial = self.ledger.open().join(self.core, player, ticket, tick);
        let own = Own { presence: serial, ..Own::default() };
        let body = match ticket.plan {
            plans::WITH_BODY | plans::ACCEPTED_LATER => self.body_for(shard, ticket.client, &own, serial),
            _ => None,
        };
        self.control(shard, serial, player, own, body);
        match ticket.plan {
            plans::ACCEPTED_LATER | plans::REFUSED_LATER => {
                self.pending.push((tick + self.random.magnitude(1, 300), player));
                Admission::Pending
            }
            plans::PENDING => Admission::Pending,
            _ => Admission::Accepted,
        }
    }

    fn leave(&mut self, shard: &mut Core, player: PlayerId, reason: LeaveReason) -> u32 {
        let tick = shard.tick();
        let Some(serial) = self.ledger.open().leave(self.core, player, reason, tick) else { return 0 };
        let ticks = if self.random.chance(500) { 0 } else { self.random.magnitude(1, LINGER_MAX) };
        let (_, body, of) = self.facts(serial);
        let Some(body) = body.filter(|body| shard.entities.contains(*body)) else { return ticks as u32 };
        if self.random.chance(100) {
            self.despawn(shard, body);
        } else if let Some(entity) = self.ledger.open().entities.get_mut(&body) {
            match ticks {
                0 => entity.gone_at = Some(tick),
                _ => entity.owner = Owner::Lingers { of, until: tick + ticks },
            }
        }
        ticks as u32
    }

    fn suspended(&mut self, shard: &mut Core, player: PlayerId) {
        self.ledger.open().suspend(self.core, player, shard.tick());
    }

    fn resumed(&mut self, shard: &mut Core, player: PlayerId) {
        self.ledger.open().resume(self.core, player);
        self.answer_due(shard, Some(player));
    }

    fn stepped(&mut self, shard: &mut Core, player: PlayerId, input: &Input) {
        self.ledger.open().step(self.core, player, input, shard.tick());
    }

    fn ask(&mut self, shard: &mut Core, player: PlayerId, ask: Ask, reply: Reply) {
        self.ledger.open().counts.asks += 1;
        if reply.player() != player {
            self.ledger.open().fail(format!("player {player} asks, and {reply:?} answers"));
        }
        match ask {
            Ask::Now { value } => self.answer(shard, reply, value),
            Ask::After { value, ticks } => self.asks.push((Due::At(shard.tick() + u64::from(ticks)), reply, value)),
            Ask::OnReturn { value } => self.asks.push((Due::OnReturn, reply, value)),
            Ask::Never { value } => self.asks.push((Due::Never, reply, value)),
        }
    }

    fn event(&mut self, _shard: &mut Core, player: PlayerId, event: Event) {
        self.ledger.open().hear(self.core, player, &event);
    }

    fn command(&mut self, _shard: &mut Core, _to: EntityId, _from: EntityId, order: Order) {
        self.ledger.open().obey(self.core, &order);
    }

    fn tick(&mut self, shard: &mut Core) {
        self.answer_due(shard, None);
        self.decide_pending(shard);
        let is_calm = self.ledger.open().is_calm;
        if !is_calm && self.random.chance(100) {
            match self.random.between(0, 9) {
                0 => self.act_on_others(shard),
                1 => self.act_on_other_cores(shard),
                _ => self.act_on_player(shard),
            }
        }
        let living: Vec<_> = shard.entities.ids().collect();
        let ours = shard.players().map(|player| (player, *shard.own(player).expect("it is here"), shard.body(player)));
        let ours: Vec<_> = ours.collect();
        self.ledger.open().end_tick(self.core, shard.tick(), &living, &ours);
    }

    fn draining(&mut self, _shard: &mut Core) {
        self.ledger.open().drained += 1;
    }
}

//! What must be true of the server: plain data that the game's callbacks change, and that every tick is compared with.

use super::rules::{self, Event, Input, Own, PUT_OUT, Ticket};
use crate::delivery_check::DeliveryCheck;
use ringshard::game::{LeaveReason, PlayerId};
use ringshard_protocol::wire::Channel;
use ringshard_world::{EntityId, Rules};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

/// Ticks for which the server repeats a player's last input.
const REPEATED_MAX: u32 = 15;
/// Own states that are remembered for each presence.
const HISTORY: usize = 400;
/// Ticks for which the server keeps a suspended session, less a little slack.
const RESUME_TICKS: u64 = 59 * 60;
/// So many reliable messages wait for a suspended player, at most.
const BACKLOG_MESSAGES_MAX: u32 = 512;

ringshard_protocol::counters! {
    /// What became of players, on all cores.
    LifeCounts {
        asked,
        refused,
        refused_later,
        entered,
        suspended,
        resumed,
        left,
        timed_out,
        put_out,
        backlogs_overflowed,
        disconnected,
        shut_down,
        steps,
        inputs_repeated,
        bodies_taken_over,
        entities_full,
        asks,
        events_in,
        commands,
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Pending,
    /// Since this tick.
    Inside(u64),
    Left,
}

/// What the game has decided about a presence and the server has not done yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Due {
    reason: LeaveReason,
    /// The last tick in which it may still be there.
    until: u64,
}

/// A player from its request to enter until it leaves.
pub struct Presence {
    pub player: PlayerId,
    pub ticket: Ticket,
    pub state: State,
    pub is_suspended: bool,
    suspended_at: u64,
    due: Option<Due>,
    pub own: Own,
    pub body: Option<EntityId>,
    last_input: u32,
    stepped_at: u64,
    /// Each tick's own states and bodies. Between two ticks the game may change them.
    history: VecDeque<(u32, Own, Option<EntityId>)>,
    /// Events that the game has sent to it, by channel.
    pub sent: [u32; 16],
    /// Reliable messages that wait since it is suspended, at least and at most.
    waiting: u32,
    pub waiting_most: u32,
    /// The tick in which more waited than the server keeps.
    flooded_at: Option<u64>,
    /// What its client has sent.
    heard: BTreeMap<u8, DeliveryCheck>,
}

/// Whose an entity is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    Presence(u32),
    /// It has had no player since this tick. Client `of` may get it again.
    Lingers {
        of: u32,
        until: u64,
    },
    Game,
}

#[derive(Clone, Copy, Debug)]
pub struct Entity {
    pub serial: u32,
    pub core: usize,
    pub owner: Owner,
    /// The tick at which it was despawned.
    pub gone_at: Option<u64>,
}

/// The newest attempt to enter of a client that has closed its connection, and of one that was kicked.
#[derive(Clone, Copy, Default, Debug)]
pub struct Deeds {
    pub closed: u32,
    pub kicked: u32,
}

#[derive(Default)]
pub struct Ledger {
    pub fault: Option<String>,
    pub counts: LifeCounts,
    pub presences: BTreeMap<u32, Presence>,
    /// The serials of the players of each core.
    pub living: Vec<BTreeMap<PlayerId, u32>>,
    pub entities: HashMap<EntityId, Entity>,
    /// By client.
    pub deeds: Vec<Deeds>,
    /// The game sends nothing by itself and changes nothing.
    pub is_calm: bool,
    pub is_stopping: bool,
    pub drained: usize,
    orders: BTreeMap<(u8, usize), u32>,
    newest_serial: u32,
}

/// The ledger, as the cores' games and the simulator share it.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Ledger>>);

impl Shared {
    pub fn new(cores: usize, clients: usize) -> Self {
        let ledger = Ledger {
            living: vec![BTreeMap::new(); cores],
            deeds: vec![Deeds::default(); clients],
            ..Ledger::default()
        };
        Shared(Arc::new(Mutex::new(ledger)))
    }

    pub fn open(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().expect("a thread that panics ends the process")
    }
}

impl Ledger {
    pub fn fail(&mut self, what: String) {
        self.fault.get_or_insert(what);
    }

    pub fn serial(&mut self) -> u32 {
        self.newest_serial += 1;
        self.newest_serial
    }

    pub fn serial_of(&self, core: usize, player: PlayerId) -> Option<u32> {
        self.living[core].get(&player).copied()
    }

    fn presence(&mut self, core: usize, player: PlayerId, what: &str) -> Option<&mut Presence> {
        let Some(serial) = self.serial_of(core, player) else {
            self.fail(format!("{what}: core {core} has no player {player}"));
            return None;
        };
        self.presences.get_mut(&serial)
    }

    /// A client asks to enter. Gives the serial of its presence.
    pub fn join(&mut self, core: usize, player: PlayerId, ticket: Ticket, tick: u64) -> u32 {
        let serial = self.serial();
        let is_later = ticket.plan >= rules::plans::ACCEPTED_LATER;
        let state = if is_later { State::Pending } else { State::Inside(tick) };
        let presence = Presence {
            player,
            ticket,
            state,
            is_suspended: false,
            suspended_at: 0,
            due: None,
            own: Own::default(),
            body: None,
            last_input: 0,
            stepped_at: tick,
            history: VecDeque::new(),
            sent: [0; 16],
            waiting: 0,
            waiting_most: 0,
            flooded_at: None,
            heard: BTreeMap::new(),
        };
        self.presences.insert(serial, presence);
        if self.living[core].insert(player, serial).is_some() {
            self.fail(format!("player {player} joins core {core}, but one of that name is there"));
        }
        self.counts.entered += u64::from(!is_later);
        serial
    }

    pub fn admit(&mut self, core: usize, player: PlayerId, tick: u64) {
        let Some(presence) = self.presence(core, player, "admitted") else { return };
        if presence.due.is_none() {
            (presence.state, presence.stepped_at) = (State::Inside(tick), tick);
            presence.note(presence.own, presence.body, tick);
            self.counts.entered += 1;
        }
    }

    /// The game has decided that a player leaves at the end of this tick.
    pub fn send_away(&mut self, core: usize, player: PlayerId, reason: LeaveReason, tick: u64) {
        let Some(presence) = self.presence(core, player, "sent away") else { return };
        presence.due.get_or_insert(Due { reason, until: tick });
    }

    pub fn suspend(&mut self, core: usize, player: PlayerId, tick: u64) {
        let Some(presence) = self.presence(core, player, "suspended") else { return };
        let is_legal = matches!(presence.state, State::Inside(_)) && !presence.is_suspended;
        (presence.is_suspended, presence.suspended_at) = (true, tick);
        (presence.waiting, presence.waiting_most, presence.flooded_at) = (0, 0, None);
        self.counts.suspended += 1;
        if !is_legal {
            self.fail(format!("player {player} of core {core} is suspended, but is not in the world, or was before"));
        }
    }

    pub fn resume(&mut self, core: usize, player: PlayerId) {
        let Some(presence) = self.presence(core, player, "resumed") else { return };
        let was_suspended = std::mem::take(&mut presence.is_suspended);
        self.counts.resumed += 1;
        if !was_suspended {
            self.fail(format!("player {player} of core {core} is resumed, but was not suspended"));
        }
    }

    /// A player leaves. Gives its serial and its body.
    pub fn leave(&mut self, core: usize, player: PlayerId, reason: LeaveReason, tick: u64) -> Option<u32> {
        let serial = self.serial_of(core, player);
        let is_stopping = self.is_stopping;
        let Ticket { client, attempt, .. } = self.presence(core, player, "leaves")?.ticket;
        // Hostile clients end as they like.
        let hostile = Deeds { closed: u32::MAX, kicked: u32::MAX };
        let deeds = self.deeds.get(client as usize).copied().unwrap_or(hostile);
        let presence = self.presence(core, player, "leaves")?;
        let (due, was_suspended) = (presence.due, presence.is_suspended);
        let is_pending = presence.state == State::Pending;
        let has_waited = is_pending || was_suspended && tick >= presence.suspended_at + RESUME_TICKS;
        let waiting = presence.waiting_most;
        presence.state = State::Left;
        self.living[core].remove(&player);
        let counts = &mut self.counts;
        let (is_legal, count) = match reason {
            LeaveReason::Left => (deeds.closed >= attempt, &mut counts.left),
            LeaveReason::TimedOut => (has_waited, &mut counts.timed_out),
            LeaveReason::PutOut(_) => (due.is_some_and(|due| due.reason == reason), &mut counts.put_out),
            LeaveReason::Refused(_) => {
                (is_pending && due.is_some_and(|due| due.reason == reason), &mut counts.refused_later)
            }
            LeaveReason::Backlog => {
                (was_suspended && waiting + 16 > BACKLOG_MESSAGES_MAX, &mut counts.backlogs_overflowed)
            }
            LeaveReason::Disconnected => (deeds.kicked >= attempt, &mut counts.disconnected),
            LeaveReason::ShuttingDown => (is_stopping, &mut counts.shut_down),
            // Nobody moves here.
            LeaveReason::Moved => (false, &mut counts.shut_down),
        };
        *count += 1;
        if !is_legal {
            self.fail(format!(
                "player {player} of core {core} leaves for {reason:?}; suspended {was_suspended}, {waiting} messages \
                 waiting, decided {due:?}, client {client} {deeds:?}"
            ));
        }
        serial
    }

    /// The player has this own state and body from now on.
    pub fn note(&mut self, serial: u32, own: Own, body: Option<EntityId>, tick: u64) {
        if let Some(body) = body {
            let former = self
                .entities
                .get_mut(&body)
                .map(|entity| std::mem::replace(&mut entity.owner, Owner::Presence(serial)));
            if let Some(Owner::Presence(former)) = former
                && former != serial
                && let Some(loser) = self.presences.get_mut(&former)
            {
                loser.note(loser.own, None, tick);
            }
        }
        let presence = self.presences.get_mut(&serial).expect("a noted presence is known");
        let former = presence.body;
        presence.note(own, body, tick);
        // A body that a player no longer has stays in the world, as the game's.
        if let Some(entity) = former.filter(|_| former != body).and_then(|former| self.entities.get_mut(&former))
            && entity.owner == Owner::Presence(serial)
        {
            entity.owner = Owner::Game;
        }
    }

    /// A player was stepped with an input.
    pub fn step(&mut self, core: usize, player: PlayerId, input: &Input, tick: u64) {
        let entities = &self.entities;
        let Some(presence) = self.living[core].get(&player).and_then(|serial| self.presences.get_mut(serial)) else {
            return self.fail(format!("core {core} steps player {player}, which is not there"));
        };
        let age = (tick as u32).wrapping_sub(input.tick);
        let is_neutral = *input == Input::default();
        let is_own = is_neutral
            || input.by == presence.ticket.client + 1 && age <= REPEATED_MAX && input.tick >= presence.last_input;
        let is_due = matches!(presence.state, State::Inside(since) if since < tick) && presence.stepped_at + 1 == tick;
        let what = (!is_own || !is_due).then(|| {
            format!(
                "player {player} of core {core} ({:?}) is stepped at tick {tick} with {input:?}; last at {}, with {}",
                presence.state, presence.stepped_at, presence.last_input
            )
        });
        presence.stepped_at = tick;
        presence.last_input = presence.last_input.max(input.tick);
        let mut own = presence.own;
        rules::Lives.step(&mut own, input);
        // A body that was despawned is noticed now.
        let body = presence.body.filter(|body| entities.get(body).is_some_and(|entity| entity.gone_at.is_none()));
        presence.note(own, body, tick);
        self.counts.steps += 1;
        self.counts.inputs_repeated += u64::from(!is_neutral && age > 0);
        what.into_iter().for_each(|what| self.fail(what));
    }

    /// A client's event has arrived.
    pub fn hear(&mut self, core: usize, player: PlayerId, event: &Event) {
        self.counts.events_in += 1;
        let honest = self.deeds.len() as u32;
        let Some(presence) = self.presence(core, player, "an event") else { return };
        if presence.ticket.client >= honest {
            return;
        }
        let Event::Numbered { presence: attempt, channel, number } = *event else {
            return self.fail(format!("a client sent {event:?}"));
        };
        let delivery = Channel::new(channel).expect("the client's channel").delivery();
        // An event of a former presence can arrive on any channel but the one that the requests to enter use.
        if attempt < presence.ticket.attempt && channel != Channel::RELIABLE_ORDERED.number() {
            return;
        }
        let mut fault = (attempt != presence.ticket.attempt).then(|| format!("its attempt is {attempt}"));
        if delivery.is_reliable() {
            let check = presence.heard.entry(channel).or_insert_with(|| DeliveryCheck::new(delivery));
            check.record(number.into());
            fault = fault.or_else(|| (!check.faults.is_none()).then(|| check.faults.text()));
        }
        if let Some(fault) = fault {
            self.fail(format!("event {number} of player {player} of core {core} on channel {channel}: {fault}"));
        }
    }

    /// Events that a client has sent, at rest: all must have arrived.
    pub fn has_heard(&self, serial: u32, channel: u8, told: u32) -> bool {
        let check = self.presences.get(&serial).and_then(|presence| presence.heard.get(&channel));
        check.map_or(told == 0, |check| check.missing(told.into()) == 0)
    }

    /// Counts an event to a player, and gives its number.
    pub fn next_event(&mut self, serial: u32, channel: Channel) -> Event {
        let presence = self.presences.get_mut(&serial).expect("an event's presence is known");
        presence.count_reliable(channel);
        let sent = &mut presence.sent[channel.index()];
        *sent += 1;
        Event::Numbered { presence: serial, channel: channel.number(), number: *sent - 1 }
    }

    /// Another message to a player: it waits if the player is suspended.
    pub fn count_message(&mut self, core: usize, player: PlayerId, channel: Channel) {
        if let Some(presence) = self.living[core].get(&player).and_then(|serial| self.presences.get_mut(serial)) {
            presence.count_reliable(channel);
        }
    }

    /// A command of core `order.core` has arrived.
    pub fn obey(&mut self, core: usize, order: &rules::Order) {
        let expected = self.orders.entry((order.core, core)).or_default();
        let was_expected = *expected == order.number;
        *expected = order.number + 1;
        self.counts.commands += 1;
        if !was_expected {
            self.fail(format!("core {core} got {order:?}, but not the one before"));
        }
    }

    /// Ends the tick of a core, before the server does what was decided in it. `living` are the store's entities.
    pub fn end_tick(
        &mut self,
        core: usize,
        tick: u64,
        living: &[EntityId],
        ours: &[(PlayerId, Own, Option<EntityId>)],
    ) {
        let mut expected = 0;
        for serial in self.living[core].values() {
            let Some(presence) = self.presences.get_mut(serial) else { continue };
            if presence.waiting > BACKLOG_MESSAGES_MAX {
                presence.flooded_at.get_or_insert(tick);
            }
            let player = presence.player;
            let late = presence.due.is_some_and(|due| tick > due.until)
                || presence.is_suspended && presence.flooded_at.is_some_and(|at| tick > at + 1);
            let unstepped =
                matches!(presence.state, State::Inside(since) if since < tick && presence.stepped_at != tick);
            let own = (player, presence.own, presence.body.filter(|body| living.contains(body)));
            // One that was admitted in this tick enters at its end.
            let is_inside = matches!(presence.state, State::Inside(since) if since < tick);
            expected += usize::from(is_inside);
            if late || unstepped || is_inside && !ours.contains(&own) {
                let what = format!(
                    "tick {tick}: player {player} of core {core} is {:?}, suspended {}, decided {:?}, {} waiting, stepped at \
                     {}, and must be {own:?}; the server has {ours:?}",
                    presence.state, presence.is_suspended, presence.due, presence.waiting, presence.stepped_at
                );
                return self.fail(what);
            }
        }
        if ours.len() != expected {
            self.fail(format!("core {core} has {} players in the world, expected {expected}: {ours:?}", ours.len()));
        }
        self.check_entities(core, tick, living);
    }

    fn check_entities(&mut self, core: usize, tick: u64, living: &[EntityId]) {
        let mut expected = 0;
        let mut wrong = None;
        for (id, entity) in
            self.entities.iter_mut().filter(|(_, entity)| entity.core == core && entity.gone_at.is_none())
        {
            let is_over = matches!(entity.owner, Owner::Lingers { until, .. } if tick > until);
            if is_over {
                entity.gone_at = Some(tick - 1);
            }
            expected += usize::from(!is_over);
            if living.contains(id) == is_over {
                wrong = Some(format!("tick {tick}: core {core} has {id:?}: {is_over}, expected {entity:?}"));
            }
        }
        if living.len() != expected {
            wrong = wrong.or_else(|| Some(format!("core {core} has {} entities, expected {expected}", living.len())));
        }
        wrong.into_iter().for_each(|what| self.fail(what));
    }

    /// Whether a player's own state and body were these at a tick.
    pub fn was(&self, tick: u32, own: &Own, body: Option<EntityId>) -> Result<(), String> {
        let Some(presence) = self.presences.get(&own.presence) else {
            return Err(format!("there is no presence {}", own.presence));
        };
        let mut values = presence.history.iter().filter(|value| value.0 == tick).peekable();
        if values.peek().is_some() && values.clone().any(|value| value.1 == *own && value.2 == body) {
            return Ok(());
        }
        Err(format!("at tick {tick} it has {own:?} and {body:?}, expected one of {:?}", values.collect::<Vec<_>>()))
    }

    /// Checks that nothing is left of any player, and forgets all presences.
    ///
    /// # Errors
    /// Says what is left.
    pub fn forget(&mut self) -> Result<(), String> {
        let left: Vec<_> = self.living.iter().flat_map(|players| players.keys()).collect();
        if !left.is_empty() {
            return Err(format!("everybody has left, but the players {left:?} have not"));
        }
        self.entities.retain(|_, entity| entity.gone_at.is_none());
        match self.entities.iter().find(|(_, entity)| entity.owner != Owner::Game) {
            Some(left) => Err(format!("everybody has left, but {left:?} has not")),
            None => {
                self.presences.clear();
                Ok(())
            }
        }
    }

    /// Players (in the world, of these suspended, pending) of a core.
    pub fn players(&self, core: usize) -> (u64, u64, u64) {
        let mut counts = (0, 0, 0);
        for presence in self.living[core].values().map(|serial| &self.presences[serial]) {
            match presence.state {
                State::Pending => counts.2 += 1,
                _ => counts.0 += 1,
            }
            counts.1 += u64::from(presence.is_suspended);
        }
        counts
    }
}

impl Presence {
    fn note(&mut self, own: Own, body: Option<EntityId>, tick: u64) {
        (self.own, self.body) = (own, body);
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back((tick as u32, own, body));
    }

    fn count_reliable(&mut self, channel: Channel) {
        let waits = u32::from(self.is_suspended && channel.delivery().is_reliable());
        (self.waiting, self.waiting_most) = (self.waiting + waits, self.waiting_most + waits);
    }
}

/// A reason to put a player out.
pub fn put_out_reason(draw: u64) -> u8 {
    PUT_OUT + (draw % 10) as u8
}

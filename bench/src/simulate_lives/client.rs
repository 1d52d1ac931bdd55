//! What must be true of a client: what it has asked for, and what it may be told.

use super::ledger::Ledger;
use super::rules::{Answer, BACKLOG, Event, LATE_REFUSAL, Lives, PUT_OUT, REFUSAL, Ticket, WRONG_TICKET, plans, seal};
use crate::delivery_check::DeliveryCheck;
use ringshard_client::{AskId, Client, News, Unanswered};
use ringshard_protocol::wire::Channel;
use ringshard_world::EntityId;
use ringshard_world::messages::reason::TICKET;
use std::collections::{BTreeMap, BTreeSet};

/// A client, as the model has it.
#[derive(Default)]
pub struct Model {
    number: u32,
    /// What it last showed to enter; None if that was no ticket.
    pub ticket: Option<Ticket>,
    pub attempts: u32,
    /// Asks that have no answer yet, with what the answer must be.
    pub open: BTreeMap<u16, u32>,
    /// Events that it has sent in this presence, by channel.
    pub told: [u32; 16],
    /// What it has got, by presence and channel.
    heard: BTreeMap<(u32, u8), Heard>,
    seen: BTreeSet<EntityId>,
    is_inside: bool,
    is_connected: bool,
    /// The tick that was compared last.
    compared: Option<u32>,
}

/// What has arrived on a channel.
enum Heard {
    Reliable(DeliveryCheck),
    Unreliable(BTreeSet<u32>),
}

impl Model {
    pub fn new(number: usize) -> Self {
        Model { number: number as u32, ..Model::default() }
    }

    /// A ticket for the next attempt to enter.
    pub fn ticket(&mut self, plan: u8) -> Ticket {
        self.attempts += 1;
        let ticket = Ticket { client: self.number, attempt: self.attempts, plan };
        self.ticket = Some(ticket);
        ticket
    }

    /// Everybody has left: nothing that it got before matters.
    pub fn forget(&mut self) {
        self.heard.clear();
    }

    /// Whether it is in the world, and connected as far as it knows.
    pub fn is_here(&self) -> bool {
        self.is_inside && self.is_connected
    }

    /// The client's program has been started again.
    pub fn restart(&mut self) {
        let Model { number, attempts, .. } = *self;
        *self = Model { number, attempts, ..Model::default() };
    }

    /// What the client has been told.
    ///
    /// # Errors
    /// Says what it must not be told.
    pub fn hear(&mut self, news: &News<Lives>, ledger: &Ledger) -> Result<(), String> {
        match *news {
            News::Entered { .. } => self.enter(),
            News::Refused(reason) => self.leave(self.refusal() == Some(reason) || reason == TICKET),
            News::Moved { .. } => ok(false),
            News::WrongSchema(_) => self.leave(false),
            News::PutOut(reason) => self.leave((PUT_OUT..PUT_OUT + 10).contains(&reason) || reason == BACKLOG),
            News::Spawned(id) => ok(self.is_inside && self.seen.insert(id)),
            News::Despawned(id) => ok(self.is_inside && self.seen.remove(&id)),
            News::Event(Event::Numbered { presence, channel, number }) => {
                self.hear_numbered(ledger, presence, channel, number)
            }
            News::Event(Event::Rumour { value, seal: told }) => ok(told == seal(value, 0)),
            News::Answer(AskId(id), Answer { value }) => ok(self.open.remove(&id) == Some(value)),
            News::Unanswered(AskId(id), why) => {
                let is_expected = matches!(why, Unanswered::PutOut | Unanswered::SessionLost);
                ok(self.open.remove(&id).is_some() && is_expected)
            }
            News::Reconnecting(_) => {
                self.is_connected = false;
                Ok(())
            }
            News::Resumed => ok(!std::mem::replace(&mut self.is_connected, true)),
            News::Renewed | News::Closed(_) => {
                (self.is_inside, self.compared) = (false, None);
                self.is_connected = matches!(news, News::Renewed);
                self.seen.clear();
                Ok(())
            }
            News::BodyChanged(_) | News::Corrected { .. } => ok(self.is_inside),
        }
        .map_err(|()| format!("client {} must not be told {news:?}: {self:?}", self.number))
    }

    fn refusal(&self) -> Option<u8> {
        match self.ticket.map(|ticket| ticket.plan) {
            None => Some(WRONG_TICKET),
            Some(plans::REFUSED) => Some(REFUSAL),
            Some(plans::REFUSED_LATER) => Some(LATE_REFUSAL),
            Some(_) => None,
        }
    }

    fn enter(&mut self) -> Result<(), ()> {
        let may = self.ticket.is_some_and(|it| it.plan <= plans::WITHOUT_BODY || it.plan == plans::ACCEPTED_LATER);
        (self.told, self.compared) = ([0; 16], None);
        self.is_connected = true;
        self.seen.clear();
        ok(may && !std::mem::replace(&mut self.is_inside, true) && self.open.is_empty())
    }

    fn leave(&mut self, is_expected: bool) -> Result<(), ()> {
        (self.is_inside, self.compared) = (false, None);
        self.seen.clear();
        ok(is_expected && self.open.is_empty())
    }

    fn hear_numbered(&mut self, ledger: &Ledger, presence: u32, channel: u8, number: u32) -> Result<(), ()> {
        let known = ledger.presences.get(&presence).ok_or(())?;
        ok(known.ticket.client == self.number && number < known.sent[usize::from(channel)])?;
        let delivery = Channel::new(channel).ok_or(())?.delivery();
        let heard = self.heard.entry((presence, channel)).or_insert_with(|| match delivery.is_reliable() {
            true => Heard::Reliable(DeliveryCheck::new(delivery)),
            false => Heard::Unreliable(BTreeSet::new()),
        });
        match heard {
            Heard::Reliable(check) => {
                check.record(number.into());
                ok(check.faults.is_none())
            }
            Heard::Unreliable(numbers) => {
                let is_newest = numbers.last().is_none_or(|last| number > *last);
                ok(numbers.insert(number) && (is_newest || delivery == ringshard_protocol::wire::Delivery::Unreliable))
            }
        }
    }

    /// Compares the client with what the server had at the tick of its newest snapshot.
    ///
    /// # Errors
    /// Says what differs.
    pub fn check(&mut self, client: &Client<Lives>, ledger: &Ledger) -> Result<(), String> {
        let number = self.number;
        let stats = client.stats();
        if self.is_inside != client.is_in_world() || !self.is_inside && !self.open.is_empty() {
            return Err(format!("client {number} is in the world: {}; {self:?}", client.is_in_world()));
        }
        if stats.malformed + stats.snapshots_refused > 0 {
            return Err(format!("client {number} could not read the server's messages: {stats:?}"));
        }
        let view = client.view();
        if view.len() != self.seen.len() || !view.entities().all(|seen| self.seen.contains(&seen.id())) {
            return Err(format!("client {number} sees other entities than it was told: {:?}", self.seen));
        }
        let Some(tick) = view.newest().map(|header| header.tick).filter(|tick| self.compared != Some(*tick)) else {
            return Ok(());
        };
        self.compared = Some(tick);
        let owner = view.owner();
        ledger.was(tick, &owner.own, owner.body).map_err(|what| format!("client {number}: {what}"))?;
        let is_mine = ledger.presences.get(&owner.own.presence).is_some_and(|it| it.ticket.client == number);
        if !is_mine {
            return Err(format!("client {number} has the state of another: {owner:?}"));
        }
        for seen in view.entities() {
            let shown = &seen.state().shown;
            let serial = ledger.entities.get(&seen.id()).map(|entity| entity.serial);
            if serial != Some(shown.serial) || shown.seal != seal(shown.serial, shown.version) {
                return Err(format!("client {number} sees {:?} as {shown:?}, expected {serial:?}", seen.id()));
            }
        }
        Ok(())
    }

    /// Checks a client that is connected and in the world, when nothing has happened for a while: it has all that was sent.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn check_calm(&self, client: &Client<Lives>, ledger: &Ledger) -> Result<(), String> {
        let (number, serial) = (self.number, client.view().owner().own.presence);
        let presence = ledger.presences.get(&serial).ok_or(format!("client {number} has no presence {serial}"))?;
        let is_reliable = |channel: &Channel| channel.delivery().is_reliable();
        for channel in Channel::all().filter(is_reliable) {
            let (sent, told) = (presence.sent[channel.index()], self.told[channel.index()]);
            let next = match self.heard.get(&(serial, channel.number())) {
                Some(Heard::Reliable(check)) => check.next(),
                _ => 0,
            };
            if next != u64::from(sent) || !ledger.has_heard(serial, channel.number(), told) {
                return Err(format!(
                    "client {number}, presence {serial}, channel {}: {next} of {sent} events have arrived, or not all {told} \
                     of its own",
                    channel.number()
                ));
            }
        }
        let mut living: Vec<_> =
            ledger.entities.iter().filter(|(_, it)| it.gone_at.is_none()).map(|(id, _)| *id).collect();
        living.retain(|id| !self.seen.contains(id));
        let all = ledger.entities.values().filter(|it| it.gone_at.is_none()).count();
        match living.is_empty() && self.seen.len() == all {
            true => Ok(()),
            false => Err(format!("client {number} sees {:?}, but not {living:?}, of {all} entities", self.seen)),
        }
    }
}

fn ok(is_legal: bool) -> Result<(), ()> {
    if is_legal { Ok(()) } else { Err(()) }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Model { ticket, open, seen, is_inside, is_connected, .. } = self;
        write!(f, "{ticket:?}, open {open:?}, sees {seen:?}, inside {is_inside}, connected {is_connected}")
    }
}

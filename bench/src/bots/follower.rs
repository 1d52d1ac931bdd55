//! A bot that follows: a client of the game without eyes. It opens, checks and acknowledges every datagram, predicts its own
//! state and compares it with the server's, and sends the same inputs as a whole client. It keeps no view of the others. So it
//! needs little memory, and one core drives many more of them.
//!
//! Its tick is a turn that comes 60 times per second. Bots behind one relay have their turns together, so that their
//! inputs leave as one batch; relays take their turns evenly over the tick.

use super::brain::Brain;
use super::observations::SnapshotCounts;
use super::shared::Shared;
use crate::load::fleet::Member;
use ringshard_demo_rules::{DemoRules, Event, Own};
use ringshard_prefetch::prefetch;
use ringshard_protocol::client::{Client, ClientConfig, ClientEvent, CloseReason};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Channel;
use ringshard_world::Rules;
use ringshard_world::codec::{NoRoom, Writer};
use ringshard_world::contract::Text;
use ringshard_world::limits::{INPUTS_PER_MESSAGE_MAX, TICKS_PER_SECOND};
use ringshard_world::messages::{
    EnterAnswer, EnterRequest, InputHeader, NO_LEAD, TimedInput, kinds, read_event, write_event,
};
use ringshard_world::prediction::{Prediction, Reconciled};
use ringshard_world::view::OwnView;
use std::sync::Arc;
use std::sync::atomic::Ordering;

const TURN: Duration = Duration::from_nanos(1_000_000_000 / TICKS_PER_SECOND as u64);
/// How often a connected bot checks whether it may enter the world.
const LOOK: Duration = Duration::from_millis(20);
/// Inputs in a message: the new one, and those before it.
const INPUTS: usize = 3;
/// Its inputs arrive so many ticks ahead. If not, it changes the tick of its next input until they are [`LEAD`] ahead.
const LEADS: std::ops::RangeInclusive<i8> = 1..=3;
const LEAD: i8 = 2;
/// Before it knows the lead, its first input is so many ticks ahead of the newest snapshot.
const LEAD_FIRST: u32 = 4;
/// It corrects at most so many ticks at once.
const CORRECTION_MAX: i8 = 8;

pub struct Follower {
    client: Option<Client>,
    brain: Brain,
    shared: Arc<Shared>,
    view: OwnView<Own>,
    prediction: Prediction<DemoRules>,
    /// The tick from which on leads show the last correction.
    corrected_at: u64,
    /// Turns in which it makes no input, because its inputs are too early.
    pauses: u32,
    is_inside: bool,
    wants_in: bool,
    /// When it has its next turn, or checks whether it may enter.
    next_turn: Instant,
    /// Offset of its turns within the tick.
    phase: Duration,
    pub counts: SnapshotCounts,
}

impl Follower {
    /// `relay` is from 0 to 1: when the turns of its relay begin within the tick.
    pub fn new(brain: Brain, relay: f64, shared: Arc<Shared>) -> Self {
        Follower {
            client: None,
            brain,
            view: OwnView::new(shared.rules.blank_own(), 0),
            shared,
            prediction: Prediction::default(),
            corrected_at: 0,
            pauses: 0,
            is_inside: false,
            wants_in: false,
            next_turn: Instant::NEVER,
            phase: Duration::from_nanos((relay * TURN.as_nanos() as f64) as u64),
            counts: SnapshotCounts::default(),
        }
    }

    fn take_message(&mut self, message: &[u8]) {
        match message.first() {
            Some(&kinds::DELTA_SYNC) => self.take_snapshot(message),
            Some(&kinds::ENTER_TO_WORLD) => self.take_enter_answer(message),
            Some(&kinds::EVENT) => {
                self.counts.chats += u64::from(matches!(read_event(message), Ok(Event::Said { .. })));
            }
            _ => {}
        }
    }

    fn take_enter_answer(&mut self, message: &[u8]) {
        match EnterAnswer::read(message) {
            Ok(EnterAnswer::Welcome(welcome)) if !self.is_inside => {
                self.is_inside = true;
                self.view.begin(welcome.first_snapshot);
                self.shared.entered.fetch_add(1, Ordering::Relaxed);
            }
            // A server without a world sends the request back.
            Err(_) if EnterRequest::read(message).is_ok() => self.shared.echoed.store(true, Ordering::Relaxed),
            _ => {}
        }
    }

    fn take_snapshot(&mut self, message: &[u8]) {
        if !self.is_inside {
            return;
        }
        let taken = self.view.take(message);
        let measures = self.shared.measure.load(Ordering::Relaxed);
        if measures {
            self.counts.faulty += u64::from(taken.is_err());
            self.counts.snapshots += 1;
            self.counts.snapshot_bytes += message.len() as u64;
        }
        if taken == Ok(true) {
            self.compare(measures);
            self.correct_lead();
        }
    }

    /// Compares the predicted state with the server's.
    fn compare(&mut self, measures: bool) {
        let rules = &self.shared.rules;
        let is_first = self.prediction.is_empty();
        let reconciled = self.prediction.reconcile(rules, self.view.tick(), self.view.owner().own);
        if is_first {
            (0..LEAD_FIRST).for_each(|_| _ = self.prediction.skip(rules));
            self.corrected_at = self.prediction.newest();
        } else if measures && reconciled != Reconciled::Forgotten {
            self.counts.predicted += 1;
            self.counts.mispredicted += u64::from(reconciled != Reconciled::Agreed);
        }
    }

    /// Changes the tick of the next input if inputs arrive too late or too early.
    fn correct_lead(&mut self) {
        let Some(newest) = self.view.newest() else { return };
        let tells =
            newest.lead != NO_LEAD && self.view.tick().saturating_add_signed(newest.lead.into()) > self.corrected_at;
        if !tells || LEADS.contains(&newest.lead) {
            return;
        }
        let late = (LEAD - newest.lead).clamp(-CORRECTION_MAX, CORRECTION_MAX);
        (0..late).for_each(|_| _ = self.prediction.skip(&self.shared.rules));
        self.pauses = late.min(0).unsigned_abs().into();
        self.corrected_at = self.prediction.newest();
    }

    /// Makes the input of a tick and sends it, with those before it.
    fn send_input(&mut self, now: Instant) {
        if self.prediction.is_empty() {
            return;
        }
        if self.pauses > 0 {
            self.pauses -= 1;
            return;
        }
        let Follower { client: Some(client), brain, shared, view, prediction, .. } = self else { return };
        let (rules, neutral) = (&shared.rules, shared.rules.neutral_input());
        let input = brain.input(prediction.own());
        let tick = prediction.step(rules, TimedInput { input, view_delay: 0 });
        let mut inputs = [TimedInput { input: neutral, view_delay: 0 }; INPUTS_PER_MESSAGE_MAX];
        let count = prediction.last_inputs(INPUTS, &mut inputs);
        let header = InputHeader { received: view.received(), digest: None, tick: tick as u32 };
        // An input that is not accepted counts as lost.
        send(now, client, Channel::UNRELIABLE, |writer| header.write(&neutral, &inputs[..count], writer));
        if brain.speaks() {
            let event = Event::Say { text: Text::new("good evening") };
            send(now, client, Channel::RELIABLE_ORDERED, |writer| write_event(&event, writer));
        }
    }

    fn try_to_enter(&mut self, now: Instant) {
        let Some(client) = self.client.as_mut().filter(|_| self.wants_in) else { return };
        if self.shared.open.load(Ordering::Relaxed) {
            self.wants_in = false;
            let request = EnterRequest { schema: self.shared.rules.schema(), ticket: &[] };
            send(now, client, Channel::RELIABLE_ORDERED, |writer| request.write(writer));
        }
    }

    /// The first moment after `now` at which its relay has a turn.
    fn turn_after(&self, now: Instant) -> Instant {
        let nanos = TURN.as_nanos() as u64;
        let phase = self.phase.as_nanos() as u64;
        let turns = (now.as_nanos() + nanos - phase) / nanos;
        Instant::from_nanos(turns * nanos + phase)
    }
}

/// Sends a message if the connection takes it.
fn send(
    now: Instant,
    client: &mut Client,
    channel: Channel,
    write: impl FnOnce(&mut Writer<'_>) -> Result<(), NoRoom>,
) {
    let mut message = [0; EnterRequest::BYTES_MAX];
    let mut writer = Writer::new(&mut message);
    write(&mut writer).expect("the largest message fits");
    let _ = client.send(now, channel, writer.written());
}

impl Member for Follower {
    fn begin(&mut self, config: ClientConfig, now: Instant, seed: [u8; 32]) {
        self.client = Some(Client::new(config, now, seed).expect("the server's key is valid"));
    }

    fn connection(&self) -> &Client {
        self.client.as_ref().expect("a member begins first")
    }

    fn connection_mut(&mut self) -> &mut Client {
        self.client.as_mut().expect("a member begins first")
    }

    fn receive(&mut self, now: Instant, datagram: &mut [u8], buffer: &mut Vec<u8>) -> bool {
        let was_inside = self.is_inside;
        let messages = self.connection_mut().receive(now, datagram);
        messages.into_iter().flatten().for_each(|message| self.take_message(message.bytes));
        while self.connection_mut().read(buffer).is_some() {
            self.take_message(buffer);
        }
        // Once inside, everything waits for its turn.
        !was_inside
    }

    fn serve(&mut self, now: Instant) -> Option<CloseReason> {
        let client = self.connection_mut();
        if client.deadline() <= now {
            client.advance(now);
        }
        let mut closed = None;
        while let Some(event) = self.connection_mut().poll_event() {
            match event {
                ClientEvent::Connected { .. } => self.wants_in = true,
                ClientEvent::Closed(reason) => closed = Some(reason),
                ClientEvent::Reconnecting(_) => {}
            }
        }
        self.try_to_enter(now);
        if self.is_inside && now >= self.next_turn {
            self.send_input(now);
        }
        if now >= self.next_turn || self.next_turn == Instant::NEVER {
            self.next_turn = match (self.is_inside, self.wants_in) {
                (true, _) => self.turn_after(now),
                (false, true) => now + LOOK,
                (false, false) => Instant::NEVER,
            };
        }
        closed
    }

    fn deadline(&self) -> Instant {
        // Inside, the timers of the connection wait for the next turn.
        if self.is_inside { self.next_turn } else { self.next_turn.min(self.connection().deadline()) }
    }

    fn prefetch(&self) {
        prefetch(self);
    }
}

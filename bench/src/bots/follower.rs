//! A bot that follows: a client of the game without eyes. It opens, checks and acknowledges every datagram, predicts its own
//! state and compares it with the server's, and sends the same inputs as a whole client. It keeps no view of the others. So it
//! needs little memory, and one core drives many more of them.
//!
//! Its tick is a turn that comes 60 times per second. Bots behind one relay have their turns together, so that their
//! inputs leave as one batch; relays take their turns evenly over the tick.

use super::brain::Brain;
use super::observations::SnapshotCounts;
use super::shared::Shared;
use ringshard_demo_rules::{DemoRules, Event, Own};
use ringshard_prefetch::prefetch;
use ringshard_protocol::client::{Client, ClientEvent, CloseReason};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Channel;
use ringshard_world::Rules;
use ringshard_world::codec::{NoRoom, Writer};
use ringshard_world::contract::Text;
use ringshard_world::limits::{INPUTS_PER_MESSAGE_MAX, TICKS_PER_SECOND};
use ringshard_world::messages::{
    EnterAnswer, EnterRequest, InputHeader, NO_LEAD, SnapshotHeader, TimedInput, kinds, read_event, write_event,
};
use ringshard_world::prediction::{Prediction, Reconciled};
use ringshard_world::view::OwnView;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How long the timers of a connection are asked in every turn after a reliable message.
const BUSY: Duration = Duration::from_secs(1);
/// How often they are asked otherwise: only for heartbeats and new keys.
const TIMERS: Duration = Duration::from_millis(200);
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
    client: Client,
    brain: Brain,
    shared: Arc<Shared>,
    view: OwnView<Own>,
    prediction: Prediction<DemoRules>,
    /// The tick from which on leads show the last correction.
    corrected_at: u64,
    /// Turns in which it makes no input, because its inputs are too early.
    pauses: u32,
    /// Inputs since its last message.
    unsent: usize,
    is_inside: bool,
    wants_in: bool,
    /// When it has its next turn, or checks whether it may enter.
    next_turn: Instant,
    /// Until then, something reliable may be under way, and the timers of the connection are asked in every turn.
    busy_until: Instant,
    /// Otherwise they are asked then.
    timers_at: Instant,
    /// Offset of its turns within the tick.
    phase: Duration,
    pub counts: SnapshotCounts,
}

impl Follower {
    /// A bot that connects by `client`. `relay` is from 0 to 1: when the turns of its relay begin within the tick.
    pub fn new(client: Client, brain: Brain, relay: f64, shared: Arc<Shared>) -> Self {
        Follower {
            client,
            brain,
            view: OwnView::new(shared.rules.blank_own(), 0),
            shared,
            prediction: Prediction::default(),
            corrected_at: 0,
            pauses: 0,
            unsent: 0,
            is_inside: false,
            wants_in: false,
            next_turn: Instant::NEVER,
            busy_until: Instant::ZERO,
            timers_at: Instant::ZERO,
            phase: Duration::from_nanos((relay * TURN.as_nanos() as f64) as u64),
            counts: SnapshotCounts::default(),
        }
    }

    fn note_channel(&mut self, now: Instant, channel: Channel) {
        if channel.delivery().is_reliable() {
            self.busy_until = now + BUSY;
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
            let missed = self.view.newest().is_some_and(|newest| newest.input_age > 0 && newest.lead != NO_LEAD);
            self.counts.inputs_missed += u64::from(measures && missed);
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

    fn run_timers(&mut self, now: Instant) {
        if self.is_inside && now >= self.busy_until && now < self.timers_at {
            return;
        }
        self.timers_at = now + TIMERS;
        if self.client.deadline() <= now {
            self.client.advance(now);
        }
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
        let Follower { client, brain, shared, view, prediction, .. } = self;
        let (rules, neutral) = (&shared.rules, shared.rules.neutral_input());
        let input = brain.input(prediction.own());
        let tick = prediction.step(rules, TimedInput { input, view_delay: 0 });
        // An overloaded server asks for fewer messages.
        let interval = view.newest().map_or(1, |newest| newest.input_interval.into());
        self.unsent += 1;
        if self.unsent < interval {
            return;
        }
        self.unsent = 0;
        let mut inputs = [TimedInput { input: neutral, view_delay: 0 }; INPUTS_PER_MESSAGE_MAX];
        let count = prediction.last_inputs(INPUTS.max(interval), &mut inputs);
        let header = InputHeader { received: view.received(), digest: None, tick: tick as u32 };
        // An input that is not accepted counts as lost.
        send(now, client, Channel::UNRELIABLE, |writer| header.write(&neutral, &inputs[..count], writer));
        if brain.speaks() {
            self.busy_until = now + BUSY;
            let event = Event::Say { text: Text::new("good evening") };
            send(now, client, Channel::RELIABLE_ORDERED, |writer| write_event(&event, writer));
        }
    }

    fn try_to_enter(&mut self, now: Instant) {
        if self.wants_in && self.shared.open.load(Ordering::Relaxed) {
            self.wants_in = false;
            self.busy_until = now + BUSY;
            let request = EnterRequest { schema: self.shared.rules.schema(), ticket: &[] };
            send(now, &mut self.client, Channel::RELIABLE_ORDERED, |writer| request.write(writer));
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

impl Follower {
    /// The tick of its newest input; None before the first.
    pub fn newest_input(&self) -> Option<u32> {
        (!self.prediction.is_empty()).then(|| self.prediction.newest() as u32)
    }

    /// The header of the newest snapshot.
    pub fn newest_snapshot(&self) -> Option<SnapshotHeader> {
        self.view.newest()
    }

    pub fn connection(&self) -> &Client {
        &self.client
    }

    pub fn connection_mut(&mut self) -> &mut Client {
        &mut self.client
    }

    /// See [`Member::receive`](crate::load::fleet::Member::receive).
    pub fn receive(&mut self, now: Instant, datagram: &mut [u8], buffer: &mut Vec<u8>) -> bool {
        let was_inside = self.is_inside;
        let messages = self.client.receive(now, datagram);
        for message in messages.into_iter().flatten() {
            self.note_channel(now, message.channel);
            self.take_message(message.bytes);
        }
        while let Some(channel) = self.client.read(buffer) {
            self.note_channel(now, channel);
            self.take_message(buffer);
        }
        // Once inside, everything waits for its turn.
        !was_inside
    }

    /// Lets time pass for the connection only. Returns why it is gone, once.
    pub fn keep_alive(&mut self, now: Instant) -> Option<CloseReason> {
        self.run_timers(now);
        let mut closed = None;
        while let Some(event) = self.client.poll_event() {
            match event {
                ClientEvent::Connected { .. } => self.wants_in = true,
                ClientEvent::Closed(reason) => closed = Some(reason),
                ClientEvent::Reconnecting(_) | ClientEvent::Moved { .. } => {}
            }
        }
        closed
    }

    /// See [`Member::serve`](crate::load::fleet::Member::serve).
    pub fn serve(&mut self, now: Instant) -> Option<CloseReason> {
        let closed = self.keep_alive(now);
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

    pub fn deadline(&self) -> Instant {
        // Inside, the timers of the connection wait for the next turn.
        if self.is_inside { self.next_turn } else { self.next_turn.min(self.client.deadline()) }
    }

    /// See [`Member::prefetch_rest`](crate::load::fleet::Member::prefetch_rest).
    pub fn prefetch_rest(&self) {
        self.client.prefetch_frames();
        let Follower { prediction, view, .. } = self;
        prediction.own().into_iter().chain(prediction.own_at(view.tick() + 1)).for_each(prefetch);
        view.next_baseline().into_iter().for_each(prefetch);
    }

    /// See [`Member::prefetch`](crate::load::fleet::Member::prefetch).
    pub fn prefetch(&self) {
        let Follower { client, brain, view, prediction, corrected_at, next_turn, counts, .. } = self;
        client.prefetch();
        prefetch(brain);
        prefetch(view);
        prefetch(prediction);
        prefetch(counts);
        prefetch(corrected_at);
        prefetch(next_turn);
    }
}

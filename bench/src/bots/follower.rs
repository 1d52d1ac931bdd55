//! A bot that only follows: it sends inputs as a client of the game does, acknowledges snapshots without reading them, and
//! keeps no view of the world. One machine can run many more of them.

use super::brain::Brain;
use super::observations::SnapshotCounts;
use super::shared::Shared;
use crate::load::fleet::Workload;
use ringshard_demo_rules::{Event, Input};
use ringshard_protocol::client::{Client, ClientEvent};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Channel;
use ringshard_world::codec::{NoRoom, Reader, Writer};
use ringshard_world::contract::Text;
use ringshard_world::limits::TICKS_PER_SECOND;
use ringshard_world::messages::{
    EnterAnswer, EnterRequest, InputHeader, NO_LEAD, SnapshotHeader, TimedInput, kinds, read_event, write_event,
};
use ringshard_world::{Received, Rules};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const INPUT_PERIOD: Duration = Duration::from_nanos(1_000_000_000 / TICKS_PER_SECOND as u64);
/// How often a connected bot checks whether it may enter the world.
const LOOK: Duration = Duration::from_millis(20);
/// Inputs in a message: the new one, and those before it.
const INPUTS: usize = 3;
/// Its inputs arrive this many ticks ahead, at least and at most.
const LEADS: std::ops::RangeInclusive<i8> = 1..=4;
/// The first inputs are so many ticks ahead of the newest snapshot.
const LEAD_FIRST: u32 = 4;

pub struct Follower {
    brain: Brain,
    shared: Arc<Shared>,
    received: Received,
    is_inside: bool,
    wants_in: bool,
    /// When it next checks whether it may enter.
    next_look: Instant,
    next_input: Instant,
    /// Offset of its inputs within the input period.
    phase: Duration,
    /// The tick of the newest input; None before the first snapshot.
    tick: Option<u32>,
    /// Ticks between two messages, as the server asks, and inputs since the last message.
    input_interval: u8,
    unsent: u8,
    /// The last inputs, oldest first.
    inputs: [TimedInput<Input>; INPUTS],
    pub counts: SnapshotCounts,
}

impl Follower {
    /// Bots behind one relay send at the same phase of the period, as relays forward in batches.
    pub fn new(brain: Brain, relay: f64, shared: Arc<Shared>) -> Self {
        Follower {
            brain,
            shared,
            received: Received::before(0),
            is_inside: false,
            wants_in: false,
            next_look: Instant::NEVER,
            next_input: Instant::NEVER,
            phase: Duration::from_nanos((relay * INPUT_PERIOD.as_nanos() as f64) as u64),
            tick: None,
            input_interval: 1,
            unsent: 0,
            inputs: [TimedInput::default(); INPUTS],
            counts: SnapshotCounts::default(),
        }
    }

    /// The tick of its newest input; None before the first snapshot.
    pub fn tick(&self) -> Option<u32> {
        self.tick
    }

    fn take_snapshot(&mut self, message: &[u8]) {
        let measures = self.shared.measure.load(Ordering::Relaxed);
        let header = SnapshotHeader::read(&mut Reader::new(message));
        if measures {
            self.counts.faulty += u64::from(header.is_err());
            self.counts.snapshots += 1;
            self.counts.snapshot_bytes += message.len() as u64;
        }
        let Ok(header) = header else { return };
        if !self.received.is_news(header.number) {
            return;
        }
        self.received.note(header.number);
        self.input_interval = header.input_interval;
        let tick = self.tick.get_or_insert(header.tick.wrapping_add(LEAD_FIRST));
        // One tick at a time, so that a late answer does not make it overshoot.
        match header.lead {
            NO_LEAD => {}
            lead if lead < *LEADS.start() => *tick = tick.wrapping_add(1),
            lead if lead > *LEADS.end() => *tick = tick.wrapping_sub(1),
            _ => {}
        }
    }

    fn send_input(&mut self, now: Instant, client: &mut Client) {
        let Some(tick) = &mut self.tick else { return };
        *tick = tick.wrapping_add(1);
        self.inputs.rotate_left(1);
        self.inputs[INPUTS - 1] = TimedInput { input: self.brain.input(None), view_delay: 0 };
        self.unsent += 1;
        if self.unsent < self.input_interval {
            return;
        }
        self.unsent = 0;
        let header = InputHeader { received: self.received.acknowledgment(), digest: None, tick: *tick };
        let neutral = self.shared.rules.neutral_input();
        // An input that is not accepted counts as lost.
        send(now, client, Channel::UNRELIABLE, |writer| header.write(&neutral, &self.inputs, writer));
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

impl Workload for Follower {
    fn on_message(&mut self, _channel: Channel, message: &[u8]) {
        match message.first() {
            Some(&kinds::DELTA_SYNC) => self.take_snapshot(message),
            Some(&kinds::ENTER_TO_WORLD) => match EnterAnswer::read(message) {
                Ok(EnterAnswer::Welcome(_)) if !std::mem::replace(&mut self.is_inside, true) => {
                    self.shared.entered.fetch_add(1, Ordering::Relaxed);
                }
                // A server without a world sends the request back.
                Err(_) if EnterRequest::read(message).is_ok() => self.shared.echoed.store(true, Ordering::Relaxed),
                _ => {}
            },
            Some(&kinds::EVENT) => {
                self.counts.chats += u64::from(matches!(read_event(message), Ok(Event::Said { .. })));
            }
            _ => {}
        }
    }

    fn advance(&mut self, now: Instant, client: &mut Client) {
        if self.wants_in && self.shared.open.load(Ordering::Relaxed) {
            self.wants_in = false;
            let request = EnterRequest { schema: self.shared.rules.schema(), ticket: &[] };
            send(now, client, Channel::RELIABLE_ORDERED, |writer| request.write(writer));
        }
        self.next_look = if self.wants_in { now + LOOK } else { Instant::NEVER };
        if !self.is_inside {
            return;
        }
        if self.next_input == Instant::NEVER {
            let periods = now.since(Instant::ZERO).as_nanos() / INPUT_PERIOD.as_nanos() + 1;
            self.next_input =
                Instant::ZERO + Duration::from_nanos((periods * INPUT_PERIOD.as_nanos()) as u64) + self.phase;
        }
        if now < self.next_input {
            return;
        }
        self.send_input(now, client);
        let behind = now.since(self.next_input).as_nanos() / INPUT_PERIOD.as_nanos();
        self.next_input = self.next_input + INPUT_PERIOD * (behind as u32 + 1);
        if self.brain.speaks() {
            let event = Event::Say { text: Text::new("good evening") };
            send(now, client, Channel::RELIABLE_ORDERED, |writer| write_event(&event, writer));
        }
    }

    fn deadline(&self) -> Instant {
        self.next_input.min(self.next_look)
    }

    fn on_event(&mut self, event: ClientEvent) {
        if let ClientEvent::Connected { .. } = event {
            self.wants_in = true;
        }
    }
}

//! A client that says what the test tells it: for tests against cheaters, and of the server's answers to the byte.

use crate::seat::Datagrams;
use crate::{seed_of, server};
use ringshard_protocol::client::{Client, ClientConfig, ClientEvent, CloseReason};
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::Channel;
use ringshard_world::codec::Writer;
use ringshard_world::contract::Schema;
use ringshard_world::limits::{INPUT_MESSAGE_BYTES_MAX, INPUTS_PER_MESSAGE_MAX};
use ringshard_world::messages::{
    ASK_MESSAGE_BYTES_MAX, Answered, EVENT_MESSAGE_BYTES_MAX, EnterAnswer, EnterRequest, InputHeader, Owner,
    SnapshotHeader, TimedInput, Welcome, kinds, read_answer, read_event, write_ask, write_event,
};
use ringshard_world::{Rules, View};
use std::collections::VecDeque;

/// A tick, in nanoseconds.
const TICK_NANOS: u64 = 1_000_000_000 / 60;

/// A snapshot that has arrived: its header, and what it says about the player itself.
pub type OwnSnapshot<R> = (SnapshotHeader, Owner<<R as Rules>::Own>);

/// A client of the transport that reads world messages, and writes those that it is told to. By itself it enters the world
/// and sends an input per tick.
pub struct RawClient<R: Rules> {
    /// The transport.
    pub transport: Client,
    /// What it sees.
    pub view: View<R>,
    /// What it shows when a session begins; None: it does not ask to enter.
    pub ticket: Option<Vec<u8>>,
    /// Whether it is in the world.
    pub welcome: Option<Welcome>,
    /// All that the server said about its presence.
    pub presence: Vec<EnterAnswer>,
    /// The snapshots that it took.
    pub snapshots: Vec<OwnSnapshot<R>>,
    /// The events that it got, and their channels.
    pub events: Vec<(Channel, R::Event)>,
    /// The answers that it got, and the numbers of their asks.
    pub answers: Vec<(u16, Answered<R::Answer>)>,
    /// For each time that it connected: whether its session was resumed.
    pub connected: Vec<bool>,
    /// Why it is not connected.
    pub lost: Vec<CloseReason>,
    /// Whether it sends inputs.
    pub sends_inputs: bool,
    /// How many ticks ahead of the newest snapshot its inputs are.
    pub ahead: u32,
    /// How many inputs each message repeats, 1 to 16.
    pub repeats: usize,
    /// Makes the input of each tick; neutral ones if the test sets nothing else.
    pub input: Box<dyn FnMut(u32) -> R::Input>,
    /// What its inputs say that it sees, in 256ths of a tick before their ticks.
    pub view_delay: u16,
    neutral: R::Input,
    schema: Schema,
    /// When the tick of the newest snapshot began, as the client knows it.
    clock: Option<(Instant, u32)>,
    /// The inputs that were made last, and the tick of the newest.
    made: VecDeque<TimedInput<R::Input>>,
    made_for: u32,
    input_messages: u32,
    buffer: Vec<u8>,
}

/// The configuration of every client of a world: it reconnects by itself.
pub fn client_config() -> ClientConfig {
    ClientConfig { reconnect: true, ..ClientConfig::new(server::public_key()) }
}

impl<R: Rules> RawClient<R> {
    pub(crate) fn new(rules: &R, now: Instant, seed: u64, number: usize, ticket: Option<&[u8]>) -> Self {
        let neutral = rules.neutral_input();
        RawClient {
            transport: Client::new(client_config(), now, seed_of(seed, "raw client", number))
                .expect("the key is sound"),
            view: View::new(rules, 0),
            ticket: ticket.map(<[u8]>::to_vec),
            welcome: None,
            presence: Vec::new(),
            snapshots: Vec::new(),
            events: Vec::new(),
            answers: Vec::new(),
            connected: Vec::new(),
            lost: Vec::new(),
            sends_inputs: true,
            ahead: 10,
            repeats: 4,
            input: Box::new(move |_| neutral),
            view_delay: 0,
            neutral,
            schema: rules.schema(),
            clock: None,
            made: VecDeque::new(),
            made_for: 0,
            input_messages: 0,
            buffer: Vec::new(),
        }
    }

    /// Asks to enter the world.
    pub fn enter(&mut self, now: Instant, ticket: &[u8]) {
        self.enter_with(now, self.schema, ticket);
    }

    /// Asks to enter the world with the types of another contract.
    pub fn enter_with(&mut self, now: Instant, schema: Schema, ticket: &[u8]) {
        let mut message = vec![0; EnterRequest::BYTES_MAX + ticket.len()];
        let mut writer = Writer::new(&mut message);
        EnterRequest { schema, ticket }.write(&mut writer).expect("there is room");
        self.send(now, Channel::RELIABLE_ORDERED, writer.written());
    }

    /// The types of its contract.
    pub fn schema(&self) -> Schema {
        self.schema
    }

    /// Sends any bytes. If it is not connected, nobody gets them.
    pub fn send(&mut self, now: Instant, channel: Channel, message: &[u8]) {
        let _ = self.transport.send(now, channel, message);
    }

    /// Asks something.
    pub fn ask(&mut self, now: Instant, number: u16, ask: &R::Ask) {
        let mut message = [0; ASK_MESSAGE_BYTES_MAX];
        let mut writer = Writer::new(&mut message);
        write_ask(number, ask, &mut writer).expect("there is room");
        self.send(now, Channel::RELIABLE_ORDERED, writer.written());
    }

    /// Sends an event.
    pub fn tell(&mut self, now: Instant, channel: Channel, event: &R::Event) {
        let mut message = [0; EVENT_MESSAGE_BYTES_MAX];
        let mut writer = Writer::new(&mut message);
        write_event(event, &mut writer).expect("there is room");
        self.send(now, channel, writer.written());
    }

    /// Sends an input message with these inputs, oldest first, the last of which is for `tick`.
    pub fn send_inputs(&mut self, now: Instant, tick: u32, inputs: &[TimedInput<R::Input>]) {
        self.input_messages += 1;
        let digest = self.input_messages.is_multiple_of(8).then(|| self.view.digest());
        let header = InputHeader { received: self.view.received(), digest, tick };
        let mut message = [0; INPUT_MESSAGE_BYTES_MAX];
        let mut writer = Writer::new(&mut message);
        header.write(&self.neutral, inputs, &mut writer).expect("there is room");
        self.send(now, Channel::UNRELIABLE, writer.written());
    }

    /// The server's tick, as far as it knows: later by the time that a snapshot needs to arrive.
    pub fn server_tick(&self, now: Instant) -> Option<u32> {
        let (at, tick) = self.clock?;
        Some(tick.wrapping_add((now.since(at).as_nanos() as u64 / TICK_NANOS) as u32))
    }

    /// The newest snapshot.
    pub fn newest(&self) -> Option<&OwnSnapshot<R>> {
        self.snapshots.last()
    }

    /// Does what is due in a frame.
    pub(crate) fn frame(&mut self, now: Instant) {
        self.transport.advance(now);
        self.note_events(now);
        if self.welcome.is_none() || !self.sends_inputs {
            return;
        }
        let Some(tick) = self.server_tick(now).map(|tick| tick.wrapping_add(self.ahead)) else { return };
        if self.made.is_empty() || tick.wrapping_sub(self.made_for) > INPUTS_PER_MESSAGE_MAX as u32 {
            self.made.clear();
            self.made_for = tick.wrapping_sub(1);
        }
        if tick.wrapping_sub(self.made_for) as i32 <= 0 {
            return;
        }
        while self.made_for != tick {
            self.made_for = self.made_for.wrapping_add(1);
            let input = (self.input)(self.made_for);
            self.made.push_back(TimedInput { input, view_delay: self.view_delay });
        }
        while self.made.len() > INPUTS_PER_MESSAGE_MAX {
            self.made.pop_front();
        }
        let repeats = self.repeats.min(self.made.len());
        let inputs: Vec<_> = self.made.iter().skip(self.made.len() - repeats).copied().collect();
        self.send_inputs(now, tick, &inputs);
    }

    fn note_events(&mut self, now: Instant) {
        while let Some(event) = self.transport.poll_event() {
            match event {
                ClientEvent::Connected { resumed, .. } => {
                    self.connected.push(resumed);
                    if !resumed {
                        (self.welcome, self.clock) = (None, None);
                        if let Some(ticket) = self.ticket.clone() {
                            self.enter(now, &ticket);
                        }
                    }
                }
                ClientEvent::Moved { .. } => unreachable!("a raw client stays at its server"),
                ClientEvent::Reconnecting(reason) | ClientEvent::Closed(reason) => self.lost.push(reason),
            }
        }
    }

    fn take(&mut self, now: Instant, channel: Channel, message: &[u8]) {
        match message.first() {
            Some(&kinds::ENTER_TO_WORLD) => self.take_presence(EnterAnswer::read(message).expect("an answer")),
            Some(&kinds::DELTA_SYNC) => self.take_snapshot(now, message),
            Some(&kinds::EVENT) => self.events.push((channel, read_event(message).expect("an event"))),
            Some(&kinds::ANSWER) => self.answers.push(read_answer(message).expect("an answer")),
            // What services and other players say is none of this client's business.
            Some(&kinds::INTRODUCTION | &kinds::CHANGE_SERVER) => {}
            Some(kind) if kinds::SERVICES.contains(kind) => {}
            _ => panic!("an honest server does not send {message:?}"),
        }
    }

    fn take_presence(&mut self, answer: EnterAnswer) {
        self.presence.push(answer);
        match answer {
            EnterAnswer::Welcome(welcome) | EnterAnswer::Moved(welcome) => {
                if self.welcome.is_none_or(|former| former.first_snapshot != welcome.first_snapshot) {
                    self.view.begin(welcome.first_snapshot);
                    self.made.clear();
                    self.clock = None;
                }
                self.welcome = Some(welcome);
            }
            // A client that is in the world stays there.
            EnterAnswer::WrongSchema(_) => {}
            EnterAnswer::Refused(_) | EnterAnswer::PutOut(_) => self.welcome = None,
        }
    }

    /// Snapshots that arrive while it is not in the world belong to an earlier presence.
    fn take_snapshot(&mut self, now: Instant, message: &[u8]) {
        if self.welcome.is_none() || !self.view.take(message, |_| {}).expect("an honest server's snapshot") {
            return;
        }
        let header = self.view.newest().expect("it was taken");
        self.snapshots.push((header, *self.view.owner()));
        if self.server_tick(now).is_none_or(|known| header.tick.wrapping_sub(known) as i32 >= 0) {
            self.clock = Some((now, header.tick));
        }
    }
}

impl<R: Rules> Datagrams for RawClient<R> {
    fn receive(&mut self, now: Instant, datagram: &mut [u8]) {
        let mut taken: Vec<(Channel, Vec<u8>)> = Vec::new();
        let messages = self.transport.receive(now, datagram).into_iter().flatten();
        taken.extend(messages.map(|message| (message.channel, message.bytes.to_vec())));
        self.note_events(now);
        taken.iter().for_each(|(channel, message)| self.take(now, *channel, message));
        let mut message = std::mem::take(&mut self.buffer);
        while let Some(channel) = self.transport.read(&mut message) {
            self.take(now, channel, &message);
        }
        self.buffer = message;
    }

    fn transmit(&mut self, now: Instant, datagram: &mut [u8]) -> Option<usize> {
        self.transport.poll_transmit(now, datagram)
    }
}

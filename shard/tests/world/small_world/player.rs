//! A player of a small world.

use ringshard_link::sim::SimLink;
use ringshard_protocol::client::{Client, ClientEvent};
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::Channel;
use ringshard_world::codec::Writer;
use ringshard_world::messages::{Input, Welcome, kinds};
use ringshard_world::{EntityId, Position, View};
use std::net::SocketAddr;

/// A player: a client that enters the world, sends inputs and follows the snapshots.
pub struct Player {
    pub client: Client,
    pub link: SimLink,
    pub server: SocketAddr,
    pub id: Option<EntityId>,
    pub view: View,
    /// Messages of the game.
    pub inbox: Vec<Vec<u8>>,
    /// For each snapshot: the last input that it contains, and the position of the player's own entity.
    pub own_positions: Vec<(u16, Option<Position>)>,
    /// For each time that the client connected: whether its session was resumed.
    pub resumed: Vec<bool>,
    pub inputs: u16,
    pub pace: u8,
    pub actions: u8,
    /// Whether it asks to enter the world in every step.
    pub asks_to_enter: bool,
}

impl Player {
    pub fn new(client: Client, link: SimLink, server: SocketAddr) -> Self {
        Player {
            client,
            link,
            server,
            id: None,
            view: View::new(),
            inbox: Vec::new(),
            own_positions: Vec::new(),
            resumed: Vec::new(),
            inputs: 0,
            pace: 0,
            actions: 0,
            asks_to_enter: false,
        }
    }

    /// Receives, does what is due, and sends what waits.
    pub fn step(&mut self, now: Instant) {
        self.receive(now);
        self.client.advance(now);
        self.note_events();
        self.send(now);
        self.transmit(now);
    }

    fn receive(&mut self, now: Instant) {
        let Player { client, link, view, id, inbox, own_positions, .. } = self;
        let mut take = |message: &[u8]| match message[0] {
            kinds::ENTER_TO_WORLD => *id = Welcome::read(message).unwrap().map(|welcome| welcome.player),
            kinds::DELTA_SYNC => {
                if view.take(message, |_| {}).expect("an honest server's snapshot") {
                    let seen = id.and_then(|id| view.entity(id)).filter(|seen| seen.tick() == view.tick());
                    let input = view.newest().expect("it was taken").input;
                    own_positions.push((input, seen.map(|seen| seen.state().position)));
                }
            }
            _ => inbox.push(message.to_vec()),
        };
        let mut buffer = Vec::new();
        link.receive(usize::MAX, |mut arrival| {
            for index in 0..arrival.count() {
                for message in client.receive(now, arrival.datagram(index)).into_iter().flatten() {
                    take(message.bytes);
                }
                while client.read(&mut buffer).is_some() {
                    take(&buffer);
                }
            }
        });
    }

    fn note_events(&mut self) {
        while let Some(event) = self.client.poll_event() {
            if let ClientEvent::Connected { resumed, .. } = event {
                self.resumed.push(resumed);
                if !resumed {
                    // A new session knows nothing of the former world.
                    (self.id, self.view, self.inputs) = (None, View::new(), 0);
                }
            }
        }
    }

    /// Asks to enter the world until it has entered, then sends inputs.
    fn send(&mut self, now: Instant) {
        match self.id {
            None if now.as_nanos().is_multiple_of(100_000_000) => {
                let _ = self.client.send(now, Channel::RELIABLE_ORDERED, &[kinds::ENTER_TO_WORLD]);
            }
            Some(_) if now.as_nanos().is_multiple_of(16_000_000) => self.send_input(now),
            _ => {}
        }
        if self.asks_to_enter {
            let _ = self.client.send(now, Channel::UNRELIABLE, &[kinds::ENTER_TO_WORLD]);
        }
    }

    fn send_input(&mut self, now: Instant) {
        self.inputs += 1;
        let digest = self.inputs.is_multiple_of(8).then(|| self.view.digest());
        let (received, number) = (self.view.received(), self.inputs);
        let input = Input { received, digest, number, direction: 0, pace: self.pace, actions: self.actions };
        let mut message = [0; Input::BYTES_MAX];
        let mut writer = Writer::new(&mut message);
        input.write(&mut writer).unwrap();
        // A client that has disconnected refuses the message.
        let _ = self.client.send(now, Channel::UNRELIABLE, writer.written());
    }

    fn transmit(&mut self, now: Instant) {
        let path = Path::new(0, self.server);
        while let Some(len) = self.client.transmit_len(now) {
            let room = self.link.reserve(path, len).expect("there is room");
            self.client.transmit(now, room);
        }
        self.link.submit();
    }
}

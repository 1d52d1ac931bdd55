//! A server of the world with one core, as small as the protocol allows.

use super::network::Random;
use super::rules::Input;
use super::rules::{Answer, Ask, Event, Own, Shown, Walking};
use ringshard_client::protocol::connection::{HeartbeatConfig, TransportConfig};
use ringshard_client::protocol::crypto::{SecretKey, Suites};
use ringshard_client::protocol::endpoint::{Event as Life, Received, SessionId};
use ringshard_client::protocol::limits::*;
use ringshard_client::protocol::link::{Arrival, Link, LinkStats, Path, Wait};
use ringshard_client::protocol::time::Instant;
use ringshard_client::protocol::wire::{ConnectionId, DisconnectReason};
use ringshard_client::protocol::{Endpoint, EndpointConfig};
use ringshard_client::world::codec::Writer;
use ringshard_client::world::limits::*;
use ringshard_client::world::messages::*;
use ringshard_client::world::view::digest_on;
use ringshard_client::world::{State, limits};
use ringshard_client::{Channel, EntityId, Map, Pose, PublicKey, Rules};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;

const SECRET: [u8; 32] = [0x51; 32];

#[derive(Clone, Copy, Debug)]
pub enum Admission {
    Accepted,
    Refused(u8),
}

/// A player in the world, and what its client has.
#[derive(Default)]
pub struct Player {
    pub body: Option<EntityId>,
    pub own: Own,
    pub inputs: BTreeMap<u32, TimedInput<Input>>,
    last: Option<(u32, Input)>,
    newest: Option<u32>,
    /// Ticks whose input was there in time, and ticks whose was not.
    pub in_time: u64,
    pub missed: u64,
    pub late: u64,
    /// Of the inputs taken last.
    pub view_delay: u16,
    number: u16,
    owners: VecDeque<(u16, Owner<Own>)>,
    acknowledged: Option<u16>,
    /// For each entity: versions sent, with the number of the snapshot.
    sent: HashMap<EntityId, VecDeque<(u16, u32, State<Shown>)>>,
    received: Vec<u16>,
    gone: Vec<EntityId>,
    pub digests: u64,
    digests_due: VecDeque<(u16, u32)>,
}

/// An entity: a path, and its versions.
struct Entity {
    version: u32,
    state: State<Shown>,
}

pub struct Server {
    pub rules: Walking,
    endpoint: Endpoint,
    pub outbox: Outbox,
    pub tick: u32,
    pub map: Map,
    pub admission: Admission,
    pub players: HashMap<ConnectionId, Player>,
    suspended: HashMap<SessionId, Player>,
    entities: BTreeMap<EntityId, Entity>,
    /// Snapshots are sent every so many ticks.
    pub interval: u32,
    pub schema: ringshard_client::world::contract::Schema,
    pub tickets: Vec<Vec<u8>>,
    pub events: Vec<Event>,
    pub answers: bool,
    /// Spoils some snapshots, and checks the client's messages less.
    pub spoils: Option<Random>,
}

pub fn public_key() -> PublicKey {
    SecretKey::from_bytes(SECRET).public()
}

impl Server {
    pub fn new(tick: u32, heartbeat: HeartbeatConfig) -> Self {
        let config = EndpointConfig {
            core: 0,
            cores: 1,
            connections_max: 8,
            suites: Suites::native(),
            heartbeat,
            secret: SecretKey::from_bytes(SECRET),
            pre_shared: None,
            transport: TransportConfig::default(),
            message_bytes_max: MESSAGE_MEMORY_BYTES_DEFAULT,
            integrity: None,
        };
        Server {
            rules: Walking::default(),
            endpoint: Endpoint::new(config, Instant::ZERO, [7; 32]),
            outbox: Outbox::default(),
            tick,
            map: Map::default(),
            admission: Admission::Accepted,
            players: HashMap::new(),
            suspended: HashMap::new(),
            entities: BTreeMap::new(),
            interval: 1,
            schema: Walking::default().schema(),
            tickets: Vec::new(),
            events: Vec::new(),
            answers: true,
            spoils: None,
        }
    }

    pub fn receive(&mut self, now: Instant, peer: SocketAddr, datagram: &mut [u8]) {
        let Received::Messages { id, messages, .. } = self.endpoint.receive(now, Path::new(0, peer), datagram) else {
            return self.live();
        };
        let mut all: Vec<_> = messages.map(|message| message.bytes.to_vec()).collect();
        let mut message = Vec::new();
        while self.endpoint.read(id, &mut message).is_some() {
            all.push(message.clone());
        }
        self.live();
        for message in all {
            self.take(now, id, &message);
        }
    }

    fn live(&mut self) {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Life::Resumed { id, former: Some(former), .. } | Life::Renamed { id, former } => {
                    if let Some(player) = self.players.remove(&former) {
                        self.players.insert(id, player);
                    }
                }
                Life::Suspended { id, session } => {
                    self.suspended.extend(self.players.remove(&id).map(|player| (session, player)));
                }
                Life::Resumed { id, session, former: None } => {
                    self.players.extend(self.suspended.remove(&session).map(|player| (id, player)));
                }
                Life::Ended { id: Some(id), .. } => {
                    self.players.remove(&id);
                }
                _ => {}
            }
        }
    }

    fn take(&mut self, now: Instant, id: ConnectionId, message: &[u8]) {
        match message[0] {
            kinds::ENTER_TO_WORLD => {
                let request = EnterRequest::read(message).unwrap();
                self.tickets.push(request.ticket.to_vec());
                if let Some(which) = self.schema.difference(&request.schema) {
                    return self.say(now, id, EnterAnswer::WrongSchema(which));
                }
                match self.admission {
                    Admission::Accepted => self.admit(now, id),
                    Admission::Refused(reason) => self.say(now, id, EnterAnswer::Refused(reason)),
                }
            }
            kinds::SYNC_ENTITY_QUANTIZED => self.take_inputs(id, message),
            kinds::ASK => {
                let (number, ask) = read_ask_number(message).unwrap();
                let answered = match read_whole(ask) {
                    Ok(Ask::Double { number }) => Answered::Answer(Answer::Doubled { number: number * 2 }),
                    Ok(Ask::Nothing) => Answered::TooMany,
                    Err(_) => Answered::Malformed,
                };
                if self.answers {
                    self.send(now, id, Channel::RELIABLE_ORDERED, |writer| write_answer(number, &answered, writer));
                }
            }
            kinds::EVENT => self.events.push(read_event(message).unwrap()),
            other => panic!("a client sends no message of kind {other}"),
        }
    }

    pub fn admit(&mut self, now: Instant, id: ConnectionId) {
        let first_snapshot = self.players.get(&id).map_or(0, |player| player.number);
        let own = Own { x: 50_000.0, y: 50_000.0, ..Own::default() };
        self.players.insert(id, Player { own, number: first_snapshot, ..Player::default() });
        let welcome = Welcome { tick: self.tick, first_snapshot, map: self.map };
        self.say(now, id, EnterAnswer::Welcome(welcome));
    }

    /// Ends the presence of all players. Their snapshot numbers go on if they enter again.
    pub fn put_out(&mut self, now: Instant, reason: u8) {
        for id in self.players.keys().copied().collect::<Vec<_>>() {
            self.say(now, id, EnterAnswer::PutOut(reason));
        }
    }

    pub fn say(&mut self, now: Instant, id: ConnectionId, answer: EnterAnswer) {
        self.send(now, id, Channel::RELIABLE_ORDERED, |writer| answer.write(writer));
    }

    fn send(
        &mut self,
        now: Instant,
        id: ConnectionId,
        channel: Channel,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), ringshard_client::world::codec::NoRoom>,
    ) {
        let mut bytes = [0; 4_096];
        let mut writer = Writer::new(&mut bytes);
        write(&mut writer).unwrap();
        let _ = self.endpoint.send(now, id, channel, writer.written());
    }

    pub fn tell(&mut self, now: Instant, channel: Channel, event: &Event) {
        for id in self.players.keys().copied().collect::<Vec<_>>() {
            self.send(now, id, channel, |writer| write_event(event, writer));
        }
    }

    pub fn send_raw(&mut self, now: Instant, message: &[u8]) {
        for id in self.players.keys().copied().collect::<Vec<_>>() {
            self.endpoint.send(now, id, Channel::RELIABLE_ORDERED, message).unwrap();
        }
    }

    fn take_inputs(&mut self, id: ConnectionId, message: &[u8]) {
        let (header, inputs) = InputHeader::read(message, &Input::default()).unwrap();
        let tick = self.tick;
        let Some(player) = self.players.get_mut(&id) else { return };
        player.acknowledge(&header, self.spoils.is_some());
        for (at, input) in inputs.iter() {
            let ahead = at.wrapping_sub(tick) as i32;
            player.newest = Some(at);
            if ahead <= 0 {
                player.late += u64::from(!player.is_taken(at));
                continue;
            }
            if ahead as u32 > INPUT_AHEAD_MAX {
                continue;
            }
            let known = player.inputs.insert(at, input);
            let same = known.is_none_or(|known| known == input);
            assert!(same || self.spoils.is_some(), "an input for a tick is made once");
        }
    }

    /// One tick of the world: all players are stepped, and told. `place` says where entities are, and what they show.
    pub fn step(&mut self, now: Instant, places: &[(EntityId, Pose, Shown)]) {
        self.tick = self.tick.wrapping_add(1);
        let mut states: BTreeMap<EntityId, (Pose, Shown)> =
            places.iter().map(|(id, pose, shown)| (*id, (*pose, *shown))).collect();
        let heads: Vec<_> = self
            .players
            .iter_mut()
            .map(|(id, player)| {
                let head = player.step(self.tick, &self.rules);
                if let Some(body) = player.body {
                    states.insert(body, (self.rules.pose(&player.own), Shown { health: 7 }));
                }
                (*id, head)
            })
            .collect();
        self.entities.retain(|id, _| states.contains_key(id));
        for (id, (pose, shown)) in states {
            let state = State::quantise(&self.map, &pose, shown);
            let entity = self.entities.entry(id).or_insert(Entity { version: 1, state });
            if entity.state != state {
                *entity = Entity { version: entity.version + 1, state };
            }
        }
        for (id, (lead, age)) in heads {
            if self.tick.is_multiple_of(self.interval) {
                self.send_snapshot(now, id, lead, age);
            }
        }
    }

    fn send_snapshot(&mut self, now: Instant, id: ConnectionId, lead: i8, age: u8) {
        let Server { players, entities, tick, .. } = self;
        let player = players.get_mut(&id).unwrap();
        let mut bytes = [0; 32_768];
        let mut writer = Writer::new(&mut bytes);
        player.write_snapshot(*tick, lead, age, entities, &mut writer);
        let message = &mut writer.written().to_vec();
        if let Some(random) = &mut self.spoils
            && random.share() < 0.3
        {
            for _ in 0..=random.next() % 3 {
                let at = 1 + random.next() as usize % (message.len() - 1);
                message[at] = random.next() as u8;
            }
        }
        let _ = self.endpoint.send(now, id, Channel::UNRELIABLE, message);
    }

    pub fn turn(&mut self, now: Instant) {
        self.endpoint.sweep(now);
        self.live();
        self.endpoint.flush(now, &mut self.outbox);
    }

    pub fn disconnect(&mut self, reason: DisconnectReason) {
        for id in self.players.keys().copied().collect::<Vec<_>>() {
            self.endpoint.disconnect(id, reason);
        }
    }

    pub fn player(&self) -> &Player {
        self.players.values().next().expect("there is a player")
    }

    pub fn player_mut(&mut self) -> &mut Player {
        self.players.values_mut().next().expect("there is a player")
    }
}

impl Player {
    fn is_taken(&self, tick: u32) -> bool {
        self.last.is_some_and(|(last, _)| last.wrapping_sub(tick) as i32 >= 0)
    }

    fn acknowledge(&mut self, header: &InputHeader, spoils: bool) {
        let Some((newest, before)) = header.received else { return };
        if self.acknowledged.is_some_and(|known| newest.wrapping_sub(known) as i16 <= 0) {
            return;
        }
        self.acknowledged = Some(newest);
        self.received.clear();
        self.received.push(newest);
        self.received.extend((0..64).filter(|bit| before >> bit & 1 == 1).map(|bit| newest.wrapping_sub(1 + bit)));
        if let Some(digest) = header.digest.filter(|_| !spoils) {
            let expected = self.digests_due.iter().find(|(number, _)| *number == newest);
            if let Some((_, expected)) = expected {
                assert_eq!(digest, *expected, "both ends agree on what is in view");
                self.digests += 1;
            }
        }
    }

    /// Steps one tick; gives the lead and the age of the input.
    fn step(&mut self, tick: u32, rules: &Walking) -> (i8, u8) {
        let lead = self.newest.map_or(NO_LEAD, |newest| (newest.wrapping_sub(tick) as i32).clamp(-127, 127) as i8);
        self.inputs.retain(|at, _| at.wrapping_sub(tick) as i32 >= 0);
        if let Some(timed) = self.inputs.remove(&tick) {
            self.last = Some((tick, timed.input));
            self.view_delay = timed.view_delay;
            self.in_time += 1;
        } else if self.last.is_some() {
            self.missed += 1;
        }
        let age = self.last.map_or(255, |(last, _)| tick.wrapping_sub(last));
        let input =
            self.last.filter(|_| age <= limits::INPUT_REPEAT_TICKS).map_or(Input::default(), |(_, input)| input);
        rules.step(&mut self.own, &input);
        (lead, age.min(255) as u8)
    }

    fn write_snapshot(
        &mut self,
        tick: u32,
        lead: i8,
        age: u8,
        entities: &BTreeMap<EntityId, Entity>,
        writer: &mut Writer<'_>,
    ) {
        let number = self.number;
        self.number = number.wrapping_add(1);
        let owner = Owner { body: self.body, own: self.own };
        let base = self.owners.iter().rev().find(|(sent, _)| self.received.contains(sent));
        let base = base.filter(|(sent, _)| number.wrapping_sub(*sent) <= OWNER_BASELINE_MAX).copied();
        let (distance, base) = base.map_or((0, Owner::default()), |(sent, base)| (number.wrapping_sub(sent), base));
        SnapshotHeader::new(number, tick, lead, age).write(&owner, distance, &base, writer).unwrap();
        self.owners.push_back((number, owner));
        if self.owners.len() > 64 {
            self.owners.pop_front();
        }
        let left = self.sent.keys().filter(|id| !entities.contains_key(id)).copied();
        self.gone.extend(left.collect::<Vec<_>>());
        for id in &self.gone {
            self.sent.remove(id);
            // It is repeated for ever: a model need not be thrifty.
            write_gone(id.index, writer).unwrap();
        }
        let mut digest = 0;
        for (&id, entity) in entities {
            self.write_entity(number, id, entity, writer);
            digest = digest_on(digest, id, &entity.state);
        }
        self.digests_due.push_back((number, digest));
        if self.digests_due.len() > 64 {
            self.digests_due.pop_front();
        }
    }

    fn write_entity(&mut self, number: u16, id: EntityId, entity: &Entity, writer: &mut Writer<'_>) {
        let Entity { version, state } = entity;
        let sent = self.sent.entry(id).or_default();
        if let Some(at) = sent.iter().rposition(|(sent, ..)| self.received.contains(sent)) {
            sent.drain(..at);
        }
        let base = sent.front().filter(|(sent, base, _)| self.received.contains(sent) && base <= version).copied();
        let versioned = Versioned { id, version: *version, state };
        match base {
            Some((_, base, _)) if base == *version => return,
            Some((_, base, known)) if version - base <= BASELINE_AGE_MAX => {
                write_difference(versioned, base, &known, writer).unwrap();
            }
            _ => write_full(versioned, &State::blank(Shown::default()), writer).unwrap(),
        }
        self.sent.get_mut(&id).unwrap().push_back((number, *version, *state));
    }
}

/// What the endpoint sends, until the network takes it.
#[derive(Default)]
pub struct Outbox {
    pub waiting: Vec<(SocketAddr, Vec<u8>)>,
}

impl Link for Outbox {
    fn now(&mut self) -> Instant {
        unreachable!("an endpoint is handed the time")
    }

    fn receive(&mut self, _budget: usize, _deliver: impl FnMut(Arrival<'_>)) -> usize {
        unreachable!("an endpoint is handed datagrams")
    }

    fn reserve(&mut self, path: Path, len: usize) -> Option<&mut [u8]> {
        self.waiting.push((path.peer, vec![0; len]));
        self.waiting.last_mut().map(|(_, bytes)| &mut bytes[..])
    }

    fn submit(&mut self) {}

    fn park(&mut self, _wait: Wait) {}

    fn stats(&self) -> LinkStats {
        LinkStats::default()
    }
}

//! A server that keeps to the rules of PROTOCOL.md, and a client that receives only some of its snapshots.

use crate::samples::*;
use proptest::collection::vec;
use proptest::prelude::*;
use ringshard_world::limits::*;
use ringshard_world::messages::*;
use ringshard_world::view::digest_on;
use ringshard_world::{EntityId, State, View};
use std::collections::BTreeMap;

/// A step of the conversation between a server and a client.
#[derive(Clone, Debug)]
enum Step {
    /// The state of an entity changes.
    Changes(usize, State<Shown>),
    /// An entity is gone, and another takes its index.
    Succeeds(usize, State<Shown>),
    /// An entity leaves the view, or comes back.
    Hides(usize),
    /// The player's own state or its body changes.
    Owns(Owner<Own>),
    /// The server sends a snapshot of the entities in `included`, those in `in_full` in full.
    Snapshot { included: u8, in_full: u8, fate: Fate },
    /// This many snapshots arrive, and none is acknowledged yet.
    Silence { included: u8, count: usize },
    /// The client's input message arrives.
    Input,
    /// The server puts the client out, and the client enters again.
    Reenters,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Fate {
    Arrives,
    Lost,
    Late,
}

const ENTITIES: usize = 3;

fn any_step() -> impl Strategy<Value = Step> {
    let entity = || 0..ENTITIES;
    let fate = prop_oneof![6 => Just(Fate::Arrives), 2 => Just(Fate::Lost), 1 => Just(Fate::Late)];
    prop_oneof![
        16 => (entity(), any_state()).prop_map(|(entity, state)| Step::Changes(entity, state)),
        2 => (entity(), any_state()).prop_map(|(entity, state)| Step::Succeeds(entity, state)),
        2 => entity().prop_map(Step::Hides),
        8 => any_owner().prop_map(Step::Owns),
        24 => (any::<u8>(), prop_oneof![4 => Just(0), 1 => any::<u8>()], fate)
            .prop_map(|(included, in_full, fate)| Step::Snapshot { included, in_full, fate }),
        2 => (any::<u8>(), 1..40usize).prop_map(|(included, count)| Step::Silence { included, count }),
        12 => Just(Step::Input),
        1 => Just(Step::Reenters),
    ]
}

/// An entity as the server knows it.
struct Original {
    id: EntityId,
    visible: bool,
    version: u32,
    versions: BTreeMap<u32, State<Shown>>,
    acknowledged: Option<u32>,
    /// Acknowledgments of snapshots before this one do not count.
    since: u64,
}

/// An entry that was sent: the entity, and its version, or None where it was gone.
type SentEntry = (usize, EntityId, Option<u32>);

/// A snapshot that was sent.
struct Sent {
    entries: Vec<SentEntry>,
    owner: Owner<Own>,
}

/// The rules of PROTOCOL.md#snapshots for servers, and nothing else of a server.
struct Server {
    entities: Vec<Original>,
    owner: Owner<Own>,
    number: u64,
    sent: BTreeMap<u64, Sent>,
    /// The newest snapshot that was acknowledged in this presence.
    acknowledged: Option<u64>,
}

impl Server {
    fn new() -> Self {
        let born = |index| Original {
            id: id(index as u16, 1),
            visible: true,
            version: 1,
            versions: BTreeMap::from([(1, blank())]),
            acknowledged: None,
            since: 0,
        };
        // Snapshot numbers wrap during a test.
        Server {
            entities: (0..ENTITIES).map(born).collect(),
            owner: blank_owner(),
            number: 0xFFE0,
            sent: BTreeMap::new(),
            acknowledged: None,
        }
    }

    fn change(&mut self, entity: usize, state: State<Shown>) {
        let entity = &mut self.entities[entity];
        entity.version += 1;
        entity.versions.insert(entity.version, state);
    }

    fn succeed(&mut self, entity: usize, state: State<Shown>) {
        let entity = &mut self.entities[entity];
        entity.id.generation += 1;
        entity.version += 1;
        entity.versions = BTreeMap::from([(entity.version, state)]);
        (entity.acknowledged, entity.since) = (None, self.number);
    }

    fn hide(&mut self, entity: usize) {
        let entity = &mut self.entities[entity];
        entity.visible ^= true;
        (entity.acknowledged, entity.since) = (None, self.number);
    }

    /// Another presence: what was acknowledged before does not count. Returns the number of its first snapshot.
    fn reenter(&mut self) -> u16 {
        for entity in &mut self.entities {
            (entity.acknowledged, entity.since) = (None, self.number);
        }
        self.acknowledged = None;
        self.number as u16
    }

    fn entry(entity: &Original, in_full: bool) -> Vec<u8> {
        let Original { id, version, versions, .. } = entity;
        if !entity.visible {
            return written(|writer| write_gone(id.index, writer));
        }
        let state = &versions[version];
        let baseline = entity.acknowledged.filter(|&base| base < *version && version - base <= BASELINE_AGE_MAX);
        match baseline.filter(|_| !in_full) {
            None => full(*id, *version, state),
            Some(base) => difference(*id, *version, state, base, &versions[&base]),
        }
    }

    /// The next snapshot and its number.
    fn snapshot(&mut self, included: u8, in_full: u8) -> (u64, Vec<u8>) {
        let number = self.number;
        self.number += 1;
        let baseline = self.acknowledged.map(|base| number - base).filter(|&back| back <= OWNER_BASELINE_MAX.into());
        let base = baseline.map_or(blank_owner(), |back| self.sent[&(number - back)].owner);
        let header = SnapshotHeader::new(number as u16, number as u32, 0, 0);
        let header = written(|writer| header.write(&self.owner, baseline.unwrap_or(0) as u16, &base, writer));
        let included: Vec<_> = (0..ENTITIES).filter(|entity| included >> entity & 1 == 1).collect();
        let entries: Vec<_> =
            included.iter().map(|&entity| Self::entry(&self.entities[entity], in_full >> entity & 1 == 1)).collect();
        let entry = |&entity: &usize| {
            let Original { id, visible, version, .. } = self.entities[entity];
            (entity, id, visible.then_some(version))
        };
        let sent = Sent { entries: included.iter().map(entry).collect(), owner: self.owner };
        self.sent.insert(number, sent);
        (number, [header, entries.concat()].concat())
    }

    fn acknowledge(&mut self, newest: u16, before: u64) {
        let newest = (0..self.number).rev().find(|number| *number as u16 == newest).expect("the snapshot was sent");
        let arrived = (0..64).filter(|bit| before >> bit & 1 == 1).map(|bit| newest - 1 - bit).chain([newest]);
        for number in arrived {
            for &(entity, _, version) in &self.sent[&number].entries {
                let entity = &mut self.entities[entity];
                if number >= entity.since {
                    entity.acknowledged = entity.acknowledged.max(version);
                }
            }
        }
        self.acknowledged = Some(newest);
    }
}

/// What the client must know of each entity: its id and its state.
type Known = BTreeMap<usize, (EntityId, State<Shown>)>;

fn deliver(server: &Server, view: &mut View<Sample>, known: &mut Known, (number, message): (u64, &[u8])) {
    assert_eq!(view.take(message, |_| {}), Ok(true), "snapshot {number}");
    let sent = &server.sent[&number];
    for &(entity, id, version) in &sent.entries {
        match version {
            // No entity is replaced between a snapshot and its arrival, so the version still exists.
            Some(version) => known.insert(entity, (id, server.entities[entity].versions[&version])),
            None => known.remove(&entity),
        };
    }
    assert_eq!(view.owner(), &sent.owner);
    assert_eq!(view.len(), known.len());
    for (id, state) in known.values() {
        assert_eq!(view.entity(*id).expect("it is in the view").state(), state);
    }
    let digest = known.values().fold(0, |digest, (id, state)| digest_on(digest, *id, state));
    assert_eq!(view.digest(), digest);
}

/// The client's input message reaches the server.
fn acknowledge(server: &mut Server, view: &View<Sample>) {
    let header = InputHeader { received: view.received(), ..InputHeader::default() };
    let message = written(|writer| header.write::<Input>(&Input::default(), &[], writer));
    let (header, _) = InputHeader::read(&message, &Input::default()).expect("an input message");
    if let Some((newest, before)) = header.received {
        server.acknowledge(newest, before);
    }
}

proptest! {
    /// Whatever is lost or late, a server that keeps the rules never uses a baseline that its client lacks, and the client
    /// knows exactly what it received.
    #[test]
    fn a_client_knows_exactly_what_it_received(steps in vec(any_step(), 0..150)) {
        let mut server = Server::new();
        let (mut view, mut known) = (view_from(server.number as u16), Known::new());
        let mut late = None;
        for step in steps {
            match step {
                Step::Changes(entity, state) => server.change(entity, state),
                Step::Succeeds(entity, state) => server.succeed(entity, state),
                Step::Hides(entity) => server.hide(entity),
                Step::Owns(owner) => server.owner = owner,
                Step::Silence { included, count } => {
                    for _ in 0..count {
                        let (number, message) = server.snapshot(included, 0);
                        deliver(&server, &mut view, &mut known, (number, &message));
                    }
                }
                Step::Snapshot { included, in_full, fate } => {
                    let (number, message) = server.snapshot(included, in_full);
                    match fate {
                        Fate::Lost => {}
                        Fate::Late => late = Some(message),
                        Fate::Arrives => {
                            deliver(&server, &mut view, &mut known, (number, &message));
                            if let Some(late) = late.take() {
                                prop_assert_eq!(view.take(&late, |_| panic!("too late")), Ok(false));
                            }
                        }
                    }
                }
                Step::Input => acknowledge(&mut server, &view),
                Step::Reenters => {
                    view.begin(server.reenter());
                    known.clear();
                    // A snapshot of the earlier presence arrives in the later one.
                    if let Some(late) = late.take() {
                        prop_assert_eq!(view.take(&late, |_| panic!("too late")), Ok(false));
                    }
                }
            }
        }
        check_view(&mut view);
    }
}

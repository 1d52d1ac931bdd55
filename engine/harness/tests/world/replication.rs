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
    /// The state of an entity changes, and perhaps a variable.
    Changes(usize, State, Option<(u8, i32)>),
    /// An entity is gone, and another takes its index.
    Succeeds(usize, State),
    /// An entity leaves the view, or comes back.
    Hides(usize),
    /// The server sends a snapshot of the entities in `included`, those in `in_full` in full.
    Snapshot { included: u8, in_full: u8, fate: Fate },
    /// This many snapshots arrive, and none is acknowledged yet.
    Silence { included: u8, count: usize },
    /// The client's input arrives.
    Input,
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
        8 => (entity(), any_state(), any::<Option<(u8, i32)>>())
            .prop_map(|(entity, state, set)| Step::Changes(entity, state, set)),
        1 => (entity(), any_state()).prop_map(|(entity, state)| Step::Succeeds(entity, state)),
        1 => entity().prop_map(Step::Hides),
        12 => (any::<u8>(), prop_oneof![4 => Just(0), 1 => any::<u8>()], fate)
            .prop_map(|(included, in_full, fate)| Step::Snapshot { included, in_full, fate }),
        1 => (any::<u8>(), 1..40usize).prop_map(|(included, count)| Step::Silence { included, count }),
        6 => Just(Step::Input),
    ]
}

/// A version of an entity: its state, its variables, and which of these the version set.
type Version = (State, [i32; VARIABLES], u64);

/// An entity as the server knows it.
struct Original {
    id: EntityId,
    visible: bool,
    version: u32,
    versions: BTreeMap<u32, Version>,
    acknowledged: Option<u32>,
    /// Acknowledgments of snapshots before this one do not count.
    since: u64,
}

/// An entry that was sent: the entity, and its version, or None where it was gone.
type SentEntry = (usize, EntityId, Option<u32>);

/// The rules of PROTOCOL.md#snapshots for servers, and nothing else of a server.
struct Server {
    entities: Vec<Original>,
    number: u64,
    sent: BTreeMap<u64, Vec<SentEntry>>,
}

impl Server {
    fn new() -> Self {
        let born = |index| Original {
            id: id(index as u16, 1),
            visible: true,
            version: 1,
            versions: BTreeMap::from([(1, (State::NONE, NO_VARIABLES, 0))]),
            acknowledged: None,
            since: 0,
        };
        // Snapshot numbers wrap during a test.
        Server { entities: (0..ENTITIES).map(born).collect(), number: 0xFFE0, sent: BTreeMap::new() }
    }

    fn change(&mut self, entity: usize, state: State, set: Option<(u8, i32)>) {
        let entity = &mut self.entities[entity];
        let (former, mut variables, _) = entity.versions[&entity.version];
        let state = State { kind: former.kind, faction: former.faction, ..state };
        let set = set.map(|(number, value)| (usize::from(number) % VARIABLES, value));
        if let Some((number, value)) = set {
            variables[number] = value;
        }
        entity.version += 1;
        entity.versions.insert(entity.version, (state, variables, set.map_or(0, |(number, _)| 1 << number)));
    }

    fn succeed(&mut self, entity: usize, state: State) {
        let entity = &mut self.entities[entity];
        entity.id.generation += 1;
        entity.version += 1;
        entity.versions = BTreeMap::from([(entity.version, (state, NO_VARIABLES, 0))]);
        (entity.acknowledged, entity.since) = (None, self.number);
    }

    fn hide(&mut self, entity: usize) {
        let entity = &mut self.entities[entity];
        entity.visible ^= true;
        (entity.acknowledged, entity.since) = (None, self.number);
    }

    fn entry(entity: &Original, in_full: bool) -> Vec<u8> {
        let Original { id, version, versions, .. } = entity;
        if !entity.visible {
            return written(|writer| write_gone(id.index, writer));
        }
        let (state, variables, _) = &versions[version];
        let versioned = Versioned { id: *id, version: *version, state, variables };
        let baseline = entity.acknowledged.filter(|&base| base < *version && version - base <= BASELINE_AGE_MAX);
        match baseline.filter(|_| !in_full) {
            None => {
                let set = (0..VARIABLES).filter(|&number| variables[number] != 0).map(|number| 1 << number).sum();
                written(|writer| write_full(versioned, set, writer))
            }
            Some(base) => {
                let set = versions.range(base + 1..).fold(0, |set, (_, (_, _, changed))| set | changed);
                written(|writer| write_difference(versioned, base, &versions[&base].0, set, writer))
            }
        }
    }

    /// The next snapshot and its number.
    fn snapshot(&mut self, included: u8, in_full: u8) -> (u64, Vec<u8>) {
        let number = self.number;
        self.number += 1;
        let included: Vec<_> = (0..ENTITIES).filter(|entity| included >> entity & 1 == 1).collect();
        let entries: Vec<_> =
            included.iter().map(|&entity| Self::entry(&self.entities[entity], in_full >> entity & 1 == 1)).collect();
        let entry = |&entity: &usize| {
            let Original { id, visible, version, .. } = self.entities[entity];
            (entity, id, visible.then_some(version))
        };
        self.sent.insert(number, included.iter().map(entry).collect());
        (number, snapshot(number as u16, number as u32, &entries))
    }

    fn acknowledge(&mut self, newest: u16, before: u64) {
        let newest = (0..self.number).rev().find(|number| *number as u16 == newest).expect("the snapshot was sent");
        let arrived = (0..64).filter(|bit| before >> bit & 1 == 1).map(|bit| newest - 1 - bit).chain([newest]);
        for number in arrived {
            for &(entity, _, version) in &self.sent[&number] {
                let entity = &mut self.entities[entity];
                if number >= entity.since {
                    entity.acknowledged = entity.acknowledged.max(version);
                }
            }
        }
    }
}

/// What the client must know of each entity: its id and its version.
type Known = BTreeMap<usize, (EntityId, Version)>;

fn deliver(server: &Server, view: &mut View, known: &mut Known, (number, message): (u64, &[u8])) {
    assert_eq!(view.take(message, |_| {}), Ok(true), "snapshot {number}");
    for &(entity, id, version) in &server.sent[&number] {
        match version {
            // No entity is replaced between a snapshot and its arrival, so the version still exists.
            Some(version) => known.insert(entity, (id, server.entities[entity].versions[&version])),
            None => known.remove(&entity),
        };
    }
    assert_eq!(view.len(), known.len());
    for (id, (state, variables, _)) in known.values() {
        let seen = view.entity(*id).expect("it is in the view");
        assert_eq!((seen.state(), variables_of(seen)), (state, *variables));
    }
    let digest = known.values().fold(0, |digest, (id, (state, ..))| digest_on(digest, *id, state));
    assert_eq!(view.digest(), digest);
}

proptest! {
    /// Whatever is lost or late, a server that keeps the rules never uses a baseline that its client lacks, and the client
    /// knows exactly what it received.
    #[test]
    fn a_client_knows_exactly_what_it_received(steps in vec(any_step(), 0..150)) {
        let (mut server, mut view, mut known) = (Server::new(), View::new(), Known::new());
        let mut late = None;
        for step in steps {
            match step {
                Step::Changes(entity, state, set) => server.change(entity, state, set),
                Step::Succeeds(entity, state) => server.succeed(entity, state),
                Step::Hides(entity) => server.hide(entity),
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
                Step::Input => {
                    let input = Input { received: view.received(), ..Input::default() };
                    let input = Input::read(&written(|writer| input.write(writer))).expect("an input");
                    if let Some((newest, before)) = input.received {
                        server.acknowledge(newest, before);
                    }
                }
            }
        }
        check_view(&view);
    }
}

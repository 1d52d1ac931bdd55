//! What a client sees: the nearest, the pinned, and nothing that is gone or hidden.

use super::*;
use crate::world::exchange::Change;
use crate::world::store::Rate;
use ringshard_world::State;
use ringshard_world::character::Character;

const VISIBLE: usize = 8;
const KINDS: [Kind; 1] = [Kind { name: "any", radius: 1_000.0, priority: 0 }];

/// A world with one viewer. Entity `n` is `n` units away.
struct World {
    map: Map,
    replica: Replica<Character>,
    visibility: Visibility,
    viewer: Viewer<Character>,
}

fn id(index: u16) -> EntityId {
    EntityId { index, generation: 1 }
}

impl World {
    fn new(entities: u16) -> Self {
        let map = Map::default();
        let mut world = World {
            replica: Replica::new(entities.into(), 0, Character::default()),
            visibility: Visibility::new(&map, entities.into(), VISIBLE, 3.5, &KINDS),
            viewer: Viewer::new(Character::default(), 0, 0),
            map,
        };
        for index in 0..entities {
            world.apply(id(index), index.into(), Rate::Full);
        }
        world.visibility.rebuild(&world.replica);
        world
    }

    fn apply(&mut self, id: EntityId, away: f32, rate: Rate) {
        let position = self.map.quantise([10_000.0 + away, 10_000.0, 100.0]);
        let state = State { position, ..State::default() };
        self.replica.apply(1, &Change::State { id, state, kind: 0, rate });
    }

    fn look(&mut self, always: &[EntityId], hidden: impl Fn(EntityId) -> bool) -> Vec<u16> {
        let from = self.map.quantise([10_000.0, 10_000.0, 100.0]);
        let before = self.viewer.shown_len();
        let SightChange { entered, left } =
            self.visibility.update(&mut self.viewer, &self.replica, from, always, hidden);
        let mut seen: Vec<u16> = self.viewer.shown().collect();
        assert_eq!(before + entered, seen.len() + left, "entries and exits are counted");
        seen.sort_unstable();
        seen
    }
}

#[test]
fn the_nearest_entities_are_seen_as_many_as_may_be() {
    let mut world = World::new(50);
    assert_eq!(world.look(&[], |_| false), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(world.look(&[], |id| id.index % 2 == 0), [1, 3, 5, 7, 9, 11, 13, 15]);
}

#[test]
fn the_body_and_what_is_always_visible_push_out_others_only() {
    let mut world = World::new(50);
    world.viewer.gaze.body = Some(id(49));
    let seen = world.look(&[id(40), id(3), id(41)], |_| false);
    assert_eq!(seen.len(), VISIBLE);
    assert!([49, 40, 3, 41].iter().all(|pinned| seen.contains(pinned)), "{seen:?}");
    assert!(seen.iter().all(|&index| index < 8 || [49, 40, 41].contains(&index)), "{seen:?}");
}

#[test]
fn a_body_is_seen_by_its_player_even_if_the_game_hides_it() {
    let mut world = World::new(50);
    world.viewer.gaze.body = Some(id(0));
    assert_eq!(world.look(&[], |_| true), [0]);
    // Another entity has its index now: it is not the body.
    let next = EntityId { generation: 2, ..id(0) };
    world.apply(next, 0.0, Rate::Full);
    world.visibility.rebuild(&world.replica);
    assert!(world.look(&[], |_| true).is_empty());
}

#[test]
fn more_pinned_entities_than_may_be_seen_are_cut() {
    let mut world = World::new(50);
    world.viewer.gaze.body = Some(id(20));
    let always: Vec<EntityId> = (30..45).map(id).collect();
    assert_eq!(world.look(&always, |_| false), [20, 30, 31, 32, 33, 34, 35, 36]);
}

/// A game's list may have copies, and the body.
#[test]
fn copies_among_the_pinned_take_no_place() {
    let mut world = World::new(50);
    world.viewer.gaze.body = Some(id(20));
    let mut always = vec![id(20); VISIBLE];
    always.extend([id(30), id(30), id(31), id(30), id(32), id(33), id(34), id(35), id(36)]);
    assert_eq!(world.look(&always, |_| false), [20, 30, 31, 32, 33, 34, 35, 36]);
}

#[test]
fn an_id_that_is_out_of_date_or_out_of_range_pins_nothing() {
    let mut world = World::new(50);
    world.viewer.gaze.body = Some(EntityId { index: 48, generation: 9 });
    let always = [
        EntityId { index: 40, generation: 2 },
        EntityId { index: 41, generation: 0 },
        EntityId { index: 50, generation: 1 },
        EntityId { index: u16::MAX, generation: 1 },
    ];
    assert_eq!(world.look(&always, |_| false), [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn what_is_never_replicated_is_not_seen_even_if_it_is_pinned() {
    let mut world = World::new(50);
    world.apply(id(2), 2.0, Rate::Never);
    world.visibility.rebuild(&world.replica);
    assert_eq!(world.look(&[id(2)], |_| false), [0, 1, 3, 4, 5, 6, 7, 8]);
}

/// The exchange brings the end of an entity between two ticks, while the grid still has it.
#[test]
fn an_entity_that_is_gone_since_the_tick_does_not_come_into_sight() {
    let mut world = World::new(50);
    world.replica.apply(1, &Change::Gone { id: id(2) });
    let never_asked = |id: EntityId| {
        assert!(id.generation != 0, "the game is asked about entities that exist");
        false
    };
    assert_eq!(world.look(&[id(2)], never_asked), [0, 1, 3, 4, 5, 6, 7, 8]);
}

/// Random lists against sets.
#[test]
fn pinning_keeps_the_pinned_and_as_many_others_as_fit() {
    let mut roll = 1_u64;
    let mut below = |end: u64| {
        roll = roll.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((roll >> 33) % end) as usize
    };
    for _ in 0..20_000 {
        let most = 1 + below(12);
        let mut found: Vec<u16> = (0..below(most as u64 + 1)).map(|_| below(20) as u16).collect();
        found.sort_unstable();
        found.dedup();
        let pinned: Vec<u16> = (0..below(20)).map(|_| below(20) as u16).collect();
        let mut wanted = found.clone();
        pin(&mut wanted, pinned.iter().copied(), most);
        let mut first = Vec::new();
        for &index in &pinned {
            if first.len() < most && !first.contains(&index) {
                first.push(index);
            }
        }
        let case = format!("{found:?} with {pinned:?} of {most} gives {wanted:?}");
        assert!(first.iter().all(|index| wanted.contains(index)), "a pinned one is missing: {case}");
        assert!(wanted.iter().all(|index| first.contains(index) || found.contains(index)), "a stranger: {case}");
        let mut all = found.clone();
        all.extend(&first);
        all.sort_unstable();
        all.dedup();
        assert_eq!(wanted.len(), all.len().min(most), "{case}");
        wanted.sort_unstable();
        wanted.dedup();
        assert_eq!(wanted.len(), all.len().min(most), "twice: {case}");
    }
}

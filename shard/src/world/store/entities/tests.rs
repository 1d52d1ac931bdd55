//! The store against a plain model of it, and each of its promises by itself.

use super::*;
use crate::world::store::buffs::ALL;
use ringshard_world::entity::buffs;
use ringshard_world::limits::VARIABLES;
use std::collections::{BTreeMap, HashMap};

/// SplitMix64: the same rolls for the same seed.
pub(in crate::world::store) struct Dice(pub u64);

impl Dice {
    pub(in crate::world::store) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut roll = self.0;
        roll = (roll ^ (roll >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        roll = (roll ^ (roll >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        roll ^ (roll >> 31)
    }

    pub(in crate::world::store) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// An entity as the rules have it, without any thought of speed.
#[derive(Debug)]
struct Model {
    kind: EntityKind,
    faction: u8,
    point: [f32; 3],
    velocity: [f32; 3],
    rotation: [u16; 3],
    animation: u16,
    own_states: u8,
    health: u8,
    mana: u8,
    rate: Rate,
    /// Intensity and last tick.
    buffs: BTreeMap<u8, (u8, u64)>,
    variables: [i32; VARIABLES],
    dirty: u64,
}

impl Model {
    fn newcomer(kind: EntityKind, faction: u8, point: [f32; 3]) -> Model {
        Model {
            kind,
            faction,
            point,
            velocity: [0.0; 3],
            rotation: [0; 3],
            animation: 0,
            own_states: states::ALIVE,
            health: 255,
            mana: 255,
            rate: Rate::Full,
            buffs: BTreeMap::new(),
            variables: [0; VARIABLES],
            dirty: 0,
        }
    }

    fn carried(&self) -> u8 {
        self.buffs.keys().fold(0, |carried, buff| carried | buff)
    }

    fn states(&self) -> u8 {
        let stunned = if self.buffs.contains_key(&buffs::STUNNED) { states::STUNNED } else { 0 };
        let invisible = if self.buffs.contains_key(&buffs::INVISIBLE) { states::INVISIBLE } else { 0 };
        self.own_states | stunned | invisible
    }
}

const FIRST: u16 = 150;
const CAPACITY: usize = 75;

/// Does something at random to both; what the store answers must be what the model says.
fn step(dice: &mut Dice, entities: &mut Entities, model: &mut HashMap<EntityId, Model>, tick: u64, past: &[EntityId]) {
    let id = past[dice.below(past.len() as u64) as usize];
    let mut there = model.get_mut(&id);
    let is_there = there.is_some();
    let roll = dice.next();
    match dice.below(15) {
        0 => {
            assert_eq!(entities.despawn(id), is_there);
            model.remove(&id);
        }
        1 => {
            assert_eq!(entities.set_point(id, [roll as u16 as f32, 1.0, 2.0]), is_there);
            if let Some(entity) = there {
                entity.point = [roll as u16 as f32, 1.0, 2.0];
            }
        }
        2 => {
            assert_eq!(entities.set_velocity(id, [0.5, roll as u16 as f32, 0.25]), is_there);
            if let Some(entity) = there {
                entity.velocity = [0.5, roll as u16 as f32, 0.25];
            }
        }
        3 => {
            let rotation = [roll as u16, (roll >> 16) as u16, (roll >> 32) as u16];
            assert_eq!(entities.set_rotation(id, rotation), is_there);
            assert_eq!(entities.set_animation(id, roll as u16), is_there);
            if let Some(entity) = there {
                (entity.rotation, entity.animation) = (rotation, roll as u16);
            }
        }
        4 => {
            assert_eq!(entities.set_own_states(id, roll as u8), is_there);
            if let Some(entity) = there {
                entity.own_states = roll as u8;
            }
        }
        5 => {
            assert_eq!(entities.set_health(id, roll as u8), is_there);
            assert_eq!(entities.set_mana(id, (roll >> 8) as u8), is_there);
            if let Some(entity) = there {
                (entity.health, entity.mana) = (roll as u8, (roll >> 8) as u8);
            }
        }
        6 => {
            let rate = [Rate::Full, Rate::Reduced, Rate::Low, Rate::Never][(roll >> 1) as usize % 4];
            let faction = (roll >> 8) as u8 % FACTIONS_MAX;
            assert_eq!(entities.set_rate(id, rate), is_there);
            assert_eq!(entities.set_faction(id, faction), is_there);
            if let Some(entity) = there {
                (entity.rate, entity.faction) = (rate, faction);
            }
        }
        7..=9 => {
            let (buff, intensity) = (1 << dice.below(7), roll as u8);
            let until = (tick + dice.below(700)).saturating_sub(3);
            assert_eq!(entities.apply_buff(id, buff, intensity, until), is_there && until > tick);
            if let Some(entity) = there.as_mut().filter(|_| until > tick) {
                let (strongest, last) = entity.buffs.entry(buff).or_insert((intensity, until));
                (*strongest, *last) = (intensity.max(*strongest), until.max(*last));
            }
        }
        10 => {
            let buff = 1 << dice.below(7);
            let removed = there.and_then(|entity| entity.buffs.remove(&buff));
            assert_eq!(entities.remove_buff(id, buff), removed.is_some());
        }
        11..=13 => {
            let (number, value) = (dice.below(64) as usize, roll as i32 % 3);
            assert_eq!(entities.set_variable(id, number, value), is_there);
            if let Some(entity) = there.filter(|entity| entity.variables[number] != value) {
                entity.variables[number] = value;
                entity.dirty |= 1 << number;
            }
        }
        _ => {
            if let Some(row) = entities.row(id) {
                let entity = there.expect("it is found only if it lives");
                assert_eq!(entities.take_dirty(row), std::mem::take(&mut entity.dirty));
            }
        }
    }
}

/// Everything that can be asked about `id` is as the model has it.
fn compare(entities: &Entities, id: EntityId, model: Option<&Model>) {
    assert_eq!(entities.contains(id), model.is_some());
    assert_eq!(entities.kind(id), model.map(|entity| entity.kind));
    assert_eq!(entities.faction(id), model.map(|entity| entity.faction));
    assert_eq!(entities.point(id), model.map(|entity| entity.point));
    assert_eq!(entities.velocity(id), model.map(|entity| entity.velocity));
    assert_eq!(entities.rotation(id), model.map(|entity| entity.rotation));
    assert_eq!(entities.animation(id), model.map(|entity| entity.animation));
    assert_eq!(entities.own_states(id), model.map(|entity| entity.own_states));
    assert_eq!(entities.states(id), model.map(Model::states));
    assert_eq!(entities.health(id), model.map(|entity| entity.health));
    assert_eq!(entities.mana(id), model.map(|entity| entity.mana));
    assert_eq!(entities.rate(id), model.map(|entity| entity.rate));
    assert_eq!(entities.buffs(id), model.map(Model::carried));
    for buff in (0..7).map(|number| 1 << number) {
        let carried = model.and_then(|entity| entity.buffs.get(&buff));
        assert_eq!(entities.buff_intensity(id, buff), carried.map(|&(intensity, _)| intensity));
        assert_eq!(entities.buff_until(id, buff), carried.map(|&(_, until)| until));
    }
    for number in 0..VARIABLES {
        assert_eq!(entities.variable(id, number), model.map(|entity| entity.variables[number]));
    }
}

#[test]
fn the_store_does_what_a_plain_model_does() {
    for seed in 0..8 {
        let mut dice = Dice(seed);
        let mut entities = Entities::new(FIRST, CAPACITY);
        let mut model: HashMap<EntityId, Model> = HashMap::new();
        // All ids that ever were, most of them of the dead.
        let mut past = vec![EntityId { index: FIRST, generation: 0 }];
        let mut tick = 0;
        for round in 0..3000 {
            if dice.below(3) == 0 {
                let kind = EntityKind::ALL[dice.below(9) as usize];
                let (faction, point) = (dice.below(64) as u8, [round as f32, 0.5, -1.0]);
                match entities.spawn(kind, faction, point) {
                    Ok(id) => {
                        assert!(
                            model.insert(id, Model::newcomer(kind, faction, point)).is_none(),
                            "{id:?} lives twice"
                        );
                        past.push(id);
                    }
                    Err(full) => assert_eq!((full, model.len()), (Full { capacity: CAPACITY }, CAPACITY)),
                }
            }
            // The recent ones are more likely to live.
            let recent = past.len().saturating_sub(2 * CAPACITY);
            let from = if dice.below(8) == 0 { 0 } else { recent };
            for _ in 0..4 {
                step(&mut dice, &mut entities, &mut model, tick, &past[from..]);
            }
            if dice.below(3) == 0 {
                tick += 1 + if dice.below(50) == 0 { dice.below(1000) } else { 0 };
                let mut ended = Vec::new();
                entities.expire_buffs(tick, |id, buff| ended.push((id, buff)));
                ended.sort_unstable();
                let mut expected = Vec::new();
                for (&id, entity) in &mut model {
                    entity.buffs.retain(|&buff, &mut (_, until)| {
                        if until <= tick {
                            expected.push((id, buff));
                        }
                        until > tick
                    });
                }
                expected.sort_unstable();
                assert_eq!(ended, expected, "seed {seed}, tick {tick}");
            }
            if dice.below(20) == 0 {
                let mut dirty = BTreeMap::new();
                entities.drain_dirty(|id, mask, values| {
                    assert_eq!(*values, model[&id].variables);
                    dirty.insert(id, mask);
                });
                let mut expected = BTreeMap::new();
                for (&id, entity) in model.iter_mut().filter(|(_, entity)| entity.dirty != 0) {
                    expected.insert(id, std::mem::take(&mut entity.dirty));
                }
                assert_eq!(dirty, expected, "seed {seed}, round {round}");
            }
            let anyone = past[dice.below(past.len() as u64) as usize];
            compare(&entities, anyone, model.get(&anyone));
        }
        past.iter().for_each(|id| compare(&entities, *id, model.get(id)));
        let mut living: Vec<EntityId> = model.keys().copied().collect();
        living.sort_unstable();
        assert_eq!(entities.ids().collect::<Vec<_>>(), living);
        assert_eq!(entities.len(), living.len());
    }
}

/// A store with one entity at row 0.
fn one() -> (Entities, EntityId) {
    let mut entities = Entities::new(20, 10);
    let id = entities.spawn(EntityKind::Monster, 3, [1.0, 2.0, 3.0]).unwrap();
    (entities, id)
}

fn ended(entities: &mut Entities, tick: u64) -> Vec<(EntityId, u8)> {
    let mut ended = Vec::new();
    entities.expire_buffs(tick, |id, buff| ended.push((id, buff)));
    ended
}

#[test]
fn a_full_store_refuses_until_an_entity_is_despawned() {
    let mut entities = Entities::new(20, 10);
    let ids: Vec<_> = (0..10).map(|_| entities.spawn(EntityKind::Npc, 0, [0.0; 3]).unwrap()).collect();
    assert!(ids.iter().map(|id| id.index).eq(20..30));
    assert_eq!(entities.spawn(EntityKind::Npc, 0, [0.0; 3]), Err(Full { capacity: 10 }));
    assert!(entities.despawn(ids[4]));
    assert!(!entities.despawn(ids[4]), "it has gone");
    assert_eq!(entities.spawn(EntityKind::Npc, 0, [0.0; 3]), Ok(EntityId { index: 24, generation: 2 }));
    assert_eq!(entities.len(), 10);
}

#[test]
fn a_place_rests_until_all_others_had_their_turn() {
    let (mut entities, first) = one();
    entities.despawn(first);
    for index in 21..30 {
        let id = entities.spawn(EntityKind::Npc, 0, [0.0; 3]).unwrap();
        assert_eq!(id.index, index);
        entities.despawn(id);
    }
    assert_eq!(entities.spawn(EntityKind::Npc, 0, [0.0; 3]), Ok(EntityId { index: 20, generation: 2 }));
}

#[test]
fn an_old_id_does_not_name_the_next_tenant() {
    let mut entities = Entities::new(0, 1);
    let old = entities.spawn(EntityKind::Player, 1, [1.0; 3]).unwrap();
    entities.set_health(old, 7);
    entities.set_variable(old, 5, 5);
    entities.despawn(old);
    let new = entities.spawn(EntityKind::Item, 2, [2.0; 3]).unwrap();
    assert_eq!(new.index, old.index);
    compare(&entities, old, None);
    compare(&entities, new, Some(&Model::newcomer(EntityKind::Item, 2, [2.0; 3])));
    assert!(!entities.set_health(old, 1) && !entities.set_variable(old, 0, 1) && !entities.despawn(old));
    assert!(!entities.apply_buff(old, buffs::FROZEN, 1, 9));
    assert_eq!((entities.health(new), entities.take_dirty(0)), (Some(255), 0));
}

#[test]
fn generations_wrap_and_leave_out_zero() {
    let mut entities = Entities::new(0, 1);
    let generations = (0..510).map(|_| {
        let id = entities.spawn(EntityKind::Effect, 0, [0.0; 3]).unwrap();
        assert!(!entities.contains(EntityId { generation: 0, ..id }));
        entities.despawn(id);
        id.generation
    });
    assert!(generations.eq((1..=255).chain(1..=255)));
}

#[test]
fn an_index_says_whose_it_is() {
    let entities = Entities::new(20, 10);
    let owns = |index| entities.owns(EntityId { index, generation: 0 });
    assert_eq!([19, 20, 29, 30].map(owns), [false, true, true, false]);
    let last = Entities::new(u16::MAX, 1).spawn(EntityKind::Npc, 0, [0.0; 3]);
    assert_eq!(last, Ok(EntityId { index: u16::MAX, generation: 1 }));
    let whole = Entities::new(0, WORLD_ENTITIES_MAX);
    assert!(whole.owns(EntityId { index: u16::MAX, generation: 0 }));
}

#[test]
fn buffs_end_at_their_tick_whatever_their_order() {
    let (mut entities, id) = one();
    let lasts = [(buffs::FROZEN, 300), (buffs::POISONED, 10), (buffs::BURNING, 70_000), (buffs::SLOWED, 255)];
    for (buff, until) in lasts {
        assert!(entities.apply_buff(id, buff, 1, until));
    }
    assert!(entities.apply_buff(id, buffs::STUNNED, 1, 256));
    assert!(entities.apply_buff(id, buffs::INVULNERABLE, 1, u64::MAX));
    let mut seen = Vec::new();
    for tick in 0..=70_000 {
        seen.extend(ended(&mut entities, tick).into_iter().map(|(who, buff)| (who, buff, tick)));
    }
    let expected = [
        (buffs::POISONED, 10),
        (buffs::SLOWED, 255),
        (buffs::STUNNED, 256),
        (buffs::FROZEN, 300),
        (buffs::BURNING, 70_000),
    ];
    assert_eq!(seen, expected.map(|(buff, tick)| (id, buff, tick)));
    assert_eq!(entities.buffs(id), Some(buffs::INVULNERABLE), "what is for good stays");
}

#[test]
fn a_buff_applied_again_keeps_the_later_tick_and_the_larger_intensity() {
    let (mut entities, id) = one();
    assert!(entities.apply_buff(id, buffs::SLOWED, 50, 20));
    assert!(entities.apply_buff(id, buffs::SLOWED, 90, 10), "shorter and stronger");
    assert_eq!(
        (entities.buff_intensity(id, buffs::SLOWED), entities.buff_until(id, buffs::SLOWED)),
        (Some(90), Some(20))
    );
    assert!(entities.apply_buff(id, buffs::SLOWED, 40, 30), "longer and weaker");
    assert_eq!(
        (entities.buff_intensity(id, buffs::SLOWED), entities.buff_until(id, buffs::SLOWED)),
        (Some(90), Some(30))
    );
    assert_eq!(ended(&mut entities, 29), []);
    assert_eq!(ended(&mut entities, 30), [(id, buffs::SLOWED)]);
    assert_eq!(entities.buff_intensity(id, buffs::SLOWED), None);
    assert!(!entities.apply_buff(id, buffs::SLOWED, 1, 30), "that tick has passed");
    assert!(entities.apply_buff(id, buffs::SLOWED, 1, 31));
    assert_eq!(entities.buff_intensity(id, buffs::SLOWED), Some(1), "nothing is left of the last one");
}

#[test]
fn a_reused_row_keeps_no_buffs_of_its_former_entity() {
    let mut entities = Entities::new(0, 1);
    let old = entities.spawn(EntityKind::Player, 0, [0.0; 3]).unwrap();
    for buff in (0..7).map(|number| 1 << number) {
        assert!(entities.apply_buff(old, buff, 9, 5));
    }
    assert_eq!(entities.buffs(old), Some(ALL));
    entities.despawn(old);
    let new = entities.spawn(EntityKind::Player, 0, [0.0; 3]).unwrap();
    assert_eq!((entities.buffs(new), entities.states(new)), (Some(0), Some(states::ALIVE)));
    entities.apply_buff(new, buffs::STUNNED, 1, 8);
    assert_eq!(ended(&mut entities, 7), []);
    assert_eq!(ended(&mut entities, 8), [(new, buffs::STUNNED)]);
}

#[test]
fn a_state_of_the_games_outlasts_a_buffs() {
    let (mut entities, id) = one();
    entities.apply_buff(id, buffs::STUNNED, 1, 5);
    entities.apply_buff(id, buffs::INVISIBLE, 1, 6);
    assert_eq!(entities.states(id), Some(states::ALIVE | states::STUNNED | states::INVISIBLE));
    assert_eq!(entities.columns().states(0), states::ALIVE | states::STUNNED | states::INVISIBLE);
    assert_eq!(entities.own_states(id), Some(states::ALIVE));
    entities.set_own_states(id, states::ALIVE | states::STUNNED);
    ended(&mut entities, 5);
    assert_eq!(entities.states(id), Some(states::ALIVE | states::STUNNED | states::INVISIBLE));
    ended(&mut entities, 6);
    assert_eq!(entities.states(id), Some(states::ALIVE | states::STUNNED));
    entities.apply_buff(id, buffs::INVISIBLE, 1, 9);
    assert!(entities.remove_buff(id, buffs::INVISIBLE));
    assert!(!entities.remove_buff(id, buffs::INVISIBLE));
    assert_eq!(entities.states(id), Some(states::ALIVE | states::STUNNED));
    assert_eq!(ended(&mut entities, 9), []);
}

#[test]
#[should_panic(expected = "is not exactly one buff")]
fn two_buffs_are_not_one() {
    let (mut entities, id) = one();
    entities.apply_buff(id, buffs::FROZEN | buffs::SLOWED, 1, 5);
}

#[test]
fn only_what_changed_is_dirty_and_only_once() {
    let (mut entities, id) = one();
    assert!(entities.set_variable(id, 0, 0), "as it was");
    assert_eq!(entities.columns().dirty.iter().count(), 0);
    entities.set_variable(id, 63, -5);
    entities.set_variable(id, 1, 7);
    entities.set_variable(id, 1, 7);
    assert_eq!(entities.columns().dirty.iter().collect::<Vec<_>>(), [0]);
    assert_eq!(entities.take_dirty(0), 1 << 63 | 1 << 1);
    assert_eq!((entities.take_dirty(0), entities.columns().dirty.iter().count()), (0, 0));
    entities.set_variable(id, 1, 8);
    entities.despawn(id);
    entities.drain_dirty(|id, _, _| panic!("{id:?} is dead"));
}

#[test]
fn a_pass_over_the_columns_moves_every_entity() {
    let (mut entities, id) = one();
    entities.set_velocity(id, [60.0, 0.0, -120.0]);
    let columns = entities.columns_mut();
    for (point, velocity) in columns.points.iter_mut().zip(&*columns.velocities) {
        std::iter::zip(point, velocity).for_each(|(at, speed)| *at += speed / 60.0);
    }
    assert_eq!(entities.point(id), Some([2.0, 2.0, 1.0]));
    assert_eq!(entities.id_at(0), Some(id));
    assert_eq!(entities.id_at(1), None);
}

//! Buffs against a plain model of them, and each of their promises by itself.

use super::buffs::{ALL, Buffs};
use crate::world::store::Entities;
use ringshard_world::character::{Character, EntityKind, buffs, states};
use ringshard_world::{EntityId, Pose};
use std::collections::{BTreeMap, HashMap};

/// SplitMix64: the same rolls for the same seed.
pub(super) struct Dice(pub u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut roll = self.0;
        roll = (roll ^ (roll >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        roll = (roll ^ (roll >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        roll ^ (roll >> 31)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

const FIRST: u16 = 150;
const CAPACITY: usize = 75;

/// The buffs of the living entities: intensity and last tick of each.
type Model = HashMap<EntityId, BTreeMap<u8, (u8, u64)>>;

struct World {
    entities: Entities<Character>,
    buffs: Buffs,
}

impl World {
    fn new(first: u16, capacity: usize) -> World {
        World { entities: Entities::new(first, capacity, Character::default()), buffs: Buffs::default() }
    }

    fn spawn(&mut self) -> EntityId {
        self.entities.spawn(Pose::default(), Character::new(EntityKind::Monster, 3)).expect("there is room")
    }

    fn apply(&mut self, id: EntityId, buff: u8, intensity: u8, until: u64) -> bool {
        self.buffs.apply(&mut self.entities, id, buff, intensity, until)
    }

    fn remove(&mut self, id: EntityId, buff: u8) -> bool {
        self.buffs.remove(&mut self.entities, id, buff)
    }

    fn get(&self, id: EntityId, buff: u8) -> Option<(u8, u64)> {
        let intensity = self.buffs.intensity(&self.entities, id, buff);
        intensity.zip(self.buffs.until(&self.entities, id, buff))
    }

    fn shown(&self, id: EntityId) -> u8 {
        self.entities.shown(id).expect("it lives").buffs
    }

    fn ended(&mut self, tick: u64) -> Vec<(EntityId, u8)> {
        let mut ended = Vec::new();
        self.buffs.expire(&mut self.entities, tick, |id, buff| ended.push((id, buff)));
        ended
    }

    /// Does something at random to both.
    fn roll(&mut self, dice: &mut Dice, model: &mut Model, tick: u64, id: EntityId) {
        let roll = dice.next();
        let buff = 1 << dice.below(7);
        let of_model = model.get_mut(&id);
        match dice.below(8) {
            0 => assert_eq!(self.entities.despawn(id), model.remove(&id).is_some()),
            1 => {
                let had = of_model.and_then(|buffs| buffs.remove(&buff)).is_some();
                assert_eq!(self.remove(id, buff), had);
            }
            // The game ends a buff without a word.
            2 => {
                if let Some(shown) = self.entities.shown_mut(id) {
                    shown.buffs &= !buff;
                    of_model.expect("it lives").remove(&buff);
                }
            }
            _ => {
                let until = (tick + dice.below(700)).saturating_sub(3);
                let of_model = of_model.filter(|_| until > tick);
                assert_eq!(self.apply(id, buff, roll as u8, until), of_model.is_some());
                if let Some(buffs) = of_model {
                    let (strongest, last) = buffs.entry(buff).or_insert((roll as u8, until));
                    (*strongest, *last) = ((roll as u8).max(*strongest), until.max(*last));
                }
            }
        }
    }

    fn compare(&self, model: &Model, id: EntityId) {
        let of_model = model.get(&id);
        for buff in (0..7).map(|number| 1 << number) {
            assert_eq!(self.get(id, buff), of_model.and_then(|buffs| buffs.get(&buff)).copied());
        }
        let mask = of_model.map(|buffs| buffs.keys().fold(0, |mask, buff| mask | buff));
        assert_eq!(self.entities.shown(id).map(|shown| shown.buffs), mask);
    }
}

#[test]
fn buffs_do_what_a_plain_model_does() {
    for seed in 0..8 {
        let mut dice = Dice(seed);
        let mut world = World::new(FIRST, CAPACITY);
        let mut model = Model::new();
        // All ids that ever were, most of them of the dead.
        let mut past = vec![EntityId { index: FIRST, generation: 0 }];
        let mut tick = 0;
        for _ in 0..3000 {
            if dice.below(3) == 0 && model.len() < CAPACITY {
                let id = world.spawn();
                model.insert(id, BTreeMap::new());
                past.push(id);
            }
            // The recent ones are more likely to live.
            let recent = past.len().saturating_sub(2 * CAPACITY);
            let from = if dice.below(8) == 0 { 0 } else { recent };
            for _ in 0..4 {
                let id = past[from + dice.below((past.len() - from) as u64) as usize];
                world.roll(&mut dice, &mut model, tick, id);
                world.compare(&model, id);
            }
            if dice.below(3) == 0 {
                tick += 1 + if dice.below(50) == 0 { dice.below(1000) } else { 0 };
                let mut ended = world.ended(tick);
                ended.sort_unstable();
                assert_eq!(ended, expired(&mut model, tick), "seed {seed}, tick {tick}");
            }
        }
        past.iter().for_each(|&id| world.compare(&model, id));
    }
}

/// Ends buffs of the model.
fn expired(model: &mut Model, tick: u64) -> Vec<(EntityId, u8)> {
    let mut ended = Vec::new();
    for (&id, buffs) in model {
        ended.extend(buffs.iter().filter(|&(_, &(_, until))| until <= tick).map(|(&buff, _)| (id, buff)));
        buffs.retain(|_, &mut (_, until)| until > tick);
    }
    ended.sort_unstable();
    ended
}

#[test]
fn buffs_end_at_their_tick_whatever_their_order() {
    let mut world = World::new(20, 10);
    let id = world.spawn();
    let lasts = [(buffs::FROZEN, 300), (buffs::POISONED, 10), (buffs::BURNING, 70_000), (buffs::SLOWED, 255)];
    for (buff, until) in lasts {
        assert!(world.apply(id, buff, 1, until));
    }
    assert!(world.apply(id, buffs::STUNNED, 1, 256));
    assert!(world.apply(id, buffs::INVULNERABLE, 1, u64::MAX));
    let mut seen = Vec::new();
    for tick in 0..=70_000 {
        seen.extend(world.ended(tick).into_iter().map(|(who, buff)| (who, buff, tick)));
    }
    let expected = [
        (buffs::POISONED, 10),
        (buffs::SLOWED, 255),
        (buffs::STUNNED, 256),
        (buffs::FROZEN, 300),
        (buffs::BURNING, 70_000),
    ];
    assert_eq!(seen, expected.map(|(buff, tick)| (id, buff, tick)));
    assert_eq!(world.shown(id), buffs::INVULNERABLE, "what is for good stays");
}

#[test]
fn a_buff_applied_again_keeps_the_later_tick_and_the_larger_intensity() {
    let mut world = World::new(20, 10);
    let id = world.spawn();
    assert!(world.apply(id, buffs::SLOWED, 50, 20));
    assert!(world.apply(id, buffs::SLOWED, 90, 10), "shorter and stronger");
    assert_eq!(world.get(id, buffs::SLOWED), Some((90, 20)));
    assert!(world.apply(id, buffs::SLOWED, 40, 30), "longer and weaker");
    assert_eq!(world.get(id, buffs::SLOWED), Some((90, 30)));
    assert_eq!(world.ended(29), []);
    assert_eq!(world.ended(30), [(id, buffs::SLOWED)]);
    assert_eq!(world.get(id, buffs::SLOWED), None);
    assert!(!world.apply(id, buffs::SLOWED, 1, 30), "that tick has passed");
    assert!(world.apply(id, buffs::SLOWED, 1, 31));
    assert_eq!(world.get(id, buffs::SLOWED), Some((1, 31)), "nothing is left of the last one");
}

#[test]
fn an_old_id_does_not_reach_the_next_tenant() {
    let mut world = World::new(0, 1);
    let old = world.spawn();
    for buff in (0..7).map(|number| 1 << number) {
        assert!(world.apply(old, buff, 9, 5));
    }
    assert_eq!(world.shown(old), ALL);
    world.entities.despawn(old);
    assert!(!world.apply(old, buffs::FROZEN, 1, 9) && !world.remove(old, buffs::FROZEN));
    assert_eq!(world.get(old, buffs::FROZEN), None);
    let new = world.spawn();
    assert_eq!((new.index, world.shown(new)), (old.index, 0));
    assert!(!world.apply(old, buffs::FROZEN, 1, 9) && !world.remove(old, buffs::STUNNED));
    assert!(world.apply(new, buffs::STUNNED, 1, 8));
    assert_eq!((world.get(old, buffs::STUNNED), world.get(new, buffs::STUNNED)), (None, Some((1, 8))));
    assert_eq!(world.ended(7), [], "the old tenant's buffs end with it");
    assert_eq!(world.ended(8), [(new, buffs::STUNNED)]);
}

#[test]
fn the_timers_of_a_gone_entity_leave_the_next_tenant_alone_even_before_it_has_a_buff() {
    let mut world = World::new(0, 1);
    let old = world.spawn();
    assert!(world.apply(old, buffs::BURNING, 9, 5));
    world.entities.despawn(old);
    let new = world.spawn();
    world.entities.shown_mut(new).unwrap().buffs = buffs::BURNING;
    assert_eq!(world.ended(5), []);
    assert_eq!(world.shown(new), buffs::BURNING, "the game has set it, and it stays");
}

#[test]
fn a_state_of_the_games_outlasts_a_buffs() {
    let mut world = World::new(20, 10);
    let id = world.spawn();
    let effects = |world: &World| {
        let shown = world.entities.shown(id).unwrap();
        (shown.is_stunned(), shown.is_invisible())
    };
    world.apply(id, buffs::STUNNED, 1, 5);
    world.apply(id, buffs::INVISIBLE, 1, 6);
    assert_eq!(effects(&world), (true, true));
    assert_eq!(world.entities.shown(id).unwrap().states, states::ALIVE, "a buff sets no state");
    world.entities.shown_mut(id).unwrap().set(states::STUNNED, true);
    world.ended(5);
    assert_eq!(effects(&world), (true, true));
    world.ended(6);
    assert_eq!(effects(&world), (true, false));
    world.apply(id, buffs::INVISIBLE, 1, 9);
    assert!(world.remove(id, buffs::INVISIBLE));
    assert!(!world.remove(id, buffs::INVISIBLE));
    assert_eq!(effects(&world), (true, false));
    assert_eq!(world.ended(9), []);
}

#[test]
#[should_panic(expected = "is not exactly one buff")]
fn two_buffs_are_not_one() {
    let mut world = World::new(20, 10);
    let id = world.spawn();
    world.apply(id, buffs::FROZEN | buffs::SLOWED, 1, 5);
}

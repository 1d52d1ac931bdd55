//! The store against a plain model of it, and each of its promises by itself.

use super::*;
use ringshard_world::character::Character;
use std::collections::HashMap;

/// SplitMix64: the same rolls for the same seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut roll = self.0;
        roll = (roll ^ (roll >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        roll = (roll ^ (roll >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        roll ^ (roll >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn pose(&mut self) -> Pose {
        let roll = self.next();
        let turn = (roll >> 16) as u16;
        Pose {
            point: [roll as u16 as f32, 1.0, 2.0],
            velocity: [0.0, (roll >> 32) as u16 as f32, 0.0],
            rotation: [turn, 0, !turn],
            leap: (roll >> 56) as u8,
        }
    }

    fn shown(&mut self) -> Character {
        let roll = self.next();
        Character { health: roll as u8, states: (roll >> 8) as u8, score: (roll >> 32) as u32, ..Character::default() }
    }
}

/// An entity as the rules have it, without any thought of speed.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Model {
    pose: Pose,
    shown: Character,
    rate: Rate,
}

const FIRST: u16 = 150;
const CAPACITY: usize = 75;
const RATES: [Rate; 4] = [Rate::Full, Rate::Reduced, Rate::Low, Rate::Never];

/// Does something at random to both; what the store answers must be what the model says.
fn step(dice: &mut Dice, entities: &mut Entities<Character>, model: &mut HashMap<EntityId, Model>, past: &[EntityId]) {
    let id = past[dice.below(past.len())];
    let there = model.get_mut(&id);
    match dice.below(6) {
        0 => {
            let is_there = there.is_some();
            assert_eq!(entities.despawn(id), is_there);
            model.remove(&id);
        }
        1 => {
            let pose = dice.pose();
            assert_eq!(entities.pose_mut(id).map(|place| *place = pose), there.map(|entity| entity.pose = pose));
        }
        2 => {
            let shown = dice.shown();
            assert_eq!(entities.shown_mut(id).map(|place| *place = shown), there.map(|entity| entity.shown = shown));
        }
        3 => {
            let rate = RATES[dice.below(4)];
            assert_eq!(entities.set_rate(id, rate), there.map(|entity| entity.rate = rate).is_some());
        }
        // All in one pass, as a game does it.
        4 => {
            let columns = entities.columns_mut();
            for row in columns.living.iter() {
                let id = EntityId { index: FIRST + row as u16, generation: columns.generations[row] };
                let entity = model.get_mut(&id).expect("a living row has a living entity");
                (columns.poses[row].point[0], columns.shown[row].mana) =
                    (entity.pose.point[0] + 1.0, entity.shown.mana ^ 1);
                (entity.pose.point[0], entity.shown.mana) = (entity.pose.point[0] + 1.0, entity.shown.mana ^ 1);
            }
        }
        _ => {}
    }
}

/// Everything that can be asked about `id` is as the model has it.
fn compare(entities: &Entities<Character>, id: EntityId, model: Option<&Model>) {
    assert_eq!(entities.contains(id), model.is_some());
    assert_eq!(entities.pose(id), model.map(|entity| &entity.pose));
    assert_eq!(entities.shown(id), model.map(|entity| &entity.shown));
    assert_eq!(entities.rate(id), model.map(|entity| entity.rate));
    let row = entities.row(id);
    assert_eq!(row, model.map(|_| usize::from(id.index - FIRST)));
    if let Some(row) = row {
        let Columns { living, generations, poses, shown, rates } = entities.columns();
        let found = Model { pose: poses[row], shown: shown[row], rate: rates[row] };
        assert!(living.contains(row) && generations[row] == id.generation && Some(&found) == model);
        assert_eq!(entities.id_at(row), Some(id));
    }
}

#[test]
fn the_store_does_what_a_plain_model_does() {
    for seed in 0..8 {
        let mut dice = Dice(seed);
        let mut entities = Entities::new(FIRST, CAPACITY, Character::default());
        let mut model: HashMap<EntityId, Model> = HashMap::new();
        // All ids that ever were, most of them of the dead.
        let mut past = vec![EntityId { index: FIRST, generation: 0 }];
        for _ in 0..3000 {
            if dice.below(3) == 0 {
                let (pose, shown) = (dice.pose(), dice.shown());
                match entities.spawn(pose, shown) {
                    Ok(id) => {
                        let newcomer = Model { pose, shown, rate: Rate::Full };
                        assert!(model.insert(id, newcomer).is_none(), "{id:?} lives twice");
                        past.push(id);
                    }
                    Err(full) => assert_eq!((full, model.len()), (Full { capacity: CAPACITY }, CAPACITY)),
                }
            }
            // The recent ones are more likely to live.
            let recent = past.len().saturating_sub(2 * CAPACITY);
            let from = if dice.below(8) == 0 { 0 } else { recent };
            for _ in 0..4 {
                step(&mut dice, &mut entities, &mut model, &past[from..]);
            }
            let anyone = past[dice.below(past.len())];
            compare(&entities, anyone, model.get(&anyone));
        }
        past.iter().for_each(|id| compare(&entities, *id, model.get(id)));
        let mut living: Vec<EntityId> = model.keys().copied().collect();
        living.sort_unstable();
        assert_eq!(entities.ids().collect::<Vec<_>>(), living);
        assert_eq!((entities.len(), entities.is_empty()), (living.len(), living.is_empty()));
    }
}

fn spawn(entities: &mut Entities<Character>) -> Result<EntityId, Full> {
    entities.spawn(Pose::default(), Character::default())
}

#[test]
fn a_full_store_refuses_until_an_entity_is_despawned() {
    let mut entities = Entities::new(20, 10, Character::default());
    let ids: Vec<_> = (0..10).map(|_| spawn(&mut entities).unwrap()).collect();
    assert!(ids.iter().map(|id| id.index).eq(20..30));
    assert_eq!(spawn(&mut entities), Err(Full { capacity: 10 }));
    assert!(entities.despawn(ids[4]));
    assert!(!entities.despawn(ids[4]), "it has gone");
    assert_eq!(spawn(&mut entities), Ok(EntityId { index: 24, generation: 2 }));
    assert_eq!(entities.len(), 10);
}

#[test]
fn a_place_rests_until_all_others_had_their_turn() {
    let mut entities = Entities::new(20, 10, Character::default());
    let first = spawn(&mut entities).unwrap();
    entities.despawn(first);
    for index in 21..30 {
        let id = spawn(&mut entities).unwrap();
        assert_eq!(id.index, index);
        entities.despawn(id);
    }
    assert_eq!(spawn(&mut entities), Ok(EntityId { index: 20, generation: 2 }));
}

#[test]
fn an_old_id_does_not_name_the_next_tenant() {
    let mut entities = Entities::new(0, 1, Character::default());
    let old = entities.spawn(Pose::at([1.0; 3]), Character { health: 7, ..Character::default() }).unwrap();
    entities.set_rate(old, Rate::Low);
    entities.despawn(old);
    let new = spawn(&mut entities).unwrap();
    assert_eq!(new.index, old.index);
    assert!(!entities.contains(old) && entities.pose(old).is_none() && entities.shown_mut(old).is_none());
    assert!(!entities.set_rate(old, Rate::Never) && !entities.despawn(old));
    let nothing_left = (Some(&Pose::default()), Some(&Character::default()), Some(Rate::Full));
    assert_eq!((entities.pose(new), entities.shown(new), entities.rate(new)), nothing_left);
}

#[test]
fn generations_wrap_and_leave_out_zero() {
    let mut entities = Entities::new(0, 1, Character::default());
    let generations = (0..510).map(|_| {
        let id = spawn(&mut entities).unwrap();
        assert!(!entities.contains(EntityId { generation: 0, ..id }));
        entities.despawn(id);
        id.generation
    });
    assert!(generations.eq((1..=255).chain(1..=255)));
}

#[test]
fn an_index_says_whose_it_is() {
    let entities = Entities::new(20, 10, Character::default());
    let owns = |index| entities.owns(EntityId { index, generation: 0 });
    assert_eq!([19, 20, 29, 30].map(owns), [false, true, true, false]);
    let last = spawn(&mut Entities::new(u16::MAX, 1, Character::default()));
    assert_eq!(last, Ok(EntityId { index: u16::MAX, generation: 1 }));
    let whole = Entities::new(0, WORLD_ENTITIES_MAX, Character::default());
    assert!(whole.owns(EntityId { index: u16::MAX, generation: 0 }));
}

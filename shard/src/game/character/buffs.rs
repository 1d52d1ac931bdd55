//! Buffs of characters: each has an intensity, and a tick at which it ends.
//!
//! The field [`Character::buffs`] says which buffs an entity has, so clients see them. What is kept here beside it is the
//! intensity and the end of each. An entity has each buff at most once.
//!
//! The game may set and clear bits of the field itself. A buff whose bit it clears has ended. A bit that it sets without
//! [`Buffs::apply`] stays until the game clears it, and has no intensity.

use super::timer_wheel::TimerWheel;
use crate::world::store::Entities;
use ringshard_world::EntityId;
use ringshard_world::character::{Character, buffs};

/// All buffs.
pub const ALL: u8 = buffs::FROZEN
    | buffs::POISONED
    | buffs::BURNING
    | buffs::SLOWED
    | buffs::STUNNED
    | buffs::INVISIBLE
    | buffs::INVULNERABLE;

/// Timers per entity in the wheel: a power of two, one for each bit of a mask.
const SLOTS: usize = 8;

const _: () = assert!(SLOTS == u8::BITS as usize && SLOTS.is_power_of_two());

/// The buffs of a core's entities. Pass it the same [`Entities`] at each call.
///
/// An id may be out of date at any time. Then a getter returns `None`, and a change does nothing and returns `false`: an old
/// id never reaches the entity that has its place now.
#[derive(Debug)]
pub struct Buffs {
    /// The index of row 0; it means nothing while there are no rows.
    first: u16,
    /// Per row: the generation of the entity to which the row's timers belong.
    generations: Vec<u8>,
    intensities: Vec<[u8; SLOTS]>,
    /// When each ends: one timer per slot of a row.
    wheel: TimerWheel,
}

impl Default for Buffs {
    /// No buffs. Memory for all entities is allocated when the first buff is applied.
    fn default() -> Self {
        Buffs { first: 0, generations: Vec::new(), intensities: Vec::new(), wheel: TimerWheel::new() }
    }
}

impl Buffs {
    /// Applies `buff` until the tick `until`; `u64::MAX` means for good. If the entity has the buff already, the later tick
    /// and the larger intensity hold. False if there is no such entity, or [`Buffs::expire`] has passed that tick.
    ///
    /// # Panics
    /// When `buff` is not exactly one buff; so do the other methods that take a buff.
    pub fn apply(
        &mut self,
        entities: &mut Entities<Character>,
        id: EntityId,
        buff: u8,
        intensity: u8,
        until: u64,
    ) -> bool {
        let slot = slot_of(buff);
        let Some(row) = entities.row(id).filter(|_| until > self.wheel.now()) else { return false };
        self.take_row(entities.capacity(), row, id);
        let Some(shown) = entities.shown_mut(id) else { return false };
        let timer = row * SLOTS + slot;
        let had = shown.has(buff) && self.wheel.runs(timer);
        let strongest = &mut self.intensities[row][slot];
        *strongest = if had { intensity.max(*strongest) } else { intensity };
        let last = if had { until.max(self.wheel.until(timer)) } else { until };
        if self.wheel.runs(timer) {
            self.wheel.remove(timer);
        }
        self.wheel.insert(timer, last);
        shown.buffs |= buff;
        true
    }

    /// Ends a buff early; false if the entity does not have it.
    pub fn remove(&mut self, entities: &mut Entities<Character>, id: EntityId, buff: u8) -> bool {
        let timer = self.timer(entities, id, buff);
        let Some(shown) = entities.shown_mut(id).filter(|shown| shown.has(buff)) else { return false };
        shown.buffs &= !buff;
        if let Some(timer) = timer {
            self.wheel.remove(timer);
        }
        true
    }

    /// The intensity of a buff, if the entity has it.
    pub fn intensity(&self, entities: &Entities<Character>, id: EntityId, buff: u8) -> Option<u8> {
        self.timer(entities, id, buff).map(|timer| self.intensities[timer / SLOTS][timer % SLOTS])
    }

    /// The tick at which a buff ends, if the entity has it.
    pub fn until(&self, entities: &Entities<Character>, id: EntityId, buff: u8) -> Option<u64> {
        self.timer(entities, id, buff).map(|timer| self.wheel.until(timer))
    }

    /// Ends the buffs that last until `tick` or less, in the order of their ticks, and calls `each` for each. A game calls it
    /// once per tick.
    ///
    /// # Panics
    /// When `tick` is less than in the last call.
    pub fn expire(&mut self, entities: &mut Entities<Character>, tick: u64, mut each: impl FnMut(EntityId, u8)) {
        let Buffs { first, generations, wheel, .. } = self;
        wheel.advance(tick, |timer| {
            let (row, buff) = (timer / SLOTS, 1 << (timer % SLOTS));
            let id = EntityId { index: *first + row as u16, generation: generations[row] };
            // The entity may be gone, and the game may have ended the buff.
            if let Some(shown) = entities.shown_mut(id).filter(|shown| shown.has(buff)) {
                shown.buffs &= !buff;
                each(id, buff);
            }
        });
    }

    /// The timer of a buff that the entity has from [`Buffs::apply`].
    fn timer(&self, entities: &Entities<Character>, id: EntityId, buff: u8) -> Option<usize> {
        let slot = slot_of(buff);
        let row = entities.row(id).filter(|&row| self.generations.get(row) == Some(&id.generation))?;
        let timer = row * SLOTS + slot;
        let has = entities.shown(id).is_some_and(|shown| shown.has(buff));
        (has && self.wheel.runs(timer)).then_some(timer)
    }

    /// From now on the timers of a row are this entity's.
    fn take_row(&mut self, capacity: usize, row: usize, id: EntityId) {
        if self.generations.is_empty() {
            self.first = id.index - row as u16;
            self.generations = vec![0; capacity];
            self.intensities = vec![[0; SLOTS]; capacity];
            self.wheel.grow(capacity * SLOTS);
        }
        assert_eq!(self.generations.len(), capacity, "the entities are the same at each call");
        if self.generations[row] != id.generation {
            self.generations[row] = id.generation;
            for timer in row * SLOTS..(row + 1) * SLOTS {
                if self.wheel.runs(timer) {
                    self.wheel.remove(timer);
                }
            }
        }
    }
}

fn slot_of(buff: u8) -> usize {
    assert!(buff.is_power_of_two() && buff & ALL != 0, "{buff:#04x} is not exactly one buff");
    buff.trailing_zeros() as usize
}

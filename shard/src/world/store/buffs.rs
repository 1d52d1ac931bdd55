//! What is done to an entity, how strongly, and until when (A7).
//!
//! An entity carries each kind at most once. One that is applied again lasts until the later of both ticks, with the
//! larger of both intensities: nothing is gained by waiting, and nothing lost by helping twice.

use super::places::bits;
use super::wheel::Wheel;
use ringshard_world::entity::{buffs, states};

/// All kinds of buffs.
pub const ALL: u8 = buffs::FROZEN
    | buffs::POISONED
    | buffs::BURNING
    | buffs::SLOWED
    | buffs::STUNNED
    | buffs::INVISIBLE
    | buffs::INVULNERABLE;

/// Slots of an entity in the wheel: a power of two, with one for each bit of a mask.
const SLOTS: usize = 8;

/// The states that an entity is in as long as it carries `carried`, whatever the game says.
#[inline]
pub fn states_of(carried: u8) -> u8 {
    let stunned = if carried & buffs::STUNNED != 0 { states::STUNNED } else { 0 };
    let invisible = if carried & buffs::INVISIBLE != 0 { states::INVISIBLE } else { 0 };
    stunned | invisible
}

#[derive(Debug)]
pub(super) struct Buffs {
    /// What each entity carries.
    carried: Vec<u8>,
    intensities: Vec<[u8; SLOTS]>,
    /// When it ends: an item for each slot of each entity.
    wheel: Wheel,
}

impl Buffs {
    pub(super) fn new(capacity: usize) -> Buffs {
        Buffs {
            carried: vec![0; capacity],
            intensities: vec![[0; SLOTS]; capacity],
            wheel: Wheel::new(capacity * SLOTS),
        }
    }

    #[inline]
    pub(super) fn carried(&self) -> &[u8] {
        &self.carried
    }

    /// Intensity and last tick of `buff`, when it is carried.
    #[inline]
    pub(super) fn get(&self, place: usize, buff: u8) -> Option<(u8, u64)> {
        let slot = slot_of(buff);
        (self.carried[place] & buff != 0)
            .then(|| (self.intensities[place][slot], self.wheel.until(place * SLOTS + slot)))
    }

    /// False when it would be over already.
    pub(super) fn apply(&mut self, place: usize, buff: u8, intensity: u8, until: u64) -> bool {
        let slot = slot_of(buff);
        let item = place * SLOTS + slot;
        if until <= self.wheel.now() {
            return false;
        }
        let strongest = &mut self.intensities[place][slot];
        if self.carried[place] & buff == 0 {
            self.carried[place] |= buff;
            *strongest = intensity;
            self.wheel.insert(item, until);
            return true;
        }
        *strongest = intensity.max(*strongest);
        if until > self.wheel.until(item) {
            self.wheel.remove(item);
            self.wheel.insert(item, until);
        }
        true
    }

    /// Whether it was carried.
    pub(super) fn remove(&mut self, place: usize, buff: u8) -> bool {
        let slot = slot_of(buff);
        let carried = self.carried[place] & buff != 0;
        if carried {
            self.carried[place] &= !buff;
            self.wheel.remove(place * SLOTS + slot);
        }
        carried
    }

    /// Ends all that is carried there.
    pub(super) fn clear(&mut self, place: usize) {
        for slot in bits(std::mem::take(&mut self.carried[place]).into()) {
            self.wheel.remove(place * SLOTS + slot);
        }
    }

    /// Ends what lasted until `tick` or less; tells `each` the place and the buff.
    #[inline]
    pub(super) fn expire(&mut self, tick: u64, mut each: impl FnMut(usize, u8)) {
        let Buffs { carried, wheel, .. } = self;
        wheel.turn(tick, |item| {
            let (place, buff) = (item / SLOTS, 1 << (item % SLOTS));
            assert!(carried[place] & buff != 0, "who does not carry it does not stand in the wheel");
            carried[place] &= !buff;
            each(place, buff);
        });
    }
}

fn slot_of(buff: u8) -> usize {
    assert!(buff.is_power_of_two() && buff & ALL != 0, "{buff:#04x} is not one buff");
    buff.trailing_zeros() as usize
}

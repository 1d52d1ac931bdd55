//! The buffs of entities: intensity, and the tick at which each ends.
//!
//! An entity has each buff at most once. A buff that is applied again lasts until the later of both ticks, with the larger of
//! both intensities.

use super::row_set::bits;
use super::timer_wheel::TimerWheel;
use ringshard_world::entity::{buffs, states};

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

/// The states that follow from the buffs in `active`.
#[inline]
pub fn states_of(active: u8) -> u8 {
    let stunned = if active & buffs::STUNNED != 0 { states::STUNNED } else { 0 };
    let invisible = if active & buffs::INVISIBLE != 0 { states::INVISIBLE } else { 0 };
    stunned | invisible
}

#[derive(Debug)]
pub(super) struct Buffs {
    /// The buffs that each row has, one bit each.
    active: Vec<u8>,
    intensities: Vec<[u8; SLOTS]>,
    /// When each ends: one timer per slot of a row.
    wheel: TimerWheel,
}

impl Buffs {
    pub(super) fn new(capacity: usize) -> Buffs {
        Buffs {
            active: vec![0; capacity],
            intensities: vec![[0; SLOTS]; capacity],
            wheel: TimerWheel::new(capacity * SLOTS),
        }
    }

    #[inline]
    pub(super) fn active(&self) -> &[u8] {
        &self.active
    }

    /// Intensity and last tick of `buff`, if the row has it.
    #[inline]
    pub(super) fn get(&self, row: usize, buff: u8) -> Option<(u8, u64)> {
        let slot = slot_of(buff);
        (self.active[row] & buff != 0).then(|| (self.intensities[row][slot], self.wheel.until(row * SLOTS + slot)))
    }

    /// False if it would have ended already.
    pub(super) fn apply(&mut self, row: usize, buff: u8, intensity: u8, until: u64) -> bool {
        let slot = slot_of(buff);
        let item = row * SLOTS + slot;
        if until <= self.wheel.now() {
            return false;
        }
        let strongest = &mut self.intensities[row][slot];
        if self.active[row] & buff == 0 {
            self.active[row] |= buff;
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

    /// Returns whether the row had it.
    pub(super) fn remove(&mut self, row: usize, buff: u8) -> bool {
        let slot = slot_of(buff);
        let had = self.active[row] & buff != 0;
        if had {
            self.active[row] &= !buff;
            self.wheel.remove(row * SLOTS + slot);
        }
        had
    }

    /// Ends all buffs of a row.
    pub(super) fn clear(&mut self, row: usize) {
        for slot in bits(std::mem::take(&mut self.active[row]).into()) {
            self.wheel.remove(row * SLOTS + slot);
        }
    }

    /// Ends the buffs that last until `tick` or less; calls `each` with the row and the buff.
    #[inline]
    pub(super) fn expire(&mut self, tick: u64, mut each: impl FnMut(usize, u8)) {
        let Buffs { active, wheel, .. } = self;
        wheel.advance(tick, |item| {
            let (row, buff) = (item / SLOTS, 1 << (item % SLOTS));
            assert!(active[row] & buff != 0, "a timer runs only for a buff that the row has");
            active[row] &= !buff;
            each(row, buff);
        });
    }
}

const _: () = assert!(SLOTS == u8::BITS as usize && SLOTS.is_power_of_two());

fn slot_of(buff: u8) -> usize {
    assert!(buff.is_power_of_two() && buff & ALL != 0, "{buff:#04x} is not exactly one buff");
    buff.trailing_zeros() as usize
}

//! When to look at each connection again: a wheel of milliseconds.
//!
//! A connection stands in the wheel at most once. When its deadline moves later, it stays and is put back when it comes
//! up; when it moves earlier, it moves. The links lie beside the slots: nothing is allocated for a deadline.

use crate::limits::TIMER_GRAIN;
use crate::time::Instant;

/// Grains of the wheel: deadlines further away than half of it come up there and are put back.
const GRAINS: u64 = 2048;
const NOT_ARMED: u64 = u64::MAX;
/// No slot: behind the last of a grain, and before the first.
const NONE: u32 = u32::MAX;

/// Where a slot stands in the wheel.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Its grain.
    armed: u64,
    /// The slots behind it and before it in that grain.
    next: u32,
    previous: u32,
}

#[derive(Debug)]
pub(super) struct Timers {
    /// The first slot of each grain.
    wheel: Vec<u32>,
    /// A bit for each grain of the wheel that is not empty.
    occupied: [u64; (GRAINS / 64) as usize],
    /// Of each slot.
    places: Vec<Place>,
    /// The last grain that was dealt with.
    turned_to: u64,
    /// The grain up to which they are being dealt with: what is scheduled meanwhile comes up after it.
    turning_to: u64,
}

impl Timers {
    pub(super) fn new(now: Instant) -> Self {
        Timers {
            wheel: vec![NONE; GRAINS as usize],
            occupied: [0; (GRAINS / 64) as usize],
            places: Vec::new(),
            turned_to: grain_before(now),
            turning_to: grain_before(now),
        }
    }

    /// Slot `slot` wants to be looked at by `deadline`; no earlier than the next time the wheel turns.
    #[inline]
    pub(super) fn schedule(&mut self, slot: u16, deadline: Instant) {
        let index = usize::from(slot);
        if index >= self.places.len() {
            self.places.resize(index + 1, Place { armed: NOT_ARMED, next: NONE, previous: NONE });
        }
        let grain = grain_after(deadline);
        if grain >= self.places[index].armed {
            return;
        }
        let grain = grain.clamp(self.turning_to + 1, self.turning_to + GRAINS / 2 - 1);
        if self.places[index].armed <= grain {
            return;
        }
        self.disarm(slot);
        self.arm(slot, grain);
    }

    fn arm(&mut self, slot: u16, grain: u64) {
        let at = (grain % GRAINS) as usize;
        let next = std::mem::replace(&mut self.wheel[at], slot.into());
        if next != NONE {
            self.places[next as usize].previous = slot.into();
        }
        self.places[usize::from(slot)] = Place { armed: grain, next, previous: NONE };
        self.occupied[at / 64] |= 1 << (at % 64);
    }

    fn disarm(&mut self, slot: u16) {
        let Place { armed, next, previous } = self.places[usize::from(slot)];
        if armed == NOT_ARMED {
            return;
        }
        if next != NONE {
            self.places[next as usize].previous = previous;
        }
        let at = (armed % GRAINS) as usize;
        match previous {
            NONE => self.wheel[at] = next,
            previous => self.places[previous as usize].next = next,
        }
        if self.wheel[at] == NONE {
            self.occupied[at / 64] &= !(1 << (at % 64));
        }
        self.places[usize::from(slot)].armed = NOT_ARMED;
    }

    /// The next slot whose time has come. It must be scheduled anew.
    pub(super) fn expired(&mut self, now: Instant) -> Option<u16> {
        let present = grain_before(now);
        while self.turned_to < present {
            // Half a wheel at a time, so that what is scheduled meanwhile has room on the other half.
            self.turning_to = present.min(self.turned_to + GRAINS / 2);
            let Some(grain) = self.next_occupied(self.turning_to) else { continue };
            let slot = self.wheel[(grain % GRAINS) as usize] as u16;
            assert_eq!(self.places[usize::from(slot)].armed, grain, "who stands in a grain is due in it");
            self.disarm(slot);
            return Some(slot);
        }
        None
    }

    /// The first grain up to `target` that may hold something; None, and the wheel turned there, when none does.
    fn next_occupied(&mut self, target: u64) -> Option<u64> {
        let found = self.first_occupied(self.turned_to + 1, target);
        if found.is_none() {
            self.turned_to = target;
        }
        found
    }

    fn first_occupied(&self, first: u64, last: u64) -> Option<u64> {
        let mut grain = first;
        while grain <= last {
            let place = grain % GRAINS;
            let word = self.occupied[(place / 64) as usize] >> (place % 64);
            if word != 0 {
                let found = grain + u64::from(word.trailing_zeros());
                return (found <= last).then_some(found);
            }
            grain += 64 - place % 64;
        }
        None
    }

    /// When something may come up next.
    pub(super) fn next(&self) -> Instant {
        match self.first_occupied(self.turned_to + 1, self.turned_to + GRAINS - 1) {
            Some(grain) => Instant::from_nanos(grain * GRAIN_NANOS),
            None => Instant::NEVER,
        }
    }
}

const GRAIN_NANOS: u64 = TIMER_GRAIN.as_nanos() as u64;

/// The last grain that is wholly past.
fn grain_before(now: Instant) -> u64 {
    now.as_nanos() / GRAIN_NANOS
}

/// The first grain that is not before `deadline`.
fn grain_after(deadline: Instant) -> u64 {
    deadline.as_nanos().div_ceil(GRAIN_NANOS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Csprng;
    use crate::time::Duration;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    /// Against a plain list: nothing comes up early or twice, nothing late, whatever is scheduled.
    #[test]
    fn every_deadline_comes_up_in_its_grain() {
        for seed in 0..20 {
            let mut random = Csprng::seed_from_u64(seed);
            let mut now = Instant::from_nanos(u64::from(random.next_u32()));
            let mut timers = Timers::new(now);
            let mut deadlines = vec![Instant::NEVER; 50];
            for _ in 0..2000 {
                now = now + Duration::from_micros(u64::from(random.next_u32() % 3000));
                if random.next_u32() % 100 == 0 {
                    now = now + Duration::from_secs(5);
                }
                while let Some(slot) = timers.expired(now) {
                    let deadline = &mut deadlines[usize::from(slot)];
                    if *deadline <= now {
                        *deadline = Instant::NEVER;
                    } else {
                        timers.schedule(slot, *deadline);
                    }
                }
                let late = Instant::from_nanos(now.as_nanos().saturating_sub(GRAIN_NANOS));
                assert!(deadlines.iter().all(|&deadline| deadline > late), "seed {seed}: one is overdue");
                let earliest = deadlines.iter().min().unwrap();
                assert!(timers.next() <= *earliest + TIMER_GRAIN || timers.next() > now + Duration::from_secs(1));
                let slot = random.next_u32() % 50;
                let deadline = now + Duration::from_micros(u64::from(random.next_u32() % 4_000_000));
                deadlines[slot as usize] = deadlines[slot as usize].min(deadline);
                timers.schedule(slot as u16, deadline);
            }
        }
    }
}

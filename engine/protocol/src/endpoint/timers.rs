//! The timers of connections: a timer wheel with a resolution of a millisecond.
//!
//! A connection is in the wheel at most once. If its deadline moves later, it stays where it is and is put back when that
//! comes up; if its deadline moves earlier, it moves. The links are stored by slot, so a deadline allocates nothing.

use crate::limits::TIMER_GRAIN;
use crate::time::Instant;

/// Size of the wheel. A deadline further away than half of it comes up there, and is put back.
const GRAINS: u64 = 2048;
const NOT_ARMED: u64 = u64::MAX;
/// No slot: the end of a grain's list.
const NONE: u32 = u32::MAX;

/// Where a slot is in the wheel.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Its grain, or [`NOT_ARMED`].
    armed: u64,
    /// Its neighbours in that grain's list.
    next: u32,
    previous: u32,
}

#[derive(Debug)]
pub(super) struct Timers {
    /// The first slot of each grain.
    wheel: Vec<u32>,
    /// One bit per grain of the wheel: set if its list is not empty.
    occupied: [u64; (GRAINS / 64) as usize],
    /// By slot.
    places: Vec<Place>,
    /// The last grain that was processed.
    turned_to: u64,
    /// The grain up to which grains are being processed: what is scheduled meanwhile comes up after it.
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

    /// Arms the timer of `slot` for `deadline`, but no earlier than the wheel turns next.
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
        assert!(grain > self.turned_to && grain - self.turned_to < GRAINS, "a grain is within one turn of the wheel");
        debug_assert!(self.places[usize::from(slot)].armed == NOT_ARMED, "a slot is in the wheel once");
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

    /// The next slot whose timer has expired. The caller must schedule it again.
    pub(super) fn expired(&mut self, now: Instant) -> Option<u16> {
        let present = grain_before(now);
        while self.turned_to < present {
            // Half a wheel at a time: what is scheduled meanwhile has room in the other half.
            self.turning_to = present.min(self.turned_to + GRAINS / 2);
            let Some(grain) = self.next_occupied(self.turning_to) else { continue };
            assert!(self.wheel[(grain % GRAINS) as usize] != NONE, "a set bit means a slot");
            let slot = self.wheel[(grain % GRAINS) as usize] as u16;
            assert_eq!(self.places[usize::from(slot)].armed, grain, "a slot is in the list of its own grain");
            self.disarm(slot);
            return Some(slot);
        }
        None
    }

    /// The first grain up to `target` with a timer. If there is none, turns the wheel to `target`.
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

    /// When the next timer may expire.
    pub(super) fn next(&self) -> Instant {
        match self.first_occupied(self.turned_to + 1, self.turned_to + GRAINS - 1) {
            Some(grain) => Instant::from_nanos(grain * GRAIN_NANOS),
            None => Instant::NEVER,
        }
    }
}

const GRAIN_NANOS: u64 = TIMER_GRAIN.as_nanos() as u64;

/// The last grain that is over.
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

    /// Compared with a plain list: no timer expires early, late or twice, whatever is scheduled.
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

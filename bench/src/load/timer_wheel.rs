//! Timers of many clients. Setting one and taking those that are due cost a few instructions each, whatever their number.

use ringshard_protocol::time::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A slot is so many bits of nanoseconds long: 65.5 us.
const SLOT_BITS: u32 = 16;
/// Slots ahead of now: 67 ms. Later timers wait in a heap.
const SLOTS: usize = 1_024;
const WORDS: usize = SLOTS / 64;

const _: () = assert!(SLOTS.is_power_of_two() && WORDS > 0, "slots wrap, and have a bit each");

/// Numbers, each with a time. A number comes out at its time or up to a slot later, never earlier. Those of one slot come out in
/// the order in which they went in.
pub struct TimerWheel {
    slots: Box<[Vec<u32>; SLOTS]>,
    /// A bit for each slot that is not empty.
    occupied: [u64; WORDS],
    /// The first slot that was not taken yet, counted from the clock's zero.
    first: u64,
    /// Slots at least [`SLOTS`] after the first one at the time of setting.
    later: BinaryHeap<Reverse<(u64, u32)>>,
}

impl TimerWheel {
    pub fn new() -> Self {
        TimerWheel {
            slots: Box::new([const { Vec::new() }; SLOTS]),
            occupied: [0; WORDS],
            first: 0,
            later: BinaryHeap::new(),
        }
    }

    /// Sets a timer. One that is set again comes out twice.
    pub fn set(&mut self, at: Instant, number: u32) {
        if at != Instant::NEVER {
            self.set_slot((at.as_nanos() >> SLOT_BITS) + 1, number);
        }
    }

    fn set_slot(&mut self, slot: u64, number: u32) {
        let slot = slot.max(self.first);
        if slot - self.first >= SLOTS as u64 {
            self.later.push(Reverse((slot, number)));
            return;
        }
        let at = slot as usize % SLOTS;
        self.slots[at].push(number);
        self.occupied[at / 64] |= 1 << (at % 64);
    }

    /// Takes all numbers that are due.
    pub fn take_due(&mut self, now: Instant, mut take: impl FnMut(u32)) {
        let end = (now.as_nanos() >> SLOT_BITS) + 1;
        while let Some(slot) = self.first_occupied().filter(|&slot| slot < end) {
            let at = slot as usize % SLOTS;
            self.slots[at].drain(..).for_each(&mut take);
            self.occupied[at / 64] &= !(1 << (at % 64));
        }
        self.first = self.first.max(end);
        while let Some(&Reverse((slot, number))) = self.later.peek()
            && slot < self.first + SLOTS as u64
        {
            self.later.pop();
            if slot < end { take(number) } else { self.set_slot(slot, number) }
        }
    }

    /// When to call [`Self::take_due`] next.
    pub fn next_at(&self) -> Instant {
        let later = self.later.peek().map(|&Reverse((slot, _))| slot);
        match self.first_occupied().into_iter().chain(later).min() {
            Some(slot) => Instant::from_nanos(slot << SLOT_BITS),
            None => Instant::NEVER,
        }
    }

    fn first_occupied(&self) -> Option<u64> {
        let start = self.first as usize % SLOTS;
        // The word of the first slot comes twice: first its upper part, at the end its lower part.
        (0..=WORDS).find_map(|step| {
            let word = (start / 64 + step) % WORDS;
            let upper = u64::MAX << (start % 64);
            let bits = match step {
                0 => self.occupied[word] & upper,
                WORDS => self.occupied[word] & !upper,
                _ => self.occupied[word],
            };
            let at = word * 64 + bits.trailing_zeros() as usize;
            (bits != 0).then(|| self.first + ((at + SLOTS - start) % SLOTS) as u64)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Against a list of all timers, with steps from less than a slot to many turns of the wheel.
    #[test]
    fn each_number_comes_out_once_and_within_a_slot_of_its_time() {
        let slot = 1_u64 << SLOT_BITS;
        for seed in 0..20 {
            let mut random = Random::new(seed);
            let (mut wheel, mut waiting, mut now) = (TimerWheel::new(), Vec::new(), 0);
            for number in 0..2_000 {
                let ahead = random.between(0, [slot / 2, 40 * slot, 3_000 * slot][number as usize % 3]);
                wheel.set(Instant::from_nanos(now + ahead), number);
                waiting.push((now + ahead, number));
                if random.chance(750) {
                    continue;
                }
                now += random.between(0, [slot, 5 * slot, 2_500 * slot][number as usize % 7 % 3]);
                let mut due = Vec::new();
                wheel.take_due(Instant::from_nanos(now), |number| due.push(number));
                for number in due {
                    let at = waiting.iter().position(|&(_, waits)| waits == number).expect("it waits");
                    assert!(waiting.swap_remove(at).0 <= now, "seed {seed}: {number} is early");
                }
                let overdue = waiting.iter().filter(|(at, _)| at + slot <= now).count();
                assert_eq!(overdue, 0, "seed {seed}, at {now}");
                let next = wheel.next_at().as_nanos();
                assert!(waiting.iter().all(|(at, _)| next <= at + slot) && (waiting.is_empty() || next > now));
            }
        }
    }

    #[test]
    fn numbers_of_one_time_keep_their_order() {
        let mut wheel = TimerWheel::new();
        for number in 0..100 {
            wheel.set(Instant::from_nanos(5_000_000), number);
        }
        let mut due = Vec::new();
        wheel.take_due(Instant::from_nanos(4_900_000), |number| due.push(number));
        assert!(due.is_empty() && wheel.next_at() > Instant::from_nanos(5_000_000));
        wheel.take_due(wheel.next_at(), |number| due.push(number));
        assert_eq!(due, (0..100).collect::<Vec<_>>());
        assert_eq!(wheel.next_at(), Instant::NEVER);
    }
}

//! When things end: a wheel of ticks in eight levels, one for each byte of a tick's number.
//!
//! An item stands at the level of the highest byte in which its tick differs from the present one, in the bucket of that
//! byte. When time enters a bucket of an upper level, what stands there goes down to where it now belongs; what stands
//! in a bucket of the lowest is due. So an item is touched at most eight times from beginning to end, however long it
//! lasts, and never for the sake of another. The links lie beside the items: nothing is allocated.

const LEVELS: usize = 8;
const BUCKETS: usize = 256;
/// No item: behind the last of a bucket, and before the first.
const NONE: u32 = u32::MAX;

/// How an item stands in the wheel.
#[derive(Clone, Copy, Debug)]
struct Link {
    /// The tick at which it is due.
    until: u64,
    /// The items behind it and before it in its bucket.
    next: u32,
    previous: u32,
}

#[derive(Debug)]
pub(super) struct Wheel {
    /// The tick up to which all that was due has come up.
    now: u64,
    /// The first item of each bucket, level by level.
    buckets: Vec<u32>,
    /// Items that stand at each level.
    standing: [u32; LEVELS],
    /// Of each item.
    links: Vec<Link>,
}

impl Wheel {
    pub(super) fn new(items: usize) -> Wheel {
        Wheel {
            now: 0,
            buckets: vec![NONE; LEVELS * BUCKETS],
            standing: [0; LEVELS],
            links: vec![Link { until: 0, next: NONE, previous: NONE }; items],
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// When `item`, which stands in the wheel, is due.
    #[inline]
    pub(super) fn until(&self, item: usize) -> u64 {
        self.links[item].until
    }

    /// Puts in `item`, which does not stand in the wheel.
    #[inline]
    pub(super) fn insert(&mut self, item: usize, until: u64) {
        assert!(until > self.now, "that tick has passed");
        self.link(item, until);
    }

    fn link(&mut self, item: usize, until: u64) {
        let (level, bucket) = self.stand(until);
        let next = std::mem::replace(&mut self.buckets[bucket], item as u32);
        if next != NONE {
            self.links[next as usize].previous = item as u32;
        }
        self.links[item] = Link { until, next, previous: NONE };
        self.standing[level] += 1;
    }

    /// Takes out `item`, which stands in the wheel.
    pub(super) fn remove(&mut self, item: usize) {
        let Link { until, next, previous } = self.links[item];
        let (level, bucket) = self.stand(until);
        if next != NONE {
            self.links[next as usize].previous = previous;
        }
        match previous {
            NONE => {
                assert_eq!(self.buckets[bucket], item as u32, "the first of a bucket is known to it");
                self.buckets[bucket] = next;
            }
            previous => self.links[previous as usize].next = next,
        }
        self.standing[level] -= 1;
    }

    /// Level and bucket of what is due at `until`.
    fn stand(&self, until: u64) -> (usize, usize) {
        let level = ((until ^ self.now) | 1).ilog2() as usize / 8;
        (level, bucket(level, until))
    }

    /// Lets time go on to `tick`: takes out what is due by then, in the order of its ticks, and tells `each`.
    pub(super) fn turn(&mut self, tick: u64, mut each: impl FnMut(usize)) {
        assert!(tick >= self.now, "ticks do not go back");
        while self.now < tick {
            // Nothing comes up before the lowest level where anything stands goes on by a bucket.
            let quiet = self.standing.iter().take_while(|&&items| items == 0).count();
            let last_quiet = self.now | below(quiet);
            if last_quiet >= tick {
                self.now = tick;
                return;
            }
            let now = last_quiet + 1;
            self.now = now;
            for level in (0..LEVELS).rev().filter(|&level| now & below(level) == 0) {
                let mut item = std::mem::replace(&mut self.buckets[bucket(level, now)], NONE);
                while item != NONE {
                    let Link { until, next, .. } = self.links[item as usize];
                    self.standing[level] -= 1;
                    match level {
                        0 => each(item as usize),
                        _ => self.link(item as usize, until),
                    }
                    item = next;
                }
            }
        }
    }
}

/// The bucket of `tick` at `level`.
fn bucket(level: usize, tick: u64) -> usize {
    level * BUCKETS + (tick >> (8 * level)) as usize % BUCKETS
}

/// The bits of a tick that belong to the levels below `level`.
fn below(level: usize) -> u64 {
    if level < LEVELS { (1 << (8 * level)) - 1 } else { u64::MAX }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::store::entities::tests::Dice;

    /// Against a plain list, with waits of a tick and of years, and pauses of both.
    #[test]
    fn everything_comes_up_at_its_tick_and_once() {
        for seed in 0..20 {
            let mut dice = Dice(seed);
            let mut wheel = Wheel::new(60);
            let mut due: Vec<Option<u64>> = vec![None; 60];
            for _ in 0..3000 {
                let item = dice.below(60) as usize;
                if due[item].take().is_some() {
                    wheel.remove(item);
                }
                if dice.below(4) > 0 {
                    let wait = 1 + dice.next() % (1 << dice.below(26));
                    if let Some(until) = wheel.now().checked_add(wait) {
                        wheel.insert(item, until);
                        due[item] = Some(until);
                    }
                }
                let pause = if dice.below(100) == 0 { dice.below(1 << 24) } else { dice.below(3) };
                let now = wheel.now().saturating_add(pause);
                let mut before = 0;
                wheel.turn(now, |item| {
                    let until = due[item].take().expect("nothing comes up twice");
                    assert!((before..=now).contains(&until), "seed {seed}: {until} at {now}");
                    before = until;
                });
                assert!(due.iter().flatten().all(|&until| until > now), "seed {seed}: one is overdue");
                assert_eq!(wheel.standing.iter().sum::<u32>(), due.iter().flatten().count() as u32);
            }
        }
    }

    #[test]
    fn the_last_tick_comes_up_too() {
        let mut wheel = Wheel::new(1);
        wheel.insert(0, u64::MAX);
        let mut ended = Vec::new();
        wheel.turn(u64::MAX - 1, |item| ended.push(item));
        assert!(ended.is_empty());
        wheel.turn(u64::MAX, |item| ended.push(item));
        assert_eq!(ended, [0]);
    }
}

//! A hierarchical timer wheel with eight levels, one for each byte of a tick.
//!
//! A timer is at the level of the highest byte in which its tick differs from the present tick, in the bucket of that byte.
//! When time enters a bucket of an upper level, its timers move down to where they now belong. When time enters a bucket of
//! the lowest level, its timers expire. So a timer is moved at most eight times, however long it runs. Each timer has a fixed
//! link in a doubly linked list: nothing is allocated.

const LEVELS: usize = 8;
const BUCKETS: usize = 256;
/// No timer: after the last of a bucket, and before the first.
const NONE: u32 = u32::MAX;
/// The tick of a timer that does not run: every running one expires later than tick 0.
const STOPPED: u64 = 0;

/// The state of one timer.
#[derive(Clone, Copy, Debug)]
struct Link {
    /// The tick at which it expires; [`STOPPED`] if it does not run.
    until: u64,
    /// The timers after and before it in its bucket.
    next: u32,
    previous: u32,
}

#[derive(Debug)]
pub(super) struct TimerWheel {
    /// The present tick: all timers up to it have expired.
    now: u64,
    /// The first timer of each bucket, level by level.
    buckets: Vec<u32>,
    /// Running timers per level.
    running: [u32; LEVELS],
    /// Per timer.
    links: Vec<Link>,
}

impl TimerWheel {
    /// A wheel at tick 0, without timers.
    pub(super) fn new() -> TimerWheel {
        TimerWheel { now: 0, buckets: vec![NONE; LEVELS * BUCKETS], running: [0; LEVELS], links: Vec::new() }
    }

    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// Makes room for `timers` timers; those that it has go on.
    pub(super) fn grow(&mut self, timers: usize) {
        let stopped = Link { until: STOPPED, next: NONE, previous: NONE };
        self.links.resize(timers.max(self.links.len()), stopped);
    }

    /// Whether a timer runs.
    #[inline]
    pub(super) fn runs(&self, timer: usize) -> bool {
        self.links[timer].until != STOPPED
    }

    /// The tick at which a running timer expires.
    #[inline]
    pub(super) fn until(&self, timer: usize) -> u64 {
        let until = self.links[timer].until;
        assert!(until != STOPPED, "timer {timer} does not run");
        until
    }

    /// Starts a timer that does not run.
    #[inline]
    pub(super) fn insert(&mut self, timer: usize, until: u64) {
        assert!(until > self.now, "tick {until} has passed");
        assert!(!self.runs(timer), "timer {timer} runs already");
        self.link(timer, until);
    }

    fn link(&mut self, timer: usize, until: u64) {
        let (level, bucket) = self.position(until);
        let next = std::mem::replace(&mut self.buckets[bucket], timer as u32);
        if next != NONE {
            self.links[next as usize].previous = timer as u32;
        }
        self.links[timer] = Link { until, next, previous: NONE };
        self.running[level] += 1;
    }

    /// Stops a running timer.
    pub(super) fn remove(&mut self, timer: usize) {
        let Link { until, next, previous } = self.links[timer];
        assert!(until > self.now, "timer {timer} does not run");
        let (level, bucket) = self.position(until);
        if next != NONE {
            self.links[next as usize].previous = previous;
        }
        match previous {
            NONE => {
                assert_eq!(self.buckets[bucket], timer as u32, "a bucket begins with its first timer");
                self.buckets[bucket] = next;
            }
            previous => self.links[previous as usize].next = next,
        }
        self.links[timer].until = STOPPED;
        self.leave(level);
    }

    fn leave(&mut self, level: usize) {
        assert!(self.running[level] > 0, "level {level} counts its timers");
        self.running[level] -= 1;
    }

    /// Level and bucket of a timer that expires at `until`.
    fn position(&self, until: u64) -> (usize, usize) {
        let level = ((until ^ self.now) | 1).ilog2() as usize / 8;
        (level, bucket(level, until))
    }

    /// Advances time to `tick`: stops the timers that expire by then, in the order of their ticks, and calls `each`.
    pub(super) fn advance(&mut self, tick: u64, mut each: impl FnMut(usize)) {
        assert!(tick >= self.now, "time does not go back");
        while self.now < tick {
            // No timer expires or moves before the lowest level with a timer enters its next bucket.
            let quiet = self.running.iter().take_while(|&&timers| timers == 0).count();
            let last_quiet = self.now | below(quiet);
            if last_quiet >= tick {
                self.now = tick;
                return;
            }
            let now = last_quiet + 1;
            self.now = now;
            for level in (0..LEVELS).rev().filter(|&level| now & below(level) == 0) {
                let mut timer = std::mem::replace(&mut self.buckets[bucket(level, now)], NONE);
                while timer != NONE {
                    let Link { until, next, .. } = self.links[timer as usize];
                    self.leave(level);
                    if level == 0 {
                        assert_eq!(until, now, "a timer expires at its tick");
                        self.links[timer as usize].until = STOPPED;
                        each(timer as usize);
                    } else {
                        self.link(timer as usize, until);
                    }
                    timer = next;
                }
            }
        }
    }
}

/// The bucket of `tick` at `level`.
fn bucket(level: usize, tick: u64) -> usize {
    level * BUCKETS + (tick >> (8 * level)) as usize % BUCKETS
}

/// The bits of a tick that belong to levels below `level`.
fn below(level: usize) -> u64 {
    if level < LEVELS { (1 << (8 * level)) - 1 } else { u64::MAX }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::game::character::tests::Dice;

    /// Compares with a plain list, with waits and pauses from one tick to years.
    #[test]
    fn every_timer_expires_once_and_at_its_tick() {
        for seed in 0..20 {
            let mut dice = Dice(seed);
            let mut wheel = TimerWheel::new();
            wheel.grow(60);
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
                wheel.advance(now, |item| {
                    let until = due[item].take().expect("no timer expires twice");
                    assert!((before..=now).contains(&until), "seed {seed}: {until} at {now}");
                    before = until;
                });
                assert!(due.iter().flatten().all(|&until| until > now), "seed {seed}: one is overdue");
                assert_eq!(wheel.running.iter().sum::<u32>(), due.iter().flatten().count() as u32);
            }
        }
    }

    #[test]
    fn the_last_tick_expires_too() {
        let mut wheel = TimerWheel::new();
        wheel.grow(1);
        wheel.insert(0, u64::MAX);
        let mut ended = Vec::new();
        wheel.advance(u64::MAX - 1, |item| ended.push(item));
        assert!(ended.is_empty());
        wheel.advance(u64::MAX, |item| ended.push(item));
        assert_eq!(ended, [0]);
    }
}

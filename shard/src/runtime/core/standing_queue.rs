//! Which arrivals a core drops unread because they have waited too long.
//!
//! A queue that lasts helps nobody: it delays every client and does not let the core handle more. So the core limits the
//! delay, as RFC 8289 (CoDel) does. It measures the age of what it reads: the time since the kernel received it.
//!
//! - The queue *stands* when everything that was read for [`INTERVAL`] had waited longer than [`TARGET`]. From then on, the
//!   core drops what has waited about [`TARGET`], and reads on until it has handled a turn's worth. It stops when nothing was
//!   that old for [`INTERVAL`].
//! - RFC 8289 drops single packets, and waits for the senders to slow down. Clients of a game send at a fixed rate, so the core
//!   drops all that exceeds it. The age that is too old is drawn at random for each arrival, from half to one and a half
//!   targets: clients that always send just before the core is busy would lose everything otherwise.
//! - Whatever the queue, an arrival that has waited longer than a deadline is dropped. That clears the queue after the whole
//!   process stood still.
//!
//! - While the queue stands, what comes from newcomers is too old at a quarter of that age: players come first, and a flood of
//!   Connects takes the loss that it causes.
//!
//! The kernel's stamp decides, and whether a datagram names a connection. What else it says is not read, because it may be
//! forged. A flood that names connections gains no more than the place of players.

use crate::runtime::tick::TICK;
use ringshard_protocol::time::{Duration, Instant};

/// The age that an arrival may have at all times. An input that arrives within a tick is used in the next one.
pub(super) const TARGET: Duration = TICK;
/// How long the queue must be too old before it counts as standing. It is the interval of RFC 8289: longer than a round trip,
/// and than the bursts that a short stall leaves.
pub(super) const INTERVAL: Duration = Duration::from_millis(100);
/// What is not from a connection is too old at the age of others divided by this.
const NEWCOMER_DIVISOR: u32 = 4;

/// The state of a core's queue of arrivals.
#[derive(Debug)]
pub(super) struct StandingQueue {
    /// Arrivals that have waited longer are always dropped. None: nothing is ever dropped by its age.
    deadline: Option<Duration>,
    /// When the queue was last known to be empty. Nothing in it can be older, whatever its stamp says: stamps follow the wall
    /// clock, which can be set.
    emptied_at: Instant,
    /// Since when everything that was read had waited longer than the target.
    old_since: Option<Instant>,
    /// While the queue stands: when an arrival was last dropped.
    dropped_at: Option<Instant>,
    /// The greatest age of an arrival since the last [`Self::take_oldest`].
    oldest: Duration,
    /// The state of a xorshift generator.
    random: u32,
}

impl StandingQueue {
    /// An empty queue, at `now`. Without a deadline, nothing is ever dropped.
    pub(super) fn new(now: Instant, deadline: Option<Duration>) -> Self {
        StandingQueue {
            deadline,
            emptied_at: now,
            old_since: None,
            dropped_at: None,
            oldest: Duration::ZERO,
            random: 0x9E37_79B9,
        }
    }

    /// Whether the queue stands.
    pub(super) fn is_standing(&self) -> bool {
        self.dropped_at.is_some()
    }

    /// Notes the age of the first arrival that a turn reads.
    pub(super) fn head(&mut self, now: Instant, arrived_at: Instant) {
        if self.deadline.is_none() || self.age(now, arrived_at) <= TARGET {
            self.old_since = None;
            return;
        }
        let since = *self.old_since.get_or_insert(now);
        if self.dropped_at.is_none() && now.since(since) >= INTERVAL {
            self.dropped_at = Some(now);
        }
    }

    /// Whether an arrival is dropped. `of_newcomer`: it names no connection.
    #[inline]
    pub(super) fn drops(&mut self, now: Instant, arrived_at: Instant, of_newcomer: bool) -> bool {
        let age = self.age(now, arrived_at);
        self.oldest = self.oldest.max(age);
        let Some(deadline) = self.deadline else { return false };
        if self.dropped_at.is_none() {
            return age > deadline;
        }
        let limit = if of_newcomer { self.draw_limit() / NEWCOMER_DIVISOR } else { self.draw_limit() };
        let dropped = age > limit.min(deadline);
        if dropped {
            self.dropped_at = Some(now);
        }
        dropped
    }

    /// A turn ends. `emptied_at`: when the queue was empty, if the turn knows.
    pub(super) fn end_turn(&mut self, now: Instant, emptied_at: Option<Instant>) {
        if let Some(emptied_at) = emptied_at {
            self.emptied_at = emptied_at;
            self.old_since = None;
        }
        if self.dropped_at.is_some_and(|dropped_at| now.since(dropped_at) >= INTERVAL) {
            (self.dropped_at, self.old_since) = (None, None);
        }
    }

    /// The greatest age of an arrival since the last call, whether it was dropped or not.
    pub(super) fn take_oldest(&mut self) -> Duration {
        std::mem::take(&mut self.oldest)
    }

    #[inline]
    fn age(&self, now: Instant, arrived_at: Instant) -> Duration {
        now.since(arrived_at.max(self.emptied_at))
    }

    /// Half to one and a half targets.
    #[inline]
    fn draw_limit(&mut self) -> Duration {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        let target = TARGET.as_nanos() as u64;
        Duration::from_nanos(target / 2 + ((target * u64::from(self.random)) >> 32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_millis(100);
    const MS: Duration = Duration::from_millis(1);

    /// A server that reads `reads` arrivals per millisecond, while `arrivals` arrive. Returns the ages that were handled, and
    /// how many arrivals were dropped, in the last second.
    fn run(queue: &mut StandingQueue, seconds: u32, arrivals: u32, reads: u32) -> (Vec<Duration>, u32) {
        let mut waiting = std::collections::VecDeque::new();
        let mut now = queue.emptied_at;
        let (mut ages, mut dropped) = (Vec::new(), 0);
        for step in 0..seconds * 1_000 {
            now = now + MS;
            waiting.extend((0..arrivals).map(|_| now));
            let mut handled = 0;
            if let Some(&head) = waiting.front() {
                queue.head(now, head);
            }
            while handled < reads
                && let Some(arrived_at) = waiting.pop_front()
            {
                let is_dropped = queue.drops(now, arrived_at, false);
                handled += u32::from(!is_dropped);
                if step >= (seconds - 1) * 1_000 {
                    dropped += u32::from(is_dropped);
                    ages.extend((!is_dropped).then(|| now.since(arrived_at)));
                }
            }
            queue.end_turn(now, waiting.is_empty().then_some(now));
        }
        (ages, dropped)
    }

    fn start() -> Instant {
        Instant::from_nanos(5_000_000_000)
    }

    #[test]
    fn at_twice_and_thrice_its_capacity_a_core_handles_fresh_arrivals_at_its_full_rate() {
        for times in [2, 3] {
            let mut queue = StandingQueue::new(start(), Some(DEADLINE));
            let (ages, dropped) = run(&mut queue, 3, 100 * times, 100);
            assert!(queue.is_standing());
            assert!((99_000..=100_000).contains(&ages.len()), "{} handled", ages.len());
            assert!(ages.iter().all(|&age| age <= TARGET * 3 / 2), "{:?}", ages.iter().max());
            assert!((99_000..101_000).contains(&(dropped / (times - 1))), "{dropped} dropped");
        }
    }

    #[test]
    fn a_flood_of_newcomers_takes_all_of_the_loss() {
        let mut queue = StandingQueue::new(start(), Some(DEADLINE));
        let (mut waiting, mut now) = (std::collections::VecDeque::new(), queue.emptied_at);
        let mut dropped = [0, 0];
        // 40 datagrams of players and 160 of newcomers arrive in each millisecond, and the core handles 100.
        for step in 0..3_000 {
            now = now + MS;
            waiting.extend((0..200).map(|number| (now, number % 5 != 0)));
            queue.head(now, waiting.front().expect("something has arrived").0);
            let mut handled = 0;
            while handled < 100
                && let Some((arrived_at, of_newcomer)) = waiting.pop_front()
            {
                let is_dropped = queue.drops(now, arrived_at, of_newcomer);
                handled += u32::from(!is_dropped);
                dropped[usize::from(of_newcomer)] += u32::from(is_dropped && step >= 2_000);
            }
            queue.end_turn(now, waiting.is_empty().then_some(now));
        }
        assert_eq!(dropped[0], 0, "players lose nothing");
        assert!((95_000..=105_000).contains(&dropped[1]), "{} of newcomers", dropped[1]);
    }

    #[test]
    fn below_its_capacity_a_core_drops_nothing() {
        let mut queue = StandingQueue::new(start(), Some(DEADLINE));
        assert_eq!(run(&mut queue, 2, 99, 100).1, 0);
        assert!(!queue.is_standing());
    }

    #[test]
    fn a_queue_stops_standing_soon_after_the_load_has_ended() {
        let mut queue = StandingQueue::new(start(), Some(DEADLINE));
        run(&mut queue, 1, 200, 100);
        assert!(queue.is_standing());
        queue.emptied_at = start() + Duration::from_secs(1);
        assert_eq!(run(&mut queue, 1, 50, 100).1, 0);
        assert!(!queue.is_standing());
    }

    #[test]
    fn what_a_short_stall_leaves_is_handled_and_what_a_long_one_leaves_is_dropped() {
        for (stall, expected) in [(90, 0), (150, 50)] {
            let mut queue = StandingQueue::new(start(), Some(DEADLINE));
            let now = start() + MS * stall;
            queue.head(now, start());
            let dropped = (0..stall).filter(|&at| queue.drops(now, start() + MS * at, false)).count();
            assert_eq!(dropped, expected);
        }
    }

    #[test]
    fn a_wall_clock_that_is_set_back_makes_nothing_old() {
        let mut queue = StandingQueue::new(start(), Some(DEADLINE));
        let now = start() + MS * 3;
        let an_hour_ago = Instant::ZERO;
        queue.head(now, an_hour_ago);
        assert!(!queue.drops(now, an_hour_ago, false));
        assert_eq!(queue.take_oldest(), MS * 3);
    }

    #[test]
    fn without_a_deadline_nothing_is_dropped() {
        let mut queue = StandingQueue::new(start(), None);
        assert_eq!(run(&mut queue, 2, 200, 100).1, 0);
    }
}

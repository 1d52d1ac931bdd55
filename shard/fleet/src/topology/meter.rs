//! What probes show of a link: whether it is up, its round trip, and its loss.

use std::collections::VecDeque;
use std::time::Duration;

/// Probes in a row without an answer after which a link is down.
const MISSES_MAX: u32 = 3;
/// Answers in a row after which a link that was down is up.
const ANSWERS_MIN: u32 = 3;
/// Shortest time for an answer; a slow link gets twice its round trip more.
const TIMEOUT: Duration = Duration::from_millis(100);
/// Longest time for an answer.
const TIMEOUT_MAX: Duration = Duration::from_millis(500);
/// An answer that comes after this time is no answer. One that comes after the timeout and before this corrects the loss.
const FORGET: Duration = Duration::from_secs(2);
/// Probes that the loss is computed from.
const HISTORY: u32 = 100;
/// Probes that wait for an answer, at most.
const ASKED_MAX: usize = 64;
/// The best round trip is of this long a time, at least.
const BEST_PERIOD: Duration = Duration::from_secs(60);

/// The meter of one link.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    asked: VecDeque<Asked>,
    /// The last probes whose fate is known: a bit each, set if it was answered.
    history: u128,
    known: u32,
    misses: u32,
    answers: u32,
    is_up: bool,
    smoothed: Option<Duration>,
    /// The best round trip of the present period, and of the one before.
    best: [Option<Duration>; 2],
    best_since: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    number: u64,
    at: Duration,
    is_lost: bool,
}

impl Meter {
    /// A probe with this number was sent.
    pub fn asked(&mut self, number: u64, now: Duration) {
        if self.asked.len() == ASKED_MAX {
            self.asked.pop_front();
        }
        self.asked.push_back(Asked { number, at: now, is_lost: false });
    }

    /// An answer has come. False if it answers no probe that waits: it is forged, late or a repetition.
    pub fn answered(&mut self, number: u64, now: Duration) -> bool {
        let Some(at) = self.asked.iter().position(|asked| asked.number == number) else { return false };
        let asked = self.asked.remove(at).expect("the position was found");
        self.measured(now.saturating_sub(asked.at), now);
        match asked.is_lost {
            // It was the newest entry of the history or an older one: which, no longer matters to a percentage.
            true => self.correct(),
            false => self.note(true),
        }
        self.misses = 0;
        self.answers += 1;
        self.is_up |= self.answers >= ANSWERS_MIN;
        true
    }

    /// Notes which probes are lost by now.
    pub fn advance(&mut self, now: Duration) {
        let timeout = self.timeout();
        let mut lost = 0;
        for asked in self.asked.iter_mut().filter(|asked| !asked.is_lost && asked.at + timeout <= now) {
            asked.is_lost = true;
            lost += 1;
        }
        for _ in 0..lost {
            self.note(false);
            self.misses += 1;
            self.answers = 0;
        }
        self.is_up &= self.misses < MISSES_MAX;
        while self.asked.front().is_some_and(|asked| asked.at + FORGET <= now) {
            self.asked.pop_front();
        }
    }

    /// Whether the link is up.
    pub fn is_up(&self) -> bool {
        self.is_up
    }

    /// The smoothed round trip. None: no probe was answered yet.
    pub fn round_trip(&self) -> Option<Duration> {
        self.smoothed
    }

    /// The best round trip of the last one to two minutes.
    pub fn best(&self) -> Option<Duration> {
        self.best.iter().flatten().min().copied()
    }

    /// The share of the last hundred probes that were lost: 0 to 1.
    pub fn loss(&self) -> f64 {
        let mask = u128::MAX >> (128 - HISTORY);
        let answered = (self.history & mask).count_ones().min(self.known);
        if self.known == 0 { 0.0 } else { f64::from(self.known - answered) / f64::from(self.known) }
    }

    fn timeout(&self) -> Duration {
        (TIMEOUT + self.smoothed.unwrap_or_default() * 2).min(TIMEOUT_MAX)
    }

    fn measured(&mut self, round_trip: Duration, now: Duration) {
        // As in RFC 6298: an eighth of each new value.
        self.smoothed = Some(self.smoothed.map_or(round_trip, |before| (before * 7 + round_trip) / 8));
        if now >= self.best_since + BEST_PERIOD {
            (self.best, self.best_since) = ([None, self.best[0]], now);
        }
        self.best[0] = Some(self.best[0].map_or(round_trip, |best| best.min(round_trip)));
    }

    fn note(&mut self, is_answered: bool) {
        self.history = self.history << 1 | u128::from(is_answered);
        self.known = (self.known + 1).min(HISTORY);
    }

    /// One of the lost probes was answered after all.
    fn correct(&mut self) {
        let newest_lost = self.history.trailing_ones();
        if newest_lost < self.known {
            self.history |= 1 << newest_lost;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(100);

    /// Sends `count` probes, each of which is answered after `round_trip` if `is_answered` says so. Gives the time after that.
    fn probe(
        meter: &mut Meter,
        mut now: Duration,
        numbers: std::ops::Range<u64>,
        round_trip: Duration,
        is_answered: impl Fn(u64) -> bool,
    ) -> Duration {
        for number in numbers {
            meter.asked(number, now);
            if is_answered(number) {
                assert!(meter.answered(number, now + round_trip));
            }
            now += INTERVAL;
            meter.advance(now);
        }
        now
    }

    #[test]
    fn a_link_is_up_after_three_answers_and_down_after_three_misses() {
        let (mut meter, fast) = (Meter::default(), Duration::from_millis(10));
        let mut now = probe(&mut meter, Duration::ZERO, 0..2, fast, |_| true);
        assert!(!meter.is_up(), "two answers may be luck");
        now = probe(&mut meter, now, 2..3, fast, |_| true);
        assert!(meter.is_up());
        let cut = now;
        while meter.is_up() {
            meter.asked(now.as_millis() as u64 + 1_000, now);
            now += INTERVAL;
            meter.advance(now);
        }
        assert!(now - cut <= Duration::from_millis(500), "{:?}", now - cut);
        // The last probes of the cut are lost, too.
        now += INTERVAL * 5;
        meter.advance(now);
        now = probe(&mut meter, now, 100..102, fast, |_| true);
        assert!(!meter.is_up(), "a link that flickers stays down");
        probe(&mut meter, now, 102..103, fast, |_| true);
        assert!(meter.is_up());
    }

    #[test]
    fn loss_is_the_share_of_the_last_hundred_probes() {
        let mut meter = Meter::default();
        let now = probe(&mut meter, Duration::ZERO, 0..200, Duration::from_millis(5), |number| number % 10 != 0);
        meter.advance(now + Duration::from_secs(1));
        assert!((meter.loss() - 0.1).abs() < 0.015, "{}", meter.loss());
        assert!(meter.is_up(), "single losses do not cut a link");
    }

    #[test]
    fn an_answer_counts_once_and_an_invented_one_never() {
        let mut meter = Meter::default();
        meter.asked(7, Duration::ZERO);
        assert!(!meter.answered(8, INTERVAL));
        assert!(meter.answered(7, INTERVAL));
        assert!(!meter.answered(7, INTERVAL), "a repetition");
        assert_eq!(meter.round_trip(), Some(INTERVAL));
    }

    #[test]
    fn a_link_that_becomes_slow_is_slow_and_not_lost() {
        let (mut meter, slow) = (Meter::default(), Duration::from_millis(350));
        let mut now = probe(&mut meter, Duration::ZERO, 0..50, Duration::from_millis(10), |_| true);
        for number in 100..160_u64 {
            meter.asked(number, now);
            if number >= 104 {
                assert!(meter.answered(number - 4, now - INTERVAL * 4 + slow));
            }
            now += INTERVAL;
            meter.advance(now);
        }
        assert!(meter.is_up() && meter.loss() < 0.1, "{} {}", meter.is_up(), meter.loss());
        assert!(meter.round_trip().unwrap() > Duration::from_millis(300));
        assert_eq!(meter.best(), Some(Duration::from_millis(10)));
    }
}

//! Heartbeat (S6): a ping at every interval, the round trip from its answer, the end after too long a silence.

use crate::time::{Duration, Instant};

/// The two times of a heartbeat. The server decides them and tells the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeartbeatConfig {
    /// Between two pings.
    pub interval: Duration,
    /// Of silence, after which the peer is taken for gone.
    pub timeout: Duration,
}

/// What the passing of time calls for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
    /// Nothing.
    Nothing,
    /// Send a ping with this value.
    Ping(u64),
    /// The peer is gone.
    TimedOut,
}

/// State of one connection's heartbeat.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    config: HeartbeatConfig,
    heard_at: Instant,
    pinged_at: Instant,
    /// The ping that waits for its answer: its value is the moment it was due.
    outstanding: Option<u64>,
    round_trip: Option<Duration>,
}

impl Heartbeat {
    pub(super) fn new(config: HeartbeatConfig, now: Instant) -> Self {
        Heartbeat { config, heard_at: now, pinged_at: now, outstanding: None, round_trip: None }
    }

    pub(super) fn heard(&mut self, now: Instant) {
        self.heard_at = self.heard_at.max(now);
    }

    /// Ping interval and timeout.
    pub fn config(&self) -> HeartbeatConfig {
        self.config
    }

    /// Counts a ping as sent now, whatever the interval; gives its value.
    pub fn ping(&mut self, now: Instant) -> u64 {
        self.pinged_at = now;
        self.outstanding = Some(now.as_nanos());
        now.as_nanos()
    }

    /// When something was last heard.
    pub fn heard_at(&self) -> Instant {
        self.heard_at
    }

    /// Smoothed round trip: an eighth of each new sample (RFC 6298). None before the first answer.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// The next moment at which [`Self::due`] may call for something.
    pub fn deadline(&self) -> Instant {
        (self.heard_at + self.config.timeout).min(self.pinged_at + self.config.interval)
    }

    /// What `now` calls for. A ping it asks for counts as sent.
    pub fn due(&mut self, now: Instant) -> Due {
        if now.since(self.heard_at) >= self.config.timeout {
            return Due::TimedOut;
        }
        if now.since(self.pinged_at) < self.config.interval {
            return Due::Nothing;
        }
        Due::Ping(self.ping(now))
    }

    /// Takes the answer to a ping; false when it answers none that waits.
    pub fn pong(&mut self, now: Instant, value: u64) -> bool {
        if self.outstanding != Some(value) {
            return false;
        }
        self.outstanding = None;
        let sample = now.since(Instant::from_nanos(value));
        self.round_trip = Some(match self.round_trip {
            None => sample,
            Some(smoothed) => (smoothed * 7 + sample) / 8,
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: HeartbeatConfig =
        HeartbeatConfig { interval: Duration::from_secs(5), timeout: Duration::from_secs(15) };

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn pings_each_interval_and_gives_up_after_the_timeout() {
        let mut heartbeat = Heartbeat::new(CONFIG, at(0));
        assert_eq!(heartbeat.due(at(4)), Due::Nothing);
        assert_eq!(heartbeat.due(at(5)), Due::Ping(at(5).as_nanos()));
        assert_eq!(heartbeat.due(at(5)), Due::Nothing);
        assert_eq!(heartbeat.deadline(), at(10));
        assert!(matches!(heartbeat.due(at(10)), Due::Ping(_)));
        assert_eq!(heartbeat.due(at(15)), Due::TimedOut);
    }

    #[test]
    fn only_the_answer_to_the_ping_that_waits_gives_a_round_trip() {
        let mut heartbeat = Heartbeat::new(CONFIG, at(0));
        let Due::Ping(value) = heartbeat.due(at(5)) else { panic!("a ping is due") };
        assert!(!heartbeat.pong(at(6), value + 1));
        assert!(heartbeat.pong(at(6), value));
        assert!(!heartbeat.pong(at(7), value), "answered twice");
        assert_eq!(heartbeat.round_trip(), Some(Duration::from_secs(1)));
    }
}

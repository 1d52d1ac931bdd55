//! The heartbeat: a ping at every interval, the RTT from its answer, the end after the timeout (PROTOCOL.md#heartbeat).

use crate::time::{Duration, Instant};

/// Interval and timeout of a heartbeat. The server decides both and tells the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeartbeatConfig {
    /// Time between two pings.
    pub interval: Duration,
    /// Silence after which the peer is considered gone.
    pub timeout: Duration,
}

/// What the heartbeat needs done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum HeartbeatAction {
    /// Nothing.
    Nothing,
    /// Send a ping with this value.
    Ping(u64),
    /// The peer is gone.
    TimedOut,
}

/// The heartbeat of one connection. What each datagram changes comes first.
#[derive(Clone, Debug)]
#[repr(C)]
pub(super) struct Heartbeat {
    heard_at: Instant,
    config: HeartbeatConfig,
    pinged_at: Instant,
    /// Value of the ping that waits for its answer: the time when it was due.
    outstanding: Option<u64>,
    rtt: Option<Duration>,
}

impl Heartbeat {
    pub(super) fn new(config: HeartbeatConfig, now: Instant) -> Self {
        Heartbeat { config, heard_at: now, pinged_at: now, outstanding: None, rtt: None }
    }

    /// An authentic datagram arrives.
    #[inline]
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard_at = self.heard_at.max(now);
    }

    pub(super) fn config(&self) -> HeartbeatConfig {
        self.config
    }

    /// Starts a ping now, whatever the interval. Returns its value.
    pub(super) fn ping(&mut self, now: Instant) -> u64 {
        self.pinged_at = now;
        self.outstanding = Some(now.as_nanos());
        now.as_nanos()
    }

    /// When the last authentic datagram arrived.
    pub(super) fn heard_at(&self) -> Instant {
        self.heard_at
    }

    /// Smoothed RTT: an eighth of each new sample (RFC 6298). None before the first answer.
    pub(super) fn rtt(&self) -> Option<Duration> {
        self.rtt
    }

    /// When [`Self::advance`] has something to do.
    pub(super) fn deadline(&self) -> Instant {
        (self.heard_at + self.config.timeout).min(self.pinged_at + self.config.interval)
    }

    /// What is due at `now`. A ping counts as sent.
    pub(super) fn advance(&mut self, now: Instant) -> HeartbeatAction {
        if now.since(self.heard_at) >= self.config.timeout {
            return HeartbeatAction::TimedOut;
        }
        if now.since(self.pinged_at) < self.config.interval {
            return HeartbeatAction::Nothing;
        }
        HeartbeatAction::Ping(self.ping(now))
    }

    /// A pong arrives. False if it does not answer the outstanding ping.
    pub(super) fn pong(&mut self, now: Instant, value: u64) -> bool {
        if self.outstanding != Some(value) {
            return false;
        }
        self.outstanding = None;
        let sample = now.since(Instant::from_nanos(value));
        self.rtt = Some(match self.rtt {
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
        assert_eq!(heartbeat.advance(at(4)), HeartbeatAction::Nothing);
        assert_eq!(heartbeat.advance(at(5)), HeartbeatAction::Ping(at(5).as_nanos()));
        assert_eq!(heartbeat.advance(at(5)), HeartbeatAction::Nothing);
        assert_eq!(heartbeat.deadline(), at(10));
        assert!(matches!(heartbeat.advance(at(10)), HeartbeatAction::Ping(_)));
        assert_eq!(heartbeat.advance(at(15)), HeartbeatAction::TimedOut);
    }

    #[test]
    fn only_the_answer_to_the_outstanding_ping_gives_an_rtt() {
        let mut heartbeat = Heartbeat::new(CONFIG, at(0));
        let HeartbeatAction::Ping(value) = heartbeat.advance(at(5)) else { panic!("a ping is due") };
        assert!(!heartbeat.pong(at(6), value + 1));
        assert!(heartbeat.pong(at(6), value));
        assert!(!heartbeat.pong(at(7), value), "answered twice");
        assert_eq!(heartbeat.rtt(), Some(Duration::from_secs(1)));
    }
}

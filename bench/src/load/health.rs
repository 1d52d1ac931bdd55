//! Whether the load generator kept up. If it did not, what its clients measured says nothing about the server.

use hdrhistogram::Histogram;
use ringshard_protocol::link::Arrival;
use ringshard_protocol::time::{Duration, Instant};

/// Overload limit: 99 % of the datagrams are read, and 99 % of the timers run, within this time. It is a fifth of the
/// round trip that targets allow.
const P99_MAX: Duration = Duration::from_millis(10);
/// Overload limit: no datagram stays unread longer than this. It is a third of a connection's timeout.
const UNREAD_MAX: Duration = Duration::from_secs(5);
/// Longest time that the histograms distinguish.
const LONGEST: Duration = Duration::from_secs(60);

/// How a generator kept up while it measured.
#[derive(Clone, Debug)]
pub struct Health {
    /// Kernel time stamp of a datagram until the generator read it, in nanoseconds. Empty without time stamps.
    unread: Histogram<u64>,
    /// Due time of an action until it was done, in nanoseconds.
    late: Histogram<u64>,
    /// Datagrams lost because a socket of the generator or its simulated network was full.
    pub dropped: u64,
}

impl Health {
    pub fn new() -> Self {
        let longest = LONGEST.as_nanos() as u64;
        let times = Histogram::new_with_bounds(1_000, longest, 2).expect("the bounds are valid");
        Health { unread: times.clone(), late: times, dropped: 0 }
    }

    /// Records datagrams that are read in the round that began at `now`.
    #[inline]
    pub fn note_read(&mut self, now: Instant, arrival: &Arrival<'_>) {
        if let Some(arrived_at) = arrival.arrived_at {
            self.unread.saturating_record_n(now.since(arrived_at).as_nanos() as u64, arrival.count() as u64);
        }
    }

    /// Records `count` actions that were due at `due` and are done now.
    #[inline]
    pub fn note_done(&mut self, now: Instant, due: Instant, count: usize) {
        self.late.saturating_record_n(now.since(due).as_nanos() as u64, count as u64);
    }

    pub fn add(&mut self, other: &Health) {
        self.unread.add(&other.unread).expect("all have the same bounds");
        self.late.add(&other.late).expect("all have the same bounds");
        self.dropped += other.dropped;
    }

    /// Why the generator counts as overloaded, if it does.
    pub fn overload(&self) -> Option<String> {
        let (unread, late) = (p99(&self.unread), p99(&self.late));
        let unread_max = Duration::from_nanos(self.unread.max());
        let mut signs = Vec::new();
        if self.dropped > 0 {
            signs.push(format!(
                "it dropped {} datagrams because its sockets or its simulated network were full",
                self.dropped
            ));
        }
        if unread > P99_MAX {
            signs.push(format!("datagrams stayed unread in its sockets for {} (p99)", milliseconds(unread)));
        } else if unread_max > UNREAD_MAX {
            signs.push(format!("a datagram stayed unread in its sockets for {}", milliseconds(unread_max)));
        }
        if late > P99_MAX {
            signs.push(format!("its timers were {} late (p99)", milliseconds(late)));
        }
        (!signs.is_empty()).then(|| signs.join(", "))
    }

    pub fn text(&self) -> String {
        let times = |name: &str, times: &Histogram<u64>| {
            let (p99, max) = (p99(times), Duration::from_nanos(times.max()));
            format!("{name} p99 {}, max {}", milliseconds(p99), milliseconds(max))
        };
        let mut parts = Vec::new();
        if !self.unread.is_empty() {
            parts.push(times("datagrams unread", &self.unread));
        }
        if !self.late.is_empty() {
            parts.push(times("timers late", &self.late));
        }
        parts.push(format!("{} datagrams dropped", self.dropped));
        let verdict = if self.overload().is_some() { "OVERLOADED: " } else { "" };
        format!("{verdict}{}", parts.join("; "))
    }
}

fn p99(times: &Histogram<u64>) -> Duration {
    Duration::from_nanos(times.value_at_quantile(0.99))
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    fn arrival(bytes: &mut [u8], arrived_at: Instant) -> Arrival<'_> {
        let path = ringshard_protocol::link::Path::new(0, ([127, 0, 0, 1], 1).into());
        Arrival { path, arrived_at: Some(arrived_at), segment_bytes: 1, bytes, following: None }
    }

    #[test]
    fn a_generator_that_keeps_up_is_not_overloaded() {
        let mut health = Health::new();
        for ms in 0..1_000 {
            health.note_read(at(ms + 1), &arrival(&mut [0; 4], at(ms)));
            health.note_done(at(ms + 2), at(ms), 1);
        }
        // One stall is no overload.
        health.note_done(at(400), at(100), 1);
        assert_eq!(health.overload(), None, "{}", health.text());
    }

    #[test]
    fn each_sign_of_overload_is_reported() {
        let mut slow = Health::new();
        slow.note_done(at(50), at(0), 10);
        assert!(slow.overload().unwrap().contains("late"));
        let mut unread = Health::new();
        unread.note_read(at(40), &arrival(&mut [0; 10], at(0)));
        assert!(unread.overload().unwrap().contains("unread"));
        // Percentiles hide a single socket of many that is not read for long.
        let mut one = Health::new();
        one.note_read(at(1), &arrival(&mut [0; 10_000], at(0)));
        one.note_read(at(20_000), &arrival(&mut [0; 1], at(0)));
        assert!(one.overload().unwrap().contains("stayed unread"));
        let drops = Health { dropped: 1, ..Health::new() };
        assert!(drops.overload().unwrap().contains("dropped 1 datagrams"));
    }
}

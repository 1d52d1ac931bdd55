//! When the peers of a thread send.

use crate::scenario::{Rate, Scenario};
use ringshard_protocol::time::{Duration, Instant};

/// Messages in flight of all peers together at `--rate max`, but at least one per peer.
const IN_FLIGHT: usize = 1_024;

/// When to send.
pub enum Pace {
    /// Sockets take turns at fixed times; all peers of a socket send at its time.
    Scheduled { period: Duration, sockets: usize, round: u64, next_socket: usize, next_peer: usize, begin: Instant },
    /// Each peer sends when it has fewer than `each` messages in flight.
    Window { each: u32, ready: Vec<u32> },
}

impl Pace {
    /// The pace of `clients` peers behind `sockets` sockets, which has not begun.
    pub fn new(scenario: &Scenario, clients: usize, sockets: usize) -> Self {
        assert!((1..=clients).contains(&sockets), "every socket has a peer");
        match scenario.rate {
            Rate::Hz(hz) => Pace::Scheduled {
                period: Duration::from_secs_f64(1.0 / hz),
                sockets,
                round: 0,
                next_socket: 0,
                next_peer: 0,
                begin: Instant::NEVER,
            },
            Rate::Max => Pace::Window {
                each: (IN_FLIGHT / scenario.clients).max(1) as u32,
                ready: Vec::with_capacity(clients * 2),
            },
        }
    }

    /// All peers are connected.
    pub fn begin(&mut self, now: Instant, peers: usize) {
        match self {
            Pace::Scheduled { begin, .. } => *begin = now,
            Pace::Window { each, ready } => {
                for _ in 0..*each {
                    ready.extend(0..peers as u32);
                }
            }
        }
    }

    /// When the next socket is due: sockets are spread evenly over the period.
    pub fn scheduled_at(&self) -> Instant {
        let Pace::Scheduled { period, sockets, round, next_socket, begin, .. } = *self else {
            return Instant::NEVER;
        };
        if begin == Instant::NEVER {
            return begin;
        }
        let period = period.as_nanos() as u64;
        begin + Duration::from_nanos(period * round + period * next_socket as u64 / sockets as u64)
    }

    /// All peers of a socket have sent.
    pub fn next_socket(&mut self) {
        if let Pace::Scheduled { sockets, round, next_socket, next_peer, .. } = self {
            *next_peer = 0;
            *next_socket += 1;
            if *next_socket == *sockets {
                *next_socket = 0;
                *round += 1;
            }
        }
    }
}

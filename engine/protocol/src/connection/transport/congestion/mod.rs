//! Congestion control: how much may be in flight, and how fast it leaves (PROTOCOL.md#congestion-control).
//!
//! A [`Controller`] learns what was sent, acknowledged and lost, and answers with a window and a rate. It never sees a
//! packet. Unreliable messages are not held back here: the application paces them.

mod bbr;
#[cfg(test)]
mod bottleneck;
mod controller;
mod cubic;
mod fixed;

pub(super) use controller::{Acked, Controller, Lost, RateSample, WINDOW_BYTES_MIN};

use crate::time::Instant;
use bbr::Bbr;
use cubic::Cubic;
use fixed::Fixed;

/// Which congestion controller a connection uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CongestionControl {
    /// RFC 9438: fills the path until it loses packets, then backs off. The most common one on the internet.
    Cubic,
    /// BBR, versions 2 and 3: models the path's bandwidth and RTT, keeps queues short, tolerates random loss.
    #[default]
    Bbr,
    /// A constant window, for links whose capacity is known and not shared.
    Fixed {
        /// Most bytes in flight.
        window_bytes: u64,
    },
}

impl CongestionControl {
    /// A controller for an unknown path.
    pub(super) fn controller(self, now: Instant) -> Box<dyn Controller> {
        match self {
            CongestionControl::Cubic => Box::new(Cubic::new()),
            CongestionControl::Bbr => Box::new(Bbr::new(now)),
            CongestionControl::Fixed { window_bytes } => Box::new(Fixed::new(window_bytes)),
        }
    }
}

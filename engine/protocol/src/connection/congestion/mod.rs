//! Congestion control (R4): how much of what needs an acknowledgment may be under way, and how fast it leaves.
//!
//! A [`Controller`] is told what was sent, acknowledged and lost, and answers with a window and a rate. It never sees a
//! packet. Unreliable messages are the game's to pace: they are not held back here.

mod bbr;
#[cfg(test)]
mod bottleneck;
mod cubic;
mod fixed;

use crate::limits::DATAGRAM_BYTES_BASE;
use crate::time::{Duration, Instant};
use core::fmt::Debug;

pub use bbr::Bbr;
pub use cubic::Cubic;
pub use fixed::Fixed;

/// The least that may be under way, in bytes: two datagrams (RFC 9002, section 7.2).
pub const WINDOW_BYTES_MIN: u64 = 2 * DATAGRAM_BYTES_BASE as u64;
/// What may be under way on a path of which nothing is known, in bytes: ten datagrams (RFC 9002, section 7.2).
pub const WINDOW_BYTES_INITIAL: u64 = 10 * DATAGRAM_BYTES_BASE as u64;

/// Which controller a connection uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CongestionControl {
    /// RFC 9438: fills the path until it loses, then backs off. The internet's common one.
    Cubic,
    /// After BBR version 2: models the path's bandwidth and round trip, keeps queues short, bears random loss.
    #[default]
    Bbr,
    /// Always so many bytes: for links whose capacity is known and ours alone.
    Fixed {
        /// Bytes under way at most.
        window_bytes: u64,
    },
}

impl CongestionControl {
    /// A controller for a path of which nothing is known.
    pub fn controller(self, now: Instant) -> Box<dyn Controller> {
        match self {
            CongestionControl::Cubic => Box::new(Cubic::new()),
            CongestionControl::Bbr => Box::new(Bbr::new(now)),
            CongestionControl::Fixed { window_bytes } => Box::new(Fixed::new(window_bytes)),
        }
    }
}

/// What one acknowledgment brought.
#[derive(Clone, Copy, Debug)]
pub struct Acked {
    /// When it came.
    pub now: Instant,
    /// Bytes of datagrams that it acknowledged for the first time.
    pub bytes: u64,
    /// When the newest of those was sent.
    pub newest_sent_at: Instant,
    /// Bytes still under way.
    pub in_flight: u64,
    /// Round trip of the newest, if this acknowledgment measured one.
    pub round_trip: Option<Duration>,
    /// Smoothed round trip.
    pub smoothed_round_trip: Duration,
    /// Least round trip that was ever measured.
    pub round_trip_min: Duration,
    /// How fast the path delivered, where it could be measured.
    pub rate: Option<RateSample>,
}

/// Delivery rate over the flight of one packet (draft-cheng-iccrg-delivery-rate-estimation).
#[derive(Clone, Copy, Debug)]
pub struct RateSample {
    /// Bytes a second.
    pub bytes_per_second: u64,
    /// The sender had nothing more to send in that time: the path may be faster.
    pub application_limited: bool,
    /// All bytes delivered on this connection when the packet was sent: tells rounds apart.
    pub delivered_when_sent: u64,
    /// All bytes delivered by now.
    pub delivered: u64,
}

/// Packets given up as lost together.
#[derive(Clone, Copy, Debug)]
pub struct Lost {
    /// When it was noticed.
    pub now: Instant,
    /// Their bytes.
    pub bytes: u64,
    /// When the newest of them was sent: losses within one round trip are one event.
    pub newest_sent_at: Instant,
    /// Bytes still under way.
    pub in_flight: u64,
    /// Nothing at all came through for so long that what was known of the path is void (RFC 9002, section 7.6).
    pub persistent: bool,
}

/// Decides how much may be under way. All sizes are whole datagrams, in bytes.
pub trait Controller: Debug + Send {
    /// A datagram that asks for an acknowledgment leaves; `in_flight` includes it.
    fn on_sent(&mut self, now: Instant, bytes: u64, in_flight: u64);

    /// An acknowledgment came. `application_limited` in its sample says whether the window was left unused.
    fn on_acked(&mut self, acked: &Acked);

    /// Packets were given up as lost.
    fn on_lost(&mut self, lost: &Lost);

    /// Bytes that may be under way, at least [`WINDOW_BYTES_MIN`].
    fn window(&self) -> u64;

    /// Bytes a second at which they may leave; None while nothing is known: the pacer then spreads the window over the
    /// round trip.
    fn pacing_rate(&self) -> Option<u64>;
}

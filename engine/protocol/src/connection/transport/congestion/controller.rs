//! The inputs of a congestion controller, and its decisions.

use crate::limits::DATAGRAM_BYTES_BASE;
use crate::time::{Duration, Instant};
use core::fmt::Debug;

/// The minimum window, in bytes: two datagrams (RFC 9002, section 7.2).
pub const WINDOW_BYTES_MIN: u64 = 2 * DATAGRAM_BYTES_BASE as u64;
/// The window on an unknown path, in bytes: ten datagrams (RFC 9002, section 7.2).
pub const WINDOW_BYTES_INITIAL: u64 = 10 * DATAGRAM_BYTES_BASE as u64;

/// What one acknowledgment brought.
#[derive(Clone, Copy, Debug)]
pub struct Acked {
    /// When it arrived.
    pub now: Instant,
    /// Bytes of the datagrams that it acknowledged for the first time.
    pub bytes: u64,
    /// When the newest of those was sent.
    pub newest_sent_at: Instant,
    /// Bytes still in flight.
    pub in_flight: u64,
    /// RTT sample from this acknowledgment, if it gave one.
    pub rtt: Option<Duration>,
    /// Smoothed RTT.
    pub rtt_smoothed: Duration,
    /// Delivery rate, where it could be measured.
    pub rate: Option<RateSample>,
}

/// Delivery rate over the flight of one packet (draft-cheng-iccrg-delivery-rate-estimation).
#[derive(Clone, Copy, Debug)]
pub struct RateSample {
    /// Bytes per second.
    pub bytes_per_second: u64,
    /// The sender had nothing more to send in that time: the path may be faster.
    pub application_limited: bool,
    /// All bytes delivered on this connection when the packet was sent. Delimits rounds.
    pub delivered_when_sent: u64,
    /// All bytes delivered by now.
    pub delivered: u64,
}

/// Packets declared lost together.
#[derive(Clone, Copy, Debug)]
pub struct Lost {
    /// When the loss was detected.
    pub now: Instant,
    /// Their bytes.
    pub bytes: u64,
    /// When the newest of them was sent. Losses within one round trip are one event.
    pub newest_sent_at: Instant,
    /// Bytes still in flight.
    pub in_flight: u64,
    /// Persistent congestion: nothing came through for so long that all knowledge of the path is void (RFC 9002,
    /// section 7.6).
    pub persistent: bool,
}

/// Decides how much may be in flight. Sizes are those of whole datagrams, in bytes.
pub trait Controller: Debug + Send {
    /// An ack-eliciting datagram leaves. `in_flight` includes it.
    fn on_sent(&mut self, now: Instant, bytes: u64, in_flight: u64);

    /// An acknowledgment arrived.
    fn on_acked(&mut self, acked: &Acked);

    /// Packets were declared lost.
    fn on_lost(&mut self, lost: &Lost);

    /// Bytes that may be in flight, at least [`WINDOW_BYTES_MIN`].
    fn window(&self) -> u64;

    /// Bytes per second at which they may leave. None while nothing is known: the pacer then spreads the window over
    /// the RTT.
    fn pacing_rate(&self) -> Option<u64>;
}

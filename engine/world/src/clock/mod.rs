//! The two clocks of a client, which count the server's ticks.
//!
//! | clock | runs | moves by |
//! |---|---|---|
//! | [`InputClock`] | ahead of the server, so that inputs arrive in time | at most 2 % faster or slower |
//! | [`ShownClock`] | behind the server, so that others are shown between two snapshots | at most 10 % faster or slower |
//!
//! Ticks do not wrap here: they are [`View::tick`](crate::View::tick)s. The caller hands in the time.

mod input;
mod peak;
mod shown;
mod spread;

pub use input::{INPUT_RATE_MAX, InputClock};
pub use shown::{SHOWN_RATE_MAX, ShownClock};

use crate::limits::TICKS_PER_SECOND;
use ringshard_protocol::time::{Duration, Instant};

/// How many ticks of the world pass in this time.
pub fn ticks_in(time: Duration) -> f64 {
    time.as_secs_f64() * f64::from(TICKS_PER_SECOND)
}

/// How long so many ticks take; nothing if the number is negative or no number.
pub fn time_of(ticks: f64) -> Duration {
    Duration::try_from_secs_f64(ticks / f64::from(TICKS_PER_SECOND)).unwrap_or_default()
}

/// Ticks from `start` to `now`.
fn ticks_since(start: Instant, now: Instant) -> f64 {
    ticks_in(now.since(start))
}

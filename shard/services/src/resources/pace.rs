//! Limits a rate of bytes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::Instant;

/// How much may be sent at once after a pause: what the rate gives in this time, or [`BURST_BYTES_MIN`] if that is more.
const BURST: Duration = Duration::from_millis(20);
const BURST_BYTES_MIN: u64 = 64 * 1024;

/// A rate of bytes, which may be changed while it is in use.
///
/// Whoever wants to send reserves a time for one piece. Times are given in the order of the calls, so those who send in turn
/// share the rate equally.
#[derive(Debug)]
pub struct Pace {
    /// Bytes per second; 0: any number.
    rate: AtomicU64,
    /// When everything reserved so far is sent.
    free: Mutex<Option<Instant>>,
}

impl Pace {
    /// A rate in bytes per second; 0: unlimited.
    pub fn new(rate: u64) -> Pace {
        Pace { rate: AtomicU64::new(rate), free: Mutex::new(None) }
    }

    /// Changes the rate. Pieces that wait already keep their time.
    pub fn set(&self, rate: u64) {
        self.rate.store(rate, Relaxed);
    }

    /// The rate in bytes per second; 0: any number.
    pub fn rate(&self) -> u64 {
        self.rate.load(Relaxed)
    }

    /// When `bytes` may be sent; None: now.
    pub fn reserve(&self, now: Instant, bytes: usize) -> Option<Instant> {
        let rate = self.rate();
        if rate == 0 {
            return None;
        }
        let time_of = |bytes: u64| Duration::from_secs_f64(bytes as f64 / rate as f64);
        let mut free = self.free.lock().expect("no thread panics with the lock");
        let from = free.map_or(now, |free| free.max(now));
        *free = Some(from + time_of(bytes as u64));
        let send = from.checked_sub(BURST.max(time_of(BURST_BYTES_MIN)))?;
        (send > now).then_some(send)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends pieces of 1,000 bytes for `seconds`, and returns how many bytes that is.
    async fn sent_in(pace: &Pace, seconds: u64) -> u64 {
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut bytes = 0;
        while Instant::now() < end {
            if let Some(time) = pace.reserve(Instant::now(), 1_000) {
                tokio::time::sleep_until(time).await;
            }
            bytes += 1_000;
        }
        bytes
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_leave_at_the_rate_which_may_change_and_a_pause_is_not_made_up_for() {
        let pace = Pace::new(1_000_000);
        let burst = 70_000;
        let sent = sent_in(&pace, 10).await;
        assert!((10_000_000..10_000_000 + burst).contains(&sent), "{sent}");
        tokio::time::sleep(Duration::from_secs(60)).await;
        pace.set(100_000);
        let sent = sent_in(&pace, 10).await;
        assert!((1_000_000..1_000_000 + burst).contains(&sent), "{sent}");
    }
}

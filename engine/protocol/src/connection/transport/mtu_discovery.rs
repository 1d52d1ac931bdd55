//! MTU discovery: probes, the confirmed size, and the fallback when larger datagrams vanish (PROTOCOL.md#mtu-discovery,
//! RFC 8899).

use crate::limits::*;
use crate::time::{Duration, Instant};

/// Wait between two probes.
const PROBE_PERIOD: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct MtuDiscovery {
    /// Confirmed by a probe, or assumed.
    datagram_bytes: usize,
    /// Index of the next size in [`MTU_PROBE_BYTES`].
    next: usize,
    /// Probes sent for the size in turn.
    tries: u32,
    probe_at: Instant,
    /// A probe is in flight.
    probing: bool,
    /// The confirmed size before a black hole; 0 if there is none to return to.
    size_before_black_hole: usize,
}

impl MtuDiscovery {
    pub(super) fn new(now: Instant) -> Self {
        MtuDiscovery {
            datagram_bytes: DATAGRAM_BYTES_BASE,
            next: 0,
            tries: 0,
            probe_at: now,
            probing: false,
            size_before_black_hole: 0,
        }
    }

    /// Largest datagram to send.
    pub(super) fn datagram_bytes(&self) -> usize {
        self.datagram_bytes
    }

    /// Room for frames in the largest datagram.
    pub(super) fn frames_bytes(&self) -> usize {
        self.datagram_bytes - HEADER_BYTES - TAG_BYTES
    }

    /// Size of the probe that is due.
    pub(super) fn probe_due(&self, now: Instant) -> Option<u16> {
        let size = self.candidate()?;
        (!self.probing && self.probe_at <= now).then_some(size)
    }

    fn candidate(&self) -> Option<u16> {
        if self.datagram_bytes < DATAGRAM_BYTES_BASE {
            return Some(DATAGRAM_BYTES_BASE as u16);
        }
        if self.size_before_black_hole > self.datagram_bytes {
            return Some(self.size_before_black_hole as u16);
        }
        MTU_PROBE_BYTES.get(self.next).copied()
    }

    /// When the next probe is due. Never while one is in flight, or when no size is left to try.
    pub(super) fn probe_due_at(&self) -> Instant {
        if self.probing || self.candidate().is_none() { Instant::NEVER } else { self.probe_at }
    }

    /// A probe leaves.
    pub(super) fn probe_sent(&mut self) {
        assert!(!self.probing, "one probe is in flight at a time");
        self.probing = true;
        self.tries += 1;
    }

    /// A probe of `size` bytes arrived.
    pub(super) fn probe_acked(&mut self, now: Instant, size: u16) {
        self.probing = false;
        if usize::from(size) > self.datagram_bytes {
            self.datagram_bytes = size.into();
            self.next = MTU_PROBE_BYTES.iter().filter(|&&tried| usize::from(tried) <= self.datagram_bytes).count();
        }
        self.tries = 0;
        self.probe_at = now;
        self.check();
    }

    /// A probe is lost: it was too large, or lost like any datagram.
    pub(super) fn probe_lost(&mut self, now: Instant) {
        self.probing = false;
        self.probe_at = now + PROBE_PERIOD;
        if self.tries >= MTU_PROBES_MAX {
            self.tries = 0;
            self.size_before_black_hole = 0;
            self.probe_at = now + self.retry_after();
        }
        self.check();
    }

    /// An acknowledgment ends a row of probe timeouts: perhaps nothing came through before, whatever its size.
    pub(super) fn outage_over(&mut self, now: Instant) {
        let went_back = self.datagram_bytes < DATAGRAM_BYTES_BASE || self.size_before_black_hole > self.datagram_bytes;
        if went_back && !self.probing {
            self.probe_at = now;
        }
    }

    /// Wait before a size that failed is tried again. Short for the size that every path should carry.
    fn retry_after(&self) -> Duration {
        if self.datagram_bytes < DATAGRAM_BYTES_BASE { 4 * PROBE_PERIOD } else { MTU_RETRY }
    }

    /// Several probe timeouts in a row: datagrams may be too large. Returns whether smaller ones are used from now on.
    pub(super) fn black_hole(&mut self, now: Instant) -> bool {
        let smaller = if self.datagram_bytes > DATAGRAM_BYTES_BASE { DATAGRAM_BYTES_BASE } else { DATAGRAM_BYTES_MIN };
        if smaller == self.datagram_bytes {
            return false;
        }
        self.size_before_black_hole = self.size_before_black_hole.max(self.datagram_bytes);
        self.datagram_bytes = smaller;
        self.next = 0;
        self.tries = 0;
        self.probing = false;
        self.probe_at = now + self.retry_after();
        self.check();
        true
    }

    fn check(&self) {
        assert!(
            (DATAGRAM_BYTES_MIN..=DATAGRAM_BYTES_MAX).contains(&self.datagram_bytes),
            "within the protocol's sizes"
        );
        assert!(self.next <= MTU_PROBE_BYTES.len(), "sizes are tried in their order");
        assert!(self.size_before_black_hole <= DATAGRAM_BYTES_MAX, "only a size in use is returned to");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets a path that carries `limit` bytes answer the probes of ten seconds.
    fn discover(mtu: &mut MtuDiscovery, from: Instant, limit: usize) {
        for millis in 0..10_000 {
            let now = from + Duration::from_millis(millis);
            if let Some(size) = mtu.probe_due(now) {
                mtu.probe_sent();
                if usize::from(size) <= limit { mtu.probe_acked(now, size) } else { mtu.probe_lost(now) }
            }
        }
    }

    #[test]
    fn finds_the_largest_size_that_passes_and_no_larger() {
        for (limit, found) in [(1472, 1472), (1452, 1408), (1400, 1328), (1300, 1200)] {
            let mut mtu = MtuDiscovery::new(Instant::ZERO);
            discover(&mut mtu, Instant::ZERO, limit);
            assert_eq!(mtu.datagram_bytes(), found);
        }
    }

    #[test]
    fn falls_back_step_by_step_and_recovers() {
        let mut mtu = MtuDiscovery::new(Instant::ZERO);
        discover(&mut mtu, Instant::ZERO, 1472);
        assert!(mtu.black_hole(Instant::ZERO));
        assert_eq!(mtu.datagram_bytes(), DATAGRAM_BYTES_BASE);
        assert!(mtu.black_hole(Instant::ZERO));
        assert_eq!(mtu.datagram_bytes(), DATAGRAM_BYTES_MIN);
        assert!(!mtu.black_hole(Instant::ZERO), "nothing smaller is worth trying");
        discover(&mut mtu, Instant::ZERO, 1200);
        assert_eq!(mtu.datagram_bytes(), DATAGRAM_BYTES_BASE);
    }
}

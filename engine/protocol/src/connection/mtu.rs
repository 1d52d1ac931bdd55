//! How large datagrams the path carries (W12): probes that may be lost, a confirmed size, and the way back when larger
//! ones vanish (RFC 8899).

use crate::limits::*;
use crate::time::{Duration, Instant};

/// Wait between two probes.
const PROBE_PERIOD: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Mtu {
    /// Known to pass, or taken to.
    datagram_bytes: usize,
    /// The size to try next.
    next: usize,
    tries: u32,
    probe_at: Instant,
    /// A probe is under way.
    probing: bool,
    /// The size that passed until nothing came through for some time; 0 when there is none to go back to.
    former: usize,
}

impl Mtu {
    pub(super) fn new(now: Instant) -> Self {
        Mtu { datagram_bytes: DATAGRAM_BYTES_BASE, next: 0, tries: 0, probe_at: now, probing: false, former: 0 }
    }

    /// Largest datagram to send.
    pub(super) fn datagram_bytes(&self) -> usize {
        self.datagram_bytes
    }

    /// What the largest datagram holds as frames.
    pub(super) fn frames_bytes(&self) -> usize {
        self.datagram_bytes - HEADER_BYTES - TAG_BYTES
    }

    /// Size of the probe that is due.
    pub(super) fn due(&self, now: Instant) -> Option<u16> {
        let size = self.candidate()?;
        (!self.probing && self.probe_at <= now).then_some(size)
    }

    fn candidate(&self) -> Option<u16> {
        if self.datagram_bytes < DATAGRAM_BYTES_BASE {
            return Some(DATAGRAM_BYTES_BASE as u16);
        }
        if self.former > self.datagram_bytes {
            return Some(self.former as u16);
        }
        MTU_PROBE_BYTES.get(self.next).copied()
    }

    /// When the next probe is due; never while one is under way, or when there is nothing to try.
    pub(super) fn due_at(&self) -> Instant {
        if self.probing || self.candidate().is_none() { Instant::NEVER } else { self.probe_at }
    }

    pub(super) fn sent(&mut self) {
        self.probing = true;
        self.tries += 1;
    }

    /// A probe of `size` arrived.
    pub(super) fn acked(&mut self, now: Instant, size: u16) {
        self.probing = false;
        if usize::from(size) > self.datagram_bytes {
            self.datagram_bytes = size.into();
            self.next = MTU_PROBE_BYTES.iter().filter(|&&tried| usize::from(tried) <= self.datagram_bytes).count();
        }
        self.tries = 0;
        self.probe_at = now;
    }

    /// A probe was lost: perhaps it was too large, perhaps just unlucky.
    pub(super) fn lost(&mut self, now: Instant) {
        self.probing = false;
        self.probe_at = now + PROBE_PERIOD;
        if self.tries >= MTU_PROBES_MAX {
            self.tries = 0;
            self.former = 0;
            self.probe_at = now + self.retry();
        }
    }

    /// After a long silence something came through: perhaps nothing did before, whatever its size.
    pub(super) fn answered(&mut self, now: Instant) {
        let went_back = self.datagram_bytes < DATAGRAM_BYTES_BASE || self.former > self.datagram_bytes;
        if went_back && !self.probing {
            self.probe_at = now;
        }
    }

    /// Wait before a size that failed is tried again: short for the one that every path should carry.
    fn retry(&self) -> Duration {
        if self.datagram_bytes < DATAGRAM_BYTES_BASE { 4 * PROBE_PERIOD } else { MTU_RETRY }
    }

    /// Nothing came through for some time. Gives true when smaller datagrams are tried from here on.
    pub(super) fn black_hole(&mut self, now: Instant) -> bool {
        let smaller = if self.datagram_bytes > DATAGRAM_BYTES_BASE { DATAGRAM_BYTES_BASE } else { DATAGRAM_BYTES_MIN };
        if smaller == self.datagram_bytes {
            return false;
        }
        self.former = self.former.max(self.datagram_bytes);
        self.datagram_bytes = smaller;
        self.next = 0;
        self.tries = 0;
        self.probing = false;
        self.probe_at = now + self.retry();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets a path that carries `limit` bytes answer the probes of ten seconds.
    fn discover(mtu: &mut Mtu, from: Instant, limit: usize) {
        for millis in 0..10_000 {
            let now = from + Duration::from_millis(millis);
            if let Some(size) = mtu.due(now) {
                mtu.sent();
                if usize::from(size) <= limit { mtu.acked(now, size) } else { mtu.lost(now) }
            }
        }
    }

    #[test]
    fn finds_the_largest_size_that_passes_and_no_larger() {
        for (limit, found) in [(1472, 1472), (1452, 1408), (1400, 1328), (1300, 1200)] {
            let mut mtu = Mtu::new(Instant::ZERO);
            discover(&mut mtu, Instant::ZERO, limit);
            assert_eq!(mtu.datagram_bytes(), found);
        }
    }

    #[test]
    fn falls_back_step_by_step_and_recovers() {
        let mut mtu = Mtu::new(Instant::ZERO);
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

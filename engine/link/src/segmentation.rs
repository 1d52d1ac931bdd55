//! Destinations whose route refuses GSO.
//!
//! The kernel refuses to segment if the route leads through a device or a transformation that cannot do it. Other
//! destinations may have another route, so they keep their runs. A fixed number of recent refusals is remembered.
//! Forgetting one costs one more refused run and no datagram.

use ringshard_protocol::limits::SEGMENTS_MAX;
use ringshard_protocol::time::{Duration, Instant};
use std::net::IpAddr;

/// Destinations remembered at most.
const PLACES: usize = 256;
/// How long a destination gets single datagrams before a run is tried again: devices and routes change.
const PAUSE: Duration = Duration::from_secs(30);

/// The number of datagrams that a run to each destination may have.
#[derive(Debug)]
pub(super) struct Segmentation {
    /// The number where nothing was refused.
    count_max: usize,
    /// By a hash of the destination; a newer refusal replaces an older one.
    refused: Box<[Option<Refusal>]>,
    /// Entries of `refused` in use.
    taken: usize,
}

#[derive(Clone, Copy, Debug)]
struct Refusal {
    destination: IpAddr,
    until: Instant,
}

impl Segmentation {
    /// Allows runs of up to `count_max` datagrams, 1 or more, to every destination.
    pub(super) fn new(count_max: usize) -> Self {
        assert!((1..=SEGMENTS_MAX).contains(&count_max), "a run has 1 to SEGMENTS_MAX datagrams");
        Segmentation { count_max, refused: vec![None; PLACES].into_boxed_slice(), taken: 0 }
    }

    /// Datagrams that a run to `destination` may have.
    #[inline]
    pub(super) fn count_max(&self, destination: IpAddr) -> usize {
        match self.taken {
            0 => self.count_max,
            _ => self.look_up(destination),
        }
    }

    fn look_up(&self, destination: IpAddr) -> usize {
        match self.refused[place(destination)] {
            Some(refusal) if refusal.destination == destination => 1,
            _ => self.count_max,
        }
    }

    /// Allows only single datagrams to `destination` for a while.
    pub(super) fn stop(&mut self, destination: IpAddr, now: Instant) {
        let refusal = Refusal { destination, until: now + PAUSE };
        self.taken += usize::from(self.refused[place(destination)].replace(refusal).is_none());
        assert!(self.taken <= PLACES, "every refusal has a place");
    }

    /// Whether any destination is remembered.
    #[inline]
    pub(super) fn is_stopped_somewhere(&self) -> bool {
        self.taken > 0
    }

    /// Forgets refusals whose pause is over.
    pub(super) fn resume(&mut self, now: Instant) {
        for place in &mut self.refused {
            self.taken -= usize::from(place.take_if(|refusal| refusal.until <= now).is_some());
        }
    }
}

fn place(destination: IpAddr) -> usize {
    let bits = match destination {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        IpAddr::V6(ip) => (ip.to_bits() >> 64) as u64 ^ ip.to_bits() as u64,
    };
    (bits.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::ZERO;

    #[test]
    fn a_refusal_holds_for_one_destination_and_for_a_while() {
        let mut segmentation = Segmentation::new(64);
        let [refusing, other] = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse().unwrap());
        segmentation.stop(refusing, NOW);
        assert_eq!((segmentation.count_max(refusing), segmentation.count_max(other)), (1, 64));
        segmentation.resume(NOW + PAUSE / 2);
        assert_eq!(segmentation.count_max(refusing), 1);
        segmentation.resume(NOW + PAUSE);
        assert_eq!(segmentation.count_max(refusing), 64);
        assert!(!segmentation.is_stopped_somewhere());
    }

    #[test]
    fn memory_does_not_grow_with_destinations() {
        let mut segmentation = Segmentation::new(64);
        for host in 0..10_000u32 {
            let destination = IpAddr::from(host.to_be_bytes());
            segmentation.stop(destination, NOW);
            assert_eq!(segmentation.count_max(destination), 1, "the newest is remembered");
        }
        assert!(segmentation.taken <= PLACES);
        segmentation.resume(NOW + PAUSE);
        assert!(!segmentation.is_stopped_somewhere());
    }
}

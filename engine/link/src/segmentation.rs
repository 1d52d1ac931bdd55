//! Which destinations take runs.
//!
//! The kernel refuses to segment where a route leads through a device or a transformation that cannot do it: that is a
//! property of the route, so other destinations keep their runs. Only the few that refused lately are remembered. A
//! destination that is forgotten costs one refused run more and no datagram, so forgetting is harmless.

use ringshard_protocol::time::{Duration, Instant};
use std::net::IpAddr;

/// Destinations that are remembered at most.
const PLACES: usize = 256;
/// How long a destination gets no runs before one is tried again: devices are set up anew, and routes change.
const PAUSE: Duration = Duration::from_secs(30);

/// Datagrams that a run to each destination may have.
#[derive(Debug)]
pub(super) struct Segmentation {
    /// Where nothing was refused.
    count_max: usize,
    /// By a hash of the destination; a newer one takes the place of an older one.
    refused: Box<[Option<Refusal>]>,
    /// Places that are taken.
    taken: usize,
}

#[derive(Clone, Copy, Debug)]
struct Refusal {
    destination: IpAddr,
    until: Instant,
}

impl Segmentation {
    /// Runs of up to `count_max` datagrams, 1 or more, to everybody.
    pub(super) fn new(count_max: usize) -> Self {
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

    /// Sends every datagram to `destination` by itself for a while.
    pub(super) fn stop(&mut self, destination: IpAddr, now: Instant) {
        let refusal = Refusal { destination, until: now + PAUSE };
        self.taken += usize::from(self.refused[place(destination)].replace(refusal).is_none());
    }

    /// Whether a destination is remembered.
    #[inline]
    pub(super) fn is_stopped_somewhere(&self) -> bool {
        self.taken > 0
    }

    /// Forgets those whose time is over.
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
    fn one_destination_pauses_alone_and_only_for_a_while() {
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
    fn ever_so_many_destinations_take_the_same_memory() {
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

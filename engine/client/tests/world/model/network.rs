//! One direction of a simulated path: latency, jitter, loss.

use std::time::Duration;

/// A seeded generator of random numbers.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// From 0 to 1.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn stick(&mut self) -> i8 {
        (self.share() * 255.0 - 127.5) as i8
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Path {
    pub latency: Duration,
    /// The latency differs by at most so much, either way.
    pub jitter: Duration,
    /// Share of datagrams.
    pub loss: f64,
}

impl Path {
    pub fn new(latency: u64, jitter: u64, loss: f64) -> Self {
        Path { latency: Duration::from_millis(latency), jitter: Duration::from_millis(jitter), loss }
    }
}

/// Datagrams under way in one direction.
#[derive(Debug)]
pub struct Way {
    pub path: Path,
    under_way: Vec<(u64, Vec<u8>)>,
}

impl Way {
    pub fn new(path: Path) -> Self {
        Way { path, under_way: Vec::new() }
    }

    pub fn send(&mut self, now: u64, datagram: Vec<u8>, random: &mut Random) {
        let (latency, jitter) = (self.path.latency.as_nanos() as f64, self.path.jitter.as_nanos() as f64);
        let late = latency + (random.share() * 2.0 - 1.0) * jitter;
        if random.share() >= self.path.loss {
            self.under_way.push((now + late.max(0.0) as u64, datagram));
        }
    }

    /// The next datagram that has arrived, in the order of arrival.
    pub fn receive(&mut self, now: u64) -> Option<Vec<u8>> {
        let first = self.under_way.iter().enumerate().min_by_key(|(_, (at, _))| *at)?;
        let (index, &(at, _)) = (first.0, first.1);
        (at <= now).then(|| self.under_way.remove(index).1)
    }
}

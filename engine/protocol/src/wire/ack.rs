//! Acknowledgments: which datagrams arrived (PROTOCOL.md#ack-frame).
//!
//! ```text
//! | largest u64 | delay u16 | runs: u8 each |
//! ```
//! The runs count downwards from `largest - 1`: received datagrams, then missing ones, then received ones, and so on. A
//! run longer than 255 continues behind a run of 0. The delay is in units of 8 us.

use super::Malformed;
use crate::limits::ACK_POSITIONS_MAX;
use crate::time::Duration;
use core::ops::RangeInclusive;

const DELAY_UNIT: Duration = Duration::from_micros(8);
const RUNS_AT: usize = 10;

/// Which of the peer's datagrams were received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ack<'a> {
    /// The highest sequence received.
    pub largest: u64,
    /// Time between its arrival and this acknowledgment, up to 524 ms.
    pub delay: Duration,
    runs: &'a [u8],
}

impl<'a> Ack<'a> {
    /// Largest encoded size, in bytes.
    pub const BYTES_MAX: usize = RUNS_AT + RUNS_BYTES_MAX;

    /// Reads the body of an Ack frame.
    ///
    /// # Errors
    /// [`Malformed::TooShort`]; [`Malformed::UnknownValue`] for runs that reach below the first datagram, or further back
    /// than an acknowledgment may.
    pub fn decode(body: &'a [u8]) -> Result<Self, Malformed> {
        let Some((head, runs)) = body.split_first_chunk::<RUNS_AT>() else { return Err(Malformed::TooShort) };
        let [l0, l1, l2, l3, l4, l5, l6, l7, d0, d1] = *head;
        let largest = u64::from_le_bytes([l0, l1, l2, l3, l4, l5, l6, l7]);
        let positions: u64 = runs.iter().map(|&run| u64::from(run)).sum();
        if positions >= largest || positions > ACK_POSITIONS_MAX {
            return Err(Malformed::UnknownValue);
        }
        Ok(Ack { largest, delay: DELAY_UNIT * u16::from_le_bytes([d0, d1]).into(), runs })
    }

    /// The received sequences, as ranges from the newest down.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u64>> {
        let mut newest = self.largest;
        let mut runs = self.runs.iter();
        let mut first = true;
        core::iter::from_fn(move || {
            loop {
                // `largest` itself was received; each further range begins where the missing ones end.
                let received = runs.next();
                let run = match (received, first) {
                    (None, false) => return None,
                    (received, _) => u64::from(*received.unwrap_or(&0)) + u64::from(first),
                };
                first = false;
                let oldest = newest - run + 1;
                let range = oldest..=newest;
                newest = (oldest - 1).saturating_sub(u64::from(*runs.next().unwrap_or(&0)));
                if run > 0 {
                    return Some(range);
                }
            }
        })
    }
}

/// Most bytes of runs in an acknowledgment that this crate writes.
pub const RUNS_BYTES_MAX: usize = 64;

/// Writes an Ack frame's body from the lengths of its runs: received, missing, received... Runs that do not fit are left
/// out. Returns the size of the body.
pub fn encode(
    largest: u64,
    delay: Duration,
    runs: impl Iterator<Item = u64>,
    body: &mut [u8; Ack::BYTES_MAX],
) -> usize {
    let delay = (delay.as_nanos() / DELAY_UNIT.as_nanos()).min(u16::MAX.into()) as u16;
    body[..8].copy_from_slice(&largest.to_le_bytes());
    body[8..RUNS_AT].copy_from_slice(&delay.to_le_bytes());
    let mut used = RUNS_AT;
    for mut run in runs {
        let needed = RUNS_AT.max(used) + 1 + 2 * (run as usize / 256);
        if needed > body.len() {
            break;
        }
        while run > 255 {
            body[used..used + 2].copy_from_slice(&[255, 0]);
            used += 2;
            run -= 255;
        }
        body[used] = run as u8;
        used += 1;
    }
    debug_assert!(used <= body.len(), "a run is written only where it fits");
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(largest: u64, runs: &[u64]) -> Vec<RangeInclusive<u64>> {
        let mut body = [0; Ack::BYTES_MAX];
        let used = encode(largest, Duration::from_millis(1), runs.iter().copied(), &mut body);
        let ack = Ack::decode(&body[..used]).unwrap();
        assert_eq!((ack.largest, ack.delay), (largest, Duration::from_millis(1)));
        ack.ranges().collect()
    }

    #[test]
    fn ranges_come_newest_first() {
        assert_eq!(round_trip(9, &[]), [9..=9]);
        assert_eq!(round_trip(9, &[3, 2, 1]), [6..=9, 3..=3]);
        assert_eq!(round_trip(9, &[0, 2, 1, 5]), [9..=9, 6..=6]);
    }

    #[test]
    fn long_runs_are_split_and_mean_the_same() {
        let received: Vec<u64> = round_trip(1000, &[300, 2, 200]).into_iter().flatten().collect();
        let expected: Vec<u64> = (700..=1000).chain(498..=697).collect();
        let mut sorted = received.clone();
        sorted.sort_unstable();
        let mut wanted = expected;
        wanted.sort_unstable();
        assert_eq!(sorted, wanted);
    }

    #[test]
    fn impossible_acks_are_refused() {
        let body = |largest: u64, runs: &[u8]| [&largest.to_le_bytes()[..], &[0, 0], runs].concat();
        assert!(Ack::decode(&body(0, &[])).is_err(), "number 0 is never sent");
        assert!(Ack::decode(&body(5, &[4])).is_ok());
        assert!(Ack::decode(&body(5, &[5])).is_err(), "reaches number 0");
        assert!(Ack::decode(&body(1 << 40, &[255, 255, 3])).is_err(), "further back than is kept");
        assert!(Ack::decode(&[0; 9]).is_err());
    }
}

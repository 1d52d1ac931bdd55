//! Snapshots of a slice that wait to be sent, and the runs in which they leave.
//!
//! Datagrams with the same address and size leave as one GSO send. Sizes differ from client to client, so a few short
//! datagrams are padded to the size of longer ones where that costs less than another send.

use ringshard_protocol::connection::sealed_len;
use ringshard_protocol::limits::FRAME_HEADER_BYTES;
use ringshard_protocol::wire::ConnectionId;

/// A send costs the server as much as so many bytes of padding: about 2 us, against 0.6 ns per byte for encryption and
/// copying. It is a third of that, because the padding is paid for on the network, too.
const SEND_COST_BYTES: usize = 1_024;

/// A snapshot that waits to be sent.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) id: ConnectionId,
    pub(super) run: Run,
    /// Where it begins in the buffer of all snapshots.
    pub(super) start: u32,
    pub(super) len: u16,
}

/// Datagrams with the same address and size leave as one GSO send.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Run {
    /// Which address of the slice, counted from 1.
    pub(super) address: u32,
    pub(super) datagram_bytes: u16,
}

impl Run {
    /// The run of a snapshot of `len` bytes, before padding.
    pub(super) fn of(address: u32, len: usize) -> Run {
        Run { address, datagram_bytes: sealed_len(FRAME_HEADER_BYTES + len) as u16 }
    }
}

/// Sorts the snapshots by their runs, and joins runs to one address by padding the shorter datagrams. Returns the bytes of
/// padding.
pub(super) fn join_runs(waiting: &mut [Waiting]) -> usize {
    waiting.sort_unstable_by_key(|waiting| waiting.run);
    let mut padding = 0;
    // The start of the run, which may be joined to the next one.
    let mut start = 0;
    for next in 1..waiting.len() {
        let (run, longer) = (waiting[next - 1].run, waiting[next].run);
        if longer == run {
            continue;
        }
        let bytes = usize::from(longer.datagram_bytes.saturating_sub(run.datagram_bytes)) * (next - start);
        if longer.address == run.address && bytes <= SEND_COST_BYTES {
            padding += bytes;
            waiting[start..next].iter_mut().for_each(|waiting| waiting.run = longer);
        } else {
            start = next;
        }
    }
    padding
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::{Rng, SeedableRng};
    use ringshard_protocol::crypto::Csprng;

    fn sends(waiting: &[Waiting]) -> usize {
        waiting.chunk_by(|one, next| one.run == next.run).count()
    }

    /// A snapshot in the run of another address would go to another player's relay; one in a run of shorter datagrams would
    /// end the run.
    #[test]
    fn joined_runs_keep_their_addresses_and_cost_less_than_the_sends_they_save() {
        let mut dice = Csprng::seed_from_u64(7);
        for _ in 0..300 {
            let count = dice.next_u32() % 300;
            let mut waiting: Vec<Waiting> = (0..count)
                .map(|at| {
                    let len = 12 + (dice.next_u32() % 22) * (dice.next_u32() % 22);
                    let run = Run::of(1 + at * 4 / count, len as usize);
                    Waiting { id: ConnectionId::from_bits(at), run, start: at, len: len as u16 }
                })
                .collect();
            let apart = {
                waiting.sort_unstable_by_key(|waiting| waiting.run);
                sends(&waiting)
            };
            let bytes: usize = waiting.iter().map(|waiting| usize::from(waiting.run.datagram_bytes)).sum();
            let padding = join_runs(&mut waiting);
            assert!(waiting.is_sorted_by_key(|waiting| waiting.run));
            let padded: usize = waiting.iter().map(|waiting| usize::from(waiting.run.datagram_bytes)).sum();
            assert_eq!(padded, bytes + padding);
            assert!(padding <= (apart - sends(&waiting)) * SEND_COST_BYTES);
            for Waiting { id, run, len, .. } in &waiting {
                let own = Run::of(1 + id.bits() * 4 / count, (*len).into());
                assert!(run.address == own.address && run.datagram_bytes >= own.datagram_bytes);
            }
        }
    }
}

//! Datagrams on their way to a server, gathered into runs: datagrams of one size leave with one system call (GSO).
//!
//! Datagrams of one size keep their order. Runs of different sizes are sent in the order of their first datagrams.

/// Runs that are gathered at a time. Players' datagrams have few sizes.
const RUNS_MAX: usize = 8;
/// Bytes of a run: at most what one UDP packet could have.
const RUN_BYTES_MAX: usize = 64_000;

/// The outbox of one flow.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// The first `used` are being gathered. The others keep their memory.
    runs: Vec<Run>,
    used: usize,
}

#[derive(Debug, Default)]
struct Run {
    size: usize,
    bytes: Vec<u8>,
}

impl Outbox {
    /// Adds a datagram, which is `head` and `body`. Calls `send` with a run and the size of its datagrams when there is no
    /// room for it.
    pub(super) fn push(&mut self, head: &[u8], body: &[u8], segments_max: usize, send: &mut dyn FnMut(&[u8], usize)) {
        let size = head.len() + body.len();
        let run = self.run_of(size, send);
        run.bytes.extend_from_slice(head);
        run.bytes.extend_from_slice(body);
        if run.bytes.len() >= size * segments_max || run.bytes.len() + size > RUN_BYTES_MAX {
            send(&run.bytes, size);
            run.bytes.clear();
        }
    }

    /// Sends all runs.
    pub(super) fn flush(&mut self, send: &mut dyn FnMut(&[u8], usize)) {
        for run in &mut self.runs[..self.used] {
            if !run.bytes.is_empty() {
                send(&run.bytes, run.size);
                run.bytes.clear();
            }
        }
        self.used = 0;
    }

    /// The run of this size. It is begun if there is none; if there are too many, all are sent.
    fn run_of(&mut self, size: usize, send: &mut dyn FnMut(&[u8], usize)) -> &mut Run {
        let at = self.runs[..self.used].iter().position(|run| run.size == size);
        let at = at.unwrap_or_else(|| {
            if self.used == RUNS_MAX {
                self.flush(send);
            }
            if self.used == self.runs.len() {
                self.runs.push(Run::default());
            }
            self.used += 1;
            self.runs[self.used - 1].size = size;
            self.used - 1
        });
        &mut self.runs[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(outbox: &mut Outbox, datagrams: &[&[u8]], segments_max: usize) -> Vec<(Vec<u8>, usize)> {
        let mut runs = Vec::new();
        let mut send = |bytes: &[u8], size| runs.push((bytes.to_vec(), size));
        for datagram in datagrams {
            outbox.push(&[], datagram, segments_max, &mut send);
        }
        outbox.flush(&mut send);
        runs
    }

    #[test]
    fn datagrams_of_one_size_leave_in_one_run_in_their_order() {
        let runs = sent(&mut Outbox::default(), &[&[1, 1], &[9, 9, 9], &[2, 2], &[3, 3]], 64);
        assert_eq!(runs, [(vec![1, 1, 2, 2, 3, 3], 2), (vec![9, 9, 9], 3)]);
    }

    #[test]
    fn a_run_has_no_more_datagrams_than_the_kernel_takes() {
        let runs = sent(&mut Outbox::default(), &[&[1], &[2], &[3], &[4], &[5]], 2);
        assert_eq!(runs, [(vec![1, 2], 1), (vec![3, 4], 1), (vec![5], 1)]);
        let large = [0; 1_472];
        let runs = sent(&mut Outbox::default(), &[&large[..]; 50], 64);
        assert!(runs.iter().all(|(bytes, _)| bytes.len() <= RUN_BYTES_MAX));
        assert_eq!(runs.iter().map(|(bytes, _)| bytes.len()).sum::<usize>(), 50 * 1_472);
    }

    #[test]
    fn more_sizes_than_runs_lose_nothing_and_the_memory_is_kept() {
        let mut outbox = Outbox::default();
        let datagrams: Vec<Vec<u8>> = (1..40).map(|size| vec![size as u8; size]).collect();
        let borrowed: Vec<&[u8]> = datagrams.iter().map(Vec::as_slice).collect();
        for _ in 0..3 {
            let mut runs = sent(&mut outbox, &borrowed, 64);
            runs.sort_by_key(|(_, size)| *size);
            assert!(runs.iter().zip(&datagrams).all(|((bytes, _), datagram)| bytes == datagram));
            assert_eq!(runs.len(), datagrams.len());
            assert_eq!(outbox.runs.len(), RUNS_MAX);
        }
    }
}

//! What leaves: datagrams written one behind the other into one circle of memory, grouped into runs.
//!
//! A run is datagrams of one size to one peer; it leaves as one `UDP_SEGMENT` send. Where the kernel refuses to segment
//! it, its datagrams leave again one by one. Runs are released in the order they were opened: memory that the kernel
//! still reads is never handed out again.
#![allow(unsafe_code)]

use super::buffer::Region;
use super::clock::Clock;
use super::message::SendHeader;
use super::mmsg::send_all;
use super::segmentation::Segmentation;
use super::socket::Socket;
use ringshard_protocol::limits::{DATAGRAM_BYTES_MAX, RUN_BYTES_MAX, SEGMENTS_MAX};
use ringshard_protocol::link::{LinkStats, Path};
use std::io;
use std::mem::zeroed;

/// Size of the circle.
const BYTES: usize = 4 << 20;
/// Runs that may be open, queued or with the kernel at once.
pub(super) const RUNS: usize = 4096;
const _: () = assert!(RUNS.is_power_of_two() && BYTES > 4 * RUN_BYTES_MAX);

#[derive(Debug)]
struct Run {
    path: Path,
    start: usize,
    len: usize,
    segment_bytes: usize,
    count: usize,
    /// Datagrams that it may grow to.
    count_max: usize,
    done: bool,
    header: SendHeader,
}

/// The circle and its runs.
#[derive(Debug)]
pub(super) struct Outbox {
    memory: Region,
    cursor: usize,
    runs: Box<[Run]>,
    /// Runs ever released, handed to the kernel, and opened: each at most the next.
    released: usize,
    taken: usize,
    opened: usize,
    /// Whether the last run may still grow.
    growing: bool,
    segmentation: Segmentation,
}

impl Outbox {
    /// An empty one for these sockets.
    pub(super) fn new(sockets: &[Socket]) -> io::Result<Self> {
        let nowhere = Path::new(0, ([0, 0, 0, 0], 0).into());
        let run = || Run {
            path: nowhere,
            start: 0,
            len: 0,
            segment_bytes: 0,
            count: 0,
            count_max: 0,
            done: false,
            header: SendHeader::new(),
        };
        Ok(Outbox {
            memory: Region::new(BYTES)?,
            cursor: 0,
            runs: (0..RUNS).map(|_| run()).collect(),
            released: 0,
            taken: 0,
            opened: 0,
            growing: false,
            segmentation: Segmentation::new(if sockets.iter().all(Socket::can_segment) { SEGMENTS_MAX } else { 1 }),
        })
    }

    /// Looks whether it is time to try runs again where one was refused.
    #[inline]
    pub(super) fn resume_segmenting(&mut self, clock: &mut Clock) {
        if self.segmentation.is_stopped_somewhere() {
            self.segmentation.resume(clock.now());
        }
    }

    #[inline]
    pub(super) fn reserve(&mut self, path: Path, len: usize) -> Option<&mut [u8]> {
        assert!((1..=DATAGRAM_BYTES_MAX).contains(&len), "a datagram has 1 to 1200 bytes");
        let start = match self.grow(path, len) {
            Some(start) => start,
            None => self.open(path, len)?,
        };
        // SAFETY: the part lies in a run that is not yet with the kernel, behind all that was handed out before; the
        // borrow of `self` keeps the next call away while the slice lives.
        Some(unsafe { self.memory.slice(start, len) })
    }

    /// Appends to the last run, if it is open, of this path and size, and has room in front of it.
    #[inline]
    fn grow(&mut self, path: Path, len: usize) -> Option<usize> {
        if !self.growing {
            return None;
        }
        let room = self.room_at_cursor();
        let run = &mut self.runs[(self.opened - 1) % RUNS];
        let fits = run.segment_bytes == len
            && run.count < run.count_max
            && run.len + len <= RUN_BYTES_MAX
            && len < room
            && run.path == path;
        if !fits {
            return None;
        }
        run.len += len;
        run.count += 1;
        let start = self.cursor;
        self.cursor += len;
        Some(start)
    }

    fn open(&mut self, path: Path, len: usize) -> Option<usize> {
        if self.opened - self.released == RUNS {
            return None;
        }
        if len >= self.room_at_cursor() {
            // Go round, if the other end of the circle is free: the memory between cursor and end stays unused.
            let oldest = self.oldest_start()?;
            if self.cursor < oldest || len >= oldest {
                return None;
            }
            self.cursor = 0;
        }
        let run = &mut self.runs[self.opened % RUNS];
        (run.path, run.start, run.len) = (path, self.cursor, len);
        (run.segment_bytes, run.count, run.done) = (len, 1, false);
        run.count_max = self.segmentation.count_max(path.peer.ip());
        self.opened += 1;
        self.growing = true;
        let start = self.cursor;
        self.cursor += len;
        Some(start)
    }

    /// Bytes from the cursor to the oldest run in use, or to the end. The cursor never catches up with the oldest run,
    /// so all of it is never taken.
    #[inline]
    fn room_at_cursor(&self) -> usize {
        match self.oldest_start() {
            Some(oldest) if oldest >= self.cursor => oldest - self.cursor,
            _ => BYTES - self.cursor,
        }
    }

    #[inline]
    fn oldest_start(&self) -> Option<usize> {
        (self.released < self.opened).then(|| self.runs[self.released % RUNS].start)
    }

    /// Takes the next run for the kernel: its number, its socket, and the header to hand over.
    pub(super) fn take(&mut self, sockets: &[Socket]) -> Option<(usize, u32, *mut libc::msghdr)> {
        if self.taken == self.opened {
            return None;
        }
        let number = self.taken % RUNS;
        self.taken += 1;
        self.growing = false;
        let run = &mut self.runs[number];
        let socket = &sockets[run.path.socket as usize];
        let segment_bytes = (run.count > 1).then_some(run.segment_bytes as u16);
        let header = run.header.fill(self.memory.at(run.start), run.len, segment_bytes, run.path, socket);
        Some((number, run.path.socket, header))
    }

    /// Gives the last taken run back to be taken again.
    pub(super) fn untake(&mut self) {
        assert!(self.taken > self.released, "a run was taken");
        self.taken -= 1;
    }

    /// The kernel is through with a run: counts what became of it, and frees its memory. A run that it would not segment
    /// leaves again first, datagram by datagram. `outcome` has the system's error.
    pub(super) fn complete(
        &mut self,
        number: usize,
        outcome: Result<(), i32>,
        sockets: &[Socket],
        clock: &mut Clock,
        stats: &mut LinkStats,
    ) {
        let count = self.runs[number].count;
        match outcome {
            Ok(()) => count_sent(stats, count),
            Err(error) if count > 1 && may_blame_segmentation(error) => {
                stats.segmentation_refused += 1;
                if self.send_one_by_one(number, sockets, stats) > 0 {
                    // Only where the datagrams leave by themselves was segmentation to blame.
                    self.segmentation.stop(self.runs[number].path.peer.ip(), clock.now());
                    stats.segmentation_stopped += 1;
                }
            }
            Err(error) => count_unsent(stats, error, count),
        }
        self.release(number);
    }

    /// Sends the datagrams of a run that the kernel is through with, each by itself; gives how many left.
    fn send_one_by_one(&mut self, number: usize, sockets: &[Socket], stats: &mut LinkStats) -> usize {
        let run = &mut self.runs[number];
        let socket = &sockets[run.path.socket as usize];
        let header = run.header.fill(self.memory.at(run.start), run.len, None, run.path, socket);
        // SAFETY: zeros are a value of these plain C structures.
        let mut buffers: [libc::iovec; SEGMENTS_MAX] = unsafe { zeroed() };
        // SAFETY: as above.
        let mut messages: [libc::mmsghdr; SEGMENTS_MAX] = unsafe { zeroed() };
        for (at, (buffer, message)) in buffers.iter_mut().zip(&mut messages).take(run.count).enumerate() {
            buffer.iov_base = self.memory.at(run.start + at * run.segment_bytes).cast();
            buffer.iov_len = run.segment_bytes;
            // SAFETY: `fill` has just made this header, which lives in the run, as does what it points to.
            message.msg_hdr = unsafe { *header };
            message.msg_hdr.msg_iov = buffer;
        }
        let mut sent = 0;
        let tell = |_, outcome| match outcome {
            Ok(()) => {
                count_sent(stats, 1);
                sent += 1;
            }
            Err(error) => count_unsent(stats, error, 1),
        };
        // SAFETY: every message points to its own buffer, to a part of the run's memory, which is not released yet, and
        // to the name and control of its header.
        unsafe { send_all(socket.fd(), &mut messages[..run.count], tell) };
        sent
    }

    fn release(&mut self, number: usize) {
        self.runs[number].done = true;
        while self.released < self.taken && self.runs[self.released % RUNS].done {
            self.released += 1;
        }
        if self.released == self.opened {
            // All is free: start over where the cache is warm.
            self.cursor = 0;
            self.growing = false;
        }
    }

    /// Whether a run waits to be taken.
    pub(super) fn has_waiting(&self) -> bool {
        self.taken < self.opened
    }

    /// Runs that the kernel holds.
    pub(super) fn with_kernel(&self) -> usize {
        (self.released..self.taken).filter(|at| !self.runs[at % RUNS].done).count()
    }
}

/// Whether a run may have failed for being a run: EIO where the device has no checksum offload or the route transforms
/// packets, EINVAL from some drivers and tunnels. Both have other causes, too: whether the datagrams leave by themselves
/// tells.
fn may_blame_segmentation(error: i32) -> bool {
    matches!(error, libc::EIO | libc::EINVAL | libc::EOPNOTSUPP)
}

fn count_sent(stats: &mut LinkStats, datagrams: usize) {
    stats.sends += 1;
    stats.datagrams_out += datagrams as u64;
}

fn count_unsent(stats: &mut LinkStats, error: i32, datagrams: usize) {
    let datagrams = datagrams as u64;
    stats.send_failed += datagrams;
    match error {
        libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM => stats.send_queue_full += datagrams,
        libc::EPERM | libc::EACCES => stats.send_forbidden += datagrams,
        libc::EMSGSIZE => stats.send_too_large += datagrams,
        libc::ENETUNREACH | libc::EHOSTUNREACH | libc::ECONNREFUSED | libc::ENETDOWN | libc::EHOSTDOWN => {
            stats.send_unreachable += datagrams;
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    fn path(port: u16) -> Path {
        Path::new(0, ([127, 0, 0, 1], port).into())
    }

    proptest! {
        /// Memory with the kernel is never handed out: each datagram still holds what was written into it when its run
        /// is finished, whatever the order of calls.
        #[test]
        fn never_hands_out_memory_in_use(steps in prop::collection::vec((0u8..8, 0u16..3, 0usize..4), 1..1500)) {
            let sockets = [Socket::bound_for_test()];
            let mut outbox = Outbox::new(&sockets).unwrap();
            let mut waiting: VecDeque<(u16, Vec<u8>)> = VecDeque::new();
            let mut taken: Vec<(usize, Vec<u8>, *mut libc::msghdr)> = Vec::new();
            let mut stamp = 0u8;
            for (kind, port, size) in steps {
                let len = [100, 112, 700, 1200][size];
                if kind < 5 {
                    for _ in 0..40 {
                        let Some(room) = outbox.reserve(path(port), len) else { break };
                        prop_assert_eq!(room.len(), len);
                        stamp = stamp.wrapping_add(1);
                        room.fill(stamp);
                        waiting.push_back((port, vec![stamp; len]));
                    }
                } else if kind < 7 {
                    while let Some((number, _, header)) = outbox.take(&sockets) {
                        // SAFETY: the header was just filled in and lives in the outbox, as does what it points to.
                        let run_len = unsafe { (*(*header).msg_iov).iov_len };
                        let mut bytes = Vec::new();
                        while bytes.len() < run_len {
                            bytes.extend(waiting.pop_front().expect("runs hold what was reserved").1);
                        }
                        prop_assert_eq!(bytes.len(), run_len);
                        taken.push((number, bytes, header));
                    }
                } else if !taken.is_empty() {
                    let (number, bytes, header) = taken.swap_remove(size * 7 % taken.len());
                    // SAFETY: as above; the run is not finished, so nobody writes to it.
                    let held = unsafe {
                        let buffer = *(*header).msg_iov;
                        std::slice::from_raw_parts(buffer.iov_base.cast::<u8>(), buffer.iov_len)
                    };
                    prop_assert!(held == bytes, "memory of a run in use was handed out again");
                    outbox.release(number);
                }
            }
        }
    }

    #[test]
    fn equal_sizes_to_one_peer_grow_into_one_run() {
        let sockets = [Socket::bound_for_test()];
        let mut outbox = Outbox::new(&sockets).unwrap();
        for (port, len) in [(1, 112), (1, 112), (1, 128), (2, 128), (2, 128)] {
            outbox.reserve(path(port), len).unwrap();
        }
        let mut runs = 0;
        while outbox.take(&sockets).is_some() {
            runs += 1;
        }
        assert_eq!(runs, 3);
    }
}

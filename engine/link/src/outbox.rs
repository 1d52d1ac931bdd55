//! Outgoing datagrams, written one behind the other into a ring of memory and grouped into runs.
//!
//! A run is datagrams of one size to one peer, which leave as one `UDP_SEGMENT` send. If the kernel refuses to segment a
//! run, its datagrams leave again one by one. Runs are opened, taken for the kernel, completed in any order, and released
//! in the order of opening. So memory that the kernel still reads is never handed out again.
#![allow(unsafe_code)]

use super::buffer::Region;
use super::clock::Clock;
use super::message::SendHeader;
use super::segmentation::Segmentation;
use super::sendmmsg::send_all;
use super::socket::Socket;
use ringshard_protocol::limits::{DATAGRAM_BYTES_MAX, RUN_BYTES_MAX, SEGMENTS_MAX};
use ringshard_protocol::link::{LinkStats, Path};
use std::io;
use std::mem::zeroed;

/// Size of the ring.
const BYTES: usize = 4 << 20;
/// Runs that may be growing, waiting or with the kernel at once.
pub(super) const RUNS: usize = 4096;
const _: () = assert!(RUNS.is_power_of_two() && BYTES > 4 * RUN_BYTES_MAX);
const _: () = assert!(SEGMENTS_MAX * DATAGRAM_BYTES_MAX <= BYTES && RUN_BYTES_MAX <= u16::MAX as usize);

#[derive(Debug)]
struct Run {
    path: Path,
    start: usize,
    len: usize,
    segment_bytes: usize,
    count: usize,
    /// Datagrams that it may grow to.
    count_max: usize,
    /// The kernel does not read it any more; runs opened before it may still be with the kernel.
    done: bool,
    header: SendHeader,
}

/// What the kernel needs for a run. Everything that it points to stays valid until [`Outbox::complete`].
#[derive(Debug)]
pub(super) enum Outgoing {
    /// A single datagram, from whatever address the kernel chooses.
    Datagram { start: *const u8, len: u32, name: *const libc::sockaddr, name_len: libc::socklen_t },
    /// Anything else.
    Message(*const libc::msghdr),
}

/// The ring and its runs.
#[derive(Debug)]
pub(super) struct Outbox {
    memory: Region,
    cursor: usize,
    /// End of the free memory behind the cursor.
    free_until: usize,
    runs: Box<[Run]>,
    /// Runs released, taken for the kernel, and opened, since all were free: each at most the next, and all at most [`RUNS`] apart.
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
            free_until: BYTES,
            runs: (0..RUNS).map(|_| run()).collect(),
            released: 0,
            taken: 0,
            opened: 0,
            growing: false,
            segmentation: Segmentation::new(if sockets.iter().all(Socket::can_segment) { SEGMENTS_MAX } else { 1 }),
        })
    }

    /// Allows runs again to destinations whose pause is over.
    #[inline]
    pub(super) fn resume_segmenting(&mut self, clock: &mut Clock) {
        if self.segmentation.is_stopped_somewhere() {
            self.segmentation.resume(clock.now());
        }
    }

    /// Room for a datagram of `len` bytes, behind those of its run, or in a run of its own. None: the ring is full.
    ///
    /// # Panics
    /// When `len` is 0 or over [`DATAGRAM_BYTES_MAX`].
    #[inline]
    pub(super) fn reserve(&mut self, path: Path, len: usize) -> Option<&mut [u8]> {
        assert!((1..=DATAGRAM_BYTES_MAX).contains(&len), "a datagram has 1 to DATAGRAM_BYTES_MAX bytes");
        let start = match self.grow(path, len) {
            Some(start) => start,
            None => self.open(path, len)?,
        };
        // SAFETY: the part lies in a run that was not taken for the kernel, behind everything handed out before; the
        // borrow of `self` prevents the next call while the slice lives.
        Some(unsafe { self.memory.slice(start, len) })
    }

    /// Appends to the last run, if it may grow, has this path and size, and there is room behind it.
    #[inline]
    fn grow(&mut self, path: Path, len: usize) -> Option<usize> {
        if !self.growing {
            return None;
        }
        assert!(self.taken < self.opened, "a run that grows was not taken");
        let room = self.free_until - self.cursor;
        let run = &mut self.runs[(self.opened - 1) % RUNS];
        let fits = run.segment_bytes == len
            && run.count < run.count_max
            && run.len + len <= RUN_BYTES_MAX
            && len < room
            && run.path == path;
        if !fits {
            return None;
        }
        assert!(run.start + run.len == self.cursor, "the last run ends at the cursor");
        run.len += len;
        run.count += 1;
        let start = self.cursor;
        self.cursor += len;
        Some(start)
    }

    /// Opens a run at the cursor, or at the start of the ring when the end is too near.
    fn open(&mut self, path: Path, len: usize) -> Option<usize> {
        if self.opened - self.released == RUNS {
            return None;
        }
        if len >= self.free_until - self.cursor {
            // Wrap around, if the start of the ring is free. The memory between cursor and end stays unused.
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
        assert!(self.opened - self.released <= RUNS, "a run's place is free before it is used again");
        self.growing = true;
        let start = self.cursor;
        self.cursor += len;
        self.note_free();
        Some(start)
    }

    /// Notes where the free memory behind the cursor ends: at the oldest run in use, or at the end. It is never used up: the
    /// cursor must not reach the oldest run.
    fn note_free(&mut self) {
        self.free_until = self.oldest_start().filter(|&oldest| oldest >= self.cursor).unwrap_or(BYTES);
    }

    fn oldest_start(&self) -> Option<usize> {
        (self.released < self.opened).then(|| self.runs[self.released % RUNS].start)
    }

    /// Takes the next run for the kernel: its number, its socket, and its header, which stays valid until [`Self::complete`].
    pub(super) fn take(&mut self, sockets: &[Socket]) -> Option<(usize, u32, *mut libc::msghdr)> {
        let number = self.take_next()?;
        let run = &mut self.runs[number];
        let socket = &sockets[run.path.socket as usize];
        let segment_bytes = (run.count > 1).then_some(run.segment_bytes as u16);
        let header = run.header.fill(self.memory.at(run.start), run.len, segment_bytes, run.path, socket);
        Some((number, run.path.socket, header))
    }

    /// Takes the next run for the kernel, as [`Self::take`], but a single datagram without a header: the kernel then reads an
    /// address instead of an address and three structures.
    #[inline]
    pub(super) fn take_lean(&mut self, sockets: &[Socket]) -> Option<(usize, u32, Outgoing)> {
        let number = self.take_next()?;
        let run = &mut self.runs[number];
        let socket = &sockets[run.path.socket as usize];
        let start = self.memory.at(run.start);
        let outgoing = if run.count == 1 && (run.path.local.is_none() || socket.is_connected()) {
            let (name, name_len) = run.header.fill_destination(run.path, socket);
            Outgoing::Datagram { start, len: run.len as u32, name, name_len }
        } else {
            let segment_bytes = (run.count > 1).then_some(run.segment_bytes as u16);
            Outgoing::Message(run.header.fill(start, run.len, segment_bytes, run.path, socket))
        };
        Some((number, run.path.socket, outgoing))
    }

    /// Takes the next run for the kernel.
    #[inline]
    fn take_next(&mut self) -> Option<usize> {
        if self.taken == self.opened {
            return None;
        }
        let number = self.taken % RUNS;
        self.taken += 1;
        self.growing = false;
        let run = &self.runs[number];
        assert!(!run.done, "a run is taken once");
        assert!(run.count <= SEGMENTS_MAX && run.len == run.count * run.segment_bytes, "datagrams of one size");
        Some(number)
    }

    /// Gives back the run that was taken last, to be taken again.
    ///
    /// # Panics
    /// When no run is taken, or the last one is complete.
    pub(super) fn untake(&mut self) {
        assert!(self.taken > self.released, "a run was taken");
        self.taken -= 1;
        assert!(!self.runs[self.taken % RUNS].done, "the kernel never had the run");
    }

    /// The kernel does not read a run any more: counts the outcome, which may be an error code, and frees the memory. A run
    /// that the kernel refused to segment is first sent again, datagram by datagram.
    ///
    /// # Panics
    /// When the kernel does not have that run.
    pub(super) fn complete(
        &mut self,
        number: usize,
        outcome: Result<(), i32>,
        sockets: &[Socket],
        clock: &mut Clock,
        stats: &mut LinkStats,
    ) {
        assert!(self.is_with_kernel(number), "the kernel completes a run that it has, once");
        let count = self.runs[number].count;
        match outcome {
            Ok(()) => count_sent(stats, count),
            Err(error) if count > 1 && may_be_segmentation(error) => {
                stats.segmentation_refused += 1;
                if self.send_one_by_one(number, sockets, stats) > 0 {
                    // Segmentation is only to blame if single datagrams leave.
                    self.segmentation.stop(self.runs[number].path.peer.ip(), clock.now());
                    stats.segmentation_stopped += 1;
                }
            }
            Err(error) => count_unsent(stats, error, count),
        }
        self.release(number);
    }

    /// Sends the datagrams of a completed run, each by itself; gives how many were sent.
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
            // SAFETY: `fill` has just written this header. It lives in the run, as does everything that it points to.
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
        // SAFETY: every message points to its own buffer, to a part of the run's memory, which is not released yet, and to
        // name and control of the run's header.
        unsafe { send_all(socket.fd(), &mut messages[..run.count], tell) };
        sent
    }

    /// Releases a run, and those behind it that only waited for it.
    fn release(&mut self, number: usize) {
        self.runs[number].done = true;
        while self.released < self.taken && self.runs[self.released % RUNS].done {
            self.released += 1;
        }
        assert!(self.taken <= self.opened && self.opened - self.released <= RUNS, "runs are released in order");
        if self.released == self.opened {
            // All memory and all runs are free: begin at the start, where the cache is warm.
            (self.released, self.taken, self.opened) = (0, 0, 0);
            self.cursor = 0;
            self.growing = false;
        }
        self.note_free();
    }

    /// Whether the run of that number was taken and not completed.
    #[inline]
    fn is_with_kernel(&self, number: usize) -> bool {
        let age = number.wrapping_sub(self.released) % RUNS;
        number < RUNS && age < self.taken - self.released && !self.runs[number].done
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

/// Whether segmentation may be the cause of an error: EIO if the device has no checksum offload or the route transforms
/// packets, EINVAL from some drivers and tunnels. Both have other causes, too; sending single datagrams tells.
fn may_be_segmentation(error: i32) -> bool {
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
        /// Memory that the kernel has is never handed out: until its run is complete, each datagram holds what was written
        /// into it, whatever the order of calls.
        #[test]
        fn never_hands_out_memory_in_use(steps in prop::collection::vec((0u8..8, 0u16..3, 0usize..4), 1..1500)) {
            let sockets = [Socket::bound_for_test()];
            let mut outbox = Outbox::new(&sockets).unwrap();
            let mut waiting: VecDeque<(u16, Vec<u8>)> = VecDeque::new();
            let mut taken: Vec<(usize, Vec<u8>, *const u8)> = Vec::new();
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
                    while let Some((number, _, outgoing)) = outbox.take_lean(&sockets) {
                        let (start, run_len) = match outgoing {
                            Outgoing::Datagram { start, len, .. } => (start, len as usize),
                            Outgoing::Message(header) => {
                                // SAFETY: the header was just filled in and lives in the outbox, as does what it points to.
                                let buffer = unsafe { *(*header).msg_iov };
                                (buffer.iov_base.cast_const().cast(), buffer.iov_len)
                            }
                        };
                        let mut bytes = Vec::new();
                        while bytes.len() < run_len {
                            bytes.extend(waiting.pop_front().expect("runs hold what was reserved").1);
                        }
                        prop_assert_eq!(bytes.len(), run_len);
                        taken.push((number, bytes, start));
                    }
                } else if !taken.is_empty() {
                    let (number, bytes, start) = taken.swap_remove(size * 7 % taken.len());
                    // SAFETY: as above; the run is not complete, so nothing writes to it.
                    let held = unsafe { std::slice::from_raw_parts(start, bytes.len()) };
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

    #[test]
    #[should_panic = "once"]
    fn a_run_is_completed_once() {
        let sockets = [Socket::bound_for_test()];
        let mut outbox = Outbox::new(&sockets).unwrap();
        for port in [1, 2] {
            outbox.reserve(path(port), 100).unwrap();
        }
        let numbers = [outbox.take(&sockets).unwrap().0, outbox.take(&sockets).unwrap().0];
        let (mut clock, mut stats) = (Clock::new(), LinkStats::default());
        for number in [numbers[1], numbers[1]] {
            outbox.complete(number, Ok(()), &sockets, &mut clock, &mut stats);
        }
    }
}

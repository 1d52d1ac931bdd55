//! The link over io_uring: one ring, made and used by one thread.
//!
//! Every socket has one multishot receive armed; all receives share one ring of buffers. A single datagram leaves as one
//! `send` with an address, a run of several as one `sendmsg`. A turn makes two system calls: one for all its sends, one to
//! wait. The kernel runs completions only on request (`DEFER_TASKRUN`), so they come in batches and never interrupt a turn.
//!
//! The kernel reads and writes `Memory` asynchronously. So its parts never move, each is released only when its completion
//! was reaped, and a shutdown that cannot reap all completions leaks the memory.
#![allow(unsafe_code)]

mod buffers;
mod error;

use self::buffers::{Arrived, ReceiveBuffers};
pub use self::error::UringError;
use super::clock::Clock;
use super::message::{CONTROL_BYTES, NAME_BYTES, read_control, read_name};
use super::outbox::{Outbox, Outgoing, RUNS};
use super::socket::Socket;
use crate::losses::with_losses;
use io_uring::types::{CancelBuilder, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};
use ringshard_protocol::limits::HEADER_BYTES;
use ringshard_protocol::link::{Arrival, Link, LinkStats, Path, Wait};
use ringshard_protocol::time::{Duration, Instant};
use std::collections::VecDeque;
use std::io;
use std::mem::{ManuallyDrop, zeroed};

/// Submissions that fit the ring. When it is full, it is submitted.
const SUBMISSIONS: u32 = 256;
/// Completions that fit: twice one for every run in flight and every receive buffer.
const COMPLETIONS: u32 = 16_384;
const _: () = assert!(COMPLETIONS as usize >= 2 * (RUNS + buffers::COUNT));

/// Buffers that a receive takes, about, before the kernel serves the next one.
const BUFFERS_AT_ONCE: usize = 32;

/// The kernel's number of the group of receive buffers.
const BUFFER_GROUP: u16 = 0;
/// Marks the user data of sends, which is the run's number. The user data of receives is the socket's number.
const SEND: u64 = 1 << 32;
/// How long a shutdown waits for the kernel to release the link's memory.
const DRAIN: Duration = Duration::from_secs(1);

/// A ring with its receive buffers: everything that the kernel may refuse to a link. Open it on the thread that uses it.
pub struct Ring {
    // Dropped first: the kernel must release the buffers before they are freed.
    ring: IoUring,
    buffers: ReceiveBuffers,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").finish_non_exhaustive()
    }
}

impl Ring {
    /// Opens a ring and runs an operation on it: if this succeeds, a link over it works.
    ///
    /// # Errors
    /// [`UringError`], saying why not.
    pub fn open() -> Result<Self, UringError> {
        let mut ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .setup_cqsize(COMPLETIONS)
            .build(SUBMISSIONS)
            .map_err(UringError::from_setup)?;
        let buffers = ReceiveBuffers::new().map_err(UringError::from_setup)?;
        buffers.register(&ring, BUFFER_GROUP).map_err(UringError::from_setup)?;
        // SAFETY: the entry points to no memory.
        unsafe { ring.submission().push(&opcode::Nop::new().build()) }.expect("a new ring has room");
        ring.submit_and_wait(1).map_err(UringError::from_setup)?;
        ring.completion().for_each(drop);
        Ok(Ring { ring, buffers })
    }
}

/// The link over io_uring; see the [module](self).
pub struct UringLink {
    ring: ManuallyDrop<IoUring>,
    sockets: Vec<Socket>,
    /// Whether the kernel knows the sockets by their numbers, which saves it a look-up per send.
    registered: bool,
    /// The memory that the kernel uses. Freed only when the kernel has released it: see `drop`.
    memory: ManuallyDrop<Memory>,
    clock: Clock,
    /// Sockets whose receive has ended and must be armed again, longest waiting first. Every other socket has one armed.
    unarmed: VecDeque<u32>,
    can_gather: bool,
    /// A completion that was reaped and not yet handled.
    pending: Option<cqueue::Entry>,
    stats: LinkStats,
}

/// Everything that the kernel reads and writes.
struct Memory {
    buffers: ReceiveBuffers,
    outbox: Outbox,
    /// Tells every multishot receive how many bytes of each buffer to reserve for name and control.
    template: Box<libc::msghdr>,
}

impl std::fmt::Debug for UringLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UringLink").field("sockets", &self.sockets).finish_non_exhaustive()
    }
}

impl UringLink {
    /// A link over these sockets.
    ///
    /// # Errors
    /// The system's error: no memory.
    ///
    /// # Panics
    /// When there is no socket.
    pub fn new(Ring { ring, mut buffers }: Ring, sockets: Vec<Socket>) -> io::Result<Self> {
        assert!(!sockets.is_empty(), "a link has a socket");
        let outbox = Outbox::new(&sockets)?;
        buffers.require(sockets.len() * 2 * BUFFERS_AT_ONCE);
        // SAFETY: zeros are a value of this plain C structure.
        let mut template: Box<libc::msghdr> = Box::new(unsafe { zeroed() });
        template.msg_namelen = NAME_BYTES as libc::socklen_t;
        template.msg_controllen = CONTROL_BYTES;
        let files: Vec<_> = sockets.iter().map(Socket::fd).collect();
        // Refused with more sockets than RLIMIT_NOFILE.
        let registered = ring.submitter().register_files(&files).is_ok();
        let can_gather = ring.params().is_feature_min_timeout();
        let mut link = UringLink {
            unarmed: (0..sockets.len() as u32).collect(),
            ring: ManuallyDrop::new(ring),
            sockets,
            registered,
            memory: ManuallyDrop::new(Memory { buffers, outbox, template }),
            clock: Clock::new(),
            can_gather,
            pending: None,
            stats: LinkStats::default(),
        };
        while !link.unarmed.is_empty() {
            link.arm();
            link.enter(0, None);
        }
        Ok(link)
    }

    /// Arms receives that have ended, longest waiting first. With more sockets than buffers, all sockets take turns: only
    /// as many are armed as will find buffers, since the others would end at once.
    fn arm(&mut self) {
        if self.unarmed.is_empty() {
            return;
        }
        // Every completion that was not handled yet may hold a buffer.
        let free = self.memory.buffers.in_play().saturating_sub(self.ring.completion().len());
        for _ in 0..(free / BUFFERS_AT_ONCE).max(1) {
            let Some(socket) = self.unarmed.pop_front() else { return };
            let entry = opcode::RecvMsgMulti::new(self.file(socket), &raw const *self.memory.template, BUFFER_GROUP)
                .build()
                .flags(self.file_flags())
                .user_data(socket.into());
            self.push(entry);
        }
    }

    /// The socket as a submission names it, together with [`Self::file_flags`].
    #[inline]
    fn file(&self, socket: u32) -> Fd {
        if self.registered { Fd(socket as i32) } else { Fd(self.sockets[socket as usize].fd()) }
    }

    #[inline]
    fn file_flags(&self) -> squeue::Flags {
        if self.registered { squeue::Flags::FIXED_FILE } else { squeue::Flags::empty() }
    }

    /// Queues a submission. If the ring is full, it is submitted first.
    fn push(&mut self, entry: squeue::Entry) {
        loop {
            // SAFETY: the entry points to a header in the outbox, to an address and a datagram there, or to the template. All
            // stay in place in `memory` until the completion is reaped or the ring is closed.
            if unsafe { self.ring.submission().push(&entry) }.is_ok() {
                return;
            }
            self.enter(0, None);
        }
    }

    fn queue_sends(&mut self) {
        while let Some((number, socket, outgoing)) = self.memory.outbox.take_lean(&self.sockets) {
            let file = self.file(socket);
            let entry = match outgoing {
                Outgoing::Datagram { start, len, name, name_len } => {
                    opcode::Send::new(file, start, len).dest_addr(name).dest_addr_len(name_len).build()
                }
                Outgoing::Message(header) => opcode::SendMsg::new(file, header).build(),
            };
            self.push(entry.flags(self.file_flags()).user_data(SEND | number as u64));
        }
    }

    /// Enters the kernel once: submits, runs completions, and waits for `want` of them if there is a `wait`.
    fn enter(&mut self, want: usize, wait: Option<(Duration, Duration)>) {
        let result = match wait {
            Some((timeout, gather)) => {
                let timeout = Timespec::from(timeout);
                let mut arguments = SubmitArgs::new().timespec(&timeout);
                if self.can_gather && !gather.is_zero() {
                    arguments = arguments.min_wait_usec(gather.as_micros() as u32);
                }
                self.ring.submitter().submit_with_args(want, &arguments)
            }
            None => self.ring.submit_and_wait(want),
        };
        match result.map_err(|error| error.raw_os_error()) {
            // Timeout, signal, or completions must be reaped first: the caller handles all of them.
            Ok(_) | Err(Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN)) => {}
            Err(code) => panic!("io_uring_enter failed with error {code:?}: the ring is in an impossible state"),
        }
    }

    #[inline]
    fn next_completion(&mut self) -> Option<cqueue::Entry> {
        self.pending.take().or_else(|| self.ring.completion().next())
    }

    fn send_completed(&mut self, number: usize, result: i32) {
        let outcome = if result >= 0 { Ok(()) } else { Err(-result) };
        self.memory.outbox.complete(number, outcome, &self.sockets, &mut self.clock, &mut self.stats);
    }

    /// The header of the next arrival, if its completion is there already.
    #[inline]
    fn following(&mut self) -> Option<[u8; HEADER_BYTES]> {
        self.pending = self.next_completion();
        let entry = self.pending.as_ref()?;
        if entry.user_data() & SEND != 0 || entry.result() < 0 {
            return None;
        }
        self.memory.buffers.peek(cqueue::buffer_select(entry.flags())?, entry.result() as usize)
    }

    /// Handles one completion of a receive: passes its arrival to `deliver`, and gives its buffer back.
    fn receive_completed(&mut self, entry: &cqueue::Entry, deliver: &mut impl FnMut(Arrival<'_>)) -> usize {
        let socket = entry.user_data() as u32;
        if !cqueue::more(entry.flags()) {
            assert!(self.unarmed.len() < self.sockets.len(), "an armed receive ends once");
            self.unarmed.push_back(socket);
            self.stats.rearmed += 1;
            if entry.result() == -libc::ENOBUFS {
                self.memory.buffers.ran_out();
            }
        }
        let Some(buffer) = cqueue::buffer_select(entry.flags()) else { return 0 };
        self.memory.buffers.claim(buffer);
        let following = self.following();
        let mut datagrams = 0;
        if entry.result() >= 0
            && let Some(Arrived { name, control, bytes, truncated }) =
                self.memory.buffers.lend(buffer, entry.result() as usize)
        {
            self.stats.truncated += u64::from(truncated);
            if let Some(peer) = read_name(name) {
                let control = read_control(control, &self.clock);
                let arrival = Arrival {
                    path: control.path(socket, peer),
                    arrived_at: control.arrived_at,
                    segment_bytes: control.segment_bytes.unwrap_or(bytes.len()).max(1),
                    bytes,
                    following,
                };
                datagrams = arrival.count();
                self.stats.arrivals += 1;
                self.stats.datagrams_in += datagrams as u64;
                deliver(arrival);
            }
        }
        self.memory.buffers.give_back(buffer);
        datagrams
    }
}

impl Link for UringLink {
    fn now(&mut self) -> Instant {
        self.clock.now()
    }

    fn receive(&mut self, budget: usize, mut deliver: impl FnMut(Arrival<'_>)) -> usize {
        let mut received = 0;
        while received < budget {
            let Some(entry) = self.next_completion() else { break };
            match entry.user_data() {
                data if data & SEND != 0 => self.send_completed((data & (SEND - 1)) as usize, entry.result()),
                _ => received += self.receive_completed(&entry, &mut deliver),
            }
        }
        self.memory.buffers.publish();
        received
    }

    #[inline]
    fn reserve(&mut self, path: Path, len: usize) -> Option<&mut [u8]> {
        self.memory.outbox.reserve(path, len)
    }

    fn submit(&mut self) {
        self.memory.outbox.resume_segmenting(&mut self.clock);
        self.arm();
        self.queue_sends();
        if !self.ring.submission().is_empty() {
            self.enter(0, None);
        }
        // Nearly all sends complete at once. They are handled here, so that only receives wake `park`.
        while let Some(entry) = self.next_completion() {
            if entry.user_data() & SEND == 0 {
                self.pending = Some(entry);
                return;
            }
            self.send_completed((entry.user_data() & (SEND - 1)) as usize, entry.result());
        }
    }

    fn park(&mut self, wait: Wait) {
        // A receive that is armed again may end at once for lack of buffers: do not wait before its completion is handled.
        let rearming = !self.unarmed.is_empty();
        self.memory.buffers.end_turn();
        self.submit();
        let left = wait.until.since(self.clock.now());
        if rearming || left.is_zero() || self.pending.is_some() || !self.ring.completion().is_empty() {
            return self.enter(0, None);
        }
        self.stats.waits += 1;
        let enough = if self.can_gather && !wait.gather.is_zero() { wait.enough } else { 1 };
        self.enter(enough as usize, Some((left, wait.gather.min(left))));
    }

    fn stats(&self) -> LinkStats {
        with_losses(self.stats, self.sockets.iter().map(Socket::kernel_losses))
    }
}

impl Drop for UringLink {
    /// Cancels what is in flight, waits until the kernel has released the memory, and frees it. If the kernel does not
    /// release it in time, it is leaked: a leak at shutdown is harmless, a write into freed memory is not.
    fn drop(&mut self) {
        self.queue_sends();
        self.enter(0, None);
        let _ = self.ring.submitter().register_sync_cancel(Some(Timespec::from(DRAIN)), CancelBuilder::any());
        let give_up = std::time::Instant::now() + DRAIN;
        assert!(self.unarmed.len() <= self.sockets.len(), "a socket has one receive");
        let mut armed = self.sockets.len() - self.unarmed.len();
        while (armed > 0 || self.memory.outbox.with_kernel() > 0) && std::time::Instant::now() < give_up {
            while let Some(entry) = self.next_completion() {
                match entry.user_data() {
                    data if data & SEND != 0 => self.send_completed((data & (SEND - 1)) as usize, entry.result()),
                    _ => armed -= usize::from(!cqueue::more(entry.flags())),
                }
            }
            let tick = Duration::from_millis(10);
            self.enter(1, Some((tick, Duration::ZERO)));
        }
        let drained = armed == 0 && self.memory.outbox.with_kernel() == 0;
        // SAFETY: neither field is used after this. The memory is freed only if no operation uses it: every receive has
        // ended, every send has completed, and nothing was submitted since.
        unsafe {
            ManuallyDrop::drop(&mut self.ring);
            if drained {
                ManuallyDrop::drop(&mut self.memory);
            }
        }
    }
}

#[cfg(test)]
mod tests;

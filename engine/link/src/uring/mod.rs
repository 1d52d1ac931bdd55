//! The link over io_uring: one ring, made and used by one thread.
//!
//! Every socket has one multishot receive armed, which takes its buffers from one ring of them; every run that leaves is
//! one `sendmsg`. All of a turn's sends are one system call, its wait is another. The kernel runs completions only when we ask
//! (`DEFER_TASKRUN`), so they come in batches and never interrupt a turn.
#![allow(unsafe_code)]

mod buffers;

use self::buffers::{Arrived, ReceiveBuffers};
use super::clock::Clock;
use super::message::{CONTROL_BYTES, NAME_BYTES, read_control, read_name};
use super::outbox::{Outbox, RUNS};
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

/// Submissions that fit the ring; more are submitted in between.
const SUBMISSIONS: u32 = 1024;
/// Completions that fit: every run in flight and every receive buffer can have one, twice over.
const COMPLETIONS: u32 = 16_384;
const _: () = assert!(COMPLETIONS as usize >= 2 * (RUNS + buffers::COUNT));

/// Buffers that a receive takes before the kernel looks at the next one, more or less.
const BUFFERS_AT_ONCE: usize = 32;

/// The kernel's name for the group of receive buffers.
const BUFFER_GROUP: u16 = 0;
/// Marks the user data of sends; receives carry the socket's number.
const SEND: u64 = 1 << 32;
/// How long a shutdown waits for the kernel to let go of our memory.
const DRAIN: Duration = Duration::from_secs(1);

/// Why io_uring cannot be used. The texts say what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum UringError {
    /// Refused: by sysctl, seccomp or a security module.
    #[error("io_uring is refused ({0}): check `sysctl kernel.io_uring_disabled` and the container's seccomp profile")]
    Refused(io::Error),
    /// No memory that may be locked.
    #[error("io_uring may not lock enough memory ({0}): raise `ulimit -l` or LimitMEMLOCK= to 1 MiB for each core")]
    Memlock(io::Error),
    /// The kernel lacks a part of io_uring that is used here: it is too old, or was built without it.
    #[error("the kernel lacks a part of io_uring that is used here ({0}): Linux 6.1 or later has it")]
    Incomplete(io::Error),
    /// This process, or the host, has as many files open as it may.
    #[error("no file is left for a ring ({0}): raise `ulimit -n`, or LimitNOFILE= of the service")]
    NoFileLeft(io::Error),
    /// Anything else.
    #[error("io_uring cannot be set up: {0}")]
    Failed(io::Error),
}

impl UringError {
    fn from_setup(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES | libc::ENOSYS) => UringError::Refused(error),
            Some(libc::ENOMEM) => UringError::Memlock(error),
            Some(libc::EMFILE | libc::ENFILE) => UringError::NoFileLeft(error),
            Some(libc::EINVAL | libc::EOPNOTSUPP) => UringError::Incomplete(error),
            _ => UringError::Failed(error),
        }
    }
}

/// A ring with its receive buffers: all that the kernel may refuse a link. It must be opened on the thread that uses it.
pub struct Ring {
    // Dropped first: the kernel must have let go of the buffers before they are freed.
    ring: IoUring,
    buffers: ReceiveBuffers,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").finish_non_exhaustive()
    }
}

impl Ring {
    /// Opens one, and has the kernel do something with it: that `open` succeeds means that a link over it works.
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
        // SAFETY: the entry points to nothing.
        unsafe { ring.submission().push(&opcode::Nop::new().build()) }.expect("a new ring has room");
        ring.submit_and_wait(1).map_err(UringError::from_setup)?;
        ring.completion().for_each(drop);
        Ok(Ring { ring, buffers })
    }
}

/// See the module.
pub struct UringLink {
    ring: ManuallyDrop<IoUring>,
    sockets: Vec<Socket>,
    /// What the kernel writes to. Dropped only after it let go: see `drop`.
    memory: ManuallyDrop<Memory>,
    clock: Clock,
    /// Sockets whose receive has ended and must be armed again, the one that has waited longest first.
    unarmed: VecDeque<u32>,
    can_gather: bool,
    /// A completion that was taken from the ring and not yet looked at.
    pending: Option<cqueue::Entry>,
    stats: LinkStats,
}

/// All that the kernel reads from and writes to.
struct Memory {
    buffers: ReceiveBuffers,
    outbox: Outbox,
    /// Tells every multishot receive how much room for name and control to leave in each buffer.
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
    /// What the system said: no memory.
    pub fn new(Ring { ring, buffers }: Ring, sockets: Vec<Socket>) -> io::Result<Self> {
        assert!(!sockets.is_empty(), "a link has a socket");
        let outbox = Outbox::new(&sockets)?;
        // SAFETY: zeros are a value of this plain C structure.
        let mut template: Box<libc::msghdr> = Box::new(unsafe { zeroed() });
        template.msg_namelen = NAME_BYTES as libc::socklen_t;
        template.msg_controllen = CONTROL_BYTES;
        let can_gather = ring.params().is_feature_min_timeout();
        let mut link = UringLink {
            unarmed: (0..sockets.len() as u32).collect(),
            ring: ManuallyDrop::new(ring),
            sockets,
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

    /// Arms receives that have ended, those that have waited longest first. Where more sockets want buffers than there
    /// are, that is a round of all sockets; and only as many are armed as find some, since the others would end at once.
    fn arm(&mut self) {
        if self.unarmed.is_empty() {
            return;
        }
        // What has arrived and was not looked at yet lies in a buffer.
        let free = buffers::COUNT.saturating_sub(self.ring.completion().len());
        for _ in 0..(free / BUFFERS_AT_ONCE).max(1) {
            let Some(socket) = self.unarmed.pop_front() else { return };
            let entry = opcode::RecvMsgMulti::new(
                Fd(self.sockets[socket as usize].fd()),
                &raw const *self.memory.template,
                BUFFER_GROUP,
            )
            .build()
            .user_data(socket.into());
            self.push(entry);
        }
    }

    /// Queues a submission; makes room by submitting when there is none.
    fn push(&mut self, entry: squeue::Entry) {
        loop {
            // SAFETY: what the entry points to, a header in the outbox or the template, stays in place in `memory`
            // until the completion was reaped or the ring is gone.
            if unsafe { self.ring.submission().push(&entry) }.is_ok() {
                return;
            }
            self.enter(0, None);
        }
    }

    fn queue_sends(&mut self) {
        while let Some((number, socket, header)) = self.memory.outbox.take(&self.sockets) {
            let entry = opcode::SendMsg::new(Fd(self.sockets[socket as usize].fd()), header)
                .build()
                .user_data(SEND | number as u64);
            self.push(entry);
        }
    }

    /// Enters the kernel once: submits, runs what completed, waits if told to.
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
            // The time was up, a signal came, or completions wait to be reaped first: all are the caller's next step.
            Ok(_) | Err(Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN)) => {}
            Err(code) => panic!("io_uring_enter failed with error {code:?}: the ring is in a state it cannot be in"),
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

    /// The header of the arrival after the one at hand, if it is there already.
    #[inline]
    fn following(&mut self) -> Option<[u8; HEADER_BYTES]> {
        self.pending = self.next_completion();
        let entry = self.pending.as_ref()?;
        if entry.user_data() & SEND != 0 || entry.result() < 0 {
            return None;
        }
        self.memory.buffers.peek(cqueue::buffer_select(entry.flags())?, entry.result() as usize)
    }

    /// Looks at one completion of a receive: gives its arrival to `deliver` and its buffer back.
    fn receive_completed(&mut self, entry: &cqueue::Entry, deliver: &mut impl FnMut(Arrival<'_>)) -> usize {
        let socket = entry.user_data() as u32;
        if !cqueue::more(entry.flags()) {
            self.unarmed.push_back(socket);
            self.stats.rearmed += 1;
        }
        let Some(buffer) = cqueue::buffer_select(entry.flags()) else { return 0 };
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
        // Nearly all sends complete at once. They are looked at here, so that `park` sees only what is worth waking for.
        while let Some(entry) = self.next_completion() {
            if entry.user_data() & SEND == 0 {
                self.pending = Some(entry);
                return;
            }
            self.send_completed((entry.user_data() & (SEND - 1)) as usize, entry.result());
        }
    }

    fn park(&mut self, wait: Wait) {
        // A receive that has ended may end again at once, for want of buffers: look before waiting.
        let rearming = !self.unarmed.is_empty();
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
    /// Cancels what is in flight and waits until the kernel has let go of our memory; then frees it. Should it not let
    /// go in time, the memory is leaked: a leak at shutdown is harmless, a write into freed memory is not.
    fn drop(&mut self) {
        self.queue_sends();
        self.enter(0, None);
        let _ = self.ring.submitter().register_sync_cancel(Some(Timespec::from(DRAIN)), CancelBuilder::any());
        let give_up = std::time::Instant::now() + DRAIN;
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
        // SAFETY: neither field is used after this, and the memory is freed only when nothing that uses it is in flight:
        // every receive has ended and every send has completed, and nothing was submitted since.
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

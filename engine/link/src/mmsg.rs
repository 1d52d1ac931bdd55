//! The link over recvmmsg and sendmmsg: for hosts that refuse io_uring, and as the baseline of benchmarks.
#![allow(unsafe_code)]

use super::buffer::Region;
use super::clock::Clock;
use super::message::{CONTROL_BYTES, NAME_BYTES, read_control, read_name};
use super::outbox::Outbox;
use super::sendmmsg::send_all;
use super::socket::Socket;
use crate::losses::with_losses;
use ringshard_protocol::limits::HEADER_BYTES;
use ringshard_protocol::link::{Arrival, Link, LinkStats, Path, Wait};
use ringshard_protocol::time::Instant;
use std::io;
use std::mem::zeroed;

/// Arrivals taken by one recvmmsg.
const BATCH: usize = 32;
/// Room for one arrival: datagrams merged by GRO, then name and control. Three cache lines more than a power of two, so that
/// the arrivals fall into different cache sets.
const ARRIVAL_BYTES: usize = 65_536;
const STRIDE: usize = ARRIVAL_BYTES + 192;
const NAME_AT: usize = ARRIVAL_BYTES;
const CONTROL_AT: usize = NAME_AT + 32;
const _: () = assert!(NAME_BYTES <= 32 && CONTROL_AT + CONTROL_BYTES <= STRIDE);

/// The link over recvmmsg and sendmmsg; see the [module](self).
pub struct MmsgLink {
    sockets: Vec<Socket>,
    /// The socket that the next receive reads first.
    next_socket: usize,
    memory: Region,
    buffers: Box<[libc::iovec]>,
    headers: Box<[libc::mmsghdr]>,
    outbox: Outbox,
    clock: Clock,
    stats: LinkStats,
}

impl std::fmt::Debug for MmsgLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MmsgLink").field("sockets", &self.sockets).finish_non_exhaustive()
    }
}

impl MmsgLink {
    /// A link over these sockets.
    ///
    /// # Errors
    /// The system's error: no memory.
    ///
    /// # Panics
    /// When there is no socket.
    pub fn new(sockets: Vec<Socket>) -> io::Result<Self> {
        assert!(!sockets.is_empty(), "a link has a socket");
        let memory = Region::new(BATCH * STRIDE)?;
        let mut buffers: Box<[libc::iovec]> = (0..BATCH)
            .map(|at| libc::iovec { iov_base: memory.at(at * STRIDE).cast(), iov_len: ARRIVAL_BYTES })
            .collect();
        let headers = buffers
            .iter_mut()
            .map(|buffer| {
                // SAFETY: zeros are a value of this plain C structure.
                let mut header: libc::mmsghdr = unsafe { zeroed() };
                header.msg_hdr.msg_iov = buffer;
                header.msg_hdr.msg_iovlen = 1;
                header
            })
            .collect();
        Ok(MmsgLink {
            next_socket: 0,
            memory,
            buffers,
            headers,
            outbox: Outbox::new(&sockets)?,
            sockets,
            clock: Clock::new(),
            stats: LinkStats::default(),
        })
    }

    /// Receives a batch from one socket; gives the numbers of arrivals and datagrams.
    fn receive_batch(&mut self, socket: usize, deliver: &mut impl FnMut(Arrival<'_>)) -> (usize, usize) {
        self.reset_headers();
        // SAFETY: every header points to its own part of `memory` and to its own iovec, all of which live in `self` and are
        // not used otherwise during the call.
        let arrived = unsafe {
            libc::recvmmsg(
                self.sockets[socket].fd(),
                self.headers.as_mut_ptr(),
                BATCH as u32,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        // An error means that nothing waits, or is an ICMP error about an earlier send: there is nothing to do for either.
        let arrived = usize::try_from(arrived).unwrap_or(0);
        assert!(arrived <= BATCH, "the kernel fills the headers that it was given");
        let datagrams: usize = (0..arrived).map(|at| self.deliver_arrival(at, arrived, socket, deliver)).sum();
        self.stats.arrivals += arrived as u64;
        self.stats.datagrams_in += datagrams as u64;
        (arrived, datagrams)
    }

    /// Writes the lengths that the kernel has overwritten, and where name and control go.
    fn reset_headers(&mut self) {
        debug_assert!(self.buffers.len() == BATCH && self.headers.len() == BATCH, "a header for each buffer");
        for (at, header) in self.headers.iter_mut().enumerate() {
            header.msg_hdr.msg_name = self.memory.at(at * STRIDE + NAME_AT).cast();
            header.msg_hdr.msg_namelen = NAME_BYTES as libc::socklen_t;
            header.msg_hdr.msg_control = self.memory.at(at * STRIDE + CONTROL_AT).cast();
            header.msg_hdr.msg_controllen = CONTROL_BYTES;
        }
    }

    /// Delivers arrival `at` of `arrived`; gives the number of its datagrams.
    #[inline]
    fn deliver_arrival(
        &mut self,
        at: usize,
        arrived: usize,
        socket: usize,
        deliver: &mut impl FnMut(Arrival<'_>),
    ) -> usize {
        let header = &self.headers[at];
        let len = (header.msg_len as usize).min(ARRIVAL_BYTES);
        let name_len = (header.msg_hdr.msg_namelen as usize).min(NAME_BYTES);
        let control_len = header.msg_hdr.msg_controllen.min(CONTROL_BYTES);
        self.stats.truncated += u64::from(header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0);
        // SAFETY: recvmmsg has returned, these three parts do not overlap, and no slice outlives this call.
        let (bytes, name, control) = unsafe {
            (
                self.memory.slice(at * STRIDE, len),
                self.memory.slice(at * STRIDE + NAME_AT, name_len),
                self.memory.slice(at * STRIDE + CONTROL_AT, control_len),
            )
        };
        let Some(peer) = read_name(name) else { return 0 };
        let control = read_control(control, &self.clock);
        let following = if at + 1 < arrived {
            // SAFETY: recvmmsg has returned, and the next arrival is another part of the memory.
            unsafe { self.memory.slice((at + 1) * STRIDE, HEADER_BYTES) }.first_chunk().copied()
        } else {
            None
        };
        let arrival = Arrival {
            path: control.path(socket as u32, peer),
            arrived_at: control.arrived_at,
            segment_bytes: control.segment_bytes.unwrap_or(len).max(1),
            bytes,
            following,
        };
        let datagrams = arrival.count();
        deliver(arrival);
        datagrams
    }

    /// Receives about `share` datagrams at most from one socket; gives their number.
    fn receive_share(&mut self, socket: usize, share: usize, deliver: &mut impl FnMut(Arrival<'_>)) -> usize {
        let mut received = 0;
        loop {
            let (arrived, datagrams) = self.receive_batch(socket, deliver);
            received += datagrams;
            if arrived < BATCH || received >= share {
                return received;
            }
        }
    }

    /// Waits until a socket is readable, or until `until`.
    fn wait_readable(&mut self, until: Instant) {
        let left = until.since(self.clock.now());
        if left.is_zero() {
            return;
        }
        self.stats.waits += 1;
        let mut polls: Vec<libc::pollfd> = Vec::new();
        let mut one = libc::pollfd { fd: self.sockets[0].fd(), events: libc::POLLIN, revents: 0 };
        let (polls, count) = if self.sockets.len() == 1 {
            (&raw mut one, 1)
        } else {
            polls.extend(self.sockets.iter().map(|socket| libc::pollfd {
                fd: socket.fd(),
                events: libc::POLLIN,
                revents: 0,
            }));
            (polls.as_mut_ptr(), polls.len())
        };
        let timeout = libc::timespec { tv_sec: left.as_secs() as libc::time_t, tv_nsec: left.subsec_nanos().into() };
        // SAFETY: `polls` points to `count` entries, which outlive the call, as does `timeout`.
        unsafe { libc::ppoll(polls, count as libc::nfds_t, &raw const timeout, std::ptr::null()) };
    }
}

impl Link for MmsgLink {
    fn now(&mut self) -> Instant {
        self.clock.now()
    }

    fn receive(&mut self, budget: usize, mut deliver: impl FnMut(Arrival<'_>)) -> usize {
        // Every socket has a share of the budget, and the round continues where the last call ended. So no socket waits
        // longer than a round, however busy the others are.
        let share = (budget / self.sockets.len()).max(BATCH);
        let mut received = 0;
        for _ in 0..self.sockets.len() {
            if received >= budget {
                break;
            }
            received += self.receive_share(self.next_socket, share.min(budget - received), &mut deliver);
            self.next_socket = (self.next_socket + 1) % self.sockets.len();
        }
        received
    }

    #[inline]
    fn reserve(&mut self, path: Path, len: usize) -> Option<&mut [u8]> {
        self.outbox.reserve(path, len)
    }

    fn submit(&mut self) {
        // One system call sends consecutive runs of one socket.
        while self.outbox.has_waiting() {
            let mut batch: [libc::mmsghdr; BATCH] = std::array::from_fn(|_| {
                // SAFETY: zeros are a value of this plain C structure.
                unsafe { zeroed() }
            });
            let mut numbers = [0; BATCH];
            let (mut count, mut socket) = (0, 0);
            while count < BATCH
                && let Some((number, of, header)) = self.outbox.take(&self.sockets)
            {
                if count > 0 && of != socket {
                    self.outbox.untake();
                    break;
                }
                socket = of;
                // SAFETY: `take` has just written the header, which stays in place until the run is complete.
                batch[count].msg_hdr = unsafe { *header };
                numbers[count] = number;
                count += 1;
            }
            let MmsgLink { outbox, sockets, clock, stats, .. } = self;
            let fd = sockets[socket as usize].fd();
            let tell = |at: usize, outcome| outbox.complete(numbers[at], outcome, sockets, clock, stats);
            // SAFETY: the headers, and everything that they point to, live in the outbox until `complete`, which `tell` calls.
            unsafe { send_all(fd, &mut batch[..count], tell) };
        }
        self.outbox.resume_segmenting(&mut self.clock);
    }

    fn park(&mut self, wait: Wait) {
        self.submit();
        let now = self.clock.now();
        let gather = wait.gather.min(wait.until.since(now));
        if !gather.is_zero() {
            self.stats.waits += 1;
            std::thread::sleep(gather);
        }
        if wait.until > now + gather {
            self.wait_readable(wait.until);
        }
    }

    fn stats(&self) -> LinkStats {
        with_losses(self.stats, self.sockets.iter().map(Socket::kernel_losses))
    }
}

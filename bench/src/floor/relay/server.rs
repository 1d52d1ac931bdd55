//! The sketch's server: each received run is opened, sealed and sent where it lies.
//!
//! A buffer belongs to the kernel until a receive completes with it, then to the server, then to the kernel again until its
//! send has completed.
#![allow(unsafe_code)]

use super::datagram::{Sealer, client_of, key, split, write_head};
use crate::floor::counts;
use crate::floor::socket::Place;
use crate::scenario::Cipher;
use io_uring::types::{BufRingEntry, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode};
use ringshard_prefetch::prefetch;
use ringshard_protocol::crypto::AeadKey;
use std::alloc::{Layout, alloc_zeroed};
use std::io;
use std::mem::zeroed;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU16, Ordering};

/// Receive buffers, each for a run that GRO merged.
const BUFFERS: usize = 256;
/// Three cache lines more than a power of two, so that the starts of the buffers fall into different cache sets.
const STRIDE: usize = 65_536 + 192;
/// Where the kernel writes: a header of four u32, the sender's address, the size of the datagrams, the datagrams.
const NAME_AT: usize = 16;
const NAME_BYTES: usize = 32;
const CONTROL_AT: usize = NAME_AT + NAME_BYTES;
const CONTROL_BYTES: usize = 24;
const PAYLOAD_AT: usize = CONTROL_AT + CONTROL_BYTES;
/// Marks the user data of sends, which is the buffer's number.
const SEND: u64 = 1 << 32;
/// Completions that end a wait at once, and the time to gather them.
const WAIT_FOR: usize = 16;
const MIN_WAIT_MICROS: u32 = 100;
/// How many datagrams ahead a session is prefetched.
const PREFETCH_AHEAD: usize = 3;

/// Options of the socket, beside the buffers.
const OPTIONS: [(i32, i32, i32); 2] =
    [(libc::SOL_UDP, libc::UDP_GRO, 1), (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_PROBE)];

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    place: Place,
    #[arg(long)]
    clients: usize,
    #[arg(long, value_enum)]
    cipher: Cipher,
}

/// What the server knows of a client.
struct Session {
    sequence: u64,
    open: AeadKey,
    seal: AeadKey,
}

/// Echoes until killed.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let suite = arguments.cipher.suite();
    let socket = arguments.place.open(&OPTIONS)?;
    let session = |client| Session {
        sequence: 0,
        open: key(suite, client, Sealer::Client),
        seal: key(suite, client, Sealer::Server),
    };
    let sessions = (0..arguments.clients).map(session).collect();
    let server = Server::new(socket, sessions).map_err(|error| format!("cannot open a ring: {error}"))?;
    server.echo().map_err(|error| format!("the ring failed: {error}"))
}

/// The header of a buffer's send, with what it points to.
struct Reply {
    header: libc::msghdr,
    bytes: libc::iovec,
    control: [u64; CONTROL_BYTES / 8],
}

struct Server {
    ring: IoUring,
    socket: UdpSocket,
    sessions: Vec<Session>,
    memory: *mut u8,
    entries: *mut BufRingEntry,
    given: u16,
    replies: Box<[Reply]>,
    template: Box<libc::msghdr>,
}

impl Server {
    fn new(socket: UdpSocket, sessions: Vec<Session>) -> io::Result<Self> {
        let ring = IoUring::builder().setup_single_issuer().setup_defer_taskrun().setup_cqsize(4096).build(1024)?;
        // SAFETY: both layouts have bytes and a power of two as alignment. The memory is never freed.
        let (memory, entries) = unsafe {
            let layout = |bytes| Layout::from_size_align(bytes, 4096).expect("a page is a power of two");
            (alloc_zeroed(layout(BUFFERS * STRIDE)), alloc_zeroed(layout(BUFFERS * size_of::<BufRingEntry>())).cast())
        };
        // SAFETY: the entries are page-aligned and initialised, and live as long as the process.
        unsafe { ring.submitter().register_buf_ring_with_flags(entries as u64, BUFFERS as u16, 0, 0)? };
        // SAFETY: zeros are a value of these plain C structures.
        let (template, replies) = unsafe { (Box::new(zeroed()), (0..BUFFERS).map(|_| zeroed()).collect()) };
        let mut server = Server { ring, socket, sessions, memory, entries, given: 0, replies, template };
        server.template.msg_namelen = NAME_BYTES as libc::socklen_t;
        server.template.msg_controllen = CONTROL_BYTES;
        (0..BUFFERS).for_each(|buffer| server.give_back(buffer));
        server.publish();
        Ok(server)
    }

    fn echo(mut self) -> io::Result<()> {
        self.arm()?;
        let (mut sends, mut completions) = (0, Vec::with_capacity(4096));
        loop {
            let timeout = Timespec::new().nsec(10_000_000);
            let arguments = SubmitArgs::new().timespec(&timeout).min_wait_usec(MIN_WAIT_MICROS);
            // The sends complete in this call, and must not end the wait.
            match self.ring.submitter().submit_with_args(sends + WAIT_FOR, &arguments) {
                Ok(_) => {}
                Err(error) if matches!(error.raw_os_error(), Some(libc::ETIME | libc::EINTR | libc::EBUSY)) => {}
                Err(error) => return Err(error),
            }
            sends = 0;
            completions.extend(self.ring.completion());
            for entry in completions.drain(..) {
                sends += self.completed(&entry)?;
            }
            self.publish();
        }
    }

    /// Handles a completion; gives the number of sends that it caused.
    fn completed(&mut self, entry: &cqueue::Entry) -> io::Result<usize> {
        if entry.user_data() & SEND != 0 {
            self.give_back((entry.user_data() & (SEND - 1)) as usize);
            return Ok(0);
        }
        if !cqueue::more(entry.flags()) {
            self.arm()?;
        }
        let Some(buffer) = cqueue::buffer_select(entry.flags()) else { return Ok(0) };
        let len = usize::try_from(entry.result()).unwrap_or(0);
        self.answer(usize::from(buffer), len)
    }

    fn arm(&mut self) -> io::Result<()> {
        let receive = opcode::RecvMsgMulti::new(Fd(self.socket.as_raw_fd()), &raw const *self.template, 0).build();
        // SAFETY: the template lives as long as the ring.
        unsafe { self.ring.submission().push(&receive) }.map_err(io::Error::other)
    }

    /// Echoes the run in `buffer`, `len` bytes of it with what is in front of the payload.
    fn answer(&mut self, buffer: usize, len: usize) -> io::Result<usize> {
        // SAFETY: the kernel has completed a receive with this buffer, so the server has it.
        let whole = unsafe { std::slice::from_raw_parts_mut(self.memory.add(buffer * STRIDE), len.min(STRIDE)) };
        let Some((front, bytes)) = whole.split_at_mut_checked(PAYLOAD_AT).filter(|(_, bytes)| !bytes.is_empty()) else {
            self.give_back(buffer);
            return Ok(0);
        };
        let word = |at: usize| u32::from_ne_bytes([front[at], front[at + 1], front[at + 2], front[at + 3]]);
        let (name_bytes, merged) = (word(0), word(4) as usize >= 20);
        let segment = if merged { word(CONTROL_AT + 16) as usize } else { bytes.len() };
        let datagrams = bytes.len().div_ceil(segment) as u64;
        counts::count_received(datagrams, 1);
        seal_answers(&mut self.sessions, bytes, segment);
        let (start, sent) = (bytes.as_mut_ptr(), bytes.len());
        let Reply { header, bytes, control } = &mut self.replies[buffer];
        *bytes = libc::iovec { iov_base: start.cast(), iov_len: sent };
        header.msg_iov = bytes;
        header.msg_iovlen = 1;
        header.msg_name = front[NAME_AT..].as_mut_ptr().cast();
        header.msg_namelen = name_bytes;
        header.msg_controllen = if datagrams > 1 { CONTROL_BYTES } else { 0 };
        header.msg_control = control.as_mut_ptr().cast();
        // A cmsghdr: length, level and kind; then the size.
        control[0] = 18;
        control[1] = libc::SOL_UDP as u64 | (libc::UDP_SEGMENT as u64) << 32;
        control[2] = segment as u64;
        let entry = opcode::SendMsg::new(Fd(self.socket.as_raw_fd()), &raw const *header).build();
        // SAFETY: the header and all that it points to stay in place until the send has completed.
        unsafe { self.ring.submission().push(&entry.user_data(SEND | buffer as u64)) }.map_err(io::Error::other)?;
        counts::count_sent(datagrams, 1);
        Ok(1)
    }

    /// Gives a buffer to the kernel, which sees it after [`Self::publish`].
    fn give_back(&mut self, buffer: usize) {
        // SAFETY: the entry is behind the published tail, so the kernel does not read it yet. Only these fields are written,
        // because the first entry holds the tail in its reserved field.
        unsafe {
            let entry = self.entries.add(usize::from(self.given) % BUFFERS);
            (*entry).set_addr(self.memory.add(buffer * STRIDE) as u64);
            (*entry).set_len((PAYLOAD_AT + 65_536) as u32);
            (*entry).set_bid(buffer as u16);
        }
        self.given = self.given.wrapping_add(1);
    }

    fn publish(&mut self) {
        // SAFETY: the tail is an aligned u16 inside the first entry. Both sides access it atomically.
        unsafe {
            AtomicU16::from_ptr(BufRingEntry::tail(self.entries).cast_mut()).store(self.given, Ordering::Release)
        };
    }
}

/// Opens each datagram of a run and seals the answer in its place. What does not open goes back as it came.
fn seal_answers(sessions: &mut [Session], bytes: &mut [u8], segment: usize) {
    for at in 0..bytes.len().div_ceil(segment) {
        let ahead = bytes.get((at + PREFETCH_AHEAD) * segment..).and_then(client_of);
        if let Some(session) = ahead.and_then(|client| sessions.get(client)) {
            prefetch(session);
        }
        let rest = &mut bytes[at * segment..];
        let len = segment.min(rest.len());
        let datagram = &mut rest[..len];
        let Some(client) = client_of(datagram) else { continue };
        let (Some(session), Some((head, sealed))) = (sessions.get_mut(client), split(datagram)) else { continue };
        if session.open.open(*head, head, sealed).is_err() {
            continue;
        }
        session.sequence += 1;
        write_head(head, client, session.sequence);
        session.seal.seal(*head, head, sealed);
    }
}

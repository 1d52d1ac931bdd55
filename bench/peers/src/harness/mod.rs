//! The client harness, one for all libraries: one thread, a socket for each client, epoll.
//!
//! Clients do no I/O. The harness receives their datagrams, lets them answer, and sends what they have: several datagrams of one
//! size leave as one segmented send, and arrive in one buffer (UDP_SEGMENT, UDP_GRO).

mod echo;
mod load;
mod socket;
mod transfer;

pub use self::echo::{Echo, Pace};
pub use self::load::Load;
pub use self::transfer::Transfer;

use self::load::Idle;
use self::socket::{Reader, Socket};
use crate::datagrams::Datagrams;
use crate::libraries::{Client, ClientOptions, Library};
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use std::time::{Duration, Instant};

/// Most clients that connect at the same time.
const CONNECTING_MAX: usize = 32;
/// How long all clients together may take to connect.
const CONNECT: Duration = Duration::from_secs(60);
/// How often clients' deadlines are compared with the time.
const TIMER_STEP: Duration = Duration::from_millis(1);
/// Sockets that one round serves at most.
const READY_MAX: usize = 256;
/// How often a client that had no room may go on in one round.
const REFILLS_MAX: usize = 64;

struct Member {
    client: Box<dyn Client>,
    socket: Socket,
    deadline: Duration,
}

/// Datagrams of all clients together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    pub received: u64,
    pub sent: u64,
}

/// All clients of one server.
pub struct Harness {
    begin: Instant,
    epoll: OwnedFd,
    ready: Vec<epoll::Event>,
    members: Vec<Member>,
    reader: Reader,
    out: Datagrams,
    timers_at: Duration,
    pub traffic: Traffic,
}

impl Harness {
    /// # Errors
    /// The kernel refuses an epoll instance.
    pub fn new() -> Result<Self, String> {
        let epoll =
            epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|error| format!("cannot create an epoll: {error}"))?;
        Ok(Harness {
            begin: Instant::now(),
            epoll,
            ready: Vec::with_capacity(READY_MAX),
            members: Vec::new(),
            reader: Reader::new(),
            out: Datagrams::default(),
            timers_at: Duration::ZERO,
            traffic: Traffic::default(),
        })
    }

    /// Time since the harness began.
    pub fn now(&self) -> Duration {
        self.begin.elapsed()
    }

    /// Connects clients, and waits until all are connected.
    ///
    /// # Errors
    /// One does not connect, or all together take too long.
    pub fn connect(&mut self, library: Library, options: &ClientOptions, clients: usize) -> Result<(), String> {
        let mut connecting: Vec<usize> = Vec::new();
        let until = self.now() + CONNECT;
        while self.members.len() < clients || !connecting.is_empty() {
            while self.members.len() < clients && connecting.len() < CONNECTING_MAX {
                let number = self.members.len();
                self.begin_one(library, &ClientOptions { number, ..options.clone() })?;
                connecting.push(number);
            }
            let until_step = self.now() + TIMER_STEP;
            self.run(&mut Idle, until_step)?;
            let mut failed = None;
            connecting.retain(|&number| match self.members[number].client.is_connected() {
                Ok(connected) => !connected,
                Err(error) => {
                    failed = Some(error);
                    true
                }
            });
            if let Some(error) = failed {
                return Err(format!("a client did not connect: {error}"));
            }
            if self.now() > until {
                let connected = self.members.len() - connecting.len();
                return Err(format!("only {connected} of {clients} clients connected within {} s", CONNECT.as_secs()));
            }
        }
        Ok(())
    }

    fn begin_one(&mut self, library: Library, options: &ClientOptions) -> Result<(), String> {
        let socket = Socket::connect(options.server)?;
        let data = epoll::EventData::new_u64(options.number as u64);
        epoll::add(&self.epoll, socket.inner(), data, epoll::EventFlags::IN)
            .map_err(|error| format!("cannot wait for a socket: {error}"))?;
        let client = library.connect(self.now(), options)?;
        self.members.push(Member { client, socket, deadline: Duration::ZERO });
        self.serve(&mut Idle, options.number);
        Ok(())
    }

    /// Serves the clients until that time.
    ///
    /// # Errors
    /// The load found a wrong message, or waiting failed.
    pub fn run<L: Load>(&mut self, load: &mut L, until: Duration) -> Result<(), String> {
        loop {
            let now = self.now();
            while let Some(number) = load.due(now) {
                self.serve(load, number);
            }
            if now >= self.timers_at {
                self.timers_at = now + TIMER_STEP;
                for number in 0..self.members.len() {
                    if self.members[number].deadline <= now {
                        self.serve(load, number);
                    }
                }
            }
            if let Some(error) = load.failure() {
                return Err(error);
            }
            if now >= until {
                return Ok(());
            }
            self.wait(load.next_due().min(self.timers_at).min(until).saturating_sub(self.now()))?;
            self.receive(load);
        }
    }

    /// Why a client has lost its connection, if one has.
    pub fn lost(&self) -> Option<String> {
        self.members.iter().find_map(|member| member.client.is_connected().err())
    }

    fn wait(&mut self, timeout: Duration) -> Result<(), String> {
        let timeout = Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: i64::from(timeout.subsec_nanos()) };
        self.ready.clear();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut self.ready), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(format!("cannot wait for datagrams: {error}")),
        }
    }

    /// Receives from every ready socket, and serves its client.
    fn receive(&mut self, load: &mut impl Load) {
        for at in 0..self.ready.len() {
            let number = self.ready[at].data.u64() as usize;
            let now = self.begin.elapsed();
            let Member { client, socket, .. } = &mut self.members[number];
            self.traffic.received += self.reader.read(socket, |datagram| {
                client.receive(now, datagram, &mut |message| load.message(now, number, message));
            });
            self.serve(load, number);
        }
    }

    /// Lets a client poll, send and transmit.
    fn serve(&mut self, load: &mut impl Load, number: usize) {
        let now = self.begin.elapsed();
        let Member { client, socket, deadline } = &mut self.members[number];
        client.poll(now, &mut |message| load.message(now, number, message));
        for _ in 0..REFILLS_MAX {
            let had_room = load.fill(now, number, &mut **client);
            self.out.clear();
            client.transmit(now, &mut self.out);
            self.traffic.sent += self.out.len() as u64;
            socket.send(&self.out);
            if had_room || self.out.is_empty() {
                break;
            }
        }
        *deadline = client.deadline();
    }
}

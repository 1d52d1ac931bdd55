//! The libraries that are compared: for each, a server and a client.
//!
//! A server is a whole process, as the library's documentation shows one. A client does no I/O: the one harness for all
//! carries its datagrams. Each folder says which settings it uses and where the library recommends them.

pub mod enet;
pub mod netcode;
pub mod plain;
pub mod quinn;
pub mod renet;
pub mod ringshard;
mod tick;

use crate::conversation::Task;
use crate::datagrams::Datagrams;
use clap::ValueEnum;
use nix::sys::socket::{setsockopt, sockopt};
use std::convert::Infallible;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

/// Size of the receive buffer and of the send buffer of every socket, in bytes: a default buffer of Linux holds 270 small
/// datagrams, fewer than 1,000 clients send in one tick.
pub const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// A network library.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Library {
    /// Datagrams without a protocol.
    Plain,
    /// Ringshard.
    Ringshard,
    /// ENet, in Rust (rusty_enet).
    Enet,
    /// QUIC (quinn).
    Quinn,
    /// renet over renet_netcode.
    Renet,
    /// netcode alone (renetcode).
    Netcode,
}

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    pub listen: SocketAddr,
    /// The CPU that the process is pinned to.
    pub cpu: usize,
    pub task: Task,
    /// Clients that will connect.
    pub clients: usize,
    /// Serve on a 60 Hz tick, if the library leaves it to the caller.
    pub on_tick: bool,
}

/// What a client is made with.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    pub server: SocketAddr,
    pub task: Task,
    /// Number of the client, from 0 on.
    pub number: usize,
    /// What the server printed when it was ready: its key or certificate.
    pub credential: Vec<u8>,
}

/// A client of a library. Times count from the begin of the harness.
pub trait Client {
    /// Takes a datagram from the server. Messages may come now, or from [`Self::poll`].
    fn receive(&mut self, now: Duration, datagram: &mut [u8], messages: &mut dyn FnMut(&[u8]));

    /// Everything that arrived was received: lets time pass, and hands over messages.
    fn poll(&mut self, now: Duration, messages: &mut dyn FnMut(&[u8]));

    /// Queues a message; false if there is no room for it. Only while connected.
    fn send(&mut self, now: Duration, message: &[u8]) -> bool;

    /// Adds the datagrams that are due.
    fn transmit(&mut self, now: Duration, out: &mut Datagrams);

    /// When to poll and transmit again, if nothing happens before.
    fn deadline(&self) -> Duration;

    /// Whether it is connected.
    ///
    /// # Errors
    /// Why the connection is gone.
    fn is_connected(&self) -> Result<bool, String>;
}

impl Library {
    pub fn name(self) -> &'static str {
        match self {
            Library::Plain => "plain sockets",
            Library::Ringshard => "Ringshard",
            Library::Enet => "ENet",
            Library::Quinn => "quinn",
            Library::Renet => "renet",
            Library::Netcode => "netcode",
        }
    }

    /// How messages are encrypted, or that they are not.
    pub fn encryption(self) -> &'static str {
        match self {
            Library::Plain | Library::Enet => "in clear",
            Library::Ringshard => "AES-128-GCM",
            Library::Quinn => "AES-256-GCM",
            Library::Renet | Library::Netcode => "ChaCha20",
        }
    }

    pub fn is_reliable(self) -> bool {
        !matches!(self, Library::Plain | Library::Netcode)
    }

    /// Whether its server serves on a 60 Hz tick. At the maximum rate, it does only if its documentation has no other loop.
    pub fn serves_on_tick(self, at_maximum: bool) -> bool {
        match self {
            Library::Plain | Library::Ringshard | Library::Quinn => false,
            Library::Enet | Library::Netcode => !at_maximum,
            Library::Renet => true,
        }
    }

    /// Runs its server. Prints the credential when it is ready.
    ///
    /// # Errors
    /// It did not start, or broke.
    pub fn serve(self, options: &ServeOptions) -> Result<Infallible, String> {
        match self {
            Library::Plain => plain::serve(options),
            Library::Ringshard => ringshard::serve(options),
            Library::Enet => enet::serve(options),
            Library::Quinn => quinn::serve(options),
            Library::Renet => renet::serve(options),
            Library::Netcode => netcode::serve(options),
        }
    }

    /// Begins to connect a client.
    ///
    /// # Errors
    /// The credential or the address is of no use to the library.
    pub fn connect(self, now: Duration, options: &ClientOptions) -> Result<Box<dyn Client>, String> {
        Ok(match self {
            Library::Plain => Box::new(plain::PlainClient::default()),
            Library::Ringshard => Box::new(ringshard::RingshardClient::new(now, options)?),
            Library::Enet => Box::new(enet::EnetClient::new(options)?),
            Library::Quinn => Box::new(quinn::QuinnClient::new(now, options)?),
            Library::Renet => Box::new(renet::RenetClient::new(now, options)?),
            Library::Netcode => Box::new(netcode::NetcodeClient::new(now, options)?),
        })
    }
}

/// Tells the harness that the server is ready.
fn print_ready(credential: &[u8]) {
    let hex: String = credential.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("ready {hex}");
}

/// A socket of a server.
fn bind(listen: SocketAddr) -> Result<UdpSocket, String> {
    let socket = UdpSocket::bind(listen).map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    enlarge_buffers(&socket)?;
    Ok(socket)
}

/// Sets the size of both buffers of a socket. The kernel gives less if `net.core.rmem_max` or `wmem_max` is lower.
///
/// # Errors
/// The kernel's error.
pub fn enlarge_buffers(socket: &UdpSocket) -> Result<(), String> {
    setsockopt(socket, sockopt::RcvBuf, &SOCKET_BUFFER_BYTES)
        .and_then(|()| setsockopt(socket, sockopt::SndBuf, &SOCKET_BUFFER_BYTES))
        .map_err(|error| format!("cannot set the buffers of a socket: {error}"))
}

/// Waits until the socket has a datagram, for `timeout` at most.
fn wait_readable(socket: &UdpSocket, timeout: Duration) -> Result<(), String> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let timeout = Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: i64::from(timeout.subsec_nanos()) };
    match poll(&mut [PollFd::new(socket, PollFlags::IN)], Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(format!("cannot wait for datagrams: {error}")),
    }
}

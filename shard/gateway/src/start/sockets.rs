//! Binds all sockets of a gateway.

use crate::carrier::Carrier;
use crate::carriers::quic;
use crate::settings::Settings;
use ringshard_certificates::CertificateError;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

/// Connections that wait to be accepted, per thread.
const BACKLOG: i32 = 1_024;
/// Bytes of a UDP socket's buffers, each way, where the host allows them.
pub(crate) const BUFFER_BYTES: usize = 4 << 20;
/// Bytes of a TCP connection's send buffer. A client that reads nothing holds this much of the kernel's memory.
const SEND_BYTES: usize = 128 << 10;
/// Tries to find a port that is free for TCP and UDP, where the settings name none.
const TRIES_MAX: usize = 32;

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process has the port.
    #[error("{address} ({what}) is in use: stop the program that has it, or choose another with --{setting}")]
    InUse {
        /// The address.
        address: SocketAddr,
        /// TCP or UDP.
        what: &'static str,
        /// The setting to change.
        setting: &'static str,
    },
    /// A socket cannot be bound.
    #[error("cannot listen on {address} ({what}): {source}; check --{setting} against `ip address`")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// TCP or UDP.
        what: &'static str,
        /// The setting to change.
        setting: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// A socket to a server cannot be opened.
    #[error("cannot open sockets to the servers: {source}; check `servers`, and raise `ulimit -n` if files ran out")]
    Uplink {
        /// The system's error.
        source: io::Error,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A carrier cannot start.
    #[error("cannot serve {carrier}: {source}")]
    Carrier {
        /// The carrier.
        carrier: &'static str,
        /// What is wrong.
        source: io::Error,
    },
    /// The port for players who talk directly cannot be served.
    #[error("cannot serve `peers`: {source}")]
    Peers {
        /// What is wrong.
        source: io::Error,
    },
    /// A thread cannot be started.
    #[error("cannot start a thread: {source}; lower `threads`")]
    Spawn {
        /// The system's error.
        source: io::Error,
    },
    /// A thread ended while it started.
    #[error("a thread ended while it started: its panic is above")]
    Thread,
}

/// All sockets.
pub(super) struct Bound {
    pub(super) listen: SocketAddr,
    pub(super) threads: Vec<ThreadSockets>,
    /// None if `peers` is off.
    pub(super) peers: Option<UdpSocket>,
}

/// The sockets of one thread.
pub(super) struct ThreadSockets {
    pub(super) tcp: TcpListener,
    /// None if no carrier uses QUIC.
    pub(super) quic: Option<UdpSocket>,
    /// None if WebRTC is off.
    pub(super) webrtc: Option<UdpSocket>,
}

/// Binds the sockets of all threads.
pub(super) fn bind(settings: &Settings) -> Result<Bound, StartError> {
    let mut tries = 0;
    let (tcp, quic) = loop {
        tries += 1;
        match bind_listen(settings) {
            // The port that the system chose for TCP may be taken for UDP.
            Err(StartError::InUse { .. }) if settings.listen.port() == 0 && tries < TRIES_MAX => {}
            bound => break bound?,
        }
    };
    let listen = tcp[0].local_addr().map_err(|source| bind_error(settings.listen, "TCP", "listen", source))?;
    let mut quic = quic.into_iter();
    let mut threads = Vec::new();
    for (index, tcp) in tcp.into_iter().enumerate() {
        threads.push(ThreadSockets { tcp, quic: quic.next(), webrtc: bind_webrtc(settings, index)? });
    }
    let bind = |address| udp(address, false).map_err(|error| bind_error(address, "UDP", "peers", error));
    Ok(Bound { listen, threads, peers: settings.peers.map(bind).transpose()? })
}

/// The socket of a thread for WebRTC.
fn bind_webrtc(settings: &Settings, index: usize) -> Result<Option<UdpSocket>, StartError> {
    if !settings.carriers.contains(&Carrier::WebRtc) {
        return Ok(None);
    }
    let port = match settings.webrtc_port {
        0 => 0,
        port => port + index as u16,
    };
    let address = SocketAddr::new(settings.listen.ip(), port);
    udp(address, false).map(Some).map_err(|error| bind_error(address, "UDP", "webrtc-port", error))
}

fn bind_listen(settings: &Settings) -> Result<(Vec<TcpListener>, Vec<UdpSocket>), StartError> {
    let shared = settings.threads > 1;
    let failed = |what| move |error| bind_error(settings.listen, what, "listen", error);
    if shared && settings.listen.port() != 0 {
        // Another gateway of the same user could share the port, and take half of the clients.
        drop(tcp(settings.listen, false).map_err(failed("TCP"))?);
        drop(udp(settings.listen, false).map_err(failed("UDP"))?);
    }
    let first = tcp(settings.listen, shared).map_err(failed("TCP"))?;
    let listen = first.local_addr().map_err(failed("TCP"))?;
    let mut listeners = vec![first];
    for _ in 1..settings.threads {
        listeners.push(tcp(listen, shared).map_err(failed("TCP"))?);
    }
    let is_on = |carrier| settings.carriers.contains(&carrier);
    let quic = match is_on(Carrier::Quic) || is_on(Carrier::WebTransport) {
        true => bind_quic(listen, settings.threads).map_err(failed("UDP"))?,
        false => Vec::new(),
    };
    Ok((listeners, quic))
}

/// One socket per thread, in the threads' order. A packet filter steers each connection to its thread.
fn bind_quic(address: SocketAddr, threads: usize) -> io::Result<Vec<UdpSocket>> {
    let group = (0..threads).map(|_| udp(address, true)).collect::<io::Result<Vec<_>>>()?;
    quic::steer(&group)?;
    Ok(group)
}

fn tcp(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    prepare(&socket, address, shared)?;
    let _ = socket.set_send_buffer_size(SEND_BYTES);
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn udp(address: SocketAddr, shared: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    prepare(&socket, address, shared)?;
    let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(BUFFER_BYTES);
    socket.bind(&SockAddr::from(address))?;
    Ok(socket.into())
}

fn prepare(socket: &Socket, address: SocketAddr, shared: bool) -> io::Result<()> {
    if address.is_ipv6() {
        // A wildcard address takes IPv4, too.
        socket.set_only_v6(false)?;
    }
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)
}

pub(crate) fn bind_error(
    address: SocketAddr,
    what: &'static str,
    setting: &'static str,
    source: io::Error,
) -> StartError {
    match source.kind() {
        io::ErrorKind::AddrInUse => StartError::InUse { address, what, setting },
        _ => StartError::Bind { address, what, setting, source },
    }
}

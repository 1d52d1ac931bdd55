//! The sockets of a server: one per core, all on one port, with a filter that steers datagrams by connection id.

use super::config::ServerConfig;
use super::error::StartError;
use ringshard_link::socket::{Socket, SocketError};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// How long to wait for a port that is in use.
const PORT_TIMEOUT: Duration = Duration::from_secs(1);
/// Time between two tries.
const PORT_RETRY: Duration = Duration::from_millis(20);

/// Opens and configures one socket per core, in the order of the cores; returns also the address they share.
pub(super) fn open(config: &ServerConfig) -> Result<(SocketAddr, Vec<Socket>), StartError> {
    let sockets = open_group(config.listen, config.cpus.len())?;
    let listen = name(&sockets[0])?;
    for socket in &sockets {
        socket.resize_buffers(config.receive_buffer_bytes(), config.socket_buffer_bytes);
        if config.arrival_stamps {
            socket.stamp_arrivals().map_err(|error| StartError::Failed("have arrivals stamped", error))?;
        }
    }
    warn_of_small_buffers(&sockets[0], config.receive_buffer_bytes());
    Ok((listen, sockets))
}

/// Falls back to all IPv4 addresses if the host has no IPv6 and all addresses were asked for. A specific address has no
/// fallback.
fn open_group(address: SocketAddr, count: usize) -> Result<Vec<Socket>, StartError> {
    match open_group_at(address, count) {
        Err(StartError::Socket(SocketError::NoIpv6(_))) if address.ip().is_unspecified() => {
            let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            tracing::warn!(listen = %address, "this host has no IPv6; listening on all its IPv4 addresses instead");
            open_group_at(address, count)
        }
        outcome => outcome,
    }
}

fn open_group_at(address: SocketAddr, count: usize) -> Result<Vec<Socket>, StartError> {
    let alone = listen_alone(address)?;
    if count == 1 {
        return Ok(vec![alone]);
    }
    // A shared port would let a second server join the group. The exclusive socket has shown that no other server has it.
    drop(alone);
    let first = Socket::listen(address, true)?;
    let address = name(&first)?;
    let mut sockets = vec![first];
    for _ in 1..count {
        sockets.push(Socket::listen(address, true)?);
    }
    if let Err(error) = sockets[0].steer_by_connection_id() {
        tracing::warn!(%error, "the kernel cannot steer by connection id; datagrams cross between cores instead");
    }
    Ok(sockets)
}

/// A socket with exclusive use of its port. A killed server holds its port until the kernel has torn down its ring, so a
/// server that replaces it waits for the port.
fn listen_alone(address: SocketAddr) -> Result<Socket, SocketError> {
    let deadline = Instant::now() + PORT_TIMEOUT;
    loop {
        match Socket::listen(address, false) {
            Err(SocketError::InUse(_)) if Instant::now() < deadline => std::thread::sleep(PORT_RETRY),
            outcome => return outcome,
        }
    }
}

fn name(socket: &Socket) -> Result<SocketAddr, StartError> {
    socket.local_addr().map_err(|error| StartError::Failed("name the socket", error))
}

fn warn_of_small_buffers(socket: &Socket, wanted: usize) {
    let bytes = socket.receive_buffer_bytes();
    if bytes < wanted {
        tracing::warn!(
            bytes,
            wanted,
            "the receive buffer is smaller than wanted; raise it with `sysctl -w net.core.rmem_max={wanted}`, or grant \
             CAP_NET_ADMIN"
        );
    }
}

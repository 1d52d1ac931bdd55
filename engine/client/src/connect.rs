//! What every connection begins with: a socket to the server, and random bytes.

use crate::socket::Socket;
use ringshard_protocol::crypto::NotAuthentic;
use ringshard_world::limits::TICKET_BYTES_MAX;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

/// Why there is no connection to drive. The texts say what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The server's name has no address.
    #[error("the server's address cannot be resolved ({0}): give HOST:PORT, and check the name and the DNS")]
    Unresolved(io::Error),
    /// No socket can reach any of the server's addresses.
    #[error("no UDP socket to {address} ({source}): check that this host is online and has a route there")]
    Socket {
        /// The address that was tried last.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The operating system gives no random bytes, so keys cannot be generated.
    #[error("the operating system gives no random bytes ({0}): on Linux, check that getrandom(2) is not forbidden")]
    Random(getrandom::Error),
    /// The server's public key is no key that a server can have.
    #[error("the server's public key is not valid: copy it again from where the server prints it")]
    Key(NotAuthentic),
    /// The ticket is too long. Holds its length.
    #[error("the ticket has {0} bytes; a ticket has at most {TICKET_BYTES_MAX}")]
    Ticket(usize),
}

/// A socket to the first address of the server that this host has a route to.
pub(crate) fn open_first(server: impl ToSocketAddrs) -> Result<(SocketAddr, Socket), ConnectError> {
    let mut failed = ConnectError::Unresolved(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    for address in server.to_socket_addrs().map_err(ConnectError::Unresolved)? {
        match Socket::open(address) {
            Ok(socket) => return Ok((address, socket)),
            Err(source) => failed = ConnectError::Socket { address, source },
        }
    }
    Err(failed)
}

/// Random bytes, from which a connection draws its keys.
pub(crate) fn fresh_seed() -> Result<[u8; 32], ConnectError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(ConnectError::Random)?;
    Ok(seed)
}

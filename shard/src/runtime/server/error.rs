//! Why a server did not start.

use crate::runtime::datapath::NoRing;
use crate::runtime::out_of_range::OutOfRange;
use ringshard_link::socket::SocketError;
use std::io;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is out of its range.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// A socket could not be opened.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// io_uring was required and is not available.
    #[error("{0}; or let datapath be auto")]
    Uring(#[from] NoRing),
    /// Any other failure, with what was tried.
    #[error("cannot {0}: {1}")]
    Failed(&'static str, io::Error),
}

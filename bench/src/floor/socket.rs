//! What the floors' servers begin with: a bound socket, a thread that answers queries, and a CPU of their own.
#![allow(unsafe_code)]

use super::counts;
use core_affinity::CoreId;
use libc::c_int;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

const BUFFER_BYTES: c_int = 32 << 20;

#[derive(clap::Args)]
pub struct Place {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    cpu: usize,
}

impl Place {
    /// Binds the socket, with large buffers and these options (level, name, value), and pins the thread.
    ///
    /// # Errors
    /// The address is not free.
    pub fn open(&self, options: &[(c_int, c_int, c_int)]) -> Result<UdpSocket, String> {
        let socket = UdpSocket::bind(self.listen).map_err(|error| format!("cannot bind: {error}"))?;
        let buffers = [libc::SO_RCVBUFFORCE, libc::SO_SNDBUFFORCE].map(|name| (libc::SOL_SOCKET, name, BUFFER_BYTES));
        for (level, name, value) in buffers.iter().chain(options) {
            // SAFETY: the kernel reads four bytes from a live integer. A refusal leaves the default.
            unsafe { libc::setsockopt(socket.as_raw_fd(), *level, *name, (&raw const *value).cast(), 4) };
        }
        counts::answer_queries();
        core_affinity::set_for_current(CoreId { id: self.cpu });
        Ok(socket)
    }
}

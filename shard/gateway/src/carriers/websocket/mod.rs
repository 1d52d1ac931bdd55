//! WebSocket: one binary message is one datagram.
//!
//! Datagrams wait in the client's queue, not in the WebSocket: while the kernel takes nothing more, nothing is taken from the
//! queue, so that a slow reader gets the newest datagrams.

use crate::client::Going;
use crate::thread::Port;
use futures_util::{Sink, Stream};
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error};
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};

/// The subprotocol that clients ask for.
pub(crate) const SUBPROTOCOL: &str = "ringshard.1";
/// Messages read, and datagrams written, before other tasks of the thread get their turn.
const BATCH: usize = 64;
/// For the close frame to leave.
const CLOSE: Duration = Duration::from_secs(1);

/// How a connection ends.
enum End {
    /// The client left.
    Left,
    /// The gateway closes the connection, with a code and a reason.
    Close(CloseCode, &'static str),
}

/// Frames and messages as large as a datagram, and small buffers: there are thousands of connections.
pub(crate) fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(2 << 10)
        .write_buffer_size(16 << 10)
        .max_write_buffer_size(64 << 10)
        .max_message_size(Some(DATAGRAM_BYTES_MAX))
        .max_frame_size(Some(DATAGRAM_BYTES_MAX))
}

/// Moves datagrams until the connection ends.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(socket: WebSocketStream<S>, port: Port) {
    let mut connection = Connection { socket, port, blocked: false };
    if let End::Close(code, reason) = poll_fn(|context| connection.poll(context)).await {
        let frame = CloseFrame { code, reason: reason.into() };
        // The client may take nothing, or be gone.
        let _ = timeout(CLOSE, connection.socket.close(Some(frame))).await;
    }
}

struct Connection<S> {
    socket: WebSocketStream<S>,
    port: Port,
    /// The kernel has yet to take what was written.
    blocked: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<End> {
        if let Poll::Ready(going) = self.port.poll_closed(context) {
            return Poll::Ready(End::Close(code_of(going), going.reason()));
        }
        if let Some(end) = self.read(context) {
            return Poll::Ready(end);
        }
        match self.write(context) {
            Poll::Ready(Err(_)) => Poll::Ready(End::Left),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }

    /// Reads what has arrived.
    fn read(&mut self, context: &mut Context<'_>) -> Option<End> {
        for _ in 0..BATCH {
            match Pin::new(&mut self.socket).poll_next(context) {
                Poll::Pending => return None,
                Poll::Ready(Some(Ok(message))) => match self.take_message(message) {
                    None => {}
                    end => return end,
                },
                Poll::Ready(Some(Err(Error::Capacity(CapacityError::MessageTooLong { .. })))) => {
                    return Some(self.malformed(CloseCode::Size, "a datagram has at most 1472 bytes"));
                }
                Poll::Ready(Some(Err(Error::Protocol(_) | Error::Utf8(_)))) => {
                    return Some(self.malformed(CloseCode::Protocol, "not a frame of a client"));
                }
                Poll::Ready(Some(Err(_)) | None) => return Some(End::Left),
            }
        }
        context.waker().wake_by_ref();
        None
    }

    fn take_message(&mut self, message: Message) -> Option<End> {
        match message {
            Message::Binary(datagram) => match self.port.received(&datagram) {
                Ok(()) => None,
                Err(_) => Some(End::Close(CloseCode::Policy, "not a datagram of a client")),
            },
            Message::Text(_) => Some(self.malformed(CloseCode::Unsupported, "datagrams are binary messages")),
            // A close frame is answered by the next read; then the stream ends.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) | Message::Close(_) => None,
        }
    }

    fn malformed(&self, code: CloseCode, reason: &'static str) -> End {
        self.port.count_malformed();
        End::Close(code, reason)
    }

    /// Writes what waits, as far as the kernel takes it. Pending if it waits for the kernel or for datagrams.
    fn write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            if self.blocked {
                ready!(Pin::new(&mut self.socket).poll_flush(context))?;
                self.blocked = false;
            }
            ready!(self.port.poll_arrived(context));
            for _ in 0..BATCH {
                // Not ready means that the kernel took only a part: the flush below waits for it.
                if Pin::new(&mut self.socket).poll_ready(context)?.is_pending() {
                    break;
                }
                let Some(datagram) = self.port.take() else { break };
                Pin::new(&mut self.socket).start_send(Message::Binary(datagram))?;
            }
            self.blocked = true;
        }
    }
}

fn code_of(going: Going) -> CloseCode {
    match going {
        Going::Draining => CloseCode::Away,
        Going::Denied | Going::Stalled | Going::Idle => CloseCode::Policy,
    }
}

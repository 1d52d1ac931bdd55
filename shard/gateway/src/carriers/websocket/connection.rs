//! Moves datagrams between a connection and its port.

use super::frames::{self, Fault, close_code};
use super::messages::{Event, Messages};
use crate::client::Going;
use crate::thread::Port;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

/// Bytes of one read. A connection that has more waits for its next turn.
const READ_BYTES: usize = 16 << 10;
/// Reads before other tasks of the thread get their turn.
const READS_MAX: usize = 2;
/// Bytes of frames that one write begins with. Few, because TLS keeps what the kernel does not take.
const WRITE_BYTES: usize = 8 << 10;
/// For the close frame to leave.
const CLOSE: Duration = Duration::from_secs(1);

/// What the connections of a thread share.
pub(crate) struct Buffers {
    read: RefCell<Box<[u8]>>,
    write: RefCell<Vec<u8>>,
}

impl Default for Buffers {
    fn default() -> Buffers {
        Buffers { read: RefCell::new(vec![0; READ_BYTES].into()), write: RefCell::default() }
    }
}

/// How a connection ends.
#[derive(PartialEq, Eq, Debug)]
enum End {
    /// The client is gone.
    Left,
    /// The client closes the connection, with this payload of its close frame. The gateway answers.
    Closed(Vec<u8>),
    /// The gateway closes the connection, with a code and a reason.
    Close(u16, &'static str),
}

/// What the close frame says of a frame that is wrong.
fn close_of(fault: Fault) -> End {
    match fault {
        Fault::Protocol => End::Close(close_code::PROTOCOL, "not a frame of a client"),
        Fault::Text => End::Close(close_code::UNSUPPORTED, "datagrams are binary messages"),
        Fault::TooLarge => End::Close(close_code::SIZE, "a datagram has at most 1472 bytes"),
    }
}

/// Moves datagrams until the connection ends. `early`: bytes that arrived right behind the handshake.
pub(crate) async fn serve<S>(stream: S, early: &[u8], port: Port, buffers: &Buffers)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut connection = Connection::new(stream, port, buffers);
    let end = match connection.take(&mut early.to_vec()) {
        Ok(()) => poll_fn(|context| connection.poll(context)).await,
        Err(end) => end,
    };
    let mut last = std::mem::take(&mut connection.unsent);
    match end {
        End::Left => return,
        End::Closed(payload) => frames::put_close_answer(&mut last, &payload),
        End::Close(code, reason) => frames::put_close(&mut last, code, reason),
    }
    // The client may take nothing, or be gone.
    let _ = timeout(CLOSE, async {
        connection.stream.write_all(&last).await?;
        connection.stream.shutdown().await
    })
    .await;
}

struct Connection<'a, S> {
    stream: S,
    port: Port,
    buffers: &'a Buffers,
    messages: Messages,
    /// What has arrived of a frame.
    partial: Vec<u8>,
    /// What the kernel has not taken of a frame.
    unsent: Vec<u8>,
    /// TLS may hold bytes that were written.
    unflushed: bool,
    /// The payload of a ping that is not answered yet. The latest counts.
    ping: Option<Vec<u8>>,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Connection<'a, S> {
    fn new(stream: S, port: Port, buffers: &'a Buffers) -> Self {
        let (partial, unsent) = (Vec::new(), Vec::new());
        Connection {
            stream,
            port,
            buffers,
            messages: Messages::default(),
            partial,
            unsent,
            unflushed: false,
            ping: None,
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<End> {
        match self.advance(context) {
            Ok(()) => Poll::Pending,
            Err(end) => Poll::Ready(end),
        }
    }

    fn advance(&mut self, context: &mut Context<'_>) -> Result<(), End> {
        if let Poll::Ready(going) = self.port.poll_closed(context) {
            return Err(End::Close(code_of(going), going.reason()));
        }
        self.write(context)?;
        // A client that takes no answers asks no more questions: its TCP connection fills up.
        if self.has_written() || !self.port.is_held_up() {
            self.read(context)?;
        }
        if self.ping.is_some() { self.write(context) } else { Ok(()) }
    }

    /// Reads what has arrived.
    fn read(&mut self, context: &mut Context<'_>) -> Result<(), End> {
        let buffer = &mut *self.buffers.read.borrow_mut();
        for _ in 0..READS_MAX {
            let held = self.partial.len();
            buffer[..held].copy_from_slice(&self.partial);
            let mut into = ReadBuf::new(&mut buffer[held..]);
            match Pin::new(&mut self.stream).poll_read(context, &mut into) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(())) if !into.filled().is_empty() => {}
                Poll::Ready(_) => return Err(End::Left),
            }
            let filled = held + into.filled().len();
            self.take(&mut buffer[..filled])?;
        }
        context.waker().wake_by_ref();
        Ok(())
    }

    /// Takes the frames that are complete, and keeps the rest.
    fn take(&mut self, bytes: &mut [u8]) -> Result<(), End> {
        let Connection { messages, port, ping, .. } = self;
        let taken = messages.take(bytes, |event| match event {
            Event::Datagram(datagram) => {
                let received = port.received(datagram);
                received.map_err(|_| Stop::End(End::Close(close_code::POLICY, "not a datagram of a client")))
            }
            Event::Ping(payload) => {
                if port.frame_received(payload.len()) {
                    *ping = Some(payload.to_vec());
                }
                Ok(())
            }
            Event::Idle => {
                port.frame_received(0);
                Ok(())
            }
            Event::Close(payload) => Err(Stop::End(End::Closed(payload.to_vec()))),
        });
        let taken = taken.map_err(|stop| match stop {
            Stop::End(end) => end,
            Stop::Fault(fault) => {
                self.port.count_malformed();
                close_of(fault)
            }
        })?;
        // An idle connection holds no memory.
        self.partial = bytes[taken..].to_vec();
        Ok(())
    }

    /// Writes what waits, as far as the kernel takes it.
    fn write(&mut self, context: &mut Context<'_>) -> Result<(), End> {
        match self.poll_write(context) {
            Poll::Ready(Err(_)) => Err(End::Left),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    /// Pending if it waits for the kernel or for datagrams.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.write_unsent(context))?;
            if let Some(payload) = self.ping.take() {
                frames::put_pong(&mut self.unsent, &payload);
                continue;
            }
            ready!(self.port.poll_arrived(context));
            self.write_waiting(context)?;
        }
    }

    /// Writes the rest of a frame of which the kernel took a part.
    fn write_unsent(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.unsent))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unflushed = true;
            self.unsent.drain(..written);
        }
        self.unsent = Vec::new();
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes frames with the datagrams that wait. Those that the kernel does not take go on waiting, but for the rest of a
    /// frame that has begun, or the first frame if the kernel takes nothing.
    fn write_waiting(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let batch = &mut *self.buffers.write.borrow_mut();
        batch.clear();
        self.port.show_waiting(|datagram| {
            frames::put_binary(batch, datagram);
            batch.len() < WRITE_BYTES
        });
        let written = match Pin::new(&mut self.stream).poll_write(context, batch) {
            Poll::Ready(written) => written?,
            Poll::Pending => 0,
        };
        self.unflushed = written > 0;
        let mut taken = 0;
        while taken < written.clamp(1, batch.len()) {
            let datagram = self.port.take().expect("it was shown");
            taken += frames::binary_bytes(datagram.len());
        }
        self.unsent.extend_from_slice(&batch[written..taken]);
        Ok(())
    }

    /// Whether the kernel has taken all that was written.
    fn has_written(&self) -> bool {
        self.unsent.is_empty() && !self.unflushed
    }
}

/// Why a connection reads no further.
enum Stop {
    End(End),
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Fault(fault)
    }
}

fn code_of(going: Going) -> u16 {
    match going {
        Going::Draining => close_code::AWAY,
        Going::Denied | Going::Kicked | Going::Stalled | Going::Idle => close_code::POLICY,
    }
}

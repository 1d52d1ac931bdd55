//! A connection with or without TLS, whose reader must keep up: once the kernel takes no more, all that waits must be read
//! within a fixed time. A client that reads a byte now and then gains nothing by it.

use crate::balance::state::State;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_rustls::server::TlsStream;

/// For a client to read what waits for it.
const STALLED: Duration = Duration::from_secs(20);

/// With or without TLS.
pub(super) enum Carried {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// The connection.
pub(super) struct Stream {
    carried: Carried,
    /// When the reader must have read everything. It counts while `waits`.
    end: Option<Pin<Box<Sleep>>>,
    waits: bool,
    state: Arc<State>,
}

impl Stream {
    pub(super) fn new(carried: Carried, state: Arc<State>) -> Stream {
        Stream { carried, end: None, waits: false, state }
    }

    /// The kernel takes nothing now: fails if that has lasted too long.
    fn blocked<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if !std::mem::replace(&mut self.waits, true) {
            self.end = Some(Box::pin(sleep_until(Instant::now() + STALLED)));
        }
        ready!(self.end.as_mut().expect("the wait has an end").as_mut().poll(context));
        self.state.counters.readers_slow.count();
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads too slowly")))
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().carried {
            Carried::Plain(stream) => Pin::new(stream).poll_read(context, into),
            Carried::Tls(stream) => Pin::new(stream).poll_read(context, into),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = match &mut self.carried {
            Carried::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Carried::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        };
        if written.is_pending() { self.blocked(context) } else { written }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = match &mut self.carried {
            Carried::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Carried::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        };
        if written.is_pending() { self.blocked(context) } else { written }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.carried {
            Carried::Plain(stream) => stream.is_write_vectored(),
            Carried::Tls(stream) => stream.is_write_vectored(),
        }
    }

    /// The layer above flushes once all its bytes are written: the wait is over.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = match &mut self.carried {
            Carried::Plain(stream) => Pin::new(stream).poll_flush(context),
            Carried::Tls(stream) => Pin::new(stream).poll_flush(context),
        };
        if flushed.is_pending() {
            return self.blocked(context);
        }
        self.waits = false;
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = match &mut self.carried {
            Carried::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Carried::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        };
        if shut.is_pending() { self.blocked(context) } else { shut }
    }
}

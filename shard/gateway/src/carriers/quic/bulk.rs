//! Bulk streams: a bidirectional stream of a raw QUIC connection, connected to the server's login door.
//!
//! The gateway copies bytes. TLS is end to end between the client and the door. What the gateway holds of a stream is bounded
//! by QUIC's flow control in one direction and by [`CHUNK_BYTES`] in the other. Datagrams precede streams in each packet.

use super::codes::{BULK_FAILED, BULK_REFUSED};
use super::proxy_header;
use crate::counters::Counters;
use crate::settings::Door;
use quinn::{Chunk, ReadError, RecvStream, SendStream, VarInt};
use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, sleep_until, timeout};

/// Bulk streams that a client may have open.
pub(super) const STREAMS_MAX: u32 = 8;

/// Bulk streams of all clients of a thread. Each holds a TCP connection to a login door.
pub(crate) const STREAMS_OF_THREAD_MAX: usize = 1_024;
/// Of these, streams of one network.
pub(super) const STREAMS_OF_NETWORK_MAX: usize = 64;
/// A client opens a stream this often, after a burst of so many as fit into [`OPEN_BURST`].
pub(super) const OPEN_EVERY: Duration = Duration::from_millis(250);
pub(super) const OPEN_BURST: Duration = Duration::from_secs(4);

/// Bytes that are copied at a time.
const CHUNK_BYTES: usize = 16 << 10;
/// For the connection to the login door.
const CONNECT: Duration = Duration::from_secs(5);
/// A stream on which nothing moves for so long ends.
const IDLE: Duration = Duration::from_secs(60);
/// Streams below the default priority of 0, which new kinds of streams would have.
const PRIORITY: i32 = -1;

/// Refuses a stream.
pub(super) fn refuse(counters: &Counters, mut send: SendStream, mut receive: RecvStream) {
    counters.quic_bulk_refused.add(1);
    end(&mut send, &mut receive, BULK_REFUSED);
}

/// Connects a stream of `client` to `door` and copies until both directions have ended.
pub(super) async fn carry(
    counters: &Counters,
    door: Door,
    client: SocketAddr,
    mut send: SendStream,
    mut receive: RecvStream,
) {
    // The door has few connections. A client gets one when it has something to say.
    let Ok(Ok(first)) = timeout(IDLE, receive.read_chunk(CHUNK_BYTES, true)).await else {
        return end(&mut send, &mut receive, BULK_FAILED);
    };
    let Ok(Ok(stream)) = timeout(CONNECT, connect(door, client)).await else {
        counters.quic_bulk_refused.add(1);
        return end(&mut send, &mut receive, BULK_FAILED);
    };
    counters.quic_bulk_streams.add(1);
    let _ = stream.set_nodelay(true);
    let _ = send.set_priority(PRIORITY);
    let (from_door, to_door) = stream.into_split();
    let copied = Copied { counters, last: Cell::new(Instant::now()) };
    let copy =
        async { tokio::try_join!(copied.up(first, &mut receive, to_door), copied.down(from_door, &mut send)).is_ok() };
    let is_whole = tokio::select! { is_whole = copy => is_whole, () = copied.idles() => false };
    if !is_whole {
        end(&mut send, &mut receive, BULK_FAILED);
    }
}

async fn connect(door: Door, client: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(door.address).await?;
    if door.tells_client {
        stream.write_all(&proxy_header::of(client, door.address)).await?;
    }
    Ok(stream)
}

/// Both calls fail only on a stream that has ended already.
fn end(send: &mut SendStream, receive: &mut RecvStream, code: VarInt) {
    let _ = send.reset(code);
    let _ = receive.stop(code);
}

/// The two directions of a stream.
struct Copied<'a> {
    counters: &'a Counters,
    last: Cell<Instant>,
}

impl Copied<'_> {
    async fn up(&self, first: Option<Chunk>, from: &mut RecvStream, mut to: OwnedWriteHalf) -> io::Result<()> {
        let mut next = first;
        while let Some(chunk) = next {
            to.write_all(&chunk.bytes).await?;
            self.note(chunk.bytes.len());
            next = from.read_chunk(CHUNK_BYTES, true).await.map_err(broken)?;
        }
        to.shutdown().await
    }

    async fn down(&self, mut from: OwnedReadHalf, to: &mut SendStream) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            match from.read(&mut buffer).await? {
                0 => break,
                length => {
                    to.write_all(&buffer[..length]).await?;
                    self.note(length);
                }
            }
        }
        let _ = to.finish();
        Ok(())
    }

    fn note(&self, bytes: usize) {
        self.counters.quic_bulk_bytes.add(bytes as u64);
        self.last.set(Instant::now());
    }

    /// Resolves when nothing has been copied for [`IDLE`].
    async fn idles(&self) {
        while self.last.get().elapsed() < IDLE {
            sleep_until(self.last.get() + IDLE).await;
        }
    }
}

fn broken(error: ReadError) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, error)
}

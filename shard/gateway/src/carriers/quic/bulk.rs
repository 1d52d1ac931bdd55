//! Bulk streams: a bidirectional stream of a raw QUIC connection, connected to the server's login door.
//!
//! The gateway copies bytes. TLS is end to end between the client and the door. What the gateway holds of a stream is bounded
//! by QUIC's flow control in one direction and by [`CHUNK_BYTES`] in the other. Datagrams precede streams in each packet.

use super::codes::{BULK_FAILED, BULK_REFUSED};
use super::proxy_header;
use crate::counters::Counters;
use crate::settings::Door;
use quinn::{ReadError, RecvStream, SendStream, VarInt};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

/// Bulk streams that a client may have open.
pub(super) const STREAMS_MAX: u32 = 8;

/// Bulk streams of all clients of a thread. Each holds a TCP connection to a login door.
pub(crate) const STREAMS_OF_THREAD_MAX: usize = 1_024;

/// Bytes that are copied at a time.
const CHUNK_BYTES: usize = 16 << 10;
/// For the connection to the login door.
const CONNECT: Duration = Duration::from_secs(5);
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
    let Ok(Ok(stream)) = timeout(CONNECT, connect(door, client)).await else {
        counters.quic_bulk_refused.add(1);
        end(&mut send, &mut receive, BULK_FAILED);
        return;
    };
    counters.quic_bulk_streams.add(1);
    let _ = stream.set_nodelay(true);
    let _ = send.set_priority(PRIORITY);
    let (from_door, to_door) = stream.into_split();
    let copied = tokio::try_join!(up(counters, &mut receive, to_door), down(counters, from_door, &mut send));
    if copied.is_err() {
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

async fn up(counters: &Counters, from: &mut RecvStream, mut to: OwnedWriteHalf) -> io::Result<()> {
    while let Some(chunk) = from.read_chunk(CHUNK_BYTES, true).await.map_err(broken)? {
        to.write_all(&chunk.bytes).await?;
        counters.quic_bulk_bytes.add(chunk.bytes.len() as u64);
    }
    to.shutdown().await
}

async fn down(counters: &Counters, mut from: OwnedReadHalf, to: &mut SendStream) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        match from.read(&mut buffer).await? {
            0 => break,
            length => {
                to.write_all(&buffer[..length]).await?;
                counters.quic_bulk_bytes.add(length as u64);
            }
        }
    }
    let _ = to.finish();
    Ok(())
}

fn broken(error: ReadError) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, error)
}

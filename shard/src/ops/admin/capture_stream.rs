//! The answer to `GET /capture`. It is sent while it is made, and never takes more than some hundred KiB of memory.
//!
//! The capture ends soon after its client disconnects, or when the client reads nothing for a while.

use super::respond::{SharedHandle, run_blocking, unavailable};
use crate::ops::capture::{Capture, CaptureError, CaptureRequest};
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use std::io::{self, ErrorKind, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Bytes that are collected before they are sent.
const CHUNK_BYTES: usize = 64 << 10;
/// Chunks that may wait for the client.
const CHUNKS_MAX: usize = 4;
/// How long a client may read nothing.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between two attempts to queue a chunk.
const RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// Answers with the datagrams of some seconds.
pub(super) async fn answer(
    State(handle): SharedHandle,
    Query(request): Query<CaptureRequest>,
) -> Result<Response, Response> {
    let refusal = |status: StatusCode, error: &CaptureError| (status, format!("{error}\n")).into_response();
    let capture = run_blocking(handle, move |handle| handle.capture(&request)).await?.map_err(|error| match error {
        CaptureError::OutOfRange { .. } => refusal(StatusCode::BAD_REQUEST, &error),
        CaptureError::Busy => refusal(StatusCode::CONFLICT, &error),
        _ => unavailable(error),
    })?;
    let (chunks, queued) = channel(CHUNKS_MAX);
    tokio::task::spawn_blocking(move || send(capture, chunks));
    Ok(([(header::CONTENT_TYPE, "application/x-pcapng")], Body::new(ChunkStream(queued))).into_response())
}

/// Makes the capture. If it ends early, the client gets an error instead of a regular end.
fn send(capture: Capture, chunks: Sender<io::Result<Bytes>>) {
    if let Err(error) =
        capture.write(ChunkWriter { filling: Vec::new(), chunks: chunks.clone(), timeout: CLIENT_TIMEOUT })
    {
        tracing::debug!(%error, "a capture ended early");
        let _ = chunks.blocking_send(Err(io::Error::other(error)));
    }
}

/// Collects what is written, and queues it for the client in chunks.
struct ChunkWriter {
    filling: Vec<u8>,
    chunks: Sender<io::Result<Bytes>>,
    timeout: Duration,
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.filling.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        self.filling.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Queues what was written. Fails if the client reads nothing, or has disconnected, even if nothing was written.
    fn flush(&mut self) -> io::Result<()> {
        let disconnected = || io::Error::new(ErrorKind::BrokenPipe, "the client has disconnected");
        if self.filling.is_empty() {
            return if self.chunks.is_closed() { Err(disconnected()) } else { Ok(()) };
        }
        let mut chunk = Ok(Bytes::from(std::mem::take(&mut self.filling)));
        let deadline = Instant::now() + self.timeout;
        loop {
            chunk = match self.chunks.try_send(chunk) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Closed(_)) => return Err(disconnected()),
                Err(TrySendError::Full(chunk)) => chunk,
            };
            if Instant::now() >= deadline {
                return Err(io::Error::new(ErrorKind::TimedOut, "the client reads nothing"));
            }
            std::thread::sleep(RETRY_INTERVAL);
        }
    }
}

/// The queued chunks as the body of the answer.
struct ChunkStream(Receiver<io::Result<Bytes>>);

impl hyper::body::Body for ChunkStream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(|bytes| bytes.map(Frame::data)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(timeout: Duration) -> (ChunkWriter, Receiver<io::Result<Bytes>>) {
        let (chunks, received) = channel(CHUNKS_MAX);
        (ChunkWriter { filling: Vec::new(), chunks, timeout }, received)
    }

    #[test]
    fn a_client_that_reads_nothing_ends_its_capture_and_the_queue_is_bounded() {
        let (mut writer, mut received) = writer(Duration::from_millis(50));
        let failed = (0..1 << 20).find_map(|_| writer.write_all(&[7; 1500]).err()).expect("256 MiB do not fit");
        assert_eq!(failed.kind(), ErrorKind::TimedOut);
        let mut waiting = writer.filling.len();
        while let Ok(chunk) = received.try_recv() {
            waiting += chunk.unwrap().len();
        }
        assert!(waiting <= CHUNKS_MAX * (CHUNK_BYTES + 1500), "{waiting}");
    }

    #[test]
    fn a_disconnected_client_is_noticed_without_a_datagram() {
        let (mut writer, received) = writer(CLIENT_TIMEOUT);
        assert!(writer.flush().is_ok());
        drop(received);
        assert_eq!(writer.flush().unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}

//! The answer to `GET /capture`: it is sent while it is made, and never takes more than some hundred KiB of memory.
//!
//! A client that goes away ends its capture at the next look; one that takes nothing for a while is given up.

use super::{Shared, aside, unavailable};
use crate::ops::capture::{Capture, CaptureError, Wanted};
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

/// Bytes that are gathered before they are handed to the connection.
const PIECE_BYTES: usize = 64 << 10;
/// Pieces that may wait for the client.
const PIECES_MAX: usize = 4;
/// How long a client may take nothing.
const STALLED_MAX: Duration = Duration::from_secs(10);
/// Time between two tries to hand over a piece.
const TRY_AGAIN: Duration = Duration::from_millis(5);

/// Answers with the datagrams of some seconds.
pub(super) async fn answer(State(operation): Shared, Query(wanted): Query<Wanted>) -> Result<Response, Response> {
    let refusal = |status: StatusCode, error: &CaptureError| (status, format!("{error}\n")).into_response();
    let capture =
        aside(operation, move |operation| operation.capture(&wanted)).await?.map_err(|error| match error {
            CaptureError::OutOfRange { .. } => refusal(StatusCode::BAD_REQUEST, &error),
            CaptureError::Taken => refusal(StatusCode::CONFLICT, &error),
            _ => unavailable(error),
        })?;
    let (pieces, received) = channel(PIECES_MAX);
    tokio::task::spawn_blocking(move || send(capture, pieces));
    Ok(([(header::CONTENT_TYPE, "application/x-pcapng")], Body::new(Received(received))).into_response())
}

/// Makes the capture, and tells its client when it is not whole.
fn send(capture: Capture, pieces: Sender<io::Result<Bytes>>) {
    if let Err(error) = capture.write(Pieces { filling: Vec::new(), pieces: pieces.clone(), patience: STALLED_MAX }) {
        tracing::debug!(%error, "a capture ended early");
        let _ = pieces.blocking_send(Err(io::Error::other(error)));
    }
}

/// What is written, in pieces for the connection.
struct Pieces {
    filling: Vec<u8>,
    pieces: Sender<io::Result<Bytes>>,
    patience: Duration,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.filling.len() >= PIECE_BYTES {
            self.flush()?;
        }
        self.filling.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Hands over what there is. It fails when the client has gone, also when there is nothing, and when it takes nothing.
    fn flush(&mut self) -> io::Result<()> {
        let gone = || io::Error::new(ErrorKind::BrokenPipe, "the client has gone");
        if self.filling.is_empty() {
            return if self.pieces.is_closed() { Err(gone()) } else { Ok(()) };
        }
        let mut piece = Ok(Bytes::from(std::mem::take(&mut self.filling)));
        let give_up = Instant::now() + self.patience;
        loop {
            piece = match self.pieces.try_send(piece) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Closed(_)) => return Err(gone()),
                Err(TrySendError::Full(piece)) => piece,
            };
            if Instant::now() >= give_up {
                return Err(io::Error::new(ErrorKind::TimedOut, "the client takes nothing"));
            }
            std::thread::sleep(TRY_AGAIN);
        }
    }
}

/// The connection's end.
struct Received(Receiver<io::Result<Bytes>>);

impl hyper::body::Body for Received {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|bytes| bytes.map(Frame::data)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(patience: Duration) -> (Pieces, Receiver<io::Result<Bytes>>) {
        let (pieces, received) = channel(PIECES_MAX);
        (Pieces { filling: Vec::new(), pieces, patience }, received)
    }

    #[test]
    fn what_waits_for_a_client_that_takes_nothing_is_bounded_and_it_is_given_up() {
        let (mut pieces, mut received) = pieces(Duration::from_millis(50));
        let failed = (0..1 << 20).find_map(|_| pieces.write_all(&[7; 1500]).err()).expect("256 MiB do not fit");
        assert_eq!(failed.kind(), ErrorKind::TimedOut);
        let mut waiting = pieces.filling.len();
        while let Ok(piece) = received.try_recv() {
            waiting += piece.unwrap().len();
        }
        assert!(waiting <= PIECES_MAX * (PIECE_BYTES + 1500), "{waiting}");
    }

    #[test]
    fn a_client_that_has_gone_is_noticed_without_a_datagram() {
        let (mut pieces, received) = pieces(STALLED_MAX);
        assert!(pieces.flush().is_ok());
        drop(received);
        assert_eq!(pieces.flush().unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}

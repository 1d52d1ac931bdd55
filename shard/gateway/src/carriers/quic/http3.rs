//! As much of HTTP/3 (RFC 9114) as a WebTransport session needs: settings, one request, its answer, its end.
//!
//! The dynamic table of QPACK is off, so the client's other streams carry nothing that the gateway must understand. They are
//! read and discarded, up to a bound.

use super::codes::{H3_EXCESSIVE_LOAD, H3_REQUEST_REJECTED};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use quinn::{Connection, RecvStream, SendStream, WriteError};
use std::cell::Cell;
use web_transport_proto::http::StatusCode;
use web_transport_proto::{
    Capsule, ConnectError, ConnectRequest, ConnectResponse, Frame, Http3CapsuleReader, Settings, StreamUni, VarInt,
};

/// Sessions that a connection may have.
const SESSIONS_MAX: u32 = 1;
/// Bytes of a connection's other streams. A client that sends more is cut.
const DISCARDED_BYTES_MAX: usize = 64 << 10;
/// Other streams that a client may open in all. HTTP/3 needs three; pages may open more, which a session does not serve.
const STREAMS_MAX: usize = 256;
const DISCARD_CHUNK_BYTES: usize = 4 << 10;

/// Why there is no request.
#[derive(Debug)]
pub(super) enum NoRequest {
    Lost,
    /// What arrived is no request for WebTransport. It is answered with the status.
    Unfit(SendStream, StatusCode),
}

/// A client's request for a session.
pub(super) struct Request {
    pub(super) connect: ConnectRequest,
    pub(super) send: SendStream,
    pub(super) receive: RecvStream,
}

/// Opens the control stream, which must stay open as long as the connection.
pub(super) async fn open_control(connection: &Connection) -> Result<SendStream, WriteError> {
    let mut settings = Settings::default();
    settings.enable_webtransport(SESSIONS_MAX);
    let mut bytes = Vec::new();
    settings.encode(&mut bytes);
    let mut control = connection.open_uni().await?;
    control.write_all(&bytes).await?;
    Ok(control)
}

/// Takes the client's unidirectional streams, until the connection ends.
pub(super) async fn take_streams(connection: Connection) {
    let discarded = Cell::new(0);
    let mut streams = FuturesUnordered::new();
    for _ in 0..STREAMS_MAX {
        let stream = loop {
            tokio::select! {
                stream = connection.accept_uni() => break stream,
                Some(()) = streams.next() => {}
            }
        };
        let Ok(stream) = stream else { return };
        streams.push(discard(&connection, stream, &discarded));
    }
    connection.close(H3_EXCESSIVE_LOAD, b"too many streams that the gateway does not need");
}

async fn discard(connection: &Connection, mut stream: RecvStream, discarded: &Cell<usize>) {
    let Ok(kind) = VarInt::read(&mut stream).await else { return };
    if StreamUni(kind) == StreamUni::WEBTRANSPORT {
        let _ = stream.stop(H3_REQUEST_REJECTED);
        return;
    }
    while let Ok(Some(chunk)) = stream.read_chunk(DISCARD_CHUNK_BYTES, false).await {
        discarded.set(discarded.get() + chunk.bytes.len());
        if discarded.get() > DISCARDED_BYTES_MAX {
            connection.close(H3_EXCESSIVE_LOAD, b"too much on streams that the gateway does not need");
            return;
        }
    }
}

/// The client's first request.
pub(super) async fn request(connection: &Connection) -> Result<Request, NoRequest> {
    let (send, mut receive) = connection.accept_bi().await.map_err(|_| NoRequest::Lost)?;
    match ConnectRequest::read(&mut receive).await {
        Ok(connect) => Ok(Request { connect, send, receive }),
        Err(ConnectError::WrongMethod(_) | ConnectError::WrongProtocol(_)) => {
            Err(NoRequest::Unfit(send, StatusCode::METHOD_NOT_ALLOWED))
        }
        Err(ConnectError::FieldSectionTooLarge) => {
            Err(NoRequest::Unfit(send, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE))
        }
        Err(_) => Err(NoRequest::Unfit(send, StatusCode::BAD_REQUEST)),
    }
}

/// Answers a request. A refused one has its answer as the end of the stream.
pub(super) async fn answer(send: &mut SendStream, status: StatusCode) -> Result<(), ConnectError> {
    ConnectResponse::new(status).write(send).await?;
    if status != StatusCode::OK {
        let _ = send.finish();
    }
    Ok(())
}

/// Resolves when the client ends the session. `receive` must live on until the session's end has been told: to drop it makes
/// the client believe that the connection is lost.
pub(super) async fn session_ended(receive: &mut RecvStream) {
    let mut capsules = Http3CapsuleReader::new(receive);
    while let Ok(Some(capsule)) = capsules.read().await {
        if matches!(capsule, Capsule::CloseWebTransportSession { .. }) {
            return;
        }
    }
}

/// Ends the session: the page sees code and reason.
pub(super) async fn end_session(send: &mut SendStream, code: u32, reason: &str) -> Result<(), WriteError> {
    let mut capsule = Vec::new();
    Capsule::CloseWebTransportSession { code, reason: reason.to_owned() }.encode(&mut capsule);
    let length = u32::try_from(capsule.len()).expect("a reason is short");
    let mut frame = Vec::new();
    Frame::DATA.encode(&mut frame);
    VarInt::from_u32(length).encode(&mut frame);
    frame.extend_from_slice(&capsule);
    send.write_all(&frame).await?;
    let _ = send.finish();
    Ok(())
}

//! WebTransport: a session on `/v1/servers/NAME/webtransport`, whose datagrams are Ringshard datagrams.

use super::Quic;
use super::codes::{H3_GENERAL_PROTOCOL_ERROR, H3_NO_ERROR};
use super::counted::Count;
use super::datagrams::{Datagrams, canonical};
use super::http3::{self, NoRequest, Request};
use crate::carrier::Carrier;
use crate::limits::{Refused, is_allowed};
use crate::thread::Port;
use quinn::{Connection, SendStream, VarInt};
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;
use web_transport_proto::ConnectRequest;
use web_transport_proto::http::StatusCode;
use web_transport_proto::http::header::ORIGIN;

/// For the request, counted from the end of the handshake.
const REQUEST: Duration = Duration::from_secs(10);
/// For the client to close the connection after the last answer.
const FAREWELL: Duration = Duration::from_secs(1);

/// Serves a connection that speaks HTTP/3.
pub(super) async fn serve(quic: &Quic, connection: &Connection) {
    let Ok(_control) = http3::open_control(connection).await else { return };
    // It ends with the connection, or with this function.
    let mut streams = JoinSet::new();
    streams.spawn_local(http3::take_streams(connection.clone()));
    serve_request(quic, connection).await;
}

async fn serve_request(quic: &Quic, connection: &Connection) {
    let request = match timeout(REQUEST, http3::request(connection)).await {
        Ok(Ok(request)) => request,
        Ok(Err(NoRequest::Unfit(send, status))) => return refuse(quic, connection, send, status).await,
        Ok(Err(NoRequest::Lost)) => return,
        Err(_) => return connection.close(H3_GENERAL_PROTOCOL_ERROR, b"no request arrived"),
    };
    match join(quic, connection, &request.connect) {
        Ok(port) => serve_session(quic, connection, request, port).await,
        Err(status) => refuse(quic, connection, request.send, status).await,
    }
}

fn join(quic: &Quic, connection: &Connection, connect: &ConnectRequest) -> Result<Port, StatusCode> {
    let server = server_of(connect.url.path()).ok_or(StatusCode::NOT_FOUND)?;
    if !may_connect(quic, connect) {
        quic.thread.counters().origin_refused.add(1);
        return Err(StatusCode::FORBIDDEN);
    }
    if connection.max_datagram_size().is_none() {
        return Err(StatusCode::BAD_REQUEST);
    }
    let address = canonical(connection.remote_address());
    quic.thread.join(server, address, Carrier::WebTransport).map_err(|refused| status(&refused))
}

/// Whether the page that asks may connect. A program that is no browser tells no origin, and may.
fn may_connect(quic: &Quic, connect: &ConnectRequest) -> bool {
    let settings = quic.thread.settings();
    connect.headers.get(ORIGIN).is_none_or(|origin| {
        let host = connect.url.authority().as_bytes();
        is_allowed(origin.as_bytes(), host, &settings.origins, settings.is_development())
    })
}

fn status(refused: &Refused) -> StatusCode {
    StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

/// NAME in `/v1/servers/NAME/webtransport`.
fn server_of(path: &str) -> Option<&str> {
    let name = path.strip_prefix("/v1/servers/")?.strip_suffix("/webtransport")?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

async fn refuse(quic: &Quic, connection: &Connection, mut send: SendStream, status: StatusCode) {
    quic.thread.counters().webtransport_refused.add(1);
    let _ = timeout(FAREWELL, async {
        let _ = http3::answer(&mut send, status).await;
        connection.closed().await
    })
    .await;
    connection.close(H3_NO_ERROR, b"");
}

async fn serve_session(quic: &Quic, connection: &Connection, request: Request, port: Port) {
    let Request { mut send, mut receive, .. } = request;
    if http3::answer(&mut send, StatusCode::OK).await.is_err() {
        return;
    }
    let migrations = Rc::default();
    let datagrams = Datagrams { quic, connection, port: &port, in_session: true, migrations: &migrations };
    let ended = datagrams.carry(&Count::default(), http3::session_ended(&mut receive)).await;
    drop(port);
    if let Some((code, reason)) = ended {
        farewell(connection, send, code, &reason).await;
    }
}

/// Ends the session, waits for the client to close the connection, and closes it.
async fn farewell(connection: &Connection, mut send: SendStream, code: VarInt, reason: &str) {
    let code = u32::try_from(code.into_inner()).expect("the codes are small");
    let _ = timeout(FAREWELL, async {
        if http3::end_session(&mut send, code, reason).await.is_ok() {
            connection.closed().await;
        }
    })
    .await;
    connection.close(H3_NO_ERROR, reason.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::server_of;

    #[test]
    fn the_path_names_the_server() {
        assert_eq!(server_of("/v1/servers/arena-1/webtransport"), Some("arena-1"));
        for wrong in ["/", "/v1/servers//webtransport", "/v1/servers/a/b/webtransport", "/v1/servers/a/websocket"] {
            assert_eq!(server_of(wrong), None, "{wrong}");
        }
    }
}

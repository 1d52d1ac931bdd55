//! The handshake of a WebSocket.

use super::Site;
use super::answers::{Answer, plain, refused};
use super::peer::Peer;
use super::stream::Stream;
use crate::carrier::Carrier;
use crate::carriers::websocket::{self, SUBPROTOCOL};
use crate::thread::Port;
use base64ct::{Base64, Encoding};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::upgrade::OnUpgrade;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use ring::digest;
use std::rc::Rc;
use tokio::task::spawn_local;

/// Follows the client's key in what the server hashes (RFC 6455, section 1.3).
const ACCEPT_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Answers a request for a WebSocket to `server`, and serves the WebSocket in a task of its own.
pub(super) fn answer(mut request: Request<Incoming>, server: &str, peer: Peer, site: Rc<Site>) -> Answer {
    let key = match key_of(request.headers()) {
        Ok(key) => key,
        Err(why) => return plain(StatusCode::BAD_REQUEST, why),
    };
    let port = match site.thread.join(server, peer.address, Carrier::WebSocket) {
        Ok(port) => port,
        Err(error) => return refused(&error),
    };
    spawn_local(serve(hyper::upgrade::on(&mut request), port, peer, site));
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, key);
    answer
}

async fn serve(upgrade: OnUpgrade, port: Port, peer: Peer, site: Rc<Site>) {
    // Fails if the client is gone before it has the answer.
    let Ok(upgraded) = upgrade.await else { return };
    let parts = upgraded.downcast::<TokioIo<Stream>>().expect("every connection of this port is such a stream");
    websocket::serve(parts.io.into_inner(), &parts.read_buf, port, &site.buffers).await;
    drop(peer.place);
}

/// What to answer to the client's key.
fn key_of(headers: &HeaderMap) -> Result<HeaderValue, &'static str> {
    let has = |name, value: &str| {
        let lists = headers.get_all(name).iter().filter_map(|list: &HeaderValue| list.to_str().ok());
        lists.flat_map(|list| list.split(',')).any(|entry| entry.trim().eq_ignore_ascii_case(value))
    };
    if !has(header::CONNECTION, "upgrade") || !has(header::UPGRADE, "websocket") {
        return Err("this path takes WebSockets");
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err("this gateway speaks version 13 of the WebSocket protocol");
    }
    if !has(header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        return Err("ask for the subprotocol ringshard.1");
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or("a WebSocket handshake has a key")?;
    Ok(HeaderValue::from_str(&accept_of(key.as_bytes())).expect("base64 fits a header"))
}

/// What proves to the client that a WebSocket server has read its key.
fn accept_of(key: &[u8]) -> String {
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key);
    hash.update(ACCEPT_SUFFIX.as_bytes());
    Base64::encode_string(hash.finish().as_ref())
}

#[cfg(test)]
mod tests {
    use super::accept_of;

    #[test]
    fn the_answer_to_a_key_is_that_of_the_standard() {
        assert_eq!(accept_of(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}

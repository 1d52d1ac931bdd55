//! The WebSocket at `/v1/ws`: chat, presence and notifications, as JSON text messages.
//!
//! ## How it opens
//! A program sends the header `Authorization: Bearer TOKEN` with its upgrade. A web page cannot, so it sends the token in its
//! first message: `{"type": "hello", "token": "TOKEN"}`. The token never stands in the address. Only pages from the origins
//! in the settings are accepted. This is a second defence: without cookies, no page can use another page's login.
//!
//! The server says `{"type": "ready", "account": 7, "name": "Ann"}`. Before that it takes no other message.
//!
//! ## What a client sends
//! | message | what it does |
//! |---|---|
//! | `{"type": "join", "room": "world"}` | joins a room, and makes it if there is none |
//! | `{"type": "leave", "room": "world"}` | leaves it |
//! | `{"type": "say", "room": "world", "text": "hello"}` | says a line; the answer has its `number` |
//! | `{"type": "history", "room": "world", "after": 17}` | the `lines` after a number, 20 at most; without `after` the last ones |
//! | `{"type": "who", "room": "world", "after": 7}` | the `players` by account above a number, 100 at most; without `after` the first ones |
//! | `{"type": "presence", "state": "away"}` | `away` or `online` |
//!
//! Each may have an `id`, a number. Each has one answer, in order: `{"type": "answer", "id": 3, "status": 200, ...}`, or with
//! the fields of each error: `{"type": "answer", "id": 3, "status": 429, "error": "...", "wait_ms": 600}`.
//!
//! ## What the server sends besides
//! | message | what it says |
//! |---|---|
//! | `{"type": "notice", "topic": "chat", "value": {"room", "number", "account", "name", "text", "at"}}` | a line of a room |
//! | `{"type": "notice", "topic": "room", "value": {"room", "account", "name", "joined"}}` | somebody joined or left |
//! | `{"type": "notice", "topic": "presence", "value": {"account", "name", "state"}}` | somebody is online, away or offline |
//! | `{"type": "notice", "topic": ..., "value": ...}` | a notification of the game or of a service |
//! | `{"type": "missed", "count": 9}` | the client was too slow and missed this many notices; `history` has the lines among them |
//!
//! ## How it closes
//! 1001: the server closes. 1003: a binary message. 1008: no valid token, or far too many messages. 1013: the chat is full.
//! The last answer before it says more. The token is checked again now and then, and at once when the account logs out
//! somewhere.

mod commands;
mod pace;
mod session;

use super::answer::Refusal;
use super::bearer;
use super::connections::Peer;
use super::settings::SOCKET_MESSAGE_BYTES_MAX;
use super::state::State;
use crate::accounts::Secret;
use crate::counters::count;
use axum::Extension;
use axum::extract::State as Of;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use std::sync::Arc;

/// Bytes that one read takes.
const READ_BYTES: usize = 8_192;
/// Bytes that may wait to be written. A page of history fits.
const WRITE_BYTES_MAX: usize = 262_144;

/// Serves `/v1/ws`.
pub(super) fn route() -> MethodRouter<Arc<State>> {
    get(open)
}

async fn open(
    Of(state): Of<Arc<State>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let upgrade = upgrade.map_err(|_| Refusal::new(400, "this path needs a WebSocket upgrade, over HTTP/1.1"))?;
    if !is_origin_known(&headers, &state.settings.origins) {
        count(&state.counters.sockets_origin);
        return Err(Refusal::new(403, "pages of this origin may not open a WebSocket here"));
    }
    let login = match bearer::token(&headers) {
        Some(token) => Some((state.accounts.identify(peer.address, token).await?, Secret(token.to_owned()))),
        // A header that is no token is a mistake, and not the wish to send it later.
        None if headers.contains_key(header::AUTHORIZATION) => return Err(Refusal::unauthorized()),
        None => None,
    };
    let upgrade = upgrade
        .max_message_size(SOCKET_MESSAGE_BYTES_MAX)
        .max_frame_size(SOCKET_MESSAGE_BYTES_MAX)
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| session::run(socket, state, peer, login)))
}

/// Programs send no origin. Pages do, and cannot choose which.
fn is_origin_known(headers: &HeaderMap, known: &[String]) -> bool {
    headers.get_all(header::ORIGIN).iter().all(|origin| known.iter().any(|known| origin == known.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn programs_and_pages_of_known_origins_are_accepted() {
        let known = ["https://play.example".to_owned()];
        let with = |origins: &[&'static str]| {
            let origins = origins.iter().map(|origin| (header::ORIGIN, HeaderValue::from_static(origin)));
            is_origin_known(&HeaderMap::from_iter(origins), &known)
        };
        assert!(with(&[]));
        assert!(with(&["https://play.example"]));
        for wrong in ["https://play.example.evil", "http://play.example", "https://play.example:444", "null", ""] {
            assert!(!with(&[wrong]), "{wrong}");
        }
        let mut two = HeaderMap::new();
        two.append(header::ORIGIN, HeaderValue::from_static("https://play.example"));
        two.append(header::ORIGIN, HeaderValue::from_static("https://evil.example"));
        assert!(!is_origin_known(&two, &known));
    }
}

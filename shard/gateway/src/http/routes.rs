//! What is answered.

use super::answers::{Answer, plain, refused, text, with_type};
use super::peer::Peer;
use super::{Site, offer, origin, upgrade};
use crate::carrier::Carrier;
use crate::carriers::webrtc::OFFER_BYTES_MAX;
use crate::limits::Refused;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{HeaderMap, Method, Request, StatusCode, header};
use std::rc::Rc;

const PAGE: &str = include_str!("../../page/index.html");
const SCRIPT: &str = include_str!("../../page/page.js");

/// Answers a request.
pub(super) async fn answer(request: Request<Incoming>, peer: Peer, site: Rc<Site>) -> Answer {
    site.thread.counters().http_requests.add(1);
    let allowed = origin::allowed(request.headers(), &site);
    let headers = allowed.as_ref().map(|origin| cross_origin(origin.clone())).unwrap_or_default();
    let mut answer = match (allowed.is_some(), route(&request)) {
        (_, Route::Page) if site.thread.settings().page => text("text/html; charset=utf-8", PAGE),
        (_, Route::Script) if site.thread.settings().page => text("text/javascript; charset=utf-8", SCRIPT),
        (_, Route::Page | Route::Script | Route::Unknown) => plain(StatusCode::NOT_FOUND, "there is nothing here"),
        (_, Route::Method) => plain(StatusCode::METHOD_NOT_ALLOWED, "this path does not take this method"),
        (_, Route::Offer) => offer::answer(&site),
        (false, Route::WebSocket(_) | Route::WebRtc(_) | Route::Preflight) => {
            site.thread.counters().origin_refused.add(1);
            plain(StatusCode::FORBIDDEN, "pages of this origin may not connect: see the setting `origins`")
        }
        (true, Route::Preflight) => plain(StatusCode::OK, "pages of this origin may connect"),
        (true, Route::WebSocket(server)) => upgrade::answer(request, &server, peer, site),
        (true, Route::WebRtc(server)) => signal(request, &server, peer, &site).await,
    };
    answer.headers_mut().extend(headers);
    answer
}

enum Route {
    Page,
    Script,
    Offer,
    WebSocket(String),
    WebRtc(String),
    Preflight,
    Method,
    Unknown,
}

fn route(request: &Request<Incoming>) -> Route {
    let parts: Vec<&str> = request.uri().path().split('/').skip(1).collect();
    match (request.method(), parts.as_slice()) {
        (&Method::GET, [""]) => Route::Page,
        (&Method::GET, ["page.js"]) => Route::Script,
        (&Method::GET, ["v1", "gateway"]) => Route::Offer,
        (&Method::GET, ["v1", "servers", server, "websocket"]) => Route::WebSocket((*server).to_owned()),
        (&Method::POST, ["v1", "servers", server, "webrtc"]) => Route::WebRtc((*server).to_owned()),
        (&Method::OPTIONS, ["v1", ..]) => Route::Preflight,
        (_, ["" | "page.js"] | ["v1", "gateway"] | ["v1", "servers", _, "websocket" | "webrtc"]) => Route::Method,
        _ => Route::Unknown,
    }
}

/// Answers the offer of a client of WebRTC.
async fn signal(request: Request<Incoming>, server: &str, peer: Peer, site: &Site) -> Answer {
    let Some(webrtc) = site.webrtc.as_ref().filter(|_| site.thread.settings().carriers.contains(&Carrier::WebRtc))
    else {
        return refused(&Refused::CarrierOff);
    };
    if request.headers().get(header::CONTENT_TYPE).is_none_or(|kind| !kind.as_bytes().starts_with(b"application/sdp")) {
        return plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the offer as application/sdp");
    }
    let Ok(body) = Limited::new(request.into_body(), OFFER_BYTES_MAX).collect().await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, &format!("an offer has at most {OFFER_BYTES_MAX} bytes"));
    };
    let Ok(offer) = String::from_utf8(body.to_bytes().into()) else {
        return plain(StatusCode::BAD_REQUEST, "an offer is text");
    };
    match webrtc.answer(server, peer.address, &offer).await {
        Ok(answer) => with_type("application/sdp", answer),
        Err(error) => refused(&error),
    }
}

/// Lets pages of this origin read the answer.
fn cross_origin(origin: Option<header::HeaderValue>) -> HeaderMap {
    let Some(origin) = origin else { return HeaderMap::new() };
    let fixed = |text| header::HeaderValue::from_static(text);
    HeaderMap::from_iter([
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, origin),
        (header::ACCESS_CONTROL_ALLOW_METHODS, fixed("GET, POST")),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, fixed("content-type")),
        (header::ACCESS_CONTROL_MAX_AGE, fixed("600")),
        (header::VARY, fixed("origin")),
    ])
}

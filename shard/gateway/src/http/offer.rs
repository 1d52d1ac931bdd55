//! `GET /v1/gateway`: what the gateway offers.

use super::Site;
use super::answers::{Answer, with_type};
use crate::carrier::Carrier;
use serde::Serialize;

#[derive(Serialize)]
struct Offer<'a> {
    name: &'a str,
    servers: Vec<OfferedServer<'a>>,
    webtransport: Option<WebTransportOffer>,
    webrtc: bool,
    websocket: bool,
    peers: Option<PeersOffer>,
}

#[derive(Serialize)]
struct OfferedServer<'a> {
    name: &'a str,
    key: String,
}

/// What players need to talk directly. It is at the host of the gateway.
#[derive(Serialize)]
struct PeersOffer {
    /// The UDP port of the STUN server.
    port: u16,
    /// Whether the same port is a relay.
    relay: bool,
}

/// What clients must know to connect over WebTransport.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebTransportOffer {
    /// The UDP port.
    pub port: u16,
    /// SHA-256 of the certificates, in lower-case hexadecimal digits, where clients must pin them.
    pub certificate_hashes: Vec<String>,
}

pub(super) fn answer(site: &Site) -> Answer {
    let settings = site.thread.settings();
    let on = |carrier| settings.carriers.contains(&carrier);
    let of_server = |server: &'_ crate::settings::ServerEntry| server.key.to_string();
    let servers = settings.servers.iter().map(|server| OfferedServer { name: &server.name, key: of_server(server) });
    let offer = Offer {
        name: &settings.name,
        servers: servers.collect(),
        webtransport: on(Carrier::WebTransport).then(|| (site.webtransport)()).flatten(),
        webrtc: on(Carrier::WebRtc) && site.webrtc.is_some(),
        websocket: on(Carrier::WebSocket),
        peers: settings.peers.map(|listen| PeersOffer { port: listen.port(), relay: settings.key.is_some() }),
    };
    with_type("application/json", serde_json::to_string(&offer).expect("an offer is plain data"))
}

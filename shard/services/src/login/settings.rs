//! Settings of the login door, and its fixed bounds.

use crate::AccountId;
use crate::tickets::ServerKey;
use ipnet::IpNet;
use ringshard_certificates::CertificateSource;
use std::net::SocketAddr;
use std::time::Duration;

/// Bytes of a request's body.
pub const BODY_BYTES_MAX: usize = 65_536;
/// How deep arrays and objects of a body may lie in each other.
pub const JSON_DEPTH_MAX: usize = 16;
/// Bytes of a request's line and headers together.
pub const HEAD_BYTES_MAX: usize = 16_384;
/// Headers of a request.
pub const HEADERS_MAX: usize = 64;
/// Requests that one HTTP/2 connection has open.
pub const STREAMS_MAX: u32 = 16;
/// Bytes of one WebSocket message of a client.
pub const SOCKET_MESSAGE_BYTES_MAX: usize = 4_096;

/// How the login door behaves. All times count per connection or request.
#[derive(Clone, Debug)]
pub struct LoginSettings {
    /// Where it listens. Port 0: any free port.
    pub address: SocketAddr,
    /// Networks of proxies. A connection from them begins with a header of the PROXY protocol, version 2, which tells the
    /// client's address.
    pub proxies: Vec<IpNet>,
    /// Where its certificate comes from.
    pub certificate: CertificateSource,
    /// How often it looks for changed certificate files.
    pub certificate_check: Duration,
    /// Connections in all.
    pub connections_max: usize,
    /// Connections per IPv4 address or per IPv6 network of 64 bits.
    pub connections_per_network_max: usize,
    /// One connection per this time and network, over a longer time.
    pub connection_every: Duration,
    /// Connections that a network may open at once.
    pub connections_burst: u32,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For the headers of an HTTP/1.1 request, counted from the end of the request before.
    pub headers: Duration,
    /// For the body of a request.
    pub body: Duration,
    /// For an answer to be made. Longer than any action may take.
    pub answer: Duration,
    /// For a connection without a request.
    pub idle: Duration,
    /// For which a client may read nothing of what waits for it.
    pub stalled: Duration,
    /// How many bytes per second a client reads at least once it has stalled.
    pub read_bytes_per_second_min: u32,
    /// For requests that still run when the door closes.
    pub drain: Duration,
    /// Between two WebSocket pings. A client that has answered none of three is cut.
    pub ping: Duration,
    /// For the first message of a WebSocket, which carries the token.
    pub hello: Duration,
    /// How often the token of an open WebSocket is checked again.
    pub recheck: Duration,
    /// Web origins whose pages may use the door, such as `https://play.example`. Programs send no origin, and are
    /// always accepted.
    pub origins: Vec<String>,
    /// Worlds that players get tickets for. A request that names no world gets a ticket for the first.
    pub worlds: Vec<World>,
    /// Accounts that may call the actions of operators.
    pub operators: Vec<AccountId>,
}

/// A world that players can enter with a ticket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct World {
    /// Where clients reach it, such as `play.example:4433`.
    pub address: String,
    /// Its static public key.
    pub key: ServerKey,
}

impl LoginSettings {
    /// The defaults, for an address and a certificate.
    pub fn new(address: SocketAddr, certificate: CertificateSource) -> LoginSettings {
        let seconds = Duration::from_secs;
        LoginSettings {
            address,
            proxies: Vec::new(),
            certificate,
            certificate_check: seconds(10),
            connections_max: 2_048,
            connections_per_network_max: 64,
            connection_every: Duration::from_millis(50),
            connections_burst: 100,
            handshake: seconds(10),
            headers: seconds(15),
            body: seconds(15),
            answer: seconds(50),
            idle: seconds(60),
            stalled: seconds(15),
            read_bytes_per_second_min: 1_024,
            drain: seconds(10),
            ping: seconds(20),
            hello: seconds(10),
            recheck: seconds(30),
            origins: Vec::new(),
            worlds: Vec::new(),
            operators: Vec::new(),
        }
    }
}

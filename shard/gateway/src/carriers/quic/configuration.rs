//! What a QUIC endpoint is configured with: sockets, keys, limits of a connection.

use super::connection_ids::ConnectionIds;
use super::tokens::{self, UsedTokens};
use crate::settings::{QUIC_PACKET_BYTES, Settings, THREADS_MAX};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{
    EndpointConfig, IdleTimeout, MtuDiscoveryConfig, ServerConfig, TransportConfig, ValidationTokenConfig, VarInt,
};
use ring::hkdf::{HKDF_SHA256, Prk, Salt};
use ringshard_certificates::Certificates;
use ringshard_link::socket::steer_by_quic_connection_id;
use rustls::server::ServerSessionMemoryCache;
use std::io;
use std::net::UdpSocket;
use std::num::NonZeroU32;
use std::sync::Arc;

/// The name of WebTransport's protocol in the TLS handshake.
pub(super) const ALPN_HTTP3: &[u8] = b"h3";
/// The name of Ringshard datagrams directly over QUIC.
pub(super) const ALPN_RINGSHARD: &[u8] = b"ringshard/1";

/// Bytes of a packet before the path has been probed: a datagram of 1200 bytes fits, as Ringshard sends at first.
const PACKET_BYTES_FIRST: u16 = 1250;

/// Bidirectional streams that a client may open at first: the request of WebTransport.
const STREAMS_FIRST: u32 = 1;
/// Unidirectional streams that a client may have open: HTTP/3 needs three, and tolerates unknown ones.
const UNI_STREAMS_MAX: u32 = 8;
/// Bytes of a stream that the gateway holds for a slow receiver.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;
/// Bytes of all streams of a connection that the gateway holds for slow receivers, until it carries a bulk stream.
const WINDOW_BYTES_FIRST: u32 = 64 << 10;
/// The same, once it carries one, and for each direction.
pub(super) const WINDOW_BYTES: u32 = 1 << 20;
/// Bytes of datagrams that arrived and are not read yet. When there are more, the oldest are dropped.
const RECEIVE_BYTES: usize = 64 << 10;
/// Bytes of datagrams that wait for the congestion window. Few, because the queue of the client drops the oldest.
const SEND_BYTES: usize = 16 << 10;

/// Attempts to connect that wait for the thread. Each holds one packet.
const INCOMING_MAX: usize = 512;
/// Further bytes that one of them, and all of them, may hold.
const INCOMING_BYTES: u64 = 16 << 10;
const INCOMING_BYTES_TOTAL: u64 = 4 << 20;
/// Sessions that can send early data. Each can do so once.
const EARLY_SESSIONS_MAX: usize = 16_384;

/// What the endpoints of all threads share, so that a client may meet another thread when it returns.
pub struct Keys {
    certificates: Arc<Certificates>,
    /// Seals the tokens of Retry.
    tokens: Arc<Prk>,
    /// A ticket is taken out when it is used: early data cannot be repeated, at no thread.
    sessions: Arc<ServerSessionMemoryCache>,
    used_tokens: Arc<UsedTokens>,
}

impl Keys {
    /// Fresh keys, with this certificate.
    pub fn new(certificates: Arc<Certificates>) -> Keys {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).expect("the system gives random bytes");
        let tokens = Arc::new(Salt::new(HKDF_SHA256, &[]).extract(&secret));
        let sessions = ServerSessionMemoryCache::new(EARLY_SESSIONS_MAX);
        Keys { certificates, tokens, sessions, used_tokens: Arc::new(UsedTokens::new()) }
    }

    /// How new connections are served. The certificate is asked for at each handshake.
    pub(super) fn server(&self, settings: &Settings) -> ServerConfig {
        let mut tls = self.certificates.tls(&[ALPN_RINGSHARD, ALPN_HTTP3]);
        if settings.early_data {
            tls.session_storage = Arc::clone(&self.sessions) as _;
            tls.send_tls13_tickets = 1;
            tls.max_early_data_size = u32::MAX;
        }
        let crypto = QuicServerConfig::try_from(tls).expect("ring has the cipher suite of Initial packets");
        let mut config = ServerConfig::new(Arc::new(crypto), Arc::clone(&self.tokens) as _);
        let mut validation = ValidationTokenConfig::default();
        validation
            .lifetime(tokens::LIFETIME)
            .sent(if settings.early_data { tokens::PER_CONNECTION } else { 0 })
            .log(Arc::clone(&self.used_tokens) as _);
        config
            .validation_token_config(validation)
            .transport_config(Arc::new(transport(settings)))
            .max_incoming(INCOMING_MAX)
            .incoming_buffer_size(INCOMING_BYTES)
            .incoming_buffer_size_total(INCOMING_BYTES_TOTAL);
        config
    }
}

fn transport(settings: &Settings) -> TransportConfig {
    assert!(QUIC_PACKET_BYTES.contains(&settings.quic_packet_bytes), "settings are checked before they are used");
    let largest = settings.quic_packet_bytes as u16;
    let mut probing = MtuDiscoveryConfig::default();
    probing.upper_bound(largest);
    // A timeout beyond what a packet can say (2^62 ms) is none.
    let idle = IdleTimeout::try_from(settings.idle_timeout).ok();
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(STREAMS_FIRST.into())
        .max_concurrent_uni_streams(UNI_STREAMS_MAX.into())
        .stream_receive_window(STREAM_WINDOW_BYTES.into())
        .receive_window(VarInt::from(WINDOW_BYTES_FIRST))
        .send_window(WINDOW_BYTES.into())
        .datagram_receive_buffer_size(Some(RECEIVE_BYTES))
        .datagram_send_buffer_size(SEND_BYTES)
        .initial_mtu(largest.min(PACKET_BYTES_FIRST))
        .mtu_discovery_config(Some(probing))
        .max_idle_timeout(idle);
    transport
}

/// The endpoint of one thread of `threads`.
pub(super) fn endpoint(thread: usize, threads: usize) -> EndpointConfig {
    let mut config = EndpointConfig::default();
    config.cid_generator(move || Box::new(ConnectionIds::new(thread, threads)));
    config
}

/// Steers each connection to its thread. `group`: one UDP socket per thread, bound to one address in the order of the
/// threads.
///
/// # Errors
/// The system's error, or there are more than [`THREADS_MAX`].
pub fn steer(group: &[UdpSocket]) -> io::Result<()> {
    let threads = group.len();
    let sockets = u32::try_from(threads).ok().and_then(NonZeroU32::new).filter(|_| threads <= THREADS_MAX);
    let Some(sockets) = sockets else {
        let text = format!("QUIC runs on 1 to {THREADS_MAX} threads, not {threads}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    };
    steer_by_quic_connection_id(&group[0], sockets)
}

//! What a thread counts. Only the thread itself adds; the admin port reads.

use std::sync::atomic::{AtomicU64, Ordering};

/// One counter.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds. Only the counter's own thread may call this: it reads and writes in two steps, which costs no bus lock.
    pub fn add(&self, amount: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
    }

    /// The value now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[doc = $about:literal])* $name:ident,)*) => {
        /// Counters of a thread since its start.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[doc = $about])* pub $name: Counter,)*
        }

        impl Counters {
            /// Calls `visit` with the name, the meaning and the value of every counter.
            pub fn each(&self, visit: &mut dyn FnMut(&'static str, &'static str, u64)) {
                $(visit(stringify!($name), concat!($($about),*).trim_ascii(), self.$name.get());)*
            }
        }
    };
}

counters! {
    /// Clients that joined over WebSocket.
    joined_websocket,
    /// Clients that joined over WebTransport.
    joined_webtransport,
    /// Clients that joined over WebRTC.
    joined_webrtc,
    /// Clients that joined over QUIC.
    joined_quic,
    /// Clients that left.
    left,
    /// Clients refused, for whatever reason.
    refused,
    /// Datagrams from clients that went to a server.
    datagrams_up,
    /// Bytes of datagrams from clients that went to a server.
    bytes_up,
    /// Datagrams from servers that were queued for a client.
    datagrams_down,
    /// Bytes of datagrams from servers that were queued for a client.
    bytes_down,
    /// Datagrams to servers that told the client's true address.
    forwarded,
    /// Datagrams dropped because they had to tell the client's true address and were too long for that.
    too_long_to_forward,
    /// Address changes of clients.
    moved,
    /// Send calls to servers, each with one run of datagrams.
    sends,
    /// Receive calls that brought datagrams from servers.
    receives,
    /// Datagrams, pings, pongs and fragments from clients beyond their budget: dropped or not answered.
    over_budget,
    /// Datagrams that no correct client sends: the connection was closed.
    misbehaved,
    /// Datagrams from clients with the connection of another client, on every socket: dropped.
    foreign_id,
    /// Connects with the handshake tag of another client: dropped.
    foreign_tag,
    /// Datagrams from servers for no client: dropped.
    unclaimed,
    /// Datagrams from servers that no server sends: dropped.
    malformed_down,
    /// Datagrams that were dropped because the client took too little: its oldest.
    queue_full,
    /// Datagrams that were dropped because the queues of all clients of the thread hold too much together.
    memory_full,
    /// Datagrams for clients that take nothing: dropped.
    stalled,
    /// Datagrams to servers that the socket did not take: dropped.
    send_failed,
    /// Failed receive calls, such as after an ICMP error because no server listens.
    receive_failed,
    /// Clients closed because they sent nothing for the idle timeout.
    closed_idle,
    /// Clients closed because they took nothing of what waited for them.
    closed_stalled,
    /// Clients closed by a drain.
    closed_draining,
    /// Clients closed because their address is denied.
    closed_denied,
    /// Clients closed by an operator.
    closed_kicked,
    /// TCP connections accepted.
    tcp_accepted,
    /// TCP connections refused by a limit or a deny list.
    tcp_refused,
    /// TCP connections that could not be accepted, for example because the process has no file descriptor left.
    tcp_failed,
    /// TLS handshakes that failed or took too long.
    tls_failed,
    /// HTTP connections that ended with an error or took too long.
    http_failed,
    /// HTTP requests answered.
    http_requests,
    /// WebSockets refused because of their Origin.
    origin_refused,
    /// WebSocket messages that are not binary or too long: the connection was closed.
    websocket_malformed,
    /// Carriers that have ended because their socket failed.
    carriers_ended,
    /// WebRTC offers answered.
    webrtc_offers,
    /// WebRTC offers refused because too many peers had no open channel yet.
    webrtc_offers_refused,
    /// WebRTC peers that opened their channel.
    webrtc_opened,
    /// WebRTC packets from peers.
    webrtc_packets,
    /// Packets to the WebRTC port from no peer: dropped.
    webrtc_unknown,
    /// Packets to the WebRTC port that are neither STUN nor DTLS: dropped.
    webrtc_invalid,
    /// WebRTC packets beyond what a peer may send: dropped.
    webrtc_too_many,
    /// WebRTC checks that asked a client to prove its address.
    webrtc_proofs_asked,
    /// WebRTC addresses that another client has proven since.
    webrtc_address_taken,
    /// WebRTC packets that the socket did not take: dropped.
    webrtc_unsent,
    /// WebRTC peers that closed, or that the gateway closed.
    webrtc_closed,
    /// WebRTC peers that were not heard of any more.
    webrtc_lost,
    /// WebRTC peers that did not open their channel in time.
    webrtc_late,
    /// WebRTC peers closed because they did what no correct client does.
    webrtc_misbehaved,
    /// WebRTC peers that could not join once their channel was open.
    webrtc_not_joined,
    /// WebRTC peers whose handshake or association failed.
    webrtc_failed,
    /// STUN requests of players answered.
    stun_answered,
    /// STUN requests and Registers refused: the address is denied, or asks too fast.
    peers_limited,
    /// Datagrams to the port of `peers` that are neither STUN nor for the relay, or are too short for their answer: dropped.
    peers_invalid,
    /// Datagrams that the socket of `peers` did not take: dropped.
    peers_unsent,
    /// Channels opened at the relay.
    relay_opened,
    /// Channels at the relay that are over.
    relay_closed,
    /// Datagrams that the relay carried.
    relay_carried,
    /// Bytes of datagrams that the relay carried.
    relay_carried_bytes,
    /// Channels refused: the ticket is wrong or has expired, the relay is full, or the gateway has no key or drains.
    relay_refused,
    /// Datagrams beyond the rate of their channel: dropped.
    relay_limited,
    /// Datagrams to a channel that does not exist, or to a guest that was not heard: dropped.
    relay_dropped,
    /// QUIC handshakes that began.
    quic_handshakes,
    /// QUIC clients that were asked to prove their address, because many handshakes ran.
    quic_retries,
    /// QUIC connections refused by a limit.
    quic_refused,
    /// QUIC connections of denied addresses, which get no answer.
    quic_denied,
    /// QUIC handshakes that failed or took too long.
    quic_handshakes_failed,
    /// Connects that were taken from early data.
    quic_early_connects,
    /// Datagrams of early data that were dropped because they are no Connect.
    quic_early_dropped,
    /// Datagrams that do not fit a QUIC packet of the client's path: dropped.
    quic_too_large,
    /// Bulk streams that were connected to a login door.
    quic_bulk_streams,
    /// Bulk streams that were refused, or whose login door cannot be reached.
    quic_bulk_refused,
    /// Bytes of bulk streams, both directions.
    quic_bulk_bytes,
    /// WebTransport requests refused.
    webtransport_refused,
    /// WebTransport datagrams of a session that does not exist: dropped.
    webtransport_foreign_session,
}

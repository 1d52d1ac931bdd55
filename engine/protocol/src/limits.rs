//! Every bound of the protocol, in one place (PROTOCOL.md#limits). The relations between them are checked at compile
//! time.
//!
//! A bound that a peer can reach has a counter in [`crate::stats`]; a bound that a caller can reach has an error.

use core::time::Duration;

/// Version of the protocol in PROTOCOL.md. A server denies clients of every other version, with that reason.
pub const PROTOCOL_VERSION: u16 = 1;
/// Default UDP port of a server.
pub const PORT_DEFAULT: u16 = 3565;

/// Largest UDP payload that every path is assumed to carry, in bytes. Larger ones are sent only if probes of that size
/// have arrived (PROTOCOL.md#mtu-discovery).
pub const DATAGRAM_BYTES_BASE: usize = 1200;
/// Largest UDP payload that either end sends or accepts, in bytes: an Ethernet frame's IPv4 packet without its headers.
pub const DATAGRAM_BYTES_MAX: usize = 1472;
/// Largest UDP payload on a path that loses larger ones, in bytes: it fits IPv4's minimum of 576.
pub const DATAGRAM_BYTES_MIN: usize = 512;
/// Header of every datagram, in bytes (PROTOCOL.md#header).
pub const HEADER_BYTES: usize = 14;
/// Authentication tag of both AEADs, in bytes (RFC 8439, NIST SP 800-38D).
pub const TAG_BYTES: usize = 16;
/// Frames in the largest encrypted datagram, in bytes.
pub const FRAMES_BYTES_MAX: usize = DATAGRAM_BYTES_MAX - HEADER_BYTES - TAG_BYTES;
/// Frames in an encrypted datagram of [`DATAGRAM_BYTES_BASE`], in bytes.
pub const FRAMES_BYTES_BASE: usize = DATAGRAM_BYTES_BASE - HEADER_BYTES - TAG_BYTES;
/// Kind and length before every frame, in bytes.
pub const FRAME_HEADER_BYTES: usize = 2;
/// Largest unreliable message that fits one datagram on every path, in bytes; larger ones are fragmented.
pub const WHOLE_MESSAGE_BYTES_MAX: usize = FRAMES_BYTES_BASE - FRAME_HEADER_BYTES;
/// Largest message of any channel, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 1 << 16;

/// Sizes that encrypted datagrams are padded to (PROTOCOL.md#padding). Datagrams of equal size to one address leave as
/// one `UDP_SEGMENT` send. Four sizes per octave keep the padding under a quarter. Except for the sizes that paths are
/// probed for, the plaintext is a multiple of 16 bytes: AES-GCM takes longer for a block that is not full.
pub const DATAGRAM_BUCKETS: [u16; 22] =
    [46, 62, 78, 94, 110, 126, 158, 190, 222, 254, 318, 382, 446, 512, 638, 766, 894, 1022, 1200, 1328, 1408, 1472];

/// A Connect is padded to this size, so that no reply to an unknown address is larger (PROTOCOL.md#anti-amplification).
pub const CONNECT_BYTES: usize = 144;
/// What a gateway puts in front of a datagram: header 14, address 16, port 2, MAC 16
/// (PROTOCOL.md#forwarded-datagrams).
pub const FORWARDED_BYTES: usize = HEADER_BYTES + 18 + 16;
/// Largest datagram that a gateway can forward with an address, in bytes.
pub const FORWARDED_DATAGRAM_BYTES_MAX: usize = DATAGRAM_BYTES_MAX - FORWARDED_BYTES;
/// The token that names a session to be resumed, in bytes (PROTOCOL.md#resumption-keys).
pub const RESUME_TOKEN_BYTES: usize = 16;
/// A cookie, in bytes: nonce 8, timestamp 8, HMAC-SHA256 32 (PROTOCOL.md#cookie-validation).
pub const COOKIE_BYTES: usize = 48;
/// How long a cookie is valid.
pub const COOKIE_LIFETIME: Duration = Duration::from_secs(10);
/// How long a cookie secret signs before the next one replaces it. The one before still verifies.
pub const COOKIE_SECRET_LIFETIME: Duration = Duration::from_secs(60);

/// Sequence numbers behind the highest that are still accepted (PROTOCOL.md#replay-window).
pub const REPLAY_WINDOW: u64 = 1024;
/// AES-128-GCM packets per key (RFC 9001, appendix B.1: packets of at most 2^11 bytes).
pub const PACKETS_PER_KEY_MAX_AES_GCM: u64 = 1 << 28;
/// ChaCha20-Poly1305 packets per key: only the sequence number bounds it (RFC 9001, section 6.6).
pub const PACKETS_PER_KEY_MAX_CHACHA: u64 = 1 << 62;

/// Interval between pings (PROTOCOL.md#heartbeat).
pub const HEARTBEAT_DEFAULT: Duration = Duration::from_secs(5);
/// Silence after which a connection ends (PROTOCOL.md#timeout).
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(15);
/// How long after a missed ping a connection is silent: if no slot is free, a client that connects from the same
/// address may get its slot (PROTOCOL.md#silent-connections).
pub const SILENT_AFTER: Duration = Duration::from_secs(1);
/// How long an accepted client may take to prove that it holds the keys.
pub const HALF_OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// First wait of a client for the answer to its Connect. It doubles with each try.
pub const CONNECT_RETRY_FIRST: Duration = Duration::from_millis(250);
/// Longest wait between two Connects.
pub const CONNECT_RETRY_MAX: Duration = Duration::from_secs(2);
/// How long a client tries to connect before it reports that the server is unreachable.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server that is busy or full asks clients to wait before they try again.
pub const BUSY_WAIT: Duration = Duration::from_secs(1);
/// Longest wait that a client accepts from such an answer. Answers can be forged, and one must not use up the whole
/// attempt.
pub const BUSY_WAIT_MAX: Duration = Duration::from_secs(2);
/// How long a client tries to connect to a server that answers that it is busy.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(60);
/// Copies of a Disconnect, each with its own sequence number: a Disconnect is never retransmitted.
pub const DISCONNECT_COPIES: usize = 3;
/// Time between two copies that a client sends. An overloaded server drops datagrams that arrive together.
pub const DISCONNECT_INTERVAL: Duration = Duration::from_millis(50);

/// Channels of a connection. Channel `n` has the delivery `n % 4` (PROTOCOL.md#channels).
pub const CHANNELS: usize = 16;
/// Messages of a reliable channel that may be sent beyond the oldest unacknowledged one.
pub const CHANNEL_WINDOW_MESSAGES: usize = 4096;
/// What a connection's reliable messages, from the oldest unacknowledged to the newest sent, may cost the receiver, in
/// bytes (PROTOCOL.md#windows). Each message costs its size and [`MESSAGE_COST_BYTES`].
pub const RELIABLE_WINDOW_BYTES: usize = 2 << 20;
/// What keeping a message costs in addition to its size, in bytes.
pub const MESSAGE_COST_BYTES: usize = 64;
/// What a connection's reliable messages may cost the sender, in bytes, including those not sent yet
/// (PROTOCOL.md#windows).
pub const SEND_QUEUE_BYTES_MAX: usize = 4 << 20;
/// Default memory for messages of one core, in bytes.
pub const MESSAGE_MEMORY_BYTES_DEFAULT: usize = 256 << 20;
/// Least memory for messages that can be configured, in bytes: ample for what the largest datagram can require.
pub const MESSAGE_MEMORY_BYTES_MIN: usize = 4 << 20;
/// Memory is low when less than this is left: then datagrams whose messages must be kept are treated as lost
/// (PROTOCOL.md#memory-pressure).
pub const MESSAGE_MEMORY_BYTES_LOW: usize = 1 << 20;

/// Fragments begin at multiples of this (PROTOCOL.md#fragments).
pub const FRAGMENT_GRAIN_BYTES: usize = 128;
/// Fragmented messages that a sender has in flight, and a receiver reassembles, at a time; reliable and unreliable ones
/// are counted separately (PROTOCOL.md#windows).
pub const FRAGMENTED_OPEN_MAX: usize = 8;
/// Bytes of these messages.
pub const FRAGMENTED_BYTES_MAX: usize = 256 << 10;
/// How long an unreliable message may lack fragments; when memory is low, also a reliable one.
pub const FRAGMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long no new fragment of an unreliable message must have arrived before another message may take its place.
pub const FRAGMENT_STALL: Duration = Duration::from_secs(1);
/// Messages above this size are compressed if that saves bytes (PROTOCOL.md#compression).
pub const COMPRESSION_BYTES_MIN: usize = 512;

/// Wait for an acknowledgment before the first measurement of the round-trip time (PROTOCOL.md#loss-detection).
pub const RETRANSMISSION_TIMEOUT_FIRST: Duration = Duration::from_millis(250);
/// Longest wait between two probes. It ends the exponential backoff, so a connection recovers soon after an outage.
pub const PROBE_TIMEOUT_MAX: Duration = Duration::from_secs(2);
/// A packet is lost when one that was sent this many later is acknowledged (RFC 9002, section 6.1.1).
pub const REORDERING_PACKETS: u64 = 3;
/// Longest delay of an acknowledgment (PROTOCOL.md#ack-timing; RFC 9000, section 18.2).
pub const ACK_DELAY_MAX: Duration = Duration::from_millis(25);
/// Packets behind the newest that an acknowledgment covers.
pub const ACK_POSITIONS_MAX: u64 = 512;
/// A sender skips one sequence number in about this many. A peer that acknowledges a skipped one lies
/// (PROTOCOL.md#impossible-acks).
pub const SKIPPED_NUMBER_PERIOD: u64 = 2048;

/// Bytes after which a connection changes its keys (PROTOCOL.md#rekeying).
pub const REKEY_BYTES: u64 = 1 << 30;
/// Time after which a connection changes its keys.
pub const REKEY_PERIOD: Duration = Duration::from_secs(60 * 60);
/// Least time between two rekeys that the peer asks for: each costs a key exchange.
pub const REKEY_PERIOD_MIN: Duration = Duration::from_secs(10);

/// Sizes that are probed, each after the smaller one has arrived, in bytes (PROTOCOL.md#mtu-discovery).
pub const MTU_PROBE_BYTES: [u16; 3] = [1328, 1408, 1472];
/// Probes of each size.
pub const MTU_PROBES_MAX: u32 = 3;
/// Time after which a size that failed is probed again (RFC 8899, section 5.1.1).
pub const MTU_RETRY: Duration = Duration::from_secs(600);
/// Consecutive probe timeouts after which the path is assumed to lose larger datagrams.
pub const BLACK_HOLE_TIMEOUTS: u32 = 3;

/// Time between two challenges of a candidate path (PROTOCOL.md#migration).
pub const PATH_CHALLENGE_PERIOD: Duration = Duration::from_millis(250);
/// Challenges after which a candidate path is given up.
pub const PATH_CHALLENGES_MAX: u32 = 8;

/// How long a session can be resumed after its connection timed out (PROTOCOL.md#resumption).
pub const RESUME_PERIOD: Duration = Duration::from_secs(60);
/// How long a server expects a session that is to move to it (PROTOCOL.md#moves).
pub const EXPECTED_PERIOD: Duration = Duration::from_secs(10);
/// Silence after a missed ping after which a client starts a reconnect attempt beside its connection: the server may
/// have restarted, and then does not know that connection (PROTOCOL.md#reconnection).
pub const RECONNECT_AFTER: Duration = Duration::from_secs(2);
/// First wait of a client before it reconnects. It doubles with each try.
pub const RECONNECT_FIRST: Duration = Duration::from_millis(100);
/// Longest wait of a client before it reconnects.
pub const RECONNECT_MAX: Duration = Duration::from_secs(5);

/// Connections of one core: a slot number has 16 bits (PROTOCOL.md#connection-id).
pub const CONNECTIONS_PER_CORE_MAX: usize = 1 << 16;
/// Cores of one server: a core number has 8 bits (PROTOCOL.md#connection-id).
pub const CORES_MAX: usize = 1 << 8;

/// Replies to unknown addresses (cookies, denials) per flush, about 4 us each. The rest waits.
pub const ADMISSION_REPLIES_PER_FLUSH: usize = 32;
/// Replies to unknown addresses that may wait. Beyond that, Connects are dropped and counted.
pub const ADMISSION_REPLIES_WAITING_MAX: usize = 1024;
/// Key exchanges per flush, about 120 us each. The rest waits.
pub const HANDSHAKES_PER_FLUSH: usize = 8;
/// Clients with a valid cookie that may wait for their key exchange.
pub const HANDSHAKES_WAITING_MAX: usize = 1024;
/// Events that may wait for the caller before their queue grows.
pub const EVENTS_RESERVED: usize = 1024;
/// Resolution of timers.
pub const TIMER_GRAIN: Duration = Duration::from_millis(1);

/// Datagrams of a core that may be composed and not yet handed to the link.
pub const SEND_QUEUE_DATAGRAMS: usize = 8192;
/// Datagrams that a turn takes from the link before it transmits. The connections of this many are still in the
/// second-level cache when they are answered.
pub const RECEIVE_DATAGRAMS_PER_TURN: usize = 256;

/// Datagrams in one `UDP_SEGMENT` send: the kernel's UDP_MAX_SEGMENTS was 64 until 6.9.
pub const SEGMENTS_MAX: usize = 64;
/// Bytes in one `UDP_SEGMENT` send: an IPv4 packet without its headers.
pub const RUN_BYTES_MAX: usize = 65_507;

const _: () = {
    assert!(HEADER_BYTES + TAG_BYTES < DATAGRAM_BUCKETS[0] as usize);
    assert!(DATAGRAM_BUCKETS[DATAGRAM_BUCKETS.len() - 1] as usize == DATAGRAM_BYTES_MAX);
    assert!(FRAMES_BYTES_MAX < 1 << 11, "a frame's length is 11 bits wide");
    assert!(MTU_PROBE_BYTES[MTU_PROBE_BYTES.len() - 1] as usize == DATAGRAM_BYTES_MAX);
    assert!(ACK_POSITIONS_MAX <= REPLAY_WINDOW, "acknowledgments are read from the replay window");
    assert!(CHANNEL_WINDOW_MESSAGES < 1 << 15, "16-bit message numbers tell old from new");
    assert!(MESSAGE_BYTES_MAX.is_multiple_of(FRAGMENT_GRAIN_BYTES));
    assert!(MESSAGE_BYTES_MAX <= FRAGMENTED_BYTES_MAX && FRAGMENTED_BYTES_MAX <= RELIABLE_WINDOW_BYTES);
    assert!(MESSAGE_MEMORY_BYTES_LOW > 2 * FRAGMENTED_OPEN_MAX * MESSAGE_BYTES_MAX / 2);
    assert!(FRAGMENT_TIMEOUT.as_secs() < TIMEOUT_DEFAULT.as_secs());
    assert!(CONNECT_BYTES <= DATAGRAM_BYTES_MAX);
    assert!(REPLAY_WINDOW.is_multiple_of(64));
    assert!(TIMEOUT_DEFAULT.as_secs() > 2 * HEARTBEAT_DEFAULT.as_secs());
    // Clients of a server that restarts within their timeout are back within ten seconds.
    assert!(HEARTBEAT_DEFAULT.as_secs() + RECONNECT_AFTER.as_secs() + CONNECT_RETRY_MAX.as_secs() < 10);
    assert!(COOKIE_SECRET_LIFETIME.as_secs() > COOKIE_LIFETIME.as_secs());
    // The answers to the key exchanges of one flush, and to as many displaced connections, leave in the next.
    assert!(ADMISSION_REPLIES_PER_FLUSH >= 2 * HANDSHAKES_PER_FLUSH);
    // A receive may exceed its budget by one batch, and each datagram may be answered by one.
    assert!(SEND_QUEUE_DATAGRAMS >= 2 * (RECEIVE_DATAGRAMS_PER_TURN + SEGMENTS_MAX));
};

//! Every bound of the engine, in one place, with the relations between them checked when it is compiled.
//!
//! A bound that a peer can reach has a counter in [`crate::stats`]; a bound that a caller can reach has an error.

use core::time::Duration;

/// Version of the protocol in `PROTOCOL.md`. A server denies every other one by name.
pub const PROTOCOL_VERSION: u16 = 1;
/// UDP port of a server that was told no other (W1).
pub const PORT_DEFAULT: u16 = 3565;

/// Largest UDP payload either end sends, in bytes (W1).
pub const DATAGRAM_BYTES_MAX: usize = 1200;
/// Header of every datagram, in bytes (W1).
pub const HEADER_BYTES: usize = 14;
/// Authentication tag of both AEADs, in bytes (RFC 8439, NIST SP 800-38D).
pub const TAG_BYTES: usize = 16;
/// What an encrypted datagram can carry as frames, in bytes.
pub const FRAMES_BYTES_MAX: usize = DATAGRAM_BYTES_MAX - HEADER_BYTES - TAG_BYTES;
/// Kind and length in front of every frame, in bytes.
pub const FRAME_HEADER_BYTES: usize = 2;
/// Largest unreliable message, in bytes.
pub const MESSAGE_BYTES_MAX: usize = FRAMES_BYTES_MAX - FRAME_HEADER_BYTES;

/// Sizes an encrypted datagram is padded to. Equal sizes are what lets datagrams to one address leave as one
/// `UDP_SEGMENT` send; four steps an octave keep the padding under a quarter.
pub const DATAGRAM_BUCKETS: [u16; 19] =
    [48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024, DATAGRAM_BYTES_MAX as u16];

/// Connect is padded to this size, so that no reply to a stranger is larger than what it answers (S1).
pub const CONNECT_BYTES: usize = 128;
/// A cookie: nonce 8, timestamp 8, HMAC-SHA256 32 (S1).
pub const COOKIE_BYTES: usize = 48;
/// How long a cookie is honoured (S1).
pub const COOKIE_LIFETIME: Duration = Duration::from_secs(10);
/// How long one cookie secret signs before the next takes over; the one before it still verifies.
pub const COOKIE_SECRET_LIFETIME: Duration = Duration::from_secs(60);

/// Positions behind the highest sequence that are still accepted (S4).
pub const REPLAY_WINDOW: u64 = 1024;
/// AES-128-GCM packets under one key (RFC 9001, appendix B.1: packets of at most 2^11 bytes).
pub const PACKETS_PER_KEY_MAX_AES_GCM: u64 = 1 << 28;
/// ChaCha20-Poly1305 packets under one key: only the counter bounds it (RFC 9001, section 6.6).
pub const PACKETS_PER_KEY_MAX_CHACHA: u64 = 1 << 62;

/// Interval between pings (S6).
pub const HEARTBEAT_DEFAULT: Duration = Duration::from_secs(5);
/// Silence after which a connection is given up (S6).
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(15);
/// How long an accepted client may take to prove that it holds the keys.
pub const HALF_OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// First wait of a client for the answer to its Connect; doubles at each try.
pub const CONNECT_RETRY_FIRST: Duration = Duration::from_millis(250);
/// Longest wait between two Connects.
pub const CONNECT_RETRY_MAX: Duration = Duration::from_secs(2);
/// How long a client tries to connect before it says that the server cannot be reached.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Copies of a Disconnect, each under its own sequence: nobody retransmits the last word.
pub const DISCONNECT_COPIES: usize = 3;

/// Connections of one core: the slot number is 16 bits wide (W10).
pub const CONNECTIONS_PER_CORE_MAX: usize = 1 << 16;
/// Cores of one server: the core number is 8 bits wide (W10).
pub const CORES_MAX: usize = 1 << 8;

/// Answers to strangers (cookies, denials) that one flush may send, ~4 us each; the rest waits its turn (S8).
pub const STRANGER_REPLIES_PER_FLUSH: usize = 32;
/// Answers to strangers that may wait; beyond that their Connects are dropped and counted.
pub const STRANGER_REPLIES_WAITING_MAX: usize = 1024;
/// Key exchanges that one flush may do, ~120 us each; the rest waits its turn (S8).
pub const HANDSHAKES_PER_FLUSH: usize = 8;
/// Clients with a valid cookie that may wait for their key exchange.
pub const HANDSHAKES_WAITING_MAX: usize = 1024;
/// Events (joined, left) that may wait for the caller.
pub const EVENTS_RESERVED: usize = 1024;
/// How often each connection's timers are looked at: they are seconds long.
pub const SWEEP_PERIOD: Duration = Duration::from_millis(50);

/// Datagrams that may be composed and not yet handed to the link, per core.
pub const STAGED_DATAGRAMS: usize = 8192;
/// Datagrams that one turn takes from the link before it transmits: as many as have their sessions still in the second
/// cache when they are answered.
pub const RECEIVE_DATAGRAMS_PER_TURN: usize = 256;

/// Datagrams in one `UDP_SEGMENT` send: the kernel's UDP_MAX_SEGMENTS was 64 until 6.9.
pub const SEGMENTS_MAX: usize = 64;
/// Bytes in one `UDP_SEGMENT` send: an IPv4 packet less its headers.
pub const RUN_BYTES_MAX: usize = 65_507;

const _: () = {
    assert!(HEADER_BYTES + TAG_BYTES < DATAGRAM_BUCKETS[0] as usize);
    assert!(DATAGRAM_BUCKETS[DATAGRAM_BUCKETS.len() - 1] as usize == DATAGRAM_BYTES_MAX);
    assert!(FRAMES_BYTES_MAX < 1 << 11, "a frame's length is 11 bits wide");
    assert!(CONNECT_BYTES <= DATAGRAM_BYTES_MAX);
    assert!(REPLAY_WINDOW.is_multiple_of(64));
    assert!(TIMEOUT_DEFAULT.as_secs() > 2 * HEARTBEAT_DEFAULT.as_secs());
    assert!(COOKIE_SECRET_LIFETIME.as_secs() > COOKIE_LIFETIME.as_secs());
    // One receive may overshoot its budget by one run, and each datagram may be answered by one.
    assert!(STAGED_DATAGRAMS >= 2 * (RECEIVE_DATAGRAMS_PER_TURN + SEGMENTS_MAX));
};

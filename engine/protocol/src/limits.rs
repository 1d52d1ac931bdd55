//! Every bound of the engine, in one place, with the relations between them checked when it is compiled.
//!
//! A bound that a peer can reach has a counter in [`crate::stats`]; a bound that a caller can reach has an error.

use core::time::Duration;

/// Version of the protocol in `PROTOCOL.md`. A server denies every other one by name.
pub const PROTOCOL_VERSION: u16 = 1;
/// UDP port of a server that was told no other (W1).
pub const PORT_DEFAULT: u16 = 3565;

/// Largest UDP payload that every path is taken to carry, in bytes (W1). Larger ones are sent only where probing has
/// shown that they arrive.
pub const DATAGRAM_BYTES_BASE: usize = 1200;
/// Largest UDP payload either end sends or takes, in bytes: an Ethernet frame's IPv4 packet less its headers (W12).
pub const DATAGRAM_BYTES_MAX: usize = 1472;
/// Largest UDP payload of an end whose path swallows larger ones, in bytes: fits IPv4's minimum of 576 (W12).
pub const DATAGRAM_BYTES_MIN: usize = 512;
/// Header of every datagram, in bytes (W1).
pub const HEADER_BYTES: usize = 14;
/// Authentication tag of both AEADs, in bytes (RFC 8439, NIST SP 800-38D).
pub const TAG_BYTES: usize = 16;
/// What the largest encrypted datagram can carry as frames, in bytes.
pub const FRAMES_BYTES_MAX: usize = DATAGRAM_BYTES_MAX - HEADER_BYTES - TAG_BYTES;
/// What an encrypted datagram of [`DATAGRAM_BYTES_BASE`] can carry as frames, in bytes.
pub const FRAMES_BYTES_BASE: usize = DATAGRAM_BYTES_BASE - HEADER_BYTES - TAG_BYTES;
/// Kind and length in front of every frame, in bytes.
pub const FRAME_HEADER_BYTES: usize = 2;
/// Largest unreliable message that leaves in one datagram on every path, in bytes; larger ones are fragmented.
pub const WHOLE_MESSAGE_BYTES_MAX: usize = FRAMES_BYTES_BASE - FRAME_HEADER_BYTES;
/// Largest message of any channel, in bytes (W11).
pub const MESSAGE_BYTES_MAX: usize = 1 << 16;

/// Sizes an encrypted datagram is padded to. Equal sizes are what lets datagrams to one address leave as one
/// `UDP_SEGMENT` send; four steps an octave keep the padding under a quarter.
pub const DATAGRAM_BUCKETS: [u16; 22] =
    [48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1200, 1328, 1408, 1472];

/// Connect is padded to this size, so that no reply to a stranger is larger than what it answers (S1).
pub const CONNECT_BYTES: usize = 144;
/// The secret that names a session to be resumed, in bytes.
pub const RESUME_TOKEN_BYTES: usize = 16;
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
/// How long a connection that has missed a ping must have been silent before its slot may go to a client that connects from
/// the same address, where there is no other.
pub const SILENT_AFTER: Duration = Duration::from_secs(1);
/// How long an accepted client may take to prove that it holds the keys.
pub const HALF_OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// First wait of a client for the answer to its Connect; doubles at each try.
pub const CONNECT_RETRY_FIRST: Duration = Duration::from_millis(250);
/// Longest wait between two Connects.
pub const CONNECT_RETRY_MAX: Duration = Duration::from_secs(2);
/// How long a client tries to connect before it says that the server cannot be reached.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server that is busy or full asks clients to wait before they try again.
pub const BUSY_WAIT: Duration = Duration::from_secs(1);
/// Longest wait that a client grants such an answer, which can be forged: one of them must not use up an attempt.
pub const BUSY_WAIT_MAX: Duration = Duration::from_secs(2);
/// How long a client tries to connect to a server that answers that it is busy.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(60);
/// Copies of a Disconnect, each under its own sequence: nobody retransmits the last word.
pub const DISCONNECT_COPIES: usize = 3;

/// Channels of a connection. Channel `n` has the delivery `n % 4` (W2).
pub const CHANNELS: usize = 16;
/// Messages of one reliable channel that may be sent beyond its oldest that is not acknowledged.
pub const CHANNEL_WINDOW_MESSAGES: usize = 4096;
/// What a connection's reliable messages, from the oldest that is not acknowledged to the newest sent, may cost the
/// receiver, in bytes; each message costs its size and [`MESSAGE_COST_BYTES`] (R7).
pub const RELIABLE_WINDOW_BYTES: usize = 2 << 20;
/// What keeping a message costs beside its bytes.
pub const MESSAGE_COST_BYTES: usize = 64;
/// What a connection's reliable messages may cost the sender, in bytes, those not yet sent included (R7).
pub const SEND_QUEUE_BYTES_MAX: usize = 4 << 20;
/// Memory for messages of one core, or of one client, unless configured otherwise, in bytes.
pub const MESSAGE_MEMORY_BYTES_DEFAULT: usize = 256 << 20;
/// The least memory for messages that can be configured: what the largest datagram can ask for, with room to spare.
pub const MESSAGE_MEMORY_BYTES_MIN: usize = 4 << 20;
/// When less of it is left than this, datagrams that would have to be kept are taken for lost.
pub const MESSAGE_MEMORY_BYTES_LOW: usize = 1 << 20;

/// Fragments begin at multiples of this (W11).
pub const FRAGMENT_GRAIN_BYTES: usize = 128;
/// Fragmented messages that a sender has under way, and a receiver puts together, at a time (W11); counted apart for
/// reliable and for unreliable ones.
pub const FRAGMENTED_OPEN_MAX: usize = 8;
/// Their bytes (W11).
pub const FRAGMENTED_BYTES_MAX: usize = 256 << 10;
/// How long an unreliable message may lack fragments; how long, when memory is low, a reliable one (W11).
pub const FRAGMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an unreliable message must have lacked new pieces before another may take its place.
pub const FRAGMENT_STALL: Duration = Duration::from_secs(1);
/// Messages above this are compressed where that pays (B5).
pub const COMPRESSION_BYTES_MIN: usize = 512;

/// Wait for an acknowledgment before the first round trip was measured (R2).
pub const RETRANSMISSION_TIMEOUT_FIRST: Duration = Duration::from_millis(250);
/// Longest wait between two probes: the doubling ends here, so that a connection is back soon after a blackout (R2).
pub const PROBE_TIMEOUT_MAX: Duration = Duration::from_secs(2);
/// Packets that must be acknowledged behind one before it is taken for lost (RFC 9002, section 6.1.1).
pub const REORDERING_PACKETS: u64 = 3;
/// Longest that an acknowledgment is held back (RFC 9000, section 18.2).
pub const ACK_DELAY_MAX: Duration = Duration::from_millis(25);
/// Packets behind the newest that an acknowledgment speaks of.
pub const ACK_POSITIONS_MAX: u64 = 512;
/// A sender leaves out a number about this often; whoever acknowledges one is lying (R1).
pub const SKIPPED_NUMBER_PERIOD: u64 = 2048;

/// Bytes after which a connection changes its keys (S5).
pub const REKEY_BYTES: u64 = 1 << 30;
/// Time after which a connection changes its keys (S5).
pub const REKEY_PERIOD: Duration = Duration::from_secs(60 * 60);
/// Least time between two changes of keys that the peer asks for: each costs a key exchange.
pub const REKEY_PERIOD_MIN: Duration = Duration::from_secs(10);

/// Sizes that are tried, one after the other, once the smaller one is known to pass, in bytes (W12).
pub const MTU_PROBE_BYTES: [u16; 3] = [1328, 1408, 1472];
/// Tries for each size.
pub const MTU_PROBES_MAX: u32 = 3;
/// Time after which a size that failed is tried again (RFC 8899, section 5.1.1).
pub const MTU_RETRY: Duration = Duration::from_secs(600);
/// Probe timeouts in a row after which larger datagrams are taken to vanish.
pub const BLACK_HOLE_TIMEOUTS: u32 = 3;

/// Wait between two challenges of a new path; after [`PATH_CHALLENGES_MAX`] it is given up (W13).
pub const PATH_CHALLENGE_PERIOD: Duration = Duration::from_millis(250);
/// Challenges of a new path.
pub const PATH_CHALLENGES_MAX: u32 = 8;

/// How long a connection that timed out can be resumed (R9).
pub const RESUME_PERIOD: Duration = Duration::from_secs(60);
/// How long a ping of a client may go unanswered, in silence, before it asks for a connection beside the one it has: the
/// server may have been started anew, and then does not know that one.
pub const RECONNECT_AFTER: Duration = Duration::from_secs(2);
/// First wait of a client before it connects again; doubles at each try (R9).
pub const RECONNECT_FIRST: Duration = Duration::from_millis(100);
/// Longest wait of a client before it connects again.
pub const RECONNECT_MAX: Duration = Duration::from_secs(5);

/// Connections of one core: the slot number is 16 bits wide (W10).
pub const CONNECTIONS_PER_CORE_MAX: usize = 1 << 16;
/// Cores of one server: the core number is 8 bits wide (W10).
pub const CORES_MAX: usize = 1 << 8;

/// Answers to strangers (cookies, denials) that one flush may send, ~4 us each; the rest waits its turn (S8).
pub const ADMISSION_REPLIES_PER_FLUSH: usize = 32;
/// Answers to strangers that may wait; beyond that their Connects are dropped and counted.
pub const ADMISSION_REPLIES_WAITING_MAX: usize = 1024;
/// Key exchanges that one flush may do, ~120 us each; the rest waits its turn (S8).
pub const HANDSHAKES_PER_FLUSH: usize = 8;
/// Clients with a valid cookie that may wait for their key exchange.
pub const HANDSHAKES_WAITING_MAX: usize = 1024;
/// Events (joined, left) that may wait for the caller.
pub const EVENTS_RESERVED: usize = 1024;
/// How finely timers are kept.
pub const TIMER_GRAIN: Duration = Duration::from_millis(1);

/// Datagrams that may be composed and not yet handed to the link, per core.
pub const SEND_QUEUE_DATAGRAMS: usize = 8192;
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
    assert!(MTU_PROBE_BYTES[MTU_PROBE_BYTES.len() - 1] as usize == DATAGRAM_BYTES_MAX);
    assert!(ACK_POSITIONS_MAX <= REPLAY_WINDOW, "acknowledgments are read off the replay window");
    assert!(CHANNEL_WINDOW_MESSAGES < 1 << 15, "numbers of 16 bits tell old from new");
    assert!(MESSAGE_BYTES_MAX.is_multiple_of(FRAGMENT_GRAIN_BYTES));
    assert!(MESSAGE_BYTES_MAX <= FRAGMENTED_BYTES_MAX && FRAGMENTED_BYTES_MAX <= RELIABLE_WINDOW_BYTES);
    assert!(MESSAGE_MEMORY_BYTES_LOW > 2 * FRAGMENTED_OPEN_MAX * MESSAGE_BYTES_MAX / 2);
    assert!(FRAGMENT_TIMEOUT.as_secs() < TIMEOUT_DEFAULT.as_secs());
    assert!(CONNECT_BYTES <= DATAGRAM_BYTES_MAX);
    assert!(REPLAY_WINDOW.is_multiple_of(64));
    assert!(TIMEOUT_DEFAULT.as_secs() > 2 * HEARTBEAT_DEFAULT.as_secs());
    // A server that is back within its clients' timeout has them back within ten seconds.
    assert!(HEARTBEAT_DEFAULT.as_secs() + RECONNECT_AFTER.as_secs() + CONNECT_RETRY_MAX.as_secs() < 10);
    assert!(COOKIE_SECRET_LIFETIME.as_secs() > COOKIE_LIFETIME.as_secs());
    // One receive may overshoot its budget by one run, and each datagram may be answered by one.
    assert!(SEND_QUEUE_DATAGRAMS >= 2 * (RECEIVE_DATAGRAMS_PER_TURN + SEGMENTS_MAX));
};

//! Every bound of the crate, in one place (PROTOCOL.md#introductions).

use core::time::Duration;

/// Players of a mesh, the own one included.
pub const PLAYERS_MAX: usize = 16;
/// Candidates of a player.
pub const CANDIDATES_MAX: usize = 12;
/// Relays of a player: one per family.
pub const RELAYS_MAX: usize = 2;
/// A description, in bytes.
pub const DESCRIPTION_BYTES_MAX: usize = 124 + CANDIDATES_MAX * crate::candidate::CANDIDATE_BYTES + RELAYS_MAX * 26;
/// What a relay adds to a datagram at most, in bytes: header 16, address 18.
pub const RELAY_BYTES_MAX: usize = 34;
/// A datagram that a mesh sends, in bytes: one of the protocol, and what a relay needs.
pub const PEER_DATAGRAM_BYTES_MAX: usize = ringshard_protocol::limits::DATAGRAM_BYTES_MAX + RELAY_BYTES_MAX;
/// The first ICE credential.
pub(crate) const UFRAG_BYTES: usize = 8;
/// The second ICE credential.
pub(crate) const PASSWORD_BYTES: usize = 24;

/// First wait before a description is sent again. It doubles with each try.
pub(crate) const DESCRIPTION_RETRY_FIRST: Duration = Duration::from_millis(500);
/// Longest wait before a description is sent again.
pub(crate) const DESCRIPTION_RETRY_MAX: Duration = Duration::from_secs(4);
/// Introductions per second that a mesh sends in the long run. The server drops more than these.
pub(crate) const INTRODUCTIONS_PER_SECOND: u64 = 4;
/// Introductions that a mesh sends at once.
pub(crate) const INTRODUCTIONS_AT_ONCE: u64 = 32;
/// Least time between two restarts of the checks that a peer asks for: each costs up to [`CANDIDATES_MAX`] times 9 datagrams.
pub(crate) const PEER_RESTART_PERIOD: Duration = Duration::from_millis(500);

/// First wait for the answer of a STUN server. It doubles with each try.
pub(crate) const STUN_RETRY_FIRST: Duration = Duration::from_millis(200);
/// Longest wait for the answer of a STUN server.
pub(crate) const STUN_RETRY_MAX: Duration = Duration::from_secs(4);
/// Registers without an answer after which a player tries the next address of its relay.
pub(crate) const REGISTERS_PER_ADDRESS: u32 = 2;
/// Time after which a STUN server is asked again: NATs forget a flow after 30 s and more.
pub(crate) const STUN_PERIOD: Duration = Duration::from_secs(15);
/// How long the first description waits for STUN servers and the relay.
pub(crate) const GATHERING_WAIT: Duration = Duration::from_millis(500);

/// Longest wait between two checks of a path (RFC 7675: at most 5 s).
pub(crate) const CHECK_PERIOD: Duration = Duration::from_secs(1);
/// First wait for the answer to a check.
pub(crate) const CHECK_RETRY_FIRST: Duration = Duration::from_millis(200);
/// Least time between two checks of a pair of players.
pub(crate) const CHECK_PACE: Duration = Duration::from_millis(20);
/// Silence on the path in use after which another one is looked for.
pub(crate) const PATH_LOST_AFTER: Duration = Duration::from_millis(2_500);
/// First time that new checks get before they begin anew. It doubles with each try.
pub(crate) const RESTART_FIRST: Duration = Duration::from_secs(5);
/// Longest time between two beginnings.
pub(crate) const RESTART_MAX: Duration = Duration::from_secs(20);
/// Pairs of candidates that are checked for each peer.
pub(crate) const PAIRS_MAX: usize = 64;
/// Candidates of a peer that are taken before checks begin anew: each description can name others.
pub(crate) const CANDIDATES_TAKEN_MAX: usize = 4 * (CANDIDATES_MAX + RELAYS_MAX);
/// Checks of a pair of players whose answers are awaited: those of some seconds at [`CHECK_PACE`].
pub(crate) const CHECKS_REMEMBERED: usize = 128;
/// Addresses from which a peer's checks are taken before checks begin anew, and likewise addresses at which the peer says that
/// it sees this host. Each costs memory, and the former checks.
pub(crate) const ADDRESSES_HEARD_MAX: usize = 32;
/// Addresses of one peer from which datagrams are read.
pub(crate) const ADDRESSES_PER_PEER_MAX: usize = 16;

/// What a mesh keeps of a player and others can fill, in entries of its tables: see [`Mesh::entries`](crate::Mesh::entries).
pub const ENTRIES_PER_PLAYER_MAX: usize = CANDIDATES_TAKEN_MAX
    + CANDIDATES_MAX
    + RELAYS_MAX
    + CHECKS_REMEMBERED
    + 2 * ADDRESSES_HEARD_MAX
    + ADDRESSES_PER_PEER_MAX;

/// Interval between pings of a session between players.
pub(crate) const PEER_HEARTBEAT: Duration = Duration::from_secs(2);
/// Silence after which a session between players is suspended.
pub(crate) const PEER_TIMEOUT: Duration = Duration::from_secs(12);
/// Memory for messages from one peer, in bytes.
pub(crate) const PEER_MESSAGE_BYTES_MAX: usize = 16 << 20;
/// Datagrams that wait for the socket.
pub(crate) const OUTBOX_DATAGRAMS: usize = 128;

//! All bounds of the services that both ends share (PROTOCOL.md#limits).

use std::time::Duration;

/// Most bytes of a call, including its path and its value.
pub const CALL_BYTES_MAX: usize = 16_384;
/// Most bytes of an outcome, including its value.
pub const OUTCOME_BYTES_MAX: usize = 16_384;
/// Most calls of one client that have no answer yet.
pub const CALLS_OPEN_MAX: usize = 100;
/// The next call's number is less than this above the smallest number of an open call.
pub const CALLS_SPAN_MAX: u32 = 1_024;
/// How long a server keeps the outcome of a call, so that a repetition gets it again.
pub const OUTCOME_LIFETIME: Duration = Duration::from_secs(50);
/// The longest deadline of a call. It is shorter than [`OUTCOME_LIFETIME`], so a repeated call always finds its outcome.
pub const DEADLINE_MAX: Duration = Duration::from_secs(40);
/// After how long without an outcome a client first repeats a call.
pub const CALL_RETRY_FIRST: Duration = Duration::from_millis(250);
/// Each repetition waits twice as long as the one before, but not longer.
pub const CALL_RETRY_MAX: Duration = Duration::from_secs(4);
/// Bytes of a path.
pub const PATH_BYTES_MAX: usize = 64;
/// Bytes of a schema.
pub const SCHEMA_BYTES_MAX: usize = 2_048;
/// Nesting of types in a schema, including the outermost.
pub const SCHEMA_DEPTH_MAX: usize = 8;
/// Fields of a record.
pub const FIELDS_MAX: usize = 64;
/// Bytes of a field's name.
pub const FIELD_NAME_BYTES_MAX: usize = 32;
/// Most parts of a value: itself and all values inside it. This bounds what a few bytes can make a program allocate.
pub const VALUE_PARTS_MAX: usize = 8_192;
/// Most bytes of a notice, including its topic and its value.
pub const NOTICE_BYTES_MAX: usize = 16_384;
/// Bytes of a notice's topic.
pub const TOPIC_BYTES_MAX: usize = 64;
/// Most open downloads of one client.
pub const DOWNLOADS_OPEN_MAX: usize = 16;
/// Most bytes that one Fetch requests.
pub const FETCH_BYTES_MAX: u32 = 262_144;
/// Most ranges of one client that a server queues.
pub const FETCHES_OPEN_MAX: usize = 32;
/// Most bytes of a resource's name. Its length takes one byte.
pub const RESOURCE_NAME_BYTES_MAX: usize = 127;
/// Most bytes of content in one Piece.
pub const PIECE_BYTES_MAX: usize = 8_192;

const _: () = assert!(
    DEADLINE_MAX.as_millis() < OUTCOME_LIFETIME.as_millis(),
    "a call that is repeated until its deadline finds its outcome"
);

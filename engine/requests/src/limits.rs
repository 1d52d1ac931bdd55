//! Every bound of the services that both ends share, in one place (PROTOCOL.md#limits).

use std::time::Duration;

/// Bytes of a call, with its path and its value.
pub const CALL_BYTES_MAX: usize = 16_384;
/// Bytes of an outcome, with its value.
pub const OUTCOME_BYTES_MAX: usize = 16_384;
/// Calls of one client that are not answered yet.
pub const CALLS_OPEN_MAX: usize = 100;
/// From the smallest number of a call that is open to the next number: it is less.
pub const CALLS_SPAN_MAX: u32 = 1_024;
/// For how long a server keeps the outcome of a call, to give it again.
pub const OUTCOME_LIFETIME: Duration = Duration::from_secs(50);
/// The longest deadline of a call: before it is over, the server forgets no outcome.
pub const DEADLINE_MAX: Duration = Duration::from_secs(40);
/// After how long without an outcome a client first repeats a call.
pub const CALL_RETRY_FIRST: Duration = Duration::from_millis(250);
/// Each repetition waits twice as long as the one before, but not longer.
pub const CALL_RETRY_MAX: Duration = Duration::from_secs(4);
/// Bytes of a path.
pub const PATH_BYTES_MAX: usize = 64;
/// Bytes of a schema.
pub const SCHEMA_BYTES_MAX: usize = 2_048;
/// Types inside each other in a schema, with the outermost.
pub const SCHEMA_DEPTH_MAX: usize = 8;
/// Fields of a record.
pub const FIELDS_MAX: usize = 64;
/// Bytes of a field's name.
pub const FIELD_NAME_BYTES_MAX: usize = 32;
/// Values in one value, with itself and all that are inside it. A few bytes cannot make a program allocate without end.
pub const VALUE_PARTS_MAX: usize = 8_192;
/// Bytes of a notice, with its topic and its value.
pub const NOTICE_BYTES_MAX: usize = 16_384;
/// Bytes of a notice's topic.
pub const TOPIC_BYTES_MAX: usize = 64;
/// Downloads of one client that are open.
pub const DOWNLOADS_OPEN_MAX: usize = 16;
/// Bytes that one Fetch asks for.
pub const FETCH_BYTES_MAX: u32 = 262_144;
/// Ranges of one client that a server keeps until it has sent them.
pub const FETCHES_OPEN_MAX: usize = 32;
/// Bytes of a resource's name. One byte says its length.
pub const RESOURCE_NAME_BYTES_MAX: usize = 127;
/// Bytes that one Piece carries.
pub const PIECE_BYTES_MAX: usize = 8_192;

const _: () = assert!(
    DEADLINE_MAX.as_millis() < OUTCOME_LIFETIME.as_millis(),
    "a call that is repeated until its deadline finds its outcome"
);

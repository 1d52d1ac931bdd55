//! Every bound of the services that both ends share, in one place (PROTOCOL.md#limits).

/// Bytes of a call, with its path and its value.
pub const CALL_BYTES_MAX: usize = 16_384;
/// Bytes of an outcome, with its value.
pub const OUTCOME_BYTES_MAX: usize = 16_384;
/// Calls of one client that are not answered yet.
pub const CALLS_OPEN_MAX: usize = 100;
/// For how long a server keeps the outcome of a call, to give it again, in ms.
pub const OUTCOME_LIFETIME_MS: u64 = 50_000;
/// The longest deadline of a call, in ms: before it is over, the server forgets no outcome.
pub const DEADLINE_MAX_MS: u64 = 40_000;
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

const _: () = assert!(DEADLINE_MAX_MS < OUTCOME_LIFETIME_MS, "a call that is repeated finds its outcome");

//! What names a session. A session outlives its connection: a client can resume it over another one.

use crate::limits::RESUME_TOKEN_BYTES;

/// Names a session of an endpoint. It survives address changes and resumption, unlike a connection id, and is never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SessionId(pub(super) u64);

/// The secret by which a client names the session that it wants to resume (PROTOCOL.md#resumption-keys).
pub(super) type Token = [u8; RESUME_TOKEN_BYTES];

//! Statuses of outcomes: those of HTTP, and [`UNKNOWN`].

/// The call was executed.
pub const OK: u16 = 200;
/// The request cannot be read; the message says which field.
pub const MALFORMED: u16 = 400;
/// The caller must log in first.
pub const LOGIN_NEEDED: u16 = 401;
/// The caller may not do this.
pub const FORBIDDEN: u16 = 403;
/// There is no such action.
pub const NOT_FOUND: u16 = 404;
/// The deadline passed before the call began: it was not executed.
pub const EXPIRED: u16 = 408;
/// The present state does not allow it.
pub const CONFLICT: u16 = 409;
/// The request is too large.
pub const TOO_LARGE: u16 = 413;
/// Too many calls of this client; the outcome says how long to wait.
pub const TOO_MANY: u16 = 429;
/// The client cancelled the call before it began: it was not executed.
pub const CANCELLED: u16 = 499;
/// The handler failed.
pub const FAILED: u16 = 500;
/// The server is busy or the action is suspended; the outcome says how long to wait. The call was not executed.
pub const BUSY: u16 = 503;
/// The handler took too long and was stopped. It may have taken effect.
pub const TIMEOUT: u16 = 504;
/// The server that may have executed the call is gone, or has forgotten it: whether it was executed is not known.
pub const UNKNOWN: u16 = 520;

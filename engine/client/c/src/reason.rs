//! Why a connection ended, as numbers for the program.

use client::CloseReason;

/// The server did not answer.
pub const RS_REASON_UNREACHABLE: i32 = 1;
/// The server does not hold the pinned key.
pub const RS_REASON_WRONG_KEY: i32 = 2;
/// The server was silent, and answers a new connection: it may have restarted.
pub const RS_REASON_SILENT: i32 = 3;
/// The server denied the client: this, and the code of PROTOCOL.md#connectiondenied.
pub const RS_REASON_DENIED: i32 = 100;
/// The connection was closed: this, and the code of PROTOCOL.md#disconnect.
pub const RS_REASON_DISCONNECTED: i32 = 200;

/// The number of a reason.
pub fn number(reason: &CloseReason) -> i32 {
    match reason {
        CloseReason::Unreachable(_) => RS_REASON_UNREACHABLE,
        CloseReason::WrongKey => RS_REASON_WRONG_KEY,
        CloseReason::Silent => RS_REASON_SILENT,
        CloseReason::Denied(denied, _) => RS_REASON_DENIED + i32::from(*denied as u8),
        CloseReason::Disconnected(disconnected) => RS_REASON_DISCONNECTED + i32::from(*disconnected as u8),
    }
}

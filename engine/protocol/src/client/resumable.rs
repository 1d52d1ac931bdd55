//! What a client keeps of a session without a connection.

use crate::connection::Channels;
use crate::crypto::noise::ResumeKey;

/// What a lost connection leaves behind: enough to resume its session.
#[derive(Debug)]
pub(super) struct ResumableSession {
    pub(super) core: u8,
    pub(super) key: ResumeKey,
    pub(super) channels: Option<Box<Channels>>,
}

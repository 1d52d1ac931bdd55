//! Connections that end with the task that serves them.

use quinn::{Connection, VarInt};

/// A connection that is closed when this is dropped. quinn keeps a connection alive as long as anything holds it or one of its
/// streams, and a connection that nobody serves counts in no limit.
pub(super) struct Owned {
    connection: Connection,
    code: VarInt,
}

impl Owned {
    /// `code` is for an end that nothing else has told.
    pub(super) fn new(connection: Connection, code: VarInt) -> Owned {
        Owned { connection, code }
    }

    pub(super) fn get(&self) -> &Connection {
        &self.connection
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.connection.close(self.code, b"");
    }
}

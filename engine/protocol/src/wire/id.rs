//! Connection ids, which route a datagram to its core (PROTOCOL.md#connection-id).

/// Identifies a connection on the wire: its core, its slot in that core's table, and the slot's generation.
///
/// The core is byte 0 of every datagram. The packet filter of the socket group reads it there, so a datagram reaches
/// its core from whatever address it comes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct ConnectionId(u32);

impl ConnectionId {
    /// No connection: unencrypted packets to the server, and from it before it has assigned a slot.
    pub const NONE: ConnectionId = ConnectionId(0);

    /// An id from its parts.
    ///
    /// # Panics
    /// If `generation` is 0, which would make the id of core 0, slot 0 equal [`Self::NONE`].
    pub const fn new(core: u8, generation: u8, slot: u16) -> Self {
        assert!(generation != 0, "generation 0 is reserved: it would let an id be zero");
        ConnectionId(core as u32 | (generation as u32) << 8 | (slot as u32) << 16)
    }

    /// No connection, on this core: in a Connect that wants to resume a session of that core. The generation of 0 tells
    /// it from every connection, the slot of 1 from [`Self::NONE`].
    pub const fn any_on_core(core: u8) -> Self {
        ConnectionId(core as u32 | 1 << 16)
    }

    /// The core that a Connect with this id asks for.
    pub const fn requested_core(self) -> Option<u8> {
        if self.generation() == 0 && self.slot() == 1 { Some(self.core()) } else { None }
    }

    /// The id from a header.
    pub const fn from_bits(bits: u32) -> Self {
        ConnectionId(bits)
    }

    /// The id for a header.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The core that owns the connection.
    pub const fn core(self) -> u8 {
        self.0 as u8
    }

    /// How many connections the slot has had: 1 to 255, wrapping to 1.
    pub const fn generation(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// Index in the owning core's table.
    pub const fn slot(self) -> u16 {
        (self.0 >> 16) as u16
    }
}

impl core::fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}.{}.{}", self.core(), self.slot(), self.generation())
    }
}

//! Connection identifiers, and how a datagram finds its core.

/// Names a connection on the wire: which core owns it, in which slot, and the how-manyth owner of that slot it is.
///
/// `core` is byte 0 of every datagram, where the packet filter of the socket group reads it, so a datagram reaches its
/// owner whatever address it comes from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct ConnectionId(u32);

impl ConnectionId {
    /// No connection: packets outside encryption that go to the server, or come from it before a slot is given.
    pub const NONE: ConnectionId = ConnectionId(0);

    /// An identifier from its parts. `generation` starts at 1, which keeps every identifier apart from [`Self::NONE`].
    pub const fn new(core: u8, generation: u8, slot: u16) -> Self {
        assert!(generation != 0, "generation 0 is reserved: it would let an identifier be zero");
        ConnectionId(core as u32 | (generation as u32) << 8 | (slot as u32) << 16)
    }

    /// No connection, but on this core: what a Connect carries that wants to go on with a session there. The generation
    /// of 0 tells it from every connection, the slot of 1 from [`Self::NONE`].
    pub const fn of_any_on(core: u8) -> Self {
        ConnectionId(core as u32 | 1 << 16)
    }

    /// The core that a Connect with this identifier wants.
    pub const fn wanted_core(self) -> Option<u8> {
        if self.generation() == 0 && self.slot() == 1 { Some(self.core()) } else { None }
    }

    /// The identifier as it stands in a header.
    pub const fn from_bits(bits: u32) -> Self {
        ConnectionId(bits)
    }

    /// What a header carries.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Core that owns the connection.
    pub const fn core(self) -> u8 {
        self.0 as u8
    }

    /// How many connections the slot has had, 1 to 255, wrapping.
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

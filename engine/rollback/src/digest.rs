//! Bytes of a state, and their digest.

use ringshard_world::Wire;
use ringshard_world::codec::Writer;

/// Room for the bytes of a state. It is allocated once.
pub(crate) struct Encoder {
    buffer: Box<[u8]>,
}

impl Encoder {
    pub(crate) fn new<S: Wire>() -> Self {
        Encoder { buffer: vec![0; S::BYTES_MAX].into() }
    }

    /// The bytes of a state.
    pub(crate) fn bytes<S: Wire>(&mut self, state: &S) -> &[u8] {
        let mut writer = Writer::new(&mut self.buffer);
        state.write(&mut writer).expect("a state has at most its BYTES_MAX");
        let len = writer.used();
        &self.buffer[..len]
    }

    /// The digest of a state.
    pub(crate) fn digest<S: Wire>(&mut self, state: &S) -> u32 {
        crc32c::crc32c(self.bytes(state))
    }
}

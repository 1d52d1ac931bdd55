//! The bytes of a map file in memory: its owner may be a vector or a file that is mapped into memory.

/// Bytes that stay where they are for as long as they are borrowed.
pub type Bytes = Box<dyn AsRef<[u8]> + Send + Sync>;

/// Bytes that begin at a multiple of 8.
struct Aligned {
    words: Vec<u64>,
    len: usize,
}

impl AsRef<[u8]> for Aligned {
    fn as_ref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.len]
    }
}

/// A copy of `bytes` that begins at a multiple of 8, as [`read`](super::read()) needs it.
pub fn aligned(bytes: &[u8]) -> Bytes {
    let mut words = vec![0_u64; bytes.len().div_ceil(8)];
    bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(bytes);
    Box::new(Aligned { words, len: bytes.len() })
}

//! Records of bytes in a ring.
//!
//! A record is its length, as a u32 in little endian, and its bytes. It is written and read as a whole.

use rtrb::{Consumer, Producer, RingBuffer};

/// Bytes of the length ahead of a record.
const LENGTH: usize = 4;
/// Bytes of the longest record.
pub(super) const RECORD_BYTES_MAX: usize = 66_000;

/// The end that writes.
#[derive(Debug)]
pub(super) struct RecordWriter(Producer<u8>);

/// The end that reads.
#[derive(Debug)]
pub(super) struct RecordReader(Consumer<u8>);

/// A ring of so many bytes.
pub(super) fn ring(bytes: usize) -> (RecordWriter, RecordReader) {
    assert!(bytes >= 2 * RECORD_BYTES_MAX, "the longest record fits the ring");
    let (producer, consumer) = RingBuffer::new(bytes);
    (RecordWriter(producer), RecordReader(consumer))
}

impl RecordWriter {
    /// Appends the record that `parts` make up. False if there is no room for it.
    ///
    /// # Panics
    /// When it is longer than [`RECORD_BYTES_MAX`].
    pub(super) fn push(&mut self, parts: &[&[u8]]) -> bool {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        assert!(length <= RECORD_BYTES_MAX, "a record of {length} bytes");
        let Ok(mut chunk) = self.0.write_chunk(LENGTH + length) else { return false };
        let (mut room, mut rest) = chunk.as_mut_slices();
        for mut part in [&(length as u32).to_le_bytes()[..]].iter().chain(parts).copied() {
            if part.len() > room.len() {
                let (front, back) = part.split_at(room.len());
                room.copy_from_slice(front);
                (room, rest, part) = (rest, &mut [], back);
            }
            let (place, after) = room.split_at_mut(part.len());
            place.copy_from_slice(part);
            room = after;
        }
        chunk.commit_all();
        true
    }
}

impl RecordReader {
    /// The next record, if there is one, in `record`. That allocates when it is used first.
    pub(super) fn next<'a>(&mut self, record: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        let chunk = self.0.read_chunk(LENGTH).ok()?;
        let mut length = [0; LENGTH];
        copy(chunk.as_slices(), &mut length);
        let length = u32::from_le_bytes(length) as usize;
        let chunk = self.0.read_chunk(LENGTH + length).expect("a record is written as a whole");
        let (first, second) = chunk.as_slices();
        let skipped = first.len().min(LENGTH);
        record.resize(RECORD_BYTES_MAX, 0);
        let record = &mut record[..length];
        copy((&first[skipped..], &second[LENGTH - skipped..]), record);
        chunk.commit_all();
        Some(record)
    }

    /// Whether there is no record.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn copy((first, second): (&[u8], &[u8]), to: &mut [u8]) {
    let (front, back) = to.split_at_mut(first.len().min(to.len()));
    front.copy_from_slice(&first[..front.len()]);
    back.copy_from_slice(&second[..back.len()]);
}

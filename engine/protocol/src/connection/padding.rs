//! Padding: the sizes of encrypted datagrams (PROTOCOL.md#padding).

use crate::limits::*;

/// Size of the datagram that carries this many bytes of frames: header and tag added, rounded up to a bucket.
///
/// # Panics
/// If they are more than [`FRAMES_BYTES_MAX`].
#[inline]
pub fn sealed_len(frames_bytes: usize) -> usize {
    assert!(frames_bytes <= FRAMES_BYTES_MAX, "the frame writer keeps to its buffer");
    usize::from(BUCKET_OF[(HEADER_BYTES + frames_bytes + TAG_BYTES).div_ceil(BUCKET_GRAIN)])
}

/// Every bucket is a multiple of this.
const BUCKET_GRAIN: usize = 16;

/// The bucket for each number of grains.
const BUCKET_OF: [u16; DATAGRAM_BYTES_MAX / BUCKET_GRAIN + 1] = {
    let mut table = [0; DATAGRAM_BYTES_MAX / BUCKET_GRAIN + 1];
    let (mut grains, mut bucket) = (0, 0);
    while grains < table.len() {
        if grains * BUCKET_GRAIN > DATAGRAM_BUCKETS[bucket] as usize {
            bucket += 1;
        }
        table[grains] = DATAGRAM_BUCKETS[bucket];
        grains += 1;
    }
    table
};

const _: () = {
    let mut bucket = 0;
    while bucket < DATAGRAM_BUCKETS.len() {
        assert!((DATAGRAM_BUCKETS[bucket] as usize).is_multiple_of(BUCKET_GRAIN));
        assert!(bucket == 0 || DATAGRAM_BUCKETS[bucket - 1] < DATAGRAM_BUCKETS[bucket], "buckets grow");
        bucket += 1;
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_goes_to_the_smallest_bucket_that_holds_it() {
        for frames in 0..=FRAMES_BYTES_MAX {
            let needed = HEADER_BYTES + frames + TAG_BYTES;
            let smallest = DATAGRAM_BUCKETS.into_iter().map(usize::from).find(|&bucket| bucket >= needed);
            assert_eq!(Some(sealed_len(frames)), smallest);
        }
    }
}

//! Padding: the sizes of encrypted datagrams (PROTOCOL.md#padding).

use crate::limits::*;

/// Size of the datagram that carries this many bytes of frames: header and tag added, rounded up to a bucket.
///
/// # Panics
/// If they are more than [`FRAMES_BYTES_MAX`].
#[inline]
pub fn sealed_len(frames_bytes: usize) -> usize {
    assert!(frames_bytes <= FRAMES_BYTES_MAX, "the frame writer keeps to its buffer");
    let grains = frames_bytes.div_ceil(BUCKET_GRAIN);
    // The bucket of one grain less may have room for the last few bytes.
    let less = usize::from(BUCKET_OF[grains.saturating_sub(1)]);
    if HEADER_BYTES + frames_bytes + TAG_BYTES <= less { less } else { usize::from(BUCKET_OF[grains]) }
}

/// Two buckets differ by at least this.
const BUCKET_GRAIN: usize = 16;
const GRAINS_MAX: usize = FRAMES_BYTES_MAX.div_ceil(BUCKET_GRAIN);

/// The bucket for each number of grains of frames.
const BUCKET_OF: [u16; GRAINS_MAX + 1] = {
    let mut table = [DATAGRAM_BUCKETS[DATAGRAM_BUCKETS.len() - 1]; GRAINS_MAX + 1];
    let (mut grains, mut bucket) = (0, 0);
    while grains < GRAINS_MAX {
        while HEADER_BYTES + grains * BUCKET_GRAIN + TAG_BYTES > DATAGRAM_BUCKETS[bucket] as usize {
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
        let far =
            bucket == 0 || DATAGRAM_BUCKETS[bucket - 1] as usize + BUCKET_GRAIN <= DATAGRAM_BUCKETS[bucket] as usize;
        assert!(far, "buckets are at least a grain apart");
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

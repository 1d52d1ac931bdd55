//! A list of datagrams in one piece of memory, which is reused.

/// Datagrams, in order.
#[derive(Debug, Default)]
pub struct Datagrams {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Datagrams {
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn push(&mut self, datagram: &[u8]) {
        self.bytes.extend_from_slice(datagram);
        self.ends.push(self.bytes.len());
    }

    /// Adds a datagram of `len` zeros, to be written.
    pub fn reserve(&mut self, len: usize) -> &mut [u8] {
        let begin = self.bytes.len();
        self.bytes.resize(begin + len, 0);
        self.ends.push(self.bytes.len());
        &mut self.bytes[begin..]
    }

    /// Adds all datagrams of another list, and clears that.
    pub fn append(&mut self, other: &mut Datagrams) {
        for index in 0..other.len() {
            self.push(other.get(index));
        }
        other.clear();
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// # Panics
    /// When there is no such datagram.
    pub fn get(&self, index: usize) -> &[u8] {
        &self.bytes[self.begin(index)..self.ends[index]]
    }

    /// Runs of datagrams that one segmented send can carry: all of one size, except that the last may be shorter.
    pub fn runs(&self) -> Runs<'_> {
        Runs { datagrams: self, next: 0 }
    }

    fn begin(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    fn size(&self, index: usize) -> usize {
        self.ends[index] - self.begin(index)
    }
}

/// Datagrams of one segmented send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run<'a> {
    pub bytes: &'a [u8],
    /// Size of each datagram, in bytes. The last may be shorter.
    pub segment: usize,
    pub count: usize,
}

/// Most datagrams of one segmented send (UDP_MAX_SEGMENTS of older kernels).
const SEGMENTS_MAX: usize = 64;
/// Most bytes of one segmented send.
const RUN_BYTES_MAX: usize = 60_000;

/// See [`Datagrams::runs`].
#[derive(Debug)]
pub struct Runs<'a> {
    datagrams: &'a Datagrams,
    next: usize,
}

impl<'a> Iterator for Runs<'a> {
    type Item = Run<'a>;

    fn next(&mut self) -> Option<Run<'a>> {
        let Runs { datagrams, next } = self;
        let first = *next;
        if first == datagrams.len() {
            return None;
        }
        let (segment, begin) = (datagrams.size(first), datagrams.begin(first));
        *next += 1;
        while *next < datagrams.len()
            && *next - first < SEGMENTS_MAX
            && datagrams.size(*next - 1) == segment
            && datagrams.size(*next) <= segment
            && datagrams.ends[*next] - begin <= RUN_BYTES_MAX
        {
            *next += 1;
        }
        Some(Run { bytes: &datagrams.bytes[begin..datagrams.ends[*next - 1]], segment, count: *next - first })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs_of(sizes: &[usize]) -> Vec<(usize, usize, usize)> {
        let mut datagrams = Datagrams::default();
        sizes.iter().for_each(|&size| datagrams.reserve(size).fill(size as u8));
        datagrams.runs().map(|run| (run.segment, run.count, run.bytes.len())).collect()
    }

    #[test]
    fn a_run_ends_with_a_shorter_datagram_and_never_grows() {
        assert_eq!(runs_of(&[10, 10, 4, 4, 10]), [(10, 3, 24), (4, 1, 4), (10, 1, 10)]);
        assert_eq!(runs_of(&[4, 10]), [(4, 1, 4), (10, 1, 10)]);
        assert_eq!(runs_of(&[]), []);
    }

    #[test]
    fn a_run_has_at_most_what_one_send_can_carry() {
        assert_eq!(runs_of(&[10; 65]), [(10, 64, 640), (10, 1, 10)]);
        assert_eq!(runs_of(&[1_400; 43]), [(1_400, 42, 58_800), (1_400, 1, 1_400)]);
    }
}

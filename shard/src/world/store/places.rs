//! Sets of places, a bit each: what is sparse is walked without looking at every row.

/// Some of the places `0 .. capacity`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlaceSet {
    words: Vec<u64>,
}

impl PlaceSet {
    /// None of `capacity` places.
    pub fn new(capacity: usize) -> PlaceSet {
        PlaceSet { words: vec![0; capacity.div_ceil(64)] }
    }

    /// Whether `place` is among them.
    #[inline]
    pub fn contains(&self, place: usize) -> bool {
        self.words[place / 64] >> (place % 64) & 1 != 0
    }

    /// Adds `place`.
    #[inline]
    pub fn insert(&mut self, place: usize) {
        self.words[place / 64] |= 1 << (place % 64);
    }

    /// Takes `place` away.
    #[inline]
    pub fn remove(&mut self, place: usize) {
        self.words[place / 64] &= !(1 << (place % 64));
    }

    /// The places, upwards.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| bits(word).map(move |bit| at * 64 + bit))
    }

    /// 64 places a word, the lowest in the lowest bit.
    #[inline]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Takes all places away, upwards, and tells `each`.
    #[inline]
    pub(super) fn drain(&mut self, mut each: impl FnMut(usize)) {
        for (at, word) in self.words.iter_mut().enumerate() {
            bits(std::mem::take(word)).for_each(|bit| each(at * 64 + bit));
        }
    }
}

/// Which bits of `word` are set, upwards.
#[inline]
pub(super) fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
        word &= word - 1;
        Some(bit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_walked_upwards_until_it_is_taken_out() {
        let mut set = PlaceSet::new(130);
        for place in [129, 0, 64, 63, 0, 127] {
            set.insert(place);
        }
        set.remove(64);
        set.remove(1);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 127, 129]);
        assert!(set.contains(127) && !set.contains(64));
        let mut drained = Vec::new();
        set.drain(|place| drained.push(place));
        assert_eq!(drained, [0, 63, 127, 129]);
        assert_eq!(set, PlaceSet::new(130));
    }
}

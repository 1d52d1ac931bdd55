//! A ring of values by their numbers. It has a fixed size, in the memory of its owner, until it must grow.

/// The values of the last numbers. `N` is a power of two: numbers wrap, and index the ring.
#[derive(Clone, Debug)]
#[repr(C)]
pub(super) struct Ring<T, const N: usize> {
    /// The ring, once it has grown. Empty before.
    grown: Vec<T>,
    first: [T; N],
}

impl<T: Copy, const N: usize> Ring<T, N> {
    pub(super) fn new(blank: T) -> Self {
        const { assert!(N.is_power_of_two()) };
        Ring { grown: Vec::new(), first: [blank; N] }
    }

    /// How many values it has room for.
    #[inline]
    pub(super) fn len(&self) -> usize {
        if self.grown.is_empty() { N } else { self.grown.len() }
    }

    /// The value of the last number that had this place.
    #[inline]
    pub(super) fn at(&self, number: u16) -> &T {
        let place = usize::from(number) & (self.len() - 1);
        if self.grown.is_empty() { &self.first[place] } else { &self.grown[place] }
    }

    /// As [`Self::at`], to replace.
    #[inline]
    pub(super) fn at_mut(&mut self, number: u16) -> &mut T {
        let place = usize::from(number) & (self.len() - 1);
        if self.grown.is_empty() { &mut self.first[place] } else { &mut self.grown[place] }
    }

    /// Doubles its size. It keeps the values of the numbers before `next`, as many as it had room for; the other places have
    /// `blank`.
    #[cold]
    pub(super) fn grow(&mut self, next: u16, blank: T) {
        let former = self.clone();
        self.grown = vec![blank; former.len() * 2];
        for behind in 1..=former.len() as u16 {
            let number = next.wrapping_sub(behind);
            *self.at_mut(number) = *former.at(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_keeps_the_values_across_the_wrap_of_numbers() {
        let mut ring = Ring::<u16, 4>::new(0);
        for number in (0..10).map(|at: u16| at.wrapping_sub(7)) {
            *ring.at_mut(number) = number;
            if number == 1 || number == u16::MAX - 2 {
                ring.grow(number.wrapping_add(1), 0);
            }
        }
        assert_eq!(ring.len(), 16);
        (0..6).map(|at: u16| at.wrapping_sub(3)).for_each(|number| assert_eq!(*ring.at(number), number));
    }
}

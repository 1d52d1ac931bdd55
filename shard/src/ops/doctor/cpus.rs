//! Sets of CPUs, in the two formats of the kernel.

use std::collections::BTreeSet;
use std::fmt;

/// CPUs, by number.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CpuSet(BTreeSet<usize>);

impl CpuSet {
    /// Highest number, so that a long range does not fill the memory.
    const CPU_MAX: usize = 8_191;

    /// Parses a list such as `0,2,4-7`.
    pub fn from_list(text: &str) -> Option<Self> {
        let number = |text: &str| text.trim().parse::<usize>().ok().filter(|&cpu| cpu <= Self::CPU_MAX);
        let mut cpus = BTreeSet::new();
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            cpus.extend(number(first)?..=number(last)?);
        }
        Some(CpuSet(cpus))
    }

    /// Parses a mask such as `00000001,0000000f`: hexadecimal words of 32 bits, the highest first.
    pub fn from_mask(text: &str) -> Option<Self> {
        let mut cpus = BTreeSet::new();
        for (index, word) in text.split(',').rev().enumerate() {
            let word = u32::from_str_radix(word, 16).ok()?;
            cpus.extend((0..32).filter(|bit| word >> bit & 1 == 1).map(|bit| index * 32 + bit));
        }
        Some(CpuSet(cpus))
    }

    /// The number of CPUs.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The CPUs, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().copied()
    }

    /// The CPUs that are not in `other`.
    pub fn without(&self, other: &Self) -> Self {
        CpuSet(self.0.difference(&other.0).copied().collect())
    }

    /// The CPUs that are in both sets.
    pub fn within(&self, other: &Self) -> Self {
        CpuSet(self.0.intersection(&other.0).copied().collect())
    }
}

impl FromIterator<usize> for CpuSet {
    fn from_iter<I: IntoIterator<Item = usize>>(cpus: I) -> Self {
        CpuSet(cpus.into_iter().collect())
    }
}

impl Extend<usize> for CpuSet {
    fn extend<I: IntoIterator<Item = usize>>(&mut self, cpus: I) {
        self.0.extend(cpus);
    }
}

/// As a list, as [`CpuSet::from_list`], `--cpus` and the kernel accept it.
impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let mut rest = self.iter().peekable();
        let mut separator = "";
        while let Some(first) = rest.next() {
            let mut last = first;
            while let Some(next) = rest.next_if_eq(&(last + 1)) {
                last = next;
            }
            match last - first {
                0 => write!(f, "{separator}{first}")?,
                _ => write!(f, "{separator}{first}-{last}")?,
            }
            separator = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::CpuSet;

    #[test]
    fn lists_and_masks_are_read_as_the_kernel_writes_them() {
        for list in ["", "0", "0-1", "0,2,4-7", "3-5,8191"] {
            assert_eq!(CpuSet::from_list(list).unwrap().to_string(), list);
        }
        for wrong in ["x", "1-", "-1", "0-99999999", "(null)"] {
            assert_eq!(CpuSet::from_list(wrong), None, "{wrong}");
        }
        let mask = |text| CpuSet::from_mask(text).map(|cpus| cpus.to_string());
        assert_eq!(mask("0").as_deref(), Some(""));
        assert_eq!(mask("3f").as_deref(), Some("0-5"));
        assert_eq!(mask("00000020,00000002,00000001").as_deref(), Some("0,33,69"));
        assert_eq!(mask("all"), None);
    }
}

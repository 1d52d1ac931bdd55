//! Why the kernel dropped datagrams of a socket.
//!
//! A socket has one counter for three causes: a full receive buffer, its filter, and a wrong UDP checksum. Only the first
//! is a fault of the server. The network namespace counts full buffers alone, over all its sockets, which bounds how
//! many of a socket's drops are due to a full buffer.

use ringshard_protocol::link::LinkStats;
use std::cell::RefCell;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Counters of the network namespace for UDP over IPv4 and over IPv6.
const PATHS: [&str; 2] = ["/proc/self/net/snmp", "/proc/self/net/snmp6"];
/// Bytes read of either file: several times what it has.
const TEXT_BYTES: usize = 16_384;

/// Datagrams of a socket that the kernel dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct KernelLosses {
    /// The receive buffer was full.
    pub(super) full: u64,
    /// Shorter than a header, or with a wrong UDP checksum.
    pub(super) refused: u64,
}

/// The counters of a link, plus the kernel's drops on its sockets.
pub(super) fn with_losses(mut stats: LinkStats, losses: impl Iterator<Item = KernelLosses>) -> LinkStats {
    for losses in losses {
        stats.kernel_drops += losses.full;
        stats.kernel_refused += losses.refused;
    }
    stats
}

/// Divides a socket's drops by cause.
#[derive(Debug)]
pub(super) struct Divider(RefCell<State>);

#[derive(Debug)]
struct State {
    /// Opened at the start: a chroot or a mount may hide them later.
    files: [Option<File>; 2],
    text: Box<[u8; TEXT_BYTES]>,
    /// The socket's drops that are divided already.
    drops: u64,
    /// The namespace's drops for full buffers at that time.
    full_of_all: Option<u64>,
    losses: KernelLosses,
}

impl Divider {
    pub(super) fn new() -> Self {
        let files = PATHS.map(|path| File::open(path).ok());
        let mut state = State {
            files,
            text: Box::new([0; TEXT_BYTES]),
            drops: 0,
            full_of_all: None,
            losses: KernelLosses::default(),
        };
        state.full_of_all = state.read();
        Divider(RefCell::new(state))
    }

    /// Divides the drops since the last call; `drops` is the socket's counter. Reads files only if there were drops, and
    /// allocates nothing.
    pub(super) fn divide(&self, drops: u64) -> KernelLosses {
        let mut state = self.0.borrow_mut();
        let new = drops.saturating_sub(state.drops);
        if new > 0 {
            let now = state.read();
            state.take(new, now);
            state.drops = drops;
            assert!(state.losses.full + state.losses.refused == drops, "every drop has one cause");
        }
        state.losses
    }
}

impl State {
    /// The namespace's drops for full buffers; None if it does not say.
    fn read(&mut self) -> Option<u64> {
        let mut sum = None;
        for file in self.files.iter().flatten() {
            let Ok(len) = file.read_at(self.text.as_mut_slice(), 0) else { continue };
            let text = str::from_utf8(&self.text[..len]).unwrap_or_default();
            let count = of_v4(text).or_else(|| of_v6(text));
            sum = count.map(|count| count + sum.unwrap_or(0)).or(sum);
        }
        sum
    }

    /// Divides `new` drops of the socket: at most as many as the namespace has new ones are due to full buffers. If the
    /// namespace says nothing, all of them are: a false alarm is better than none.
    fn take(&mut self, new: u64, full_of_all: Option<u64>) {
        let full = match (self.full_of_all, full_of_all) {
            (Some(before), Some(now)) => new.min(now.saturating_sub(before)),
            _ => new,
        };
        self.losses.full += full;
        self.losses.refused += new - full;
        self.full_of_all = full_of_all;
    }
}

/// `/proc/net/snmp` has a line of names and a line of values, both of which begin with `Udp:`.
fn of_v4(text: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.starts_with("Udp:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let place = names.split_ascii_whitespace().position(|name| name == "RcvbufErrors")?;
    values.split_ascii_whitespace().nth(place)?.parse().ok()
}

/// `/proc/net/snmp6` has a line for each count.
fn of_v6(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("Udp6RcvbufErrors"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_are_parsed() {
        let v4 = "Ip: Forwarding\nIp: 1\nUdp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\n\
                  Udp: 70 1 9 60 7 0\nUdpLite: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors\nUdpLite: 0 0 0 0 3\n";
        assert_eq!(of_v4(v4), Some(7));
        assert_eq!(of_v6("Udp6InErrors   \t9\nUdp6RcvbufErrors                \t5\nUdp6SndbufErrors  \t1\n"), Some(5));
        assert_eq!((of_v4("Ip: x\n"), of_v6("")), (None, None));
        let here = Divider::new();
        assert!(here.0.borrow().full_of_all.is_some(), "this host has the files");
    }

    #[test]
    fn refused_datagrams_do_not_count_as_a_full_buffer() {
        let divider = Divider::new();
        let mut state = divider.0.borrow_mut();
        state.full_of_all = Some(100);
        state.take(5, Some(100));
        assert_eq!(state.losses, KernelLosses { full: 0, refused: 5 });
        state.take(10, Some(107));
        assert_eq!(state.losses, KernelLosses { full: 7, refused: 8 });
        state.take(2, Some(900));
        assert_eq!(state.losses, KernelLosses { full: 9, refused: 8 }, "other sockets have drops too");
        state.take(1, None);
        assert_eq!(state.losses, KernelLosses { full: 10, refused: 8 }, "the namespace says nothing");
    }
}

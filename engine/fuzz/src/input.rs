//! The fuzzer's bytes, read as numbers and pieces. Zeros follow the end.

use ringshard_protocol::limits::MESSAGE_BYTES_MAX;
use ringshard_protocol::wire::Channel;
use std::cell::Cell;

/// While fuzzing, one in this many inputs may be expensive.
const INPUTS_PER_EXPENSIVE_ONE: u32 = 128;

thread_local! {
    static SINCE_EXPENSIVE_ONE: Cell<u32> = const { Cell::new(INPUTS_PER_EXPENSIVE_ONE) };
}

pub(crate) struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Input { rest: data }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let piece = self.take(N);
        array[..piece.len()].copy_from_slice(piece);
        array
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    pub(crate) fn word(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    /// Whether the input asks for operations that need a key exchange, which take a thousand times as long as others, and
    /// may have them. The first input always may, so that a finding can be replayed alone.
    pub(crate) fn may_be_expensive(&mut self) -> bool {
        let affordable = !cfg!(fuzzing) || SINCE_EXPENSIVE_ONE.get() >= INPUTS_PER_EXPENSIVE_ONE;
        let expensive = self.byte() % 2 == 1 && affordable;
        SINCE_EXPENSIVE_ONE.set(if expensive { 0 } else { SINCE_EXPENSIVE_ONE.get().saturating_add(1) });
        expensive
    }

    /// Channel and length of a message: mostly short, sometimes too long.
    pub(crate) fn channel_and_length(&mut self) -> (Channel, usize) {
        let word = self.word();
        let channel = Channel::new((word % 16) as u8).expect("there are 16");
        let len = match usize::from(word / 16) {
            0xFFF => MESSAGE_BYTES_MAX + 1,
            0xFFE => MESSAGE_BYTES_MAX,
            len => len,
        };
        (channel, len)
    }

    /// The next `len` bytes, or all that are left.
    pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
        let (piece, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.rest = rest;
        piece
    }

    /// The next piece of at most `max` bytes, behind its length.
    pub(crate) fn piece(&mut self, max: usize) -> &'a [u8] {
        let len = usize::from(self.word()) % (max + 1);
        self.take(len)
    }
}

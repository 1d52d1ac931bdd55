//! Ticks that do not wrap, from ticks of 32 bits.

/// Ticks of inputs that each end keeps: about two seconds. A client that is farther behind needs a state.
pub const HISTORY: usize = 128;

/// Added to the first tick of 32 bits, so that earlier ticks are not negative.
const BASE: u64 = 1 << 32;

/// The first tick, without wrapping.
pub(crate) fn first(tick: u32) -> u64 {
    BASE + u64::from(tick)
}

/// The tick of 32 bits as the one that lies nearest to `near`.
pub(crate) fn extend(tick: u32, near: u64) -> u64 {
    near.saturating_add_signed((tick.wrapping_sub(near as u32) as i32).into())
}

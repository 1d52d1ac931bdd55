//! The fuzz targets: a function each, so that an ordinary test can replay a corpus.
//!
//! No input may cause a panic. Each function states and checks what else must hold. Bytes of the input are sealed as by
//! a holder of the key: without it, none of them would pass the first check.

mod bus_letters;
mod relay_wire;

pub use bus_letters::bus_letters;
pub use relay_wire::relay_wire;

//! The model: what was sent and what must hold. The engine is checked against it.

pub mod audit;
pub mod channel;
pub mod payload;
pub mod sequence_numbers;
pub mod session;

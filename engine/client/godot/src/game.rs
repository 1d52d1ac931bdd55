//! Which game this library is for. A studio names its own rules here, which implement [`Shape`](crate::shape::Shape).

pub use crate::demo::{rules, rules_on};
pub use ringshard_demo_rules::DemoRules as Game;

//! How often an entity is replicated.

/// The highest rate at which clients get an entity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Rate {
    /// 60 updates per second: every tick.
    Full,
    /// 18 updates per second: enough to look smooth.
    Reduced,
    /// 6 updates per second: enough to be noticed.
    Low,
    /// No updates: clients do not see the entity.
    Never,
}

impl Rate {
    /// Updates per second.
    pub fn hertz(self) -> u32 {
        match self {
            Rate::Full => 60,
            Rate::Reduced => 18,
            Rate::Low => 6,
            Rate::Never => 0,
        }
    }
}

//! How often a client gets which entities, and how much of them per tick.

/// Levels of load shedding: 0 sheds nothing.
pub const SHED_LEVEL_MAX: u8 = 3;

/// The rates at which a client is sent entities, and its budget.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pacing {
    /// The budget of a tick: most bytes of a snapshot's entries.
    pub bytes_max: usize,
    /// Ticks between two updates of an entity that is near and changes often.
    pub near: u32,
    /// Tenths of ticks between two updates of an entity that is far and changes often.
    pub far_tenths: u32,
    /// Ticks between two updates of an entity that changes rarely.
    pub still: u32,
    /// Ticks after which an unchanged entity is sent again in full.
    pub refresh: u32,
}

impl Default for Pacing {
    /// 60 Hz near, 18 Hz far, 6 Hz for what changes rarely, and a refresh every 5 s.
    fn default() -> Self {
        Pacing { bytes_max: 500, near: 1, far_tenths: 33, still: 10, refresh: 300 }
    }
}

impl Pacing {
    /// The pacing under load. Each level halves the rates of far entities and of those that change rarely; level 3 also
    /// halves the rate of near ones.
    ///
    /// # Panics
    /// When `level` exceeds [`SHED_LEVEL_MAX`].
    pub fn shed(self, level: u8) -> Pacing {
        assert!(level <= SHED_LEVEL_MAX, "there is no shedding level {level}");
        let level = u32::from(level);
        Pacing {
            near: self.near << level.saturating_sub(2),
            far_tenths: self.far_tenths << level,
            still: self.still << level,
            ..self
        }
    }
}

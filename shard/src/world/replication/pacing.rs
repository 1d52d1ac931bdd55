//! How often a client gets which entities, and how much of them per tick.

/// Levels of load shedding: 0 sheds nothing. Each sheds what the ones below it do, and more:
///
/// | level | what it sheds |
/// |---|---|
/// | 1 | far entities: a third of their rate |
/// | 2 | entities that change rarely: a third of their rate |
/// | 3 | snapshots: each client gets one every 2nd tick |
/// | 4 | snapshots: each client gets one every 3rd tick |
/// | 5 | input messages: each client is asked for one every 2nd tick |
/// | 6 | input messages: each client is asked for one every 3rd tick |
pub const SHED_LEVEL_MAX: u8 = 6;

/// How many times more slowly the entities are sent that are shed.
const SHED_TIMES: u32 = 3;

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
    /// Ticks between two snapshots of a client.
    pub every: u32,
    /// Ticks between two input messages that clients are asked for.
    pub input_interval: u8,
}

impl Default for Pacing {
    /// 60 Hz near, 18 Hz far, 6 Hz for what changes rarely, and a refresh every 5 s.
    fn default() -> Self {
        Pacing { bytes_max: 500, near: 1, far_tenths: 33, still: 10, refresh: 300, every: 1, input_interval: 1 }
    }
}

impl Pacing {
    /// The pacing under load: see [`SHED_LEVEL_MAX`].
    ///
    /// # Panics
    /// When `level` exceeds [`SHED_LEVEL_MAX`].
    #[must_use]
    pub fn shed(self, level: u8) -> Pacing {
        assert!(level <= SHED_LEVEL_MAX, "there is no shedding level {level}");
        let slower = |from: u8| if level >= from { SHED_TIMES } else { 1 };
        Pacing {
            far_tenths: self.far_tenths * slower(1),
            still: self.still * slower(2),
            every: self.every * u32::from(level.clamp(2, 4) - 1),
            input_interval: self.input_interval * (level.clamp(4, 6) - 3),
            ..self
        }
    }

    /// Whether the client in this slot gets a snapshot in this tick. The slots take turns.
    pub fn serves(&self, tick: u32, slot: u16) -> bool {
        self.every <= 1 || tick.wrapping_add(slot.into()).is_multiple_of(self.every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_sheds_what_the_table_says() {
        let rates = |level| {
            let Pacing { near, far_tenths, still, every, input_interval, .. } = Pacing::default().shed(level);
            (near, far_tenths, still, every, input_interval)
        };
        let levels: Vec<_> = (0..=SHED_LEVEL_MAX).map(rates).collect();
        let expected = [
            (1, 33, 10, 1, 1),
            (1, 99, 10, 1, 1),
            (1, 99, 30, 1, 1),
            (1, 99, 30, 2, 1),
            (1, 99, 30, 3, 1),
            (1, 99, 30, 3, 2),
            (1, 99, 30, 3, 3),
        ];
        assert_eq!(levels, expected);
    }

    #[test]
    fn clients_take_turns() {
        for (level, every) in [(2, 1), (3, 2), (4, 3)] {
            let pacing = Pacing::default().shed(level);
            for slot in 0..20 {
                let served = (60..120).filter(|&tick| pacing.serves(tick, slot)).count();
                assert_eq!(served, 60 / every, "slot {slot} at level {level}");
            }
        }
    }
}

//! The cheats of the table, and their names.

use crate::cheaters::Cheat;

impl Cheat {
    /// All that the table has.
    pub const ALL: [Cheat; 11] = [
        Cheat::Speed(1.05),
        Cheat::Speed(1.1),
        Cheat::Speed(1.5),
        Cheat::Speed(2.0),
        Cheat::Speed(10.0),
        Cheat::Teleport(400.0),
        Cheat::Teleport(5_000.0),
        Cheat::Fly,
        Cheat::Wall,
        Cheat::Flood(20),
        Cheat::View,
    ];

    /// Its name.
    pub fn name(&self) -> String {
        match self {
            Cheat::Speed(times) => format!("speed x {times}"),
            Cheat::Teleport(by) => format!("teleport by {by}"),
            Cheat::Fly => "fly".into(),
            Cheat::Wall => "through a wall".into(),
            Cheat::Flood(messages) => format!("{messages} inputs a tick"),
            Cheat::View => "forged view".into(),
        }
    }

    /// Whether the server can know it on this path: where round trips are short, a forged view has nothing to gain.
    pub fn shows_on(&self, path: &str) -> bool {
        *self != Cheat::View || path == "far"
    }

    /// What is meant by its gain.
    pub fn unit(&self) -> &'static str {
        match self {
            Cheat::Fly => "units above a jump",
            Cheat::Wall => "units behind the wall",
            Cheat::Flood(_) => "inputs beyond one a tick",
            Cheat::View => "ticks nearer to the present",
            _ => "units ahead of a runner",
        }
    }
}

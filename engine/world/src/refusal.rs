//! Why a server refuses what a client says or asks.

crate::wire! {
    /// Why a server refuses what a client says or asks. It can be a field of an answer or an event.
    pub enum Refusal {
        /// The client says that its character went faster than it can, over a window of time.
        Speed,
        /// It says that its character is somewhere else at once.
        Teleport,
        /// It says that its character is below the ground.
        Ground,
        /// It says that its character passed a wall, or is in one.
        Wall,
        /// It says that its character stays in the air.
        Flight,
        /// It says that its character moves in water as it cannot.
        Water,
        /// It says that its character is where nobody may be.
        NoGo,
        /// There is no such action.
        Unknown,
        /// The action, or any action, is still cooling down.
        Cooldown,
        /// A resource is lacking.
        Cost,
        /// The target is too far away.
        Range,
        /// Something stands between.
        Sight,
        /// The state of the character does not allow the action.
        State,
        /// The target is of the wrong kind, or does not exist.
        Target,
        /// Another action is under way.
        Busy,
        /// What the client says that it saw cannot be.
        View,
        /// The client sends more than it may.
        Flood,
        /// The game has refused something, for a reason of its own.
        Game,
    }
}

impl Refusal {
    /// All reasons, by number.
    pub const ALL: [Refusal; 18] = [
        Self::Speed,
        Self::Teleport,
        Self::Ground,
        Self::Wall,
        Self::Flight,
        Self::Water,
        Self::NoGo,
        Self::Unknown,
        Self::Cooldown,
        Self::Cost,
        Self::Range,
        Self::Sight,
        Self::State,
        Self::Target,
        Self::Busy,
        Self::View,
        Self::Flood,
        Self::Game,
    ];

    /// Its number: its place in [`Self::ALL`].
    pub fn number(self) -> usize {
        self as usize
    }

    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Refusal::Speed => "speed",
            Refusal::Teleport => "teleport",
            Refusal::Ground => "ground",
            Refusal::Wall => "wall",
            Refusal::Flight => "flight",
            Refusal::Water => "water",
            Refusal::NoGo => "no-go",
            Refusal::Unknown => "unknown",
            Refusal::Cooldown => "cooldown",
            Refusal::Cost => "cost",
            Refusal::Range => "range",
            Refusal::Sight => "sight",
            Refusal::State => "state",
            Refusal::Target => "target",
            Refusal::Busy => "busy",
            Refusal::View => "view",
            Refusal::Flood => "flood",
            Refusal::Game => "game",
        }
    }
}

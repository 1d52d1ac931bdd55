//! Kinds of entities, as a game declares them: how far away each is seen, and how urgent it is.

/// A kind of entity.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Kind {
    /// Its name in settings: lower case, without spaces.
    pub name: &'static str,
    /// Distance from which it is seen, in units. The setting `view-radius` can replace it.
    pub radius: f32,
    /// How urgent it is, 0 to 3. Where more is in sight than a client may see, each step makes an entity count as if it were
    /// 1.4 times nearer.
    pub priority: u8,
}

/// Most kinds of a game.
pub const KINDS_MAX: usize = crate::world::interest::CLASSES;

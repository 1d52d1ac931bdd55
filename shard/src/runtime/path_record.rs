//! The path of one player, as a core's service records it for the operator. The runtime itself knows no players.

use ringshard_protocol::wire::ConnectionId;
use ringshard_world::Refusal;
use serde::Deserialize;
use std::fmt;
use std::str::FromStr;

/// Whose path to record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub enum Followed {
    /// The player with this slot and generation, on whatever core.
    Player(u16, u32),
    /// The player of this connection.
    Connection(ConnectionId),
}

/// The text names no player and no connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("give a player such as 12.3 (slot, generation) or a connection such as 0.12.3 (core, slot, generation)")]
pub struct BadFollowed;

impl FromStr for Followed {
    type Err = BadFollowed;

    fn from_str(text: &str) -> Result<Self, BadFollowed> {
        let parts: Vec<&str> = text.split('.').collect();
        let wrong = |_| BadFollowed;
        match parts[..] {
            [slot, generation] => {
                Ok(Followed::Player(slot.parse().map_err(wrong)?, generation.parse().map_err(wrong)?))
            }
            [core, slot, generation] => {
                let (core, slot) = (core.parse().map_err(wrong)?, slot.parse().map_err(wrong)?);
                let generation = generation.parse().ok().filter(|generation| *generation != 0).ok_or(BadFollowed)?;
                Ok(Followed::Connection(ConnectionId::new(core, generation, slot)))
            }
            _ => Err(BadFollowed),
        }
    }
}

impl TryFrom<String> for Followed {
    type Error = BadFollowed;

    fn try_from(text: String) -> Result<Self, BadFollowed> {
        text.parse()
    }
}

impl fmt::Display for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Followed::Player(slot, generation) => write!(f, "{slot}.{generation}"),
            Followed::Connection(id) => id.fmt(f),
        }
    }
}

/// One tick of a player.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PathTick {
    /// The tick.
    pub tick: u64,
    /// Where the character was before its step. Unless the server moved it between two steps, it is where the tick before
    /// ended.
    pub before: [f32; 3],
    /// Where its step took it. If clients say where their characters are, that is what the client said.
    pub stepped: [f32; 3],
    /// Where it is at the end: the game may have set it elsewhere.
    pub settled: [f32; 3],
    /// Ticks since an input of the player was there in time; 0 if its input was.
    pub input_age: u8,
    /// What the player was refused since the tick before: a bit for each [`Refusal::number`].
    pub refused: u32,
}

const _: () = assert!(Refusal::ALL.len() <= 32, "each reason has a bit");

/// The path of a player.
#[derive(Debug)]
pub struct PathRecord {
    /// Whose path it is.
    pub followed: Followed,
    /// The slot and generation of the player that was found.
    pub player: Option<(u16, u32)>,
    /// Its ticks. The sender of the request reserves the capacity; a core records no more than fit.
    pub ticks: Vec<PathTick>,
    /// What the player had been refused by the tick before, for each reason.
    pub counted: Option<[u32; Refusal::ALL.len()]>,
}

impl PathRecord {
    /// Nothing recorded yet, with room for so many ticks.
    pub fn new(followed: Followed, ticks: usize) -> Self {
        PathRecord { followed, player: None, ticks: Vec::with_capacity(ticks), counted: None }
    }

    /// Adds a tick, with how often the player was refused something so far. It is left out if there is no room.
    pub fn push(&mut self, tick: PathTick, counts: [u32; Refusal::ALL.len()]) {
        let before = self.counted.replace(counts).unwrap_or(counts);
        let bit = |(number, (now, before)): (usize, (&u32, &u32))| u32::from(now != before) << number;
        let refused = counts.iter().zip(&before).enumerate().map(bit).sum();
        if self.ticks.len() < self.ticks.capacity() {
            self.ticks.push(PathTick { refused, ..tick });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_player_has_two_numbers_and_a_connection_three() {
        assert_eq!("12.3".parse(), Ok(Followed::Player(12, 3)));
        assert_eq!("4.12.3".parse(), Ok(Followed::Connection(ConnectionId::new(4, 3, 12))));
        for wrong in ["", "12", "1.2.0", "a.b", "1.2.3.4", "99999.1"] {
            assert_eq!(wrong.parse::<Followed>(), Err(BadFollowed), "{wrong}");
        }
        assert_eq!("4.12.3".parse::<Followed>().unwrap().to_string(), "4.12.3");
    }

    #[test]
    fn a_record_notes_new_refusals_and_never_grows() {
        let tick =
            |tick| PathTick { tick, before: [0.0; 3], stepped: [0.0; 3], settled: [0.0; 3], input_age: 0, refused: 0 };
        let mut record = PathRecord::new(Followed::Player(1, 1), 3);
        let room = record.ticks.capacity();
        let mut counts = [7; Refusal::ALL.len()];
        record.push(tick(1), counts);
        counts[Refusal::Wall.number()] += 2;
        record.push(tick(2), counts);
        (3..100).for_each(|number| record.push(tick(number), counts));
        let refused: Vec<u32> = record.ticks.iter().map(|tick| tick.refused).collect();
        assert_eq!(refused[..3], [0, 1 << Refusal::Wall.number(), 0], "refusals before the record do not count");
        assert_eq!(record.ticks.capacity(), room);
    }
}

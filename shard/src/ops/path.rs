//! The path of one player over some seconds, tick by tick.

use crate::ops::handle::ServerHandle;
use crate::runtime::path_record::{Followed, PathRecord, PathTick};
use ringshard_world::Refusal;
use ringshard_world::limits::TICKS_PER_SECOND;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Most seconds.
pub const SECONDS_MAX: f64 = 60.0;
/// Shortest record: a tick.
const SECONDS_MIN: f64 = 0.02;

/// A request for a path.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathQuery {
    /// Whose.
    pub player: Followed,
    /// For how long.
    #[serde(default = "ten")]
    pub seconds: f64,
}

fn ten() -> f64 {
    10.0
}

/// Why there is no path.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum PathError {
    /// A duration that is not possible.
    #[error("seconds is {0}; it is {SECONDS_MIN} to {SECONDS_MAX}")]
    OutOfRange(f64),
    /// Another path is being recorded.
    #[error("another path is being recorded: try again when that is done")]
    Busy,
    /// Nobody was found.
    #[error("nobody in the world is {0}: `ringshard sessions` lists the players")]
    Unknown(Followed),
    /// Players of several cores have that name.
    #[error("several cores have a player {0}: name its connection, such as 0.12.3")]
    Several(Followed),
}

/// The path of a player.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PathReport {
    /// The player: slot and generation.
    pub player: String,
    /// Its core.
    pub core: usize,
    /// Its ticks, oldest first.
    pub ticks: Vec<PathStep>,
}

/// One tick of a path. Points are in units of the map.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PathStep {
    /// The tick.
    pub tick: u64,
    /// Where the player's step took it: if clients say where their characters are, what the client said.
    pub stepped: [f32; 3],
    /// Where the server has it at the end of the tick.
    pub settled: [f32; 3],
    /// Whether the server moved it between two steps.
    #[serde(default)]
    pub moved: bool,
    /// Whether no input of the player was there in time.
    #[serde(default)]
    pub missed: bool,
    /// Why the player was refused something.
    #[serde(default)]
    pub refused: Vec<String>,
}

impl PathReport {
    fn new(core: usize, (slot, generation): (u16, u32), ticks: &[PathTick]) -> Self {
        let before = std::iter::once(None).chain(ticks.iter().map(|tick| Some(tick.settled)));
        let step = |(tick, before): (&PathTick, Option<[f32; 3]>)| PathStep {
            tick: tick.tick,
            stepped: tick.stepped,
            settled: tick.settled,
            moved: before.is_some_and(|before| before != tick.before),
            missed: tick.input_age > 0,
            refused: Refusal::ALL
                .into_iter()
                .filter(|why| tick.refused & 1 << why.number() != 0)
                .map(|why| why.name().to_owned())
                .collect(),
        };
        PathReport { player: format!("{slot}.{generation}"), core, ticks: ticks.iter().zip(before).map(step).collect() }
    }
}

/// Records the path of a player: it takes as long as the query says.
///
/// # Errors
/// [`PathError`].
pub fn record(handle: &ServerHandle, query: &PathQuery) -> Result<PathReport, PathError> {
    if !(SECONDS_MIN..=SECONDS_MAX).contains(&query.seconds) {
        return Err(PathError::OutOfRange(query.seconds));
    }
    let _permit = handle.path_permit().ok_or(PathError::Busy)?;
    // A core that ticks late may make up for it.
    let room = (query.seconds * 1.1 * f64::from(TICKS_PER_SECOND)) as usize + 8;
    handle.follow(|| Some(Box::new(PathRecord::new(query.player, room))));
    std::thread::sleep(Duration::from_secs_f64(query.seconds));
    let records = handle.follow(|| None);
    let mut found =
        records.iter().filter_map(|(core, record)| Some(PathReport::new(*core, record.player?, &record.ticks)));
    match (found.next(), found.next()) {
        (None, _) => Err(PathError::Unknown(query.player)),
        (Some(path), None) => Ok(path),
        (Some(_), Some(_)) => Err(PathError::Several(query.player)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_says_what_the_server_changed_and_why() {
        let tick = |tick, before, stepped, settled, refused| PathTick {
            tick,
            before: [before, 0.0, 0.0],
            stepped: [stepped, 0.0, 0.0],
            settled: [settled, 0.0, 0.0],
            input_age: u8::from(tick == 2),
            refused,
        };
        let wall = 1 << Refusal::Wall.number() | 1 << Refusal::NoGo.number();
        let ticks = [tick(1, 0.0, 5.0, 5.0, 0), tick(2, 5.0, 9.0, 5.0, wall), tick(3, 80.0, 85.0, 85.0, 0)];
        let report = PathReport::new(1, (7, 2), &ticks);
        let of =
            |index: usize| (report.ticks[index].moved, report.ticks[index].missed, report.ticks[index].refused.len());
        assert_eq!(
            (report.player.as_str(), of(0), of(1), of(2)),
            ("7.2", (false, false, 0), (false, true, 2), (true, false, 0))
        );
        assert_eq!(report.ticks[1].refused, ["wall", "no-go"]);
    }
}

//! What the server and the clients of a game in Luau share. All such games have the same contract, so one client plays them
//! all.
//!
//! | module | for |
//! |---|---|
//! | [`values`] | [`Values`]: what messages carry, a short list of numbers, texts and the like |
//! | [`state`] | [`Own`] and [`Shown`]: a character, and variables to which the script gives a meaning |
//! | [`messages`] | [`Input`], [`Ask`], [`Answer`], [`Event`] |
//! | here | [`ScriptRules`]: the step of a player |
//!
//! A player moves as [`ringshard_terrain::movement`] says. A script changes that only by [`Own::speed`], which both ends know.

#![forbid(unsafe_code)]

pub mod messages;
pub mod state;
pub mod values;

pub use messages::{Answer, Ask, Event, Input};
pub use state::{OWN_VARIABLES, Own, SHOWN_VARIABLES, Shown};
pub use values::{Value, Values};

use ringshard_terrain::Terrain;
use ringshard_terrain::movement::{self, Tuning};
use ringshard_world::{Pose, Rules};
use std::sync::Arc;

/// The rules of every game in Luau.
#[derive(Clone, Debug)]
pub struct ScriptRules {
    terrain: Arc<Terrain>,
    tuning: Tuning,
}

impl ScriptRules {
    /// The rules on a terrain, which must be the same at both ends.
    pub fn new(terrain: Arc<Terrain>) -> ScriptRules {
        ScriptRules { terrain, tuning: Tuning::default() }
    }

    /// The terrain.
    pub fn terrain(&self) -> &Arc<Terrain> {
        &self.terrain
    }

    /// What a character can do at full speed.
    pub fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    /// What a character can do that goes at `percent` of its speed.
    #[inline]
    pub fn tuning_at(&self, percent: u8) -> Tuning {
        let part = f32::from(percent) / 100.0;
        Tuning {
            walk_speed: self.tuning.walk_speed * part,
            run_speed: self.tuning.run_speed * part,
            swim_speed: self.tuning.swim_speed * part,
            ..self.tuning
        }
    }
}

impl Rules for ScriptRules {
    type Input = Input;
    type Own = Own;
    type Shown = Shown;
    type Ask = Ask;
    type Answer = Answer;
    type Event = Event;

    fn step(&self, own: &mut Own, input: &Input) {
        let tuning = self.tuning_at(own.speed);
        movement::step(&self.terrain, &tuning, &mut own.walker, &input.steering);
    }

    fn pose(&self, own: &Own) -> Pose {
        own.walker.pose()
    }

    fn level(&self) -> u32 {
        self.terrain.digest()
    }
}

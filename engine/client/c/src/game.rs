//! Rules that call the program's functions.

use crate::layout::Layout;
use crate::message::{Ask, Event};
use crate::record::Record;
use crate::types::rs_pose;
use client::{Pose, Rules};
use ringshard_world::contract::Schema;
use std::ffi::c_void;

/// The functions of a program, and what it wants to be given.
#[derive(Clone, Copy)]
pub struct Functions {
    pub step: extern "C" fn(*mut c_void, *const c_void, *mut c_void),
    pub place: extern "C" fn(*const c_void, *mut rs_pose, *mut c_void),
    pub agrees: Option<extern "C" fn(*const c_void, *const c_void, *mut c_void) -> i32>,
    pub user: *mut c_void,
}

/// The rules of a program's game.
pub struct Game {
    pub input: &'static Layout,
    pub own: &'static Layout,
    pub shown: &'static Layout,
    /// The schema numbers of asks, answers and events.
    pub messages: [u32; 3],
    pub level: u32,
    pub neutral_input: Record,
    pub blank_own: Record,
    pub blank_shown: Record,
    pub functions: Functions,
}

// SAFETY: `user` is only handed back to the program's functions, on the thread that calls the library. The header demands
// that a client is used by one thread at a time, and that `user` can be used by that thread.
unsafe impl Send for Game {}

impl Rules for Game {
    type Input = Record;
    type Own = Record;
    type Shown = Record;
    type Ask = Ask;
    type Answer = Ask;
    type Event = Event;

    fn step(&self, own: &mut Record, input: &Record) {
        let own = own.bytes_mut().as_mut_ptr().cast();
        (self.functions.step)(own, input.bytes().as_ptr().cast(), self.functions.user);
    }

    fn pose(&self, own: &Record) -> Pose {
        let mut pose = rs_pose::default();
        (self.functions.place)(own.bytes().as_ptr().cast(), &raw mut pose, self.functions.user);
        pose.into()
    }

    fn agrees(&self, predicted: &Record, authoritative: &Record) -> bool {
        let Some(agrees) = self.functions.agrees else { return predicted == authoritative };
        let [predicted, authoritative] = [predicted, authoritative].map(|state| state.bytes().as_ptr().cast());
        agrees(predicted, authoritative, self.functions.user) != 0
    }

    fn blank_own(&self) -> Record {
        self.blank_own
    }

    fn blank_shown(&self) -> Record {
        self.blank_shown
    }

    fn neutral_input(&self) -> Record {
        self.neutral_input
    }

    fn level(&self) -> u32 {
        self.level
    }

    fn schema(&self) -> Schema {
        let [ask, answer, event] = self.messages;
        Schema([self.input.schema, self.own.schema, self.shown.schema, ask, answer, event, self.level])
    }
}

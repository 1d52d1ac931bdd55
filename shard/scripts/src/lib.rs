//! Games in Luau: a Ringshard [`Game`](ringshard::game::Game) whose hooks call a script.
//!
//! | module | for | may use |
//! |---|---|---|
//! | [`source`] | a script: its file, and its byte code | |
//! | [`budget`] | how much time and memory a script may use, and measuring it | |
//! | `report` | errors of scripts, for the log and for counters | |
//! | [`game`] | the game: a virtual machine on each core, and the functions that scripts call | those above |
//!
//! Each core has a virtual machine of its own: scripts on different cores share no variables. They reach each other's
//! entities by commands. A script has no files, no network, no clock and no randomness but the world's, so a simulated
//! world repeats exactly.
//!
//! Build it with `CXXFLAGS=-DLUA_USE_LONGJMP=1`, as `.cargo/config.toml` of this repository does, if the program has
//! `panic = "abort"`: else Luau ends functions that fail by C++ exceptions, which would end the process.

#![forbid(unsafe_code)]

pub mod budget;
pub mod game;
mod report;
pub mod source;

pub use budget::{Budget, Clock};
pub use game::{Command, ScriptGame};
pub use report::ScriptStats;
pub use source::{Script, ScriptError};

#[cfg(panic = "abort")]
const _: () = {
    const FLAG: &[u8] = b"LUA_USE_LONGJMP";
    const FLAGS: &[u8] = match option_env!("CXXFLAGS") {
        Some(flags) => flags.as_bytes(),
        None => b"",
    };
    const fn has_flag() -> bool {
        let mut from = 0;
        while from + FLAG.len() <= FLAGS.len() {
            let mut same = 0;
            while same < FLAG.len() && FLAGS[from + same] == FLAG[same] {
                same += 1;
            }
            if same == FLAG.len() {
                return true;
            }
            from += 1;
        }
        false
    }
    assert!(has_flag(), "with panic = \"abort\", Luau must be built with CXXFLAGS=-DLUA_USE_LONGJMP=1");
};

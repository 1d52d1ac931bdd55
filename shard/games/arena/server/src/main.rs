//! The server of the arena.

use ringshard_arena::Arena;
use std::process::ExitCode;

fn main() -> ExitCode {
    ringshard::serve(|_start| Arena::default(), ringshard::no_jobs)
}

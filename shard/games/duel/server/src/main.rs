//! The server of the duel. All players of a match are on one core, so run it with one: `--cpus 0`.

use ringshard_duel::Duels;
use ringshard_rollback::MatchConfig;
use std::process::ExitCode;

fn main() -> ExitCode {
    ringshard::serve(|_start| Duels::new(MatchConfig::default()), ringshard::no_jobs)
}

//! What this crate keeps for a script besides its own state.

use crate::game::timers::Timers;
use crate::report::Reports;
use ringshard_scripts_rules::ScriptRules;

/// What this crate keeps for the script of a core.
#[derive(Debug)]
pub struct Host {
    pub rules: ScriptRules,
    pub timers: Timers,
    pub reports: Reports,
    /// The tick of the hook that runs now, or of the last one.
    pub tick: u64,
    pub core: usize,
}

//! What the driver of a keeper does.

use crate::model::RunId;
use ringshard::game::AccountId;
use ringshard::runtime::fleet::ToCore;

/// What the driver does next.
#[derive(Debug)]
pub enum Output {
    /// Says this to a core.
    ToCore(usize, ToCore),
    /// Asks this run of a host to let an account go, which enters here.
    Ask(RunId, AccountId),
    /// Says to this run of a host that an account is not here any more.
    Answer(RunId, AccountId),
}

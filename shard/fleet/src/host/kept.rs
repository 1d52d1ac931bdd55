//! Between the task that owns zones and what keeps the checkpoints, which a host may be without.

use crate::bus::Letter;
use crate::checkpoints::{Keeper, Output};
use crate::model::RunId;
use ringshard::game::AccountId;
use ringshard::runtime::fleet::{FromCore, ToCore};

/// What is to be said for checkpoints.
pub(super) enum Said {
    ToCore(usize, ToCore),
    ToHost(RunId, Letter),
}

pub(super) fn said(output: Output) -> Said {
    match output {
        Output::ToCore(core, letter) => Said::ToCore(core, letter),
        Output::Ask(run, account) => Said::ToHost(run, Letter::Release { account: account.0 }),
        Output::Answer(run, account) => Said::ToHost(run, Letter::Released { account: account.0 }),
    }
}

/// Whether what a core says is about checkpoints.
pub(super) fn is_of(letter: &FromCore) -> bool {
    use FromCore::{Checkpoint, Ended, Ends, Enters, ZoneSaved};
    matches!(letter, Enters { .. } | Checkpoint { .. } | Ended { .. } | ZoneSaved { .. } | Ends { .. })
}

/// Another host says something about an account.
pub(super) fn hear_host(keeper: &mut Option<Keeper>, from: RunId, letter: &Letter) {
    let Some(keeper) = keeper else { return };
    match *letter {
        Letter::Release { account } => keeper.asked(from, AccountId(account)),
        Letter::Released { account } => keeper.answered(from, AccountId(account)),
        _ => {}
    }
}

/// Waits until the bucket has answered something.
pub(super) async fn hear_bucket(keeper: &mut Option<Keeper>) {
    match keeper {
        Some(keeper) => keeper.hear_bucket().await,
        None => std::future::pending().await,
    }
}

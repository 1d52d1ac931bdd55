//! What all endpoints share.

use super::answer::Refusal;
use super::closing::Closing;
use super::counters::Counters;
use super::settings::LoginSettings;
use crate::accounts::{Accounts, LoginError};
use crate::actions::Actions;
use crate::hub::{Hub, HubRefusal};
use std::sync::Arc;

/// What all endpoints share.
pub(super) struct State {
    pub(super) settings: LoginSettings,
    pub(super) counters: Arc<Counters>,
    pub(super) accounts: Accounts,
    pub(super) actions: Actions,
    pub(super) hub: Hub,
    pub(super) closing: Closing,
}

impl From<LoginError> for Refusal {
    fn from(error: LoginError) -> Refusal {
        Refusal { status: error.status(), error: error.to_string(), wait: error.wait() }
    }
}

impl From<HubRefusal> for Refusal {
    fn from(refusal: HubRefusal) -> Refusal {
        Refusal { status: refusal.status(), error: refusal.to_string(), wait: refusal.wait() }
    }
}

//! Applies a new policy, also to connections that exist already.

use super::Endpoint;
use super::budget::{Budget, Prices};
use super::policy::Policy;
use crate::time::Instant;
use crate::wire::DisconnectReason;

/// Slots that one sweep applies a new policy to.
const SLOTS_PER_SWEEP: usize = 256;

impl Endpoint {
    /// Uses `policy` from now on, and puts the former one in its place. The next sweeps apply it to existing
    /// connections, some at a time.
    pub fn swap_policy(&mut self, policy: &mut Policy) {
        core::mem::swap(&mut self.policy, policy);
        self.prices = Prices::of(&self.policy);
        self.cap_changed |= self.policy.connection_send_bytes_per_second != policy.connection_send_bytes_per_second;
        self.enforced_up_to = Some(0);
    }

    /// Applies the policy to connections that existed before it.
    #[cold]
    pub(super) fn enforce_policy(&mut self, now: Instant, from: usize) {
        let to = (from + SLOTS_PER_SWEEP).min(self.table.slots());
        for slot in from..to {
            let Some(id) = self.table.id_in_slot(slot) else { continue };
            let Some(entry) = self.table.get_mut(id) else { continue };
            if self.policy.denies(entry.address().ip()) {
                self.stats.denied += u64::from(!entry.is_closing());
                self.disconnect(id, DisconnectReason::Denied);
                continue;
            }
            // What the client has used was charged at the former prices.
            entry.budget = Budget::default();
            if self.cap_changed {
                entry.connection.cap_rate(now, self.policy.connection_send_bytes_per_second);
                self.activate(now, id);
            }
        }
        self.enforced_up_to = (to < self.table.slots()).then_some(to);
        self.cap_changed &= self.enforced_up_to.is_some();
    }
}

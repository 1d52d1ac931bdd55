//! How a policy comes to hold, also for connections that were there before it.

use super::Endpoint;
use super::budget::{Budget, Prices};
use super::policy::Policy;
use crate::time::Instant;
use crate::wire::DisconnectReason;

/// Slots that one sweep brings a new policy to bear on.
const SLOTS_PER_SWEEP: usize = 256;

impl Endpoint {
    /// Goes by `policy` from here on, and leaves the former one in its place; connections that are there are brought in
    /// line by the next sweeps, some at a time.
    pub fn swap_policy(&mut self, policy: &mut Policy) {
        core::mem::swap(&mut self.policy, policy);
        self.prices = Prices::of(&self.policy);
        self.cap_changed |= self.policy.connection_send_bytes_per_second != policy.connection_send_bytes_per_second;
        self.enforced_up_to = Some(0);
    }

    /// Brings the policy to bear on some connections that were there before it.
    #[cold]
    pub(super) fn enforce_policy(&mut self, now: Instant, from: usize) {
        let to = (from + SLOTS_PER_SWEEP).min(self.table.slots());
        for slot in from..to {
            let Some(id) = self.table.occupant(slot) else { continue };
            let Some(connection) = self.table.get_mut(id) else { continue };
            if self.policy.denies(connection.path.peer.ip()) {
                self.stats.denied += u64::from(!connection.is_closing());
                self.disconnect(id, DisconnectReason::Denied);
                continue;
            }
            // What was used up was so at other prices.
            connection.budget = Budget::default();
            if self.cap_changed {
                connection.session.cap_rate(now, self.policy.connection_send_bytes_per_second);
                self.activate(now, id);
            }
        }
        self.enforced_up_to = (to < self.table.slots()).then_some(to);
        self.cap_changed &= self.enforced_up_to.is_some();
    }
}

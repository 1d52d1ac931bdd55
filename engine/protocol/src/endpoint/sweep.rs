//! The passing of time: timers of connections, the timeout, integrity challenges, suspended sessions.

use super::Endpoint;
use super::entry::Phase;
use super::events::Event;
use super::life::Departure;
use crate::time::Instant;
use crate::wire::{ConnectionId, DisconnectReason};
use rand_chacha::rand_core::Rng;

impl Endpoint {
    /// Does what is due by `now`: sends pings, probes and acknowledgments, and ends silent connections.
    pub fn sweep(&mut self, now: Instant) {
        while let Some(id) = self.table.expired(now) {
            self.timer_expired(now, id);
        }
        self.relieve_memory(now);
        self.expire_suspended(now);
        if let Some(slot) = self.enforced_up_to {
            self.enforce_policy(now, slot);
        }
    }

    /// When to call [`Self::sweep`] next, at the latest.
    pub fn deadline(&self) -> Instant {
        self.table.next_deadline().min(self.resumption.deadline()).min(self.admission.deadline())
    }

    fn timer_expired(&mut self, now: Instant, id: ConnectionId) {
        let Some(entry) = self.table.get_mut(id) else { return };
        match &entry.phase {
            Phase::HalfOpen(half_open) if half_open.until <= now => {
                self.stats.half_open_expired += 1;
                self.remove_half_open(id);
            }
            Phase::HalfOpen(_) => self.table.schedule(id),
            Phase::Closing(_) => {}
            Phase::Established => match entry.connection.advance(now, &mut self.resources) {
                Some(DisconnectReason::TimedOut) => {
                    self.stats.timed_out += 1;
                    self.leave(now, id, Departure::Silent { spare: None });
                }
                Some(reason) => self.disconnect(id, reason),
                None => self.advance_established(now, id),
            },
        }
    }

    /// What else is due on a connection whose timer has expired.
    fn advance_established(&mut self, now: Instant, id: ConnectionId) {
        let Some(entry) = self.table.get_mut(id) else { return };
        self.stats.packets_lost += entry.newly_lost();
        let has_candidate = entry.candidate.is_some();
        self.challenge_integrity(now, id);
        if has_candidate {
            self.advance_candidate(now, id);
        }
        self.activate(now, id);
        self.table.schedule(id);
    }

    /// Challenges the client's integrity when that is due (PROTOCOL.md#integrity-check).
    fn challenge_integrity(&mut self, now: Instant, id: ConnectionId) {
        let Some(integrity) = &self.integrity else { return };
        let Some(entry) = self.table.get_mut(id) else { return };
        if now < entry.integrity_check_at {
            return;
        }
        entry.integrity_check_at = now + integrity.period;
        let index = self.resources.random.next_u32() as usize % integrity.keys.len();
        let key = integrity.keys[index];
        let answered = entry.connection.challenge_integrity(now, index as u8, key, &mut self.resources);
        self.stats.integrity_checks += u64::from(answered);
        self.stats.integrity_unanswered += u64::from(!answered);
    }

    /// The client has answered an integrity challenge.
    pub(super) fn integrity_answer(&mut self, id: ConnectionId, correct: bool) {
        self.stats.integrity_wrong += u64::from(!correct);
        self.events.push(Event::Integrity(id, correct));
    }
}

//! Recovery phases: no faults and no new traffic. Guarantees of recovery are checked here.

use super::Simulator;
use super::phase::{RecoveryPhase, Rekey};
use crate::simulate::draw::path_state::PathState;
use crate::simulate::draw::traffic::Outgoing;
use crate::simulate::model::session::PROBE_CHANNEL;
use ringshard_protocol::connection::ChannelQuality;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Channel;

/// A message sent over a live connection after the last fault must arrive within this time.
pub const RECOVERY_MAX: Duration = Duration::from_secs(40);
/// Everything that was missing then must arrive within the time this rate takes on top, in bytes per second.
pub const DRAIN_RATE: u64 = 50_000;
/// Every client must be connected within this time.
pub const CONNECT_MAX: Duration = Duration::from_secs(24);
/// A recovery phase lasts long enough to see all of this, and the end of incomplete messages.
const LASTS_MIN: Duration = Duration::from_secs(28);
/// The last phase lasts until the server has forgotten all former clients.
const LAST_LASTS_MIN: Duration = Duration::from_secs(100);
/// What has arrived must be acknowledged and freed within this time.
const ACKNOWLEDGED_MAX: Duration = Duration::from_secs(3);
/// Time after a key change from which keys can change again.
const REKEY_AGAIN: Duration = Duration::from_secs(25);
/// On a clear path, keys that are requested repeatedly must change within this time. The former keys stay for three
/// probe timeouts, which are long after a slow path, and no others are accepted before.
const REKEY_MAX: Duration = Duration::from_secs(100);

impl Simulator {
    /// Ends all faults and new traffic.
    pub(super) fn begin_recovery(&mut self, now: Instant, is_last: bool) {
        self.audit.log_event(now, || "recovery".to_owned());
        for player in 0..self.players.len() {
            let delay = self.players[player].plan.delay;
            self.set_path_state(now, player, PathState::clear(delay));
            if self.players[player].running.is_none() {
                self.players[player].back_at = now;
            }
            if let Some((_, link)) = &mut self.players[player].running {
                link.limit_room(now, 0);
            }
            let since = &mut self.audit.clear_since[player];
            *since = (*since).min(now);
        }
        if self.server.running.is_none() {
            self.server.back_at = now;
        }
        self.server.closing = self.server.closing.map(|_| Duration::ZERO);
        if let Some((_, link)) = &mut self.server.running {
            link.limit_room(now, 0);
        }
        for session in &mut self.audit.sessions {
            session.forget_probes();
        }
        self.recovery = Some(RecoveryPhase { since: now, is_last, rekeys: vec![None; self.players.len()] });
    }

    /// Checks what must have recovered by now.
    pub(super) fn check_recovery_phase(&mut self, now: Instant) {
        for player in 0..self.players.len() {
            let whole = self.players[player].session.filter(|&it| self.audit.sessions[it].is_whole());
            match whole {
                Some(session) => {
                    self.probe(now, player, session);
                    self.check_recovery(now, player, session);
                    self.send_unreliable_probes(now, player, session);
                    self.check_rekey(now, player, session);
                }
                None => self.check_connected(now, player),
            }
        }
        if self.is_recovery_over(now) {
            self.end_recovery(now);
        }
    }

    fn check_connected(&mut self, now: Instant, player: usize) {
        let Some(recovery) = &self.recovery else { return };
        let took = now.since(recovery.since);
        if took > CONNECT_MAX {
            let what = format!("player {player} has no connection {took:?} after all faults ended");
            self.audit.report_violation(now, what);
        }
    }

    /// Sends a probe each way over a live connection, once. Rates are lifted.
    fn probe(&mut self, now: Instant, player: usize, session: usize) {
        let probed = self.audit.sessions[session].probed_at;
        if probed == [None; 2] {
            self.set_rate(now, player, None);
            for channel in Channel::all() {
                let priority = if channel == PROBE_CHANNEL { u8::MAX } else { 0 };
                self.set_quality(now, player, channel, ChannelQuality { priority, bytes_per_second: None });
            }
            let it = &mut self.audit.sessions[session];
            let (_, bytes) = it.missing();
            it.backlog = bytes;
            it.drained_by = now + RECOVERY_MAX + Duration::from_millis(bytes as u64 * 1000 / DRAIN_RATE);
            if let Some(recovery) = &self.recovery {
                let took = now.since(recovery.since);
                self.audit.totals.recovered("connected again", took);
            }
        }
        for (at, to_server) in [(0, true), (1, false)] {
            if probed[at].is_none()
                && self.send(now, session, Outgoing { to_server, channel: PROBE_CHANNEL, bytes: 100 })
            {
                self.audit.sessions[session].probed_at[at] = Some(now);
            }
        }
    }

    fn check_recovery(&mut self, now: Instant, player: usize, session: usize) {
        let it = &mut self.audit.sessions[session];
        for (at, to_server) in [(0, true), (1, false)] {
            let late = it.probed_at[at].is_some_and(|at| now.since(at) > RECOVERY_MAX);
            if late && !it.model(to_server, PROBE_CHANNEL).is_complete() {
                let direction = if to_server { "server" } else { "client" };
                let what =
                    format!("player {player}: nothing gets to the {direction} {RECOVERY_MAX:?} after all faults");
                return self.audit.report_violation(now, what);
            }
        }
        if it.complete_since.is_none() && it.probed_at.iter().all(Option::is_some) && it.is_complete() {
            it.complete_since = Some(now);
            let (backlog, took) = (it.backlog, now.since(it.probed_at[0].unwrap_or(now)));
            self.audit.totals.drained(backlog, took);
            self.audit.log_event(now, || format!("player {player}: {backlog} bytes drained in {took:?}"));
            return;
        }
        if now > it.drained_by && !it.is_complete() {
            let what = format!("player {player}: still missing: {}", it.missing_by_channel());
            self.audit.report_violation(now, what);
        }
    }

    /// Key changes so far, at the client and at the server.
    pub(super) fn key_changes(&self, player: usize) -> Option<(u64, u64)> {
        let session = self.live(player)?;
        let (client, _) = self.players[player].running.as_ref()?;
        let (endpoint, _) = self.server.running.as_ref()?;
        let info = endpoint.info(self.audit.sessions[session].ids[0]?)?;
        Some((client.connection()?.key_changes(), info.key_changes))
    }

    /// Checks that keys can still change.
    fn check_rekey(&mut self, now: Instant, player: usize, session: usize) {
        let Some(counts) = self.key_changes(player) else { return };
        let asked = self
            .recovery
            .as_ref()
            .and_then(|recovery| recovery.rekeys[player])
            .filter(|asked| asked.session == session);
        match asked {
            None => {
                let quiet = now.since(self.players[player].keys_changed_at) > REKEY_AGAIN;
                let agreement = now.since(self.audit.sessions[session].whole_since) > Duration::from_secs(1);
                if quiet && agreement {
                    self.rekey(now, player);
                    let asked = Rekey { session, asked_at: now, before: counts, done: false };
                    self.recovery.as_mut().into_iter().for_each(|recovery| recovery.rekeys[player] = Some(asked));
                }
            }
            Some(Rekey { done: true, .. }) => {}
            Some(Rekey { asked_at, before, .. }) => {
                let done = counts.0 > before.0 && counts.1 > before.1;
                if !done && self.random.chance(200) {
                    self.rekey(now, player);
                }
                if let Some(Some(asked)) = self.recovery.as_mut().map(|recovery| recovery.rekeys[player].as_mut()) {
                    asked.done = done;
                }
                let is_whole_since = self.audit.sessions[session].whole_since <= asked_at;
                if !done && is_whole_since && now.since(asked_at) > REKEY_MAX {
                    let what = format!("player {player}: keys no longer change: {before:?}, then {counts:?}");
                    self.audit.report_violation(now, what);
                }
            }
        }
    }

    fn is_recovery_over(&self, now: Instant) -> bool {
        let Some(RecoveryPhase { since, is_last, ref rekeys }) = self.recovery else { return false };
        let is_done = |session: usize| {
            let it = &self.audit.sessions[session];
            it.is_whole() && it.complete_since.is_some_and(|since| now.since(since) > ACKNOWLEDGED_MAX)
        };
        now.since(since) > if is_last { LAST_LASTS_MIN } else { LASTS_MIN }
            && self.players.iter().all(|player| player.session.is_some_and(is_done))
            && rekeys.iter().flatten().all(|asked| asked.done || now.since(asked.asked_at) > REKEY_MAX)
    }

    /// Begins the next phase of faults, or ends the run.
    fn end_recovery(&mut self, now: Instant) {
        self.check_agreement(now);
        let is_last = self.recovery.take().is_some_and(|recovery| recovery.is_last);
        match is_last {
            true => self.end(now),
            false => self.begin_faults(now),
        }
    }
}

//! What must hold once everything has arrived: both ends agree, and neither keeps any memory.

use super::Simulator;
use crate::simulate::draw::traffic::Outgoing;
use crate::simulate::model::session::End;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Channel;

/// Unreliable messages must have arrived after this long on a clear path.
pub const UNRELIABLE_PROBE_MAX: Duration = Duration::from_secs(2);
/// The last unreliable channel, and the last sequenced one.
const UNRELIABLE_PROBE_CHANNELS: [Option<Channel>; 2] = [Channel::new(12), Channel::new(15)];
/// Sizes of these messages: in one datagram, and in fragments.
const UNRELIABLE_PROBE_BYTES: [usize; 2] = [100, 5_000];
/// How late an answer to an integrity check may be on a clear path.
const CHECK_SLACK: Duration = Duration::from_secs(6);

impl Simulator {
    /// Sends unreliable messages once everything else has arrived: they must get through.
    pub(super) fn send_unreliable_probes(&mut self, now: Instant, player: usize, session: usize) {
        let it = &mut self.audit.sessions[session];
        let channels = UNRELIABLE_PROBE_CHANNELS.iter().flatten();
        match it.unreliable_sent_at {
            None if it.complete_since.is_none() => {}
            None => {
                it.unreliable_sent_at = Some(now);
                for (&channel, to_server) in channels.flat_map(|channel| [(channel, true), (channel, false)]) {
                    for bytes in UNRELIABLE_PROBE_BYTES {
                        self.send(now, session, Outgoing { to_server, channel, bytes });
                    }
                }
            }
            Some(at) if now.since(at) < UNRELIABLE_PROBE_MAX => {}
            // When memory is low, datagrams are dropped.
            Some(at) if self.audit.memory_low_at >= at => {}
            Some(_) => {
                let missing = channels.flat_map(|&channel| [(channel, true), (channel, false)]);
                let missing = { missing }.find(|&(channel, to_server)| !it.model(to_server, channel).has_last());
                if let Some((channel, to_server)) = missing {
                    let direction = if to_server { "server" } else { "client" };
                    let what = format!("player {player}: nothing gets to the {direction} on channel {channel}");
                    self.audit.report_violation(now, what);
                }
            }
        }
    }

    /// Checks that both ends of every session agree.
    pub(super) fn check_agreement(&mut self, now: Instant) {
        for player in 0..self.players.len() {
            if let Err(what) = self.agreement(now, player) {
                return self.audit.report_violation(now, format!("player {player}: {what}"));
            }
        }
    }

    fn agreement(&self, now: Instant, player: usize) -> Result<(), String> {
        let (Some(session), Some((endpoint, _))) = (self.players[player].session, &self.server.running) else {
            return Err("has no session".to_owned());
        };
        let it = &self.audit.sessions[session];
        let Some((client, link)) = &self.players[player].running else { return Err("has no client".to_owned()) };
        let Some((name, info)) = it.ids[0].and_then(|name| Some((name, endpoint.info(name)?))) else {
            return Err(format!("the server does not know {:?}", it.ids));
        };
        if client.message_bytes() > 0 {
            return Err(format!("the client keeps {} bytes after everything has arrived", client.message_bytes()));
        }
        if info.unacknowledged_bytes > 0 {
            return Err(format!("the server keeps {} bytes that have arrived", info.unacknowledged_bytes));
        }
        if info.path.peer != link.local() {
            return Err(format!("the server sends to {}, and the client is at {}", info.path.peer, link.local()));
        }
        if client.id() != Some(name) {
            return Err(format!("the client's id is {:?}, and the server's is {name:?}", client.id()));
        }
        match self.plan.check_period() {
            Some(period) if now.since(it.checked_at.max(it.whole_since)) > 2 * period + CHECK_SLACK => {
                Err(format!("its integrity was not checked for {:?}", now.since(it.checked_at)))
            }
            _ => Ok(()),
        }
    }

    /// Checks that the server keeps nothing for clients that are gone.
    pub(super) fn end(&mut self, now: Instant) {
        self.is_over = true;
        let Some((endpoint, _)) = &self.server.running else { return };
        if endpoint.message_bytes() > 0 {
            let what = format!("the server keeps {} bytes after everything has arrived", endpoint.message_bytes());
            self.audit.report_violation(now, what);
        }
        let (connections, players) = (endpoint.connections(), self.players.len());
        if connections != players {
            self.audit.report_violation(now, format!("the server has {connections} connections of {players} players"));
        }
        let alone = self.audit.sessions.iter().filter(|it| it.server == End::Live && it.client == End::Gone).count();
        if alone > 0 {
            self.audit.report_violation(now, format!("{alone} sessions without a client are still live at the server"));
        }
    }
}

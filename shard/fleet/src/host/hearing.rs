//! Which hosts the bus brings beats of: the others, and this one.

use crate::bus::Beat;
use crate::courier::Peer;
use crate::model::{Name, RunId};
use crate::zones::Heard;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// Time between two beats.
pub(super) const BEAT: Duration = Duration::from_millis(500);
/// After that long without an own beat, the bus is away.
const AWAY: Duration = Duration::from_millis(1_500);
/// A host ends this long before the lease is over in which nobody may have heard it.
pub(super) const FENCE_MARGIN: Duration = Duration::from_secs(1);
/// A host that is silent for so much longer than a lease is gone. The one that listens may have been deaf just then, and has not
/// noticed it if that was shorter than [`AWAY`]; half a second more is for beats that are late.
const DEAF: Duration = Duration::from_secs(1);
const _: () = assert!(DEAF.as_millis() + FENCE_MARGIN.as_millis() >= AWAY.as_millis() + BEAT.as_millis());
/// Beats whose time differs by more from this host's clock are of the past: somebody may repeat them.
const BEAT_AGE_MAX_MS: u64 = 60_000;
/// Beats of this host that it remembers.
const BEATS_MAX: usize = 32;
/// Time between two warnings of a clock that differs.
const WARN_AGAIN: Duration = Duration::from_secs(60);
/// Hosts that are remembered.
const HOSTS_MAX: usize = 4_096;

/// How long a host must be silent until it is gone, in a fleet with leases of this time.
pub(super) fn patience(lease: Duration) -> Duration {
    lease + DEAF
}

/// The hosts that are heard.
pub(super) struct Hearing {
    me: Peer,
    hosts: BTreeMap<Name, Known>,
    /// The last beats that were said: the time in them, and when that was.
    said: VecDeque<(u64, Instant)>,
    /// When the last of this host's own beats came back, and since when they do.
    echo: Option<Instant>,
    echo_since: Option<Instant>,
    /// When another run under this host's name was heard.
    twin: Option<Instant>,
    /// When the log last said that a clock differs.
    warned_at: Option<Instant>,
}

/// What is known of another host.
pub(super) struct Known {
    pub run: RunId,
    pub beat: Beat,
    at: Instant,
}

impl Known {
    /// Whether it was heard within this time.
    pub(super) fn is_heard(&self, within: Duration) -> bool {
        self.at.elapsed() < within
    }
}

impl Hearing {
    pub(super) fn new(me: Peer) -> Self {
        let (hosts, said) = Default::default();
        Hearing { me, hosts, said, echo: None, echo_since: None, twin: None, warned_at: None }
    }

    /// This host says a beat with this time.
    pub(super) fn said(&mut self, at_ms: u64) {
        self.said.push_back((at_ms, Instant::now()));
        if self.said.len() > BEATS_MAX {
            self.said.pop_front();
        }
    }

    /// A beat comes; `now_ms` is this host's time. False: it is not believed.
    pub(super) fn heard(&mut self, from: RunId, beat: Beat, now_ms: u64) -> bool {
        let now = Instant::now();
        if from == self.me.run {
            // It counts from when it was said: others count this host's silence from then, too.
            if let Some((_, at)) = self.said.iter().find(|(at_ms, _)| *at_ms == beat.at_ms) {
                self.echo = self.echo.max(Some(*at));
                self.echo_since.get_or_insert(now);
            }
            return true;
        }
        if beat.name == self.me.name {
            self.twin = Some(now);
            return true;
        }
        let age_ms = now_ms.abs_diff(beat.at_ms);
        if age_ms > BEAT_AGE_MAX_MS {
            if self.warned_at.is_none_or(|at| at.elapsed() >= WARN_AGAIN) {
                self.warned_at = Some(now);
                tracing::warn!(host = %beat.name, age_ms, "a host's clock differs from this one's: it is not believed");
            }
            return false;
        }
        let known = self.hosts.get(&beat.name);
        if known.is_none() && self.hosts.len() == HOSTS_MAX {
            return false;
        }
        // One that is older than the last was delayed.
        if known.is_none_or(|known| known.beat.at_ms < beat.at_ms) {
            self.hosts.insert(beat.name.clone(), Known { run: from, beat, at: now });
        }
        true
    }

    /// The host in this run, if it has said something.
    pub(super) fn peer(&self, run: RunId) -> Option<Peer> {
        let (name, _) = self.hosts.iter().find(|(_, known)| known.run == run)?;
        Some(Peer { name: name.clone(), run })
    }

    pub(super) fn known(&self, name: &Name) -> Option<&Known> {
        self.hosts.get(name)
    }

    /// Whether this run of a host was heard within this time.
    pub(super) fn hears(&self, peer: &Peer, within: Duration) -> bool {
        self.known(&peer.name).is_some_and(|known| known.run == peer.run && known.is_heard(within))
    }

    /// The hosts that were heard within this time.
    pub(super) fn alive(&self, within: Duration) -> BTreeSet<RunId> {
        self.hosts.values().filter(|known| known.is_heard(within)).map(|known| known.run).collect()
    }

    /// How many hosts were heard within this time.
    pub(super) fn count(&self, within: Duration) -> usize {
        self.hosts.values().filter(|known| known.is_heard(within)).count()
    }

    /// All hosts. Those that were silent for longer than `most` are forgotten.
    pub(super) fn all(&mut self, most: Duration) -> BTreeMap<Name, Heard> {
        self.hosts.retain(|_, known| known.is_heard(most));
        let heard = self.hosts.iter().map(|(name, known)| {
            let silent_for = known.at.elapsed();
            (name.clone(), Heard { run: known.run, is_open: known.beat.is_open, silent_for })
        });
        heard.collect()
    }

    /// Since when the others may have missed this host.
    pub(super) fn unheard_for(&self) -> Option<Duration> {
        self.echo.map(|echo| echo.elapsed())
    }

    /// Whether the bus is there: this host's own beats come back.
    pub(super) fn is_bus_there(&self) -> bool {
        self.echo.is_some_and(|echo| echo.elapsed() < AWAY)
    }

    /// For how long it has been there. An interruption that nobody has asked about does not count.
    pub(super) fn bus_for(&mut self) -> Duration {
        if !self.is_bus_there() {
            self.echo_since = None;
        }
        self.echo_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Whether another run under this host's name was heard within this time.
    pub(super) fn has_twin(&self, within: Duration) -> bool {
        self.twin.is_some_and(|twin| twin.elapsed() < within)
    }
}

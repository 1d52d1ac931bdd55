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
/// For so long, the longest interruption counts.
const LATELY: Duration = Duration::from_secs(10);
/// A host counts as gone after the time of a lease and this of silence. A listener may have missed beats of up to [`AWAY`] and one more
/// unnoticed, and the host stops itself [`FENCE_MARGIN`] before its lease ends.
const DEAF: Duration = Duration::from_secs(1);
const _: () = assert!(DEAF.as_millis() + FENCE_MARGIN.as_millis() >= AWAY.as_millis() + BEAT.as_millis());
/// Beats whose time differs by more from this host's clock are of the past: somebody may repeat them.
const BEAT_AGE_MAX_MS: u64 = 60_000;
/// After so much silence of a run, beats of another one count whose time is earlier.
const SUCCESSION: Duration = Duration::from_secs(3);
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
    /// When runs were last heard that are not in `hosts`: by others, or here under a name that another run has.
    told: BTreeMap<RunId, Instant>,
    /// Runs that have said that they have ended, and when.
    left: BTreeMap<RunId, Instant>,
    /// The last beats that were said: the time in them, and when that was.
    said: VecDeque<(u64, Instant)>,
    /// The time in this host's first beat.
    began_ms: Option<u64>,
    /// When the last of this host's own beats came back, and since when they do.
    echo: Option<Instant>,
    echo_since: Option<Instant>,
    /// The longest interruption of its beats of late, and when it ended.
    interruption: Option<(Duration, Instant)>,
    /// When another run under this host's name was heard, and the time in its beat.
    twin: Option<(Instant, u64)>,
    /// When the log last said that a clock differs.
    warned_at: Option<Instant>,
}

/// What is known of another host.
pub(super) struct Known {
    pub run: RunId,
    pub beat: Beat,
    at: Instant,
    /// Since when this run is the one that is heard under its name.
    since: Instant,
}

impl Known {
    /// Whether it was heard within this time.
    pub(super) fn is_heard(&self, within: Duration) -> bool {
        self.at.elapsed() < within
    }
}

impl Hearing {
    pub(super) fn new(me: Peer) -> Self {
        let (hosts, told, left, said) = Default::default();
        Hearing {
            me,
            hosts,
            told,
            left,
            said,
            began_ms: None,
            echo: None,
            echo_since: None,
            interruption: None,
            twin: None,
            warned_at: None,
        }
    }

    /// This host says a beat now. Gives the time in it: `now_ms`, or a little more if the clock was set back a little, so that
    /// of two beats the later one has the later time.
    pub(super) fn say(&mut self, now_ms: u64) -> u64 {
        let least = self.said.back().map_or(0, |(at_ms, _)| at_ms + 1);
        let at_ms = if least.saturating_sub(now_ms) < BEAT_AGE_MAX_MS / 2 { now_ms.max(least) } else { now_ms };
        self.began_ms.get_or_insert(at_ms);
        self.said.push_back((at_ms, Instant::now()));
        if self.said.len() > BEATS_MAX {
            self.said.pop_front();
        }
        at_ms
    }

    /// A beat comes; `now_ms` is this host's time. False: it is not believed.
    pub(super) fn heard(&mut self, from: RunId, beat: Beat, now_ms: u64) -> bool {
        let now = Instant::now();
        if from == self.me.run {
            // It counts from when it was said: others count this host's silence from then, too.
            if let Some((_, at)) = self.said.iter().find(|(at_ms, _)| *at_ms == beat.at_ms) {
                let interruption = at.saturating_duration_since(self.echo.unwrap_or(*at));
                if interruption > AWAY
                    && self.interruption.is_none_or(|(longest, end)| interruption >= longest || end.elapsed() > LATELY)
                {
                    self.interruption = Some((interruption, now));
                }
                self.echo = self.echo.max(Some(*at));
                self.echo_since.get_or_insert(now);
            }
            return true;
        }
        // A beat that was delayed.
        if self.left.contains_key(&from) {
            return true;
        }
        let known = self.hosts.get(&beat.name);
        let is_known = known.is_some_and(|known| known.run == from);
        let age_ms = now_ms.abs_diff(beat.at_ms);
        // Nobody can repeat beats of a run that is heard already: the seal counts them.
        if age_ms > BEAT_AGE_MAX_MS && !is_known {
            if self.warned_at.is_none_or(|at| at.elapsed() >= WARN_AGAIN) {
                self.warned_at = Some(now);
                tracing::warn!(host = %beat.name, age_ms, "a host's clock differs from this one's: it is not believed");
            }
            return false;
        }
        if beat.name == self.me.name {
            self.twin(now, beat.at_ms);
            return true;
        }
        if known.is_none() && self.hosts.len() == HOSTS_MAX {
            return false;
        }
        match self.hosts.get_mut(&beat.name) {
            Some(known) if is_known => {
                known.at = now;
                // One that is a little older than the last was delayed. If it is much older, the clock was set back.
                if known.beat.at_ms < beat.at_ms || known.beat.at_ms - beat.at_ms > BEAT_AGE_MAX_MS / 2 {
                    known.beat = beat;
                }
            }
            // A beat of a former run. But if the present run says nothing, its clock may be behind.
            Some(known) if beat.at_ms <= known.beat.at_ms && known.is_heard(SUCCESSION) => {
                note(&mut self.told, from, now)
            }
            _ => {
                let former = self.hosts.insert(beat.name.clone(), Known { run: from, beat, at: now, since: now });
                if let Some(former) = former {
                    note(&mut self.told, former.run, former.at);
                }
            }
        }
        true
    }

    /// Another run has this host's name. What was said before this run began, somebody may repeat.
    fn twin(&mut self, now: Instant, at_ms: u64) {
        let is_later = self.twin.is_none_or(|(_, last_ms)| last_ms < at_ms);
        if is_later && self.began_ms.is_some_and(|began_ms| began_ms < at_ms) {
            self.twin = Some((now, at_ms));
        }
    }

    /// The host in this run, if it has said something.
    pub(super) fn peer(&self, run: RunId) -> Option<Peer> {
        let (name, _) = self.hosts.iter().find(|(_, known)| known.run == run)?;
        Some(Peer { name: name.clone(), run })
    }

    /// For how long this run of a host has not been heard, here or by others who said so. None: it is not known. This host always
    /// hears itself.
    pub(super) fn silent_for(&self, run: RunId) -> Option<Duration> {
        if run == self.me.run {
            return Some(Duration::ZERO);
        }
        let known = self.hosts.values().find(|known| known.run == run).map(|known| known.at);
        known.max(self.told.get(&run).copied()).map(|at| at.elapsed())
    }

    /// Another host has heard this run, which this host may never have heard: beats get lost on the way to one and not to the other.
    pub(super) fn was_heard(&mut self, run: RunId, ago: Duration) {
        if let Some(at) = Instant::now().checked_sub(ago).filter(|_| !self.left.contains_key(&run)) {
            note(&mut self.told, run, at);
        }
    }

    /// This run of a host has said that it has ended.
    pub(super) fn has_said_that_it_left(&mut self, run: RunId) {
        self.hosts.retain(|_, known| known.run != run);
        self.told.remove(&run);
        note(&mut self.left, run, Instant::now());
    }

    /// The runs that have said so lately.
    pub(super) fn left(&self) -> BTreeSet<RunId> {
        self.left.keys().copied().collect()
    }

    /// For how long runs have been silent of which others have said that they heard them.
    pub(super) fn told(&self) -> BTreeMap<RunId, Duration> {
        self.told.iter().map(|(run, at)| (*run, at.elapsed())).collect()
    }

    pub(super) fn known(&self, name: &Name) -> Option<&Known> {
        self.hosts.get(name)
    }

    /// The hosts that were heard within this time.
    pub(super) fn alive(&self, within: Duration) -> BTreeSet<RunId> {
        self.hosts.values().filter(|known| known.is_heard(within)).map(|known| known.run).collect()
    }

    /// How many hosts were heard within this time.
    pub(super) fn count(&self, within: Duration) -> usize {
        self.hosts.values().filter(|known| known.is_heard(within)).count()
    }

    /// All hosts, as a host sees them whose game has this contract. Those that were silent for longer than `most` are forgotten.
    pub(super) fn all(&mut self, contract: &str, most: Duration) -> BTreeMap<Name, Heard> {
        self.hosts.retain(|_, known| known.is_heard(most));
        self.told.retain(|_, at| at.elapsed() < most);
        self.left.retain(|_, at| at.elapsed() < most);
        let heard = self.hosts.iter().map(|(name, known)| {
            let (silent_for, known_for) = (known.at.elapsed(), known.since.elapsed());
            let (is_open, has_contract) = (known.beat.is_open, known.beat.contract == contract);
            (name.clone(), Heard { run: known.run, is_open, has_contract, silent_for, known_for })
        });
        heard.collect()
    }

    /// Since when the others may have missed this host.
    pub(super) fn unheard_for(&self) -> Option<Duration> {
        self.echo.map(|echo| echo.elapsed())
    }

    /// Whether an interruption of so long has ended within this time.
    pub(super) fn was_unheard(&self, long: Duration, within: Duration) -> bool {
        self.interruption.is_some_and(|(longest, end)| longest >= long && end.elapsed() < within)
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
        self.twin.is_some_and(|(at, _)| at.elapsed() < within)
    }
}

/// Notes the latest time of a run.
fn note(times: &mut BTreeMap<RunId, Instant>, run: RunId, at: Instant) {
    if times.len() < HOSTS_MAX || times.contains_key(&run) {
        let latest = times.entry(run).or_insert(at);
        *latest = at.max(*latest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn beat(name: &str, at_ms: u64) -> Beat {
        Beat {
            name: name.parse().unwrap(),
            at_ms,
            address: (Ipv4Addr::LOCALHOST, 1).into(),
            key: [0; 32],
            contract: String::new(),
            is_open: true,
        }
    }

    fn hearing() -> Hearing {
        Hearing::new(Peer { name: "me".parse().unwrap(), run: RunId(1) })
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_interruption_counts_for_a_while_after_its_end() {
        let mut hearing = hearing();
        let echo = async |hearing: &mut Hearing, after: u64| {
            tokio::time::advance(MS(after)).await;
            let at_ms = hearing.say(1_000_000);
            assert!(hearing.heard(RunId(1), beat("me", at_ms), 1_000_000));
        };
        for _ in 0..4 {
            echo(&mut hearing, 500).await;
        }
        assert!(!hearing.was_unheard(MS(4_000), MS(3_500)));
        echo(&mut hearing, 5_000).await;
        echo(&mut hearing, 1_600).await;
        assert!(hearing.was_unheard(MS(4_000), MS(3_500)), "a shorter one has followed");
        assert!(!hearing.was_unheard(MS(5_500), MS(3_500)));
        echo(&mut hearing, 1_000).await;
        echo(&mut hearing, 1_000).await;
        assert!(!hearing.was_unheard(MS(4_000), MS(3_500)), "it is over");
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_whose_clock_is_set_is_heard_on() {
        let mut hearing = hearing();
        assert!(hearing.heard(RunId(2), beat("other", 1_000_000), 1_000_000));
        for (now_ms, at_ms) in [(1_000_500, 990_000), (1_001_000, 5_000_000), (1_001_500, 5_000)] {
            tokio::time::advance(MS(500)).await;
            assert!(hearing.heard(RunId(2), beat("other", at_ms), now_ms), "{at_ms}");
            assert_eq!(hearing.silent_for(RunId(2)), Some(Duration::ZERO), "{at_ms}");
        }
        assert!(!hearing.heard(RunId(3), beat("third", 5_000), 1_001_500), "its beats may be repeated");
    }

    #[tokio::test(start_paused = true)]
    async fn what_others_have_heard_counts_also_of_a_run_that_was_never_heard_here() {
        let mut hearing = hearing();
        tokio::time::advance(MS(5_000)).await;
        hearing.heard(RunId(2), beat("other", 1_000_000), 1_000_000);
        tokio::time::advance(MS(2_000)).await;
        for run in [RunId(2), RunId(3)] {
            hearing.was_heard(run, MS(300));
            hearing.was_heard(run, MS(900));
            assert_eq!(hearing.silent_for(run), Some(MS(300)));
        }
        hearing.was_heard(RunId(2), MS(3_000));
        tokio::time::advance(MS(1_000)).await;
        assert_eq!(hearing.told()[&RunId(3)], MS(1_300));
        assert_eq!(hearing.known(&"other".parse().unwrap()).unwrap().at.elapsed(), MS(3_000), "it is not heard here");
        tokio::time::advance(MS(60_000)).await;
        hearing.all("", MS(60_000));
        assert_eq!(hearing.silent_for(RunId(3)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_has_left_is_not_heard_again() {
        let mut hearing = hearing();
        tokio::time::advance(MS(5_000)).await;
        hearing.heard(RunId(2), beat("other", 1_000_000), 1_000_000);
        hearing.has_said_that_it_left(RunId(2));
        hearing.heard(RunId(2), beat("other", 1_000_500), 1_000_500);
        hearing.was_heard(RunId(2), MS(100));
        assert_eq!((hearing.silent_for(RunId(2)), hearing.count(MS(60_000))), (None, 0));
        assert_eq!(hearing.left(), BTreeSet::from([RunId(2)]));
        hearing.heard(RunId(3), beat("other", 1_000_600), 1_000_600);
        assert_eq!(hearing.known(&"other".parse().unwrap()).unwrap().run, RunId(3));
        tokio::time::advance(MS(60_000)).await;
        hearing.all("", MS(60_000));
        assert!(hearing.left().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_run_whose_clock_is_behind_is_heard_when_the_former_one_is_silent() {
        let mut hearing = hearing();
        hearing.heard(RunId(2), beat("other", 1_000_000), 1_000_000);
        tokio::time::advance(MS(500)).await;
        hearing.heard(RunId(7), beat("other", 990_000), 1_000_500);
        assert_eq!(hearing.known(&"other".parse().unwrap()).unwrap().run, RunId(2), "it may be a former run's");
        assert_eq!(hearing.silent_for(RunId(7)), Some(Duration::ZERO), "but it lives");
        tokio::time::advance(MS(3_000)).await;
        hearing.heard(RunId(7), beat("other", 993_000), 1_003_500);
        assert_eq!(hearing.known(&"other".parse().unwrap()).unwrap().run, RunId(7));
        assert_eq!(hearing.silent_for(RunId(2)), Some(MS(3_500)), "others may ask about it");
        let heard = hearing.all("", MS(60_000));
        assert_eq!(heard.values().next().unwrap().known_for, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn beats_of_a_former_run_make_no_twin() {
        let mut hearing = hearing();
        assert_eq!(hearing.say(1_000_000), 1_000_000);
        hearing.heard(RunId(9), beat("me", 999_900), 1_000_100);
        assert!(!hearing.has_twin(MS(5_000)), "it was said before this run began");
        hearing.heard(RunId(9), beat("me", 1_000_200), 1_000_300);
        assert!(hearing.has_twin(MS(5_000)));
        tokio::time::advance(MS(6_000)).await;
        hearing.heard(RunId(9), beat("me", 1_000_200), 1_006_300);
        assert!(!hearing.has_twin(MS(5_000)), "somebody repeats it");
    }

    #[tokio::test(start_paused = true)]
    async fn of_two_beats_the_later_one_has_the_later_time() {
        let mut hearing = hearing();
        assert_eq!([1_000_000, 999_000, 999_500].map(|now_ms| hearing.say(now_ms)), [1_000_000, 1_000_001, 1_000_002]);
        assert_eq!(hearing.say(900_000), 900_000, "the clock was set back far");
    }
}

//! What a server did between two answers, and its current state.

use super::poll::Answer;
use hdrhistogram::Histogram;
use ringshard::ops::admin::SortOrder;
use ringshard::ops::report::{ConnectionSnapshot, CoreSnapshot, Percentiles, ServerReport, StageSnapshot};
use std::collections::HashMap;
use std::net::SocketAddr;

/// The figures to show.
#[derive(Clone, Debug)]
pub struct Figures {
    /// The latest report.
    pub report: ServerReport,
    /// Rates since the answer before; None until the server has answered twice since its start.
    pub rates: Option<Rates>,
    /// Drops, the highest current rate first.
    pub drops: Vec<DropFigures>,
    /// What players were refused, the highest current rate first.
    pub refusals: Vec<RefusalFigures>,
    /// Its connections, in the requested order.
    pub talkers: Vec<Talker>,
}

/// Rates per second.
#[derive(Clone, Debug)]
pub struct Rates {
    /// Of all cores together.
    pub all: CoreRates,
    /// Of each core.
    pub cores: Vec<CoreRates>,
}

/// Rates of a core per second.
#[derive(Clone, Debug)]
pub struct CoreRates {
    /// Datagrams received.
    pub datagrams_in: f64,
    /// Datagrams sent.
    pub datagrams_out: f64,
    /// Bytes received.
    pub bytes_in: f64,
    /// Bytes sent.
    pub bytes_out: f64,
    /// Share of the time spent in turns with work, 0 to 1; for several cores, the mean.
    pub busy: f64,
    /// Duration of a turn; None without turns.
    pub turn: Option<Percentiles>,
    /// Duration of a tick.
    pub tick: Option<Percentiles>,
    /// Time from the arrival of a datagram until it is handled.
    pub handled: Option<Percentiles>,
    /// Ticks.
    pub ticks: f64,
    /// Ticks skipped.
    pub ticks_skipped: f64,
    /// Datagrams dropped by the kernel.
    pub kernel_drops: f64,
    /// Drops for all reasons.
    pub drops: f64,
}

/// Drops for one reason.
#[derive(Clone, PartialEq, Debug)]
pub struct DropFigures {
    /// The reason.
    pub reason: String,
    /// Number since the start.
    pub total: u64,
    /// Current rate per second.
    pub rate: Option<f64>,
    /// The last address that caused it.
    pub offender: Option<SocketAddr>,
}

/// Refusals for one reason.
#[derive(Clone, PartialEq, Debug)]
pub struct RefusalFigures {
    /// The reason.
    pub reason: &'static str,
    /// Number since the start.
    pub total: u64,
    /// Current rate per second.
    pub rate: Option<f64>,
}

/// A connection.
#[derive(Clone, Debug)]
pub struct Talker {
    /// Its figures.
    pub connection: ConnectionSnapshot,
    /// Bytes per second from and to the client; None if the answer before did not have the connection.
    pub rates: Option<(f64, f64)>,
}

impl Figures {
    /// The figures of the answer `now`, with rates since `before`.
    pub fn new(before: Option<&Answer>, now: &Answer, order: SortOrder) -> Self {
        let change = before.map(|before| now.report.since(&before.report));
        Figures {
            rates: change.as_ref().map(Rates::new),
            drops: drops(&now.report, change.as_ref()),
            refusals: refusals(&now.report, change.as_ref()),
            talkers: talkers(before.map_or(&[], |before| &before.connections), &now.connections, order),
            report: now.report.clone(),
        }
    }

    /// Number of connections of all cores.
    pub fn connections(&self) -> usize {
        self.report.cores.iter().map(|core| core.connections).sum()
    }
}

impl Rates {
    fn new(change: &ServerReport) -> Self {
        let of_core = |core: &CoreSnapshot| CoreRates::new(change.uptime_s, std::slice::from_ref(core));
        Rates { all: CoreRates::new(change.uptime_s, &change.cores), cores: change.cores.iter().map(of_core).collect() }
    }
}

impl CoreRates {
    fn new(seconds: f64, cores: &[CoreSnapshot]) -> Self {
        let stages = |name: &'static str| cores.iter().flat_map(|core| &core.stages).filter(move |it| it.name == name);
        let rate = |counter: &str| cores.iter().map(|core| core.counter(counter)).sum::<u64>() as f64 / seconds;
        let drops: u64 = cores.iter().flat_map(|core| core.drops.values()).sum();
        let turns = stages("turn").flat_map(|stage| &stage.buckets);
        let in_turns = turns.fold(0.0, |sum, &(nanos, count)| sum + nanos as f64 * count as f64);
        let busy = (in_turns / 1e9 / seconds / cores.len().max(1) as f64).min(1.0);
        CoreRates {
            datagrams_in: rate("datagrams_in"),
            datagrams_out: rate("datagrams_out"),
            bytes_in: rate("bytes_in"),
            bytes_out: rate("bytes_out"),
            busy,
            turn: percentiles(stages("turn")),
            tick: percentiles(stages("tick")),
            handled: percentiles(stages("arrival_to_handled")),
            ticks: rate("ticks"),
            ticks_skipped: rate("ticks_skipped"),
            kernel_drops: rate("link_kernel_drops"),
            drops: drops as f64 / seconds,
        }
    }
}

/// The percentiles of all these histograms together.
fn percentiles<'a>(stages: impl Iterator<Item = &'a StageSnapshot>) -> Option<Percentiles> {
    let sum = stages.map(StageSnapshot::histogram).reduce(|mut sum, histogram| {
        sum.add(histogram).expect("all stages have the same bounds");
        sum
    });
    sum.filter(|sum: &Histogram<u64>| !sum.is_empty()).map(|sum| Percentiles::of(&sum))
}

fn drops(report: &ServerReport, change: Option<&ServerReport>) -> Vec<DropFigures> {
    let recent = change.map(|change| (change.drops(), change.uptime_s));
    let rate =
        |reason: &str| recent.as_ref().map(|(drops, seconds)| drops.get(reason).copied().unwrap_or(0) as f64 / seconds);
    let offender = |reason: &str| {
        // Of several cores, the one that recently dropped most is most likely to know the address.
        let count = |core: &CoreSnapshot| core.drops.get(reason).copied().unwrap_or(0);
        let recently = |index: usize| change.and_then(|change| change.cores.get(index)).map_or(0, count);
        let cores = report.cores.iter().enumerate().filter(|(_, core)| core.offenders.contains_key(reason));
        let core = cores.max_by_key(|(index, core)| (recently(*index), count(core)));
        core.and_then(|(_, core)| core.offenders.get(reason).copied())
    };
    let figures = |(reason, total): (String, u64)| DropFigures {
        rate: rate(&reason),
        offender: offender(&reason),
        reason,
        total,
    };
    let mut drops: Vec<_> = report.drops().into_iter().map(figures).collect();
    let key = |drops: &DropFigures| (drops.rate.unwrap_or(0.0), drops.total as f64);
    drops.sort_by(|left, right| key(right).partial_cmp(&key(left)).unwrap_or(std::cmp::Ordering::Equal));
    drops
}

fn refusals(report: &ServerReport, change: Option<&ServerReport>) -> Vec<RefusalFigures> {
    let recent = change.map(|change| (change.refusals(), change.uptime_s));
    let rate = |reason: &str| {
        recent.as_ref().map(|(counts, seconds)| counts.get(reason).copied().unwrap_or(0) as f64 / seconds)
    };
    let figures = |(reason, total)| RefusalFigures { reason, total, rate: rate(reason) };
    let mut refusals: Vec<_> = report.refusals().into_iter().map(figures).collect();
    let key = |refusal: &RefusalFigures| (refusal.rate.unwrap_or(0.0), refusal.total as f64);
    refusals.sort_by(|left, right| key(right).partial_cmp(&key(left)).unwrap_or(std::cmp::Ordering::Equal));
    refusals
}

fn talkers(before: &[ConnectionSnapshot], now: &[ConnectionSnapshot], order: SortOrder) -> Vec<Talker> {
    let before: HashMap<&str, &ConnectionSnapshot> =
        before.iter().map(|connection| (connection.id.as_str(), connection)).collect();
    let rates = |now: &ConnectionSnapshot| {
        let before = before.get(now.id.as_str())?;
        // By the clock of its core. A new connection in the same slot has a smaller age.
        let seconds = now.age_s - before.age_s;
        let bytes = (now.bytes_in.checked_sub(before.bytes_in)?, now.bytes_out.checked_sub(before.bytes_out)?);
        (seconds > 0.0).then(|| (bytes.0 as f64 / seconds, bytes.1 as f64 / seconds))
    };
    let mut talkers: Vec<_> =
        now.iter().map(|connection| Talker { rates: rates(connection), connection: connection.clone() }).collect();
    if order == SortOrder::Rate {
        // The server knows only the rate over the life of a connection.
        let both = |talker: &Talker| talker.rates.map_or(-1.0, |(inward, outward)| inward + outward);
        talkers.sort_by(|left, right| both(right).total_cmp(&both(left)));
    }
    talkers
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{answer, connection, player};
    use super::*;
    use std::time::Instant;

    #[test]
    fn rates_come_from_the_difference_of_two_answers() {
        let began = Instant::now();
        let (before, now) = (answer(began, 2, 10), answer(began, 2, 14));
        assert!(now.continues(&before));
        let figures = Figures::new(Some(&before), &now, SortOrder::Rate);
        let rates = figures.rates.as_ref().unwrap();
        let close = |left: f64, right: f64| (left - right).abs() < right * 0.02;
        assert!(close(rates.all.datagrams_in, 2_000.0) && close(rates.cores[1].datagrams_out, 2_000.0));
        assert!(close(rates.all.busy, 0.2) && close(rates.cores[0].busy, 0.2), "{}", rates.all.busy);
        assert!(close(rates.all.turn.unwrap().p99_us, 100.0) && close(rates.all.tick.unwrap().p50_us, 50.0));
        assert!(rates.all.handled.is_none(), "nothing was measured of it");
        assert!(close(rates.all.drops, 20.0));
        assert_eq!(figures.connections(), 600);
    }

    #[test]
    fn current_drops_come_before_former_ones() {
        let began = Instant::now();
        let figures = Figures::new(Some(&answer(began, 2, 10)), &answer(began, 2, 20), SortOrder::Rate);
        let reasons: Vec<&str> = figures.drops.iter().map(|drops| drops.reason.as_str()).collect();
        assert_eq!(reasons, ["replayed", "malformed"], "what never happened is left out");
        assert_eq!((figures.drops[0].total, figures.drops[0].rate), (400, Some(20.0)));
        assert_eq!((figures.drops[1].total, figures.drops[1].rate), (10_000, Some(0.0)));
        assert!(figures.drops[0].offender.is_some_and(|offender| [player(0), player(1)].contains(&offender)));
        assert_eq!(figures.drops[1].offender, None);
    }

    #[test]
    fn refusals_have_the_rate_of_all_cores_and_reasons_that_never_occurred_are_left_out() {
        let began = Instant::now();
        let figures = Figures::new(Some(&answer(began, 2, 10)), &answer(began, 2, 20), SortOrder::Rate);
        assert_eq!(figures.refusals, [RefusalFigures { reason: "speed", total: 120, rate: Some(6.0) }]);
    }

    #[test]
    fn the_busiest_connection_comes_first_and_a_new_one_has_no_rate_yet() {
        let before = [connection(1, 10, 100), connection(2, 10, 2_048)];
        let now = [connection(1, 12, 100), connection(2, 12, 2_048), connection(3, 1, 1 << 20)];
        let talkers = talkers(&before, &now, SortOrder::Rate);
        let rates: Vec<_> = talkers.iter().map(|talker| (talker.connection.address, talker.rates)).collect();
        let expected = [(player(2), Some((2_048.0, 2_048.0))), (player(1), Some((100.0, 100.0))), (player(3), None)];
        assert_eq!(rates, expected);
        // Another connection in the place of one that has gone.
        assert_eq!(super::talkers(&before, &[connection(1, 1, 100)], SortOrder::Rate)[0].rates, None);
    }

    #[test]
    fn a_restarted_server_has_no_rates_until_it_has_answered_twice() {
        let began = Instant::now();
        let before = answer(began, 2, 100);
        assert!(answer(began, 2, 101).continues(&before));
        let at = |seconds, report| Answer::at(began + std::time::Duration::from_secs(seconds), report, Vec::new());
        let report = |seconds| super::super::fixtures::report(2, seconds);
        assert!(!at(101, report(1)).continues(&before), "a shorter life");
        assert!(!at(400, report(150)).continues(&before), "a longer one, but not as long as it would be");
        assert!(!at(101, ServerReport { pid: 8, ..report(101) }).continues(&before), "another process");
        assert!(!at(101, super::super::fixtures::report(1, 101)).continues(&before), "other cores");
        assert!(at(400, report(400)).continues(&before), "it was only not heard for a while");
    }
}

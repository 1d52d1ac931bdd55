//! The results of floods: a table, and one JSON object.

use super::kind::Kind;
use super::measure::Measured;
use super::options::Arguments;
use crate::report::Report;
use crate::report::verdict::{Missed, Verdict};
use crate::terminal::{Page, grouped};
use ringshard_protocol::limits::CONNECT_TIMEOUT;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Target: 99 % of the players' round trips end within this many microseconds.
const P99_MAX_US: f64 = 50_000.0;
/// Target: the server's memory grows by at most this.
const GROWTH_MAX_MIB: f64 = 16.0;
/// Drop reasons shown in a row of the table.
const REASONS: usize = 3;

/// The result of one flood.
#[derive(Debug, Serialize)]
pub struct Figures {
    pub kind: Kind,
    pub secs: f64,
    /// Datagrams per second: requested, accepted by the kernel, and received by the server apart from players'
    /// messages.
    pub wanted_per_s: f64,
    pub sent_per_s: f64,
    pub seen_per_s: f64,
    pub sent_bytes_per_s: f64,
    /// Datagrams sent and answers received by type, over the whole flood.
    pub sent_as: BTreeMap<&'static str, u64>,
    /// Datagrams that the kernel dropped at the server's socket, players' included. Datagrams shorter than a header are
    /// not counted: the kernel never passes them on.
    pub kernel_drops: u64,
    /// Why the server dropped datagrams, most frequent reason first.
    pub drops: Vec<(String, u64)>,
    /// What the flood cost the server.
    pub cookies_per_s: f64,
    pub handshakes_per_s: f64,
    pub unvalidated_bytes_in: u64,
    pub unvalidated_bytes_out: u64,
    pub players_lost: u64,
    /// Why the first of them lost its connection.
    pub players_lost_because: Option<String>,
    pub joiners: usize,
    pub joined: usize,
    pub join_median_s: Option<f64>,
    pub join_slowest_s: Option<f64>,
    /// Join times, fastest first.
    pub join_times_s: Vec<f64>,
    /// Why the first client that failed to join did.
    pub not_joined_because: Option<String>,
    pub memory_before_mib: f64,
    pub memory_after_mib: f64,
    pub verdict: Verdict,
    /// The players' figures, in the form of the other commands.
    pub players: Report,
}

impl Figures {
    pub fn new(kind: Kind, arguments: &Arguments, measured: Measured, players: Report) -> Self {
        let Measured { before, after, memory_before, memory_after, elapsed, .. } = &measured;
        let Measured { joined, result, players_failed, .. } = &measured;
        let seen = after.since(before);
        let secs = elapsed.as_secs_f64();
        let flood_secs = result.elapsed.as_secs_f64();
        let of_flood = |count: u64| count as f64 / flood_secs;
        let of_server = |count: u64| count as f64 / secs;
        let mut drops: Vec<(String, u64)> = seen.drops().into_iter().collect();
        drops.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let mut figures = Figures {
            kind,
            secs,
            wanted_per_s: arguments.per_second as f64,
            sent_per_s: of_flood(result.sent.datagrams),
            // At a steady rate each player's message comes in a datagram of its own.
            seen_per_s: of_server(seen.total("datagrams_in").saturating_sub(seen.total("messages_in"))),
            sent_bytes_per_s: of_flood(result.sent.bytes),
            sent_as: result.counts.clone(),
            kernel_drops: seen.total("link_kernel_drops"),
            drops,
            cookies_per_s: of_server(seen.total("cookies_out")),
            handshakes_per_s: of_server(seen.total("handshakes")),
            unvalidated_bytes_in: seen.total("unvalidated_bytes_in"),
            unvalidated_bytes_out: seen.total("unvalidated_bytes_out"),
            // The other end may not have noticed yet.
            players_lost: seen.total("left").max(*players_failed),
            players_lost_because: measured.players.closed.clone(),
            joiners: arguments.joiners,
            joined: joined.joined(),
            join_median_s: joined.median().map(|time| time.as_secs_f64()),
            join_slowest_s: joined.slowest().map(|time| time.as_secs_f64()),
            join_times_s: joined.times.iter().map(|time| (time.as_secs_f64() * 1000.0).round() / 1000.0).collect(),
            not_joined_because: joined.why.clone(),
            memory_before_mib: mib(*memory_before),
            memory_after_mib: mib(*memory_after),
            verdict: Verdict::Pass,
            players,
        };
        figures.verdict = figures.players.judge(figures.misses());
        figures.players.verdict = Some(figures.verdict.clone());
        figures
    }

    /// The missed targets. Joining clients run on the flood's thread, so their success does not depend on the players'
    /// generator.
    fn misses(&self) -> Missed {
        let Missed { mut guarantees, mut server, clients: mut missed } = Missed::default();
        if self.players_lost > 0 {
            missed.push(format!("{} players lost their connection", self.players_lost));
        }
        let p99_us = self.players.client.rtt.p99_us;
        if p99_us >= P99_MAX_US {
            missed.push(format!("p99 round trip {:.1} ms", p99_us / 1000.0));
        }
        if self.joined < self.joiners {
            let (joined, joiners) = (self.joined, self.joiners);
            server.push(format!("{joined} of {joiners} joined within {} s", CONNECT_TIMEOUT.as_secs()));
        }
        if self.unvalidated_bytes_out > self.unvalidated_bytes_in {
            let (bytes_out, bytes_in) = (self.unvalidated_bytes_out, self.unvalidated_bytes_in);
            guarantees.push(format!(
                "{bytes_out} bytes sent to unknown addresses, more than the {bytes_in} received from them"
            ));
        }
        let growth = self.memory_after_mib - self.memory_before_mib;
        if growth > GROWTH_MAX_MIB {
            guarantees.push(format!("memory grew by {growth:.1} MiB"));
        }
        Missed { guarantees, server, clients: missed }
    }

    /// What does not fit into the table.
    pub fn page(&self) -> String {
        let mut page = Page::default();
        page.line(
            "flood",
            format!(
                "{} datagrams/s requested, {}/s sent ({:.1} MB/s), {}/s received, {} dropped by the kernel",
                grouped(self.wanted_per_s),
                grouped(self.sent_per_s),
                self.sent_bytes_per_s / 1e6,
                grouped(self.seen_per_s),
                grouped(self.kernel_drops as f64)
            ),
        );
        if !self.sent_as.is_empty() {
            let of = |(name, count): (&&str, &u64)| format!("{name} {}", grouped(*count as f64));
            page.line("", self.sent_as.iter().map(of).collect::<Vec<_>>().join(", "));
        }
        page.line(
            "cost",
            format!(
                "{} cookies/s, {} key exchanges/s, {:.1} MB in, {:.1} MB out",
                grouped(self.cookies_per_s),
                grouped(self.handshakes_per_s),
                self.unvalidated_bytes_in as f64 / 1e6,
                self.unvalidated_bytes_out as f64 / 1e6
            ),
        );
        if let Some(why) = &self.players_lost_because {
            page.line("lost", format!("the first of {}: {why}", self.players_lost));
        }
        if let Some(why) = &self.not_joined_because {
            page.line("failed to join", format!("the first: {why}"));
        }
        page.line("verdict", &self.verdict);
        format!("{} flood\n{}{}", self.kind.name(), self.players.page(), page.into_text())
    }

    fn cells(&self) -> [String; COLUMNS.len()] {
        let seconds = |time: Option<f64>| time.map_or("-".into(), |time| format!("{time:.2}"));
        let main = self.drops.iter().take(REASONS);
        let reasons: Vec<String> = main.map(|(reason, count)| format!("{reason} {}", grouped(*count as f64))).collect();
        let rtt = &self.players.client.rtt;
        [
            self.kind.name(),
            grouped(self.sent_per_s),
            grouped(self.seen_per_s),
            grouped(self.kernel_drops as f64),
            self.players_lost.to_string(),
            format!("{:.3}", self.players.client.loss * 100.0),
            format!("{:.2}", rtt.p50_us / 1000.0),
            format!("{:.2}", rtt.p99_us / 1000.0),
            format!("{} of {}", self.joined, self.joiners),
            seconds(self.join_median_s),
            seconds(self.join_slowest_s),
            format!("{:.1} > {:.1}", self.memory_before_mib, self.memory_after_mib),
            match self.verdict {
                Verdict::Pass => "pass".into(),
                Verdict::Fail(_) | Verdict::Violated => "FAIL".into(),
                Verdict::Undecided(..) => "undecided".into(),
                Verdict::Interrupted(_) => "cut short".into(),
            },
            reasons.join(", "),
        ]
    }
}

const COLUMNS: [&str; 14] = [
    "flood",
    "sent/s",
    "seen/s",
    "kernel drops",
    "lost",
    "loss %",
    "p50 ms",
    "p99 ms",
    "joined",
    "median s",
    "slowest s",
    "MiB",
    "",
    "dropped, mainly",
];

/// All floods as a table.
pub fn table(floods: &[Figures]) -> String {
    let rows: Vec<[String; COLUMNS.len()]> =
        std::iter::once(COLUMNS.map(str::to_owned)).chain(floods.iter().map(Figures::cells)).collect();
    let widths: [usize; COLUMNS.len()] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0));
    let mut table = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let is_text = column == 0 || column == COLUMNS.len() - 1;
            let _ = if is_text { write!(line, "{cell:<width$}  ") } else { write!(line, "{cell:>width$}  ") };
        }
        let _ = writeln!(table, "{}", line.trim_end());
    }
    table
}

/// All floods as JSON.
#[derive(Serialize)]
pub struct JsonReport<'a> {
    pub scenario: &'static str,
    pub clients: usize,
    pub joiners: usize,
    pub per_second: u64,
    pub burst: usize,
    pub floods: &'a [Figures],
    pub verdict: &'a Verdict,
}

/// The verdict on all floods: that of the first that did not pass.
pub fn verdict(floods: &[Figures]) -> Verdict {
    let verdicts = || floods.iter().map(|figures| &figures.verdict);
    let first = |wanted: fn(&Verdict) -> bool| verdicts().find(|verdict| wanted(verdict));
    first(|verdict| matches!(verdict, Verdict::Interrupted(_)))
        .or_else(|| first(|verdict| matches!(verdict, Verdict::Fail(_))))
        .or_else(|| first(|verdict| *verdict != Verdict::Pass))
        .cloned()
        .unwrap_or(Verdict::Pass)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::generator::Outcome;
    use crate::report::{ClientFigures, CpuTime, ServerFigures};
    use crate::scenario::Scenario;
    use crate::system::usage::Usage;
    use clap::Parser;
    use std::time::Duration;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn figures(words: &str) -> Figures {
        let arguments = Line::try_parse_from(words.split(' ')).unwrap().arguments;
        let Arguments { load, serving, settings, .. } = &arguments;
        let scenario = Scenario::new(load.players().unwrap(), &load.place, serving, settings, None).unwrap();
        let second = Duration::from_secs(1);
        let load = CpuTime { elapsed: second, server_cpu: second, server_waited: Duration::ZERO, client_cpu: second };
        let usage = Usage { cpu: second, ..Usage::default() };
        let server = ServerFigures::plain(60_000, 60_000, &load, usage, 1);
        let client = ClientFigures::new(&Outcome::new(), &load, 1);
        Figures {
            kind: arguments.kind.0[0],
            secs: 5.0,
            wanted_per_s: arguments.per_second as f64,
            sent_per_s: 299_000.4,
            seen_per_s: 280_000.0,
            sent_bytes_per_s: 1e6,
            sent_as: BTreeMap::new(),
            kernel_drops: 12_345,
            drops: [("reply_queue_full", 900), ("malformed", 80), ("unexpected", 7), ("replayed", 1)]
                .map(|(reason, count)| (reason.to_owned(), count))
                .into(),
            cookies_per_s: 0.0,
            handshakes_per_s: 0.0,
            unvalidated_bytes_in: 1_000,
            unvalidated_bytes_out: 1_000,
            players_lost: 0,
            players_lost_because: None,
            joiners: arguments.joiners,
            joined: arguments.joiners,
            join_median_s: Some(0.25),
            join_slowest_s: Some(2.5),
            join_times_s: vec![0.25, 2.5],
            not_joined_because: None,
            memory_before_mib: 50.0,
            memory_after_mib: 66.0,
            verdict: Verdict::Pass,
            players: Report::new("flood", &scenario, server, client, &Outcome::new(), &load),
        }
    }

    #[test]
    fn only_missed_targets_are_reported() {
        let good = figures("flood --kind connects");
        assert_eq!((good.joiners, good.wanted_per_s, good.misses()), (200, 300_000.0, Missed::default()));
        let miss = |change: fn(&mut Figures)| {
            let mut bad = figures("flood --kind garbage --joiners 10");
            change(&mut bad);
            bad.misses().all().join(";")
        };
        assert_eq!(miss(|it| it.players_lost = 3), "3 players lost their connection");
        assert_eq!(miss(|it| it.players.client.rtt.p99_us = 50_000.0), "p99 round trip 50.0 ms");
        assert_eq!(miss(|it| it.joined = 9), "9 of 10 joined within 10 s");
        assert_eq!(
            miss(|it| it.unvalidated_bytes_out = 1_001),
            "1001 bytes sent to unknown addresses, more than the 1000 received from them"
        );
        assert_eq!(miss(|it| it.memory_after_mib = 66.2), "memory grew by 16.2 MiB");
        assert_eq!(miss(|it| it.memory_after_mib = 10.0), "", "less is no fault");
    }

    #[test]
    fn the_table_has_a_row_per_flood_with_the_main_drop_reasons() {
        let mut bad = figures("flood --kind bad-tags");
        bad.verdict = Verdict::Fail(vec!["all of it".into()]);
        let table = table(&[figures("flood --kind handshakes"), bad]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("flood") && lines[0].contains("p99 ms") && lines[0].ends_with("dropped, mainly"));
        for part in ["handshakes", "299,000", "12,345", "200 of 200", "0.25", "2.50", "50.0 > 66.0", "pass"] {
            assert!(lines[1].contains(part), "{part} in {}", lines[1]);
        }
        assert!(lines[1].ends_with("reply_queue_full 900, malformed 80, unexpected 7"), "{}", lines[1]);
        assert!(lines[2].starts_with("bad-tags") && lines[2].contains("FAIL"));
    }

    #[test]
    fn json_names_kinds_as_the_command_line_does() {
        let floods = [figures("flood --kind bad-tags")];
        let all = JsonReport {
            scenario: "flood",
            clients: 1,
            joiners: 2,
            per_second: 3,
            burst: 1,
            floods: &floods,
            verdict: &Verdict::Pass,
        };
        let json = serde_json::to_value(&all).unwrap();
        assert_eq!(json["floods"][0]["kind"], "bad-tags");
        assert_eq!(json["floods"][0]["players"]["scenario"], "flood");
    }

    #[test]
    fn impossible_options_are_refused() {
        for wrong in ["flood --kind some", "flood --per-second many", "flood --joiners -1"] {
            assert!(Line::try_parse_from(wrong.split(' ')).is_err(), "{wrong}");
        }
    }
}

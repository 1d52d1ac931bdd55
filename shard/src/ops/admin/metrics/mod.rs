//! The metrics for Prometheus: names, units, labels.

mod beside;
mod format;

pub(super) use format::Format;

use crate::ops::handle::MetricsSnapshot;
use crate::ops::process::Usage;
use crate::ops::report::{StageSnapshot, refusal_counter};
use crate::runtime::control::quality::{LOSSES_PERMILLE, ROUND_TRIPS_MS};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use ringshard_world::Refusal;
use std::fmt;
use std::time::SystemTime;

/// Upper bounds of the buckets of every histogram, in microseconds: 1, 2, 5 in each decade, and the length of a tick.
const BOUNDS_US: [u64; 23] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 16_000, 20_000, 50_000, 100_000, 200_000, 500_000,
    1_000_000, 2_000_000, 5_000_000, 10_000_000,
];

const _: () = {
    let mut index = 1;
    while index < BOUNDS_US.len() {
        assert!(BOUNDS_US[index - 1] < BOUNDS_US[index], "the bounds of the buckets must rise");
        index += 1;
    }
};

/// The answer to a scrape, in this format.
pub(super) fn encode(snapshot: MetricsSnapshot, format: Format) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(ProcessMetrics(snapshot.started_at)));
    registry.sub_registry_with_prefix("ringshard").register_collector(Box::new(ServerMetrics(snapshot)));
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    Ok(match format {
        Format::OpenMetrics => text,
        Format::Classic => format::classic(&text),
    })
}

/// Metrics with a direction: name, help, and the counters of both directions.
const DIRECTIONS: [(&str, &str, &str, &str); 3] = [
    ("packets", "Datagrams that the protocol received and sent", "datagrams_in", "datagrams_out"),
    ("bytes", "Bytes of those datagrams, without IP and UDP headers", "bytes_in", "bytes_out"),
    ("messages", "Messages delivered to the game and accepted from it", "messages_in", "messages_out"),
];
/// Counters with a metric of their own: name, counter, help. All others are events.
const COUNTERS: [(&str, &str, &str); 5] = [
    (
        "kernel_drops",
        "link_kernel_drops",
        "Datagrams that the kernel dropped because a socket's receive buffer was full",
    ),
    (
        "kernel_refused",
        "link_kernel_refused",
        "Datagrams that the kernel refused because they are shorter than a header or have a wrong UDP checksum",
    ),
    (
        "send_failed",
        "link_send_failed",
        "Datagrams that the kernel did not send: a firewall rule, a missing route, or a full device queue",
    ),
    ("duplicates", "duplicates", "Reliable messages, and fragments of them, that arrived again"),
    ("ticks_skipped", "ticks_skipped", "Ticks that were skipped because the tick before ended too late"),
];
/// Values that rise and fall.
const GAUGES: [&str; 10] = [
    "world_services_knocking",
    "message_bytes",
    "overload_ms",
    "world_shed_level",
    "world_players",
    "world_suspended",
    "world_pending",
    "world_entities",
    "world_known_entities",
    "world_jobs_outstanding",
];

#[derive(Debug)]
struct ServerMetrics(MetricsSnapshot);

impl Collector for ServerMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let MetricsSnapshot { report, reload, .. } = &self.0;
        info(&mut encoder, "build", "Version of the server", &[("version", report.version.as_str())])?;
        let driver = report.datapath.to_string();
        info(
            &mut encoder,
            "io_driver",
            "How the server exchanges datagrams with the kernel",
            &[("driver", driver.as_str())],
        )?;
        let uptime =
            encoder.encode_descriptor("uptime", "Time since the start", Some(&Unit::Seconds), MetricType::Gauge)?;
        gauge(report.uptime_s, uptime)?;
        let one = |so: bool| f64::from(u8::from(so));
        for (name, help, value) in [
            ("draining", "1 while the server drains and admits no new clients", one(report.draining)),
            ("sessions_max", "Highest number of connections, over all cores", report.connections_max as f64),
            ("reload_successful", "1 if the last reload applied the settings", one(reload.is_latest)),
        ] {
            gauge(value, encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        let help = "When settings were last applied, in seconds since 1970";
        let name = "reload_success_timestamp";
        gauge(
            unix_s(reload.succeeded_at),
            encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Gauge)?,
        )?;
        let help = "Log lines that were dropped because the reader of the log did not keep up";
        let lines = encoder.encode_descriptor("log_lines_dropped", help, None, MetricType::Counter)?;
        counter_of(self.0.log_lines_dropped, lines)?;
        beside::services(&mut encoder, &self.0.services)?;
        beside::fleet(&mut encoder, &self.0.fleet)?;
        self.liveness(&mut encoder)?;
        self.quality(&mut encoder)?;
        self.counts(&mut encoder)?;
        self.histograms(&mut encoder)
    }
}

impl ServerMetrics {
    /// How long each core has been silent or stuck. The other metrics of a stuck core are old.
    fn liveness(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Time since the core began its last turn; it begins at least 60 turns per second";
        let unit = Some(&Unit::Seconds);
        let mut metric = encoder.encode_descriptor("core_silence", help, unit, MetricType::Gauge)?;
        for (core, &silence) in self.0.silences_s.iter().enumerate() {
            gauge(silence, metric.encode_family(&[("core", core.to_string())])?)?;
        }
        let help = "How long the core has been stuck; 0 while it turns";
        let mut metric = encoder.encode_descriptor("core_stuck", help, unit, MetricType::Gauge)?;
        for core in &self.0.report.cores {
            gauge(core.stuck_s.unwrap_or(0.0), metric.encode_family(&[("core", core.core.to_string())])?)?;
        }
        Ok(())
    }

    /// The quality of the connections. Each scrape looks at every connection once.
    fn quality(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (help, kind) =
            ("Round-trip times of the connections, each looked at once per scrape", MetricType::Histogram);
        let mut metric = encoder.encode_descriptor("session_round_trip", help, Some(&Unit::Seconds), kind)?;
        for (core, quality) in self.0.qualities.iter().enumerate() {
            let bounds = ROUND_TRIPS_MS.map(|millis| millis as f64 / 1e3);
            let (sum, core) = (quality.round_trips_sum.as_secs_f64(), [("core", core.to_string())]);
            buckets(&bounds, &quality.round_trips, sum, metric.encode_family(&core)?)?;
        }
        let ratio = Unit::Other("ratio".into());
        let help = "Share of each connection's datagrams that never arrived, each looked at once per scrape";
        let mut metric = encoder.encode_descriptor("session_loss", help, Some(&ratio), kind)?;
        for (core, quality) in self.0.qualities.iter().enumerate() {
            let bounds = LOSSES_PERMILLE.map(|permille| permille as f64 / 1e3);
            let core = [("core", core.to_string())];
            buckets(&bounds, &quality.losses, quality.losses_sum, metric.encode_family(&core)?)?;
        }
        Ok(())
    }

    fn counts(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        for (name, help, inward, outward) in DIRECTIONS {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for core in &self.0.report.cores {
                for (direction, counter) in [("in", inward), ("out", outward)] {
                    let labels = [("core", core.core.to_string()), ("direction", direction.to_owned())];
                    counter_of(core.counter(counter), metric.encode_family(&labels)?)?;
                }
            }
        }
        let help = "Datagrams and messages dropped, by reason";
        let mut metric = encoder.encode_descriptor("packets_dropped", help, None, MetricType::Counter)?;
        for core in &self.0.report.cores {
            for (reason, &count) in &core.drops {
                let labels = [("core", core.core.to_string()), ("reason", reason.clone())];
                counter_of(count, metric.encode_family(&labels)?)?;
            }
        }
        let help = "What players of the world were refused, by reason";
        let mut metric = encoder.encode_descriptor("refusals", help, None, MetricType::Counter)?;
        for core in &self.0.report.cores {
            for why in Refusal::ALL {
                // An echo server has no world.
                let Some(&count) = core.counters.get(&refusal_counter(why)) else { continue };
                let labels = [("core", core.core.to_string()), ("reason", why.name().to_owned())];
                counter_of(count, metric.encode_family(&labels)?)?;
            }
        }
        for (name, counter, help) in COUNTERS {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for core in &self.0.report.cores {
                counter_of(core.counter(counter), metric.encode_family(&[("core", core.core.to_string())])?)?;
            }
        }
        let mut metric = encoder.encode_descriptor("sessions", "Current connections", None, MetricType::Gauge)?;
        for core in &self.0.report.cores {
            gauge(core.connections as f64, metric.encode_family(&[("core", core.core.to_string())])?)?;
        }
        self.events_and_states(encoder)
    }

    fn events_and_states(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let with_direction = DIRECTIONS.iter().flat_map(|&(_, _, inward, outward)| [inward, outward]);
        let named: Vec<&str> = with_direction.chain(COUNTERS.iter().map(|&(_, counter, _)| counter)).collect();
        let refusals = Refusal::ALL.map(refusal_counter);
        let is_event = |name: &str| {
            !named.contains(&name) && !GAUGES.contains(&name) && refusals.iter().all(|refusal| refusal != name)
        };
        let help = "Everything else that a core counts, by event";
        let mut metric = encoder.encode_descriptor("events", help, None, MetricType::Counter)?;
        for core in &self.0.report.cores {
            for (name, &count) in core.counters.iter().filter(|(name, _)| is_event(name)) {
                let labels = [("core", core.core.to_string()), ("event", name.clone())];
                counter_of(count, metric.encode_family(&labels)?)?;
            }
        }
        let help = "Values of a core that rise and fall, by state";
        let mut metric = encoder.encode_descriptor("state", help, None, MetricType::Gauge)?;
        for core in &self.0.report.cores {
            for (name, &count) in core.counters.iter().filter(|(name, _)| GAUGES.contains(&name.as_str())) {
                let labels = [("core", core.core.to_string()), ("state", name.clone())];
                gauge(count as f64, metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    fn histograms(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (unit, kind) = (Some(&Unit::Seconds), MetricType::Histogram);
        let mut metric = encoder.encode_descriptor("tick_duration", "Duration of a tick", unit, kind)?;
        for core in &self.0.report.cores {
            for stage in core.stages.iter().filter(|stage| stage.name == "tick") {
                histogram(stage, metric.encode_family(&[("core", core.core.to_string())])?)?;
            }
        }
        let mut metric =
            encoder.encode_descriptor("packet_stage", "Duration of the stages of a core's turn", unit, kind)?;
        for core in &self.0.report.cores {
            for stage in core.stages.iter().filter(|stage| stage.name != "tick") {
                let labels = [("core", core.core.to_string()), ("stage", stage.name.clone())];
                histogram(stage, metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

/// The metrics of the process, under the names that all programs use.
#[derive(Debug)]
struct ProcessMetrics(SystemTime);

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = |name: &str, help: &str, unit: Option<&Unit>, value: f64| {
            gauge(value, encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?)
        };
        metric(
            "process_start_time",
            "When the process started, in seconds since 1970",
            Some(&Unit::Seconds),
            unix_s(self.0),
        )?;
        let Ok(usage) = Usage::now() else { return Ok(()) };
        let bytes = Some(&Unit::Bytes);
        metric("process_resident_memory", "Resident memory", bytes, usage.resident_bytes as f64)?;
        metric("process_virtual_memory", "Address space", bytes, usage.virtual_bytes as f64)?;
        metric("process_threads", "Threads", None, usage.threads as f64)?;
        metric("process_open_fds", "Open files, including sockets", None, usage.files as f64)?;
        if let Some(files_max) = usage.files_max {
            metric("process_max_fds", "Limit of open files", None, files_max as f64)?;
        }
        let help = "CPU time of all threads, in the program and in the kernel";
        let mut cpu = encoder.encode_descriptor("process_cpu", help, Some(&Unit::Seconds), MetricType::Counter)?;
        cpu.encode_counter::<NoLabelSet, _, u64>(&usage.cpu_s, None)
    }
}

fn unix_s(at: SystemTime) -> f64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

type Metric<'a> = prometheus_client::encoding::MetricEncoder<'a>;

fn info(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, labels: &[(&str, &str)]) -> fmt::Result {
    let metric = encoder.encode_descriptor(name, help, None, MetricType::Info)?;
    prometheus_client::metrics::info::Info::new(labels.to_vec()).encode(metric)
}

fn gauge(value: f64, mut metric: Metric<'_>) -> fmt::Result {
    metric.encode_gauge(&value)
}

fn counter_of(count: u64, mut metric: Metric<'_>) -> fmt::Result {
    metric.encode_counter::<NoLabelSet, _, u64>(&count, None)
}

/// A histogram with these counts per bucket: one bucket for each bound, and one for all above.
fn buckets(bounds: &[f64], counts: &[u64], sum: f64, mut metric: Metric<'_>) -> fmt::Result {
    assert_eq!(counts.len(), bounds.len() + 1, "a histogram has a bucket for each bound and one above");
    assert!(bounds.is_sorted_by(|lower, upper| lower < upper), "the bounds of a histogram grow");
    let bounds = bounds.iter().copied().chain([f64::INFINITY]);
    let buckets: Vec<(f64, u64)> = bounds.zip(counts.iter().copied()).collect();
    metric.encode_histogram::<NoLabelSet>(sum, counts.iter().sum(), &buckets, None)
}

fn histogram(stage: &StageSnapshot, metric: Metric<'_>) -> fmt::Result {
    let seconds = |nanos: u64| nanos as f64 / 1e9;
    let (mut counts, mut sum) = ([0; BOUNDS_US.len() + 1], 0.0);
    for &(nanos, count) in &stage.buckets {
        counts[BOUNDS_US.partition_point(|&bound| bound * 1_000 < nanos)] += count;
        sum += seconds(nanos) * count as f64;
    }
    buckets(&BOUNDS_US.map(|bound| seconds(bound * 1_000)), &counts, sum, metric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::handle::ReloadStatus;
    use crate::runtime::control::quality::Quality;
    use crate::runtime::core_report::CoreReport;
    use crate::runtime::datapath::Backend;
    use crate::runtime::status::{CoreStatus, Identity, ServerStatus};
    use ringshard_protocol::time::Duration;

    #[test]
    fn a_scrape_has_the_names_units_and_labels_that_dashboards_rely_on() {
        let mut report = CoreReport::new();
        report.endpoint.datagrams_in = 70;
        report.endpoint.handshakes = 3;
        report.drops.not_authentic = 5;
        report.link.kernel_drops = 2;
        report.connections = 4;
        report.stages.tick.record(Duration::from_micros(150), 9);
        report.stages.tick.record(Duration::from_micros(250), 1);
        let identity = Identity {
            listen: ([127, 0, 0, 1], 3565).into(),
            datapath: Backend::Uring,
            started: std::time::Instant::now(),
            connections_per_core_max: 1,
        };
        let mut quality = Quality::default();
        quality.round_trips[1] = 3;
        quality.losses[0] = 3;
        let stuck = CoreStatus { stuck: Some(Duration::from_millis(12_500)), ..CoreStatus::default() };
        let cores = vec![CoreStatus { report: Box::new(report), stuck: None }, stuck];
        let snapshot = MetricsSnapshot {
            report: ServerStatus { identity, draining: false, cores }.into(),
            qualities: vec![quality, Quality::default()],
            silences_s: vec![0.25, 12.5],
            started_at: SystemTime::UNIX_EPOCH,
            reload: ReloadStatus { succeeded_at: SystemTime::UNIX_EPOCH, is_latest: true },
            services: vec![("services_sessions", 5), ("services_admitted", 7)],
            fleet: vec![("fleet_registered", 1.0), ("fleet_updates", 8.0)],
            log_lines_dropped: 6,
        };
        let text = encode(snapshot.clone(), Format::OpenMetrics).unwrap();
        for line in [
            "ringshard_packets_total{core=\"0\",direction=\"in\"} 70",
            "ringshard_packets_dropped_total{core=\"0\",reason=\"not_authentic\"} 5",
            "ringshard_kernel_drops_total{core=\"0\"} 2",
            "ringshard_events_total{core=\"0\",event=\"handshakes\"} 3",
            "ringshard_sessions{core=\"0\"} 4.0",
            "ringshard_io_driver_info{driver=\"io_uring\"} 1",
            "ringshard_tick_duration_seconds_count{core=\"0\"} 10",
            "ringshard_tick_duration_seconds_bucket{le=\"0.0002\",core=\"0\"} 9",
            "ringshard_tick_duration_seconds_bucket{le=\"+Inf\",core=\"0\"} 10",
            "ringshard_draining 0.0",
            "ringshard_core_silence_seconds{core=\"0\"} 0.25",
            "ringshard_core_stuck_seconds{core=\"0\"} 0.0",
            "ringshard_core_stuck_seconds{core=\"1\"} 12.5",
            "ringshard_sessions_max 2.0",
            "ringshard_log_lines_dropped_total 6",
            "ringshard_services_state{state=\"sessions\"} 5.0",
            "ringshard_services_events_total{event=\"admitted\"} 7",
            "ringshard_fleet_state{state=\"registered\"} 1.0",
            "ringshard_fleet_events_total{event=\"updates\"} 8",
            "ringshard_reload_successful 1.0",
            "ringshard_duplicates_total{core=\"0\"} 0",
            "ringshard_session_round_trip_seconds_bucket{le=\"0.005\",core=\"0\"} 0",
            "ringshard_session_round_trip_seconds_bucket{le=\"0.01\",core=\"0\"} 3",
            "ringshard_session_round_trip_seconds_count{core=\"0\"} 3",
            "ringshard_session_loss_ratio_bucket{le=\"0.0\",core=\"0\"} 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        for name in
            ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds"]
        {
            assert!(text.lines().any(|line| line.starts_with(&format!("{name} "))), "{name} is missing in\n{text}");
        }
        let classic = encode(snapshot, Format::Classic).unwrap();
        assert!(classic.contains("# TYPE ringshard_packets_total counter\nringshard_packets_total{"), "{classic}");
    }
}

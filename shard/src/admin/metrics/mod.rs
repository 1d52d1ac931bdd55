//! A report as Prometheus reads it (OpenMetrics): names, units, labels.

use crate::report::{ServerReport, StageSnapshot};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;

/// Upper bounds of the buckets of every histogram, in microseconds: 1, 2, 5 in each decade, and what a tick has.
const BOUNDS_US: [u64; 23] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 16_000, 20_000, 50_000, 100_000, 200_000, 500_000,
    1_000_000, 2_000_000, 5_000_000, 10_000_000,
];

/// The text that answers a scrape.
pub(super) fn encode(report: ServerReport) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("ringshard");
    registry.register_collector(Box::new(Scrape(report)));
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    Ok(text)
}

/// What of a core goes under which name; all else of its counters is an event.
const DIRECTIONS: [(&str, &str, &str, &str); 3] = [
    ("packets", "Datagrams that the protocol took in and gave out", "datagrams_in", "datagrams_out"),
    ("bytes", "Bytes of those", "bytes_in", "bytes_out"),
    ("messages", "Messages given to the game and taken from it", "messages_in", "messages_out"),
];
/// Counters that are states, not sums.
const GAUGES: [&str; 5] =
    ["message_bytes", "world_shed_level", "world_players", "world_entities", "world_known_entities"];

#[derive(Debug)]
struct Scrape(ServerReport);

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let report = &self.0;
        info(&mut encoder, "build", "The server's version", &[("version", report.version.as_str())])?;
        let driver = report.datapath.to_string();
        info(&mut encoder, "io_driver", "How datagrams reach the kernel", &[("driver", driver.as_str())])?;
        let uptime = encoder.encode_descriptor("uptime", "Since the start", Some(&Unit::Seconds), MetricType::Gauge)?;
        gauge(report.uptime_s, uptime)?;
        let draining =
            encoder.encode_descriptor("draining", "1 while nobody new is let in", None, MetricType::Gauge)?;
        gauge(f64::from(u8::from(report.draining)), draining)?;
        self.counts(&mut encoder)?;
        self.histograms(&mut encoder)
    }
}

impl Scrape {
    fn counts(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        for (name, help, inward, outward) in DIRECTIONS {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for core in &self.0.cores {
                for (direction, counter) in [("in", inward), ("out", outward)] {
                    let labels = [("core", core.core.to_string()), ("direction", direction.to_owned())];
                    counter_of(core.counter(counter), metric.encode_family(&labels)?)?;
                }
            }
        }
        let help = "Datagrams and messages dropped, by reason";
        let mut metric = encoder.encode_descriptor("packets_dropped", help, None, MetricType::Counter)?;
        for core in &self.0.cores {
            for (reason, &count) in &core.drops {
                let labels = [("core", core.core.to_string()), ("reason", reason.clone())];
                counter_of(count, metric.encode_family(&labels)?)?;
            }
        }
        for (name, counter, help) in [
            (
                "kernel_drops",
                "link_kernel_drops",
                "Datagrams that the kernel dropped because a socket's buffer was full",
            ),
            ("ticks_skipped", "ticks_skipped", "Ticks that were left out because the one before was over too late"),
        ] {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for core in &self.0.cores {
                counter_of(core.counter(counter), metric.encode_family(&[("core", core.core.to_string())])?)?;
            }
        }
        let mut metric = encoder.encode_descriptor("sessions", "Connections now", None, MetricType::Gauge)?;
        for core in &self.0.cores {
            gauge(core.connections as f64, metric.encode_family(&[("core", core.core.to_string())])?)?;
        }
        self.everything_else(encoder)
    }

    fn everything_else(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let named: Vec<&str> = DIRECTIONS.iter().flat_map(|&(_, _, inward, outward)| [inward, outward]).collect();
        let is_event = |name: &str| {
            !named.contains(&name) && !GAUGES.contains(&name) && !["link_kernel_drops", "ticks_skipped"].contains(&name)
        };
        let help = "Everything else that a core counts, by the names of its counters";
        let mut metric = encoder.encode_descriptor("events", help, None, MetricType::Counter)?;
        for core in &self.0.cores {
            for (name, &count) in core.counters.iter().filter(|(name, _)| is_event(name)) {
                let labels = [("core", core.core.to_string()), ("event", name.clone())];
                counter_of(count, metric.encode_family(&labels)?)?;
            }
        }
        let help = "What a core counts that can become less, by the names of its counters";
        let mut metric = encoder.encode_descriptor("state", help, None, MetricType::Gauge)?;
        for core in &self.0.cores {
            for (name, &count) in core.counters.iter().filter(|(name, _)| GAUGES.contains(&name.as_str())) {
                let labels = [("core", core.core.to_string()), ("state", name.clone())];
                gauge(count as f64, metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    fn histograms(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (unit, kind) = (Some(&Unit::Seconds), MetricType::Histogram);
        let mut metric = encoder.encode_descriptor("tick_duration", "A tick of what is served", unit, kind)?;
        for core in &self.0.cores {
            for stage in core.stages.iter().filter(|stage| stage.name == "tick") {
                histogram(stage, metric.encode_family(&[("core", core.core.to_string())])?)?;
            }
        }
        let mut metric = encoder.encode_descriptor("packet_stage", "Stages of a core's turn", unit, kind)?;
        for core in &self.0.cores {
            for stage in core.stages.iter().filter(|stage| stage.name != "tick") {
                let labels = [("core", core.core.to_string()), ("stage", stage.name.clone())];
                histogram(stage, metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
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

fn histogram(stage: &StageSnapshot, mut metric: Metric<'_>) -> fmt::Result {
    let seconds = |nanos: u64| nanos as f64 / 1e9;
    let (mut counts, mut sum) = ([0; BOUNDS_US.len() + 1], 0.0);
    for &(nanos, count) in &stage.buckets {
        counts[BOUNDS_US.partition_point(|&bound| bound * 1_000 < nanos)] += count;
        sum += seconds(nanos) * count as f64;
    }
    let bounds = BOUNDS_US.iter().map(|&bound| seconds(bound * 1_000)).chain([f64::INFINITY]);
    let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
    metric.encode_histogram::<NoLabelSet>(sum, counts.iter().sum(), &buckets, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Identity;
    use crate::datapath::Backend;
    use crate::report::CoreSnapshot;
    use crate::stages::CoreReport;
    use ringshard_engine::time::Duration;

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
        let text = encode(ServerReport::new(&identity, false, vec![CoreSnapshot::new(0, &report)])).unwrap();
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
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}

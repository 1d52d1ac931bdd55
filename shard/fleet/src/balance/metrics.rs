//! Metrics in the format of OpenMetrics.

use super::state::State;
use crate::model::HostState;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::fmt;

/// Content type of the answer.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The answer to a scrape.
pub(super) fn encode(state: &State) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.sub_registry_with_prefix("ringshard_balance").register_collector(Box::new(Figures::of(state)));
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    Ok(text)
}

/// The figures of one scrape.
#[derive(Debug)]
struct Figures {
    counters: Vec<(&'static str, &'static str, u64)>,
    refusals: Vec<(&'static str, u64)>,
    gauges: [(&'static str, &'static str, f64); 7],
    regions: BTreeMap<String, RegionFigures>,
}

#[derive(Debug, Default)]
struct RegionFigures {
    hosts: [u32; HOST_STATES.len()],
    players: u64,
    capacity: u64,
}

const HOST_STATES: [(&str, HostState); 5] = [
    ("starting", HostState::Starting),
    ("ready", HostState::Ready),
    ("overloaded", HostState::Overloaded),
    ("draining", HostState::Draining),
    ("maintenance", HostState::Maintenance),
];

impl Figures {
    fn of(state: &State) -> Figures {
        let mut counters = Vec::new();
        state.counters.each(&mut |name, help, value| counters.push((name, help, value)));
        let balancer = state.balancer();
        let mut regions: BTreeMap<String, RegionFigures> = BTreeMap::new();
        for host in balancer.directory().hosts.values() {
            let region = regions.entry(host.region.to_string()).or_default();
            let at = HOST_STATES.iter().position(|(_, state)| *state == host.state).expect("every state is listed");
            region.hosts[at] += 1;
            region.players += u64::from(host.players);
            region.capacity += u64::from(host.capacity);
        }
        let age = state.freshness.borrow().age().unwrap_or_default().as_secs_f64();
        let gauges = [
            ("revision", "Revision of the directory in use", balancer.directory().revision as f64),
            ("directory_age_seconds", "Seconds since the directory was known to be the latest", age),
            ("waiting", "Clients that wait, as far as this balancer knows", f64::from(balancer.waiting())),
            (
                "avoided",
                "Hosts that are avoided because clients cannot reach them",
                balancer.suspects(state.now_ms()) as f64,
            ),
            ("connections", "Connections now", state.places.taken() as f64),
            ("draining", "1 while the balancer drains", f64::from(u8::from(state.drains()))),
            ("uptime_seconds", "Seconds since the start", state.started.elapsed().as_secs_f64()),
        ];
        drop(balancer);
        let refusals = state.refusals().map(|(refused, count)| (refused.name(), count)).collect();
        Figures { counters, refusals, gauges, regions }
    }
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (name, help, value) in self.gauges {
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        for (name, help, value) in &self.counters {
            ConstCounter::new(*value).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        let help = "Clients sent nowhere, by reason";
        let mut metric = encoder.encode_descriptor("refusals", help, None, MetricType::Counter)?;
        for (reason, count) in &self.refusals {
            ConstCounter::new(*count).encode(metric.encode_family(&[("reason", *reason)])?)?;
        }
        self.encode_regions(encoder)
    }
}

impl Figures {
    fn encode_regions(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor("hosts", "Hosts, by region and state", None, MetricType::Gauge)?;
        for (name, region) in &self.regions {
            for ((state, _), count) in HOST_STATES.iter().zip(region.hosts) {
                let labels = [("region", name.as_str()), ("state", *state)];
                ConstGauge::new(f64::from(count)).encode(metric.encode_family(&labels)?)?;
            }
        }
        let mut metric = encoder.encode_descriptor("players", "Players, by region", None, MetricType::Gauge)?;
        for (name, region) in &self.regions {
            ConstGauge::new(region.players as f64).encode(metric.encode_family(&[("region", name.as_str())])?)?;
        }
        let help = "Places, taken ones included, by region";
        let mut metric = encoder.encode_descriptor("capacity", help, None, MetricType::Gauge)?;
        for (name, region) in &self.regions {
            ConstGauge::new(region.capacity as f64).encode(metric.encode_family(&[("region", name.as_str())])?)?;
        }
        Ok(())
    }
}

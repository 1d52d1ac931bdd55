//! Metrics in the format of OpenMetrics.

use crate::control::Control;
use crate::counters::Counters;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::Arc;

/// Content type of the answer.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The answer to a scrape.
pub(super) fn encode(control: &Arc<Control>) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.sub_registry_with_prefix("ringshard_gateway").register_collector(Box::new(GatewayMetrics {
        counters: control.counters().to_vec(),
        taken: control.taken(),
        drains: control.drains(),
        uptime_s: control.uptime().as_secs_f64(),
    }));
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct GatewayMetrics {
    counters: Vec<Arc<Counters>>,
    taken: (usize, usize),
    drains: bool,
    uptime_s: f64,
}

impl Collector for GatewayMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (connections, clients) = self.taken;
        let gauges = [
            ("clients", "Clients now", clients as f64),
            ("connections", "TCP and QUIC connections now, those without a client included", connections as f64),
            ("draining", "1 while the gateway drains and admits nobody", f64::from(u8::from(self.drains))),
        ];
        for (name, help, value) in gauges {
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        let uptime =
            encoder.encode_descriptor("uptime", "Time since the start", Some(&Unit::Seconds), MetricType::Gauge)?;
        ConstGauge::new(self.uptime_s).encode(uptime)?;
        let mut families = Vec::new();
        Counters::default().each(&mut |name, help, _| families.push((name, help)));
        for (at, (name, help)) in families.into_iter().enumerate() {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (thread, counters) in self.counters.iter().enumerate() {
                let labels = [("thread", thread.to_string())];
                ConstCounter::new(nth(counters, at)).encode(metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

fn nth(counters: &Counters, index: usize) -> u64 {
    let (mut at, mut found) = (0, 0);
    counters.each(&mut |_, _, value| {
        if at == index {
            found = value;
        }
        at += 1;
    });
    found
}

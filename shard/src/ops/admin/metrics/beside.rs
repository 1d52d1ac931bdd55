//! The metrics of what runs beside the cores: the services, and the server's place in a fleet.
//!
//! Each has two metrics, as the cores have: events, which only rise, and states, which rise and fall.

use super::{counter_of, gauge};
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use std::fmt;

/// Counts of services that rise and fall.
const SERVICES_STATES: [&str; 8] = [
    "sessions",
    "hub_connected",
    "accounts_waiting_logins",
    "actions_running",
    "actions_suspended",
    "actions_clients",
    "actions_outcome_bytes",
    "resources_ranges_waiting",
];
/// Counts of a fleet that rise and fall.
const FLEET_STATES: [&str; 20] = [
    "registered",
    "away_seconds",
    "name_taken",
    "maintenance",
    "bus_connected",
    "hosts_heard",
    "zones",
    "zones_without_host",
    "players_leaving",
    "players_coming",
    "oldest_move_seconds",
    "checkpoints_kept",
    "zones_waiting",
    "zones_losing",
    "accounts_held",
    "border_dark",
    "border_replicas",
    "border_shown",
    "border_clock_error_us",
    "border_left_out",
];

/// The counts of the services. A server without services has none.
pub(super) fn services(encoder: &mut DescriptorEncoder<'_>, counts: &[(&'static str, u64)]) -> fmt::Result {
    let named = |(name, count): &(&'static str, u64)| (name.trim_start_matches("services_"), *count);
    let (states, events): (Vec<_>, Vec<_>) =
        counts.iter().map(named).partition(|(name, _)| SERVICES_STATES.contains(name));
    let help = "What the services beside the cores count, by event";
    let mut metric = encoder.encode_descriptor("services_events", help, None, MetricType::Counter)?;
    for (event, count) in events {
        counter_of(count, metric.encode_family(&[("event", event)])?)?;
    }
    let help = "Values of the services that rise and fall, by state";
    let mut metric = encoder.encode_descriptor("services_state", help, None, MetricType::Gauge)?;
    for (state, count) in states {
        gauge(count as f64, metric.encode_family(&[("state", state)])?)?;
    }
    Ok(())
}

/// The counts of the server's place in a fleet. A server that belongs to no fleet has none.
pub(super) fn fleet(encoder: &mut DescriptorEncoder<'_>, counts: &[(&'static str, f64)]) -> fmt::Result {
    let named = |(name, count): &(&'static str, f64)| (name.trim_start_matches("fleet_"), *count);
    let (states, events): (Vec<_>, Vec<_>) =
        counts.iter().map(named).partition(|(name, _)| FLEET_STATES.contains(name));
    let help = "What the server counts of its registration in a fleet of hosts, by event";
    let mut metric = encoder.encode_descriptor("fleet_events", help, None, MetricType::Counter)?;
    for (event, count) in events {
        counter_of(count as u64, metric.encode_family(&[("event", event)])?)?;
    }
    let help = "How the server stands in a fleet of hosts, by state";
    let mut metric = encoder.encode_descriptor("fleet_state", help, None, MetricType::Gauge)?;
    for (state, count) in states {
        gauge(count, metric.encode_family(&[("state", state)])?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dashboard_draws_a_rate_of_each_count_that_only_rises() {
        let page = include_str!("../dashboard.html");
        let listed = page.split("const LEVELS = new Set([").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
        let listed: Vec<&str> = listed.split(',').map(|name| name.trim().trim_matches('\'')).collect();
        assert_eq!(listed, SERVICES_STATES);
    }
}

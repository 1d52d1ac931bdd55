//! What the log says about the registration, once per change.

use crate::model::{Host, Order};
use crate::registry::membership::Standing;
use std::mem::{Discriminant, discriminant};
use std::time::Duration;

/// Logs changes of the registration.
#[derive(Debug)]
pub(super) struct StandingLog {
    lease: Duration,
    told: Discriminant<Standing>,
    away_since: Option<Duration>,
    told_that_taken: bool,
    maintenance: bool,
}

impl StandingLog {
    /// Of a host with leases of this time.
    pub(super) fn new(lease: Duration) -> Self {
        StandingLog {
            lease,
            told: discriminant(&Standing::Joining),
            away_since: None,
            told_that_taken: false,
            maintenance: false,
        }
    }

    /// How the registration stands now.
    pub(super) fn standing(&mut self, now: Duration, host: &Host, standing: &Standing) {
        self.taken_for_long(now, host, standing);
        if discriminant(standing) == self.told {
            return;
        }
        self.told = discriminant(standing);
        match standing {
            Standing::Joining => {}
            Standing::Registered => {
                let away = self.away_since.take().map(|since| now.saturating_sub(since).as_secs_f32());
                match away {
                    Some(away_s) => tracing::info!(away_s, "the registry is back: this host is registered"),
                    None => {
                        tracing::info!(name = %host.name, region = %host.region, address = host.address, "registered")
                    }
                }
            }
            Standing::Away { since, error } => {
                self.away_since.get_or_insert(*since);
                tracing::warn!(%error, "the registry is away: this host goes on serving");
            }
            Standing::Taken { by, .. } => {
                tracing::info!(name = %host.name, by, "the name is taken: waiting until the lease of that host ends");
            }
        }
    }

    /// A name that is taken for longer than a lease lasts is another live host's.
    fn taken_for_long(&mut self, now: Duration, host: &Host, standing: &Standing) {
        let Standing::Taken { since, by } = standing else {
            self.told_that_taken = false;
            return;
        };
        if !self.told_that_taken && now.saturating_sub(*since) > self.lease * 2 {
            self.told_that_taken = true;
            tracing::error!(
                name = %host.name, by,
                "another live host has this name, so this host serves outside of the fleet: give it another fleet-name, \
                 and restart it"
            );
        }
    }

    /// Whether an operator keeps newcomers away.
    pub(super) fn maintenance(&mut self, order: Option<&Order>) {
        match order {
            Some(order) if !self.maintenance => {
                let (by, reason) = (&order.by, &order.reason);
                tracing::warn!(by, reason, "in maintenance: balancers send no newcomers to this host");
            }
            None if self.maintenance => tracing::info!("no longer in maintenance"),
            _ => {}
        }
        self.maintenance = order.is_some();
    }
}

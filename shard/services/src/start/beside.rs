//! The services, as the operation of the server uses them.

use super::{About, Services};
use ringshard::config::Settings;
use ringshard::ops::services::Services as Beside;
use serde_json::{Value, json};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

impl Beside for Services {
    fn reload(&self, settings: &Settings) -> Result<(), String> {
        self.reach.resources.set_rates(settings.download_client_kib * 1_024, settings.download_kib * 1_024);
        let unknown = |path: &str| format!("action-rates: there is no action {path}");
        self.reach.actions.set_rates(&settings.action_rates).map_err(unknown)?;
        lock(&self.door).as_ref().map_or(Ok(()), |door| door.reload().map_err(|error| error.to_string()))
    }

    fn counters(&self, to: &mut dyn FnMut(&'static str, u64)) {
        let reach = &self.reach;
        reach.counters.each(to);
        // Issuer and verifier have the same names. Each name may appear once in a scrape.
        reach.gate.verifier().counters().each(&mut |name, count| {
            if name != "services_tickets_issued" {
                to(name, count);
            }
        });
        reach.actions.each_figure(to);
        reach.resources.counters().each(to);
        reach.hub.counters().each(to);
        to("services_hub_connected", reach.hub.members() as u64);
        if let Some(accounts) = &self.files.accounts {
            accounts.counters().each(to);
            to("services_accounts_waiting_logins", accounts.waiting_logins() as u64);
            to("services_tickets_issued", accounts.issuer().counters().issued.load(Relaxed));
        }
        if let Some(door) = &*lock(&self.door) {
            door.counters().each(to);
        }
        self.files.places.counters().each(to);
        self.files.tiles.counters().each(to);
        self.files.suggester.counters().each(to);
        self.files.directions.each(to);
    }

    fn describe(&self) -> Value {
        let About { folder, login, fingerprint, issuer } = &self.about;
        json!({ "folder": folder, "login": login, "certificate": fingerprint, "issuer": issuer })
    }

    fn stop(&self, patience: Duration) {
        let Some(runtime) = lock(&self.runtime).take() else { return };
        let door = lock(&self.door).take();
        let unfinished = runtime.block_on(async {
            let calls = timeout(patience, self.reach.actions.drain());
            let cut = async { if let Some(door) = door { door.close().await.cut } else { 0 } };
            tokio::join!(calls, timeout(patience, cut))
        });
        match unfinished {
            (Ok(()), Ok(0)) => tracing::info!("services stopped"),
            (_, connections) => {
                let (calls, connections) = (self.reach.actions.running(), connections.ok());
                tracing::warn!(calls, ?connections, "services stopped before these had finished");
            }
        }
        runtime.shutdown_timeout(Duration::from_secs(1));
    }
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The servers that serve one store of resources: each says every two seconds how loaded it is, in a file of the store.

use super::ServerIdentity;
use crate::resources::instances::{Instance, REPORT_INTERVAL_MS, ResourceInstances, exchange, new_id};
use crate::resources::{Load, Resources, Sent, to_hex};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Reports how loaded this server is, and learns it of the others, until the runtime ends.
///
/// # Panics
/// Outside of a tokio runtime.
pub(super) fn report(
    resources: Arc<Resources>,
    instances: Arc<ResourceInstances>,
    store: PathBuf,
    address: SocketAddr,
    server: ServerIdentity,
) {
    let (id, server_key) = (new_id(), to_hex(&server.key));
    tokio::spawn(async move {
        let (mut sent, mut seen, mut complained) = (Sent::nothing(), BTreeMap::new(), false);
        loop {
            // Without a store there is nothing to serve, and no folder for reports.
            if store.is_dir() {
                let Load { ranges_waiting, bytes_per_second, bytes_per_second_max } = resources.load(&mut sent);
                let reported = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
                let (id, server_key) = (id.clone(), server_key.clone());
                let own = Instance {
                    id,
                    address,
                    server_key,
                    ranges_waiting,
                    bytes_per_second,
                    bytes_per_second_max,
                    reported,
                };
                let (store, instances, before) = (store.clone(), instances.clone(), std::mem::take(&mut seen));
                let exchanged = tokio::task::spawn_blocking(move || {
                    let mut seen = before;
                    (exchange(&store, &own, &instances, &mut seen), seen)
                });
                let Ok((outcome, after)) = exchanged.await else { return };
                seen = after;
                if let Err(error) = &outcome
                    && !complained
                {
                    tracing::warn!(%error, "the other servers do not learn how loaded this one is: it cannot write to the store");
                }
                complained = outcome.is_err();
            }
            tokio::time::sleep(Duration::from_millis(REPORT_INTERVAL_MS)).await;
        }
    });
}

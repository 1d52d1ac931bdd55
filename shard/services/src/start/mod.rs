//! Starting the services beside a server, and ending them.
//!
//! | file | has |
//! |---|---|
//! | `open` | opens files and services as the settings say |
//! | `providers` | what a game brings in place of them |
//! | `error` | why they did not start |
//! | `instances` | how loaded the servers of one store are |
//! | `beside` | counters, description, reload and stop, for the server's operation |

mod beside;
mod error;
mod instances;
mod open;
mod providers;

pub use error::StartError;
pub use providers::Providers;

use crate::actions::{Actions, Builder};
use crate::hub::{Hub, HubSettings};
use crate::login::Door;
use crate::port::{self, Gate, Reach};
use crate::resources::instances::ResourceInstances;
use crate::resources::{self, Resources};
use crate::tickets::{IssuerKey, ServerKey, TicketVerifier};
use open::Files;
use ringshard::config::Settings;
use ringshard::runtime::services::ServicesEnd;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::runtime::{self, Runtime};

/// The services beside a server. Dropping them cuts off what runs.
pub struct Services {
    /// None once they have ended.
    runtime: Mutex<Option<Runtime>>,
    door: Mutex<Option<Door>>,
    about: About,
    files: Files,
    reach: Arc<Reach>,
}

/// Facts about the services for operators.
#[derive(Clone, Debug)]
struct About {
    folder: String,
    login: Option<SocketAddr>,
    fingerprint: Option<String>,
    issuer: Option<String>,
}

/// The server that the services belong to.
#[derive(Clone, Copy, Debug)]
pub struct ServerIdentity {
    /// The server's static public key.
    pub key: [u8; 32],
    /// The address that it listens on.
    pub listen: SocketAddr,
}

impl Services {
    /// Starts the services if `settings` name a folder for them; None if not. `ends` has the services' end for each core.
    /// `providers` are the game's own, and `extend` adds its actions.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub fn start(
        settings: &Settings,
        server: ServerIdentity,
        ends: Vec<ServicesEnd>,
        providers: Providers,
        extend: impl FnOnce(&mut Builder, &Hub),
    ) -> Result<Option<Arc<Services>>, StartError> {
        let Some(folder) = &settings.services else { return Ok(None) };
        let runtime = runtime::Builder::new_multi_thread()
            .thread_name("services")
            .worker_threads(settings.services_threads as usize)
            .enable_all()
            .build()
            .map_err(StartError::Threads)?;
        let services = runtime.block_on(async {
            let files = Files::open(settings, folder, providers).await?;
            open_all(settings, folder, server, ends, files, extend).await
        })?;
        *services.runtime.lock().expect("nobody has used it") = Some(runtime);
        Ok(Some(Arc::new(services)))
    }
}

async fn open_all(
    settings: &Settings,
    folder: &Path,
    server: ServerIdentity,
    ends: Vec<ServicesEnd>,
    files: Files,
    extend: impl FnOnce(&mut Builder, &Hub),
) -> Result<Services, StartError> {
    let hub = Hub::new(HubSettings::default());
    let mut builder = Actions::builder();
    files.register(&mut builder);
    hub.add_actions(&mut builder);
    let others = Arc::new(ResourceInstances::default());
    resources::register(&mut builder, others.clone());
    extend(&mut builder, &hub);
    let actions = builder.build();
    let unknown = |path: &str| StartError::NoAction(path.to_owned());
    actions.set_rates(&settings.action_rates).map_err(unknown)?;
    open::write_issuer(folder, files.accounts.as_ref())?;
    let resources = Arc::new(files.resources(settings));
    let address = open::reachable_at(settings, server.listen);
    instances::report(resources.clone(), others, files.store_folder(), address, server);
    let own = files.accounts.as_ref().map(|accounts| accounts.issuer().key());
    let gate = Gate::new(verifier(settings, server, own), settings.require_ticket);
    let operators = settings.operators.iter().map(|number| crate::AccountId(*number)).collect();
    let reach =
        Reach { gate, actions: actions.clone(), resources, hub: hub.clone(), operators, counters: Arc::default() };
    let reach = Arc::new(reach);
    port::serve(ends, &reach, files.accounts.clone());
    let door = match (&files.accounts, settings.login) {
        (Some(accounts), Some(address)) => {
            let door = open::door(settings, folder, address, server)?;
            Some(Door::open(door, accounts.clone(), actions, hub).await?)
        }
        _ => None,
    };
    let about = About {
        folder: folder.display().to_string(),
        login: door.as_ref().map(Door::address),
        fingerprint: door.as_ref().map(|door| door.certificates().fingerprint()),
        issuer: own.map(|key| key.to_string()),
    };
    let About { login, fingerprint, issuer, .. } = &about;
    tracing::info!(folder = %folder.display(), ?login, ?fingerprint, ?issuer, "services started");
    Ok(Services { runtime: Mutex::new(None), door: Mutex::new(door), about, files, reach })
}

fn verifier(settings: &Settings, server: ServerIdentity, own: Option<IssuerKey>) -> TicketVerifier {
    let others: Vec<IssuerKey> = settings.ticket_issuers.iter().map(|key| IssuerKey(*key)).collect();
    let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    TicketVerifier::new(ServerKey(server.key), own, &others, started)
}

impl Services {
    /// What clients can download.
    pub fn resources(&self) -> &Arc<Resources> {
        &self.reach.resources
    }

    /// The address of the login door, if it is open.
    pub fn login(&self) -> Option<SocketAddr> {
        self.about.login
    }
}

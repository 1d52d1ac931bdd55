//! Opens all files and services, as the settings say.

use super::{Providers, ServerIdentity, StartError};
use crate::AccountId;
use crate::accounts::directory::{Directory, HttpDirectory, HttpDirectorySettings};
use crate::accounts::{self, AccountSettings, Accounts, PasswordCost};
use crate::actions::Builder;
use crate::directions::{self, Directions, Geocoder, LocalDirections, PlacesGeocoder, Roads};
use crate::login::{LoginSettings, World};
use crate::places::{self, Places};
use crate::resources::{ResourceSettings, Resources, Store};
use crate::suggestions::{self, Feedback, Suggester};
use crate::tickets::ServerKey;
use crate::tiles::{
    self, Archive, Cache, Remote, RemoteSettings, Secret, TileFormat, TileProvider, TileSettings, Tiles,
};
use ringshard::config::Settings;
use ringshard_certificates::CertificateSource;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The certificates of the authorities that https trusts.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// How long the program that checks passwords may take.
const HOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// Requests to it at the same time.
const HOOK_PARALLEL: usize = 8;
/// The kind of places that are suggested.
const SUGGESTED: &str = "restaurant";

/// What the services keep in files.
pub(super) struct Files {
    /// None if there is no login: then tickets come from elsewhere.
    pub accounts: Option<Accounts>,
    pub places: Places,
    pub tiles: Tiles,
    pub suggester: Suggester,
    pub directions: Arc<directions::Counters>,
    roads: Option<Arc<dyn Directions>>,
    geocoder: Arc<dyn Geocoder>,
    store: Store,
}

impl Files {
    /// Opens all files in `folder` and those that settings name, where the game does not bring its own.
    pub(super) async fn open(settings: &Settings, folder: &Path, providers: Providers) -> Result<Files, StartError> {
        std::fs::create_dir_all(folder).map_err(|error| StartError::Folder(folder.into(), error))?;
        let Providers { directory, tiles: sets, directions, geocoder } = providers;
        let accounts = settings.login.map(|_| accounts(settings, folder, directory)).transpose()?;
        let places = Places::new(folder.join("places.db"));
        let feedback = Feedback::open(&folder.join("feedback.db"))?;
        let roads = match directions {
            None => roads(&folder.join("roads.json"))?,
            own => own,
        };
        Ok(Files {
            accounts,
            suggester: Suggester::new(places.clone(), SUGGESTED, feedback),
            geocoder: geocoder.unwrap_or_else(|| Arc::new(PlacesGeocoder::new(places.clone(), None))),
            places,
            tiles: tiles(settings, folder, sets).await?,
            directions: Arc::default(),
            roads,
            store: Store::new(folder.join("resources")),
        })
    }

    /// The folder of the resources.
    pub(super) fn store_folder(&self) -> PathBuf {
        self.store.folder().to_owned()
    }

    /// Adds the actions over these files.
    pub(super) fn register(&self, actions: &mut Builder) {
        places::register(actions, &self.places);
        tiles::register(actions, &self.tiles);
        suggestions::register(actions, &self.suggester);
        directions::register(actions, self.geocoder.clone(), self.roads.clone(), &self.directions);
    }

    /// What clients download.
    pub(super) fn resources(&self, settings: &Settings) -> Resources {
        let rates = ResourceSettings {
            session_bytes_per_second: settings.download_client_kib * 1_024,
            all_bytes_per_second: settings.download_kib * 1_024,
            ..ResourceSettings::default()
        };
        let mut resources = Resources::new(self.store.clone(), &rates);
        resources.add_source("tile/", Arc::new(self.tiles.clone()));
        resources
    }
}

fn accounts(settings: &Settings, folder: &Path, directory: Option<Arc<dyn Directory>>) -> Result<Accounts, StartError> {
    let directory = match directory {
        None => hook(settings)?,
        own => own,
    };
    let cost = PasswordCost {
        memory_kib: settings.password_memory_mib as u32 * 1_024,
        passes: settings.password_passes as u32,
        ..PasswordCost::default()
    };
    let own = AccountSettings {
        registration: settings.registration,
        password_cost: cost,
        password_threads: NonZeroUsize::new(settings.password_threads as usize).expect("at least one"),
        directory,
        ..AccountSettings::default()
    };
    Ok(Accounts::open(folder, own)?)
}

/// The program of `accounts-hook`.
fn hook(settings: &Settings) -> Result<Option<Arc<dyn Directory>>, StartError> {
    let secret = token("accounts-hook-token-file", settings.accounts_hook_token_file.as_ref())?;
    if settings.accounts_hook.is_empty() {
        return Ok(None);
    }
    let directory = HttpDirectory::new(HttpDirectorySettings {
        name: "hook".into(),
        url: settings.accounts_hook.clone(),
        secret: secret.map(accounts::Secret),
        timeout: HOOK_TIMEOUT,
        parallel: HOOK_PARALLEL,
        certificates: Some(AUTHORITIES.into()),
    })?;
    Ok(Some(Arc::new(directory)))
}

/// The roads of a file, if it is there.
fn roads(file: &Path) -> Result<Option<Arc<dyn Directions>>, StartError> {
    Ok(if file.exists() { Some(Arc::new(LocalDirections::new(Roads::open(file)?))) } else { None })
}

/// The token in a file.
fn token(setting: &'static str, path: Option<&PathBuf>) -> Result<Option<String>, StartError> {
    let Some(path) = path else { return Ok(None) };
    let failed = |error: std::io::Error| StartError::File { setting, path: path.clone(), why: error.to_string() };
    Ok(Some(std::fs::read_to_string(path).map_err(failed)?.trim().to_owned()))
}

/// The sets of the settings, which take the place of the game's own of the same name.
async fn tiles(
    settings: &Settings,
    folder: &Path,
    own: Vec<(String, Arc<dyn TileProvider>)>,
) -> Result<Tiles, StartError> {
    let token = token("tiles-token-file", settings.tiles_token_file.as_ref())?.map(Secret);
    let mut sets: HashMap<String, Arc<dyn TileProvider>> = own.into_iter().collect();
    for (set, source) in &settings.tiles {
        let provider: Arc<dyn TileProvider> = if source.starts_with("http") {
            let remote = RemoteSettings { token: token.clone(), ..RemoteSettings::new(source, format_of(source)) };
            Arc::new(Remote::new(&remote).map_err(|error| StartError::RemoteTiles(set.clone(), error))?)
        } else {
            Arc::new(Archive::open(source).await?)
        };
        sets.insert(set.clone(), provider);
    }
    if let Some(set) = sets.keys().find(|set| !tiles::is_set(set)) {
        return Err(StartError::TileSet(set.clone()));
    }
    let is_remote = sets.values().any(|provider| provider.is_remote());
    let cache = is_remote.then(|| cache(&folder.join("tiles"), settings.tiles_cache_mib << 20)).transpose()?;
    Ok(Tiles::new(sets, cache, TileSettings::default()))
}

fn cache(folder: &Path, bytes_max: u64) -> Result<Cache, StartError> {
    Cache::open(folder, bytes_max).map_err(|error| StartError::TileCache(folder.into(), error))
}

/// What a provider gives, by the end of its address.
fn format_of(template: &str) -> TileFormat {
    let path = template.split(['?', '#']).next().unwrap_or_default();
    match path.rsplit_once('.').map_or("", |(_, end)| end) {
        "jpg" | "jpeg" => TileFormat::Jpeg,
        "webp" => TileFormat::Webp,
        "mvt" | "pbf" => TileFormat::Mvt,
        _ => TileFormat::Png,
    }
}

/// The files of the certificate, or one for development.
fn certificate(settings: &Settings, folder: &Path) -> CertificateSource {
    match (&settings.login_certificate, &settings.login_certificate_key) {
        (Some(chain), Some(key)) => CertificateSource::Files { chain: chain.clone(), key: key.clone() },
        _ => {
            let name = host_of(&settings.public_address);
            let names = name.map(str::to_owned).into_iter().collect();
            CertificateSource::Development { folder: folder.join("tls"), names }
        }
    }
}

fn host_of(address: &str) -> Option<&str> {
    address.rsplit_once(':').map(|(host, _)| host.trim_matches(['[', ']']))
}

/// Writes the public key of the issuer of tickets into a file, for `ticket-issuers` of other hosts.
pub(super) fn write_issuer(folder: &Path, accounts: Option<&Accounts>) -> Result<(), StartError> {
    let Some(accounts) = accounts else { return Ok(()) };
    let (path, text) = (folder.join("ticket.pub"), format!("{}\n", accounts.issuer().key()));
    if std::fs::read_to_string(&path).is_ok_and(|former| former == text) {
        return Ok(());
    }
    std::fs::write(&path, text).map_err(|error| StartError::Issuer(path, error))
}

/// The settings of the login door.
pub(super) fn door(
    settings: &Settings,
    folder: &Path,
    address: SocketAddr,
    server: ServerIdentity,
) -> Result<LoginSettings, StartError> {
    let world = World { address: public_address(settings, server.listen), key: ServerKey(server.key) };
    let door = LoginSettings::new(address, certificate(settings, folder));
    let mut worlds = vec![world];
    for (key, address) in &settings.login_worlds {
        let key = key.parse().map_err(|_| StartError::World(key.clone()))?;
        worlds.push(World { address: address.clone(), key });
    }
    let operators = settings.operators.iter().map(|number| AccountId(*number)).collect();
    let (origins, proxies) = (settings.login_origins.clone(), settings.login_proxies.clone());
    Ok(LoginSettings { worlds, operators, origins, proxies, ..door })
}

/// The address at which other hosts' clients reach this server, as far as it is known.
pub(super) fn reachable_at(settings: &Settings, listen: SocketAddr) -> SocketAddr {
    settings.public_address.parse().unwrap_or(listen)
}

/// The address that clients are sent to. Without one, the host is left to them: they know by which name they came.
fn public_address(settings: &Settings, listen: SocketAddr) -> String {
    match settings.public_address.as_str() {
        "" if listen.ip().is_unspecified() => format!(":{}", listen.port()),
        "" => listen.to_string(),
        address => address.to_owned(),
    }
}

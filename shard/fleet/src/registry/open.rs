//! The registry that the file of the fleet names.

use super::{DirectoryReader, FleetSettings, Keys, RegistrySettings, follow, follow_file};
use crate::store::{EtcdSettings, Store};

/// A registry that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The program was built without etcd.
    #[error("this program is built without the feature etcd: list the hosts of the fleet in its file instead")]
    NoEtcd,
    /// A file that the settings name cannot be used.
    #[cfg(feature = "etcd")]
    #[error(transparent)]
    Connect(#[from] crate::store::etcd::ConnectError),
}

/// The store that the settings name. It connects when it is used. `seed` spreads the clients over the nodes.
///
/// # Errors
/// [`OpenError`].
pub fn open_store(settings: &EtcdSettings, seed: u64) -> Result<Store, OpenError> {
    #[cfg(feature = "etcd")]
    return Ok(Store::Etcd(crate::store::etcd::EtcdStore::new(settings, seed)?));
    #[cfg(not(feature = "etcd"))]
    {
        let _ = (settings, seed);
        Err(OpenError::NoEtcd)
    }
}

/// The directory of the fleet, kept current by a task of the current tokio runtime. `seed`, best a random number, spreads
/// the load of many readers.
///
/// # Errors
/// [`OpenError`].
///
/// # Panics
/// Outside a tokio runtime.
pub fn open_directory(settings: &FleetSettings, seed: u64) -> Result<DirectoryReader, OpenError> {
    Ok(match &settings.registry {
        RegistrySettings::Etcd(etcd) => follow(open_store(etcd, seed)?, Keys::new(&*etcd.prefix), seed),
        RegistrySettings::Hosts(hosts) => follow_file(settings.path.clone(), hosts.clone(), None),
    })
}

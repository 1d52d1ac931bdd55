//! Why the services did not start.

use crate::accounts;
use crate::accounts::directory::HttpDirectoryError;
use crate::directions::RoadsError;
use crate::login;
use crate::suggestions::FeedbackError;
use crate::tiles::{ArchiveError, RemoteSettingsError};
use std::io;
use std::path::PathBuf;

/// Why the services did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No thread could be started.
    #[error("cannot start the threads of the services: {0}")]
    Threads(io::Error),
    /// The folder cannot be used.
    #[error("services {0}: cannot make the folder: {1}")]
    Folder(PathBuf, io::Error),
    /// The accounts.
    #[error(transparent)]
    Accounts(#[from] accounts::OpenError),
    /// The program that checks passwords.
    #[error("accounts-hook: {0}")]
    Hook(#[from] HttpDirectoryError),
    /// A file that settings name.
    #[error("{setting} {path}: {why}")]
    File {
        /// The setting.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A set of tiles from a file.
    #[error("tiles: {0}")]
    Tiles(#[from] ArchiveError),
    /// A set of tiles from a provider.
    #[error("tiles: set {0}: {1}")]
    RemoteTiles(String, RemoteSettingsError),
    /// The name of a set.
    #[error("tiles: {0} is no name of a set, which has 1 to 32 of a-z, 0-9, - and _")]
    TileSet(String),
    /// The cache of tiles.
    #[error("cannot open the cache of tiles in {0}: {1}")]
    TileCache(PathBuf, io::Error),
    /// The roads.
    #[error(transparent)]
    Roads(#[from] RoadsError),
    /// The feedback on places.
    #[error(transparent)]
    Feedback(#[from] FeedbackError),
    /// The login door.
    #[error(transparent)]
    Door(#[from] login::OpenError),
    /// A world that has no key.
    #[error("login-worlds: {0} is no public key of a server, which has 64 hexadecimal digits")]
    World(String),
    /// A rate of an action that does not exist.
    #[error("action-rates: there is no action {0}; `ringshard call --list` shows those of a running server")]
    NoAction(String),
    /// The public key of the issuer cannot be written.
    #[error("cannot write the public key of the tickets' issuer to {0}: {1}")]
    Issuer(PathBuf, io::Error),
}

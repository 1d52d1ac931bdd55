//! What accounts show, and what they need.

use super::devices::DeviceProof;
use super::secrets::{Secret, SessionToken};
use crate::AccountId;
use std::net::IpAddr;

/// What others may know of an account.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Profile {
    /// Its id. It never changes.
    #[serde(serialize_with = "as_number")]
    pub id: AccountId,
    /// Name of the player: 1 to 32 bytes, unlike all other names.
    pub name: String,
    /// Email, normalised. An account of elsewhere may have none.
    pub email: Option<String>,
    /// Whether an operator disabled it.
    pub disabled: bool,
    /// When it was made, in milliseconds since 1970.
    pub created: u64,
}

fn as_number<S: serde::Serializer>(id: &AccountId, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(id.0)
}

/// What a new account needs.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// Email; it is not confirmed.
    pub email: String,
    /// Name of the player: 1 to 32 bytes.
    pub name: String,
    /// Password: 8 to 256 bytes.
    pub password: Secret,
}

/// How a player logs in. A token continues a session instead: [`super::Accounts::identify`].
#[derive(Clone, Debug)]
pub enum Credentials {
    /// By email and password.
    Password {
        /// Email.
        email: String,
        /// Password.
        password: Secret,
    },
    /// By a device that was added to the account.
    Device(DeviceProof),
}

/// A player is logged in.
#[derive(Clone, Debug)]
pub struct Login {
    /// The account.
    pub profile: Profile,
    /// The session, which [`super::Accounts::sessions`] lists.
    pub session: u64,
    /// Proves the session from now on.
    pub token: SessionToken,
    /// When the session ends, in milliseconds since 1970.
    pub expires: u64,
}

/// How a session began.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// By registration.
    Registration,
    /// By email and password.
    Password,
    /// By a device.
    Device,
    /// By an account elsewhere.
    Directory,
}

/// A session of an account, as its player sees it. Times are in milliseconds since 1970.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct SessionInfo {
    /// Names it.
    pub id: u64,
    /// How it began.
    pub way: Way,
    /// Where it began. Of IPv6, the /64.
    pub network: IpAddr,
    /// When it began.
    pub created: u64,
    /// When it was last used; exact to the hour.
    pub seen: u64,
    /// When it ends.
    pub expires: u64,
}

/// A device that can log in.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Device {
    /// Names it.
    pub id: u64,
    /// What its player calls it.
    pub label: String,
    /// When it was added, in milliseconds since 1970.
    pub created: u64,
}

//! The handle for the login door.

use super::counters::Counters;
use super::devices::{Challenge, DeviceProof};
use super::error::{LoginError, OpenError};
use super::profile::{Credentials, Device, Login, Profile, Registration, SessionInfo};
use super::settings::AccountSettings;
use crate::AccountId;
use crate::tickets::{ServerKey, Ticket, TicketIssuer};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

/// Accounts of a server. Cheap to clone.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {}

impl Accounts {
    /// Opens `accounts.db` and `ticket.key` in `dir`; makes what does not exist. Blocks.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(dir: &Path, settings: AccountSettings) -> Result<Accounts, OpenError> {
        todo!()
    }

    /// Makes an account, and logs it in.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn register(&self, from: IpAddr, registration: Registration) -> Result<Login, LoginError> {
        todo!()
    }

    /// Logs in. A wrong email and a wrong password cost the same.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn login(&self, from: IpAddr, credentials: Credentials) -> Result<Login, LoginError> {
        todo!()
    }

    /// What the device with this public key must sign to log in or to be added. Whether it is known makes no difference.
    ///
    /// # Errors
    /// [`LoginError::TooMany`].
    pub fn challenge(&self, from: IpAddr, key: [u8; 32]) -> Result<Challenge, LoginError> {
        todo!()
    }

    /// Adds a device to an account. The signature is over [`super::signed_to_add`].
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn add_device(&self, account: AccountId, proof: DeviceProof, label: &str) -> Result<Device, LoginError> {
        todo!()
    }

    /// The devices of an account.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn devices(&self, account: AccountId) -> Result<Vec<Device>, LoginError> {
        todo!()
    }

    /// Removes a device, and ends the sessions that it began. Returns whether it existed.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn remove_device(&self, account: AccountId, device: u64) -> Result<bool, LoginError> {
        todo!()
    }

    /// Whose session this is: login by token. Cheap enough for each request.
    ///
    /// # Errors
    /// [`LoginError`]; [`LoginError::NoSession`] if the token is unknown, or its session has ended.
    pub async fn identify(&self, from: IpAddr, token: &str) -> Result<Profile, LoginError> {
        todo!()
    }

    /// Ends the session of a token. Returns whether it existed.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn logout(&self, token: &str) -> Result<bool, LoginError> {
        todo!()
    }

    /// The sessions of an account, the newest first.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn sessions(&self, account: AccountId) -> Result<Vec<SessionInfo>, LoginError> {
        todo!()
    }

    /// Ends a session of an account. Returns whether it existed.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn revoke(&self, account: AccountId, session: u64) -> Result<bool, LoginError> {
        todo!()
    }

    /// A ticket with which the client of this account enters the world of `server`.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn ticket(&self, account: &Profile, server: ServerKey) -> Result<Ticket, LoginError> {
        todo!()
    }

    /// The issuer of tickets; its public key goes to the verifiers.
    pub fn issuer(&self) -> &Arc<TicketIssuer> {
        todo!()
    }

    /// What accounts did.
    pub fn counters(&self) -> &Counters {
        todo!()
    }
}

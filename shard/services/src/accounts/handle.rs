//! The handle for the login door: sessions, devices, tickets, and the threads behind them.

use super::administration::Administration;
use super::counters::Counters;
use super::devices::{Challenge, Challenges, DeviceProof, signed_to_add};
use super::error::{LoginError, OpenError};
use super::fields::check_label;
use super::limits::{Limits, Network};
use super::passwords::Hasher;
use super::pool::{Full, Pool};
use super::profile::{Device, Profile, SessionInfo, Way};
use super::secrets::{SessionToken, token_hash};
use super::settings::AccountSettings;
use super::store::{DEVICES_MAX, NewSession, NotAdded, Store, StoreError, check_pages};
use super::time::{millis, unix_millis};
use crate::AccountId;
use crate::counters::count;
use crate::tickets::{ServerKey, Ticket, TicketIssuer};
use ringshard_requests::ticket::TICKET_NAME_BYTES_MAX;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Name of the key that signs tickets, beside the database.
const TICKET_KEY: &str = "ticket.key";
/// Threads that read the database.
const READERS: usize = 2;
/// Reads, and writes, that wait.
const STORE_QUEUE: usize = 1_024;
/// Writes that may wait when the use of a session is noted.
const TOUCHES_MAX: usize = 64;
/// How exact the last use of a session is, in milliseconds.
const SEEN_EVERY: u64 = 3_600_000;
/// Failures of the database are logged at most this often, in milliseconds.
const LOG_EVERY: u64 = 10_000;

/// Accounts of a server. Cheap to clone. Dropping the last one ends its threads, and waits for what they do.
#[derive(Clone)]
pub struct Accounts(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) settings: AccountSettings,
    pub(super) counters: Counters,
    pub(super) limits: Limits,
    pub(super) challenges: Challenges,
    issuer: Arc<TicketIssuer>,
    path: PathBuf,
    last_log: AtomicU64,
    pub(super) hashers: Pool<Hasher>,
    // Before the writer: the last connection that closes tidies up the log, which readers cannot.
    readers: Pool<Store>,
    writer: Pool<Administration>,
}

impl Accounts {
    /// Opens `accounts.db` and `ticket.key` in `dir`; makes what does not exist. Blocks, also to look for damage in the file.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(dir: &Path, settings: AccountSettings) -> Result<Accounts, OpenError> {
        if !settings.password_cost.is_valid() {
            return Err(OpenError::Cost(settings.password_cost));
        }
        let failed = |error| OpenError::Store(dir.join(super::store::FILE_NAME), error);
        let mut store = Store::open(dir, true).map_err(failed)?;
        check_pages(store.connection()).map_err(failed)?;
        store.bound(settings.database_bytes_max).map_err(failed)?;
        let writer = Administration::of(store);
        let readers = (0..READERS).map(|_| Store::open_reader(dir)).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let hashers = (0..settings.password_threads.get()).map(|_| Hasher::default()).collect();
        let inner = Inner {
            counters: Counters::default(),
            limits: Limits::new(&settings.limits),
            challenges: Challenges::new(),
            issuer: Arc::new(TicketIssuer::open(&dir.join(TICKET_KEY))?),
            path: dir.to_owned(),
            last_log: AtomicU64::new(0),
            hashers: Pool::start("passwords", settings.password_queue.max(1), hashers).map_err(OpenError::Thread)?,
            readers: Pool::start("accounts-read", STORE_QUEUE, readers).map_err(OpenError::Thread)?,
            writer: Pool::start("accounts-write", STORE_QUEUE, vec![writer]).map_err(OpenError::Thread)?,
            settings,
        };
        Ok(Accounts(Arc::new(inner)))
    }

    /// The challenge that the device with this public key signs to log in or to be added. Unknown devices get one, too.
    ///
    /// # Errors
    /// [`LoginError::TooMany`].
    pub fn challenge(&self, from: IpAddr, key: [u8; 32]) -> Result<Challenge, LoginError> {
        self.0.limits.token_or_challenge(Network::of(from)).map_err(|wait| self.too_many(wait))?;
        Ok(self.0.challenges.make(&key))
    }

    /// Adds a device to an account. The signature is over [`signed_to_add`].
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn add_device(&self, account: AccountId, proof: DeviceProof, label: &str) -> Result<Device, LoginError> {
        let inner = &self.0;
        check_label(label).inspect_err(|_| count(&inner.counters.refused_malformed))?;
        inner.limits.ticket_or_device(account).map_err(|wait| self.too_many(wait))?;
        let is_proven = inner.challenges.is_fresh(&proof.challenge, &proof.key)
            && proof.verifies(&signed_to_add(&proof.challenge))
            && inner.challenges.use_up(&proof.challenge);
        if !is_proven {
            count(&inner.counters.refused_device);
            return Err(LoginError::WrongDevice);
        }
        let label = label.to_owned();
        let added = self.write(move |store| store.add_device(account, &proof.key, &label, unix_millis())).await?;
        let refused = match added {
            Ok(device) => {
                count(&inner.counters.devices_added);
                return Ok(device);
            }
            Err(NotAdded::Taken) => LoginError::DeviceTaken,
            Err(NotAdded::TooMany) => LoginError::TooManyDevices(DEVICES_MAX),
            Err(NotAdded::NoAccount) => LoginError::NoSession,
        };
        count(&inner.counters.refused_conflict);
        Err(refused)
    }

    /// The devices of an account.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn devices(&self, account: AccountId) -> Result<Vec<Device>, LoginError> {
        let devices = self.read(move |store| store.devices(account)).await?;
        Ok(devices.into_iter().map(|(device, _)| device).collect())
    }

    /// Removes a device, and ends the sessions that it began. Returns whether it existed.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn remove_device(&self, account: AccountId, device: u64) -> Result<bool, LoginError> {
        self.write(move |store| store.remove_device(account, device)).await
    }

    /// The account that a token belongs to: login by token. Cheap enough for each request.
    ///
    /// # Errors
    /// [`LoginError`]; [`LoginError::NoSession`] if the token is unknown, or its session has ended.
    pub async fn identify(&self, from: IpAddr, token: &str) -> Result<Profile, LoginError> {
        let inner = &self.0;
        let now = unix_millis();
        let found = match token_hash(token) {
            Some(hash) => self.read(move |store| store.session_of_token(&hash, now)).await?,
            None => None,
        };
        let Some(found) = found else {
            count(&inner.counters.refused_token);
            // Sessions work even beyond the limit, so guesses from one network do not end the sessions of others there.
            let wait = inner.limits.token_or_challenge(Network::of(from)).err();
            return Err(wait.map_or(LoginError::NoSession, |wait| self.too_many(wait)));
        };
        if found.profile.disabled {
            count(&inner.counters.refused_disabled);
            return Err(LoginError::Disabled);
        }
        if now.saturating_sub(found.seen) > SEEN_EVERY && inner.writer.waiting() < TOUCHES_MAX {
            let session = found.session;
            // It is noted at the next use, if not now.
            let _ = inner.writer.post(move |administration| drop(administration.store().touch(session, now)));
        }
        count(&inner.counters.identified);
        Ok(found.profile)
    }

    /// Ends the session of a token. Returns whether it existed.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn logout(&self, token: &str) -> Result<bool, LoginError> {
        let Some(hash) = token_hash(token) else { return Ok(false) };
        // Unknown tokens are not worth a write.
        let found = self.read(move |store| store.session_of_token(&hash, unix_millis())).await?;
        if found.is_none() {
            return Ok(false);
        }
        let ended = self.write(move |store| store.log_out(&hash)).await?;
        self.0.counters.sessions_ended.fetch_add(ended.into(), Relaxed);
        Ok(ended)
    }

    /// The sessions of an account, the newest first.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn sessions(&self, account: AccountId) -> Result<Vec<SessionInfo>, LoginError> {
        self.read(move |store| store.sessions(account, unix_millis())).await
    }

    /// Ends a session of an account. Returns whether it existed.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn revoke(&self, account: AccountId, session: u64) -> Result<bool, LoginError> {
        let ended = self.write(move |store| store.revoke(account, session)).await?;
        self.0.counters.sessions_ended.fetch_add(ended.into(), Relaxed);
        Ok(ended)
    }

    /// A ticket with which the client of this account enters the world of `server`.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn ticket(&self, account: &Profile, server: ServerKey) -> Result<Ticket, LoginError> {
        let inner = &self.0;
        let id = account.id;
        inner.limits.ticket_or_device(id).map_err(|wait| self.too_many(wait))?;
        let profile = self.read(move |store| store.account(id)).await?.ok_or(LoginError::NoSession)?.profile;
        if profile.disabled {
            count(&inner.counters.refused_disabled);
            return Err(LoginError::Disabled);
        }
        if profile.name.len() > TICKET_NAME_BYTES_MAX {
            let damage = format!("account {id} has a name of {} bytes", profile.name.len());
            return Err(self.store_failed(&StoreError::Corrupt(damage)));
        }
        Ok(inner.issuer.issue(unix_millis(), id, &profile.name, server))
    }

    /// The issuer of tickets. Verifiers need its public key.
    pub fn issuer(&self) -> &Arc<TicketIssuer> {
        &self.0.issuer
    }

    /// The counters.
    pub fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// Logins that wait for a thread which computes password hashes.
    pub fn waiting_logins(&self) -> usize {
        self.0.hashers.waiting()
    }

    /// Runs the work of an operator. Logins wait meanwhile, so long work belongs to `ringshard accounts`.
    ///
    /// # Errors
    /// [`LoginError::Busy`].
    pub async fn administer<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Administration) -> T + Send + 'static,
    ) -> Result<T, LoginError> {
        self.0.writer.run(work).await.map_err(|full| self.busy(full))
    }

    /// Copies the database to a new file, while logins go on. Blocks.
    ///
    /// # Errors
    /// [`super::AdminError`].
    pub fn backup(&self, to: &Path) -> Result<u64, super::AdminError> {
        super::administration::backup(&self.0.path, to)
    }

    /// Which of these accounts are disabled.
    ///
    /// # Errors
    /// [`LoginError::Busy`], or the database cannot be read.
    pub async fn disabled_among(&self, accounts: Vec<AccountId>) -> Result<Vec<AccountId>, LoginError> {
        self.read(move |store| {
            let mut disabled = Vec::new();
            for id in accounts {
                if store.account(id)?.is_some_and(|stored| stored.profile.disabled) {
                    disabled.push(id);
                }
            }
            Ok(disabled)
        })
        .await
    }

    /// Reads the database.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, LoginError> {
        let result = self.0.readers.run(job).await.map_err(|full| self.busy(full))?;
        result.map_err(|error| self.store_failed(&error))
    }

    /// Writes the database.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, LoginError> {
        let result = self.0.writer.run(|administration| job(administration.store())).await;
        result.map_err(|full| self.busy(full))?.map_err(|error| self.store_failed(&error))
    }

    /// A token, and the session that it will name.
    pub(super) fn new_session(&self, way: Way, from: Network) -> (SessionToken, NewSession) {
        let (token, now) = (SessionToken::random(), unix_millis());
        let expires = now.saturating_add(millis(self.0.settings.session_lifetime));
        let session = NewSession { token: token.hash(), way, network: from, now, expires };
        (token, session)
    }

    pub(super) fn too_many(&self, wait: Duration) -> LoginError {
        count(&self.0.counters.refused_rate);
        LoginError::TooMany(wait)
    }

    pub(super) fn busy(&self, Full(wait): Full) -> LoginError {
        count(&self.0.counters.refused_busy);
        LoginError::Busy(wait)
    }

    fn store_failed(&self, error: &StoreError) -> LoginError {
        count(&self.0.counters.store_failures);
        let (now, last) = (unix_millis(), self.0.last_log.load(Relaxed));
        let is_due = now.abs_diff(last) >= LOG_EVERY;
        if is_due && self.0.last_log.compare_exchange(last, now, Relaxed, Relaxed).is_ok() {
            let file = self.0.path.join(super::store::FILE_NAME);
            tracing::error!(file = %file.display(), %error, "the database of accounts failed");
        }
        LoginError::Store
    }
}

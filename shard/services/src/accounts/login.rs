//! Registration and login: by password, by a password that is checked elsewhere, by device.

use super::devices::{DeviceProof, signed_to_log_in};
use super::directory::{Directory, DirectoryError};
use super::error::LoginError;
use super::fields::{Email, Name, check_password, check_password_length};
use super::handle::Accounts;
use super::limits::{Network, Suspect};
use super::passwords::{Hasher, PasswordHash};
use super::profile::{Credentials, Login, Profile, Registration, Way};
use super::secrets::{Secret, SessionToken};
use super::store::{Began, Guard, NewAccount, NewSession, Stored, Taken};
use super::time::unix_millis;
use crate::AccountId;
use crate::counters::count;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

impl Accounts {
    /// Makes an account, and logs it in.
    ///
    /// The email is not confirmed, so the refusal of a taken one tells that it has an account. The limit of registrations
    /// bounds how many emails a network can try.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn register(&self, from: IpAddr, registration: Registration) -> Result<Login, LoginError> {
        let inner = &self.0;
        if !inner.settings.registration || inner.settings.directory.is_some() {
            count(&inner.counters.refused_closed);
            return Err(LoginError::RegistrationClosed);
        }
        let fields = Email::new(&registration.email).and_then(|email| {
            check_password(&registration.password)?;
            Ok((email, Name::new(&registration.name)?))
        });
        let (email, name) = fields.inspect_err(|_| count(&inner.counters.refused_malformed))?;
        let network = Network::of(from);
        inner.limits.registration(network).map_err(|wait| self.too_many(wait))?;
        let made = self.make_account(email, name, registration.password, network).await;
        if matches!(made, Err(LoginError::Busy(_) | LoginError::Store)) {
            inner.limits.take_back_registration(network);
        }
        made
    }

    async fn make_account(
        &self,
        email: Email,
        name: Name,
        password: Secret,
        network: Network,
    ) -> Result<Login, LoginError> {
        let inner = &self.0;
        // Looked up first, so that a refusal costs no hash.
        let keys = (email.key.clone(), name.key.clone());
        let taken = self.read(move |store| {
            let email = store.account_of_email(&keys.0)?.map(|_| Taken::Email);
            Ok(email.or(store.account_of_name(&keys.1)?.map(|_| Taken::Name)))
        });
        if let Some(taken) = taken.await? {
            return Err(self.taken(taken));
        }
        let cost = inner.settings.password_cost;
        let hash = inner.hashers.run_last(move |hasher| hasher.hash(cost, &password).to_phc()).await;
        let password = Some(hash.map_err(|full| self.busy(full))?);
        count(&inner.counters.password_runs);
        let account =
            NewAccount { id: None, name, email: Some(email), password, disabled: false, created: unix_millis() };
        let (token, session) = self.new_session(Way::Registration, network);
        let expires = session.expires;
        match self.write(move |store| store.register(&account, &session)).await? {
            Ok((session, profile)) => {
                count(&inner.counters.registered);
                Ok(Login { profile, session, token, expires })
            }
            Err(taken) => Err(self.taken(taken)),
        }
    }

    fn taken(&self, taken: Taken) -> LoginError {
        count(&self.0.counters.refused_conflict);
        match taken {
            Taken::Email => LoginError::EmailTaken,
            Taken::Name | Taken::Id => LoginError::NameTaken,
        }
    }

    /// Logs in. A wrong email and a wrong password cost the same, and get the same answer.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn login(&self, from: IpAddr, credentials: Credentials) -> Result<Login, LoginError> {
        let network = Network::of(from);
        self.0.limits.attempt(network).map_err(|wait| self.too_many(wait))?;
        let login = match credentials {
            Credentials::Password { email, password } => self.log_in_by_password(from, &email, password).await,
            Credentials::Device(proof) => self.log_in_by_device(network, proof).await,
        };
        self.count_refusal(&login);
        if matches!(login, Err(LoginError::Busy(_) | LoginError::Elsewhere(_) | LoginError::Store)) {
            self.0.limits.take_back_attempt(network);
        }
        login
    }

    fn count_refusal(&self, login: &Result<Login, LoginError>) {
        let counters = &self.0.counters;
        match login {
            Err(LoginError::WrongPassword) => count(&counters.refused_password),
            Err(LoginError::WrongDevice) => count(&counters.refused_device),
            Err(LoginError::Disabled) => count(&counters.refused_disabled),
            Err(LoginError::Malformed(_)) => count(&counters.refused_malformed),
            Err(LoginError::Elsewhere(_)) => count(&counters.refused_elsewhere),
            // The others are counted where they arise.
            _ => {}
        }
    }

    async fn log_in_by_password(&self, from: IpAddr, email: &str, password: Secret) -> Result<Login, LoginError> {
        let email = Email::new(email)?;
        check_password_length(&password)?;
        let network = Network::of(from);
        let key = email.key.clone();
        let (stored, is_home) = self
            .read(move |store| {
                let stored = store.account_of_email(&key)?;
                // Asked for unknown emails too, so that the time tells nothing. No account has id 0.
                let id = stored.as_ref().map_or(AccountId(0), |stored| stored.profile.id);
                Ok((stored, store.is_home(id, network, unix_millis())?))
            })
            .await?;
        let suspect = Suspect { email: email.key.clone(), home: is_home.then_some(network) };
        match self.0.settings.directory.clone() {
            Some(directory) => self.guarded(&suspect, self.check_elsewhere(directory, &email, password, from)).await,
            None => {
                let attempt = Attempt { password, replacement: None, network, is_known: is_home };
                self.guarded(&suspect, self.check_here(stored, &attempt)).await
            }
        }
    }

    /// Changes the password of an account whose player knows the present one. Ends all of its sessions and begins one.
    ///
    /// # Errors
    /// [`LoginError`]; [`LoginError::RegistrationClosed`] if passwords are checked elsewhere.
    pub async fn change_password(
        &self,
        from: IpAddr,
        account: AccountId,
        present: Secret,
        new: Secret,
    ) -> Result<Login, LoginError> {
        let network = Network::of(from);
        if self.0.settings.directory.is_some() {
            count(&self.0.counters.refused_closed);
            return Err(LoginError::RegistrationClosed);
        }
        let checked = check_password(&new).and_then(|()| check_password_length(&present));
        checked.inspect_err(|_| count(&self.0.counters.refused_malformed))?;
        self.0.limits.attempt(network).map_err(|wait| self.too_many(wait))?;
        let stored = self.read(move |store| store.account(account)).await?;
        // Whoever stole a token does not guess here what is locked at the login, or the other way round.
        let suspect = Suspect { email: format!("account {account}"), home: None };
        let attempt = Attempt { password: present, replacement: Some(new), network, is_known: true };
        let changed = self.guarded(&suspect, self.check_here(stored, &attempt)).await;
        self.count_refusal(&changed);
        changed
    }

    /// Awaits a check of a password; counts it as a failure of `suspect` unless it is right or was not made.
    async fn guarded(
        &self,
        suspect: &Suspect,
        check: impl Future<Output = Result<Login, LoginError>>,
    ) -> Result<Login, LoginError> {
        self.0.limits.begin(suspect).map_err(|wait| {
            count(&self.0.counters.refused_locked);
            LoginError::TooMany(wait)
        })?;
        let login = check.await;
        match &login {
            Ok(_) | Err(LoginError::Disabled) => self.0.limits.succeed(suspect),
            Err(LoginError::WrongPassword) => {}
            // The password was not checked.
            Err(_) => self.0.limits.take_back(suspect),
        }
        login
    }

    async fn check_here(&self, stored: Option<Stored>, attempt: &Attempt) -> Result<Login, LoginError> {
        let id = stored.as_ref().map(|stored| stored.profile.id);
        if let Some(login) = self.check_once(stored, attempt).await? {
            return Ok(login);
        }
        // Its hash was replaced meanwhile, perhaps by another login that renewed it: check the new one.
        let id = id.expect("an account that changed exists");
        let stored = self.read(move |store| store.account(id)).await?;
        self.check_once(stored, attempt).await?.ok_or(LoginError::WrongPassword)
    }

    /// Checks a password, and begins a session. None if the account changed between the two.
    async fn check_once(&self, stored: Option<Stored>, attempt: &Attempt) -> Result<Option<Login>, LoginError> {
        let inner = &self.0;
        let found = stored.and_then(|Stored { profile, password }| {
            let phc = password?;
            Some((PasswordHash::from_phc(&phc)?, phc, profile.id))
        });
        let expected = found.as_ref().map(|(hash, ..)| hash.clone());
        let (is_right, renewed) = self.compute(expected, attempt).await?;
        let Some((_, expected, account)) = found.filter(|_| is_right) else { return Err(LoginError::WrongPassword) };
        if renewed.is_some() {
            count(&inner.counters.password_runs);
        }
        let is_renewal = renewed.is_some() && attempt.replacement.is_none();
        let (token, session) = self.new_session(Way::Password, attempt.network);
        let expires = session.expires;
        let guard = Guard::Password { expected, renewed, ends_others: attempt.replacement.is_some() };
        match self.write(move |store| store.log_in(account, &guard, &session)).await? {
            Began::Changed => Ok(None),
            began => {
                let login = logged_in(began, token, expires, LoginError::WrongPassword)?;
                count(&inner.counters.password_logins);
                inner.counters.rehashed.fetch_add(is_renewal.into(), Relaxed);
                Ok(Some(login))
            }
        }
    }

    /// Whether the password is right, and the hash that is to replace the one that was expected.
    async fn compute(
        &self,
        expected: Option<PasswordHash>,
        attempt: &Attempt,
    ) -> Result<(bool, Option<String>), LoginError> {
        let inner = &self.0;
        let cost = inner.settings.password_cost;
        let (password, replacement) = (attempt.password.clone(), attempt.replacement.clone());
        let job = move |hasher: &mut Hasher| {
            let is_known = expected.is_some();
            let expected = expected.unwrap_or_else(|| PasswordHash::impossible(cost));
            let is_right = hasher.verify(&expected, &password) && is_known;
            let new = replacement.or_else(|| (expected.cost != cost).then_some(password)).filter(|_| is_right);
            (is_right, new.map(|new| hasher.hash(cost, &new).to_phc()))
        };
        let computed = match attempt.is_known {
            true => inner.hashers.run(job).await,
            false => inner.hashers.run_last(job).await,
        };
        let computed = computed.map_err(|full| self.busy(full))?;
        count(&inner.counters.password_runs);
        Ok(computed)
    }

    async fn check_elsewhere(
        &self,
        directory: Arc<dyn Directory>,
        email: &Email,
        password: Secret,
        from: IpAddr,
    ) -> Result<Login, LoginError> {
        let external = directory.verify(&email.shown, &password, from).await.map_err(|error| match error {
            DirectoryError::Wrong => LoginError::WrongPassword,
            DirectoryError::Disabled => LoginError::Disabled,
            DirectoryError::TooMany(wait) => LoginError::TooMany(wait),
            DirectoryError::Down(wait) => LoginError::Elsewhere(wait),
        })?;
        let name = Name::adopted(&external.name);
        let (token, session) = self.new_session(Way::Directory, Network::of(from));
        let expires = session.expires;
        let of = directory.name().to_owned();
        let began = self.write(move |store| store.log_in_external(&of, &external, &name, &session)).await?;
        let login = logged_in(began.map_err(|taken| self.taken(taken))?, token, expires, LoginError::WrongPassword)?;
        count(&self.0.counters.password_logins);
        Ok(login)
    }

    async fn log_in_by_device(&self, network: Network, proof: DeviceProof) -> Result<Login, LoginError> {
        let challenges = &self.0.challenges;
        if !challenges.is_fresh(&proof.challenge, &proof.key) || !proof.verifies(&signed_to_log_in(&proof.challenge)) {
            return Err(LoginError::WrongDevice);
        }
        let found = self.read(move |store| store.device_of_key(&proof.key)).await?;
        let (device, Profile { id, .. }) = found.ok_or(LoginError::WrongDevice)?;
        if !challenges.use_up(&proof.challenge) {
            return Err(LoginError::WrongDevice);
        }
        let (token, session) = self.new_session(Way::Device, network);
        let NewSession { expires, .. } = session;
        let began = self.write(move |store| store.log_in(id, &Guard::Device(device), &session)).await?;
        let login = logged_in(began, token, expires, LoginError::WrongDevice)?;
        count(&self.0.counters.device_logins);
        Ok(login)
    }
}

/// A password that somebody shows.
struct Attempt {
    password: Secret,
    /// The password that takes its place if it is right.
    replacement: Option<Secret>,
    network: Network,
    /// Whether the account is logged in from there: such a login goes before those of strangers.
    is_known: bool,
}

/// The login that began; `changed` if what was checked has changed since.
fn logged_in(began: Began, token: SessionToken, expires: u64, changed: LoginError) -> Result<Login, LoginError> {
    match began {
        Began::Session(session, profile) => Ok(Login { profile, session, token, expires }),
        Began::Changed => Err(changed),
        Began::Disabled => Err(LoginError::Disabled),
    }
}

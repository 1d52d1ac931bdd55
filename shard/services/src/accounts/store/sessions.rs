//! Rows of sessions, and the transactions that begin one.

use super::super::directory::ExternalAccount;
use super::super::fields::Name;
use super::super::limits::Network;
use super::super::profile::{Profile, SessionInfo, Way};
use super::accounts::{NewAccount, Taken, adopt, insert, profile};
use super::error::StoreError;
use super::{Store, signed, unsigned};
use crate::AccountId;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, named_params, params};
use std::net::{IpAddr, Ipv4Addr};
use subtle::ConstantTimeEq;

/// Sessions that an account can have. A new one ends the one that was not used for longest.
const SESSIONS_MAX: usize = 32;

/// Expired sessions that are removed when one begins.
const EXPIRED_REMOVED_MAX: i64 = 64;

/// A session that begins.
#[derive(Clone, Debug)]
pub(in super::super) struct NewSession {
    /// SHA-256 of the token.
    pub(in super::super) token: [u8; 32],
    pub(in super::super) way: Way,
    pub(in super::super) network: Network,
    pub(in super::super) now: u64,
    pub(in super::super) expires: u64,
}

/// What must still be so when a session begins: it was checked before, outside of the transaction.
pub(in super::super) enum Guard {
    /// The account has this hash. The other one, if any, replaces it. All other sessions end if `ends_others` is set.
    Password { expected: String, renewed: Option<String>, ends_others: bool },
    /// The account has this device.
    Device(u64),
}

/// What came of it.
pub(in super::super) enum Began {
    Session(u64, Profile),
    /// What was checked has changed meanwhile.
    Changed,
    Disabled,
}

/// A session with its account.
pub(in super::super) struct Found {
    pub(in super::super) session: u64,
    pub(in super::super) profile: Profile,
    pub(in super::super) seen: u64,
}

impl Store {
    fn begin(&mut self) -> Result<rusqlite::Transaction<'_>, StoreError> {
        // A deferred one could fail halfway, because another process writes.
        Ok(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }

    /// Makes an account with its first session.
    pub(in super::super) fn register(
        &mut self,
        account: &NewAccount,
        session: &NewSession,
    ) -> Result<Result<(u64, Profile), Taken>, StoreError> {
        let transaction = self.begin()?;
        let id = match insert(&transaction, account)? {
            Ok(id) => id,
            Err(taken) => return Ok(Err(taken)),
        };
        let session = add(&transaction, id, None, session)?;
        let profile = read(&transaction, id)?.expect("it was inserted").0;
        transaction.commit()?;
        Ok(Ok((session, profile)))
    }

    /// Begins a session of an account, if `guard` holds.
    pub(in super::super) fn log_in(
        &mut self,
        account: AccountId,
        guard: &Guard,
        session: &NewSession,
    ) -> Result<Began, StoreError> {
        let transaction = self.begin()?;
        let Some((profile, password)) = read(&transaction, account)? else { return Ok(Began::Changed) };
        if profile.disabled {
            return Ok(Began::Disabled);
        }
        let device = match guard {
            Guard::Password { expected, .. } if password.as_ref() != Some(expected) => return Ok(Began::Changed),
            Guard::Password { renewed, ends_others, .. } => {
                if let Some(renewed) = renewed {
                    let sql = "UPDATE accounts SET password = ?2 WHERE id = ?1";
                    transaction.prepare_cached(sql)?.execute(params![signed(account.0), renewed])?;
                }
                if *ends_others {
                    transaction.execute("DELETE FROM sessions WHERE account = ?1", [signed(account.0)])?;
                }
                None
            }
            Guard::Device(device) => {
                let sql = "SELECT 1 FROM devices WHERE id = ?1 AND account = ?2";
                if !transaction.prepare_cached(sql)?.exists([signed(*device), signed(account.0)])? {
                    return Ok(Began::Changed);
                }
                Some(*device)
            }
        };
        let session = add(&transaction, account, device, session)?;
        transaction.commit()?;
        Ok(Began::Session(session, profile))
    }

    /// Begins a session of an account elsewhere; makes the account here at its first login.
    pub(in super::super) fn log_in_external(
        &mut self,
        directory: &str,
        external: &ExternalAccount,
        name: &Name,
        session: &NewSession,
    ) -> Result<Result<Began, Taken>, StoreError> {
        let transaction = self.begin()?;
        let account = match adopt(&transaction, directory, external, name, session.now)? {
            Ok(account) => account,
            Err(taken) => return Ok(Err(taken)),
        };
        let (profile, _) = read(&transaction, account)?.expect("it was found or inserted");
        if profile.disabled {
            return Ok(Ok(Began::Disabled));
        }
        let session = add(&transaction, account, None, session)?;
        transaction.commit()?;
        Ok(Ok(Began::Session(session, profile)))
    }

    /// The session of a token, given its hash.
    pub(in super::super) fn session_of_token(&self, token: &[u8; 32], now: u64) -> Result<Option<Found>, StoreError> {
        let sql = "SELECT accounts.id, accounts.name, accounts.email, accounts.disabled, accounts.created,
                          sessions.id AS session, sessions.seen AS seen, sessions.token AS token
                   FROM sessions JOIN accounts ON accounts.id = sessions.account
                   WHERE sessions.token = ?1 AND sessions.expires > ?2";
        let found = |row: &Row<'_>| {
            let found =
                Found { session: unsigned(row, "session")?, profile: profile(row)?, seen: unsigned(row, "seen")? };
            Ok((found, row.get::<_, Vec<u8>>("token")?))
        };
        let row = self.connection.prepare_cached(sql)?.query_row(params![token, signed(now)], found).optional()?;
        Ok(row.filter(|(_, stored)| stored.ct_eq(token).into()).map(|(found, _)| found))
    }

    /// Notes that a session was used.
    pub(in super::super) fn touch(&self, session: u64, now: u64) -> Result<(), StoreError> {
        let sql = "UPDATE sessions SET seen = ?2 WHERE id = ?1";
        self.connection.prepare_cached(sql)?.execute([signed(session), signed(now)])?;
        Ok(())
    }

    /// The sessions of an account, the newest first.
    pub(in super::super) fn sessions(&self, account: AccountId, now: u64) -> Result<Vec<SessionInfo>, StoreError> {
        let sql = "SELECT id, way, network, created, seen, expires FROM sessions
                   WHERE account = ?1 AND expires > ?2 ORDER BY id DESC";
        let info = |row: &Row<'_>| {
            Ok(SessionInfo {
                id: unsigned(row, "id")?,
                way: way(row.get("way")?),
                network: row.get::<_, String>("network")?.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
                created: unsigned(row, "created")?,
                seen: unsigned(row, "seen")?,
                expires: unsigned(row, "expires")?,
            })
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([signed(account.0), signed(now)], info)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Ends the session of a token. Returns whether it existed.
    pub(in super::super) fn log_out(&self, token: &[u8; 32]) -> Result<bool, StoreError> {
        Ok(self.connection.prepare_cached("DELETE FROM sessions WHERE token = ?1")?.execute([token])? > 0)
    }

    /// Ends a session of an account. Returns whether it existed.
    pub(in super::super) fn revoke(&self, account: AccountId, session: u64) -> Result<bool, StoreError> {
        let sql = "DELETE FROM sessions WHERE id = ?1 AND account = ?2";
        Ok(self.connection.prepare_cached(sql)?.execute([signed(session), signed(account.0)])? > 0)
    }

    /// Ends all sessions of an account. Returns how many.
    pub(in super::super) fn revoke_all(&self, account: AccountId) -> Result<usize, StoreError> {
        Ok(self.connection.execute("DELETE FROM sessions WHERE account = ?1", [signed(account.0)])?)
    }
}

fn read(connection: &Connection, id: AccountId) -> Result<Option<(Profile, Option<String>)>, StoreError> {
    let sql = "SELECT id, name, email, disabled, created, password FROM accounts WHERE id = ?1";
    let row = |row: &Row<'_>| Ok((profile(row)?, row.get("password")?));
    Ok(connection.prepare_cached(sql)?.query_row([signed(id.0)], row).optional()?)
}

/// Inserts a session, and ends those that have expired or are too many.
fn add(
    connection: &Connection,
    account: AccountId,
    device: Option<u64>,
    session: &NewSession,
) -> Result<u64, StoreError> {
    // A bounded number, so that nobody waits while thousands are removed after a quiet month.
    let sql = "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires <= ?1 LIMIT ?2)";
    connection.prepare_cached(sql)?.execute([signed(session.now), EXPIRED_REMOVED_MAX])?;
    let sql = "DELETE FROM sessions WHERE account = ?1 AND id NOT IN
               (SELECT id FROM sessions WHERE account = ?1 ORDER BY seen DESC, id DESC LIMIT ?2)";
    connection.prepare_cached(sql)?.execute([signed(account.0), SESSIONS_MAX as i64 - 1])?;
    let sql = "INSERT INTO sessions (account, token, way, device, network, created, seen, expires)
               VALUES (:account, :token, :way, :device, :network, :now, :now, :expires)";
    connection.prepare_cached(sql)?.execute(named_params! {
        ":account": signed(account.0),
        ":token": session.token,
        ":way": session.way as i64,
        ":device": device.map(signed),
        ":network": session.network.to_string(),
        ":now": signed(session.now),
        ":expires": signed(session.expires),
    })?;
    Ok(connection.last_insert_rowid() as u64)
}

fn way(number: i64) -> Way {
    match number {
        0 => Way::Registration,
        2 => Way::Device,
        3 => Way::Directory,
        _ => Way::Password,
    }
}

//! Rows of accounts, and of accounts elsewhere.

use super::super::directory::ExternalAccount;
use super::super::fields::{Email, Name};
use super::super::limits::Network;
use super::super::profile::Profile;
use super::error::StoreError;
use super::{Store, signed, unsigned};
use crate::AccountId;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

/// What a new account needs.
#[derive(Clone, Debug)]
pub(in super::super) struct NewAccount {
    /// None: the next free one.
    pub(in super::super) id: Option<AccountId>,
    pub(in super::super) name: Name,
    pub(in super::super) email: Option<Email>,
    /// PHC string.
    pub(in super::super) password: Option<String>,
    pub(in super::super) disabled: bool,
    pub(in super::super) created: u64,
}

/// What of a new account another one has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Taken {
    Id,
    Name,
    Email,
}

/// An account with its secret.
#[derive(Clone)]
pub(in super::super) struct Stored {
    pub(in super::super) profile: Profile,
    /// PHC string.
    pub(in super::super) password: Option<String>,
}

/// Columns of a [`Profile`].
const PROFILE: &str = "accounts.id, accounts.name, accounts.email, accounts.disabled, accounts.created";

/// Reads [`PROFILE`].
pub(super) fn profile(row: &Row<'_>) -> rusqlite::Result<Profile> {
    Ok(Profile {
        id: AccountId(unsigned(row, "id")?),
        name: row.get("name")?,
        email: row.get("email")?,
        disabled: row.get("disabled")?,
        created: unsigned(row, "created")?,
    })
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored { profile: profile(row)?, password: row.get("password")? })
}

impl Store {
    /// The account with an id.
    pub(in super::super) fn account(&self, id: AccountId) -> Result<Option<Stored>, StoreError> {
        let sql = select(&[PROFILE, ", password FROM accounts WHERE id = ?1"]);
        Ok(self.connection.prepare_cached(&sql)?.query_row([signed(id.0)], stored).optional()?)
    }

    /// The account with an email in lower case.
    pub(in super::super) fn account_of_email(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        let sql = select(&[PROFILE, ", password FROM accounts WHERE email_key = ?1"]);
        Ok(self.connection.prepare_cached(&sql)?.query_row([key], stored).optional()?)
    }

    /// The account with a name in lower case.
    pub(in super::super) fn account_of_name(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        let sql = select(&[PROFILE, ", password FROM accounts WHERE name_key = ?1"]);
        Ok(self.connection.prepare_cached(&sql)?.query_row([key], stored).optional()?)
    }

    /// Whether an account is logged in from a network.
    pub(in super::super) fn is_home(&self, account: AccountId, network: Network, now: u64) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM sessions WHERE account = ?1 AND network = ?2 AND expires > ?3)";
        let values = params![signed(account.0), network.to_string(), signed(now)];
        Ok(self.connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))?)
    }

    /// Up to `limit` accounts with ids above `after`, by id. `find` is looked for in names and emails; empty finds all.
    pub(in super::super) fn accounts_after(
        &self,
        after: u64,
        find: &str,
        limit: usize,
    ) -> Result<Vec<Stored>, StoreError> {
        // instr, not LIKE: what is looked for has no wildcards.
        let sql = select(&[
            PROFILE,
            ", password FROM accounts WHERE id > ?1
              AND (?2 = '' OR instr(name_key, ?2) > 0 OR instr(ifnull(email_key, ''), ?2) > 0) ORDER BY id LIMIT ?3",
        ]);
        let values = params![signed(after), find.to_lowercase(), limit as i64];
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(values, stored)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Accounts, and how many of them are disabled.
    pub(in super::super) fn count_accounts(&self) -> Result<(u64, u64), StoreError> {
        let sql = "SELECT count(*), ifnull(sum(disabled), 0) FROM accounts";
        let counts = self.connection.query_row(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
        Ok((counts.0 as u64, counts.1 as u64))
    }

    /// Gives an account another password; None: no login by password. Returns whether it exists.
    pub(in super::super) fn set_password(&self, id: AccountId, password: Option<&str>) -> Result<bool, StoreError> {
        let sql = "UPDATE accounts SET password = ?2 WHERE id = ?1";
        Ok(self.connection.execute(sql, params![signed(id.0), password])? > 0)
    }

    /// Disables or enables an account. Returns whether it exists.
    pub(in super::super) fn set_disabled(&self, id: AccountId, disabled: bool) -> Result<bool, StoreError> {
        let sql = "UPDATE accounts SET disabled = ?2 WHERE id = ?1";
        Ok(self.connection.execute(sql, params![signed(id.0), disabled])? > 0)
    }
}

/// A SELECT of constant texts.
fn select(parts: &[&'static str]) -> String {
    format!("SELECT {}", parts.concat())
}

/// Inserts an account; the caller has begun a transaction.
pub(in super::super) fn insert(
    connection: &Connection,
    account: &NewAccount,
) -> Result<Result<AccountId, Taken>, StoreError> {
    if let Some(taken) = taken(connection, account)? {
        return Ok(Err(taken));
    }
    let sql = "INSERT INTO accounts (id, name, name_key, email, email_key, password, disabled, created)
               VALUES (:id, :name, :name_key, :email, :email_key, :password, :disabled, :created)";
    connection.prepare_cached(sql)?.execute(named_params! {
        ":id": account.id.map(|id| signed(id.0)),
        ":name": account.name.shown,
        ":name_key": account.name.key,
        ":email": account.email.as_ref().map(|email| &email.shown),
        ":email_key": account.email.as_ref().map(|email| &email.key),
        ":password": account.password,
        ":disabled": account.disabled,
        ":created": signed(account.created),
    })?;
    Ok(Ok(AccountId(connection.last_insert_rowid() as u64)))
}

fn taken(connection: &Connection, account: &NewAccount) -> Result<Option<Taken>, StoreError> {
    let exists = |sql: &str, value: &dyn rusqlite::ToSql| -> rusqlite::Result<bool> {
        connection.prepare_cached(sql)?.exists([value])
    };
    if let Some(id) = account.id
        && exists("SELECT 1 FROM accounts WHERE id = ?1", &signed(id.0))?
    {
        return Ok(Some(Taken::Id));
    }
    if let Some(email) = &account.email
        && exists("SELECT 1 FROM accounts WHERE email_key = ?1", &email.key)?
    {
        return Ok(Some(Taken::Email));
    }
    let is_taken = exists("SELECT 1 FROM accounts WHERE name_key = ?1", &account.name.key)?;
    Ok(is_taken.then_some(Taken::Name))
}

/// How many names are tried for an account of elsewhere.
const NAMES_TRIED: u32 = 20;
/// Numbers behind a name that is taken begin in order, then become random, so that thousands can share a name.
const NAMES_IN_ORDER: u32 = 9;

/// The account of an account elsewhere; makes it if it logs in for the first time. The caller has begun a transaction.
///
/// Its email is kept only if no other account has it: the email of an account elsewhere opens no account here.
pub(super) fn adopt(
    connection: &Connection,
    directory: &str,
    external: &ExternalAccount,
    name: &Name,
    now: u64,
) -> Result<Result<AccountId, Taken>, StoreError> {
    let sql = "SELECT account FROM identities WHERE directory = ?1 AND subject = ?2";
    let known: Option<i64> = connection.query_row(sql, [directory, &external.subject], |row| row.get(0)).optional()?;
    if let Some(id) = known {
        return Ok(Ok(AccountId(id as u64)));
    }
    let email = external.email.as_deref().and_then(|email| Email::new(email).ok());
    let mut account = NewAccount { id: None, name: name.clone(), email, password: None, disabled: false, created: now };
    let mut tried = 1;
    let id = loop {
        match insert(connection, &account)? {
            Ok(id) => break id,
            Err(Taken::Email) => account.email = None,
            Err(taken) if tried == NAMES_TRIED => return Ok(Err(taken)),
            Err(_) => {
                tried += 1;
                let random = || getrandom::u32().expect("the system has a source of randomness") % 1_000_000_000;
                account.name = name.numbered(if tried <= NAMES_IN_ORDER { tried } else { random() });
            }
        }
    };
    identify(connection, directory, &external.subject, id)?;
    Ok(Ok(id))
}

/// Says that an account elsewhere is this one.
pub(in super::super) fn identify(
    connection: &Connection,
    directory: &str,
    subject: &str,
    account: AccountId,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO identities (directory, subject, account) VALUES (?1, ?2, ?3)";
    connection.prepare_cached(sql)?.execute(params![directory, subject, signed(account.0)])?;
    Ok(())
}

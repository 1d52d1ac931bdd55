//! The schema of the database, and how older ones become it.
//!
//! | table | a row is | columns |
//! |---|---|---|
//! | `accounts` | an account | `id`; `name`, `name_key` (lower case, unique); `email`, `email_key` (lower case, unique; null: none); `password` (PHC string; null: no login by password); `disabled` (0 or 1); `created` |
//! | `sessions` | a login that lasts | `id`; `account`; `token` (SHA-256 of the token, unique); `way` (0 registration, 1 password, 2 device, 3 directory); `device` (null unless by device); `network` (where it began); `created`, `seen`, `expires` |
//! | `devices` | a device that can log in | `id`; `account`; `key` (Ed25519 public key, unique); `label`; `created` |
//! | `identities` | an account elsewhere | `directory`, `subject` (its name there); `account` |
//!
//! Times are milliseconds since 1970. Ids are not used again. `PRAGMA application_id` is 0x52534143 ("RSAC"),
//! `PRAGMA user_version` the number of migrations that were applied.

use super::error::StoreError;
use rusqlite::{Connection, TransactionBehavior};

/// Marks the file as ours.
const APPLICATION_ID: i32 = 0x5253_4143;

/// Each takes the schema one version further. Those that were released never change.
pub(super) const MIGRATIONS: &[&str] = &["
    CREATE TABLE accounts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        name_key TEXT NOT NULL UNIQUE,
        email TEXT,
        email_key TEXT UNIQUE,
        password TEXT,
        disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
        created INTEGER NOT NULL,
        CHECK ((email IS NULL) = (email_key IS NULL))
    ) STRICT;
    CREATE TABLE devices (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
        key BLOB NOT NULL UNIQUE CHECK (length(key) = 32),
        label TEXT NOT NULL,
        created INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX devices_by_account ON devices (account);
    CREATE TABLE sessions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
        token BLOB NOT NULL UNIQUE CHECK (length(token) = 32),
        way INTEGER NOT NULL,
        device INTEGER REFERENCES devices ON DELETE CASCADE,
        network TEXT NOT NULL,
        created INTEGER NOT NULL,
        seen INTEGER NOT NULL,
        expires INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX sessions_by_account ON sessions (account, network);
    CREATE INDEX sessions_by_device ON sessions (device) WHERE device IS NOT NULL;
    CREATE INDEX sessions_by_expiry ON sessions (expires);
    CREATE TABLE identities (
        directory TEXT NOT NULL,
        subject TEXT NOT NULL,
        account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
        PRIMARY KEY (directory, subject)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX identities_by_account ON identities (account);
"];

/// Takes the schema to the newest version. Two processes may do so at once.
pub(super) fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<(), StoreError> {
    let newest = migrations.len() as i64;
    if version(connection)? == newest {
        return check_owner(connection);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have migrated it while this one waited.
    let found = version(&transaction)?;
    if found > 0 {
        check_owner(&transaction)?;
    } else {
        check_empty(&transaction)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    if found > newest {
        return Err(StoreError::Newer { found, newest });
    }
    for migration in &migrations[found as usize..] {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", newest)?;
    Ok(transaction.commit()?)
}

/// Checks that a reader, which cannot migrate, has the schema that it knows.
pub(super) fn check_current(connection: &Connection) -> Result<(), StoreError> {
    check_owner(connection)?;
    let (found, newest) = (version(connection)?, MIGRATIONS.len() as i64);
    match found.cmp(&newest) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(StoreError::Newer { found, newest }),
        std::cmp::Ordering::Less => Err(StoreError::Older { found, newest }),
    }
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn check_owner(connection: &Connection) -> Result<(), StoreError> {
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if id == APPLICATION_ID { Ok(()) } else { Err(StoreError::Foreign) }
}

/// A file without our mark is new, so it has nothing in it.
fn check_empty(connection: &Connection) -> Result<(), StoreError> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 { Ok(()) } else { Err(StoreError::Foreign) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_keeps_what_was_there_and_runs_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, MIGRATIONS).unwrap();
        let insert = "INSERT INTO accounts (name, name_key, created) VALUES ('Ann', 'ann', 1)";
        connection.execute(insert, []).unwrap();
        let longer = [MIGRATIONS, &["ALTER TABLE accounts ADD COLUMN note TEXT NOT NULL DEFAULT 'none'"]].concat();
        for _ in 0..2 {
            migrate(&mut connection, &longer).unwrap();
        }
        let row = connection.query_row("SELECT name, note FROM accounts", [], |row| Ok((row.get(0)?, row.get(1)?)));
        assert_eq!(row, Ok(("Ann".to_owned(), "none".to_owned())));
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, MIGRATIONS).unwrap();
        let broken =
            [MIGRATIONS, &["CREATE TABLE half (id INTEGER) STRICT; CREATE TABLE accounts (id INTEGER) STRICT"]];
        assert!(migrate(&mut connection, &broken.concat()).is_err());
        assert_eq!(version(&connection), Ok(MIGRATIONS.len() as i64));
        assert!(connection.prepare("SELECT id FROM half").is_err());
    }

    #[test]
    fn files_of_others_and_of_newer_versions_are_refused() {
        let mut newer = Connection::open_in_memory().unwrap();
        migrate(&mut newer, MIGRATIONS).unwrap();
        newer.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(migrate(&mut newer, MIGRATIONS), Err(StoreError::Newer { found: 99, .. })));
        let mut foreign = Connection::open_in_memory().unwrap();
        foreign.execute_batch("CREATE TABLE theirs (id INTEGER)").unwrap();
        assert!(matches!(migrate(&mut foreign, MIGRATIONS), Err(StoreError::Foreign)));
        foreign.pragma_update(None, "user_version", 1).unwrap();
        assert!(matches!(migrate(&mut foreign, MIGRATIONS), Err(StoreError::Foreign)));
    }
}

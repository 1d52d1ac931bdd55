//! Rows of devices.

use super::super::profile::{Device, Profile};
use super::accounts::profile;
use super::error::StoreError;
use super::{Store, signed, unsigned};
use crate::AccountId;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

/// Devices that an account can have.
pub(in super::super) const DEVICES_MAX: usize = 16;

/// Why a device was not added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum NotAdded {
    /// An account has it.
    Taken,
    /// The account has [`DEVICES_MAX`].
    TooMany,
    /// There is no such account.
    NoAccount,
}

impl Store {
    /// Adds a device to an account.
    pub(in super::super) fn add_device(
        &mut self,
        account: AccountId,
        key: &[u8; 32],
        label: &str,
        now: u64,
    ) -> Result<Result<Device, NotAdded>, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if !transaction.prepare_cached("SELECT 1 FROM accounts WHERE id = ?1")?.exists([signed(account.0)])? {
            return Ok(Err(NotAdded::NoAccount));
        }
        if transaction.prepare_cached("SELECT 1 FROM devices WHERE key = ?1")?.exists([key])? {
            return Ok(Err(NotAdded::Taken));
        }
        let sql = "SELECT count(*) FROM devices WHERE account = ?1";
        let devices: i64 = transaction.prepare_cached(sql)?.query_row([signed(account.0)], |row| row.get(0))?;
        if devices >= DEVICES_MAX as i64 {
            return Ok(Err(NotAdded::TooMany));
        }
        let id = insert_device(&transaction, account, key, label, now)?;
        transaction.commit()?;
        Ok(Ok(Device { id, label: label.to_owned(), created: now }))
    }

    /// The device with a key, and its account.
    pub(in super::super) fn device_of_key(&self, key: &[u8; 32]) -> Result<Option<(u64, Profile)>, StoreError> {
        let sql = "SELECT devices.id AS device, accounts.id, accounts.name, accounts.email, accounts.disabled,
                          accounts.created
                   FROM devices JOIN accounts ON accounts.id = devices.account WHERE devices.key = ?1";
        let row = |row: &Row<'_>| Ok((unsigned(row, "device")?, profile(row)?));
        Ok(self.connection.prepare_cached(sql)?.query_row([key], row).optional()?)
    }

    /// The devices of an account, with their keys.
    pub(in super::super) fn devices(&self, account: AccountId) -> Result<Vec<(Device, Vec<u8>)>, StoreError> {
        let sql = "SELECT id, label, created, key FROM devices WHERE account = ?1 ORDER BY id";
        let device = |row: &Row<'_>| {
            let device =
                Device { id: unsigned(row, "id")?, label: row.get("label")?, created: unsigned(row, "created")? };
            Ok((device, row.get("key")?))
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([signed(account.0)], device)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Removes a device of an account, with the sessions that it began. Returns whether it existed.
    pub(in super::super) fn remove_device(&self, account: AccountId, device: u64) -> Result<bool, StoreError> {
        let sql = "DELETE FROM devices WHERE id = ?1 AND account = ?2";
        Ok(self.connection.execute(sql, [signed(device), signed(account.0)])? > 0)
    }

    /// Removes all devices of an account. Returns how many.
    pub(in super::super) fn remove_devices(&self, account: AccountId) -> Result<usize, StoreError> {
        Ok(self.connection.execute("DELETE FROM devices WHERE account = ?1", [signed(account.0)])?)
    }

    /// The accounts elsewhere that are this one: their directories, and their subjects there.
    pub(in super::super) fn identities(&self, account: AccountId) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "SELECT directory, subject FROM identities WHERE account = ?1 ORDER BY directory, subject";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([signed(account.0)], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Inserts a device.
pub(in super::super) fn insert_device(
    connection: &Connection,
    account: AccountId,
    key: &[u8; 32],
    label: &str,
    now: u64,
) -> Result<u64, StoreError> {
    let sql = "INSERT INTO devices (account, key, label, created) VALUES (?1, ?2, ?3, ?4)";
    connection.prepare_cached(sql)?.execute(params![signed(account.0), key, label, signed(now)])?;
    Ok(connection.last_insert_rowid() as u64)
}

//! Writes accounts as lines of JSON.

use super::super::store::{Store, StoreError, Stored};
use super::line::{DeviceLine, IdentityLine, Line, Secrets};
use super::{AdminError, Administration};
use base64ct::{Base64UrlUnpadded, Encoding};
use std::io::Write;

/// Accounts that are read at once.
const PAGE: usize = 256;

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The reader of the lines.
    #[error("cannot write the export: {0}")]
    Write(#[from] std::io::Error),
}

impl Administration {
    /// Writes each account as a line, all as they are at one moment. Sessions are left out. Returns how many.
    ///
    /// # Errors
    /// [`ExportError`].
    pub fn export(&mut self, to: &mut dyn Write, secrets: Secrets) -> Result<u64, ExportError> {
        self.store.begin_reading().map_err(|error| self.failed(error))?;
        let exported = self.export_now(to, secrets);
        // Nothing was written, so there is nothing to lose.
        let ended = self.store.end_reading().map_err(|error| self.failed(error));
        let count = exported?;
        ended?;
        Ok(count)
    }

    fn export_now(&self, to: &mut dyn Write, secrets: Secrets) -> Result<u64, ExportError> {
        let (mut after, mut count) = (0, 0);
        loop {
            let page = self.store.accounts_after(after, "", PAGE).map_err(|error| self.failed(error))?;
            let Some(last) = page.last() else { return Ok(count) };
            after = last.profile.id.0;
            for stored in page {
                let line = line(&self.store, stored, secrets).map_err(|error| self.failed(error))?;
                serde_json::to_writer(&mut *to, &line).map_err(std::io::Error::from)?;
                to.write_all(b"\n")?;
                count += 1;
            }
        }
    }
}

fn line(store: &Store, Stored { profile, password }: Stored, secrets: Secrets) -> Result<Line, StoreError> {
    let devices = store.devices(profile.id)?.into_iter().map(|(device, key)| DeviceLine {
        key: Base64UrlUnpadded::encode_string(&key),
        label: device.label,
        created: Some(device.created),
    });
    let identities = store.identities(profile.id)?.into_iter();
    Ok(Line {
        id: Some(profile.id.0),
        name: profile.name,
        email: profile.email,
        created: Some(profile.created),
        disabled: profile.disabled,
        password: password.filter(|_| secrets == Secrets::Included),
        devices: devices.collect(),
        identities: identities.map(|(directory, subject)| IdentityLine { directory, subject }).collect(),
    })
}

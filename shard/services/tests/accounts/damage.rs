//! A full disk, a folder that cannot be written, a damaged file: clear errors, and no panic.

use super::folder::{Folder, HOME, log_in, register, registration, settings};
use ringshard_services::accounts::{
    AccountSettings, Accounts, Administration, LoginError, OpenError, Secrets, StoreError,
};
use std::path::Path;

fn open_error(dir: &Path) -> OpenError {
    Accounts::open(dir, settings()).map(drop).unwrap_err()
}

#[tokio::test]
async fn where_there_is_no_room_nothing_is_half_written_and_logins_get_a_clear_error() {
    let folder = Folder::new();
    let small = AccountSettings { database_bytes_max: 128 * 1024, ..settings() };
    let accounts = Accounts::open(&folder, small).unwrap();
    let mut made = Vec::new();
    let refused = loop {
        match accounts.register(HOME, registration(&format!("player{}", made.len()))).await {
            Ok(login) => made.push(login),
            Err(error) => break error,
        }
        assert!(made.len() < 10_000, "the file has no bound");
    };
    assert_eq!((refused.status(), &refused), (500, &LoginError::Store));
    assert!(made.len() > 10);
    // What is there can still be read.
    for login in &made {
        assert_eq!(accounts.identify(HOME, login.token.reveal()).await.as_ref(), Ok(&login.profile));
    }
    drop(accounts);
    let accounts = folder.accounts();
    assert!(register(&accounts, "late").await.profile.id.0 as usize > made.len());
    assert!(log_in(&accounts, "player0").await.is_ok());
}

#[test]
fn a_folder_that_cannot_be_written_is_named_with_the_reason() {
    let error = open_error(Path::new("/proc/ringshard-accounts"));
    assert!(matches!(error, OpenError::Store(_, StoreError::ReadOnly)), "{error}");
    let text = error.to_string();
    assert!(text.contains("/proc/ringshard-accounts") && text.contains("read-only"), "{text}");
    let missing = Administration::open(Path::new("/proc/ringshard-accounts"), false).map(drop).unwrap_err();
    assert!(missing.to_string().contains("no accounts.db"), "{missing}");
}

#[test]
fn a_file_that_cannot_be_written_is_named_with_the_reason() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    drop(folder.accounts());
    let file = folder.join("accounts.db");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o400)).unwrap();
    if std::fs::OpenOptions::new().write(true).open(&file).is_ok() {
        return println!("not checked: root can write everything");
    }
    let error = open_error(&folder);
    assert!(matches!(error, OpenError::Store(_, StoreError::ReadOnly)), "{error}");
}

#[test]
fn a_file_that_is_no_database_of_accounts_is_refused() {
    let folder = Folder::new();
    let file = folder.join("accounts.db");
    std::fs::write(&file, "certainly no database, and longer than the header of one".repeat(20)).unwrap();
    let error = open_error(&folder);
    assert!(matches!(error, OpenError::Store(_, StoreError::Corrupt(_))), "{error}");
    std::fs::remove_file(&file).unwrap();
    let other = rusqlite::Connection::open(&file).unwrap();
    other.execute_batch("CREATE TABLE theirs (id INTEGER)").unwrap();
    drop(other);
    let error = open_error(&folder);
    assert!(matches!(error, OpenError::Store(_, StoreError::Foreign)), "{error}");
}

#[tokio::test]
async fn a_damaged_file_gives_an_error_wherever_the_damage_is() {
    let folder = Folder::new();
    let accounts = folder.accounts();
    for number in 0..60 {
        register(&accounts, &format!("player{number}")).await;
    }
    drop(accounts);
    let file = folder.join("accounts.db");
    let whole = std::fs::read(&file).unwrap();
    let mut found = 0;
    for round in 0..60 {
        let mut damaged = whole.clone();
        let random = |below: usize| getrandom::u64().unwrap() as usize % below;
        match round % 3 {
            // A page of noise, a page of zeros, a file that was cut.
            0 => getrandom::fill(&mut damaged[random(whole.len() / 4096) * 4096..][..4096]).unwrap(),
            1 => damaged[random(whole.len() / 4096) * 4096..][..4096].fill(0),
            _ => damaged.truncate(random(whole.len())),
        }
        for log in ["accounts.db-wal", "accounts.db-shm"] {
            let _ = std::fs::remove_file(folder.join(log));
        }
        std::fs::write(&file, &damaged).unwrap();
        found += usize::from(Accounts::open(&folder, settings()).is_err());
        // A command does not look for damage, but meets it where it reads.
        if let Ok(mut admin) = Administration::open(&folder, false) {
            let _ = admin.export(&mut std::io::sink(), Secrets::Included);
            let _ = admin.details(ringshard_services::AccountId(1));
            let _ = admin.backup(&folder.join("copy.db"));
            let _ = std::fs::remove_file(folder.join("copy.db"));
        }
    }
    assert!(found >= 40, "only {found} of 60 damaged files were noticed");
}

#[tokio::test]
async fn damage_to_the_file_of_a_running_server_gives_errors_and_no_panic() {
    let folder = Folder::new();
    let accounts = folder.accounts();
    let mut logins = Vec::new();
    for number in 0..60 {
        logins.push(register(&accounts, &format!("player{number}")).await);
    }
    drop(accounts);
    let accounts = folder.accounts();
    let file = folder.join("accounts.db");
    let noise = vec![0xa5; std::fs::metadata(&file).unwrap().len() as usize];
    std::fs::write(&file, noise).unwrap();
    for (number, login) in logins.iter().enumerate() {
        // What was read before may still be right; nothing else is.
        let _ = accounts.identify(HOME, login.token.reveal()).await;
        let _ = log_in(&accounts, &format!("player{number}")).await;
    }
    assert!(super::folder::counted(&accounts, "store_failures") > 0);
    assert_eq!(accounts.register(HOME, registration("late")).await.map(drop), Err(LoginError::Store));
}

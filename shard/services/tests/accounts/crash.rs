//! A server that is killed while it writes.

use super::folder::{CHEAP, Folder, HOME, PASSWORD, log_in, register, settings};
use ringshard_services::AccountId;
use ringshard_services::accounts::{Accounts, Secret, Secrets};
use rusqlite::Connection;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Names the folder to the process that is killed.
const FOLDER: &str = "RINGSHARD_TEST_CRASH_FOLDER";

#[test]
fn a_server_that_is_killed_while_it_writes_leaves_no_account_half_written() {
    kill_while_it_writes(4);
}

#[test]
#[ignore = "takes a minute: the long form of the test above"]
fn a_server_that_is_killed_a_hundred_times_leaves_no_account_half_written() {
    kill_while_it_writes(100);
}

fn kill_while_it_writes(times: usize) {
    let folder = Folder::new();
    let mut promised = Vec::new();
    for round in 0..times {
        promised.extend(run_and_kill(&folder, round));
        check(&folder, &promised);
    }
    println!("killed {times} times: all {} accounts that were promised are there and whole", promised.len());
    assert!(promised.len() >= times, "the process was killed before it did anything");
}

/// Runs a process that registers accounts, and kills it. Returns the names and tokens that it promised.
fn run_and_kill(folder: &Path, round: usize) -> Vec<(String, String)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::the_process_that_is_killed", "--exact", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env("RINGSHARD_TEST_CRASH_ROUND", round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    // It is killed at a random time after it has begun to write.
    let mut kept: Vec<String> = lines.by_ref().find(|line| line.starts_with("made ")).into_iter().collect();
    std::thread::sleep(Duration::from_micros(getrandom::u64().unwrap() % 100_000));
    child.kill().unwrap();
    child.wait().unwrap();
    kept.extend(lines);
    // The last line may be cut.
    let whole = kept.iter().filter_map(|line| {
        let (name, token) = line.strip_prefix("made ")?.strip_suffix(" .")?.split_once(' ')?;
        Some((name.to_owned(), token.to_owned()))
    });
    whole.collect()
}

fn check(folder: &Path, promised: &[(String, String)]) {
    let database = Connection::open(folder.join("accounts.db")).unwrap();
    let text = |sql: &str| database.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(text("PRAGMA integrity_check"), "ok");
    assert_eq!(count("SELECT count(*) FROM pragma_foreign_key_check"), 0);
    // An account and its first session are written together, and so are a reset and the end of all sessions.
    let half = "SELECT count(*) FROM accounts WHERE password IS NULL OR (name NOT LIKE '%reset' AND NOT EXISTS
                (SELECT 1 FROM sessions WHERE sessions.account = accounts.id))";
    assert_eq!(count(half), 0);
    let both = "SELECT count(*) FROM accounts JOIN sessions ON accounts.id = sessions.account WHERE disabled = 1";
    assert_eq!(count(both), 0);
    drop(database);
    let accounts = Accounts::open(folder, settings()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for (name, token) in promised.iter().rev().take(30) {
            assert_eq!(accounts.identify(HOME, token).await.map(|profile| profile.name), Ok(name.clone()));
        }
        if let Some((name, _)) = promised.last() {
            log_in(&accounts, name).await.unwrap();
        }
    });
}

#[test]
fn the_process_that_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let round = std::env::var("RINGSHARD_TEST_CRASH_ROUND").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let accounts = Accounts::open(Path::new(&folder), settings()).unwrap();
        for number in 0.. {
            let name = format!("player{round}x{number}");
            let login = register(&accounts, &name).await;
            // Written at once, so that a line is a promise.
            let mut out = std::io::stdout().lock();
            out.write_all(format!("made {name} {} .\n", login.token.reveal()).as_bytes()).unwrap();
            out.flush().unwrap();
            drop(out);
            log_in(&accounts, &name).await.unwrap();
            disturb(&accounts, &format!("{name}-reset")).await;
        }
    });
}

/// More kinds of writes, on an account of which nothing is promised.
async fn disturb(accounts: &Accounts, name: &str) {
    let id = register(accounts, name).await.profile.id;
    let reset = move |admin: &mut ringshard_services::accounts::Administration| {
        admin.reset(id, Some(Secret::from(PASSWORD)), CHEAP, false).unwrap();
        admin.set_disabled(id, true).unwrap();
    };
    accounts.administer(reset).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_beside_writes_is_one_moment_and_complete() {
    let folder = Folder::new();
    let accounts = folder.accounts();
    register(&accounts, "first").await;
    let writing = tokio::spawn({
        let accounts = accounts.clone();
        async move {
            for number in 0..40 {
                register(&accounts, &format!("player{number}")).await;
            }
        }
    });
    let backups = Folder::new();
    let mut sizes = Vec::new();
    for number in 0..5 {
        let to = backups.join(format!("{number}"));
        std::fs::create_dir(&to).unwrap();
        let file = to.join("accounts.db");
        let (copier, into) = (accounts.clone(), file.clone());
        tokio::task::spawn_blocking(move || copier.backup(&into).unwrap()).await.unwrap();
        assert!(accounts.backup(&file).unwrap_err().to_string().contains("already exists"));
        assert_eq!(std::fs::read_dir(&to).unwrap().count(), 1, "one file, without a log or a partial one");
        let mut admin = ringshard_services::accounts::Administration::open(&to, false).unwrap();
        let mut lines = Vec::new();
        sizes.push(admin.export(&mut lines, Secrets::LeftOut).unwrap());
        assert_eq!(admin.list(AccountId(0), "", 1).unwrap()[0].name, "first");
    }
    writing.await.unwrap();
    assert!(sizes.is_sorted() && sizes[0] >= 1, "{sizes:?}");
}

//! `ringshard accounts`.

use crate::shared::{Folder, assert_has, assert_refused, ringshard, stdout};
use std::io::Write;
use std::process::{Command, Stdio};

/// Two accounts, in a folder of its own.
fn folder() -> (Folder, String) {
    let folder = Folder::new("accounts");
    let lines = folder.file("accounts.jsonl");
    std::fs::write(
        &lines,
        "{\"name\":\"Ann\",\"email\":\"Ann@Example.com\",\"created\":1700000000000}\n{\"name\":\"Bea\"}\n",
    )
    .unwrap();
    let dir = folder.file("services");
    let made = ringshard(&["accounts", "import", &lines, "--create", "--dir", &dir]);
    assert_has(&stdout(&made), &["imported 2 accounts"]);
    (folder, dir)
}

#[test]
fn accounts_are_listed_shown_disabled_and_enabled() {
    let (_folder, dir) = folder();
    let run = |words: &[&str]| stdout(&ringshard(&[&["accounts"], words, &["--dir", &dir]].concat()));
    assert_has(&run(&["list"]), &["2 of 2 accounts", "Ann@example.com", "enabled", "2023-11-14 22:13"]);
    assert_has(&run(&["disable", "ann@example.com"]), &["Ann (account 1, Ann@example.com) is disabled"]);
    assert_has(&run(&["list", "--disabled"]), &["1 of 2 accounts", "1 disabled", "Ann"]);
    let listed: serde_json::Value = serde_json::from_str(&run(&["list", "--find", "ann", "--json"])).unwrap();
    assert_eq!((&listed[0]["id"], &listed[0]["disabled"]), (&1.into(), &true.into()));
    assert_has(&run(&["show", "ann"]), &["disabled", "cannot log in by password", "no session", "no device"]);
    assert_has(&run(&["enable", "1"]), &["is enabled"]);
    let shown: serde_json::Value = serde_json::from_str(&run(&["show", "1", "--json"])).unwrap();
    assert_eq!(shown["disabled"], false);
}

#[test]
fn a_reset_prints_the_password_or_takes_one() {
    let (_folder, dir) = folder();
    let made = ringshard(&["accounts", "reset", "bea", "--dir", &dir]);
    assert_eq!(stdout(&made).trim().len(), 16, "a password of 96 bits");
    assert_has(&stdout(&ringshard(&["accounts", "show", "bea", "--dir", &dir])), &["Argon2id, 19456 KiB"]);
    let give = |password: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringshard"));
        command.args(["accounts", "reset", "bea", "--stdin", "--dir", &dir]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let given = give("correct horse\n");
    assert!(given.status.success() && given.stdout.is_empty());
    assert_refused(&give("short\n"), &["8 to 256 bytes"]);
}

#[test]
fn an_export_is_an_import_and_a_backup_is_a_folder_of_accounts() {
    let (folder, dir) = folder();
    let export = |dir: &str| stdout(&ringshard(&["accounts", "export", "-", "--dir", dir]));
    let lines = export(&dir);
    assert_eq!(lines.lines().count(), 2);
    let restored = folder.file("restored");
    std::fs::create_dir(&restored).unwrap();
    let copy = format!("{restored}/accounts.db");
    assert_has(&stdout(&ringshard(&["accounts", "backup", &copy, "--dir", &dir])), &["found no damage"]);
    assert_eq!(export(&restored), lines);
    assert_refused(&ringshard(&["accounts", "backup", &copy, "--dir", &dir]), &["already exists", "another file"]);
    let file = folder.file("again.jsonl");
    std::fs::write(&file, lines).unwrap();
    let again = ringshard(&["accounts", "import", &file, "--dir", &dir]);
    assert_refused(&again, &["line 1", "this id exists", "nothing was imported"]);
    let skipped = ringshard(&["accounts", "import", &file, "--skip-existing", "--dir", &dir]);
    assert_has(&stdout(&skipped), &["imported 0 accounts, skipped 2"]);
}

#[test]
fn what_does_not_exist_is_named() {
    let (folder, dir) = folder();
    let nowhere = folder.file("nowhere");
    assert_refused(&ringshard(&["accounts", "list", "--dir", &nowhere]), &["nowhere", "no accounts.db"]);
    assert_refused(&ringshard(&["accounts", "show", "nobody", "--dir", &dir]), &["nobody", "ringshard accounts list"]);
    assert_refused(&ringshard(&["accounts", "calibrate", "--cost", "1,2"]), &["three numbers"]);
}

#[test]
fn calibration_states_the_cost_of_the_default() {
    let measured = stdout(&ringshard(&["accounts", "calibrate", "--runs", "1", "--cost", "64,1,1"]));
    assert_has(&measured, &["64", "19456", "the default", "logins/s"]);
}

//! `ringshard keygen`.

use crate::shared::{Folder, assert_refused, ringshard, stdout};

#[test]
fn a_key_is_written_once_and_only_its_owner_can_read_it() {
    let folder = Folder::new("keygen");
    let file = folder.file("server.key");
    let made = ringshard(&["keygen", "--out", &file]);
    assert!(made.status.success());
    assert_eq!(String::from_utf8_lossy(&made.stdout).trim().len(), 64, "the public key");
    let again = ringshard(&["keygen", "--public", &file]);
    assert_eq!(stdout(&again), stdout(&made), "--public must print the same public key");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    let before = std::fs::read(&file).unwrap();
    assert_refused(&ringshard(&["keygen", "--out", &file]), &["exists", "another file"]);
    assert_eq!(std::fs::read(&file).unwrap(), before, "a key is never overwritten");
}

#[test]
fn the_public_key_of_an_invalid_key_file_is_refused() {
    let folder = Folder::new("keygen-public");
    let nothing = folder.file("missing.key");
    assert_refused(
        &ringshard(&["keygen", "--public", &nothing]),
        &["key file", "does not exist", "ringshard keygen --out"],
    );
    let nonsense = folder.secret("nonsense.key", "nonsense");
    assert_refused(&ringshard(&["keygen", "--public", &nonsense]), &["does not hold a key"]);
    assert_refused(&ringshard(&["keygen", "--public", &nonsense, "--out", "x"]), &["cannot be used with"]);
}

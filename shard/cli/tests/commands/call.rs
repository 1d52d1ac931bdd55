//! `ringshard call` without a server: what it refuses, and its exit codes.

use crate::shared::{Folder, assert_has, free_address, ringshard, stdout, text};

fn call(arguments: &[&str]) -> (Option<i32>, String) {
    let output = ringshard(&[&["call", "--timeout", "2s"], arguments].concat());
    (output.status.code(), text(&output.stderr))
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_to_do() {
    let folder = Folder::new("call-usage");
    let (missing, empty) = (folder.file("missing"), folder.file("empty.pem"));
    std::fs::write(&empty, "").unwrap();
    let key = "1".repeat(64);
    for (arguments, words) in [
        (&["https://localhost:1"][..], &["say what to do", "--list"][..]),
        (&["http://localhost:1", "/v1/a"], &["https://"]),
        (&["localhost:1", "/v1/a"], &["public key", "--login"]),
        (&["localhost:1", "12", "/v1/a"], &["KEY"]),
        (&["https://localhost:1", "/v1/a", "--chat", "hall"], &["one thing at a time"]),
        (&["https://localhost:1", "/v1/a", "--token-file", &missing], &["cannot read the token"]),
        (&["https://localhost:1", "/v1/a", "--certificate", &empty], &["empty.pem", "the file has none"]),
        (&["https://localhost:1", "/v1/a", "--json", "{"], &["no JSON"]),
        (&["localhost:1", &key, "/v1/a", "--ticket", "***"], &["base64url", "/v1/ticket"]),
        (&["localhost:1", &key, "--download", "maps/a"], &["--key", "--trust-server"]),
        (&["localhost:1", &key, "--download", "a", "--key", &missing], &["64 hexadecimal digits", "keygen"]),
    ] {
        let (code, error) = call(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {error}");
        assert_has(&error, words);
    }
}

#[test]
fn a_server_that_does_not_answer_ends_with_3() {
    let (nobody, key) = (free_address().to_string(), "1".repeat(64));
    let folder = Folder::new("call-nobody");
    let out = folder.file("out");
    let (code, error) = call(&[&format!("https://{nobody}"), "/v1/a", "--fingerprint", &key]);
    assert_eq!(code, Some(3), "{error}");
    assert_has(&error, &["cannot reach", &nobody]);
    let valid = stdout(&ringshard(&["keygen", "--out", &folder.file("server.key")])).trim().to_owned();
    let (code, error) = call(&[&nobody, &valid, "--download", "a/b", "--trust-server", "--out", &out]);
    assert_eq!(code, Some(3), "{error}");
    assert_has(&error, &["no answer", "check"]);
    assert!(!std::fs::exists(&out).unwrap(), "without a download there is no file");
}

#[test]
fn help_teaches_by_examples() {
    let help = stdout(&ringshard(&["call", "--help"]));
    assert_has(&help, &["/v1/places/complete --field text=par", "--chat hall", "--download", "Exit codes: 0 answered"]);
}

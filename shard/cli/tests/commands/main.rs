//! The `ringshard` binary as a person meets it: what it does, and what it says when it cannot.

mod captures;
mod keys;
mod manual;
mod orders;
mod running;
mod scene;
mod start;
mod tables;
mod top;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

fn ringshard(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ringshard")).args(arguments).output().expect("the binary was built")
}

/// A folder of its own for each test, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ringshard-test-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// A file for its owner alone, as secrets must be.
    fn secret(&self, name: &str, text: &str) -> String {
        let file = self.file(name);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        file
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Fails, and says all of `words`.
fn assert_refused(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "it should have failed; it said: {said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is missing from: {said}");
    }
}

/// A server, once it serves; with the admin address it was given.
fn serve(extra: &[&str]) -> (Child, BufReader<std::process::ChildStderr>, String) {
    let admin = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut child = Command::new(env!("CARGO_BIN_EXE_ringshard"))
        .args(["serve", "--listen", "127.0.0.1:0", "--admin", &admin, "--cpus", "0"])
        .args(extra)
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("serving") {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the server ended early");
    }
    (child, log, admin)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

//! What the tests of the binary share: commands and what they print, folders, servers and players.

mod player;
mod server;

pub use player::Player;
pub use server::{Server, free_address, wait_for_line};

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Longest time that anything may take on a slow or busy machine.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// Runs `ringshard` with these arguments.
pub fn ringshard(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ringshard")).args(arguments).output().expect("the binary was built")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a command printed to its standard output.
pub fn stdout(output: &Output) -> String {
    text(&output.stdout)
}

pub fn assert_has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is missing from:\n{text}");
    }
}

/// The command failed, and its error has all of `words`.
pub fn assert_refused(output: &Output, words: &[&str]) {
    let error = text(&output.stderr);
    assert!(!output.status.success(), "the command should have failed; it printed: {error}");
    assert_has(&error, words);
}

/// A folder of its own for each test, removed when it is dropped.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        let (process, number) = (std::process::id(), FOLDERS.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("ringshard-test-{name}-{process}-{number}"));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file that only its owner can read, as secrets must be.
    pub fn secret(&self, name: &str, text: &str) -> String {
        let file = self.file(name);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        file
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

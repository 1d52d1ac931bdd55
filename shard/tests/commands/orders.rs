//! `ringshard drain`, `reload` and `kick`.

use crate::{Folder, assert_refused, ringshard, said, serve};

#[test]
fn a_server_reloads_by_command_and_what_needs_a_restart_is_a_failure() {
    let folder = Folder::new("order-reload");
    let file = folder.file("a.toml");
    std::fs::write(&file, "npcs = 1\n").unwrap();
    let (mut child, _log, admin) = serve(&["--config", &file]);
    let reload = || ringshard(&["reload", "--admin", &admin]);
    assert_eq!(said(&reload()), "nothing has changed\n");
    std::fs::write(&file, "npcs = 1\ndrain-ms = \"2m\"\n").unwrap();
    assert_eq!(said(&reload()), "changed: drain-ms\n");
    std::fs::write(&file, "npcs = 2\n").unwrap();
    assert_refused(&reload(), &["npcs", "restart"]);
    std::fs::write(&file, "npcs = many\nidle = 7\ndeny = [\"x\"]\n").unwrap();
    assert_refused(&reload(), &["nothing was reloaded", "a.toml:1", "a.toml:2", "a.toml:3"]);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_server_drains_by_command_asked_by_name() {
    let (mut child, _log, admin) = serve(&[]);
    let by_name = admin.replace("127.0.0.1", "localhost");
    let drained = ringshard(&["drain", "--admin", &by_name]);
    assert!(drained.status.success(), "{}", String::from_utf8_lossy(&drained.stderr));
    assert!(said(&drained).contains("nobody new is let in"));
    // Nobody is there, so it ends.
    assert!(child.wait().unwrap().success());
    assert_refused(&ringshard(&["drain", "--admin", &admin]), &["no server answers", "--admin"]);
    assert_refused(&ringshard(&["drain", "--admin", "localhost"]), &["host name with a port", "127.0.0.1:3566"]);
}

#[test]
fn a_kick_without_anybody_to_end_is_a_failure() {
    let (mut child, _log, admin) = serve(&[]);
    let kick = |target: &str| ringshard(&["kick", target, "--admin", &admin]);
    assert_refused(&kick("0.5.1"), &["no connection is 0.5.1", "ringshard sessions"]);
    assert_refused(&kick("[2001:db8::1]:5"), &["no connection is [2001:db8::1]:5"]);
    assert_refused(&kick("player"), &["an id such as 0.12.3", "an IP address"]);
    child.kill().unwrap();
    child.wait().unwrap();
}

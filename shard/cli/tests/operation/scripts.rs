//! A game in Luau: served, played without a terminal, and loaded again.

use crate::call::{PASSWORD, add_ann};
use crate::shared::{Folder, Server, assert_refused, free_address, ringshard, stdout, text};
use rustix::process::Signal;
use serde_json::Value;
use std::fs;
use std::process::Command;

const FIRST: &str = "
    function join(player, name, account)
        world.enter(player, { name = name })
        world.set_own(player, 3, settings.gift)
        world.send(player, 'news', 'first')
        world.send(player, 'news', 'welcome ' .. name .. ' ' .. tostring(account))
        return name ~= 'nobody'
    end
    function message(player, name, text) world.broadcast(name, text) end
    function action(player, button) world.set_own(player, 1, 1) end
";

/// A server, and the folder of its script.
fn served(name: &str) -> (Server, Folder) {
    let folder = Folder::new(name);
    fs::write(folder.file("game.luau"), FIRST).unwrap();
    fs::write(folder.file("game.toml"), "gift = 42\n").unwrap();
    (Server::start(name, "", &["--script", &folder.file("game.luau")]), folder)
}

fn play(server: &Server, name: &str) -> Value {
    let (address, key) = (server.listen.to_string(), server.key.to_string());
    let output = ringshard(&["play", &address, "--key", &key, "--name", name, "--bot", "2", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&stdout(&output)).unwrap()
}

#[test]
fn a_script_is_served_played_and_loaded_again() {
    let (mut server, folder) = served("script");
    let seen = play(&server, "anna");
    assert!(seen["distance"].as_f64().unwrap() > 100.0, "{seen}");
    assert_eq!((&seen["variables"][0], &seen["variables"][2]), (&Value::from(1), &Value::from(42)), "{seen}");
    let lines: Vec<_> = seen["lines"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(["first", "hello", "welcome anna nil"].iter().all(|line| lines.contains(line)), "{lines:?}");

    fs::write(folder.file("game.luau"), FIRST.replace("first", "second")).unwrap();
    server.signal(Signal::HUP);
    server.log_line("the script was replaced");
    let seen = play(&server, "ben").to_string();
    assert!(seen.contains("second") && !seen.contains("first"), "{seen}");

    fs::write(folder.file("game.luau"), "function join( = 1").unwrap();
    server.signal(Signal::HUP);
    let line = server.log_line("goes on as it was");
    assert!(line.contains("game.luau:1:"), "{line}");
    fs::write(folder.file("game.luau"), "\nerror('no')").unwrap();
    server.signal(Signal::HUP);
    assert!(server.log_line("the former script goes on").contains("game.luau:2: no"));
    assert!(play(&server, "cleo").to_string().contains("second"));
    assert!(server.admin_client().text("/metrics").unwrap().contains("script_reloads"));
}

#[test]
fn a_player_whom_the_script_refuses_is_told_and_wrong_arguments_are_refused() {
    let (server, _folder) = served("refused");
    let (address, key) = (server.listen.to_string(), server.key.to_string());
    let output = ringshard(&["play", &address, "--key", &key, "--name", "nobody", "--bot", "1"]);
    assert_refused(&output, &["refuses you", "the game's reason 0"]);
    assert_refused(&ringshard(&["play", &address, "--key", "12", "--bot", "1"]), &["--key"]);
    assert_refused(&ringshard(&["play", &address, "--key", &key]), &["not a terminal"]);
}

#[test]
fn a_server_that_wants_tickets_lets_in_a_player_who_logs_in() {
    let folder = Folder::new("play-login");
    let (script, dir, login) = (folder.file("game.luau"), folder.file("services"), free_address().to_string());
    fs::write(&script, FIRST).unwrap();
    fs::write(folder.file("game.toml"), "gift = 42\n").unwrap();
    let flags = ["--script", &script, "--services", &dir, "--login", &login, "--require-ticket", "true"];
    let server = Server::start("play-login", "", &flags);
    add_ann(&folder, &dir);
    let (address, key) = (server.listen.to_string(), server.key.to_string());
    let play = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringshard"));
        command.args(["play", &address, "--bot", "1", "--json"]).args(arguments).env("RINGSHARD_PASSWORD", PASSWORD);
        command.output().unwrap()
    };
    assert_refused(&play(&["--key", &key]), &["refuses you", "the ticket is not good"]);
    assert_refused(&play(&["--key", &key, "--ticket", "!"]), &["--ticket", "base64url"]);
    assert_refused(&play(&["--key", &key, "--email", "ann@example.com"]), &["--login URL"]);

    let (door, certificate) =
        (format!("https://{}", login.replace("127.0.0.1", "localhost")), format!("{dir}/tls/development.pem"));
    let with_login = ["--login", &door, "--certificate", &certificate, "--email", "ann@example.com"];
    let played = play(&with_login);
    assert!(played.status.success(), "{}", text(&played.stderr));
    let seen: Value = serde_json::from_str(&stdout(&played)).unwrap();
    assert!(seen["lines"].as_array().unwrap().contains(&Value::from("welcome ann 1")), "{seen}");
    let account = stdout(&ringshard(&["accounts", "show", "ann", "--dir", &dir, "--json"]));
    let account: Value = serde_json::from_str(&account).unwrap();
    assert_eq!(account["sessions"].as_array().map(Vec::len), Some(0), "it has logged out: {account}");
}

#[test]
fn a_script_that_does_not_load_stops_the_start() {
    let folder = Folder::new("wrong-script");
    let serve = |script: &str| {
        fs::write(folder.file("game.luau"), script).unwrap();
        let file = folder.file("game.luau");
        ringshard(&["serve", "--script", &file, "--listen", "127.0.0.1:0", "--cpus", "0", "--admin", "off"])
    };
    assert_refused(&serve("x = = 1"), &["game.luau:1:"]);
    assert_refused(&serve("\n\nerror('no')"), &["game.luau:3: no"]);
    assert_refused(
        &ringshard(&["serve", "--script", "/nowhere.luau", "--cpus", "0", "--admin", "off"]),
        &["/nowhere.luau"],
    );
}

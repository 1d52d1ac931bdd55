//! A game in Luau: served, played without a terminal, and loaded again.

use crate::shared::{Folder, Server, assert_refused, ringshard, stdout};
use rustix::process::Signal;
use serde_json::Value;
use std::fs;

const FIRST: &str = "
    function join(player, name)
        world.enter(player, { name = name })
        world.set_own(player, 3, settings.gift)
        world.send(player, 'news', 'first')
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
    assert!(lines.contains(&"first") && lines.contains(&"hello"), "{lines:?}");

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
    assert_refused(&output, &["the game refuses you"]);
    assert_refused(&ringshard(&["play", &address, "--key", "12", "--bot", "1"]), &["--key"]);
    assert_refused(&ringshard(&["play", &address, "--key", &key]), &["not a terminal"]);
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

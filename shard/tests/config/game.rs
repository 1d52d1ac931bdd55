//! The settings of a game of its own: the table `[game]` of the file of its server.

use crate::{Folder, complaints, flags};
use ringshard::config::{Configuration, GameSection, Sources, game_server_schema};
use serde::Deserialize;

#[derive(Deserialize, PartialEq, Debug)]
#[serde(default, rename_all = "kebab-case")]
struct Arena {
    round_minutes: u32,
    friendly_fire: bool,
    doors: Doors,
    motto: Option<String>,
}

#[derive(Deserialize, PartialEq, Debug, Default)]
#[serde(default, rename_all = "kebab-case")]
struct Doors {
    open_ms: u32,
}

impl Default for Arena {
    fn default() -> Self {
        Arena { round_minutes: 10, friendly_fire: false, doors: Doors::default(), motto: None }
    }
}

fn sources(folder: &Folder, text: &str) -> Sources {
    let file = folder.write("arena.toml", text);
    Sources { file: Some(file), game: Some(GameSection::of::<Arena>()), ..Sources::default() }
}

#[test]
fn a_game_has_its_own_settings_beside_those_of_the_server() {
    let folder = Folder::new("game");
    let text = "visible = 9\n[game]\nfriendly-fire = true\nmotto = \"run\"\n[game.doors]\nopen-ms = 400\n";
    let (configuration, _) = Configuration::prepared(sources(&folder, text)).unwrap();
    assert_eq!(configuration.settings().visible, 9);
    let arena =
        Arena { friendly_fire: true, doors: Doors { open_ms: 400 }, motto: Some("run".into()), ..Arena::default() };
    assert_eq!(configuration.game_settings::<Arena>(), arena);
    // What it prints reads back.
    let printed = configuration.raw_values().file();
    let (again, _) = Configuration::prepared(sources(&folder, &printed)).unwrap();
    assert_eq!(again.game_settings::<Arena>(), arena);
    // Without the table, and without a file.
    let (configuration, _) = Configuration::prepared(sources(&folder, "visible = 9\n")).unwrap();
    assert_eq!(configuration.game_settings::<Arena>(), Arena::default());
    let nothing = Sources { game: Some(GameSection::of::<Arena>()), ..Sources::default() };
    assert_eq!(Configuration::load(nothing).unwrap().game_settings::<Arena>(), Arena::default());
}

#[test]
fn wrong_settings_of_a_game_are_reported_with_key_file_and_line_like_all_others() {
    let folder = Folder::new("game-wrong");
    let text = [
        "visibel = 9",
        "[game]",
        "freindly-fire = true",
        "zzz = 1",
        "round-minutes = \"ten\"",
        "[game.doors]",
        "open = 400",
    ];
    let told = complaints(sources(&folder, &text.join("\n")));
    let at = |line: usize| format!("arena.toml:{line}): ");
    let expected = [
        ["visibel (", &at(1), "did you mean visible?"],
        ["[game] freindly-fire (", &at(3), "did you mean friendly-fire?"],
        ["[game] zzz (", &at(4), "it has round-minutes, friendly-fire, doors, motto"],
        ["[game] round-minutes (", &at(5), "invalid type: string \"ten\", expected u32"],
        ["[game] doors.open (", &at(7), "the game has no such setting"],
    ];
    // A wrong value ends the reading of the table, so `zzz` is found once it is right.
    for parts in expected.iter().filter(|parts| !parts[0].contains("zzz")) {
        assert!(told.iter().any(|line| parts.iter().all(|part| line.contains(part))), "{parts:?}: {told:#?}");
    }
    let text = text.join("\n").replace("\"ten\"", "10");
    let told = complaints(sources(&folder, &text));
    for parts in expected.iter().filter(|parts| !parts[0].contains("round-minutes")) {
        assert!(told.iter().any(|line| parts.iter().all(|part| line.contains(part))), "{parts:?}: {told:#?}");
    }
    assert_eq!(told.len(), 4, "{told:#?}");
    // Lines that are not valid TOML are reported alone: what belongs to the table is not known.
    let told = complaints(sources(&folder, "[game]\nzzz = = 1\nyyy = 5\n"));
    assert_eq!(told.len(), 1, "{told:#?}");
}

#[test]
fn only_the_server_of_a_game_has_the_table_and_only_the_demonstration_has_npcs() {
    let folder = Folder::new("game-only");
    let file = folder.write("arena.toml", "[game]\nround-minutes = 5\n");
    let told = complaints(Sources { file: Some(file), ..Sources::default() });
    assert!(
        told.len() == 1
            && told[0].contains("arena.toml:1")
            && told[0].contains("[game] (")
            && told[0].contains("its own server"),
        "{told:?}"
    );
    let told =
        complaints(Sources { game: Some(GameSection::of::<Arena>()), ..flags(&[("npcs", "5"), ("game", "demo")]) });
    assert!(told.len() == 2 && told.iter().all(|line| line.contains("no such setting")), "{told:?}");
    // The demonstration's NPCs do not count against a small world.
    let small = Sources { game: Some(GameSection::of::<Arena>()), ..flags(&[("entities", "20"), ("near", "7")]) };
    let (configuration, _) = Configuration::prepared(small).unwrap();
    assert!(configuration.without_effect().is_empty());
    let printed = configuration.raw_values().file();
    assert!(!printed.contains("npcs") && printed.contains("entities = 20"), "{printed}");
    let schema = game_server_schema();
    assert!(schema["properties"]["npcs"].is_null() && schema["properties"]["game"]["type"] == "object");
}

#[test]
fn a_reload_names_the_settings_of_a_game_that_need_a_restart() {
    let folder = Folder::new("game-reload");
    let mut configuration = Configuration::load(sources(&folder, "[game]\nround-minutes = 5\n")).unwrap();
    folder.write("arena.toml", "rewind-ms = 7\n[game]\nround-minutes = 6\nmotto = \"run\"\n");
    let reloaded = configuration.reload().unwrap();
    assert_eq!(
        (reloaded.changed.join(" "), reloaded.refused.join(" ")),
        ("rewind-ms".into(), "[game] motto [game] round-minutes".into())
    );
    assert_eq!(configuration.game_settings::<Arena>().round_minutes, 5);
    folder.write("arena.toml", "[game]\nround-minutes = true\n");
    assert!(configuration.reload().is_err());
}

#[test]
fn a_view_radius_of_an_unknown_kind_is_an_error_that_lists_the_known_ones() {
    let configuration = Configuration::load(flags(&[("view-radius", "player=5,dragon=7")])).unwrap();
    configuration.check_kinds(&["dragon", "player"]).unwrap();
    let told = configuration.check_kinds(&["player", "item"]).unwrap_err().to_string();
    let parts = ["view-radius is `player=5,dragon=7` (flag)", "no kind `dragon`", "player, item"];
    assert!(parts.iter().all(|part| told.contains(part)), "{told}");
}

#[test]
fn a_game_without_settings_refuses_every_key_of_the_table() {
    #[derive(Deserialize, Default, Debug)]
    struct Nothing {}
    let folder = Folder::new("game-nothing");
    let file = folder.write("a.toml", "[game]\nlives = 3\n");
    let told = complaints(Sources { file: Some(file), game: Some(GameSection::of::<Nothing>()), ..Sources::default() });
    assert!(told.len() == 1 && told[0].contains("[game] lives (") && told[0].contains("a.toml:2"), "{told:?}");
}

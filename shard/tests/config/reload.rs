//! Settings that are reloaded while a server runs.

use crate::Folder;
use ringshard::config::{Configuration, Sources};
use ringshard::world::rewind::{Beyond, RewindSettings};

#[test]
fn a_reload_applies_what_can_change_and_names_what_cannot() {
    let folder = Folder::new("reload");
    let file = folder.write("a.toml", "deny = []\nnpcs = 10\nlog = \"info\"\n");
    let sources =
        Sources { file: Some(file.clone()), flags: vec![("drain-ms".into(), "5".into())], ..Sources::default() };
    let mut configuration = Configuration::load(sources).unwrap();
    let text =
        "deny = [\"203.0.113.0/24\"]\nnpcs = 20\nlog = \"warn\"\nconnection-messages-per-second = 7\ndrain-ms = 9\n";
    folder.write("a.toml", text);
    let reloaded = configuration.reload().unwrap();
    assert_eq!(reloaded.changed, ["connection-messages-per-second", "deny", "log"]);
    assert_eq!(reloaded.refused, ["npcs"]);
    let settings = configuration.settings();
    assert_eq!((settings.npcs, settings.drain_ms, settings.log.as_str()), (10, 5, "warn"));
    assert_eq!(configuration.policy().unwrap().connection_messages_per_second, Some(7));
    assert!(configuration.policy().unwrap().denies("203.0.113.9".parse().unwrap()));

    // A wrong file changes nothing.
    folder.write("a.toml", "deny = [\"nonsense\"]\nlog = \"debug\"\n");
    assert!(configuration.reload().is_err());
    assert_eq!(configuration.settings().log, "warn");
    assert!(configuration.policy().unwrap().denies("203.0.113.9".parse().unwrap()));
}

#[test]
fn lag_compensation_can_be_changed_by_a_reload_and_the_workers_cannot() {
    let folder = Folder::new("rewind");
    let file = folder.write("a.toml", "");
    let mut configuration = Configuration::load(Sources { file: Some(file), ..Sources::default() }).unwrap();
    let live = |max_ticks, beyond| RewindSettings { max_ticks, beyond };
    assert_eq!(configuration.live_world(), live(15.0, Beyond::Clamp));
    folder.write("a.toml", "rewind-ms = 100\nrewind-beyond = \"refuse\"\nworkers = 5\nview-radius = [\"player=10\"]\n");
    let reloaded = configuration.reload().unwrap();
    assert_eq!(reloaded.changed, ["rewind-ms", "rewind-beyond"]);
    assert_eq!(reloaded.refused, ["view-radius", "workers"]);
    assert_eq!(configuration.live_world(), live(6.0, Beyond::Refuse));
}

//! `ringshard places`: an import, what it refuses, and what is found.

use crate::shared::{Folder, assert_has, assert_refused, ringshard, stdout, text};
use std::process::Command;
use std::time::Duration;

const CITIES: &str = "Ort,lat,lon,population,country\nSuva,-18.14,178.44,93000,FJ\nApia,-13.83,-171.77,40000,WS\n";

#[test]
fn places_are_imported_and_found() {
    let folder = Folder::new("places");
    let (source, dir) = (folder.file("cities.csv"), folder.file("services"));
    std::fs::write(&source, CITIES).unwrap();
    let imported = ringshard(&["places", "import", &source, "--dir", &dir, "--kind", "city", "--map", "name=Ort"]);
    assert!(imported.status.success(), "{}", text(&imported.stderr));
    assert_has(&stdout(&imported), &["imported 2 places of kind city into", "places.db"]);
    let stats = ringshard(&["places", "stats", "--dir", &dir]);
    assert_has(&stdout(&stats), &["2 places in", "city", "93,000"]);
    let found = ringshard(&["places", "search", "--box", "-20,170,-10,-170", "--dir", &dir, "--json"]);
    let found: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!((&found[0]["name"], &found[1]["name"]), (&"Suva".into(), &"Apia".into()));
    let near = ringshard(&["places", "search", "--near", "-14,-172", "--limit", "1", "--dir", &dir]);
    assert_has(&stdout(&near), &["1 place", "Apia", "WS", "km"]);
    assert_has(&stdout(&ringshard(&["places", "search", "suv", "--dir", &dir])), &["Suva", "178.44000"]);
    assert_has(&stdout(&ringshard(&["places", "search", "x", "--dir", &dir])), &["no place is like that"]);
    for (arguments, words) in [
        (&["search"][..], &["TEXT"][..]),
        (&["search", "***"], &["a query needs a letter or a digit"]),
        (&["search", "x", "--limit", "101"], &["a limit lies between 1 and 100"]),
        (&["search", "x", "--kind", "town"], &["no kind of places is called `town`; there are: city"]),
        (&["search", "--near", "91,0"], &["a latitude lies between -90 and 90"]),
        (&["import", "nowhere.csv"], &["cannot read nowhere.csv"]),
        (&["import", "cities"], &["--format csv"]),
        (&["import", "a.csv", "--map", "colour=x"], &["maps no column", "latitude"]),
    ] {
        let arguments = [&["places"], arguments, &["--dir", &dir]].concat();
        assert_refused(&ringshard(&arguments), words);
    }
    assert_refused(&ringshard(&["places", "stats", "--dir", &folder.file("none")]), &["ringshard places import"]);
}

#[test]
fn a_killed_import_leaves_the_old_places_and_the_next_one_succeeds() {
    let folder = Folder::new("places-killed");
    let (small, large, dir) = (folder.file("small.csv"), folder.file("large.csv"), folder.file("services"));
    std::fs::write(&small, "name,lat,lon\nOld,1,1\n").unwrap();
    let rows: String = (0..60_000).map(|at| format!("New {at},{},{}\n", at % 90, at % 180)).collect();
    std::fs::write(&large, format!("name,lat,lon\n{rows}")).unwrap();
    assert!(ringshard(&["places", "import", &small, "--dir", &dir]).status.success());
    let partial = format!("{dir}/places.db.partial");
    let program = env!("CARGO_BIN_EXE_ringshard");
    let mut import = Command::new(program).args(["places", "import", &large, "--dir", &dir]).spawn().unwrap();
    while !std::fs::exists(&partial).unwrap() {
        assert!(import.try_wait().unwrap().is_none(), "the import ended too early");
        std::thread::sleep(Duration::from_millis(1));
    }
    import.kill().unwrap();
    import.wait().unwrap();
    assert!(std::fs::exists(&partial).unwrap(), "it was killed half-way");
    assert_has(&stdout(&ringshard(&["places", "search", "old", "--dir", &dir])), &["1 place", "Old"]);
    let again = ringshard(&["places", "import", &small, "--dir", &dir]);
    assert!(again.status.success(), "{}", text(&again.stderr));
    assert!(!std::fs::exists(&partial).unwrap());
}

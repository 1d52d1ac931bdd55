//! What an import takes, refuses and keeps.

use super::{Folder, import_as};
use crate::places::import::{Columns, Format, Import, ImportError, import};
use crate::places::{Bounds, PlacesError, PlacesFile, Position, Query};
use std::os::unix::fs::PermissionsExt;

const TWO: &str = "name,lat,lon\nA,1,1\nB,2,2\n";

fn count(path: &std::path::Path) -> u64 {
    PlacesFile::open(path).unwrap().kinds().iter().map(|kind| kind.places).sum()
}

#[test]
fn json_and_csv_give_the_same_places() {
    let folder = Folder::new();
    let csv = folder.write(
        "a.csv",
        "\u{feff}Name,LAT,lng,population,country,price,cuisine,rating\nÉ \"x\",1.5,2.5,7,FR,12.5,Thai,4.5\n",
    );
    let array = r#"[ {"name":"É \"x\"","lat":1.5,"lng":"2.5","population":7,"country":"FR","price":12.5,"cuisine":"Thai","rating":4.5,"deep":{"}":["{"]}} ]"#;
    let lines = array.trim_matches(['[', ']', ' ']).to_owned() + "\n";
    let sources = [csv, folder.write("a.json", array), folder.write("a.jsonl", &lines)];
    let all = sources.map(|source| {
        let target = folder.file("places.db");
        import_as(&target, &source, "food").unwrap();
        PlacesFile::open(&target).unwrap().inside(&Bounds::WORLD, Some("food"), 9).unwrap()
    });
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
    let place = &all[0][0];
    assert_eq!((place.name.as_str(), place.cuisine.as_str(), place.rating), ("É \"x\"", "thai", Some(4.5)));
    assert_eq!((place.importance, place.price), (1.0, Some(12.5)));
}

#[test]
fn kinds_replace_themselves_and_keep_the_others() {
    let folder = Folder::new();
    let target = folder.file("places.db");
    import_as(&target, &folder.write("a.csv", "name,lat,lon,population\nA,1,1,900\nB,2,2,30\n"), "city").unwrap();
    let before = PlacesFile::open(&target).unwrap().inside(&Bounds::WORLD, Some("city"), 9).unwrap();
    let imported = import_as(&target, &folder.write("b.csv", "name,lat,lon\nC,3,3\n"), "food").unwrap();
    assert_eq!((imported.places, imported.kept), (1, 2));
    let after = PlacesFile::open(&target).unwrap().inside(&Bounds::WORLD, Some("city"), 9).unwrap();
    assert_eq!(before.iter().map(|it| it.key).collect::<Vec<_>>(), after.iter().map(|it| it.key).collect::<Vec<_>>());
    assert!((before[1].importance - after[1].importance).abs() < 1e-9);
    let imported = import_as(&target, &folder.write("c.csv", "name,lat,lon\nD,4,4\n"), "city").unwrap();
    assert_eq!((imported.places, imported.kept), (1, 1));
    let file = PlacesFile::open(&target).unwrap();
    assert_eq!(file.by_key(before[0].key).unwrap(), None, "A is gone");
    let near = file.nearest(Position::new(4.0, 4.0).unwrap(), 1.0, None, 9).unwrap();
    assert_eq!(file.by_key(near[0].place.key).unwrap().unwrap().name, "D");
    assert_eq!(file.complete(&Query::new("c").unwrap(), None, None, 9).unwrap().len(), 1);
}

#[test]
fn a_row_that_is_no_place_is_named_or_skipped() {
    let folder = Folder::new();
    let target = folder.file("places.db");
    let long = "x".repeat(201);
    let rows = [
        ("A,91,1", "a latitude lies between -90 and 90"),
        ("A,north,1", "the latitude is no number: `north`"),
        ("A,,1", "the latitude is missing"),
        ("A,nan,1", "the latitude is no number"),
        ("A", "the latitude is missing"),
        ("***,1,1", "the name has no letter"),
        ("A,1,1,-5", "the importance is below 0"),
        ("A,1,1,inf", "the importance is no number"),
        ("A,1,1,1,6", "a rating lies between 0 and 5"),
        (&format!("{long},1,1"), "the name has 201 bytes; 200 are the most"),
    ];
    for (row, reason) in rows {
        let source =
            folder.write("bad.csv", &format!("name,lat,lon,population,rating\nGood,1,1,1,1\n{row}\nGood,1,1\n"));
        let error = import_as(&target, &source, "city").unwrap_err().to_string();
        assert!(error.contains(reason) && error.starts_with("row 2 of "), "{row}: {error}");
        assert!(!target.exists(), "{row}");
        let skipping = Import {
            source: &source,
            format: Format::Csv,
            kind: "city",
            columns: Columns::default(),
            skip_invalid: true,
        };
        let imported = import(&folder.file("skipped.db"), &skipping, &mut |_| ()).unwrap();
        assert_eq!((imported.places, imported.invalid, imported.duplicates), (1, 1, 1));
    }
    let broken = [
        ("b.csv", "name,latitude\nA,1\n", "no column is called longitude, lon, lng, long: name the one"),
        ("b.csv", "name,lat,lon\n", "has no place"),
        ("b.json", "[{\"name\":", "ends in the middle of an object"),
        ("b.json", "[1]", "it has `1` where an object should begin"),
        ("b.json", "[{\"name\":}]", "row 1 of "),
        ("b.json", "", "has no place"),
    ];
    for (name, text, reason) in broken {
        let error = import_as(&target, &folder.write(name, text), "city").unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn columns_are_chosen_by_title() {
    let folder = Folder::new();
    let source = folder.write("a.csv", "Ort,breite,länge,name\nBern,46.9,7.4,wrong\n");
    let mut columns = Columns::default();
    for mapping in ["name=Ort", "latitude=breite", "longitude=länge"] {
        columns.choose(mapping).unwrap();
    }
    let import_with = |columns| {
        let target = folder.file("places.db");
        import(
            &target,
            &Import { source: &source, format: Format::Csv, kind: "city", columns, skip_invalid: false },
            &mut |_| (),
        )
    };
    import_with(columns.clone()).unwrap();
    let file = PlacesFile::open(&folder.file("places.db")).unwrap();
    assert_eq!(file.inside(&Bounds::WORLD, None, 1).unwrap()[0].name, "Bern");
    columns.choose("rating=Sterne").unwrap();
    let error = import_with(columns.clone()).unwrap_err().to_string();
    assert!(error.ends_with("it has no column `Sterne`; its columns are Ort, breite, länge, name"), "{error}");
    for wrong in ["name", "Name=x", "name=", "=x", "colour=x"] {
        assert!(columns.choose(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_failed_import_leaves_the_old_places() {
    let folder = Folder::new();
    let target = folder.file("places.db");
    import_as(&target, &folder.write("a.csv", TWO), "city").unwrap();
    let before = std::fs::read(&target).unwrap();
    assert!(import_as(&target, &folder.write("b.csv", "name,lat,lon\nC,1,1\nD,x,1\n"), "city").is_err());
    assert_eq!(std::fs::read(&target).unwrap(), before);
    assert!(!folder.file("places.db.partial").exists());
    // What a killed import leaves is no obstacle.
    folder.write("places.db.partial", "half of a file");
    import_as(&target, &folder.write("c.csv", "name,lat,lon\nC,1,1\n"), "city").unwrap();
    assert_eq!(count(&target), 1);
}

#[test]
fn the_old_file_answers_until_the_new_one_is_complete() {
    let folder = Folder::new();
    let target = folder.file("places.db");
    import_as(&target, &folder.write("a.csv", TWO), "city").unwrap();
    let source = folder.write(
        "b.csv",
        &("name,lat,lon\n".to_owned() + &(0..5_000).map(|at| format!("P{at},1,1\n")).collect::<String>()),
    );
    let import_b =
        Import { source: &source, format: Format::Csv, kind: "city", columns: Columns::default(), skip_invalid: false };
    let mut steps = 0;
    let mut progress = |_| {
        steps += 1;
        assert_eq!(count(&target), 2, "at each step");
        let second = import(&target, &import_b, &mut |_| ());
        assert!(matches!(second, Err(ImportError::Running(_))), "two imports at once");
    };
    import(&target, &import_b, &mut progress).unwrap();
    assert!(steps > 8);
    assert_eq!(count(&target), 5_000);
}

#[test]
fn a_file_that_is_damaged_or_something_else_is_refused() {
    let folder = Folder::new();
    let target = folder.file("places.db");
    assert!(matches!(PlacesFile::open(&target), Err(PlacesError::Missing(_))));
    folder.write(
        "places.db",
        "no database at all, but long enough to be looked at as one, perhaps, if only it had the mark",
    );
    assert!(matches!(PlacesFile::open(&target), Err(PlacesError::Damaged { .. })));
    let source = folder.write("a.csv", TWO);
    let error = import_as(&target, &source, "city").unwrap_err();
    assert!(error.to_string().contains("remove the file to begin anew"), "{error}");
    std::fs::remove_file(&target).unwrap();
    rusqlite::Connection::open(&target).unwrap().execute_batch("CREATE TABLE a (b)").unwrap();
    let error = PlacesFile::open(&target).err().unwrap();
    assert!(error.to_string().contains("has not the mark of a file of places"), "{error}");
    std::fs::remove_file(&target).unwrap();
    import_as(&target, &source, "city").unwrap();
    rusqlite::Connection::open(&target).unwrap().execute_batch("PRAGMA user_version = 9").unwrap();
    assert!(matches!(PlacesFile::open(&target), Err(PlacesError::Version { found: 9, .. })));
    let error = import_as(&target, &source, "city").unwrap_err().to_string();
    assert!(error.contains("has version 9") && error.contains("remove the file to begin anew"), "{error}");
}

#[test]
fn flipped_bytes_give_an_error_or_an_answer_and_never_a_panic() {
    let folder = Folder::new();
    let target = folder.file("places.db");
    let rows: String = (0..300).map(|at| format!("Place {at},{},{},{at}\n", at % 90, at % 180)).collect();
    import_as(&target, &folder.write("a.csv", &format!("name,lat,lon,population\n{rows}")), "city").unwrap();
    let whole = std::fs::read(&target).unwrap();
    let mut failed = 0;
    for at in (0..whole.len()).step_by(whole.len() / 150) {
        let mut bytes = whole.clone();
        bytes[at..].iter_mut().take(32).for_each(|byte| *byte ^= 0xa5);
        std::fs::write(&target, bytes).unwrap();
        let Ok(file) = PlacesFile::open(&target) else {
            failed += 1;
            continue;
        };
        let here = Position::new(10.0, 10.0).unwrap();
        failed += u32::from(file.inside(&Bounds::WORLD, None, 100).is_err());
        failed += u32::from(file.nearest(here, 1e6, None, 100).is_err());
        failed += u32::from(file.complete(&Query::new("pl").unwrap(), Some(here), None, 100).is_err());
    }
    assert!(failed > 0, "no damage was seen");
    std::fs::write(&target, &whole[..whole.len() / 2]).unwrap();
    let error = PlacesFile::open(&target).and_then(|file| file.inside(&Bounds::WORLD, None, 100)).unwrap_err();
    assert!(matches!(error, PlacesError::Damaged { .. }), "{error}");
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = Folder::new();
    let source = folder.write("a.csv", TWO);
    let error = import_as(&folder.file("missing/places.db"), &source, "city").unwrap_err().to_string();
    assert!(error.contains("cannot write") && error.contains("missing/places.db"), "{error}");
    std::fs::create_dir(folder.file("closed")).unwrap();
    std::fs::set_permissions(folder.file("closed"), std::fs::Permissions::from_mode(0o500)).unwrap();
    let closed = import_as(&folder.file("closed/places.db"), &source, "city");
    // The superuser may write everywhere.
    assert!(closed.is_ok() == folder.file("closed/places.db").exists());
    for kind in ["", "City", "a b", "a'b", &"x".repeat(65)] {
        assert!(matches!(import_as(&folder.file("p.db"), &source, kind), Err(ImportError::Kind)), "{kind}");
    }
}

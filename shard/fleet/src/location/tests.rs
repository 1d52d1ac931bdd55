use super::fixture::{Value, city, database};
use super::*;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

fn locate(database: &Database, address: &str) -> Option<Place> {
    database.locate(address.parse().unwrap())
}

fn open(entries: &[(&str, Value)]) -> Database {
    Database::from_bytes(database(entries)).unwrap()
}

#[test]
fn a_city_has_its_own_position_and_a_country_that_of_the_table() {
    let country = |code| Value::Map(vec![("country", Value::Map(vec![("iso_code", Value::Text(code))]))]);
    let database = open(&[
        ("203.0.113.0/25", city("DE", 52.52, 13.4)),
        ("203.0.113.128/25", country("FR")),
        ("2001:db8::/32", city("US", 40.7, -74.0)),
    ]);
    let berlin = locate(&database, "203.0.113.5").unwrap();
    assert_eq!(berlin.country, Country::from_code("DE"));
    assert_eq!(berlin.position, Position::new(52.52, 13.4).unwrap());
    assert!(berlin.is_exact);
    let france = locate(&database, "203.0.113.200").unwrap();
    assert_eq!(france.country, Country::from_code("FR"));
    assert!(!france.is_exact && france.position.distance_km(Position::new(48.9, 2.3).unwrap()) < 600.0);
    assert_eq!(locate(&database, "2001:db8::1").unwrap().country, Country::from_code("US"));
    assert_eq!(locate(&database, "::ffff:203.0.113.5").unwrap(), berlin);
    for unknown in ["203.0.112.1", "10.0.0.1", "::1"] {
        assert_eq!(locate(&database, unknown), None, "{unknown}");
    }
    assert_eq!((database.kind(), database.made_s()), ("Test", 1_700_000_000));
}

#[test]
fn flat_databases_are_read_too_and_entries_that_say_nothing_are_no_place() {
    let flat = |fields: &[(&'static str, Value)]| Value::Map(fields.to_vec());
    let database = open(&[
        ("1.0.0.0/8", flat(&[("country_code", Value::Text("JP"))])),
        (
            "2.0.0.0/8",
            flat(&[
                ("country_code", Value::Text("JP")),
                ("latitude", Value::Double(35.0)),
                ("longitude", Value::Double(139.0)),
            ]),
        ),
        ("3.0.0.0/8", flat(&[("country", Value::Text("BR"))])),
        ("4.0.0.0/8", flat(&[("registered_country", flat(&[("iso_code", Value::Text("CH"))]))])),
        ("5.0.0.0/8", flat(&[("autonomous_system_number", Value::U32(1))])),
        ("6.0.0.0/8", flat(&[("country_code", Value::Text("Japan"))])),
        ("7.0.0.0/8", city("DE", 99.0, 13.4)),
        ("8.0.0.0/8", Value::Text("a text")),
    ]);
    let code = |address| locate(&database, address).and_then(|place| place.country).map(|country| country.to_string());
    for (address, expected) in
        [("1.2.3.4", "JP"), ("2.2.3.4", "JP"), ("3.2.3.4", "BR"), ("4.2.3.4", "CH"), ("7.2.3.4", "DE")]
    {
        assert_eq!(code(address).as_deref(), Some(expected), "{address}");
    }
    assert!(locate(&database, "2.2.3.4").unwrap().is_exact);
    assert!(!locate(&database, "7.2.3.4").unwrap().is_exact, "its latitude is not on Earth");
    for address in ["5.2.3.4", "6.2.3.4", "8.2.3.4"] {
        assert_eq!(locate(&database, address), None, "{address}");
    }
}

#[test]
fn a_damaged_database_gives_no_place_and_no_panic() {
    let bytes = database(&[("203.0.113.0/24", city("DE", 52.52, 13.4)), ("2001:db8::/32", city("US", 40.7, -74.0))]);
    for at in (0..bytes.len()).step_by(3) {
        for value in [0, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            if let Ok(database) = Database::from_bytes(damaged) {
                let _ =
                    (locate(&database, "203.0.113.5"), locate(&database, "2001:db8::1"), locate(&database, "9.9.9.9"));
            }
        }
        assert!(Database::from_bytes(bytes[..at].to_vec()).is_err(), "the end has the description");
    }
}

struct File(PathBuf);

impl File {
    fn new(name: &str) -> File {
        File(std::env::temp_dir().join(format!("ringshard-location-{name}-{}.mmdb", std::process::id())))
    }

    fn replace(&self, bytes: &[u8]) {
        let begun = self.0.with_extension("new");
        std::fs::write(&begun, bytes).unwrap();
        std::fs::rename(begun, &self.0).unwrap();
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_new_file_is_taken_and_one_that_cannot_be_used_leaves_the_former_one() {
    let file = File::new("watched");
    let (mut watched, locator) = Watched::new(&file.0);
    let country = || {
        let database = locator.borrow().clone()?;
        locate(&database, "203.0.113.5")?.country.map(|country| country.to_string())
    };
    assert!(matches!(watched.look(), Look::Kept(LocationError::File(..))), "there is no file yet");
    assert!(matches!(watched.look(), Look::Same), "it is reported once");
    assert_eq!(country(), None);
    file.replace(&database(&[("203.0.113.0/24", city("DE", 52.52, 13.4))]));
    assert!(matches!(watched.look(), Look::Loaded(_)));
    assert_eq!(country().as_deref(), Some("DE"));
    assert!(matches!(watched.look(), Look::Same));
    file.replace(b"this is no database");
    let Look::Kept(error) = watched.look() else { panic!("it cannot be used") };
    assert!(error.to_string().contains("must be in the MMDB format"), "{error}");
    assert!(matches!(watched.look(), Look::Same));
    assert_eq!(country().as_deref(), Some("DE"));
    std::fs::remove_file(&file.0).unwrap();
    assert!(matches!(watched.look(), Look::Kept(_)));
    assert_eq!(country().as_deref(), Some("DE"));
    file.replace(&database(&[("203.0.113.0/24", city("FR", 48.9, 2.3))]));
    assert!(matches!(watched.look(), Look::Loaded(_)));
    assert_eq!(country().as_deref(), Some("FR"));
}

/// The real database of a package, if it is there: `scripts/location-data.sh` fetches it.
#[test]
fn a_real_database_knows_the_countries_of_well_known_addresses() {
    let Some(path) = std::env::var_os("LOCATION_DATABASE").filter(|path| !path.is_empty()) else {
        println!("skipped: LOCATION_DATABASE names no database; scripts/location-data.sh fetches one");
        return;
    };
    let database = Database::open(Path::new(&path)).unwrap();
    for (address, expected) in
        [("193.0.6.139", "NL"), ("2001:67c:2e8:22::c100:68b", "NL"), ("133.11.0.1", "JP"), ("200.160.2.3", "BR")]
    {
        let address: IpAddr = address.parse().unwrap();
        let place = database.locate(address).unwrap_or_else(|| panic!("{address} is unknown"));
        assert_eq!(place.country, Country::from_code(expected), "{address}");
    }
    let known = (0..10_000_u32)
        .filter(|number| database.locate(std::net::Ipv4Addr::from_bits(number * 429_497).into()).is_some());
    assert!(known.count() > 6_000, "most of the internet is somewhere");
}

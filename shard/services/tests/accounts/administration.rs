//! What operators do, on the file of a running server too.

use super::folder::{CHEAP, Folder, HOME, by_password, log_in, register};
use ringshard_services::AccountId;
use ringshard_services::accounts::{Administration, Existing, Imported, LoginError, Secrets};

fn import(admin: &mut Administration, text: &str, existing: Existing) -> Result<Imported, String> {
    admin.import(&mut text.as_bytes(), existing).map_err(|error| error.to_string())
}

fn export(admin: &mut Administration, secrets: Secrets) -> String {
    let mut lines = Vec::new();
    admin.export(&mut lines, secrets).unwrap();
    String::from_utf8(lines).unwrap()
}

#[tokio::test]
async fn accounts_are_found_disabled_and_reset_beside_a_running_server() {
    let folder = Folder::new();
    let accounts = folder.accounts();
    let ann = register(&accounts, "Ann").await;
    register(&accounts, "bea").await;
    let mut admin = Administration::open(&folder, false).unwrap();
    for text in ["1", "ANN@example.com", "ann"] {
        assert_eq!(admin.find(text).unwrap().as_ref(), Some(&ann.profile), "{text}");
    }
    assert_eq!(admin.find("nobody").unwrap(), None);
    assert_eq!(admin.list(AccountId(1), "", 9).unwrap()[0].name, "bea");
    assert_eq!(admin.list(AccountId(0), "EX", 9).unwrap().len(), 2);
    let details = admin.details(ann.profile.id).unwrap().unwrap();
    assert_eq!((details.password, details.sessions.len()), (Some(CHEAP), 1));

    assert!(admin.set_disabled(ann.profile.id, true).unwrap());
    assert_eq!(admin.count().unwrap(), (2, 1));
    assert_eq!(accounts.identify(HOME, ann.token.reveal()).await, Err(LoginError::NoSession));
    assert_eq!(log_in(&accounts, "Ann").await.unwrap_err(), LoginError::Disabled);
    assert!(admin.set_disabled(ann.profile.id, false).unwrap());
    assert!(!admin.set_disabled(AccountId(99), true).unwrap());

    let made = admin.reset(ann.profile.id, None, CHEAP, false).unwrap().unwrap();
    assert_eq!(log_in(&accounts, "Ann").await.unwrap_err(), LoginError::WrongPassword);
    assert!(accounts.login(HOME, by_password("Ann", &made.0)).await.is_ok());
    assert!(admin.reset(ann.profile.id, Some("short".into()), CHEAP, false).is_err());
    assert!(admin.reset(AccountId(99), None, CHEAP, false).unwrap().is_none());
}

#[tokio::test]
async fn an_export_with_secrets_moves_accounts_to_another_server() {
    let (from, to) = (Folder::new(), Folder::new());
    let accounts = from.accounts();
    let ann = register(&accounts, "Ann").await;
    register(&accounts, "bea").await;
    let mut admin = Administration::open(&from, false).unwrap();
    admin.set_disabled(AccountId(2), true).unwrap();
    let lines = export(&mut admin, Secrets::Included);
    assert_eq!(lines.lines().count(), 2);
    assert!(!export(&mut admin, Secrets::LeftOut).contains("argon2"));

    let mut other = Administration::open(&to, true).unwrap();
    assert_eq!(import(&mut other, &lines, Existing::Refuse), Ok(Imported { added: 2, skipped: 0 }));
    assert_eq!(export(&mut other, Secrets::Included), lines);
    let accounts = to.accounts();
    assert_eq!(log_in(&accounts, "Ann").await.unwrap().profile, ann.profile);
    assert_eq!(log_in(&accounts, "bea").await.unwrap_err(), LoginError::Disabled);
    assert_eq!(accounts.identify(HOME, ann.token.reveal()).await, Err(LoginError::NoSession), "sessions do not move");
    assert_eq!(import(&mut other, &lines, Existing::Skip), Ok(Imported { added: 0, skipped: 2 }));
    assert!(register(&accounts, "cid").await.profile.id > AccountId(2));
}

#[test]
fn an_import_with_one_wrong_line_imports_nothing_and_names_the_line() {
    let folder = Folder::new();
    let mut admin = Administration::open(&folder, true).unwrap();
    let good = "{\"name\": \"Ann\", \"email\": \"ann@example.com\"}\n\n";
    let phc = "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let costly = format!("{{\"name\": \"b\", \"password\": \"{phc}\"}}");
    let device = format!("{{\"name\": \"b\", \"devices\": [{{\"key\": \"{}\"}}]}}", "A".repeat(43));
    let twice = format!("{device}\n{}", device.replace("\"b\"", "\"c\""));
    for (wrong, line, reason) in [
        ("{\"name\": \"ANN\"}", 3, "this name exists"),
        ("{\"name\": \"b\", \"email\": \"Ann@Example.com\"}", 3, "this email exists"),
        ("{\"name\": \"b\", \"id\": 1}", 3, "this id exists"),
        ("{\"name\": \"b\", \"passwort\": \"x\"}", 3, "passwort"),
        ("{\"name\": \"b\", \"password\": \"plain text\"}", 3, "Argon2id"),
        (&costly, 3, "Argon2id"),
        ("{\"name\": \"b\", \"email\": \"none\"}", 3, "email"),
        ("{\"name\": \"b\", \"id\": 0}", 3, "id"),
        ("{\"name\": \"b\", \"created\": 9999999999999999999}", 3, "created"),
        ("{\"name\": \"b\", \"devices\": [{\"key\": \"short\"}]}", 3, "devices"),
        (&twice, 4, "devices"),
        ("{\"name\": ", 3, "EOF"),
        (&"x".repeat(70_000), 3, "65536"),
    ] {
        let error = import(&mut admin, &format!("{good}{wrong}"), Existing::Refuse).unwrap_err();
        assert!(error.starts_with(&format!("line {line}: ")) && error.contains(reason), "{wrong}: {error}");
        assert_eq!(admin.count().unwrap().0, 0, "{wrong}");
    }
    assert!(import(&mut admin, good, Existing::Refuse).is_ok());
}

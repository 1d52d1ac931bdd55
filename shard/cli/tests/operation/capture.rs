//! Captures of a running server.

use crate::shared::{Player, Server};
use ringshard::ops::admin::AdminClientError;
use ringshard::ops::capture::{Secrets, decrypt};
use std::time::Duration;

/// The message that the capture must contain.
const TEXT: &[u8] = b"a text to be captured";

#[test]
fn a_capture_can_be_decrypted_only_with_the_secrets() {
    let server = Server::start("capture", "key-log = true\n", &[]);
    let mut player = Player::connected(&server);
    let client = server.admin_client();
    let capturing = std::thread::spawn(move || client.bytes("/capture?seconds=1.5", Duration::from_secs(10)));
    while !capturing.is_finished() {
        player.received.clear();
        player.echo(TEXT);
    }
    let capture = capturing.join().unwrap().unwrap();
    let has_text = |file: &[u8]| file.windows(TEXT.len()).any(|window| window == TEXT);
    assert!(!has_text(&capture), "a capture has only sealed datagrams");
    let secrets = Secrets::parse(&server.admin_client().text("/keys").unwrap()).unwrap();
    let decrypted = decrypt(&capture, &secrets, server.listen.port()).unwrap();
    assert!(has_text(&decrypted.file) && decrypted.opened > 10 && decrypted.sealed == 0, "{}", decrypted.opened);
    let without_secrets = decrypt(&capture, &Secrets::default(), server.listen.port()).unwrap();
    assert_eq!((without_secrets.opened, without_secrets.sealed), (0, decrypted.opened));
    drop(server);

    let server = Server::start("secretive", "", &[]);
    let Err(AdminClientError::Refused(_, 403, why)) = server.admin_client().text("/keys") else {
        panic!("the server gave out secrets")
    };
    assert!(why.contains("--key-log"), "{why}");
    assert!(matches!(server.admin_client().text("/capture?seconds=1e9"), Err(AdminClientError::Refused(_, 400, _))));
}

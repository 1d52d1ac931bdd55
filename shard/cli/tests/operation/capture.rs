//! Captures of a running server.

use crate::shared::{Player, Server};
use ringshard::ops::admin::AdminClientError;
use ringshard::ops::capture::{Secrets, decrypt};
use std::time::Duration;

#[test]
fn a_capture_has_what_was_said_and_opens_with_the_secrets_alone() {
    let server = Server::start("capture", "key-log = true\n", &[]);
    let mut player = Player::connected(&server);
    let asker = server.asker();
    let capturing = std::thread::spawn(move || asker.bytes("/capture?seconds=1.5", Duration::from_secs(10)));
    while !capturing.is_finished() {
        player.received.clear();
        player.echo(b"the secret of the captured");
    }
    let capture = capturing.join().unwrap().unwrap();
    let says = |file: &[u8]| file.windows(26).any(|window| window == b"the secret of the captured");
    assert!(!says(&capture), "on the wire it is sealed");
    let secrets = Secrets::parse(&server.asker().text("/keys").unwrap()).unwrap();
    let decrypted = decrypt(&capture, &secrets, server.listen.port()).unwrap();
    assert!(says(&decrypted.file) && decrypted.opened > 10 && decrypted.sealed == 0, "{}", decrypted.opened);
    let nobody = decrypt(&capture, &Secrets::default(), server.listen.port()).unwrap();
    assert_eq!((nobody.opened, nobody.sealed), (0, decrypted.opened));
    drop(server);

    let server = Server::start("secretive", "", &[]);
    let Err(AdminClientError::Refused(_, 403, why)) = server.asker().text("/keys") else {
        panic!("secrets were given out")
    };
    assert!(why.contains("--key-log"), "{why}");
    assert!(matches!(server.asker().text("/capture?seconds=1e9"), Err(AdminClientError::Refused(_, 400, _))));
}

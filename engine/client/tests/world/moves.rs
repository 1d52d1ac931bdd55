//! A server that sends its client to another one, which does not answer.

use crate::model::{Bench, Path};
use ringshard_client::protocol::crypto::SecretKey;
use ringshard_client::world::codec::Writer;
use ringshard_client::world::messages::ChangeServer;
use std::net::SocketAddr;
use std::time::Duration;

const ADDRESS: ([u8; 4], u16) = ([10, 0, 0, 2], 5_000);

impl Bench {
    fn send_to_another_server(&mut self) {
        let key = *SecretKey::from_bytes([0x52; 32]).public().as_bytes();
        let mut bytes = [0; ChangeServer::BYTES];
        let mut writer = Writer::new(&mut bytes);
        ChangeServer { core: 0, key, address: ADDRESS.into() }.write(&mut writer).unwrap();
        let now = self.time();
        self.server.send_raw(now, writer.written());
        self.pass(Duration::from_millis(500));
    }
}

#[test]
fn a_client_is_sent_to_one_server_at_a_time_and_stays_if_that_does_not_answer() {
    let mut bench = Bench::new(1, Path::new(30, 5, 0.0));
    bench.enter();
    assert_eq!(bench.client.change_of_server(), None);
    bench.send_to_another_server();
    assert_eq!(bench.client.change_of_server(), Some(SocketAddr::from(ADDRESS)));
    assert_eq!(bench.client.change_of_server(), None, "the client gives it once");
    let now = bench.time();
    bench.client.move_to(now, 1);
    assert!(bench.client.connection().is_moving());
    assert_eq!(bench.client.place(now), 1, "first it asks the other server");
    bench.send_to_another_server();
    assert_eq!(bench.client.change_of_server(), None, "it moves already");
    bench.pass_seconds(15);
    assert!(!bench.client.connection().is_moving() && bench.client.is_in_world());
    assert_eq!((bench.client.connection().server_place(), bench.client.stats().reconnects), (0, 0), "it stays");
    bench.send_to_another_server();
    assert_eq!(bench.client.change_of_server(), Some(SocketAddr::from(ADDRESS)), "the server may try again");
}

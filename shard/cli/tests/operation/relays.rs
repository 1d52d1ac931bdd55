//! `ringshard relay`: players reach a server over an edge and relays, some of which die.

use crate::shared::{Folder, Player, Server, TIMEOUT, assert_has, assert_refused, free_address, ringshard, stdout};
use ringshard::ops::admin::AdminClient;
use ringshard::ops::report::ConnectionSnapshot;
use serde_json::Value;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A node as a process of its own, killed when it is dropped.
struct Node {
    child: Child,
    admin: SocketAddr,
}

impl Node {
    fn start(folder: &Folder, name: &str, [listen, admin]: [SocketAddr; 2], more: &[&str]) -> Node {
        let child = Command::new(env!("CARGO_BIN_EXE_ringshard"))
            .current_dir(&folder.0)
            .args(["relay", "--fleet", "fleet.toml", "--name", name])
            .args(["--listen", &listen.to_string(), "--admin", &admin.to_string()])
            .args(more)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Node { child, admin }
    }

    /// What its admin port says. Null: it does not answer yet.
    fn state(&self) -> Value {
        AdminClient::new(self.admin).within(Duration::from_secs(2)).get("/node").unwrap_or_default()
    }

    fn counter(&self, name: &str) -> u64 {
        let text = AdminClient::new(self.admin).text("/metrics").unwrap();
        let line = format!("ringshard_relay_{name}_total ");
        text.lines().find_map(|text| text.strip_prefix(&line)).unwrap().parse().unwrap()
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server behind two relays and an edge, which may not reach it itself.
struct Chain {
    folder: Folder,
    server: Server,
    edge: Node,
    relays: [Node; 2],
    /// Of each relay, where it listens for nodes, and its admin port.
    relay_addresses: [[SocketAddr; 2]; 2],
    door: SocketAddr,
}

const RELAYS: [&str; 2] = ["relay-a", "relay-b"];

impl Chain {
    fn start() -> Chain {
        let folder = Folder::new("relays");
        let gateway = folder.secret("gateway.key", &"3".repeat(64));
        let server = Server::start("relayed", &format!("gateway-keys = '{gateway}'"), &[]);
        folder.secret("relay.key", &"5".repeat(64));
        let [edge_addresses, first, second] = [(); 3].map(|()| [free_address(), free_address()]);
        let (relay_addresses, door) = ([first, second], free_address());
        let node = |name: &str, [address, admin]: [SocketAddr; 2]| {
            format!("[[nodes]]\nname = '{name}'\nregion = 'eu'\naddress = '{address}'\nadmin = '{admin}'\n")
        };
        let file = format!(
            "[relays]\nkey-file = 'relay.key'\ndirect = false\n{}{}{}[[hosts]]\nname = 'h'\nregion = 'eu'\n\
             address = '{}'\nkey = '{}'\nadmin = '{}'\n",
            node("edge", edge_addresses),
            node(RELAYS[0], relay_addresses[0]),
            node(RELAYS[1], relay_addresses[1]),
            server.listen,
            server.key,
            server.admin,
        );
        std::fs::write(folder.file("fleet.toml"), file).unwrap();
        let more = ["--door", &format!("h={door}"), "--gateway-key", "gateway.key"];
        let edge = Node::start(&folder, "edge", edge_addresses, &more);
        let relays = [0, 1].map(|at| Node::start(&folder, RELAYS[at], relay_addresses[at], &[]));
        let chain = Chain { folder, server, edge, relays, relay_addresses, door };
        chain.until_routes(2);
        chain
    }

    /// Waits until the edge has so many routes to the host.
    fn until_routes(&self, count: usize) {
        let give_up = Instant::now() + TIMEOUT;
        while self.edge.state()["routes"].as_array().map_or(0, Vec::len) != count {
            assert!(Instant::now() < give_up, "the edge should have {count} routes: {}", self.edge.state());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The relay that clients use now.
    fn used(&self) -> usize {
        let state = self.edge.state();
        let used = state["routes"].as_array().unwrap().iter().find(|route| route["used"] == true).unwrap();
        RELAYS.iter().position(|name| used["nodes"][1] == **name).unwrap()
    }

    /// Kills the relay that clients use.
    fn kill_used(&mut self) -> usize {
        let used = self.used();
        self.relays[used].kill();
        used
    }
}

#[test]
fn a_session_goes_on_when_the_relay_that_carries_it_is_killed() {
    let mut chain = Chain::start();
    let mut player = Player::of(chain.door, chain.server.key);
    player.until("the client connects through the nodes", |player| player.client.is_connected());
    player.echo(b"before");
    let sessions: Vec<ConnectionSnapshot> = chain.server.admin_client().get("/sessions").unwrap();
    assert_eq!(sessions[0].address, player.socket.local_addr().unwrap(), "the server knows the client's address");
    let first = chain.kill_used();
    let killed_at = Instant::now();
    player.echo(b"after the first");
    println!("the echo came {:?} after the relay was killed", killed_at.elapsed());
    chain.until_routes(1);
    chain.relays[first] = Node::start(&chain.folder, RELAYS[first], chain.relay_addresses[first], &[]);
    chain.until_routes(2);
    let second = chain.kill_used();
    player.echo(b"after the second");
    let after: Vec<ConnectionSnapshot> = chain.server.admin_client().get("/sessions").unwrap();
    assert_eq!(after.len(), 1, "it is one session all the time");
    assert_eq!(after[0].address, player.socket.local_addr().unwrap());
    assert!(chain.edge.counter("reroutes") >= 2 && chain.edge.counter("client_datagrams") > 10);
    assert!(chain.relays[1 - second].counter("to_hosts") > 0);
    assert_eq!(player.closed, None);
}

#[test]
fn an_operator_sees_routes_and_links_and_what_is_wrong_with_options() {
    let chain = Chain::start();
    let file = chain.folder.file("fleet.toml");
    let give_up = Instant::now() + TIMEOUT;
    let shown = loop {
        let shown = stdout(&ringshard(&["fleet", "routes", "--links", "--fleet", &file]));
        if shown.matches(" up ").count() == 8 {
            break shown;
        }
        assert!(Instant::now() < give_up, "{shown}");
    };
    assert_has(&shown, &["edge > relay-a > h", "edge > relay-b > h", "routes: 2", "edges: 1, relays: 2", "host h"]);
    let json = stdout(&ringshard(&["fleet", "routes", "--json", "--fleet", &file]));
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["routes"].as_array().unwrap().len(), 2);
    let relay = |more: &[&str]| {
        let arguments =
            [&["relay", "--check", "--fleet", &file, "--name", "n", "--listen", "127.0.0.1:0"], more].concat();
        ringshard(&arguments)
    };
    assert!(relay(&[]).status.success());
    assert_refused(&relay(&["--door", "h"]), &["HOST=ADDRESS:PORT"]);
    assert_refused(&relay(&["--door", "h=127.0.0.1:1", "--door", "h=127.0.0.1:2"]), &["two doors lead to h"]);
    assert_refused(&relay(&["--gateway-key", "gateway.key"]), &["--gateway-key is for edges"]);
    chain.folder.secret("relay.key", "5");
    assert_refused(&relay(&[]), &["relay.key", "64 hexadecimal digits", "ringshard fleet keygen"]);
    std::fs::write(chain.folder.file("other.toml"), "[etcd]\nendpoints = ['http://127.0.0.1:1']\n").unwrap();
    let other = chain.folder.file("other.toml");
    let without = ringshard(&["relay", "--check", "--fleet", &other, "--name", "n", "--listen", "127.0.0.1:0"]);
    assert_refused(&without, &["other.toml has no table [relays]"]);
}

#[test]
fn strangers_get_no_answer_of_a_node_and_are_counted() {
    let chain = Chain::start();
    let stranger = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for len in [1, 43, 200, 1_472] {
        stranger.send_to(&vec![3; len], chain.relay_addresses[0][0]).unwrap();
    }
    let give_up = Instant::now() + TIMEOUT;
    while chain.relays[0].counter("forged") < 4 {
        assert!(Instant::now() < give_up, "{}", chain.relays[0].counter("forged"));
    }
    stranger.set_nonblocking(true).unwrap();
    assert!(stranger.recv(&mut [0; 2_000]).is_err(), "nothing comes back");
    stranger.send_to(&[1; 100], chain.door).unwrap();
    while chain.edge.counter("malformed") < 1 {
        assert!(Instant::now() < give_up);
    }
    assert_eq!(chain.edge.counter("flows_opened"), 0);
}

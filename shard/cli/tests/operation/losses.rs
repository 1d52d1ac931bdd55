//! Losses are counted by cause and logged.

use crate::shared::{Player, Server, TIMEOUT};
use ringshard::ops::report::ServerReport;
use ringshard_protocol::client::CloseReason;
use ringshard_protocol::wire::DeniedReason;
use rustix::process::Signal;
use std::io::Read;
use std::net::UdpSocket;
use std::time::{Duration, Instant as Clock};

fn report(server: &Server) -> ServerReport {
    server.admin_client().get("/stats").unwrap()
}

fn until(server: &Server, what: &str, happened: impl Fn(&ServerReport) -> bool) -> ServerReport {
    let give_up = Clock::now() + TIMEOUT;
    loop {
        let report = report(server);
        if happened(&report) {
            return report;
        }
        assert!(Clock::now() < give_up, "{what}: {:?}", report.cores[0].counters);
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn drops_are_logged_per_reason_and_not_per_datagram() {
    let mut server = Server::start("drops", "", &[]);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    // The server checks its counters for the first time ten seconds after its start.
    let until = Clock::now() + Duration::from_secs(11);
    while Clock::now() < until {
        sender.send_to(&[0; 60], server.listen).unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    let line = server.log_line("reason=malformed");
    let from = sender.local_addr().unwrap().to_string();
    assert!(line.contains("malformed") && line.contains(&from), "{line}");
    server.signal(Signal::TERM);
    let mut rest = String::new();
    server.log.read_to_string(&mut rest).unwrap();
    assert!(rest.matches("malformed").count() < 5, "{rest}");
}

#[test]
fn datagrams_without_a_header_and_full_socket_buffers_are_counted_apart() {
    let mut server = Server::start("kernel", "socket-buffer-kib = 64\n", &[]);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (refused, full) = ("link_kernel_refused", "link_kernel_drops");
    // The kernel counts full buffers of all programs together, so another program can disturb a try.
    let counted_apart = (0..5).any(|_| {
        let before = report(&server);
        for _ in 0..5 {
            sender.send_to(&[], server.listen).unwrap();
            sender.send_to(&[1], server.listen).unwrap();
        }
        let of_both = |report: &ServerReport| report.total(refused) + report.total(full);
        let after = until(&server, "the datagrams are counted", |report| of_both(report) == of_both(&before) + 10);
        after.total(full) == before.total(full)
    });
    assert!(counted_apart);

    let before = report(&server);
    server.signal(Signal::STOP);
    for _ in 0..2_000 {
        sender.send_to(&[0; 600], server.listen).unwrap();
    }
    server.signal(Signal::CONT);
    // Some arrive before the server stands still.
    let after = until(&server, "a full buffer is counted", |report| report.total(full) > before.total(full) + 100);
    assert_eq!(after.total(refused), before.total(refused));
    let line = server.log_line("reason=link_kernel_drops");
    assert!(line.contains("WARN") && line.contains("net.core.rmem_max"), "{line}");
    assert!(server.log_line("reason=link_kernel_refused").contains("shorter than a header"));
}

#[test]
fn a_denial_is_logged_with_its_reason_and_an_address() {
    let mut server = Server::start("full", "max-connections = 1\n", &[]);
    let mut player = Player::connected(&server);
    let mut late = Player::new(&server);
    // The first player stays active: a silent one would give way.
    let give_up = Clock::now() + TIMEOUT;
    while late.closed.is_none() {
        assert!(Clock::now() < give_up, "the second player is denied");
        player.step();
        late.step();
    }
    assert!(matches!(late.closed, Some(CloseReason::Denied(DeniedReason::ServerFull, _))), "{:?}", late.closed);
    player.echo(b"still connected");
    let line = server.log_line("reason=denied_full");
    let from = late.socket.local_addr().unwrap().to_string();
    assert!(line.contains("max-connections") && line.contains(&from), "{line}");
}

#[test]
fn a_player_that_disconnects_properly_is_no_offender() {
    let server = Server::start("leaves", "", &[]);
    let mut player = Player::connected(&server);
    player.client.disconnect();
    player.until("the client closes", |player| player.closed.is_some());
    let report = until(&server, "the repeated Disconnect counts as late", |report| report.total("late_in") > 0);
    assert_eq!((report.total("left"), report.cores[0].connections), (1, 0));
    assert!(report.drops().is_empty(), "{:?}", report.drops());
    assert!(report.cores[0].offenders.is_empty(), "{:?}", report.cores[0].offenders);
}

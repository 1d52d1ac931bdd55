//! Time per operation of the hot path: `cargo bench -p ringshard-harness --bench time`. No test depends on it.

#[path = "operations/mod.rs"]
mod operations;

use divan::{Bencher, black_box};
use operations::Server;
use ringshard_protocol::crypto::{ReplayWindow, Suite};
use ringshard_protocol::wire::Ack;
use std::cell::RefCell;

const SUITES: [Suite; 2] = [Suite::ChaCha20Poly1305, Suite::Aes128Gcm];

fn main() {
    divan::main();
}

#[divan::bench]
fn parse(bencher: Bencher<'_, '_>) {
    let (_, datagram) = operations::sealed(Suite::ChaCha20Poly1305);
    bencher.bench_local(|| operations::parse(black_box(&datagram)));
}

#[divan::bench]
fn encode(bencher: Bencher<'_, '_>) {
    let mut buffer = [0; 1170];
    bencher.bench_local(|| operations::encode(black_box(&mut buffer)));
}

#[divan::bench]
fn walk(bencher: Bencher<'_, '_>) {
    let frames = operations::frames();
    bencher.bench_local(|| operations::walk(black_box(&frames)));
}

#[divan::bench]
fn replay(bencher: Bencher<'_, '_>) {
    let mut window = ReplayWindow::default();
    let mut sequence = 0;
    bencher.bench_local(|| {
        sequence += 1;
        operations::replay(black_box(&mut window), sequence);
    });
}

#[divan::bench(args = SUITES)]
fn seal(bencher: Bencher<'_, '_>, suite: Suite) {
    let (mut near, _) = operations::ends(suite);
    let frames = operations::frames();
    let mut datagram = operations::seal(&mut near, &frames);
    bencher.bench_local(|| operations::seal_into(&mut near, black_box(&frames), &mut datagram));
}

#[divan::bench(args = SUITES)]
fn open(bencher: Bencher<'_, '_>, suite: Suite) {
    let (mut near, mut far) = operations::ends(suite);
    let frames = operations::frames();
    bencher
        .with_inputs(|| operations::seal(&mut near, &frames))
        .bench_local_values(|mut datagram| operations::open(&mut far, &mut datagram));
}

#[divan::bench(args = SUITES)]
fn receive(bencher: Bencher<'_, '_>, suite: Suite) {
    let server = RefCell::new(Server::new(suite));
    bencher
        .with_inputs(|| server.borrow_mut().datagram())
        .bench_local_values(|mut datagram| server.borrow_mut().receive(black_box(&mut datagram)));
}

#[divan::bench(args = SUITES)]
fn send(bencher: Bencher<'_, '_>, suite: Suite) {
    let mut server = Server::new(suite);
    bencher.bench_local(|| server.send(black_box(&operations::MESSAGE)));
}

#[divan::bench]
fn ack_encode(bencher: Bencher<'_, '_>) {
    let window = operations::window();
    let mut body = [0; Ack::BYTES_MAX];
    bencher.bench_local(|| operations::encode_ack(black_box(&window), &mut body));
}

#[divan::bench]
fn ack_decode(bencher: Bencher<'_, '_>) {
    let body = operations::acknowledgment();
    bencher.bench_local(|| operations::decode_ack(black_box(&body)));
}

//! Instructions per operation of the hot path: unlike times, they do not depend on the load of the machine.
//!
//! Needs valgrind and, once, `cargo install gungraun-runner` in the version of `Cargo.lock`. Run it with
//! `cargo bench -p ringshard-harness --bench instructions`.

#![allow(missing_docs, reason = "the macros generate items without documentation")]

#[path = "operations/mod.rs"]
mod operations;

use gungraun::prelude::*;
use operations::{End, Server};
use ringshard_protocol::crypto::{ReplayWindow, Suite};
use ringshard_protocol::wire::{Ack, Header};
use std::hint::black_box;

#[library_benchmark]
#[bench::data(operations::sealed(Suite::ChaCha20Poly1305).1)]
fn parse(datagram: Vec<u8>) -> Option<Header> {
    operations::parse(black_box(&datagram))
}

#[library_benchmark]
#[bench::message64(vec![0; 1170])]
fn encode(mut buffer: Vec<u8>) -> usize {
    operations::encode(black_box(&mut buffer))
}

#[library_benchmark]
#[bench::message64(operations::frames())]
fn walk(frames: Vec<u8>) -> usize {
    operations::walk(black_box(&frames))
}

#[library_benchmark]
#[bench::in_order(ReplayWindow::default())]
fn replay(mut window: ReplayWindow) -> ReplayWindow {
    operations::replay(black_box(&mut window), 1);
    window
}

fn to_seal(suite: Suite) -> (End, Vec<u8>, Vec<u8>) {
    let (mut near, _) = operations::ends(suite);
    let datagram = operations::seal(&mut near, &operations::frames());
    (near, operations::frames(), datagram)
}

#[library_benchmark(setup = to_seal)]
#[bench::chacha(Suite::ChaCha20Poly1305)]
#[bench::aes(Suite::Aes128Gcm)]
fn seal((mut end, frames, mut datagram): (End, Vec<u8>, Vec<u8>)) -> (End, Vec<u8>) {
    operations::seal_into(&mut end, black_box(&frames), &mut datagram);
    (end, datagram)
}

#[library_benchmark(setup = operations::sealed)]
#[bench::chacha(Suite::ChaCha20Poly1305)]
#[bench::aes(Suite::Aes128Gcm)]
fn open((mut end, mut datagram): (End, Vec<u8>)) -> (End, u32) {
    let messages = operations::open(&mut end, black_box(&mut datagram));
    (end, messages)
}

/// A server that has already received and sent a message, so that nothing happens for the first time.
fn to_receive(suite: Suite) -> (Server, Vec<u8>) {
    let mut server = to_send(suite);
    let datagram = server.datagram();
    (server, datagram)
}

fn to_send(suite: Suite) -> Server {
    let mut server = Server::new(suite);
    let mut datagram = server.datagram();
    server.receive(&mut datagram);
    server.send(&operations::MESSAGE);
    server
}

#[library_benchmark(setup = to_receive)]
#[bench::chacha(Suite::ChaCha20Poly1305)]
#[bench::aes(Suite::Aes128Gcm)]
fn receive((mut server, mut datagram): (Server, Vec<u8>)) -> (Server, Vec<u8>, usize) {
    let bytes = server.receive(black_box(&mut datagram));
    (server, datagram, bytes)
}

#[library_benchmark(setup = to_send)]
#[bench::chacha(Suite::ChaCha20Poly1305)]
#[bench::aes(Suite::Aes128Gcm)]
fn send(mut server: Server) -> (Server, usize) {
    let len = server.send(black_box(&operations::MESSAGE));
    (server, len)
}

#[library_benchmark]
#[bench::some_missing(operations::window(), [0; Ack::BYTES_MAX])]
fn ack_encode(window: ReplayWindow, mut body: [u8; Ack::BYTES_MAX]) -> usize {
    operations::encode_ack(black_box(&window), black_box(&mut body))
}

#[library_benchmark]
#[bench::some_missing(operations::acknowledgment())]
fn ack_decode(body: Vec<u8>) -> u64 {
    operations::decode_ack(black_box(&body))
}

library_benchmark_group!(
    name = hot_path,
    benchmarks = [parse, encode, walk, replay, seal, open, receive, send, ack_encode, ack_decode]
);
main!(library_benchmark_groups = hot_path);

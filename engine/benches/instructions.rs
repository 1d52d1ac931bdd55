//! Instructions of the hot path's operations: what noise cannot move.
//!
//! `cargo install gungraun-runner` once, in the version of `Cargo.lock`; then
//! `cargo bench -p ringshard-engine --bench instructions`. It needs valgrind.

#![allow(missing_docs, reason = "the macros make items of their own")]

#[path = "operations/mod.rs"]
mod operations;

use gungraun::prelude::*;
use ringshard_engine::crypto::{ReplayWindow, Suite};
use ringshard_engine::session::Session;
use ringshard_engine::wire::Header;
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

fn to_seal(suite: Suite) -> (Session, Vec<u8>, Vec<u8>) {
    let (mut near, _) = operations::sessions(suite);
    let datagram = operations::seal(&mut near, &operations::frames());
    (near, operations::frames(), datagram)
}

#[library_benchmark(setup = to_seal)]
#[bench::chacha(Suite::ChaCha20Poly1305)]
#[bench::aes(Suite::Aes128Gcm)]
fn seal((mut session, frames, mut datagram): (Session, Vec<u8>, Vec<u8>)) -> (Session, Vec<u8>) {
    operations::seal_into(&mut session, black_box(&frames), &mut datagram);
    (session, datagram)
}

#[library_benchmark(setup = operations::sealed)]
#[bench::chacha(Suite::ChaCha20Poly1305)]
#[bench::aes(Suite::Aes128Gcm)]
fn open((mut session, mut datagram): (Session, Vec<u8>)) -> (Session, usize) {
    let len = operations::open(&mut session, black_box(&mut datagram));
    (session, len)
}

library_benchmark_group!(name = hot_path, benchmarks = [parse, encode, walk, replay, seal, open]);
main!(library_benchmark_groups = hot_path);

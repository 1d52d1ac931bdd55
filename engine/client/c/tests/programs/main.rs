//! Programs in C and C++ against the library, and against a server of the demonstration on a real socket.

mod compiler;
mod fleet;
mod install;
mod server;

use compiler::{Language, Linking, Program, SANITIZERS, compile};
use fleet::Fleet;
use std::process::Command;

/// Builds a program, if this machine can.
fn program(source: &str, language: Language, linking: Linking) -> Option<Program> {
    with_options(source, language, linking, &SANITIZERS)
}

fn with_options(source: &str, language: Language, linking: Linking, more: &[&str]) -> Option<Program> {
    let program = compile(source, language, linking, more);
    if program.is_none() {
        eprintln!("skipped: {source} needs {}; install it (apt install build-essential)", language.compiler());
    }
    program
}

/// Runs a program, and fails with what it printed.
fn run(program: &Program, words: &[&str]) {
    let output = Command::new(&program.path).args(words).output().expect("a program that was built can run");
    let [said, complained] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success(), "{}: {}\n{said}{complained}", program.path.display(), output.status);
}

/// Runs a program against a server of its own.
fn run_with_server(program: &Program, seconds: &str) {
    let server = server::start();
    let (address, key) = (server.listen().to_string(), server.public_key().to_string());
    run(program, &[&address, &key, seconds]);
    server::stop(server);
}

#[test]
fn a_c_program_plays_over_the_shared_library() {
    let Some(program) = program("examples/play.c", Language::C, Linking::Shared) else { return };
    run_with_server(&program, "4");
}

#[test]
fn a_c_program_plays_over_the_static_library() {
    let Some(program) = program("examples/play.c", Language::C, Linking::Static) else { return };
    run_with_server(&program, "3");
}

#[test]
fn a_cpp_program_plays_without_exceptions_and_type_information() {
    let Some(program) = program("examples/play.cpp", Language::Cpp, Linking::Shared) else { return };
    run_with_server(&program, "4");
}

#[test]
fn a_cpp_program_plays_over_the_static_library() {
    let Some(program) = program("examples/play.cpp", Language::Cpp, Linking::Static) else { return };
    run_with_server(&program, "3");
}

#[test]
fn a_program_with_its_own_socket_and_clock_plays_and_changes_its_address() {
    let Some(program) = program("tests/c/bare.c", Language::C, Linking::Shared) else { return };
    run_with_server(&program, "4");
}

#[test]
fn a_program_with_its_own_sockets_moves_to_another_server_and_back() {
    let Some(program) = program("tests/c/moves.c", Language::C, Linking::Shared) else { return };
    let fleet = Fleet::start(2);
    let (address, key) = (fleet.first().listen().to_string(), fleet.first().public_key().to_string());
    run(&program, &[&address, &key, "2"]);
    fleet.stop();
}

#[test]
fn a_client_with_other_types_is_refused_and_told_which() {
    let Some(program) = program("tests/c/wrong_types.c", Language::C, Linking::Shared) else { return };
    run_with_server(&program, "1");
}

#[test]
fn every_misuse_is_an_error_with_a_text() {
    let Some(program) = program("tests/c/misuse.c", Language::C, Linking::Shared) else { return };
    run(&program, &[]);
}

#[test]
#[cfg_attr(not(target_env = "gnu"), ignore = "it counts the calls of glibc's allocator")]
fn frames_allocate_nothing_once_warm() {
    let options = ["-fno-builtin-malloc"];
    let Some(program) = with_options("tests/c/allocations.c", Language::C, Linking::Shared, &options) else { return };
    run_with_server(&program, "8");
}

#[test]
fn the_cpp_header_finds_the_kind_of_every_field() {
    let Some(program) = program("tests/c/fields.cpp", Language::Cpp, Linking::Shared) else { return };
    run(&program, &[]);
}

#[test]
fn the_headers_are_accepted_by_every_compiler_here() {
    for compiler in ["gcc", "clang", "g++", "clang++"] {
        if let Some(rejected) = compiler::rejected_headers(compiler) {
            assert!(rejected.is_empty(), "{compiler} rejects:\n{rejected}");
        }
    }
}

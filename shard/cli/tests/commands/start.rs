//! Starts that fail, and their messages.

use crate::shared::{Folder, assert_refused, ringshard};
use std::net::UdpSocket;

#[test]
fn each_failed_start_says_what_to_do() {
    let folder = Folder::new("start");
    let missing = folder.file("missing.key");
    assert_refused(
        &ringshard(&["serve", "--key", &missing]),
        &["key file", "does not exist", "ringshard keygen --out"],
    );
    let bad = folder.secret("bad.key", "not a key");
    assert_refused(&ringshard(&["serve", "--key", &bad]), &["does not hold a key", "64 hexadecimal digits"]);
    let table = folder.secret("integrity.keys", &format!("{}\nshort\n", "ab".repeat(32)));
    assert_refused(
        &ringshard(&["serve", "--integrity-keys", &table]),
        &["line 2", "64 hexadecimal digits", "1 to 256"],
    );
    assert_refused(
        &ringshard(&["serve", "--message-memory-mib", "7", "--cpus", "0,1"]),
        &["message-memory-mib is 7", "need 8 or more", "flag"],
    );
    assert_refused(&ringshard(&["serve", "--no-such-option"]), &["--no-such-option", "--help"]);
    assert_refused(&ringshard(&["serve", "--cpus", "4095"]), &["cpus is `4095`", "this host's CPUs"]);
    assert_refused(
        &ringshard(&["serve", "--max-connections", "0", "--cpus", "0"]),
        &["max-connections is `0`", "from 1 to"],
    );
    assert_refused(&ringshard(&["serve", "--timeout-ms", "100", "--cpus", "0"]), &["timeout", "heartbeat"]);
    assert_refused(
        &ringshard(&["serve", "--listen", "192.0.2.1:3565", "--cpus", "0"]),
        &["192.0.2.1", "not an address of this host"],
    );
    assert_refused(&ringshard(&["histograms", "--admin", "127.0.0.1:1"]), &["no server answers", "ringshard serve"]);
}

#[test]
fn all_mistakes_on_the_command_line_are_reported_at_once() {
    let output = ringshard(&[
        "serve",
        "--npcs",
        "-5",
        "--max-conections",
        "5",
        "--idle=lazy",
        "--cpus",
        "0",
        "1",
        "--drain",
        "5s",
        "--port=7",
        "-x",
        "--layout",
        "--npcs",
        "6",
    ]);
    let parts = [
        "9 errors in the settings",
        "--npcs (command line): this flag is given more than once",
        "--layout (command line): this flag needs a value",
        "-x (command line): flags begin with --",
        "npcs is `-5` (flag)",
        "--max-conections (flag): there is no such setting; did you mean --max-connections?",
        "idle is `lazy` (flag)",
        "1 (command line): flags begin with --",
        "did you mean --drain-ms?",
        "--port (flag): there is no such setting; `ringshard serve --help`",
    ];
    assert_refused(&output, &parts);
    let checked = ringshard(&["config", "check", "--npcs", "60000", "--entities", "100", "--cpus", "0,0"]);
    assert_refused(&checked, &["2 errors", "npcs is 60000 and entities is 100", "CPU 0 is named twice"]);
}

#[test]
fn a_port_in_use_is_named_for_one_core_and_for_several() {
    let holder = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    for cpus in ["0", "0,1"] {
        let output = ringshard(&["serve", "--listen", &address, "--cpus", cpus, "--admin", "off"]);
        assert_refused(&output, &[&address, "in use", "--listen"]);
    }
}

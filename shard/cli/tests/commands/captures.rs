//! `ringshard capture`: where it writes, what it refuses, and when the server is free for the next capture.

use crate::scene::{Scene, TOKEN};
use crate::shared::{Folder, TIMEOUT, assert_has, text};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Length of a capture whose end no test waits for.
const LONG_S: u32 = 100;
/// The first bytes of a pcapng file.
const MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// Starts a capture; gives the status line of the answer, and the rest to be read.
fn begin(scene: &Scene) -> (String, BufReader<TcpStream>) {
    let mut stream = TcpStream::connect(&scene.server.admin).unwrap();
    let admin = &scene.server.admin;
    let request =
        format!("GET /capture?seconds={LONG_S} HTTP/1.1\r\nHost: {admin}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = BufReader::new(stream);
    let mut status = String::new();
    answer.read_line(&mut status).unwrap();
    (status, answer)
}

/// Asserts that a short capture works before a long one could have ended.
fn assert_captures(scene: &Scene, folder: &Folder, name: &str) {
    let give_up = Instant::now() + TIMEOUT;
    loop {
        let file = folder.file(name);
        let output = scene.run(&["capture", "--seconds", "0.1", "--out", &file]);
        if output.status.success() {
            assert!(std::fs::read(&file).unwrap().starts_with(&MAGIC));
            return;
        }
        assert!(Instant::now() < give_up, "{}", text(&output.stderr));
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_dash_means_standard_output_and_remarks_go_to_standard_error() {
    let scene = Scene::new("capture-dash");
    let folder = Folder::new("capture-dash-files");
    let output = scene.command(&["capture", "--seconds", "0.5", "--out", "-"]).current_dir(&folder.0).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(output.stdout.starts_with(&MAGIC), "{:?}", &output.stdout[..output.stdout.len().min(16)]);
    assert_has(&text(&output.stderr), &["capturing", "standard output"]);
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0, "no file is written");

    let both = scene.run(&["capture", "--out", "-", "--key-log", "-"]);
    assert!(!both.status.success());
    assert_has(&text(&both.stderr), &["--out", "--key-log", "name a file"]);
}

#[test]
fn a_refused_capture_is_refused_at_once_and_leaves_no_file() {
    let scene = Scene::new("capture-refused");
    let folder = Folder::new("capture-refused-files");
    let (file, keys) = (folder.file("a.pcapng"), folder.file("a.keys"));
    let long = LONG_S.to_string();
    let began = Instant::now();
    let output = scene.run(&["capture", "--seconds", &long, "--out", &file, "--key-log", &keys]);
    assert!(!output.status.success());
    assert_has(&text(&output.stderr), &["does not give out traffic secrets", "--key-log true"]);
    std::fs::write(folder.file("there"), "already").unwrap();
    let output = scene.run(&["capture", "--seconds", &long, "--out", &folder.file("there")]);
    assert!(!output.status.success());
    assert_has(&text(&output.stderr), &["already exists", "another file"]);
    assert_eq!(std::fs::read_to_string(folder.file("there")).unwrap(), "already");
    assert_captures(&scene, &folder, "b.pcapng");
    assert!(began.elapsed() < Duration::from_secs(LONG_S.into()), "a refused capture blocked the next one");
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 2, "a refused capture leaves no file");
}

#[test]
fn a_second_capture_is_refused_until_the_first_client_goes_away() {
    let scene = Scene::new("capture-gone");
    let folder = Folder::new("capture-gone-files");
    let (status, answer) = begin(&scene);
    assert!(status.starts_with("HTTP/1.1 200"), "the answer must begin when the capture begins: {status}");
    let second = scene.run(&["capture", "--seconds", "1", "--out", &folder.file("second.pcapng")]);
    assert!(!second.status.success());
    assert_has(&text(&second.stderr), &["409", "another capture is running"]);
    drop(answer);
    assert_captures(&scene, &folder, "third.pcapng");
}

#[test]
fn a_capture_is_streamed() {
    let scene = Scene::new("capture-stream");
    let began = Instant::now();
    let (status, mut answer) = begin(&scene);
    assert!(status.starts_with("HTTP/1.1 200"), "{status}");
    answer.get_ref().set_read_timeout(Some(TIMEOUT)).unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(&MAGIC) {
        let mut byte = [0];
        answer.read_exact(&mut byte).expect("the file must begin at once");
        seen.push(byte[0]);
    }
    assert!(began.elapsed() < Duration::from_secs(LONG_S.into()), "the file arrived only after the capture");
}

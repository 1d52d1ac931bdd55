//! The server of a game of its own, with settings and jobs.

use crate::shared::{Folder, TIMEOUT, wait_for_line};
use ringshard::config::Sources;
use ringshard::game::Game;
use ringshard::game::shard::Shard;
use ringshard::runtime::jobs::JobPort;
use ringshard::serve::run_game;
use ringshard_world::EntityId;
use ringshard_world::messages::Input;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use std::io::{BufReader, Read};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long the job takes that the game gives when it drains.
const SAVING: Duration = Duration::from_millis(300);

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct Settings {
    faulty: bool,
    save_as: String,
}

enum Job {
    Count(usize, u32),
    Save { file: String, count: u32 },
    Fault,
}

/// Gives a job whenever it has none, and one more when the server drains.
struct Counting {
    core: usize,
    jobs: JobPort<Job, (usize, u32)>,
    faulty: bool,
    save_as: String,
    count: u32,
}

impl Game for Counting {
    fn join(&mut self, _: &mut Shard) -> Option<EntityId> {
        None
    }

    fn input(&mut self, _: &mut Shard, _: EntityId, _: &Input) {}

    fn tick(&mut self, _: &mut Shard) {
        while let Some((core, count)) = self.jobs.take() {
            assert_eq!(core, self.core, "a result came to another core");
            self.count = count;
            if count == 10 {
                tracing::info!(core, "counted to 10");
            }
        }
        if self.jobs.outstanding() == 0 {
            let job = if self.faulty { Job::Fault } else { Job::Count(self.core, self.count) };
            assert!(self.jobs.give(job).is_ok());
        }
    }

    fn draining(&mut self, _: &mut Shard) {
        let file = format!("{}-{}", self.save_as, self.core);
        assert!(self.jobs.give(Job::Save { file, count: self.count }).is_ok());
    }
}

/// Runs on a worker's thread.
fn work(job: Job) -> (usize, u32) {
    match job {
        Job::Count(core, count) => (core, count + 1),
        Job::Save { file, count } => {
            std::thread::sleep(SAVING);
            std::fs::write(file, count.to_string()).unwrap();
            (0, 0)
        }
        Job::Fault => panic!("a job panicked on purpose"),
    }
}

/// The server, in this process. The tests below run it as a process of its own.
#[test]
#[ignore = "it serves until it is stopped; the tests below run it"]
fn serves_a_game() {
    let sources = Sources { file: Some(std::env::var("SETTINGS").unwrap().into()), ..Sources::default() };
    let game = |core, settings: &Settings, jobs| {
        let Settings { faulty, ref save_as } = *settings;
        Counting { core, jobs, faulty, save_as: save_as.clone(), count: 0 }
    };
    run_game(sources, game, work).unwrap();
}

fn start(folder: &Folder, game: &str) -> (Child, BufReader<ChildStderr>) {
    let settings =
        format!("cpus = \"0\"\nlisten = \"127.0.0.1:0\"\nadmin = \"off\"\ndump-dir = {:?}\n[game]\n{game}\n", folder.0);
    let file = folder.file("settings.toml");
    std::fs::write(&file, settings).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "games::serves_a_game", "--ignored", "--nocapture"])
        .env("SETTINGS", file)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    (child, log)
}

fn end(child: &mut Child) -> ExitStatus {
    let give_up = Instant::now() + TIMEOUT;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < give_up, "the server does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_game_gets_its_settings_and_its_results_and_its_last_job_is_done_before_the_server_ends() {
    let folder = Folder::new("game");
    let (mut child, mut log) = start(&folder, &format!("save-as = {:?}", folder.file("saved")));
    wait_for_line(&mut log, "counted to 10");
    kill_process(Pid::from_raw(child.id().cast_signed()).unwrap(), Signal::TERM).unwrap();
    assert!(end(&mut child).success());
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    let saved = std::fs::read_to_string(folder.file("saved-0")).unwrap_or_else(|error| panic!("{error}: {rest}"));
    assert!(saved.parse::<u32>().unwrap() >= 10, "{saved}");
    assert!(rest.contains("stopped") && !rest.contains("jobs were dropped"), "{rest}");
}

#[test]
fn a_panic_in_a_job_ends_the_process_and_its_report_names_the_worker() {
    let folder = Folder::new("game-panic");
    let (mut child, mut log) = start(&folder, "faulty = true");
    assert!(!end(&mut child).success());
    let mut printed = String::new();
    log.read_to_string(&mut printed).unwrap();
    assert!(printed.contains("thread worker-") && printed.contains("a job panicked on purpose"), "{printed}");
    let file = folder.file(&format!("ringshard-panic-{}.json", child.id()));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert!(report["thread"].as_str().unwrap().starts_with("worker-"), "{report}");
    assert!(report["core"].is_null());
}

//! engine/conformance/scenarios.json: what every client must do, against real servers. The client in TypeScript runs the same list.
//!
//! | file | for |
//! |---|---|
//! | `steps` | the list as it is written |
//! | `run` | what each step does |
//! | `stage` | a server, the relay before it, and clients |
//! | `relay` | a network that is as bad as a step says |
//! | `echoing`, `ledger` | a client of a server that echoes; what it sent and what came back |
//! | `player` | a player in the demonstration |
//! | `events` | what a client tells |

mod echoing;
mod events;
mod ledger;
mod player;
mod relay;
mod run;
mod stage;
mod steps;

use self::stage::Stage;
use self::steps::{List, Scenario};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

const LIST: &str = include_str!("../../../../../engine/conformance/scenarios.json");
/// Scenarios that run side by side. Most of the time each waits for a timer.
const AT_ONCE: usize = 3;

#[test]
fn the_client_does_what_every_client_must() {
    let list: List = serde_json::from_str(LIST).expect("each step of the list is known");
    let waiting = Mutex::new(list.scenarios.iter());
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let scenario = waiting.lock().unwrap().next();
                    let Some(scenario) = scenario else { return };
                    failed.lock().unwrap().extend(run(scenario).err());
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Runs a scenario. An error names the step; its panic was printed before.
fn run(Scenario { name, server, steps }: &Scenario) -> Result<(), String> {
    let mut stage = Stage::new(server);
    for (number, step) in (1..).zip(steps) {
        let taken = catch_unwind(AssertUnwindSafe(|| stage.take(step)));
        taken.map_err(|_| format!("{name}: step {number}, {step:?}"))?;
    }
    catch_unwind(AssertUnwindSafe(|| stage.end())).map_err(|_| format!("{name}: its end"))
}

#[test]
fn the_vocabulary_of_the_list_has_each_of_its_steps_and_no_other() {
    let (list, values): (List, serde_json::Value) =
        (serde_json::from_str(LIST).expect("a list"), serde_json::from_str(LIST).expect("JSON"));
    let scenarios = values["scenarios"].as_array().expect("scenarios").iter();
    let steps = scenarios.flat_map(|scenario| scenario["steps"].as_array()).flatten();
    let used: BTreeSet<&str> = steps.map(|step| step["do"].as_str().expect("a word")).collect();
    assert_eq!(used, list.vocabulary.keys().map(String::as_str).collect());
}

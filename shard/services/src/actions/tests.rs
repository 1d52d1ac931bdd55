//! Tests of the actions through both doors. The time is tokio's, paused: it leaps to the next timer when all tasks wait.

use super::*;
use crate::AccountId;
use ringshard_requests::message::{Call, Cancel, Greeting, Hello, Outcome as Message, status};
use ringshard_requests::record;
use ringshard_requests::value::{Typed, Value};
use serde_json::{Value as Json, json};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

record! {
    struct Add {
        one: u32,
        other: Option<u32>,
    }

    struct Sum {
        sum: u64,
    }

    struct Wait {
        ms: u64,
    }
}

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
const INSTANCE: [u8; 16] = [3; 16];

fn action(path: &'static str, access: Access, limits: Limits) -> Action {
    Action { path, about: "A test.", access, limits }
}

fn many() -> Limits {
    Limits { per_second: 1000.0, burst: 1000, ..Limits::default() }
}

async fn add(_: Caller, add: Add) -> Result<Sum, Failure> {
    Ok(Sum { sum: u64::from(add.one) + u64::from(add.other.unwrap_or(0)) })
}

/// Waits, unless it is taken back; counts how often it was executed.
async fn waits(executed: Arc<AtomicU32>, mut caller: Caller, wait: Wait) -> Result<(), Failure> {
    executed.fetch_add(1, Ordering::Relaxed);
    tokio::select! {
        () = sleep(Duration::from_millis(wait.ms)) => Ok(()),
        () = caller.cancelled.cancelled() => Err(Failure::new(status::CONFLICT, "stopped half-way")),
    }
}

struct Server {
    actions: Actions,
    executed: Arc<AtomicU32>,
}

fn server() -> Server {
    let executed = Arc::new(AtomicU32::new(0));
    let mut builder = Actions::builder();
    builder.add(action("/v1/add", Access::Anybody, many()), add);
    builder.add(action("/v1/mine", Access::Account, many()), add);
    builder.add(action("/v1/admin", Access::Operator, many()), add);
    builder.add(action("/v1/rare", Access::Anybody, Limits { per_second: 0.5, burst: 1, ..many() }), add);
    let narrow = Limits { parallel: 1, waiting: 2, timeout: Duration::from_secs(2), ..many() };
    for path in ["/v1/wait", "/v1/other"] {
        let executed = executed.clone();
        builder.add(action(path, Access::Anybody, narrow), move |caller, wait| waits(executed.clone(), caller, wait));
    }
    let breaker = Breaker { failures: 2, window: 4, wait: Duration::from_secs(5) };
    builder.add(action("/v1/fail", Access::Anybody, Limits { breaker, ..many() }), async |_, fail: Add| {
        assert!(fail.one != 13, "thirteen");
        if fail.one == 0 { Ok(()) } else { Err(Failure::new(status::FAILED, "as asked")) }
    });
    builder.add(action("/v1/large", Access::Anybody, many()), async |_, ()| Ok("x".repeat(20_000)));
    Server { actions: builder.build(), executed }
}

impl Server {
    async fn json(&self, path: &str, request: Json) -> JsonOutcome {
        self.actions.call_json(Caller::new(ADDRESS), path, &request, None).await
    }

    async fn status(&self, path: &str, request: Json) -> u16 {
        self.json(path, request).await.status
    }

    fn counted(&self, name: &str) -> u64 {
        let mut counted = None;
        self.actions.each_figure(&mut |figure, value| {
            if figure == format!("services_actions_{name}") {
                counted = Some(value);
            }
        });
        counted.expect("there is such a figure")
    }
}

fn message(reply: Reply) -> Vec<u8> {
    if let Reply::Now(message) = reply { message } else { panic!("it is answered at once") }
}

async fn later(reply: Reply) -> Option<Vec<u8>> {
    if let Reply::Later(message) = reply { message.await } else { panic!("it is not answered at once") }
}

/// A client that has said hello, and its epoch.
fn greeted(actions: &Actions) -> (Client, u64) {
    let client = actions.connect(None, false, ADDRESS);
    let mut hello = Vec::new();
    Hello { instance: INSTANCE }.write(&mut hello);
    let greeting = message(client.receive(&hello));
    (client, Greeting::read(&greeting).unwrap().epoch)
}

fn call(number: u32, epoch: u64, path: &str, request: impl Typed) -> Vec<u8> {
    let mut out = Vec::new();
    let value = request.into_value().to_bytes();
    Call { number, epoch, oldest: 1, deadline: 100, path, value: &value }.write(&mut out);
    out
}

fn cancel(number: u32) -> Vec<u8> {
    let mut out = Vec::new();
    Cancel { number }.write(&mut out);
    out
}

fn status_of(message: &[u8]) -> (u32, u16) {
    let outcome = Message::read(message).unwrap();
    (outcome.number, outcome.status)
}

#[tokio::test(start_paused = true)]
async fn an_action_is_reachable_by_json_and_by_bytes() {
    let server = server();
    let sum = server.json("/v1/add", json!({"one": 2, "other": 3})).await;
    assert_eq!(sum, JsonOutcome { status: 200, wait: None, body: json!({"sum": 5}) });
    let request = Add { one: 2, other: None }.into_value().to_bytes();
    let outcome = server.actions.call(Caller::new(ADDRESS), "/v1/add", &request).await;
    assert_eq!((outcome.status, outcome.value()), (200, Sum { sum: 2 }.into_value()));
    assert_eq!((server.counted("calls"), server.counted("answered")), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_what_is_wrong() {
    let server = server();
    let missing = server.json("/v1/add", json!({"other": 3})).await;
    assert_eq!((missing.status, missing.body), (400, json!({"message": "one: the field is absent"})));
    assert_eq!(server.status("/v1/nowhere", json!({})).await, 404);
    let garbage = server.actions.call(Caller::new(ADDRESS), "/v1/add", &[0x55]).await;
    assert_eq!(garbage.status, 400);
    assert_eq!(
        garbage.value().field("message"),
        Some(&Value::Text("the request is no value: a schema has an unknown type".into()))
    );
    let other = server.actions.call(Caller::new(ADDRESS), "/v1/add", &Wait { ms: 1 }.into_value().to_bytes()).await;
    assert_eq!(other.value().field("message"), Some(&Value::Text("one: the field is absent".into())));
    assert_eq!((server.counted("refused_malformed"), server.counted("refused_unknown_path")), (3, 1));
    let large = "x".repeat(17_000);
    assert_eq!(server.status("/v1/large", Json::Null).await, 500, "the answer is too large");
    assert_eq!(server.status("/v1/add", json!({"one": large})).await, 400);
}

#[tokio::test(start_paused = true)]
async fn actions_are_for_those_whom_they_are_for() {
    let server = server();
    let somebody = Caller::new(ADDRESS);
    let account = somebody.clone().account(AccountId(4));
    let operator = account.clone().operator();
    let request = json!({"one": 1});
    for (path, expected) in
        [("/v1/add", [200, 200, 200]), ("/v1/mine", [401, 200, 200]), ("/v1/admin", [401, 403, 200])]
    {
        let mut statuses = Vec::new();
        for caller in [&somebody, &account, &operator] {
            statuses.push(server.actions.call_json(caller.clone(), path, &request, None).await.status);
        }
        assert_eq!(statuses, expected, "{path}");
    }
    assert_eq!(server.counted("refused_access"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_malformed_request_needs_the_same_rights_and_costs_as_much_as_another() {
    let server = server();
    assert_eq!(server.status("/v1/mine", json!({})).await, 401);
    assert_eq!(server.status("/v1/rare", json!({})).await, 400);
    assert_eq!(server.status("/v1/rare", json!({})).await, 429);
    let counted = ["calls", "refused_access", "refused_malformed", "refused_rate"].map(|name| server.counted(name));
    assert_eq!(counted, [3, 1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_rate_says_when_to_come_again_and_changes_while_running() {
    let server = server();
    let one = || server.json("/v1/rare", json!({"one": 1}));
    assert_eq!(one().await.status, 200);
    let refused = one().await;
    assert_eq!(refused.status, 429);
    sleep(refused.wait.expect("it says the wait")).await;
    assert_eq!(one().await.status, 200);
    assert_eq!(one().await.status, 429);
    assert_eq!(server.actions.set_rate("/v1/rare", 1000.0, 10), Ok(()));
    sleep(Duration::from_millis(10)).await;
    assert_eq!(one().await.status, 200);
    assert_eq!(server.actions.set_rate("/v1/nowhere", 1.0, 1), Err(NoAction));
    assert_eq!(server.counted("refused_rate"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_slow_action_fills_its_own_room_only() {
    let server = server();
    let wait = |path| {
        let actions = server.actions.clone();
        tokio::spawn(async move { actions.call_json(Caller::new(ADDRESS), path, &json!({"ms": 500}), None).await })
    };
    let calls: Vec<_> = (0..4).map(|_| wait("/v1/wait")).collect();
    sleep(Duration::from_millis(1)).await;
    let start = Instant::now();
    assert_eq!(wait("/v1/other").await.unwrap().status, 200);
    assert_eq!(start.elapsed(), Duration::from_millis(500), "it did not wait for the others");
    let mut statuses = Vec::new();
    for call in calls {
        statuses.push(call.await.unwrap().status);
    }
    assert_eq!(statuses, [200, 200, 200, 503], "one is executed, two wait");
    assert_eq!(server.counted("refused_busy"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_beyond_its_deadline_is_not_executed() {
    let server = server();
    let first = server.actions.connect(None, false, ADDRESS);
    drop(first);
    let (client, epoch) = greeted(&server.actions);
    let first = client.receive(&call(1, epoch, "/v1/wait", Wait { ms: 1500 }));
    let second = client.receive(&call(2, epoch, "/v1/wait", Wait { ms: 1500 }));
    assert_eq!(status_of(&later(second).await.unwrap()), (2, status::EXPIRED));
    assert_eq!(status_of(&later(first).await.unwrap()), (1, 200));
    assert_eq!((server.executed.load(Ordering::Relaxed), server.counted("expired")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_too_long_is_stopped() {
    let server = server();
    let start = Instant::now();
    let outcome = server.json("/v1/wait", json!({"ms": 5000})).await;
    assert_eq!((outcome.status, start.elapsed()), (status::TIMEOUT, Duration::from_secs(2)));
    assert_eq!(server.status("/v1/wait", json!({"ms": 1})).await, 200, "its room is free again");
    assert_eq!(server.counted("timeouts"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_action_that_fails_is_suspended_and_tried_again() {
    let server = server();
    assert_eq!(server.status("/v1/fail", json!({"one": 1})).await, 500);
    assert_eq!(server.status("/v1/fail", json!({"one": 13})).await, 500, "a panic is a failure");
    let suspended = server.json("/v1/fail", json!({"one": 0})).await;
    assert_eq!((suspended.status, suspended.wait), (503, Some(Duration::from_secs(5))));
    assert_eq!(server.status("/v1/add", json!({"one": 0})).await, 200, "others go on");
    assert_eq!((server.counted("suspensions"), server.counted("suspended")), (1, 1));
    sleep(Duration::from_secs(5)).await;
    assert_eq!(server.status("/v1/fail", json!({"one": 0})).await, 200);
    assert_eq!((server.counted("suspended"), server.counted("refused_suspended"), server.counted("failed")), (0, 1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_repeated_call_is_executed_once_and_answered_on_the_new_connection() {
    let server = server();
    let (client, epoch) = greeted(&server.actions);
    let message = call(1, epoch, "/v1/wait", Wait { ms: 300 });
    let first = client.receive(&message);
    assert!(matches!(client.receive(&message), Reply::Nothing), "the first is still to be answered");
    let (again, same) = greeted(&server.actions);
    assert_eq!(same, epoch);
    let second = again.receive(&message);
    let (first, second) = tokio::join!(later(first), later(second));
    assert_eq!((first, second.map(|message| status_of(&message))), (None, Some((1, 200))));
    let third = self::message(again.receive(&message));
    assert_eq!(status_of(&third), (1, 200));
    assert_eq!(server.executed.load(Ordering::Relaxed), 1);
    assert_eq!((server.counted("repeated_running"), server.counted("repeated_answered")), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn an_outcome_waits_for_a_client_that_went_away() {
    let server = server();
    let (client, epoch) = greeted(&server.actions);
    let message = call(1, epoch, "/v1/wait", Wait { ms: 300 });
    drop((client.receive(&message), client));
    sleep(Duration::from_secs(1)).await;
    let (again, _) = greeted(&server.actions);
    assert_eq!(status_of(&self::message(again.receive(&message))), (1, 200));
    assert_eq!(server.executed.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_of_another_epoch_is_unknown() {
    let server = server();
    let (client, epoch) = greeted(&server.actions);
    let reply = client.receive(&call(1, epoch + 1, "/v1/wait", Wait { ms: 1 }));
    assert_eq!(status_of(&message(reply)), (1, status::UNKNOWN));
    assert_eq!((server.executed.load(Ordering::Relaxed), server.counted("unknown")), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_can_be_taken_back_before_and_while_it_is_executed() {
    let server = server();
    let (client, epoch) = greeted(&server.actions);
    let first = client.receive(&call(1, epoch, "/v1/wait", Wait { ms: 900 }));
    sleep(Duration::from_millis(1)).await;
    let second = client.receive(&call(2, epoch, "/v1/wait", Wait { ms: 900 }));
    sleep(Duration::from_millis(1)).await;
    assert!(matches!(client.receive(&cancel(2)), Reply::Nothing), "the outcome is still to come");
    assert_eq!(status_of(&later(second).await.unwrap()), (2, status::CANCELLED));
    client.receive(&cancel(1));
    assert_eq!(status_of(&later(first).await.unwrap()), (1, status::CONFLICT), "the handler decides");
    assert_eq!(status_of(&message(client.receive(&cancel(3)))), (3, status::CANCELLED));
    let late = client.receive(&call(3, epoch, "/v1/wait", Wait { ms: 1 }));
    assert_eq!(status_of(&message(late)), (3, status::CANCELLED), "it never was executed");
    assert_eq!((server.executed.load(Ordering::Relaxed), server.counted("cancelled")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn messages_out_of_order_and_of_two_instances_are_dropped() {
    let server = server();
    let client = server.actions.connect(None, false, ADDRESS);
    assert!(matches!(client.receive(&call(1, 1, "/v1/add", Add { one: 1, other: None })), Reply::Nothing));
    assert!(matches!(client.receive(&cancel(1)), Reply::Nothing));
    let (client, _) = greeted(&server.actions);
    let mut other = Vec::new();
    Hello { instance: [4; 16] }.write(&mut other);
    assert!(matches!(client.receive(&other), Reply::Nothing));
    assert!(matches!(client.receive(&[99]), Reply::Nothing));
    assert!(matches!(client.receive(&[]), Reply::Nothing));
    assert_eq!(server.counted("dropped_messages"), 5);
}

#[tokio::test(start_paused = true)]
async fn an_idempotency_key_makes_a_repeated_request_one_call() {
    let server = server();
    let call = async |key: &'static str, ms: u32| {
        let request = json!({"ms": ms});
        server.actions.call_json(Caller::new(ADDRESS), "/v1/wait", &request, Some(key)).await.status
    };
    const KEY: &str = "0123456789abcdef";
    let (first, second) = tokio::join!(call(KEY, 300), call(KEY, 300));
    assert_eq!((first, second, call(KEY, 300).await), (200, 200, 200));
    assert_eq!(server.executed.load(Ordering::Relaxed), 1);
    assert_eq!(call(KEY, 301).await, status::CONFLICT, "a key names one call");
    assert_eq!(call("short", 300).await, 400);
    sleep(Duration::from_secs(50)).await;
    assert_eq!(call(KEY, 301).await, 200, "it is forgotten");
    assert_eq!((server.counted("keys_of_other_calls"), server.counted("repeated_answered")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_goes_on_when_whoever_waits_goes_away() {
    let server = server();
    let call = server.json("/v1/wait", json!({"ms": 500}));
    tokio::time::timeout(Duration::from_millis(100), call).await.expect_err("it takes longer");
    assert_eq!(server.actions.running(), 1);
    sleep(Duration::from_secs(1)).await;
    assert_eq!((server.actions.running(), server.counted("answered")), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_finishes_what_runs_and_refuses_the_rest() {
    let server = server();
    let actions = server.actions.clone();
    let running = tokio::spawn(async move {
        actions.call_json(Caller::new(ADDRESS), "/v1/wait", &json!({"ms": 500}), None).await.status
    });
    sleep(Duration::from_millis(1)).await;
    let start = Instant::now();
    server.actions.drain().await;
    assert_eq!(start.elapsed(), Duration::from_millis(499));
    assert_eq!(running.await.unwrap(), 200);
    assert_eq!(server.status("/v1/add", json!({"one": 1})).await, 503);
    assert_eq!(server.counted("refused_stopping"), 1);
}

#[tokio::test]
async fn blocking_handlers_of_one_group_cannot_take_the_threads_of_another() {
    let (begun, blocked) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Arc::new(std::sync::Mutex::new(released));
    let (slow, quick) = (Pool::new("slow", 1, 1), Pool::new("quick", 1, 1));
    let mut builder = Actions::builder();
    builder.add_blocking(action("/v1/slow", Access::Anybody, many()), &slow, move |_, ()| {
        begun.send(()).unwrap();
        released.lock().unwrap().recv().unwrap();
        Ok(())
    });
    builder.add_blocking(action("/v1/quick", Access::Anybody, many()), &quick, |_, ()| Ok(7u32));
    builder.add_blocking(action("/v1/panic", Access::Anybody, many()), &quick, |_, ()| -> Result<(), _> {
        panic!("as asked")
    });
    let actions = builder.build();
    let call = |path| {
        let actions = actions.clone();
        tokio::spawn(async move { actions.call(Caller::new(ADDRESS), path, &[]).await.status })
    };
    let first = call("/v1/slow");
    tokio::task::yield_now().await;
    blocked.recv().unwrap();
    let second = call("/v1/slow");
    tokio::task::yield_now().await;
    assert_eq!(call("/v1/slow").await.unwrap(), 503, "one is executed, one waits");
    assert_eq!(call("/v1/quick").await.unwrap(), 200);
    assert_eq!(call("/v1/panic").await.unwrap(), 500);
    assert_eq!(call("/v1/quick").await.unwrap(), 200, "the thread is still there");
    release.send(()).unwrap();
    release.send(()).unwrap();
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (200, 200));
}

#[tokio::test(start_paused = true)]
async fn the_list_of_actions_has_their_types_and_comes_in_parts() {
    let server = server();
    let request = ListActions { prefix: Some("/v1/a".into()), after: None }.into_value().to_bytes();
    let outcome = server.actions.call(Caller::new(ADDRESS), LIST_PATH, &request).await;
    let list = ActionList::from_value(&outcome.value()).unwrap();
    let paths: Vec<_> = list.actions.iter().map(|entry| &*entry.path).collect();
    assert_eq!((paths, list.more), (vec!["/v1/actions", "/v1/add", "/v1/admin"], false));
    assert_eq!(list.actions[1].request, "{ one: u32, other: optional u32 }");
    let schema = ringshard_requests::value::Schema::read(&mut ringshard_requests::codec::Reader::new(
        &list.actions[1].request_schema.0,
    ));
    assert_eq!(schema, Ok(Add::schema()));

    let mut builder = Actions::builder();
    for number in 0..200 {
        let path: &'static str = format!("/v1/many/{number:03}").leak();
        builder.add(action(path, Access::Anybody, many()), add);
    }
    let actions = builder.build();
    let (mut paths, mut after) = (Vec::new(), None);
    loop {
        let request = ListActions { prefix: Some("/v1/many".into()), after: after.clone() }.into_value().to_bytes();
        let outcome = actions.call(Caller::new(ADDRESS), LIST_PATH, &request).await;
        let list = ActionList::from_value(&outcome.value()).unwrap();
        paths.extend(list.actions.into_iter().map(|entry| entry.path));
        after = paths.last().cloned();
        if !list.more {
            break;
        }
    }
    assert_eq!((paths.len(), paths.is_sorted()), (200, true));
}

/// Every object of the document, with its path.
fn objects<'a>(json: &'a Json, at: &str, found: &mut Vec<(String, &'a serde_json::Map<String, Json>)>) {
    match json {
        Json::Object(object) => {
            found.push((at.to_owned(), object));
            object.iter().for_each(|(name, inner)| objects(inner, &format!("{at}/{name}"), found));
        }
        Json::Array(items) => items.iter().for_each(|item| objects(item, at, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_openapi_document_has_the_structure_of_openapi() {
    let server = server();
    let document = server.actions.openapi("1.2.3");
    assert_eq!((&document["openapi"], &document["info"]["version"]), (&json!("3.1.0"), &json!("1.2.3")));
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), server.actions.describe().len());
    for (path, item) in paths {
        let post = &item["post"];
        assert_eq!(post["operationId"], path[1..].replace('/', "."));
        assert!(post["summary"].is_string() && post["description"].is_string(), "{path}");
        for status in ["200", "400", "429", "503", "default"] {
            let response = &post["responses"][status];
            assert!(response["description"].is_string(), "{path} {status}: the description is required");
            assert!(response["content"]["application/json"]["schema"].is_object(), "{path} {status}");
        }
    }
    let mut found = Vec::new();
    objects(&document, "", &mut found);
    for (at, object) in found {
        if let Some(Json::String(to)) = object.get("$ref") {
            let target = document.pointer(to.strip_prefix('#').expect("a reference into the document"));
            assert!(target.is_some(), "{at}: nothing is at {to}");
            assert_eq!(object.len(), 1, "{at}: a reference stands alone");
        }
        if let (Some(Json::Object(properties)), Some(Json::Array(required))) =
            (object.get("properties"), object.get("required"))
        {
            assert!(required.iter().all(|name| properties.contains_key(name.as_str().unwrap())), "{at}");
        }
    }
    assert_eq!(
        document["paths"]["/v1/add"]["post"]["requestBody"]["content"]["application/json"]["schema"],
        json!({
            "type": "object",
            "properties": {
                "one": {"type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32},
                "other": {"oneOf": [{"type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32}, {"type": "null"}]},
            },
            "required": ["one"],
            "additionalProperties": false,
        })
    );
    let security = |path: &str| document["paths"][path]["post"].get("security").is_some();
    assert_eq!([security("/v1/add"), security("/v1/mine"), security("/v1/admin")], [false, true, true]);
}

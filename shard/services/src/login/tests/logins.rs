use super::client::{Client, trust};
use super::*;
use axum::body::Body;
use axum::http::Method;

/// An error has these fields and no others.
fn assert_error(body: &Value, status: u16) {
    let fields: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["error", "status", "wait_ms"], "{body}");
    assert_eq!(body["status"], status, "{body}");
}

#[tokio::test]
async fn a_player_registers_logs_in_gets_a_ticket_and_logs_out() {
    let bench = Bench::open(|_| {}).await;
    let mut client = bench.client().await;
    let registered = client.post("/v1/accounts", None, &registration("ann")).await;
    assert_eq!(registered.status, 201);
    assert_eq!(registered.body["name"], "ann");

    let wrong = json!({ "email": "ann@example.org", "password": "wrong horse" });
    let wrong = client.post("/v1/login", None, &wrong).await;
    let unknown = json!({ "email": "bob@example.org", "password": "wrong horse" });
    let unknown = client.post("/v1/login", None, &unknown).await;
    assert_eq!((wrong.status, unknown.status), (401, 401));
    assert_error(&wrong.body, 401);
    assert_eq!(wrong.body, unknown.body, "an answer must not tell whether an account exists");

    let right = json!({ "email": "ann@example.org", "password": "correct horse" });
    let login = client.post("/v1/login", None, &right).await;
    assert_eq!(login.status, 200);
    let token = login.body["token"].as_str().unwrap().to_owned();
    let again = client.post("/v1/login", None, &json!({ "token": token })).await;
    assert_eq!(again.body, json!({ "account": login.body["account"], "name": "ann" }));

    let ticket = client.post("/v1/ticket", Some(&token), &json!({})).await;
    assert_eq!(ticket.status, 200, "{}", ticket.body);
    assert_eq!(ticket.body["address"], "play.example:4433");
    assert_eq!(ticket.body["server_key"], "07".repeat(32));
    assert!(ticket.body["ticket"].as_str().unwrap().len() > 100);
    let without_body = client.ask(Method::POST, "/v1/ticket", Some(&token), Body::empty()).await;
    assert_eq!(without_body.status, 200);
    let other = client.post("/v1/ticket", Some(&token), &json!({ "server": "08".repeat(32) })).await;
    assert_error(&other.body, 404);

    assert_eq!(client.post("/v1/logout", Some(&token), &Value::Null).await.status, 204);
    let after = client.get("/v1/sessions", Some(&token)).await;
    assert_error(&after.body, 401);
    assert_eq!(after.headers["www-authenticate"], "Bearer");
    assert!(bench.count("unauthorized") >= 3);
}

#[tokio::test]
async fn a_session_is_listed_and_revoked_by_another_session_of_the_account_alone() {
    let bench = Bench::open(|_| {}).await;
    let (ann, bob) = (bench.player("ann").await, bench.player("bob").await);
    let mut client = bench.client().await;
    let right = json!({ "email": "ann@example.org", "password": "correct horse" });
    let second = client.post("/v1/login", None, &right).await;
    let session = second.body["session"].as_u64().unwrap();
    let token = second.body["token"].as_str().unwrap();

    let listed = client.get("/v1/sessions", Some(&ann)).await;
    let ids: Vec<_> = listed.body["sessions"].as_array().unwrap().iter().map(|one| one["id"].as_u64()).collect();
    assert!(ids.len() == 2 && ids.contains(&Some(session)), "{}", listed.body);

    let path = format!("/v1/sessions/{session}");
    assert_error(&client.ask(Method::DELETE, &path, Some(&bob), Body::empty()).await.body, 404);
    assert_eq!(client.get("/v1/sessions", Some(token)).await.status, 200);
    assert_eq!(client.ask(Method::DELETE, &path, Some(&ann), Body::empty()).await.status, 204);
    assert_eq!(client.get("/v1/sessions", Some(token)).await.status, 401);
    assert_eq!(client.get("/v1/sessions", Some(&ann)).await.status, 200);
    assert_error(&client.ask(Method::DELETE, "/v1/sessions/x", Some(&ann), Body::empty()).await.body, 400);
}

#[tokio::test]
async fn each_error_has_the_same_fields_and_each_answer_the_same_headers() {
    let bench = Bench::open(|_| {}).await;
    let mut client = bench.client().await;
    let cases: [(Method, &str, &str, u16); 14] = [
        (Method::GET, "/", "", 404),
        (Method::GET, "/v1/ws", "", 400),
        (Method::GET, "/v1/login", "", 405),
        (Method::DELETE, "/v1/ticket", "", 405),
        (Method::POST, "/v1/none", "", 404),
        (Method::POST, "/v1/login", "", 400),
        (Method::POST, "/v1/login", "{}", 400),
        (Method::POST, "/v1/login", r#"{"email": "a@b.c", "password": "x", "token": "y"}"#, 400),
        (Method::POST, "/v1/login", r#"{"e": 1}"#, 400),
        (Method::POST, "/v1/accounts", r#"{"email": "a@b.c"}"#, 400),
        (Method::POST, "/v1/challenge", r#"{"key": "AAAA"}"#, 400),
        (Method::GET, "/v1/devices", "", 401),
        (Method::POST, "/v1/ticket", "{}", 401),
        (Method::POST, "/v1/logout", "", 401),
    ];
    for (method, path, body, status) in cases {
        let answer = client.ask(method.clone(), path, None, Body::from(body)).await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.body);
        assert_error(&answer.body, status);
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
    }
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    assert_error(&client.ask(Method::POST, "/v1/twice", None, Body::from(deep)).await.body, 400);
    let health = client.get("/v1/health", None).await;
    assert_eq!((health.status, health.body), (200, json!({ "status": "ok" })));
    assert_eq!(health.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_and_its_client_sees_why() {
    let bench = Bench::open(|_| {}).await;
    for length in [65_537, 200_000] {
        let mut client = bench.client().await;
        let long = client.ask(Method::POST, "/v1/login", None, Body::from(vec![b' '; length])).await;
        assert_error(&long.body, 413);
    }
    assert_eq!(bench.count("bodies_long"), 2);
}

#[tokio::test]
async fn http2_serves_many_requests_on_one_connection() {
    let bench = Bench::open(|_| {}).await;
    let tls = trust(&bench.folder.certificate(), &[b"h2"]);
    let mut client = Client::connect(bench.door.address(), &tls).await.unwrap();
    let registered = client.post("/v1/accounts", None, &registration("ann")).await;
    assert_eq!(registered.status, 201);
    let token = registered.body["token"].as_str().unwrap();
    for number in 0..15 {
        let twice = client.post("/v1/twice", Some(token), &json!({ "number": number })).await;
        assert_eq!(twice.body, json!({ "number": 2 * number }));
    }
    assert_eq!(bench.count("connections"), 1);
}

#[tokio::test]
async fn an_action_is_called_by_who_may_and_its_failure_has_the_fields_of_each_error() {
    let bench = Bench::open(|settings| settings.operators = vec![AccountId(1)]).await;
    let (ann, bob) = (bench.player("ann").await, bench.player("bob").await);
    let mut client = bench.client().await;
    let mine = client.post("/v1/mine", Some(&bob), &Value::Null).await;
    assert_eq!((mine.status, mine.body), (200, json!(2)));
    assert_error(&client.post("/v1/mine", None, &Value::Null).await.body, 401);
    assert_error(&client.post("/v1/mine", Some("invalid"), &Value::Null).await.body, 401);
    assert_error(&client.post("/v1/twice", Some("invalid"), &json!({ "number": 1 })).await.body, 401);
    assert_error(&client.post("/v1/twice", None, &json!({ "number": 3_000_000_000_u32 })).await.body, 409);
    assert_error(&client.post("/v1/twice", None, &json!({ "n": 3 })).await.body, 400);
    assert_error(&client.post("/v1/rule", Some(&bob), &Value::Null).await.body, 403);
    assert_eq!(client.post("/v1/rule", Some(&ann), &Value::Null).await.status, 200);

    let listed = client.get("/v1/actions", None).await.body;
    let paths: Vec<_> = listed["actions"].as_array().unwrap().iter().map(|action| &action["path"]).collect();
    assert!(paths.contains(&&json!("/v1/twice")) && paths.contains(&&json!("/v1/chat/say")), "{paths:?}");
}

#[tokio::test]
async fn the_description_has_each_endpoint_and_what_refusals_look_like() {
    let bench = Bench::open(|_| {}).await;
    let mut client = bench.client().await;
    let document = client.get("/v1/openapi.json", None).await.body;
    assert!(document["paths"]["/v1/twice"]["post"].is_object(), "actions are there, too");
    for route in include_str!("../endpoints/mod.rs").lines().filter_map(|line| line.split(".route(\"").nth(1)) {
        let path = route.split('"').next().unwrap();
        assert!(document["paths"][path].is_object(), "{path} is missing");
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let at = path.replace("{device}", "1").replace("{session}", "1");
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answer = client.ask(method.clone(), &at, None, Body::empty()).await;
            assert_eq!(operation["security"].is_array(), answer.status == 401, "{method} {path}: {}", answer.status);
            assert!(![404, 405].contains(&answer.status), "{method} {path}: {}", answer.status);
        }
    }
    let refused = client.get("/v1/sessions", None).await.body;
    let described = document["components"]["schemas"]["Refusal"]["required"].as_array().unwrap();
    let names: Vec<&str> = described.iter().map(|name| name.as_str().unwrap()).collect();
    assert!(names.iter().all(|name| refused.get(name).is_some()), "{refused}");
    assert_eq!(names.len(), refused.as_object().unwrap().len());
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(reference).is_some(), "nothing is at {reference}");
    }
}

#[tokio::test]
async fn a_device_logs_in_with_a_signature_once_it_is_added() {
    use crate::accounts::{Challenge, signed_to_add, signed_to_log_in};
    use base64ct::{Base64UrlUnpadded as Base64, Encoding};
    use ring::signature::{Ed25519KeyPair, KeyPair};

    let bench = Bench::open(|_| {}).await;
    let ann = bench.player("ann").await;
    let mut client = bench.client().await;
    let pair = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
    let key = Base64::encode_string(pair.public_key().as_ref());
    let proof = async |signed: fn(&Challenge) -> Vec<u8>, client: &mut Client| {
        let answer = client.post("/v1/challenge", None, &json!({ "key": key })).await;
        let challenge = answer.body["challenge"].as_str().unwrap().to_owned();
        let bytes = Base64::decode_vec(&challenge).unwrap().try_into().unwrap();
        let signature = pair.sign(&signed(&Challenge(bytes)));
        json!({ "key": key, "challenge": challenge, "signature": Base64::encode_string(signature.as_ref()) })
    };
    let early = json!({ "device": proof(signed_to_log_in, &mut client).await });
    assert_error(&client.post("/v1/login", None, &early).await.body, 401);

    let add = json!({ "device": proof(signed_to_add, &mut client).await, "label": "phone" });
    let added = client.post("/v1/devices", Some(&ann), &add).await;
    assert_eq!(added.status, 201, "{}", added.body);
    let login = json!({ "device": proof(signed_to_log_in, &mut client).await });
    let logged_in = client.post("/v1/login", None, &login).await;
    assert_eq!((logged_in.status, &logged_in.body["name"]), (200, &json!("ann")));
    assert_error(&client.post("/v1/login", None, &login).await.body, 401);

    assert_eq!(client.get("/v1/devices", Some(&ann)).await.body["devices"][0]["label"], "phone");
    let path = format!("/v1/devices/{}", added.body["id"]);
    assert_eq!(client.ask(Method::DELETE, &path, Some(&ann), Body::empty()).await.status, 204);
    let token = logged_in.body["token"].as_str().unwrap();
    assert_eq!(client.get("/v1/sessions", Some(token)).await.status, 401, "the sessions of a removed device end");
}

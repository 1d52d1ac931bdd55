use super::client::Socket;
use super::*;
use ringshard_requests::value;
use tokio_tungstenite::tungstenite;

/// Opens a WebSocket whose token is in its header, and waits until it is ready.
async fn socket(bench: &Bench, token: &str) -> Socket {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let mut socket = Socket::open(bench.door.address(), &bench.tls, &headers).await.unwrap();
    assert_eq!(socket.hear().await["type"], "ready");
    socket
}

#[tokio::test]
async fn two_players_chat_and_see_each_other_come_and_go() {
    let bench = Bench::open(|_| {}).await;
    let (ann, bob) = (bench.player("ann").await, bench.player("bob").await);
    let mut ann_socket = socket(&bench, &ann).await;
    let mut bob_socket = Socket::open(bench.door.address(), &bench.tls, &[]).await.unwrap();
    bob_socket.say(json!({ "type": "hello", "token": bob })).await;
    assert_eq!(bob_socket.hear().await, json!({ "type": "ready", "account": 2, "name": "bob" }));

    let joined = ann_socket.ask(json!({ "type": "join", "room": "world", "id": 1 })).await;
    assert_eq!(joined, json!({ "type": "answer", "id": 1, "status": 200 }));
    let refused = bob_socket.ask(json!({ "type": "say", "room": "world", "text": "hi", "id": 2 })).await;
    assert_eq!((&refused["id"], &refused["status"], &refused["wait_ms"]), (&json!(2), &json!(409), &json!(0)));
    bob_socket.ask(json!({ "type": "join", "room": "world" })).await;
    let came = json!({ "room": "world", "account": 2, "name": "bob", "joined": true });
    // Its own arrival is first.
    assert_eq!(ann_socket.notice("room").await["name"], "ann");
    assert_eq!(ann_socket.notice("room").await, came);

    bob_socket.say(json!({ "type": "say", "room": "world", "text": "hello", "id": 3 })).await;
    let line = ann_socket.notice("chat").await;
    assert_eq!((&line["number"], &line["name"], &line["text"]), (&json!(1), &json!("bob"), &json!("hello")));
    // The other door to the same hub.
    let say = json!({ "room": "world", "text": "and over HTTPS" });
    let mut client = bench.client().await;
    assert_eq!(client.post("/v1/chat/say", Some(&ann), &say).await.body, json!({ "number": 2 }));
    assert_eq!(bob_socket.notice("chat").await["text"], "hello");
    assert_eq!(bob_socket.notice("chat").await["text"], "and over HTTPS");

    let history = bob_socket.ask(json!({ "type": "history", "room": "world", "after": 1 })).await;
    assert_eq!(history["lines"][0]["text"], "and over HTTPS");
    let who = bob_socket.ask(json!({ "type": "who", "room": "world" })).await;
    assert_eq!(who["players"][0], json!({ "account": 1, "name": "ann", "state": "online" }));
    ann_socket.ask(json!({ "type": "presence", "state": "away" })).await;
    assert_eq!(bob_socket.notice("presence").await["state"], "away");
    drop(ann_socket);
    assert_eq!(bob_socket.notice("presence").await["state"], "offline");
    bench.hub.notify(AccountId(2), "mail", value::Value::Text("you have mail".to_owned()));
    assert_eq!(bob_socket.notice("mail").await, "you have mail");
}

#[tokio::test]
async fn a_member_that_reads_nothing_is_cut_and_holds_up_nobody() {
    let bench = Bench::open(|settings| settings.stalled = Duration::from_millis(100)).await;
    let (slow, quick) = (bench.player("slow").await, bench.player("quick").await);
    let slow_socket = socket(&bench, &slow).await;
    let mut quick_socket = socket(&bench, &quick).await;
    let large = "x".repeat(10_000);
    let mut told = 0;
    // The kernel's buffers take some megabytes before the server sees that nobody reads.
    while bench.hub.members() == 2 {
        bench.hub.announce("news", value::Value::Text(large.clone()));
        assert_eq!(quick_socket.notice("news").await.as_str().unwrap().len(), large.len());
        told += 1;
        assert!(told < 10_000, "a member that reads nothing is never cut");
    }
    assert_eq!(bench.count("readers_slow"), 1);
    drop(slow_socket);
}

#[tokio::test]
async fn a_socket_without_a_valid_token_is_told_why_and_closed() {
    let bench = Bench::open(|_| {}).await;
    let ann = bench.player("ann").await;
    let address = bench.door.address();
    for (first, status) in [
        (json!({ "type": "hello", "token": "A".repeat(43) }), 401),
        (json!({ "type": "hello", "token": "no token" }), 401),
        (json!({ "type": "join", "room": "world" }), 401),
        (json!({ "type": "hello" }), 400),
    ] {
        let mut socket = Socket::open(address, &bench.tls, &[]).await.unwrap();
        socket.say(first).await;
        let (last, code) = socket.end().await;
        assert_eq!((&last.unwrap()["status"], code), (&json!(status), Some(1008)));
    }
    assert_eq!(bench.count("sockets_unauthorized"), 4);

    let bearer = format!("Bearer {ann}");
    let refusals = [
        (vec![("authorization", "Bearer invalid")], 401),
        (vec![("authorization", "Basic YTpi")], 401),
        (vec![("origin", "https://evil.example"), ("authorization", bearer.as_str())], 403),
    ];
    for (headers, status) in refusals {
        match Socket::open(address, &bench.tls, &headers).await {
            Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), status),
            other => panic!("expected {status}, got {:?}", other.err()),
        }
    }
    assert_eq!(bench.count("sockets_origin"), 1);
    assert_eq!(bench.hub.members(), 0);
}

#[tokio::test]
async fn a_socket_that_never_says_hello_is_closed() {
    let bench = Bench::open(|settings| settings.hello = Duration::from_millis(20)).await;
    let mut socket = Socket::open(bench.door.address(), &bench.tls, &[]).await.unwrap();
    let (last, code) = socket.end().await;
    assert_eq!((&last.unwrap()["status"], code), (&json!(408), Some(1008)));
}

#[tokio::test]
async fn logging_out_closes_the_sockets_of_that_session_at_once_and_no_others() {
    let bench = Bench::open(|_| {}).await;
    let first = bench.player("ann").await;
    let mut client = bench.client().await;
    let right = json!({ "email": "ann@example.org", "password": "correct horse" });
    let second = client.post("/v1/login", None, &right).await.body["token"].as_str().unwrap().to_owned();
    let (mut first_socket, mut second_socket) = (socket(&bench, &first).await, socket(&bench, &second).await);
    client.post("/v1/logout", Some(&first), &Value::Null).await;
    let (last, code) = first_socket.end().await;
    assert_eq!((&last.unwrap()["status"], code), (&json!(401), Some(1008)));
    assert_eq!(second_socket.ask(json!({ "type": "join", "room": "a" })).await["status"], 200);
    assert_eq!(bench.count("sockets_revoked"), 1);
}

#[tokio::test]
async fn a_socket_that_floods_is_refused_and_then_closed() {
    let bench = Bench::open(|_| {}).await;
    let ann = bench.player("ann").await;
    let mut socket = socket(&bench, &ann).await;
    let mut fast = 0;
    for _ in 0..60 {
        let answer = socket.ask(json!({ "type": "who", "room": "none" })).await;
        if answer["status"] == json!(429) {
            assert!(answer["wait_ms"].as_u64().unwrap() > 0);
            fast += 1;
        }
    }
    assert_eq!(bench.count("socket_messages_fast"), fast);
    socket.say(json!({ "type": "say", "room": "a", "text": "x".repeat(5_000) })).await;
    assert_eq!(socket.end().await.1, None, "a message that is too long ends the connection");
}

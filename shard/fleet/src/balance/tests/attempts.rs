//! Attempts to change something that come to nothing: each is audited and counted, and a reader's token does not fill the
//! audit.

use super::*;
use serde_json::Value;
use tokio::io::AsyncWriteExt;

async fn audited(folder: &Folder) -> (Bench, PathBuf) {
    let (audit, policy) = (folder.path("audit.jsonl"), folder.replace("policy.toml", "strategy = 'sticky'\n"));
    let (tokens, policy) = (Some(folder.tokens()), Some(policy));
    let settings = Settings { tokens, policy, audit: Some(audit.clone()), ..settings() };
    (Bench::start(settings, hosts()).await, audit)
}

fn text<'a>(line: &'a Value, field: &str) -> &'a str {
    line[field].as_str().unwrap_or_else(|| panic!("{field}: {line}"))
}

#[tokio::test]
async fn every_attempt_of_a_holder_is_audited_before_it_is_answered() {
    let folder = Folder::new();
    let (bench, audit) = audited(&folder).await;
    let mut client = bench.client().await;
    let long = format!(r#"{{"reason": "{}"}}"#, "ä".repeat(300));
    let attempts = [
        (READER, "POST", "/v1/hosts/eu-1/drain", "{}", 403, "boards", "drain", "eu-1", "may read, but not write"),
        (READER, "PUT", "/v1/policy", "{}", 403, "boards", "put", "policy", "may read, but not write"),
        (WRITER, "POST", "/v1/hosts/none/drain", "{}", 404, "anna", "drain", "none", "the fleet has no host none"),
        (WRITER, "POST", "/v1/hosts/A%0aB/drain", "{}", 404, "anna", "drain", "AB", "there is no such host"),
        (WRITER, "POST", "/v1/hosts/%ff/drain", "{}", 404, "anna", "drain", "", "there is no such host"),
        (WRITER, "POST", "/v1/hosts/eu-1/drain", &long, 400, "anna", "drain", "eu-1", "reason: expected at most 500"),
        (
            WRITER,
            "POST",
            "/v1/hosts/eu-1/maintenance",
            "{",
            400,
            "anna",
            "maintenance",
            "eu-1",
            "is not the JSON needed",
        ),
        (
            WRITER,
            "PUT",
            "/v1/policy",
            r#"{"reserve-percent": 99}"#,
            422,
            "anna",
            "put",
            "policy",
            "reserve-percent is 99",
        ),
    ];
    for (number, (token, method, path, body, status, who, action, target, outcome)) in (1..).zip(attempts) {
        let answer = client.send_as(token, method, path, body).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        let lines = lines(&audit);
        assert_eq!(lines.len(), number, "{path}: {lines:?}");
        let line = &lines[number - 1];
        assert_eq!((text(line, "who"), text(line, "action"), text(line, "target")), (who, action, target));
        assert!(text(line, "outcome").contains(outcome), "{line}");
        assert_eq!(bench.counter("changes_failed").await, number as u64, "{path}");
    }
    assert_eq!(lines(&audit)[5]["details"]["reason"], "ä".repeat(250));
    assert_eq!(bench.counter("changes").await, 0);
}

#[tokio::test]
async fn strangers_are_not_audited() {
    let folder = Folder::new();
    let (bench, audit) = audited(&folder).await;
    let mut client = bench.client().await;
    assert_eq!(client.send_as("wrong-0123456789abcdef", "PUT", "/v1/policy", "{}").await.status, 401);
    assert_eq!(client.ask("POST", "/v1/hosts/eu-1/drain", "", "{}").await.status, 401);
    assert_eq!((lines(&audit).len(), bench.counter("changes_failed").await), (0, 0));
}

#[tokio::test]
async fn a_reader_that_floods_gets_ten_lines_a_minute_and_writers_have_theirs() {
    let folder = Folder::new();
    let (bench, audit) = audited(&folder).await;
    let mut client = bench.client().await;
    for _ in 0..200 {
        assert_eq!(client.send_as(READER, "POST", "/v1/hosts/eu-1/drain", "{}").await.status, 403);
    }
    // A minute may end meanwhile.
    let of_reader = lines(&audit).len();
    assert!((10..=20).contains(&of_reader), "{of_reader} lines");
    assert_eq!(bench.counter("changes_failed").await, 200);
    assert_eq!(client.send_as(WRITER, "POST", "/v1/hosts/eu-1/drain", "{}").await.status, 409);
    assert_eq!(text(lines(&audit).last().unwrap(), "who"), "anna");
}

#[tokio::test]
async fn an_attempt_whose_client_leaves_is_audited() {
    let folder = Folder::new();
    let (bench, audit) = audited(&folder).await;
    let mut stream = tokio::net::TcpStream::connect(bench.server.address()).await.unwrap();
    let head = "POST /v1/hosts/eu-1/drain HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9";
    stream.write_all(format!("{head}\r\nauthorization: Bearer {WRITER}\r\n\r\n{{").as_bytes()).await.unwrap();
    // The balancer waits for the rest of the body.
    sleep(Duration::from_millis(50)).await;
    drop(stream);
    let end = Instant::now() + Duration::from_secs(20);
    while lines(&audit).is_empty() && Instant::now() < end {
        sleep(Duration::from_millis(10)).await;
    }
    let lines = lines(&audit);
    assert_eq!((lines.len(), text(&lines[0], "who"), text(&lines[0], "target")), (1, "anna", "eu-1"));
    assert_ne!(text(&lines[0], "outcome"), "done");
}

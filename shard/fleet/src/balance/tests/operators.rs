use super::*;
use crate::balance::counters::Counters;
use serde_json::json;

#[tokio::test]
async fn without_tokens_this_host_may_look_and_nobody_may_change() {
    let bench = Bench::start(settings(), hosts()).await;
    let mut client = bench.client().await;
    let fleet = client.get("/v1/fleet").await.json();
    assert_eq!((fleet["hosts"].as_array().unwrap().len(), fleet["may_write"].as_bool()), (20, Some(false)));
    assert_eq!(
        (fleet["regions"]["eu"]["ready"].as_u64(), fleet["regions"]["eu"]["capacity"].as_u64()),
        (Some(10), Some(1_000))
    );
    assert_eq!(client.ask("GET", "/v1/fleet", "x-forwarded-for: 192.0.2.1\r\n", "").await.status, 401);
    assert_eq!(client.ask("GET", "/v1/fleet", "origin: http://evil.example\r\n", "").await.status, 401);
    client.send(b"GET /v1/fleet HTTP/1.1\r\nhost: rebound.example\r\n\r\n").await;
    assert_eq!(client.read().await.unwrap().status, 401, "the name of another site leads here");
    assert_eq!(client.ask("POST", "/v1/hosts/eu-0/drain", "", "{}").await.status, 403);
    assert_eq!(client.ask("PUT", "/v1/policy", "", "{}").await.status, 403);
}

#[tokio::test]
async fn readers_look_and_writers_change_and_each_change_is_audited() {
    let folder = Folder::new();
    let policy = folder.path("policy.toml");
    std::fs::write(&policy, "strategy = 'sticky'\n").unwrap();
    let audit = folder.path("audit.jsonl");
    let settings = Settings {
        tokens: Some(folder.tokens()),
        audit: Some(audit.clone()),
        policy: Some(policy.clone()),
        ..settings()
    };
    let bench = Bench::start(settings, hosts()).await;
    let mut client = bench.client().await;
    for path in ["/v1/fleet", "/v1/flows", "/v1/policy", "/v1/explain", "/metrics"] {
        assert_eq!(client.get(path).await.status, 401, "{path}");
        assert_eq!(client.get_as("wrong-0123456789abcdef", path).await.status, 401, "{path}");
        assert_eq!(client.get_as(READER, path).await.status, 200, "{path}");
    }
    let forbidden = client.send_as(READER, "PUT", "/v1/policy", "{}").await;
    assert_eq!((forbidden.status, forbidden.error().as_str()), (403, "the token of boards may read, but not write"));
    let changed = json!({ "strategy": "weighted", "overflow": "none" }).to_string();
    assert_eq!(client.send_as(WRITER, "PUT", "/v1/policy", &changed).await.status, 200);
    assert_eq!(client.get_as(READER, "/v1/policy").await.json()["strategy"], "weighted");
    assert!(std::fs::read_to_string(&policy).unwrap().contains("weighted"), "the next start has it, too");
    let wrong = client.send_as(WRITER, "PUT", "/v1/policy", r#"{"reserve-percent": 99}"#).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.error().contains("reserve-percent is 99, but must be 0 to 50"));
    let order = client.send_as(WRITER, "POST", "/v1/hosts/eu-1/maintenance", r#"{"on": true, "reason": "disk"}"#).await;
    assert_eq!(order.status, 409, "the hosts are in a file: {}", order.text);
    assert_eq!(client.send_as(WRITER, "POST", "/v1/hosts/none/drain", "{}").await.status, 404);
    // What was refused has its line, too.
    let lines = [&lines(&audit)[1], &lines(&audit)[3]];
    assert_eq!(
        (lines[0]["who"].as_str(), lines[0]["action"].as_str(), lines[0]["outcome"].as_str()),
        (Some("anna"), Some("put"), Some("done"))
    );
    assert_eq!(lines[0]["details"]["strategy"], "weighted");
    assert_eq!((lines[1]["action"].as_str(), lines[1]["target"].as_str()), (Some("maintenance on"), Some("eu-1")));
    assert_eq!(lines[1]["details"]["reason"], "disk");
    assert!(lines[1]["outcome"].as_str().unwrap().contains("edit the file"));
}

#[tokio::test]
async fn a_new_policy_and_new_tokens_are_taken_from_their_files_and_wrong_ones_are_not() {
    let folder = Folder::new();
    let policy = Some(folder.replace("policy.toml", "strategy = 'sticky'\n"));
    let settings = Settings { tokens: Some(folder.tokens()), policy, ..settings() };
    let bench = Bench::start(settings, hosts()).await;
    let mut client = bench.client().await;
    folder.replace("policy.toml", "strategy = 'fair'\n");
    until(&mut client, READER, "/metrics", "ringshard_balance_policies_failed_total 1").await;
    assert_eq!(client.get_as(READER, "/v1/policy").await.json()["strategy"], "sticky");
    folder.replace("policy.toml", "strategy = 'weighted'\n");
    folder.private("tokens", "boards read another-0123456789abcdef\n");
    until(&mut client, "another-0123456789abcdef", "/v1/policy", "weighted").await;
    assert_eq!(client.get_as(WRITER, "/v1/policy").await.status, 401, "the token is gone");
    folder.private("tokens", "boards read short\n");
    until(&mut client, "another-0123456789abcdef", "/metrics", "ringshard_balance_tokens_failed_total 1\n").await;
}

#[tokio::test]
async fn tokens_that_others_could_read_are_taken_once_they_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let bench = Bench::start(Settings { tokens: Some(folder.tokens()), ..settings() }, hosts()).await;
    let mut client = bench.client().await;
    let (begun, path) = (folder.private("begun", "boards read another-0123456789abcdef\n"), folder.path("tokens"));
    std::fs::set_permissions(&begun, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::rename(begun, &path).unwrap();
    until(&mut client, READER, "/metrics", "ringshard_balance_tokens_failed_total 1\n").await;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    until(&mut client, "another-0123456789abcdef", "/v1/fleet", "eu-1").await;
}

/// The page has no other test: it needs a browser.
#[test]
fn the_dashboard_does_nothing_if_a_question_is_cancelled() {
    let page = include_str!("../dashboard.html");
    assert!(!page.contains(") ?? ''") && !page.contains("prompt('A token of the balancer:') || ''"));
    assert_eq!(page.matches("prompt(").count(), page.matches("=== null) return").count(), "each can be cancelled");
    assert!(page.contains("its players go to other hosts"), "an operator must know what a drain does to players");
}

#[tokio::test]
async fn a_scrape_has_every_counter_and_every_region() {
    let bench = Bench::start(settings(), hosts()).await;
    let mut client = bench.client().await;
    client.get("/v1/route").await;
    let page = client.get("/metrics").await.text;
    Counters::default().each(&mut |name, help, _| {
        assert!(page.contains(&format!("# HELP ringshard_balance_{name} {help}\n")), "{name}: {help}");
        assert!(page.contains(&format!("\nringshard_balance_{name}_total ")), "{name}");
    });
    for expected in [
        "ringshard_balance_routed_total 1\n",
        "ringshard_balance_refusals_total{reason=\"queue_full\"} 0\n",
        "ringshard_balance_hosts{region=\"us\",state=\"ready\"} 10",
        "ringshard_balance_capacity{region=\"eu\"} 1000",
        "# EOF",
    ] {
        assert!(page.contains(expected), "{expected}\n{page}");
    }
}

#[tokio::test]
async fn flows_tell_where_clients_went() {
    let bench = Bench::start(settings(), hosts()).await;
    let mut client = bench.client().await;
    for _ in 0..3 {
        client.get("/v1/route?region=us").await;
    }
    let flows = client.get("/v1/flows").await.json();
    assert_eq!((flows["flows"][0]["to"].as_str(), flows["flows"][0]["clients"].as_u64()), (Some("us"), Some(3)));
    assert_eq!(flows["per_slice"].as_array().unwrap().len(), 30);
}

#[tokio::test]
async fn a_balancer_is_ready_once_it_knows_the_fleet_and_ends_without_cutting_answers() {
    let (sender, directory) = watch::channel(Arc::new(Directory::default()));
    let server = Server::start(settings(), reader(directory), None).await.unwrap();
    let mut client = Client::connect(server.address()).await;
    assert_eq!(client.get("/ready").await.status, 503);
    sender.send(Arc::new(super::directory(hosts()))).unwrap();
    until(&mut client, "", "/ready", "ready\n").await;
    assert_eq!(client.get("/ready").await.status, 200);
    assert!(client.get("/").await.text.contains("<title>Ringshard fleet</title>"));
    let address = server.address();
    let cut = timeout(Duration::from_secs(20), server.drain()).await.expect("an idle connection holds nothing up");
    assert_eq!(cut, 0);
    assert!(client.read().await.is_none(), "the idle connection is closed");
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[test]
fn the_page_names_every_counter_with_its_meaning_and_the_settings_file_every_setting() {
    let page = include_str!("../../../BALANCE.md");
    Counters::default().each(&mut |name, help, _| {
        let row = format!("| `ringshard_balance_{name}_total` | counter | {} |", help.trim_end_matches('.'));
        assert!(page.contains(&row), "BALANCE.md lacks this line under Metrics:\n{row}");
    });
    let file = include_str!("../../../../deploy/balance.toml");
    let settings = file.lines().filter_map(|line| line.trim_start_matches("# ").split_once(" = "));
    let written: String = settings.map(|(name, value)| format!("{name} = {value}\n")).collect();
    let raw: super::super::Raw = toml::from_str(&written).expect("every line is a setting");
    let debug = format!("{raw:?}");
    assert_eq!(debug.matches(": None").count(), 1, "`threads` has no fixed default: {debug}");
    let defaults = Settings::default();
    assert_eq!(raw.listen, Some(defaults.listen));
    assert_eq!(raw.max_connections, Some(defaults.limits.connections));
    assert_eq!(raw.max_connections_per_address, Some(defaults.limits.connections_per_address));
    assert_eq!(raw.requests_per_second, Some(defaults.limits.requests_per_second));
    assert_eq!(raw.allow, Some(defaults.limits.allow));
    assert_eq!(raw.drain_secs, Some(defaults.drain.as_secs()));
}

#[tokio::test]
async fn orders_are_kept_by_the_registry_with_who_gave_them() {
    use crate::balance::Registry;
    use crate::registry::Keys;
    use crate::store::{MemoryStore, Store};
    let folder = Folder::new();
    let (_sender, directory) = watch::channel(Arc::new(super::directory(hosts())));
    let registry = Registry { store: Store::Memory(MemoryStore::default()), keys: Keys::new("/f/") };
    let settings = Settings { tokens: Some(folder.tokens()), ..settings() };
    let server = Server::start(settings, reader(directory), Some(registry.clone())).await.unwrap();
    let mut client = Client::connect(server.address()).await;
    let on = client.send_as(WRITER, "POST", "/v1/hosts/eu-1/maintenance", r#"{"on": true, "reason": "disk"}"#).await;
    assert_eq!(on.status, 200, "{}", on.text);
    let key = registry.keys.orders(&"eu-1".parse().unwrap());
    let kept = registry.store.get(&key).await.unwrap().expect("the order is kept");
    let kept: serde_json::Value = serde_json::from_slice(&kept.value).unwrap();
    assert_eq!(kept["maintenance"]["by"], "anna by ringshard balance");
    assert_eq!(kept["maintenance"]["reason"], "disk");
    let drain = client.send_as(WRITER, "POST", "/v1/hosts/eu-1/drain", "{}").await;
    assert_eq!(drain.status, 404, "the registry has no record of this host: {}", drain.text);
    let off = client.send_as(WRITER, "POST", "/v1/hosts/eu-1/maintenance", r#"{"on": false}"#).await;
    assert_eq!(off.status, 200, "{}", off.text);
    assert!(registry.store.get(&key).await.unwrap().is_none());
}

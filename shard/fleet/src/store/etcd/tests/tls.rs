//! A node of etcd that speaks TLS.

use super::node::{Etcd, up};
use super::run;
use crate::authority::Authority;
use crate::store::etcd::EtcdStore;
use crate::store::{Commit, EtcdSettings, Store, StoreError};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Settings for a node whose certificate this file verifies.
fn trusting(etcd: &Etcd, file: &Path) -> EtcdSettings {
    EtcdSettings { ca_certificate: Some(file.to_owned()), ..etcd.settings() }
}

/// What a request is answered under these settings.
async fn error(settings: &EtcdSettings) -> StoreError {
    let store = Store::Etcd(EtcdStore::new(settings, 0).expect("the files can be read"));
    store.get("/f/a").await.expect_err("it does not get through")
}

/// Asks until the error has these words. No request may succeed.
async fn until_told(settings: &EtcdSettings, words: &str) -> StoreError {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let error = error(settings).await;
        if error.to_string().contains(words) {
            return error;
        }
        assert!(Instant::now() < until, "{error}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn the_certificate_of_etcd_is_verified_and_an_error_names_the_file() {
    let (right, wrong) = (Authority::new(), Authority::new());
    let [certificate, key] = right.sign("etcd", &["127.0.0.1"]);
    let flags = ["--cert-file", &certificate, "--key-file", &key];
    let Some(etcd) = Etcd::start_as("https", &flags) else { return };
    run(async {
        let store = up(&trusting(&etcd, &right.file())).await;
        store.commit(Commit::put("/f/a", vec![1], None)).await.expect("it is written");
        assert_eq!(store.get("/f/a").await.unwrap().unwrap().value, [1]);
        let error = error(&trusting(&etcd, &wrong.file())).await.to_string();
        let file = wrong.file().display().to_string();
        for word in ["invalid peer certificate", "etcd.ca-certificate must name", &file] {
            assert!(error.contains(word), "{word}: {error}");
        }
    });
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let authority = Authority::new();
    let [certificate, key] = authority.sign("etcd", &["etcd.example"]);
    let Some(etcd) = Etcd::start_as("https", &["--cert-file", &certificate, "--key-file", &key]) else { return };
    run(async {
        // Nothing tells when this node is up, because nobody can use it.
        until_told(&trusting(&etcd, &authority.file()), "for the host in etcd.endpoints").await;
    });
}

#[test]
fn etcd_may_ask_for_the_certificate_of_a_client() {
    let (right, wrong) = (Authority::new(), Authority::new());
    let [certificate, key] = right.sign("etcd", &["127.0.0.1"]);
    let authority = right.file().display().to_string();
    let flags =
        ["--cert-file", &certificate, "--key-file", &key, "--client-cert-auth", "--trusted-ca-file", &authority];
    let Some(etcd) = Etcd::start_as("https", &flags) else { return };
    let with = |[certificate, key]: [String; 2]| EtcdSettings {
        certificate: Some(certificate.into()),
        certificate_key: Some(key.into()),
        ..trusting(&etcd, &right.file())
    };
    run(async {
        let store = up(&with(right.sign("host", &["host"]))).await;
        store.commit(Commit::put("/f/a", vec![1], None)).await.expect("it is written");
        // etcd refuses a certificate after the client has begun to write, so the connection may break before the alert is read.
        for settings in [trusting(&etcd, &right.file()), with(wrong.sign("host", &["host"]))] {
            let error = until_told(&settings, "etcd.certificate-key must name a certificate").await;
            assert!(matches!(error, StoreError::Denied(_)), "{error}");
        }
    });
}

#[test]
fn files_that_hold_no_certificates_are_named_before_anything_is_sent() {
    let authority = Authority::new();
    let [certificate, key] = authority.sign("one", &["one"]);
    let [_, other] = authority.sign("two", &["two"]);
    let settings = |ca: &str, certificate: &str, key: &str| EtcdSettings {
        ca_certificate: Some(ca.into()),
        certificate: Some(certificate.into()),
        certificate_key: Some(key.into()),
        ..EtcdSettings::at(vec!["https://127.0.0.1:1".into()])
    };
    let file = authority.file().display().to_string();
    assert!(EtcdStore::new(&settings(&file, &certificate, &key), 0).is_ok());
    for (settings, words) in [
        (settings("/nowhere.pem", &certificate, &key), ["etcd.ca-certificate", "/nowhere.pem"]),
        (settings(&key, &certificate, &key), ["etcd.ca-certificate", "holds no certificate"]),
        (settings(&file, "/nowhere.pem", &key), ["etcd.certificate", "/nowhere.pem"]),
        (settings(&file, &certificate, &other), ["etcd.certificate", "cannot be used with the certificate"]),
        (settings(&file, &certificate, "/nowhere.key"), ["etcd.certificate-key", "/nowhere.key"]),
    ] {
        let error = EtcdStore::new(&settings, 0).err().expect("a file is wrong").to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{words:?}: {error}");
    }
}

use super::*;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

fn development(folder: &Path) -> Certificates {
    development_for(folder, &["play.example"])
}

fn development_for(folder: &Path, names: &[&str]) -> Certificates {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    let source = CertificateSource::Development { folder: folder.to_owned(), names };
    Certificates::open(&source).expect("a development certificate can be made")
}

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("ringshard-certificates-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_development_certificate_is_kept_over_a_restart_and_its_key_is_private() {
    let folder = Folder::new("kept");
    let first = development(&folder.0).fingerprint();
    assert_eq!(development(&folder.0).fingerprint(), first);
    assert_eq!(first.len(), 64);
    let mode = std::fs::metadata(folder.0.join("development.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_folder_in_which_others_can_replace_the_key_is_refused() {
    let folder = Folder::new("foreign");
    let open = || {
        let source = CertificateSource::ShortLived { folder: folder.0.clone(), names: Vec::new() };
        Certificates::open(&source).map(drop)
    };
    open().expect("its own folder");
    std::fs::set_permissions(&folder.0, Permissions::from_mode(0o777)).unwrap();
    let error = open().unwrap_err().to_string();
    assert!(error.contains("every user can change it") && error.contains("chmod 700"), "{error}");
    std::fs::set_permissions(&folder.0, Permissions::from_mode(0o700)).unwrap();
    // Only the superuser can give a folder away.
    if std::os::unix::fs::chown(&folder.0, Some(54_321), None).is_ok() {
        let error = open().unwrap_err().to_string();
        assert!(error.contains("belongs to the user 54321"), "{error}");
    }
}

#[test]
fn a_development_certificate_is_made_again_for_a_name_that_it_lacks() {
    let folder = Folder::new("names");
    let first = development_for(&folder.0, &["play.example"]).fingerprint();
    // The server keeps the certificate while it has all names, and more.
    for names in [&["play.example"][..], &["localhost"], &["127.0.0.1"], &["::1"], &[]] {
        assert_eq!(development_for(&folder.0, names).fingerprint(), first, "{names:?}");
    }
    let mut seen = vec![first];
    for name in ["other.example", "203.0.113.7", "2001:db8::7"] {
        let made = development_for(&folder.0, &[name]).fingerprint();
        assert!(!seen.contains(&made), "{name}");
        assert_eq!(development_for(&folder.0, &[name]).fingerprint(), made, "it is kept from then on");
        seen.push(made);
    }
}

#[test]
fn a_certificate_without_its_key_is_made_again() {
    let folder = Folder::new("half");
    let first = development(&folder.0).fingerprint();
    std::fs::remove_file(folder.0.join("development.key")).unwrap();
    assert_ne!(development(&folder.0).fingerprint(), first);
}

#[test]
fn a_reload_takes_new_files_and_keeps_the_old_ones_when_they_are_unfit() {
    let (folder, other) = (Folder::new("reload"), Folder::new("other"));
    let certificates = development(&folder.0);
    let old = certificates.fingerprint();
    let new = development(&other.0).fingerprint();
    assert!(!certificates.changed());

    std::fs::copy(other.0.join("development.pem"), folder.0.join("development.pem")).unwrap();
    assert!(certificates.changed());
    let refused = certificates.reload().expect_err("the key belongs to another certificate");
    assert!(matches!(refused, CertificateError::Mismatch(..)), "{refused}");
    assert_eq!(certificates.fingerprint(), old);
    assert!(certificates.changed(), "a reload that failed is tried again");

    std::fs::copy(other.0.join("development.key"), folder.0.join("development.key")).unwrap();
    certificates.reload().unwrap();
    assert_eq!(certificates.fingerprint(), new);
    assert!(!certificates.changed());
}

#[test]
fn unfit_files_are_named_with_what_is_wrong() {
    let folder = Folder::new("unfit");
    development(&folder.0);
    let (chain, key) = (folder.0.join("development.pem"), folder.0.join("development.key"));
    let open = |chain: &Path, key: &Path| {
        let source = CertificateSource::Files { chain: chain.to_owned(), key: key.to_owned() };
        Certificates::open(&source).expect_err("the files are unfit")
    };
    assert!(matches!(open(&folder.0.join("none.pem"), &key), CertificateError::File(_, "open", _)));
    assert!(matches!(open(&key, &key), CertificateError::NoCertificate(..)));
    std::fs::copy(&chain, folder.0.join("no.key")).unwrap();
    std::fs::set_permissions(folder.0.join("no.key"), Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(open(&chain, &folder.0.join("no.key")), CertificateError::NoKey(..)));
    std::fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    let exposed = open(&chain, &key);
    assert!(exposed.to_string().contains("chmod 640"), "{exposed}");
    std::fs::write(&chain, vec![b' '; 1 << 21]).unwrap();
    assert!(matches!(open(&chain, &key), CertificateError::Long(_)));
}

fn short_lived(folder: &Path) -> Certificates {
    let source = CertificateSource::ShortLived { folder: folder.to_owned(), names: Vec::new() };
    Certificates::open(&source).expect("a short-lived certificate can be made")
}

/// Puts a certificate into `folder` that was made `days` ago.
fn put_aged(folder: &Path, days: u64) {
    let made = SystemTime::now() - Duration::from_secs(days * 86_400);
    Renewal::new(folder, &[]).make(made).unwrap();
}

#[test]
fn a_short_lived_certificate_is_kept_while_it_lasts_and_made_again_when_it_is_due() {
    let folder = Folder::new("short");
    put_aged(&folder.0, 9);
    let first = short_lived(&folder.0);
    assert!(!first.changed(), "it lasts for three more days");
    assert_eq!(short_lived(&folder.0).fingerprint(), first.fingerprint());

    for days in [11, 30] {
        put_aged(&folder.0, days);
        let aged = std::fs::read(folder.0.join("short-lived.pem")).unwrap();
        assert!(first.changed());
        first.reload().unwrap();
        assert!(!first.changed(), "the new one lasts");
        assert_ne!(std::fs::read(folder.0.join("short-lived.pem")).unwrap(), aged, "made {days} days ago");
        put_aged(&folder.0, days);
        assert!(!short_lived(&folder.0).changed(), "a start does not take one that is due");
    }
}

#[test]
fn a_short_lived_certificate_that_is_in_use_becomes_due() {
    let folder = Folder::new("due");
    let mut certificates = short_lived(&folder.0);
    let renewal = certificates.renewal.take();
    put_aged(&folder.0, 11);
    certificates.reload().unwrap();
    assert!(!certificates.changed());
    certificates.renewal = renewal;
    let old = certificates.fingerprint();
    assert!(certificates.changed(), "no file has changed, but the end is near");
    certificates.reload().unwrap();
    assert_ne!(certificates.fingerprint(), old);
}

#[test]
fn a_short_lived_certificate_that_is_damaged_is_made_again() {
    let folder = Folder::new("damaged");
    let first = short_lived(&folder.0);
    std::fs::write(folder.0.join("short-lived.key"), "").unwrap();
    first.reload().unwrap();
    assert!(!first.changed());
}

#[test]
fn a_certificate_tells_its_names_and_how_long_it_is_valid() {
    let folder = Folder::new("facts");
    put_aged(&folder.0, 3);
    let (chain, key) = (folder.0.join("short-lived.pem"), folder.0.join("short-lived.key"));
    let certificates = Certificates::open(&CertificateSource::Files { chain, key }).unwrap();
    let (begin, end) = certificates.validity();
    let days = |time: Duration| (time.as_secs_f64() / 86_400.0).round();
    assert_eq!(days(begin.elapsed().unwrap()), 4.0, "made three days ago, and valid from the day before");
    assert_eq!(days(end.duration_since(SystemTime::now()).unwrap()), 9.0);
    assert!(certificates.is_for("localhost") && certificates.is_for("::1"));
    assert!(!certificates.is_for("play.example") && !certificates.is_for("not a name"));
}

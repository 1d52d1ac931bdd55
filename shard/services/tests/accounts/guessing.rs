//! What an adversary learns and gets.

use super::folder::{CHEAP, Folder, HOME, PASSWORD, by_password, counted, log_in, register, registration, settings};
use ringshard_services::accounts::{AccountSettings, Accounts, Administration, LoginError, LoginLimits};
use std::net::IpAddr;
use std::time::Duration;

/// Another network than [`HOME`].
const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

#[tokio::test]
async fn an_unknown_email_costs_a_hash_and_gets_the_same_answer_as_a_wrong_password() {
    let folder = Folder::new();
    let accounts = folder.accounts();
    register(&accounts, "ann").await;
    let mut answers = Vec::new();
    for name in ["ann", "nobody"] {
        let before = counted(&accounts, "password_runs");
        answers.push(accounts.login(ELSEWHERE, by_password(name, "wrong password")).await.unwrap_err());
        assert_eq!(counted(&accounts, "password_runs"), before + 1, "{name}");
    }
    assert_eq!(answers, [LoginError::WrongPassword, LoginError::WrongPassword]);
}

#[tokio::test]
async fn a_disabled_account_shows_only_to_who_knows_its_password() {
    let folder = Folder::new();
    let accounts = folder.accounts();
    let ann = register(&accounts, "ann").await;
    let id = ann.profile.id;
    assert!(accounts.administer(move |admin| admin.set_disabled(id, true)).await.unwrap().unwrap());
    assert_eq!(accounts.identify(HOME, ann.token.reveal()).await, Err(LoginError::NoSession));
    let guess = accounts.login(HOME, by_password("ann", "wrong password")).await;
    assert_eq!(guess.unwrap_err(), LoginError::WrongPassword);
    assert_eq!(log_in(&accounts, "ann").await.unwrap_err(), LoginError::Disabled);
    let server = ringshard_services::tickets::ServerKey([1; 32]);
    assert_eq!(accounts.ticket(&ann.profile, server).await.unwrap_err(), LoginError::Disabled);
    accounts.administer(move |admin| admin.set_disabled(id, false)).await.unwrap().unwrap();
    assert!(log_in(&accounts, "ann").await.is_ok());
}

#[tokio::test]
async fn known_and_unknown_emails_are_locked_alike() {
    let folder = Folder::new();
    let accounts = folder.accounts();
    register(&accounts, "ann").await;
    for name in ["ann", "nobody"] {
        for _ in 0..5 {
            let guess = accounts.login(ELSEWHERE, by_password(name, "wrong password")).await;
            assert_eq!(guess.unwrap_err(), LoginError::WrongPassword);
        }
        let before = counted(&accounts, "password_runs");
        let locked = accounts.login(ELSEWHERE, by_password(name, PASSWORD)).await.unwrap_err();
        assert_eq!(locked.status(), 429);
        let wait = locked.wait().unwrap();
        assert!(wait <= Duration::from_secs(5) && !wait.is_zero(), "{wait:?}");
        assert_eq!(counted(&accounts, "password_runs"), before, "a locked account costs no hash");
    }
    assert_eq!(counted(&accounts, "refused_locked"), 2);
}

#[tokio::test]
async fn strangers_cannot_lock_a_player_out_at_home() {
    let folder = Folder::new();
    let accounts = folder.accounts();
    register(&accounts, "ann").await;
    for _ in 0..9 {
        accounts.login(ELSEWHERE, by_password("ann", "wrong password")).await.unwrap_err();
    }
    assert!(log_in(&accounts, "ann").await.is_ok());
    assert_eq!(accounts.login(ELSEWHERE, by_password("ann", PASSWORD)).await.unwrap_err().status(), 429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn guesses_at_the_same_time_are_no_way_around_the_lock() {
    let folder = Folder::new();
    let accounts = folder.accounts();
    register(&accounts, "ann").await;
    let guesses: Vec<_> = (0..60)
        .map(|number| {
            let accounts = accounts.clone();
            let guess = by_password("ann", &format!("wrong password {number}"));
            tokio::spawn(async move { accounts.login(ELSEWHERE, guess).await.unwrap_err() })
        })
        .collect();
    let mut checked = 0;
    for guess in guesses {
        checked += usize::from(guess.await.unwrap() == LoginError::WrongPassword);
    }
    assert_eq!(checked, 5);
}

#[tokio::test]
async fn a_network_has_a_limit_and_others_do_not_feel_it() {
    let folder = Folder::new();
    let limits =
        LoginLimits { attempts_burst: 3, attempts_per_minute: 1.0, registrations_burst: 2, ..LoginLimits::default() };
    let accounts = Accounts::open(&folder, AccountSettings { limits, ..settings() }).unwrap();
    register(&accounts, "ann").await;
    register(&accounts, "bea").await;
    assert_eq!(accounts.register(HOME, registration("cid")).await.unwrap_err().status(), 429);
    for number in 0..3 {
        let guess = by_password(&format!("nobody{number}"), "wrong password");
        assert_eq!(accounts.login(ELSEWHERE, guess).await.unwrap_err(), LoginError::WrongPassword);
    }
    let refused = accounts.login(ELSEWHERE, by_password("ann", PASSWORD)).await.unwrap_err();
    assert_eq!(refused.status(), 429);
    assert!(refused.wait().unwrap() <= Duration::from_secs(60));
    assert!(log_in(&accounts, "ann").await.is_ok());
}

#[tokio::test]
async fn unknown_tokens_are_limited_and_sessions_work_beyond_the_limit() {
    let folder = Folder::new();
    let accounts = folder.accounts();
    let ann = register(&accounts, "ann").await;
    let mut answers = Vec::new();
    for _ in 0..150 {
        answers.push(accounts.identify(HOME, &"A".repeat(43)).await.unwrap_err().status());
    }
    assert_eq!((answers[0], answers[149]), (401, 429));
    assert!(accounts.identify(HOME, ann.token.reveal()).await.is_ok());
    for wrong in ["", "A", &"A".repeat(44), &"=".repeat(43), &"A".repeat(100_000), "' OR 1=1 --"] {
        assert!(accounts.identify(ELSEWHERE, wrong).await.is_err());
    }
}

#[tokio::test]
async fn texts_are_never_sql() {
    let folder = Folder::new();
    let accounts = folder.accounts();
    let name = "a'); DROP TABLE accounts;--";
    let email = "'OR'1'='1'--@example.com";
    let made = accounts.register(
        HOME,
        ringshard_services::accounts::Registration {
            email: email.into(),
            name: name.into(),
            password: PASSWORD.into(),
        },
    );
    assert_eq!(made.await.unwrap().profile.name, name);
    let guess = ringshard_services::accounts::Credentials::Password {
        email: "'or'1'='1@example.com".into(),
        password: PASSWORD.into(),
    };
    assert_eq!(accounts.login(HOME, guess).await.unwrap_err(), LoginError::WrongPassword);
    let admin = Administration::open(&folder, false).unwrap();
    assert_eq!(admin.list(ringshard_services::AccountId(0), "%", 9).unwrap().len(), 0, "no wildcards");
    assert_eq!(admin.find(name).unwrap().unwrap().name, name);
}

#[tokio::test]
async fn the_files_hold_no_secret_and_only_their_owner_can_read_them() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let accounts = folder.accounts();
    let ann = register(&accounts, "ann").await;
    let again = log_in(&accounts, "ann").await.unwrap();
    let tokens = [ann.token.reveal(), again.token.reveal()];
    let decoded = tokens.map(|token| {
        use base64ct::{Base64UrlUnpadded, Encoding};
        Base64UrlUnpadded::decode_vec(token).unwrap()
    });
    let mut files = 0;
    for entry in std::fs::read_dir(&*folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
        let bytes = std::fs::read(&path).unwrap();
        let holds = |secret: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
        assert!(!holds(PASSWORD.as_bytes()), "{}", path.display());
        assert!(!tokens.iter().any(|token| holds(token.as_bytes())), "{}", path.display());
        assert!(!decoded.iter().any(|token| holds(token)), "{}", path.display());
        files += 1;
    }
    assert!(files >= 3, "the log was read, too");
    assert!(!format!("{ann:?} {:?}", by_password("ann", PASSWORD)).contains(PASSWORD));
    assert!(!format!("{ann:?}").contains(ann.token.reveal()));
}

#[tokio::test]
async fn a_login_that_was_checked_before_a_reset_begins_no_session() {
    let folder = Folder::new();
    let limits = LoginLimits { failures: 1_000_000, ..settings().limits };
    let accounts = Accounts::open(&folder, AccountSettings { limits, ..settings() }).unwrap();
    let id = register(&accounts, "ann").await.profile.id;
    for round in 0..20 {
        let logins: Vec<_> = (0..8)
            .map(|_| {
                let accounts = accounts.clone();
                tokio::spawn(async move { log_in(&accounts, "ann").await.is_ok() })
            })
            .collect();
        // The password is replaced while some of them are checked.
        tokio::time::sleep(Duration::from_micros(100 * round)).await;
        let reset = accounts.administer(move |admin| admin.reset(id, None, CHEAP, false)).await.unwrap().unwrap();
        for login in logins {
            login.await.unwrap();
        }
        assert_eq!(accounts.sessions(id).await.unwrap(), [], "round {round}: the old password got in after the reset");
        assert!(accounts.login(ELSEWHERE, by_password("ann", &reset.unwrap().0)).await.is_ok());
        let old = move |admin: &mut Administration| admin.reset(id, Some(PASSWORD.into()), CHEAP, false);
        accounts.administer(old).await.unwrap().unwrap();
    }
}

//! Registration, login, tokens, sessions.

use super::folder::{CHEAP, Folder, HOME, by_password, counted, log_in, register, registration, settings};
use ringshard_services::accounts::{
    AccountSettings, Accounts, LoginError, LoginLimits, PasswordCost, Registration, Way,
};
use std::time::Duration;

#[tokio::test]
async fn a_player_registers_logs_in_again_and_logs_out() {
    let folder = Folder::new();
    let accounts = folder.accounts();
    let first = register(&accounts, "Ann").await;
    assert_eq!(first.profile.name, "Ann");
    assert_eq!(first.profile.email.as_deref(), Some("Ann@example.com"));
    let second = accounts.login(HOME, by_password("ANN", super::folder::PASSWORD)).await.unwrap();
    assert_eq!(second.profile, first.profile);
    assert_ne!(second.token.reveal(), first.token.reveal());
    assert_eq!(accounts.identify(HOME, second.token.reveal()).await, Ok(first.profile.clone()));
    assert_eq!(accounts.logout(second.token.reveal()).await, Ok(true));
    assert_eq!(accounts.logout(second.token.reveal()).await, Ok(false));
    assert_eq!(accounts.identify(HOME, second.token.reveal()).await, Err(LoginError::NoSession));
    assert_eq!(accounts.identify(HOME, first.token.reveal()).await, Ok(first.profile));
}

#[tokio::test]
async fn taken_emails_and_names_are_refused_whatever_their_case() {
    let folder = Folder::new();
    let accounts = folder.accounts();
    register(&accounts, "Ann").await;
    let other = |email: &str, name: &str| Registration { email: email.into(), name: name.into(), ..registration("x") };
    let refused = accounts.register(HOME, other("ann@EXAMPLE.com ", "Bea")).await.unwrap_err();
    assert_eq!((refused.status(), refused), (409, LoginError::EmailTaken));
    let refused = accounts.register(HOME, other("bea@example.com", "ANN")).await.unwrap_err();
    assert_eq!((refused.status(), refused), (409, LoginError::NameTaken));
    let short = Registration { password: "short".into(), ..registration("Cid") };
    assert_eq!(accounts.register(HOME, short).await.unwrap_err().status(), 400);
    assert_eq!(counted(&accounts, "registered"), 1);
    assert_eq!(counted(&accounts, "refused_conflict"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_registrations_at_once_with_one_email_one_succeeds() {
    let folder = Folder::new();
    let accounts = folder.accounts();
    let tries: Vec<_> = (0..8)
        .map(|number| {
            let accounts = accounts.clone();
            let email = "ann@example.com".into();
            tokio::spawn(async move {
                accounts.register(HOME, Registration { email, ..registration(&format!("ann{number}")) }).await
            })
        })
        .collect();
    let mut made = 0;
    for one in tries {
        match one.await.unwrap() {
            Ok(_) => made += 1,
            Err(error) => assert_eq!(error, LoginError::EmailTaken),
        }
    }
    assert_eq!(made, 1);
}

#[tokio::test]
async fn sessions_are_listed_revoked_and_bounded_and_end_by_themselves() {
    let folder = Folder::new();
    let accounts = folder.accounts();
    let ann = register(&accounts, "ann").await;
    let bea = register(&accounts, "bea").await;
    let other = log_in(&accounts, "ann").await.unwrap();
    let sessions = accounts.sessions(ann.profile.id).await.unwrap();
    let ways: Vec<_> = sessions.iter().map(|session| (session.id, session.way, session.network)).collect();
    assert_eq!(ways, [(other.session, Way::Password, HOME), (ann.session, Way::Registration, HOME)]);
    assert_eq!(accounts.revoke(bea.profile.id, ann.session).await, Ok(false), "another's session");
    assert_eq!(accounts.revoke(ann.profile.id, ann.session).await, Ok(true));
    assert_eq!(accounts.identify(HOME, ann.token.reveal()).await, Err(LoginError::NoSession));
    for _ in 0..40 {
        log_in(&accounts, "ann").await.unwrap();
    }
    assert_eq!(accounts.sessions(ann.profile.id).await.unwrap().len(), 32);
    drop(accounts);
    let brief = AccountSettings { session_lifetime: Duration::ZERO, ..settings() };
    let accounts = Accounts::open(&folder, brief).unwrap();
    let ended = log_in(&accounts, "bea").await.unwrap();
    assert_eq!(accounts.identify(HOME, ended.token.reveal()).await, Err(LoginError::NoSession));
    assert!(accounts.identify(HOME, bea.token.reveal()).await.is_ok(), "it outlives a restart");
}

#[tokio::test]
async fn a_hash_with_other_parameters_is_replaced_at_login() {
    let folder = Folder::new();
    register(&folder.accounts(), "ann").await;
    let dearer = PasswordCost { passes: 2, ..CHEAP };
    let accounts = Accounts::open(&folder, AccountSettings { password_cost: dearer, ..settings() }).unwrap();
    assert_eq!(log_in(&accounts, "ann").await.map(|login| login.profile.name), Ok("ann".into()));
    assert_eq!(counted(&accounts, "rehashed"), 1);
    assert_eq!(counted(&accounts, "password_runs"), 2);
    log_in(&accounts, "ann").await.unwrap();
    assert_eq!(counted(&accounts, "rehashed"), 1);
    assert_eq!(counted(&accounts, "password_runs"), 3);
}

#[tokio::test]
async fn a_changed_password_ends_all_sessions_but_the_new_one() {
    let folder = Folder::new();
    let accounts = folder.accounts();
    let ann = register(&accounts, "ann").await;
    let id = ann.profile.id;
    let change = |present: &str, new: &str| accounts.change_password(HOME, id, present.into(), new.into());
    assert_eq!(change("wrong password", "another password").await.unwrap_err(), LoginError::WrongPassword);
    assert_eq!(change(super::folder::PASSWORD, "short").await.unwrap_err().status(), 400);
    let changed = change(super::folder::PASSWORD, "another password").await.unwrap();
    assert_eq!(accounts.identify(HOME, ann.token.reveal()).await, Err(LoginError::NoSession));
    assert_eq!(accounts.identify(HOME, changed.token.reveal()).await, Ok(ann.profile));
    assert_eq!(log_in(&accounts, "ann").await.unwrap_err(), LoginError::WrongPassword);
    assert!(accounts.login(HOME, by_password("ann", "another password")).await.is_ok());
    for _ in 0..5 {
        let _ = change("wrong password", "another password").await;
    }
    assert_eq!(change("another password", "third password").await.unwrap_err().status(), 429, "a thief must not guess");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn logins_at_the_same_time_all_succeed_while_the_hash_is_replaced() {
    let folder = Folder::new();
    register(&folder.accounts(), "ann").await;
    let dearer = PasswordCost { passes: 2, ..CHEAP };
    let limits = LoginLimits { failures: 100, ..settings().limits };
    let threads = std::num::NonZeroUsize::new(4).unwrap();
    let settings = AccountSettings { password_cost: dearer, password_threads: threads, limits, ..settings() };
    let accounts = Accounts::open(&folder, settings).unwrap();
    let logins: Vec<_> = (0..8)
        .map(|_| {
            let accounts = accounts.clone();
            tokio::spawn(async move { log_in(&accounts, "ann").await.map(drop) })
        })
        .collect();
    for login in logins {
        assert_eq!(login.await.unwrap(), Ok(()));
    }
    assert_eq!(counted(&accounts, "rehashed"), 1);
}

#[tokio::test]
async fn a_login_storm_is_refused_with_a_wait_and_the_rest_gets_in() {
    let folder = Folder::new();
    let limits = LoginLimits { attempts_burst: 1_000_000, failures: 1_000_000, ..settings().limits };
    let costly = PasswordCost { memory_kib: 1024, passes: 1, lanes: 1 };
    let busy = AccountSettings { password_queue: 4, password_cost: costly, limits, ..settings() };
    let accounts = Accounts::open(&folder, busy).unwrap();
    register(&accounts, "ann").await;
    let logins: Vec<_> = (0..50)
        .map(|_| {
            let accounts = accounts.clone();
            tokio::spawn(async move { log_in(&accounts, "ann").await })
        })
        .collect();
    let (mut inside, mut waiting) = (0, 0);
    for login in logins {
        match login.await.unwrap() {
            Ok(_) => inside += 1,
            Err(error) => {
                assert_eq!(error.status(), 503);
                assert!(error.wait().unwrap() >= Duration::from_secs(1));
                waiting += 1;
            }
        }
    }
    assert!(inside >= 4 && waiting >= 1, "{inside} inside, {waiting} waiting");
    assert_eq!(counted(&accounts, "refused_busy"), waiting);
    assert_eq!(counted(&accounts, "password_logins"), inside);
}

#[tokio::test]
async fn where_registration_is_closed_nobody_registers() {
    let folder = Folder::new();
    let accounts = Accounts::open(&folder, AccountSettings { registration: false, ..settings() }).unwrap();
    let refused = accounts.register(HOME, registration("ann")).await.unwrap_err();
    assert_eq!((refused.status(), refused), (403, LoginError::RegistrationClosed));
}

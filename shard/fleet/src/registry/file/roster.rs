//! The hosts of a file, and what they have answered. It does no I/O.

use crate::model::{Directory, Host, Name};
use crate::registry::StaticHost;
use ringshard::ops::host::HostStatus;
use std::collections::BTreeMap;

/// Probes in a row without an answer after which a host is gone.
const MISSES_MAX: u32 = 3;

/// What a probe gave: what the server says about itself, or why there is no answer.
pub type ProbeAnswer = Result<HostStatus, String>;

/// The hosts of a file. A host is in the directory once it has answered, until three probes in a row have failed.
#[derive(Clone, Debug, Default)]
pub struct StaticRoster {
    hosts: BTreeMap<Name, Entry>,
    revision: u64,
}

#[derive(Clone, Debug)]
struct Entry {
    host: StaticHost,
    /// What it was when it last answered. None: it is gone.
    alive: Option<Host>,
    misses: u32,
}

impl StaticRoster {
    /// Takes over the hosts of a file. Those that are unchanged keep what they have answered.
    pub fn set_hosts(&mut self, hosts: Vec<StaticHost>) {
        let mut before = std::mem::take(&mut self.hosts);
        for host in hosts {
            let known = before.remove(&host.name).filter(|known| known.host == host);
            let entry = known.unwrap_or(Entry { host: host.clone(), alive: None, misses: 0 });
            self.hosts.insert(host.name, entry);
        }
        self.revision += 1;
    }

    /// The hosts of the file.
    pub fn hosts(&self) -> impl Iterator<Item = &StaticHost> {
        self.hosts.values().map(|entry| &entry.host)
    }

    /// Notes the answer of a host. Gives what is worth a line in the log: it came, or it is gone, and why.
    pub fn answered(&mut self, name: &Name, answer: ProbeAnswer) -> Option<String> {
        let entry = self.hosts.get_mut(name)?;
        let answer = answer.and_then(|status| match status.key.eq_ignore_ascii_case(&entry.host.key) {
            true => Ok(status),
            false => Err(format!("its key is {}, but the file says {}", status.key, entry.host.key)),
        });
        match answer {
            Ok(status) => {
                let was_alive = entry.alive.is_some();
                let host = entry.host.with(&status);
                self.revision += u64::from(entry.alive.as_ref() != Some(&host));
                (entry.alive, entry.misses) = (Some(host), 0);
                (!was_alive).then(|| format!("{name} answers"))
            }
            Err(error) => {
                entry.misses = entry.misses.saturating_add(1);
                if entry.misses < MISSES_MAX {
                    return None;
                }
                let was_alive = entry.alive.take().is_some();
                self.revision += u64::from(was_alive);
                (was_alive || entry.misses == MISSES_MAX).then(|| format!("{name} is gone: {error}"))
            }
        }
    }

    /// The hosts that are alive.
    pub fn directory(&self) -> Directory {
        let alive = self.hosts.iter().filter_map(|(name, entry)| Some((name.clone(), entry.alive.clone()?)));
        Directory { revision: self.revision, hosts: alive.collect(), ..Directory::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HostState;
    use ringshard::ops::host::Readiness;

    fn host(name: &str) -> StaticHost {
        StaticHost {
            name: name.parse().unwrap(),
            region: "eu".parse().unwrap(),
            address: "192.0.2.1:3565".into(),
            key: "AB".repeat(32),
            gateway: None,
            admin: "192.0.2.1:3566".parse().unwrap(),
            admin_token_file: None,
            weight: 100,
            capacity: Some(50),
            maintenance: false,
        }
    }

    fn status(players: u32) -> HostStatus {
        HostStatus {
            state: Readiness::Ready,
            version: "1".into(),
            contract: String::new(),
            key: "ab".repeat(32),
            capacity: 100,
            players,
            load: 0.5,
            drain_ms: Some(0),
        }
    }

    #[test]
    fn a_host_is_there_once_it_answers_and_gone_after_three_misses() {
        let (mut roster, name) = (StaticRoster::default(), "a".parse().unwrap());
        roster.set_hosts(vec![host("a")]);
        assert!(roster.directory().hosts.is_empty(), "nobody knows whether it lives");
        assert_eq!(roster.answered(&name, Ok(status(7))).as_deref(), Some("a answers"));
        let seen = roster.directory().hosts[&name].clone();
        assert_eq!((seen.players, seen.capacity, seen.state), (7, 50, HostState::Ready));
        for _ in 0..2 {
            assert_eq!(roster.answered(&name, Err("timeout".into())), None);
            assert!(roster.directory().hosts.contains_key(&name));
        }
        assert_eq!(roster.answered(&name, Err("timeout".into())).as_deref(), Some("a is gone: timeout"));
        assert!(roster.directory().hosts.is_empty());
        assert_eq!(roster.answered(&name, Err("timeout".into())), None, "that is no news");
    }

    #[test]
    fn a_server_with_another_key_counts_as_dead() {
        let (mut roster, name) = (StaticRoster::default(), "a".parse().unwrap());
        roster.set_hosts(vec![host("a")]);
        for _ in 0..3 {
            roster.answered(&name, Ok(HostStatus { key: "cd".repeat(32), ..status(0) }));
        }
        assert!(roster.directory().hosts.is_empty());
    }

    #[test]
    fn a_new_file_keeps_what_is_known_of_unchanged_hosts() {
        let (mut roster, names) = (StaticRoster::default(), ["a", "b"].map(|name| name.parse::<Name>().unwrap()));
        roster.set_hosts(vec![host("a"), host("b")]);
        for name in &names {
            roster.answered(name, Ok(status(1)));
        }
        let before = roster.directory().revision;
        roster.set_hosts(vec![host("a"), StaticHost { weight: 1, ..host("b") }]);
        let directory = roster.directory();
        assert!(directory.hosts.contains_key(&names[0]) && !directory.hosts.contains_key(&names[1]));
        assert!(directory.revision > before);
    }
}

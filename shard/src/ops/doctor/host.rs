//! A host, as its files describe it, and the parts of it that a server uses.

use super::CpuSet;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What the server uses. The defaults are those of `ringshard serve` and `tune-host.sh`.
#[derive(Clone, Default, Debug)]
pub struct Plan {
    /// Its CPUs. Default: the isolated CPUs, or all if none is isolated.
    pub cpus: Option<CpuSet>,
    /// Its network interface. Default: the hardware below the interface of the default route.
    pub nic: Option<String>,
}

/// A plan that does not fit the host.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// CPUs that are not online.
    #[error("CPUs {0} are not online; the CPUs of this host are {1}")]
    NotOnline(CpuSet, CpuSet),
    /// There is no such network interface.
    #[error("there is no network interface {0}; this host has: {1}")]
    NoInterface(String, String),
}

/// A host.
pub struct Host {
    root: PathBuf,
    online: CpuSet,
    cpus: CpuSet,
    nics: Vec<String>,
}

impl Host {
    /// The host whose files are below `root`: `/` for this one.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn at(root: &Path, plan: &Plan) -> Result<Self, PlanError> {
        let mut host = Host { root: root.to_owned(), online: CpuSet::default(), cpus: CpuSet::default(), nics: vec![] };
        host.online = host.cpu_list("sys/devices/system/cpu/online");
        host.cpus = match &plan.cpus {
            Some(cpus) if !cpus.without(&host.online).is_empty() => {
                return Err(PlanError::NotOnline(cpus.without(&host.online), host.online));
            }
            Some(cpus) => cpus.clone(),
            None => Some(host.isolated()).filter(|cpus| !cpus.is_empty()).unwrap_or_else(|| host.online.clone()),
        };
        let named = match &plan.nic {
            Some(nic) if !host.exists(&format!("sys/class/net/{nic}")) => {
                return Err(PlanError::NoInterface(nic.clone(), host.names("sys/class/net").join(" ")));
            }
            Some(nic) => vec![nic.clone()],
            None => host.interfaces_of_default_route(),
        };
        let mut nics = BTreeSet::new();
        named.iter().for_each(|name| host.collect_hardware(name, &mut nics));
        host.nics = nics.into_iter().collect();
        Ok(host)
    }

    /// The command that tunes this host for the plan.
    pub fn tune_command(&self) -> String {
        let packaged = self.exists("usr/sbin/ringshard-tune-host");
        let mut command = if packaged { "ringshard-tune-host" } else { "scripts/tune-host.sh" }.to_owned();
        if !self.nics.is_empty() {
            command += &format!(" --nic {}", self.nics.join(","));
        }
        command + &format!(" --cpus {}", self.cpus)
    }

    /// CPUs of the server.
    pub(super) fn cpus(&self) -> &CpuSet {
        &self.cpus
    }

    /// CPUs that are online.
    pub(super) fn online(&self) -> &CpuSet {
        &self.online
    }

    /// CPUs that are isolated from the scheduler.
    pub(super) fn isolated(&self) -> CpuSet {
        self.cpu_list("sys/devices/system/cpu/isolated").within(&self.online)
    }

    /// Network interfaces of the server: hardware only.
    pub(super) fn nics(&self) -> &[String] {
        &self.nics
    }

    /// The content of a file, without surrounding white space.
    pub(super) fn read(&self, path: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.root.join(path)).ok()?;
        Some(text.trim().to_owned())
    }

    /// The number in a file.
    pub(super) fn number(&self, path: &str) -> Option<u64> {
        self.read(path)?.parse().ok()
    }

    /// The CPUs that a file lists; none if it does not exist.
    pub(super) fn cpu_list(&self, path: &str) -> CpuSet {
        self.read(path).and_then(|list| CpuSet::from_list(&list)).unwrap_or_default()
    }

    /// The value in the line `name value` of a file.
    pub(super) fn field(&self, path: &str, name: &str) -> Option<String> {
        let text = self.read(path)?;
        let value = text.lines().find_map(|line| line.strip_prefix(name))?;
        value.split_whitespace().next().map(str::to_owned)
    }

    /// The names in a folder, sorted; none if it does not exist.
    pub(super) fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.root.join(folder)).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Whether a file or folder exists.
    pub(super) fn exists(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    fn interfaces_of_default_route(&self) -> Vec<String> {
        let routes = self.read("proc/net/route").unwrap_or_default();
        let by_default = |line: &str| {
            let mut fields = line.split_whitespace();
            let name = fields.next()?;
            (fields.next()? == "00000000").then(|| name.to_owned())
        };
        routes.lines().filter_map(by_default).collect()
    }

    /// Collects an interface, or those that a bond, a bridge or a VLAN consists of.
    fn collect_hardware(&self, name: &str, found: &mut BTreeSet<String>) {
        if self.exists(&format!("sys/class/net/{name}/device")) {
            found.insert(name.to_owned());
            return;
        }
        for entry in self.names(&format!("sys/class/net/{name}")) {
            if let Some(lower) = entry.strip_prefix("lower_") {
                self.collect_hardware(lower, found);
            }
        }
    }
}

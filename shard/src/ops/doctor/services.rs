//! Other programs on the host that help or disturb a server.

use super::{Finding, Host};

impl Host {
    /// The first of these programs that runs, by its kernel name, which has at most 15 bytes.
    fn running(&self, wanted: &[&str]) -> Option<String> {
        let is_process = |name: &String| name.bytes().all(|digit| digit.is_ascii_digit());
        let processes = self.names("proc").into_iter().filter(is_process);
        let mut names = processes.filter_map(|process| self.read(&format!("proc/{process}/comm")));
        names.find(|name| wanted.contains(&name.as_str()))
    }

    pub(super) fn irqbalance(&self) -> Finding {
        const CHECK: &str = "irqbalance";
        match self.running(&["irqbalance"]) {
            None => Finding::ok(CHECK, "not running"),
            Some(_) => Finding::warn(
                CHECK,
                "it is running and moves interrupts between CPUs",
                "systemctl disable --now irqbalance",
            )
            .tuned(),
        }
    }

    pub(super) fn time(&self) -> Finding {
        const CHECK: &str = "time";
        match self.running(&["chronyd", "systemd-timesyn", "ntpd", "openntpd", "ptp4l", "phc2sys"]) {
            Some(name) => Finding::ok(CHECK, format!("synchronized by {name}")),
            None => Finding::warn(
                CHECK,
                "not synchronized: the logs of several hosts do not match",
                "apt-get install chrony",
            ),
        }
    }
}

//! Other programs of the host that help a server or get in its way.

use super::{Finding, Host};

impl Host {
    /// The first of these programs that runs, by the name that the kernel keeps of it: 15 bytes.
    fn running(&self, wanted: &[&str]) -> Option<String> {
        let is_process = |name: &String| name.bytes().all(|digit| digit.is_ascii_digit());
        let processes = self.names("proc").into_iter().filter(is_process);
        let mut names = processes.filter_map(|process| self.read(&format!("proc/{process}/comm")));
        names.find(|name| wanted.contains(&name.as_str()))
    }

    pub(super) fn irqbalance(&self) -> Finding {
        const CHECK: &str = "irqbalance";
        match self.running(&["irqbalance"]) {
            None => Finding::ok(CHECK, "does not run"),
            Some(_) => Finding::warn(
                CHECK,
                "it runs, and moves interrupts between processors",
                "systemctl disable --now irqbalance",
            )
            .tuned(),
        }
    }

    pub(super) fn time(&self) -> Finding {
        const CHECK: &str = "time";
        match self.running(&["chronyd", "systemd-timesyn", "ntpd", "openntpd", "ptp4l", "phc2sys"]) {
            Some(name) => Finding::ok(CHECK, format!("kept right by {name}")),
            None => Finding::warn(
                CHECK,
                "nothing keeps it right; logs of several hosts will not fit together",
                "apt-get install chrony",
            ),
        }
    }
}

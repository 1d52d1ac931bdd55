//! What the kernel gives a process at most.

use super::{Finding, Host};

/// Bytes of socket buffer that each core asks for.
const SOCKET_BUFFER_BYTES: u64 = 32 << 20;
/// Files that a server may need at least.
const OPEN_FILES_MIN: u64 = 1_024;
/// Bytes that may be locked at least, where they are accounted: the rings of a core.
const LOCKED_BYTES_MIN: u64 = 8 << 20;
/// Connections that the firewall must be able to remember, if it remembers any: each address that sends is one.
const TRACKED_MIN: u64 = 1 << 18;

impl Host {
    pub(super) fn locked_memory(&self) -> Finding {
        let fix = "ulimit -l unlimited; in the service's unit: LimitMEMLOCK=infinity";
        self.limit("locked memory", "Max locked memory", LOCKED_BYTES_MIN, fix)
    }

    pub(super) fn open_files(&self) -> Finding {
        let fix = "ulimit -n 65536; in the service's unit: LimitNOFILE=65536";
        self.limit("open files", "Max open files", OPEN_FILES_MIN, fix)
    }

    /// A limit of this process: the service's are what counts, which its unit sets.
    fn limit(&self, check: &'static str, name: &str, least: u64, fix: &str) -> Finding {
        let soft = self.field("proc/self/limits", name);
        match soft.as_deref().map(|soft| (soft, soft.parse::<u64>())) {
            Some(("unlimited", _)) => Finding::ok(check, "unlimited"),
            Some((_, Ok(most))) if most >= least => Finding::ok(check, most.to_string()),
            Some((soft, _)) => Finding::warn(check, format!("{soft}, of at least {least}"), fix),
            None => Finding::warn(check, "not known", fix),
        }
    }

    pub(super) fn socket_buffer(&self, check: &'static str, name: &str) -> Finding {
        let fix = format!("sysctl -w net.core.{name}={SOCKET_BUFFER_BYTES}");
        match self.number(&format!("proc/sys/net/core/{name}")) {
            Some(most) if most >= SOCKET_BUFFER_BYTES => Finding::ok(check, format!("{most} bytes")),
            Some(most) => Finding::warn(
                check,
                format!("{most} bytes at most, of {SOCKET_BUFFER_BYTES} that a core asks for"),
                fix,
            )
            .tuned(),
            None => Finding::warn(check, "not known: it is the host's, outside this network namespace", fix),
        }
    }

    /// A firewall that remembers every sender drops the datagrams of whom it has no room for.
    pub(super) fn connection_tracking(&self) -> Finding {
        const CHECK: &str = "connection tracking";
        let file = |name| self.number(&format!("proc/sys/net/netfilter/nf_conntrack_{name}"));
        match (file("count"), file("max")) {
            (Some(count @ 1..), Some(most)) if most < TRACKED_MIN => Finding::warn(
                CHECK,
                format!("the firewall remembers {count} connections, and drops what comes from others beyond {most}"),
                format!("sysctl -w net.netfilter.nf_conntrack_max={TRACKED_MIN}, or a rule `udp dport 3565 notrack`"),
            ),
            (Some(count @ 1..), _) => Finding::ok(CHECK, format!("{count} connections")),
            _ => Finding::ok(CHECK, "none"),
        }
    }
}

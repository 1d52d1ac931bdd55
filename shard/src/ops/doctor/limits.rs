//! Limits of a process and of its sockets.

use super::{Finding, Host};

/// Socket buffer that each core requests, in bytes.
pub(super) const SOCKET_BUFFER_BYTES: u64 = 32 << 20;
/// Open files that a server may need.
pub(super) const OPEN_FILES_MIN: u64 = 1_024;
/// Locked memory that a server needs if the kernel accounts for it, in bytes: the rings of a core.
const LOCKED_BYTES_MIN: u64 = 8 << 20;
/// Connections that a firewall must be able to track, if it tracks any: each address that sends is one.
const TRACKED_MIN: u64 = 1 << 18;

impl Host {
    pub(super) fn locked_memory(&self) -> Finding {
        let fix = "ulimit -l unlimited; in the service's unit: LimitMEMLOCK=infinity";
        self.limit("locked memory", "Max locked memory", LOCKED_BYTES_MIN, fix)
    }

    pub(super) fn open_files(&self, least: u64) -> Finding {
        let most = least.max(65_536).next_power_of_two();
        let fix = format!("ulimit -n {most}; in the service's unit: LimitNOFILE={most}");
        self.limit("open files", "Max open files", least, &fix)
    }

    /// A limit of this process. The limits of the service are set in its unit.
    fn limit(&self, check: &'static str, name: &str, least: u64, fix: &str) -> Finding {
        let soft = self.field("proc/self/limits", name);
        match soft.as_deref().map(|soft| (soft, soft.parse::<u64>())) {
            Some(("unlimited", _)) => Finding::ok(check, "unlimited"),
            Some((_, Ok(most))) if most >= least => Finding::ok(check, most.to_string()),
            Some((soft, _)) => Finding::warn(check, format!("{soft}, but {least} are needed"), fix),
            None => Finding::warn(check, "unknown", fix),
        }
    }

    /// `wanted`: the bytes that a socket requests.
    pub(super) fn socket_buffer(&self, check: &'static str, name: &str, wanted: u64) -> Finding {
        let fix = format!("sysctl -w net.core.{name}={wanted}");
        match self.number(&format!("proc/sys/net/core/{name}")) {
            Some(most) if most >= wanted => Finding::ok(check, format!("{most} bytes")),
            Some(most) => {
                Finding::warn(check, format!("at most {most} bytes, but a socket requests {wanted}"), fix).tuned()
            }
            None => Finding::warn(check, "unknown: only the host has this setting, not this network namespace", fix),
        }
    }

    /// A firewall that tracks connections drops the datagrams of senders for which its table has no room.
    pub(super) fn connection_tracking(&self) -> Finding {
        const CHECK: &str = "connection tracking";
        let file = |name| self.number(&format!("proc/sys/net/netfilter/nf_conntrack_{name}"));
        match (file("count"), file("max")) {
            (Some(count @ 1..), Some(most)) if most < TRACKED_MIN => Finding::warn(
                CHECK,
                format!("the firewall tracks {count} connections, and drops datagrams of new ones beyond {most}"),
                format!("sysctl -w net.netfilter.nf_conntrack_max={TRACKED_MIN}, or a rule `udp dport 3565 notrack`"),
            ),
            (Some(count @ 1..), _) => Finding::ok(CHECK, format!("{count} connections tracked")),
            _ => Finding::ok(CHECK, "none"),
        }
    }
}

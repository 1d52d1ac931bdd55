//! The nodes: an edge, a relay in the middle, and a last node, which alone reaches the host.

use ringshard::ops::admin::AdminClient;
use std::error::Error;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// What the kernel counts CPU time in, on every Linux of today (`getconf CLK_TCK`).
const TICK_US: u64 = 10_000;
const NAMES: [&str; 3] = ["edge", "relay", "last"];

/// What a node has used so far.
pub struct Cost {
    /// Its name.
    pub name: &'static str,
    /// CPU time, in microseconds.
    pub cpu_us: u64,
    /// Datagrams that it has taken and sent on, both ways.
    pub datagrams: u64,
}

/// The nodes, which end when this is dropped.
pub struct Nodes {
    /// Where clients connect.
    pub door: SocketAddr,
    nodes: Vec<(Child, SocketAddr)>,
    folder: PathBuf,
}

impl Nodes {
    /// Starts them. The edge reaches the relay, the relay reaches the last node, which alone reaches the host.
    pub fn start(host: SocketAddr) -> Result<Nodes, Box<dyn Error>> {
        let folder = std::env::temp_dir().join(format!("relay-load-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let door = free_address()?;
        let addresses = [free_address()?, free_address()?, free_address()?];
        std::fs::write(folder.join("relay.key"), "7".repeat(64))?;
        Command::new("chmod").arg("600").arg(folder.join("relay.key")).status()?;
        let mut nodes = Nodes { door, nodes: Vec::new(), folder };
        for (at, name) in NAMES.into_iter().enumerate() {
            nodes.node(at, name, &addresses, host)?;
        }
        Ok(nodes)
    }

    fn node(
        &mut self,
        at: usize,
        name: &str,
        addresses: &[SocketAddr; 3],
        host: SocketAddr,
    ) -> Result<(), Box<dyn Error>> {
        // The edge and the last node know of each other, and reach each other only over the relay.
        let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
        let address = |other: usize| if other.abs_diff(at) <= 1 { addresses[other] } else { nobody };
        let nodes: String = NAMES
            .iter()
            .enumerate()
            .map(|(other, name)| format!("[[nodes]]\nname = '{name}'\nregion = 'a'\naddress = '{}'\n", address(other)))
            .collect();
        // Only the last node finds the host at its address; the others find nobody.
        let host = if at == 2 { host } else { nobody };
        let key = "0".repeat(64);
        let file = format!(
            "[relays]\nkey-file = 'relay.key'\ndirect = false\n{nodes}[[hosts]]\nname = 'h'\nregion = 'a'\naddress = '{host}'\n\
             key = '{key}'\nadmin = '127.0.0.1:9'\n"
        );
        let path = self.folder.join(format!("{name}.toml"));
        std::fs::write(&path, file)?;
        let admin = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("node").arg("--fleet").arg(path).args(["--name", name, "--listen", &addresses[at].to_string()]);
        command.args(["--admin", &admin.to_string()]);
        if at == 0 {
            command.args(["--door", &format!("h={}", self.door)]);
        }
        self.nodes.push((command.stdout(Stdio::null()).spawn()?, admin));
        Ok(())
    }

    /// What each has used so far.
    pub fn costs(&self) -> Result<Vec<Cost>, Box<dyn Error>> {
        let cost = |((child, admin), name): (&(Child, SocketAddr), &'static str)| {
            let text = AdminClient::new(*admin).text("/metrics")?;
            let counter = |name: &str| {
                let line = format!("ringshard_relay_{name}_total ");
                text.lines().find_map(|text| text.strip_prefix(&line)?.parse::<u64>().ok()).unwrap_or(0)
            };
            let ends = ["client_datagrams", "delivered", "passed_on", "to_hosts", "from_hosts"];
            Ok(Cost { name, cpu_us: cpu_us(child.id())?, datagrams: ends.map(counter).iter().sum() })
        };
        self.nodes.iter().zip(NAMES).map(cost).collect()
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for (child, _) in &mut self.nodes {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// CPU time of a process, in the program and in the kernel (proc_pid_stat(5), fields 14 and 15).
fn cpu_us(process: u32) -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = text.rsplit_once(") ").ok_or("the kernel's line has no name")?;
    let ticks: u64 = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(ticks * TICK_US)
}

fn free_address() -> std::io::Result<SocketAddr> {
    UdpSocket::bind("127.0.0.1:0")?.local_addr()
}

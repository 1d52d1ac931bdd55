use crate::report::network::round_trip_max;
use crate::scenario;
use crate::scenario::Flows;
use std::time::Duration;

/// Deadline of echoes without a simulated network.
pub const DEADLINE: Duration = Duration::from_secs(1);

#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// distinct: one socket per client. relay: many clients per socket, as behind an edge or relay server.
    #[arg(long, value_enum, default_value = "distinct")]
    pub flows: Flows,
    /// Clients.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub clients: usize,
    /// Messages per second that each client sends and gets back. They have 16 to 4,000 bytes. Ordered and unordered ones
    /// alternate.
    #[arg(long, value_name = "HZ", default_value_t = 20.0)]
    pub rate: f64,
    /// Minutes to run.
    #[arg(long, value_name = "M", default_value_t = 10.0)]
    pub mins: f64,
    /// Milliseconds within which 99.9 % of the echoes must arrive; default: 1000, plus the longest round trip of
    /// --network.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=86_400_000))]
    pub deadline_ms: Option<u64>,
    /// Clients reconnect when the server is silent, and must resume their sessions.
    #[arg(long)]
    pub reconnect: bool,
    #[command(flatten)]
    pub running: scenario::RunningServer,
    /// Process id of --server, if it runs on this machine, to watch its memory.
    #[arg(long, value_name = "PID", requires = "server")]
    pub server_pid: Option<u32>,
    /// Seconds after which the server's memory must stay flat; default: a fifth of the run, at most 60.
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub warm_up: Option<f64>,
    #[command(flatten)]
    pub between: scenario::NetworkOptions,
    #[command(flatten)]
    pub run: scenario::RunOptions,
}

impl Arguments {
    /// Time within which 99.9 % of the echoes must arrive.
    pub fn deadline(&self) -> Duration {
        let default = DEADLINE + round_trip_max(self.between.network);
        self.deadline_ms.map_or(default, Duration::from_millis)
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    scenario::number_in(text, 0.0..=1e7)
}

//! `ringshard accounts list`

use super::moment;
use crate::output;
use crate::services_folder::ServicesFolder;
use crate::table::{Column, Table};
use crate::units::whole;
use ratatui::text::Line;
use ringshard_services::AccountId;
use ringshard_services::accounts::Profile;
use std::error::Error;

/// Accounts that are read at once.
const PAGE: usize = 256;

/// Arguments of `accounts list`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    folder: ServicesFolder,
    /// Only accounts whose name or email has this text, in upper or lower case.
    #[arg(long, value_name = "TEXT", default_value = "")]
    find: String,
    /// Only accounts that are disabled.
    #[arg(long)]
    disabled: bool,
    /// Only accounts with ids above this one.
    #[arg(long, value_name = "ID", default_value_t = 0)]
    after: u64,
    /// Maximum number of accounts to list; 0 for all.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Print a JSON array instead of a table.
    #[arg(long)]
    json: bool,
}

/// Runs `ringshard accounts list`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let admin = arguments.folder.accounts(false)?;
    let limit = if arguments.limit == 0 { usize::MAX } else { arguments.limit };
    let mut found: Vec<Profile> = Vec::new();
    let mut after = AccountId(arguments.after);
    while found.len() < limit {
        let page = admin.list(after, &arguments.find, PAGE)?;
        let Some(last) = page.last() else { break };
        after = last.id;
        found.extend(page.into_iter().filter(|account| account.disabled || !arguments.disabled));
    }
    found.truncate(limit);
    if arguments.json {
        return Ok(output::print_line(serde_json::to_string_pretty(&found)?)?);
    }
    let (all, disabled) = admin.count()?;
    let title = format!("{} of {} accounts", whole(found.len() as u64), whole(all));
    Ok(output::print(table(&found, title, format!("{} disabled", whole(disabled))).page())?)
}

fn table(accounts: &[Profile], title: String, aside: String) -> Table {
    let columns = vec![
        Column::new("id", 0),
        Column::text("name", 0),
        Column::text("email", 0).rank(1),
        Column::text("state", 0),
        Column::text("created (UTC)", 0).rank(2),
    ];
    let row = |account: &Profile| {
        let cells = [
            account.id.to_string(),
            account.name.clone(),
            account.email.clone().unwrap_or_else(|| "-".into()),
            if account.disabled { "disabled" } else { "enabled" }.into(),
            moment(account.created),
        ];
        cells.map(Line::from).to_vec()
    };
    let rows = accounts.iter().map(row).collect();
    Table { title: title.into(), aside: aside.into(), columns, rows, empty: "no account is like that" }
}

//! `ringshard accounts show`

use super::{fact, find, moment};
use crate::output;
use crate::services_folder::ServicesFolder;
use crate::table::{Column, Table};
use ratatui::text::Line;
use ringshard_services::accounts::AccountDetails;
use std::error::Error;

/// Arguments of `accounts show`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    folder: ServicesFolder,
    /// Id, email or name.
    #[arg(value_name = "ACCOUNT")]
    account: String,
    /// Print all of it as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `ringshard accounts show`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let admin = arguments.folder.accounts(false)?;
    let account = find(&admin, &arguments.account)?;
    let details = admin.details(account.id)?.ok_or("the account was removed at this moment")?;
    if arguments.json {
        return Ok(output::print_line(serde_json::to_string_pretty(&details)?)?);
    }
    let profile = &details.profile;
    fact("id", profile.id)?;
    fact("name", &profile.name)?;
    fact("email", profile.email.as_deref().unwrap_or("none"))?;
    fact("state", if profile.disabled { "disabled" } else { "enabled" })?;
    fact("created", format_args!("{} UTC", moment(profile.created)))?;
    fact("password", password(&details))?;
    for (directory, subject) in &details.identities {
        fact("elsewhere", format_args!("{subject} in {directory}"))?;
    }
    output::print_line("")?;
    output::print(sessions(&details).page())?;
    output::print_line("")?;
    Ok(output::print(devices(&details).page())?)
}

fn password(details: &AccountDetails) -> String {
    match details.password {
        None => "none: it cannot log in by password here".into(),
        Some(cost) => {
            format!("Argon2id, {} KiB, passes: {}, lanes: {}", cost.memory_kib, cost.passes, cost.lanes)
        }
    }
}

fn sessions(details: &AccountDetails) -> Table {
    let columns = vec![
        Column::new("id", 0),
        Column::text("by", 0),
        Column::text("network", 0),
        Column::text("began (UTC)", 0).rank(2),
        Column::text("last used (UTC)", 0),
        Column::text("ends (UTC)", 0).rank(1),
    ];
    let rows = details.sessions.iter().map(|session| {
        let cells = [
            session.id.to_string(),
            format!("{:?}", session.way).to_lowercase(),
            session.network.to_string(),
            moment(session.created),
            moment(session.seen),
            moment(session.expires),
        ];
        cells.map(Line::from).to_vec()
    });
    let rows = rows.collect();
    Table { title: "sessions".into(), aside: "".into(), columns, rows, empty: "no session" }
}

fn devices(details: &AccountDetails) -> Table {
    let columns = vec![Column::new("id", 0), Column::text("label", 0), Column::text("added (UTC)", 0)];
    let rows = details.devices.iter().map(|device| {
        let cells = [device.id.to_string(), device.label.clone(), moment(device.created)];
        cells.map(Line::from).to_vec()
    });
    let rows = rows.collect();
    Table { title: "devices".into(), aside: "".into(), columns, rows, empty: "no device" }
}

//! `ringshard resources add`

use super::Entry;
use crate::output;
use crate::services_folder::ServicesFolder;
use crate::units::bytes;
use ringshard_services::resources::SigningKey;
use ringshard_services::resources::store::Addition;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Arguments of `resources add`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Files to add.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Name of the resource, if it is not the name of the file. Only with one file.
    #[arg(long, value_name = "NAME", conflicts_with = "prefix")]
    name: Option<String>,
    /// What all names begin with, such as `maps/`.
    #[arg(long, value_name = "TEXT", default_value = "")]
    prefix: String,
    /// File of the key that signs the resources. Clients refuse unsigned ones unless their program says otherwise.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Print what was added as a JSON array.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folder: ServicesFolder,
}

/// Runs `ringshard resources add`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let key = arguments.key.as_deref().map(SigningKey::load).transpose()?;
    let additions = arguments.additions()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let added = arguments.folder.resources()?.add(&additions, key.as_ref(), now)?;
    if arguments.json {
        let added: Vec<Entry> = added.iter().map(Entry::from).collect();
        return Ok(output::print_line(serde_json::to_string_pretty(&added)?)?);
    }
    for entry in added {
        let signed = if entry.signature.is_some() { "signed" } else { "unsigned" };
        output::print_line(format_args!("added {}: {}, {signed}", entry.name, bytes(entry.size as f64)))?;
    }
    Ok(())
}

impl Arguments {
    fn additions(&self) -> Result<Vec<Addition>, String> {
        if self.name.is_some() && self.files.len() > 1 {
            return Err(format!(
                "--name is for one file, but there are {}: use --prefix, or add them one by one",
                self.files.len()
            ));
        }
        let named = |file: &PathBuf| {
            let name = match &self.name {
                Some(name) => name.clone(),
                None => format!("{}{}", self.prefix, file_name(file)?),
            };
            Ok(Addition { name, file: file.clone() })
        };
        self.files.iter().map(named).collect()
    }
}

fn file_name(file: &Path) -> Result<&str, String> {
    let name = file.file_name().and_then(|name| name.to_str());
    name.ok_or_else(|| format!("{} has no name that a resource can have: use --name", file.display()))
}

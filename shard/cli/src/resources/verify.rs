//! `ringshard resources verify`

use crate::output;
use crate::services_folder::ServicesFolder;
use crate::units::bytes;
use ringshard_services::resources::PublicKey;
use ringshard_services::resources::store::Checked;
use serde::Serialize;
use std::collections::BTreeMap;
use std::error::Error;

/// Arguments of `resources verify`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The public key that all resources must be signed with. Without it, signatures are not checked.
    #[arg(long, value_name = "KEY", value_parser = public_key)]
    public: Option<PublicKey>,
    /// Print what was found as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folder: ServicesFolder,
}

fn public_key(text: &str) -> Result<PublicKey, String> {
    let wrong = "a public key has 64 hexadecimal digits: `ringshard resources keygen --public FILE` prints it";
    PublicKey::from_hex(text).ok_or_else(|| wrong.to_owned())
}

#[derive(Serialize)]
struct Found<'a> {
    sound: usize,
    bytes: u64,
    /// What is wrong, by name.
    problems: BTreeMap<&'a str, &'a str>,
    unnamed: Vec<String>,
}

/// Runs `ringshard resources verify`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let checked = arguments.folder.resources()?.check(arguments.public.as_ref())?;
    match arguments.json {
        true => print_json(&checked)?,
        false => print_text(&checked, arguments.public.is_some())?,
    }
    match checked.problems.len() {
        0 => Ok(()),
        1 => Err("a resource is not as it should be".into()),
        count => Err(format!("{count} resources are not as they should be").into()),
    }
}

fn print_json(checked: &Checked) -> Result<(), Box<dyn Error>> {
    let found = Found {
        sound: checked.sound,
        bytes: checked.bytes,
        problems: checked.problems.iter().map(|it| (it.name.as_str(), it.what.as_str())).collect(),
        unnamed: checked.unnamed.iter().map(|path| path.display().to_string()).collect(),
    };
    Ok(output::print_line(serde_json::to_string_pretty(&found)?)?)
}

fn print_text(checked: &Checked, signatures: bool) -> Result<(), Box<dyn Error>> {
    for problem in &checked.problems {
        output::print_line(format_args!("{}: {}", problem.name, problem.what))?;
    }
    let with = if signatures { ", with their signatures" } else { "" };
    output::print_line(format_args!("{} sound, {}{with}", checked.sound, bytes(checked.bytes as f64)))?;
    if !checked.unnamed.is_empty() {
        output::remark(format_args!(
            "{} files have no name, perhaps from an interrupted command: `ringshard resources remove --unnamed` removes them",
            checked.unnamed.len()
        ));
    }
    Ok(())
}

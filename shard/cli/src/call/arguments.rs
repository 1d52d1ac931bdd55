//! The command line of `ringshard call`, and what it asks for.

use super::request::FieldText;
use crate::duration;
use crate::failure::Failure;
use crate::login::{EntryArguments, LoginArguments};
use ringshard_client::PublicKey;
use serde_json::Value as Json;
use std::path::PathBuf;
use std::time::Duration;

/// Arguments of `call`.
#[derive(clap::Args)]
pub struct Arguments {
    /// https://HOST:PORT of a login door, or HOST:PORT of a game's UDP port.
    #[arg(value_name = "SERVER")]
    server: String,
    /// Over UDP, the server's public key. Then the path of an action, such as /v1/places/complete.
    #[arg(value_name = "KEY|PATH", num_args = 0..=2)]
    words: Vec<String>,
    /// A field of the request, typed by the server's schema: text as it is, numbers, true or false, bytes as base64url, null for
    /// none, lists and records as JSON.
    #[arg(short, long = "field", value_name = "NAME=VALUE", value_parser = field)]
    fields: Vec<FieldText>,
    /// The request as JSON. Each --field replaces one of its fields.
    #[arg(long, value_name = "JSON", value_parser = json)]
    json: Option<Json>,
    /// List the actions whose paths begin with PREFIX.
    #[arg(long, value_name = "PREFIX", num_args = 0..=1, default_missing_value = "")]
    list: Option<String>,
    /// Print the answer as JSON.
    #[arg(long)]
    print_json: bool,
    /// How long to wait for the server, such as 10s.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration::parse)]
    timeout: Duration,
    /// What to do in the world.
    #[command(flatten)]
    pub world: WorldArguments,
    /// Who calls.
    #[command(flatten)]
    pub login: LoginArguments,
}

/// What UDP can do beside calls.
#[derive(clap::Args)]
#[command(next_help_heading = "Over UDP")]
pub struct WorldArguments {
    /// How the client enters.
    #[command(flatten)]
    pub entry: EntryArguments,
    /// Download a resource: a name, sha256/HEX, or tile/SET/Z/X/Y.
    #[arg(long, value_name = "NAME")]
    download: Option<String>,
    /// File for the download, which must not exist yet; `-` is standard output. Without it: the last part of the name.
    #[arg(long, value_name = "FILE", requires = "download")]
    pub out: Option<PathBuf>,
    /// The public key that the download must be signed with, or a secret key file of `ringshard resources keygen`.
    #[arg(long, value_name = "KEY|FILE", requires = "download", conflicts_with = "trust_server")]
    pub key: Option<String>,
    /// Take whatever the server has under the name, signed or not.
    #[arg(long, requires = "download")]
    pub trust_server: bool,
    /// Join a room, and print what is said and what else the server tells, until Ctrl-C.
    #[arg(long, value_name = "ROOM")]
    chat: Option<String>,
    /// Join a room, and say a line there.
    #[arg(long, num_args = 2, value_names = ["ROOM", "TEXT"])]
    say: Option<Vec<String>>,
}

/// The server.
pub enum Target {
    /// The URL of a login door.
    Https(String),
    /// The address of a game's UDP port, and its key unless a login tells it.
    Udp(String, Option<PublicKey>),
}

/// What to do.
#[derive(Debug, PartialEq)]
pub enum Deed {
    /// Call the action at a path.
    Call(String),
    /// List the actions with a prefix.
    List(String),
    /// Download a resource.
    Download(String),
    /// Hear what is said in a room.
    Chat(String),
    /// Say a line in a room.
    Say(String, String),
}

impl Arguments {
    /// The server, and what to do there.
    ///
    /// # Errors
    /// [`Failure::Usage`].
    pub fn read(&self) -> Result<(Target, Deed), Failure> {
        let (paths, keys): (Vec<&String>, Vec<&String>) = self.words.iter().partition(|word| word.starts_with('/'));
        let deed = self.deed(&paths)?;
        if !matches!(deed, Deed::Call(_)) && (!self.fields.is_empty() || self.json.is_some()) {
            return Err(usage("--field and --json go with the path of an action"));
        }
        if self.server.contains("://") {
            self.check_https(&keys, &deed)?;
            return Ok((Target::Https(self.server.clone()), deed));
        }
        let key = match keys.as_slice() {
            [] if self.world.entry.login.is_some() => None,
            [] => return Err(usage("over UDP, give the server's public key behind its address, or --login")),
            [key] => Some(PublicKey::from_hex(key).map_err(|error| Failure::Usage(format!("KEY: {error}")))?),
            _ => return Err(usage("one key is enough")),
        };
        self.world.entry.check(&self.login)?;
        Ok((Target::Udp(self.server.clone(), key), deed))
    }

    fn deed(&self, paths: &[&String]) -> Result<Deed, Failure> {
        let WorldArguments { download, chat, say, .. } = &self.world;
        let said = say.as_deref().map(|words| Deed::Say(words[0].clone(), words[1].clone()));
        let deeds = [
            self.list.clone().map(Deed::List),
            download.clone().map(Deed::Download),
            chat.clone().map(Deed::Chat),
            said,
        ];
        let called = paths.iter().map(|path| Deed::Call((*path).clone()));
        let mut deeds: Vec<Deed> = deeds.into_iter().flatten().chain(called).collect();
        match deeds.len() {
            1 => Ok(deeds.remove(0)),
            0 => Err(usage("say what to do: the path of an action, such as /v1/places/complete, or --list")),
            _ => Err(usage("do one thing at a time: one path, --list, --download, --chat or --say")),
        }
    }

    fn check_https(&self, keys: &[&String], deed: &Deed) -> Result<(), Failure> {
        if !self.server.starts_with("https://") {
            return Err(usage("a login door has an https:// address"));
        }
        if let Some(word) = keys.first() {
            return Err(Failure::Usage(format!("{word} is no path of an action: paths begin with /")));
        }
        if !matches!(deed, Deed::Call(_) | Deed::List(_)) {
            return Err(usage(
                "--download, --chat and --say need the world: give HOST:PORT of the game, and --login URL",
            ));
        }
        if self.world.entry.ticket.is_some() || self.world.entry.login.is_some() {
            return Err(usage("--ticket and --login are for UDP: over HTTPS use --token-file or --email"));
        }
        Ok(())
    }

    /// The JSON of the request.
    pub fn json(&self) -> Option<&Json> {
        self.json.as_ref()
    }

    /// The fields of the request.
    pub fn fields(&self) -> &[FieldText] {
        &self.fields
    }

    /// Whether answers are printed as JSON.
    pub fn print_json(&self) -> bool {
        self.print_json
    }

    /// How long to wait for the server.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }
}

fn usage(text: &str) -> Failure {
    Failure::Usage(text.to_owned())
}

fn field(text: &str) -> Result<FieldText, String> {
    let parts = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = parts.ok_or("use NAME=VALUE, such as text=par")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn json(text: &str) -> Result<Json, String> {
    serde_json::from_str(text).map_err(|error| format!("this is no JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn read(words: &[&str]) -> Result<Deed, String> {
        let line = Line::try_parse_from([&["call"], words].concat()).map_err(|error| error.to_string())?;
        line.arguments.read().map(|(_, deed)| deed).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_command_line_does_one_thing() {
        let key = "1".repeat(64);
        assert_eq!(read(&["https://a:1", "/v1/a", "-f", "a=b=c"]), Ok(Deed::Call("/v1/a".into())));
        assert_eq!(read(&["https://a:1", "--list"]), Ok(Deed::List(String::new())));
        assert_eq!(read(&["a:1", &key, "--say", "hall", "hi"]), Ok(Deed::Say("hall".into(), "hi".into())));
        assert_eq!(read(&["a:1", "--login", "https://a:2", "--chat", "hall"]), Ok(Deed::Chat("hall".into())));
    }

    #[test]
    fn mistakes_say_what_to_do() {
        let key = "1".repeat(64);
        for (words, expected) in [
            (&["https://a:1"][..], "say what to do"),
            (&["https://a:1", "/v1/a", "--list"], "one thing at a time"),
            (&["https://a:1", "v1/a", "--list"], "paths begin with /"),
            (&["http://a:1", "/v1/a"], "https://"),
            (&["https://a:1", "--chat", "hall"], "need the world"),
            (&["https://a:1", "/v1/a", "--ticket", "x"], "are for UDP"),
            (&["a:1", "/v1/a"], "public key"),
            (&["a:1", "12", "/v1/a"], "KEY"),
            (&["a:1", &key, "/v1/a", "--email", "a@b"], "--login"),
            (&["a:1", &key, "--list", "--field", "a=b"], "path of an action"),
            (&["a:1", &key, "--list", "--out", "x"], "--download"),
            (&["https://a:1", "/v1/a", "--field", "b"], "NAME=VALUE"),
            (&["https://a:1", "/v1/a", "--fingerprint", "12"], "64 hexadecimal digits"),
        ] {
            let error = read(words).unwrap_err();
            assert!(error.contains(expected), "{words:?}: {error}");
        }
    }
}

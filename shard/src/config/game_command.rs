//! The command line of a game's own server.

use super::command_line::parse_command_line;
use super::configuration::Configuration;
use super::errors::SettingErrors;
use super::flags::{add_flags, read_flags};
use super::game_section::GameSection;
use super::schema::game_server_schema;
use super::settings::game_server_settings;
use super::sources::Sources;
use clap::{ArgMatches, Command};
use std::path::Path;

/// What the command line of a game's own server asks for.
#[derive(Clone, Debug)]
pub enum GameCommand {
    /// Serve with these settings.
    Serve(Sources),
    /// Check these settings: `config check`.
    Check(Sources),
    /// Print these settings: `config print`.
    Print(Sources),
    /// Print a JSON Schema of the file: `config schema`.
    Schema,
}

impl GameCommand {
    /// The command on the command line of this process, for a game with the settings of `section`. Prints help, and errors
    /// that do not concern settings, and ends the process.
    pub fn parse(section: GameSection) -> Self {
        let name = program_name();
        let (mut asked, misplaced) = parse_command_line(|words| {
            let matches = command(&name).try_get_matches_from(words)?;
            Ok(GameCommand::read(&matches, section))
        });
        misplaced.report_with(asked.sources_mut());
        asked
    }

    fn read(matches: &ArgMatches, section: GameSection) -> Self {
        let sources =
            |matches: &ArgMatches| Sources { game: Some(section), ..read_flags(matches, game_server_settings()) };
        let config = matches.subcommand_matches("config").and_then(ArgMatches::subcommand);
        match config {
            Some(("check", matches)) => GameCommand::Check(sources(matches)),
            Some(("print", matches)) => GameCommand::Print(sources(matches)),
            Some(_) => GameCommand::Schema,
            None => GameCommand::Serve(sources(matches)),
        }
    }

    /// The same with other sources.
    pub fn map_sources(mut self, change: impl FnOnce(Sources) -> Sources) -> Self {
        if let Some(sources) = self.sources_mut() {
            *sources = change(std::mem::take(sources));
        }
        self
    }

    fn sources_mut(&mut self) -> Option<&mut Sources> {
        match self {
            GameCommand::Serve(sources) | GameCommand::Check(sources) | GameCommand::Print(sources) => Some(sources),
            GameCommand::Schema => None,
        }
    }

    /// What `config check`, `print` and `schema` print; None for the others.
    ///
    /// # Errors
    /// Everything that is wrong with the settings.
    pub fn text(&self) -> Result<Option<String>, SettingErrors> {
        Ok(Some(match self {
            GameCommand::Serve(_) => return Ok(None),
            GameCommand::Check(sources) => {
                let (configuration, _) = Configuration::prepared(sources.clone())?;
                let notes = configuration.without_effect().into_iter();
                notes
                    .chain(["no errors: a server would start with these settings".into()])
                    .map(|it| it + "\n")
                    .collect()
            }
            GameCommand::Print(sources) => Configuration::load(sources.clone())?.raw_values().file(),
            GameCommand::Schema => format!("{:#}\n", game_server_schema()),
        }))
    }
}

/// The name under which this program was called.
pub fn program_name() -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    Path::new(&called).file_name().map_or_else(|| "server".into(), |name| name.to_string_lossy().into_owned())
}

fn command(name: &str) -> Command {
    let print = format!("{name} config print");
    let with_settings = |command: Command| add_flags(command, game_server_settings(), &print);
    let check =
        Command::new("check").about("Check whether the server would start with these settings, and print all errors");
    let print = Command::new("print").about("Print all settings as a file, with the source of each");
    let schema = Command::new("schema").about("Print a JSON Schema of the settings file, for editors");
    let config = Command::new("config")
        .about("Check settings, print them, or print their JSON Schema")
        .subcommand_required(true)
        .subcommands([with_settings(check), with_settings(print), schema]);
    with_settings(Command::new(name.to_owned()))
        .about("Run the server of this game")
        .after_help(
            "Signals: SIGTERM or Ctrl-C drains the server; during the drain, it ends the drain; while the server ends, it \
             disconnects the clients at once; one more ends the process without notifying clients. SIGHUP reloads the settings that are marked reloadable. SIGUSR2 writes histograms and \
             connections to a file.",
        )
        .args_conflicts_with_subcommands(true)
        .subcommand(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command("tag").debug_assert();
    }

    #[test]
    fn settings_follow_the_program_or_the_commands_of_config() {
        #[derive(serde::Deserialize, Default)]
        struct Nothing {}
        let asked = |words: &str| {
            let matches = command("tag").try_get_matches_from(words.split(' '))?;
            Ok::<_, clap::Error>(GameCommand::read(&matches, GameSection::of::<Nothing>()))
        };
        let seed = [("seed".to_owned(), "7".to_owned())];
        let is_game_with = |sources: &Sources| sources.game.is_some() && sources.flags == seed;
        assert!(matches!(asked("tag --seed 7"), Ok(GameCommand::Serve(it)) if is_game_with(&it)));
        assert!(matches!(asked("tag config check --seed 7"), Ok(GameCommand::Check(it)) if is_game_with(&it)));
        assert!(matches!(asked("tag config print --seed 7"), Ok(GameCommand::Print(it)) if is_game_with(&it)));
        assert!(matches!(asked("tag config schema"), Ok(GameCommand::Schema)));
        for wrong in ["tag config", "tag config schema --seed 7", "tag --seed 7 config check", "tag --npcs 5"] {
            assert!(asked(wrong).is_err(), "{wrong}");
        }
        let text = |words: &str| asked(words).unwrap().text();
        assert!(text("tag config check --cpus 0").unwrap().unwrap().contains("no errors"));
        assert!(text("tag config check --cpus 0 --near far").unwrap_err().to_string().contains("near is `far` (flag)"));
        assert!(text("tag --near far").unwrap().is_none(), "serving prints nothing of this");
    }
}

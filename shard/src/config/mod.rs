//! The settings of a server, with the same names in a file, in the environment and as flags.
//!
//! Raw values are collected from their sources, parsed once, checked against each other, and converted to what a server is
//! started with. The rest of the code sees only parsed values. All errors are reported at once; each names the setting, its
//! value, its source, and what it must be.
//!
//! Each module uses only those above it:
//!
//! | module | for |
//! |---|---|
//! | `value_format` | how a text becomes a value |
//! | `value_source` | where a value comes from |
//! | `setting_metadata` | one setting, before it has a value |
//! | `errors` | what can be wrong, and how it is reported |
//! | `game_section` | the settings of a game of its own: the table `[game]` of the file |
//! | `raw_values` | the text of every setting |
//! | `settings` | the table of all settings |
//! | `file`, `sources`, `flags` | reading the file, all sources, the command line |
//! | `schema` | a JSON Schema of the file |
//! | [`key_files`] | files with keys and secrets |
//! | `prepare` | from settings to what a server is started with: its `ServerConfig` and `WorldConfig` |
//! | `configuration` | all of it together, and reloading |
//! | `command_line`, `game_command` | parsing a command line; that of a game's own server |

mod command_line;
mod configuration;
mod errors;
mod file;
mod flags;
mod game_command;
mod game_section;
pub mod key_files;
mod prepare;
mod raw_values;
mod schema;
mod setting_metadata;
mod settings;
mod sources;
mod value_format;
mod value_source;

pub use command_line::{Misplaced, parse_command_line};
pub use configuration::{Configuration, Reloaded};
pub use errors::{SettingError, SettingErrors};
pub use game_command::{GameCommand, program_name};
pub use game_section::GameSection;
pub use prepare::Prepared;
pub use raw_values::RawValues;
pub use schema::{game_server_schema, schema};
pub use setting_metadata::Setting;
pub use settings::{Cipher, Layout, LogFormat, Served, Settings, all_settings, game_server_settings};
pub use sources::Sources;
pub use value_format::ValueKind;
pub use value_source::Source;

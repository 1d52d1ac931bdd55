//! A script: its name, its byte code, and its settings.

use mlua::chunk::Compiler;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Longest file of a script, in bytes.
pub const SOURCE_BYTES_MAX: u64 = 4 << 20;

/// Why there is no script.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ScriptError {
    /// The file cannot be read.
    #[error("cannot read the script {}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        why: String,
    },
    /// The file with its settings is no TOML. Holds the file, the line and what is wrong.
    #[error("the settings of the script are wrong: {0}")]
    Settings(String),
    /// The script does not compile. Holds the file, the line and what is wrong.
    #[error("the script does not compile: {0}")]
    Syntax(String),
    /// The script fails as it is loaded. Holds the file, the line and what is wrong.
    #[error("the script fails while it is loaded: {0}")]
    Load(String),
}

/// A script that compiles. Cores share its byte code.
#[derive(Clone, PartialEq, Debug)]
pub struct Script {
    name: Arc<str>,
    code: Arc<[u8]>,
    settings: Arc<toml::Table>,
}

impl Script {
    /// Reads and compiles a file. Its settings are in the file of the same name that ends with `.toml`, if there is one. It
    /// may block: call it from no core.
    ///
    /// # Errors
    /// [`ScriptError::File`], [`ScriptError::Settings`], [`ScriptError::Syntax`]
    pub fn read(path: &Path) -> Result<Script, ScriptError> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let script = Script::compile(&name, &read_text(path)?)?;
        let path = path.with_extension("toml");
        if !path.exists() {
            return Ok(script);
        }
        let settings = toml::from_str(&read_text(&path)?)
            .map_err(|error| ScriptError::Settings(format!("{}: {error}", path.display())))?;
        Ok(script.with_settings(settings))
    }

    /// Compiles a text. `name` stands for its file in messages.
    ///
    /// # Errors
    /// [`ScriptError::Syntax`]
    pub fn compile(name: &str, text: &str) -> Result<Script, ScriptError> {
        let compiler = Compiler::new().set_optimization_level(1).set_debug_level(1);
        match compiler.compile(text) {
            Ok(code) => Ok(Script { name: name.into(), code: code.into(), settings: Arc::default() }),
            Err(mlua::Error::SyntaxError { message, .. }) => Err(ScriptError::Syntax(format!("{name}:{message}"))),
            Err(error) => Err(ScriptError::Syntax(format!("{name}: {error}"))),
        }
    }

    /// The same, with these settings: the script finds them in the table `settings`.
    #[must_use]
    pub fn with_settings(self, settings: toml::Table) -> Script {
        Script { settings: Arc::new(settings), ..self }
    }

    /// Its settings.
    pub fn settings(&self) -> &toml::Table {
        &self.settings
    }

    /// Its name: the last part of the path of its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn code(&self) -> &[u8] {
        &self.code
    }
}

fn read_text(path: &Path) -> Result<String, ScriptError> {
    let failed = |why: String| ScriptError::File { path: path.to_owned(), why };
    let bytes = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if bytes > SOURCE_BYTES_MAX {
        return Err(failed(format!("it has {bytes} bytes; at most {SOURCE_BYTES_MAX} are read")));
    }
    std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))
}

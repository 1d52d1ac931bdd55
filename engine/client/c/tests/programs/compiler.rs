//! Building the library, and programs that use it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");
const STRICT: [&str; 5] = ["-g", "-Wall", "-Wextra", "-Werror", "-pedantic"];
/// A finding of these ends the program.
pub const SANITIZERS: [&str; 2] = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
/// What the static library needs of the system: README.md says so, too.
const SYSTEM: [&str; 4] = ["-lpthread", "-ldl", "-lm", "-lgcc_s"];

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Language {
    C,
    Cpp,
}

impl Language {
    pub fn compiler(self) -> &'static str {
        match self {
            Language::C => "cc",
            Language::Cpp => "c++",
        }
    }

    fn options(self) -> &'static [&'static str] {
        match self {
            Language::C => &["-std=c11"],
            Language::Cpp => &["-std=c++17", "-ffp-contract=off", "-fno-exceptions", "-fno-rtti"],
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Linking {
    Shared,
    Static,
}

/// A program, which is removed when it is dropped.
pub struct Program {
    pub path: PathBuf,
}

impl Drop for Program {
    fn drop(&mut self) {
        // What stays is overwritten the next time.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The folder with the library, which is built once, unless `CLIENT_LIBRARY_FOLDER` names one.
pub fn library() -> &'static Path {
    static FOLDER_OF_LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    FOLDER_OF_LIBRARY.get_or_init(|| {
        if let Some(folder) = std::env::var_os("CLIENT_LIBRARY_FOLDER") {
            return PathBuf::from(folder);
        }
        // Cargo does not build this crate's library for its tests, because no Rust program can use it.
        let test = std::env::current_exe().expect("a test has a path");
        let target = test.ancestors().nth(3).expect("a test lies in target/PROFILE/deps");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--offline", "--package", "ringshard-client-c", "--target-dir"]);
        let status = cargo.arg(target).current_dir(FOLDER).status().expect("cargo runs");
        assert!(status.success(), "the library cannot be built");
        target.join("debug")
    })
}

/// Builds a program with more options, which are left out if they are sanitizers that the compiler does not have. None if there is
/// no compiler.
///
/// # Panics
/// When the compiler rejects it.
pub fn compile(source: &str, language: Language, linking: Linking, more: &[&str]) -> Option<Program> {
    if !exists(language.compiler()) {
        return None;
    }
    let name = format!("{}-{linking:?}-{}", source.replace(['/', '.'], "-"), std::process::id());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let rejected = match build(source, language, linking, &path, more) {
        Err(output) if complains_of_sanitizers(&output) => {
            eprintln!("{} has no sanitizers: {source} runs without", language.compiler());
            build(source, language, linking, &path, &[]).err()
        }
        built => built.err(),
    };
    if let Some(output) = rejected {
        panic!("{} rejects {source}:\n{}", language.compiler(), String::from_utf8_lossy(&output.stderr));
    }
    Some(Program { path })
}

fn build(source: &str, language: Language, linking: Linking, path: &Path, more: &[&str]) -> Result<(), Output> {
    let library = library();
    let mut compiler = Command::new(language.compiler());
    compiler.current_dir(FOLDER).args(language.options()).args(STRICT).args(more);
    compiler.args(["-Iinclude", "-Iexamples", source, "-o"]).arg(path);
    match linking {
        Linking::Shared => {
            compiler.arg("-L").arg(library).arg("-lringshard_client");
            compiler.arg(format!("-Wl,-rpath,{}", library.display()));
        }
        Linking::Static => {
            compiler.arg(library.join("libringshard_client.a")).args(SYSTEM);
        }
    }
    let output = compiler.output().expect("the compiler runs");
    if output.status.success() { Ok(()) } else { Err(output) }
}

fn complains_of_sanitizers(output: &Output) -> bool {
    let text = String::from_utf8_lossy(&output.stderr);
    ["asan", "ubsan", "sanitize"].iter().any(|word| text.contains(word))
}

/// Whether this machine has a program.
pub fn exists(compiler: &str) -> bool {
    Command::new(compiler).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// What a compiler says of the headers; None if it is not here.
pub fn rejected_headers(compiler: &str) -> Option<String> {
    if !exists(compiler) {
        return None;
    }
    let standards: &[&str] =
        if compiler.ends_with("++") { &["-std=c++17", "-std=c++20"] } else { &["-std=c11", "-std=c17"] };
    let headers: &[&str] = if compiler.ends_with("++") {
        &["include/ringshard.h", "include/ringshard.hpp"]
    } else {
        &["include/ringshard.h"]
    };
    let language = if compiler.ends_with("++") { "c++" } else { "c" };
    let mut complaints = String::new();
    for (standard, header) in standards.iter().flat_map(|standard| headers.iter().map(move |header| (standard, header)))
    {
        // An empty program that includes it: a header by itself draws warnings of its own.
        let mut command = Command::new(compiler);
        command.current_dir(FOLDER).arg(standard).args(STRICT).args([
            "-include",
            header,
            "-x",
            language,
            "-fsyntax-only",
        ]);
        let output = command.arg("/dev/null").output().expect("the compiler runs");
        // ISO C forbids an empty file; that is not about the header, which is not empty.
        if !output.status.success() {
            complaints += &format!("{standard} {header}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    Some(complaints)
}

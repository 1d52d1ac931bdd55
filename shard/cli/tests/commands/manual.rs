//! Help, manual pages and completions.

use crate::shared::{Folder, ringshard, stdout};
use ringshard::config::all_settings;

#[test]
fn help_names_the_value_of_each_flag() {
    let help = stdout(&ringshard(&["serve", "--help"]));
    for part in [
        "--key <FILE>",
        "--pre-shared-key <FILE>",
        "--admin-token-file <FILE>",
        "--dump-dir <DIR>",
        "--listen <ADDRESS:PORT>",
        "--cpus <LIST>",
        "--datapath <auto|uring|mmsg>",
        "--drain-ms <TIME>",
        "--deny <NETWORKS>",
        "--npcs <N>",
    ] {
        assert!(help.contains(part), "{part} is missing in\n{help}");
    }
    assert!(!help.contains("<TEXT>") && !help.contains("<WORD>") && !help.contains("[rest]"), "{help}");
}

#[test]
fn every_command_has_a_manual_page_and_that_of_serve_has_every_setting() {
    let folder = Folder::new("man");
    let pages = folder.file("pages");
    assert!(ringshard(&["man", &pages]).status.success());
    let page = |name: &str| std::fs::read_to_string(format!("{pages}/{name}.1")).unwrap_or_else(|_| panic!("{name}"));
    let help = stdout(&ringshard(&["--help"]));
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<&str> = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    let commands: Vec<&str> = commands.into_iter().filter(|name| !name.is_empty() && *name != "help").collect();
    assert!(commands.contains(&"serve") && commands.contains(&"kick") && commands.len() > 12, "{commands:?}");
    let top = page("ringshard");
    for command in commands {
        assert!(page(&format!("ringshard-{command}")).contains(".TH"), "{command}");
        assert!(top.contains(&command.replace('-', "\\-")), "{command} is not in the page of ringshard");
    }
    assert!(page("ringshard-config-check").contains("ringshard config check"), "{}", page("ringshard-config-check"));
    let serve = page("ringshard-serve").replace("\\-", "-");
    all_settings().iter().for_each(|key| assert!(serve.contains(&format!("--{}", key.name)), "{}", key.name));
}

#[test]
fn each_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let script = ringshard(&["completions", shell]);
        assert!(script.status.success());
        let script = stdout(&script);
        assert!(script.contains("max-connections") && script.contains("kick"), "{shell}: {script}");
    }
}

//! The README: short, with the two commands for a fresh clone, and with every provider.

use serde_json::Value;

use super::{page, read, root};
use crate::harness::env::TestEnv;

/// What fits the page that a newcomer reads.
const LARGEST: usize = 12_000;
const MOST_LINES: usize = 250;

#[test]
fn the_readme_is_short() {
    let readme = read("README.md");
    assert!(readme.len() <= LARGEST, "README.md has {} bytes, and may have {LARGEST}", readme.len());
    let lines = readme.lines().count();
    assert!(lines <= MOST_LINES, "README.md has {lines} lines, and may have {MOST_LINES}");
}

#[test]
fn the_readme_names_its_two_commands_once() {
    let commands = page::commands("README.md", &read("README.md"));
    for (command, script) in [("sh examples/round-trip.sh", "examples/round-trip.sh"), ("tests/run", "tests/run")] {
        let count = commands.iter().filter(|shown| shown.text == command).count();
        assert_eq!(count, 1, "README.md shows `{command}` {count} times");
        let file = std::fs::metadata(root().join(script)).unwrap();
        let executable = std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o111 != 0;
        assert!(executable || command.starts_with("sh "), "{script} cannot be executed");
    }
}

#[test]
fn the_readme_shows_no_flags_for_repeatable_runs() {
    let readme = read("README.md");
    assert!(!readme.contains("--now") && !readme.contains("--seed"), "whoever copies it gets stale timestamps");
}

#[test]
fn the_readme_names_every_provider() {
    let readme = read("README.md");
    let section = readme.split("\n## Providers\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let listed = TestEnv::new().whk(["providers", "--json", "-q"]).run().assert_exit(0);
    let known: Vec<Value> = listed.json();
    assert!(known.len() >= 20);
    for provider in known {
        let name = provider["provider"].as_str().unwrap();
        assert!(section.contains(&format!("`{name}`")), "README.md does not name the provider {name}");
    }
}

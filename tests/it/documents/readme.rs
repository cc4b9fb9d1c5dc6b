//! The README: short, with the two commands for a fresh clone, and with every provider.

use serde_json::Value;

use super::{page, read, root};
use crate::environment::Room;

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
fn the_readme_names_every_provider() {
    let readme = read("README.md");
    let section = readme.split("\n## Providers\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let listed = Room::new().whk(["providers", "--json", "-q"]).go().ended(0);
    let known: Vec<Value> = listed.json();
    assert!(known.len() >= 20);
    for provider in known {
        let name = provider["provider"].as_str().unwrap();
        assert!(section.contains(&format!("`{name}`")), "README.md does not name the provider {name}");
    }
}

//! The modules use each other only as `docs/architecture.md` says, and what reads the world stays in its place.

use std::collections::{BTreeMap, BTreeSet};

use crate::harness::files;

/// Who may use whom; what is not listed is a mistake in the design. `docs/architecture.md` has the same table.
const MAY_USE: [(&str, &str); 30] = [
    ("signing", ""),
    ("random", ""),
    ("duration", ""),
    ("clock", ""),
    ("environment", ""),
    ("heap", ""),
    ("error", ""),
    ("fs", "random"),
    ("sanitize", ""),
    ("strict_toml", "error"),
    ("data_dir", "environment, error, fs"),
    ("provider", "signing, error, random, duration, strict_toml"),
    ("verification", "signing, provider, capture, error"),
    ("secrets", "provider, signing, environment, error, fs, data_dir"),
    ("capture", "signing, sanitize, error, fs"),
    ("inspect", "signing, provider, verification, capture, error"),
    ("http", "capture, clock, error, heap, duration"),
    ("receiver", "http, signing, provider, verification, capture, clock, error, duration"),
    ("delivery", "http, provider, clock, error, fs, random"),
    (
        "sender",
        "http, signing, provider, verification, capture, inspect, delivery, sanitize, clock, error, random, duration, strict_toml",
    ),
    ("check", "http, signing, provider, sender, clock, error, random, duration"),
    ("server", "http, signing, provider, verification, capture, delivery, sender, page, clock, error, fs, random"),
    ("page", "http, signing, provider, verification, capture, inspect, delivery, sender, clock, error, random"),
    (
        "report",
        "http, signing, provider, verification, capture, inspect, receiver, delivery, sender, check, server, output, sanitize, clock, error, fs, duration",
    ),
    ("output", "sanitize, environment, error"),
    (
        "cli",
        "http, signing, provider, verification, capture, inspect, receiver, delivery, sender, check, secrets, output, report, environment, error, duration, strict_toml",
    ),
    ("config", "cli, http, signing, provider, secrets, data_dir, output, environment, error, duration, strict_toml"),
    (
        "commands",
        "cli, config, signing, provider, verification, secrets, data_dir, capture, inspect, http, receiver, delivery, sender, check, page, server, output, report, sanitize, clock, environment, error, fs, random, duration, strict_toml",
    ),
    ("lib", "cli, commands, error"),
    ("main", ""),
];

/// What reads or changes the world, and the only place where it may stand.
const PLACES: [(&str, &[&str]); 8] = [
    ("src/output/", &["print!(", "println!(", "eprint!(", "eprintln!(", "dbg!("]),
    ("src/output/", &["stdout().lock", "stdout().write", "stderr().lock", "stderr().write"]),
    ("src/environment.rs", &["env::var(", "env::var_os(", "env::vars", "env::set_var(", "env::remove_var("]),
    ("src/environment.rs", &["env::args", "dirs::"]),
    ("src/clock.rs", &["Timestamp::now(", "Zoned::now(", "SystemTime::now(", "Instant::now("]),
    ("src/random.rs", &["getrandom::"]),
    ("src/heap.rs", &["unsafe ", "unsafe_code", "extern \"C\""]),
    ("src/main.rs", &["process::exit("]),
];

#[test]
fn the_modules_use_each_other_only_as_the_table_allows() {
    let allowed = allowed();
    let names: Vec<&str> = MAY_USE.iter().map(|(name, _)| *name).collect();
    let mut wrong = Vec::new();
    for file in sources() {
        let from = file.module();
        let Some(allowed) = allowed.get(from) else {
            panic!("the module `{from}` has no row in the table of tests/it/architecture.rs and docs/architecture.md");
        };
        for (line, to) in file.uses(&names) {
            if to != from && !allowed.contains(to) {
                wrong.push(format!("{}:{line}: `{from}` uses `{to}`", file.name));
            }
        }
    }
    assert!(wrong.is_empty(), "these arrows are not in the table:\n{}", wrong.join("\n"));
}

#[test]
fn the_page_shows_the_same_table() {
    let page = files::read("docs/architecture.md");
    let mut shown: Vec<(String, String)> = Vec::new();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        shown.extend(cells[0].split(", ").map(|name| (name.replace('`', ""), cells[1].replace('`', ""))));
    }
    shown.sort();
    let mut wanted: Vec<(String, String)> = MAY_USE
        .iter()
        .map(|(name, uses)| {
            ((*name).to_owned(), if uses.is_empty() { "nothing".to_owned() } else { (*uses).to_owned() })
        })
        .collect();
    wanted.sort();
    assert_eq!(shown, wanted, "the table of docs/architecture.md differs from the one of tests/it/architecture.rs");
}

#[test]
fn the_table_keeps_the_rules_of_the_house() {
    let allowed = allowed();
    let uses = |from: &str, to: &str| allowed[from].contains(to);
    assert!(allowed["signing"].is_empty(), "the signing core uses nothing of ours");
    assert!(!uses("receiver", "delivery") && !uses("delivery", "receiver"), "the two sides never meet");
    for part in [
        "signing",
        "provider",
        "verification",
        "secrets",
        "capture",
        "inspect",
        "http",
        "receiver",
        "delivery",
        "sender",
        "check",
        "server",
    ] {
        assert!(!uses(part, "output"), "`{part}` prints nothing");
    }
    for (name, uses) in &allowed {
        for part in ["cli", "config"] {
            let is_allowed = ["commands", "config", "lib"].contains(name);
            assert!(!uses.contains(part) || is_allowed, "`{name}` uses `{part}`: it takes options instead");
        }
        assert!(!uses.contains("commands") || *name == "lib", "`{name}` uses `commands`, which joins the parts");
    }
    // No circles: whoever is used can be used without the user.
    let mut placed = BTreeSet::new();
    while placed.len() < allowed.len() {
        let next: Vec<&str> = allowed
            .iter()
            .filter(|(name, uses)| !placed.contains(*name) && uses.iter().all(|used| placed.contains(used)))
            .map(|(name, _)| *name)
            .collect();
        assert!(!next.is_empty(), "the table goes round in a circle, beyond {placed:?}");
        placed.extend(next);
    }
}

/// Names that belong to the command line and the config. The other modules take options, secrets and a clock instead.
const COMMAND_LINE_NAMES: [&str; 3] = ["clap", "CommandContext", "Config"];

/// The modules that may have those names. `Output` belongs to `output`, and may be in `report` as well.
const COMMAND_LINE: [&str; 3] = ["commands", "cli", "config"];

#[test]
fn the_command_line_the_config_and_the_terminal_are_known_to_their_modules_only() {
    let mut wrong = Vec::new();
    for file in sources() {
        let module = file.module();
        if COMMAND_LINE.contains(&module) {
            continue;
        }
        for (number, line) in file.lines() {
            let found =
                command_line_names(line).filter(|name| *name != "Output" || !["report", "output"].contains(&module));
            wrong.extend(found.map(|name| format!("{}:{number}: `{module}` names `{name}`", file.name)));
        }
    }
    assert!(wrong.is_empty(), "take options, or return what is to be printed:\n{}", wrong.join("\n"));
}

#[test]
fn the_names_of_the_command_line_are_seen_in_code() {
    let found = |line| command_line_names(line).collect::<Vec<_>>();
    for (line, expected) in [
        ("use clap::ValueEnum;", &["clap"][..]),
        ("#[derive(clap::ValueEnum)]", &["clap"]),
        ("fn run(context: &CommandContext, args: &ListenArgs) {", &["CommandContext", "ListenArgs"]),
        ("fn new(config: Config) -> ClientConfig {", &["Config"]),
        ("fn new(arg: HeaderArg, size: &ByteSize) {", &["HeaderArg"]),
        ("fn print(output: Output) {", &["Output"]),
        ("fn run(task: impl Future<Output = ()>) {", &[]),
        ("type Output = Self;", &[]),
        ("let context = std::task::Context::from_waker(waker);", &[]),
    ] {
        assert_eq!(found(line), expected, "{line}");
    }
}

/// Returns the names of the command line, of the config and of the terminal in a line of code.
fn command_line_names(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(move |name| {
        let start = name.as_ptr().addr() - line.as_ptr().addr();
        let after = line[start + name.len()..].trim_start();
        let is_argument = |end: &str| name.len() > end.len() && name.ends_with(end);
        match *name {
            // The associated type of a trait.
            "Output" => !after.starts_with('='),
            name => COMMAND_LINE_NAMES.contains(&name) || is_argument("Args") || is_argument("Arg"),
        }
    })
}

#[test]
fn what_reads_or_writes_the_world_stands_in_one_place() {
    let mut wrong = Vec::new();
    for file in sources() {
        for (place, signs) in PLACES {
            if file.name.starts_with(place) {
                continue;
            }
            for (number, line) in file.lines() {
                if let Some(sign) = signs.iter().find(|sign| line.contains(**sign)) {
                    wrong.push(format!("{}:{number}: `{sign}` belongs in {place}", file.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_way_to_write_a_path_is_seen() {
    let names = ["signing", "output", "capture", "clock"];
    let file = |name: &str, text: &str| Source { name: name.to_owned(), text: text.to_owned() };
    for (name, text, expected) in [
        ("src/receiver/receiver.rs", "use crate::output::sanitize;", &[(1, "output")][..]),
        (
            "src/receiver/receiver.rs",
            "\nuse crate::{\n    capture::{Log, Record},\n    clock,\n};",
            &[(2, "capture"), (2, "clock")],
        ),
        ("src/receiver/receiver.rs", "let x = crate::clock::Clock::System;", &[(1, "clock")]),
        ("src/receiver/receiver.rs", "use super::super::output;", &[(1, "output")]),
        ("src/receiver/mod.rs", "use super::output;", &[(1, "output")]),
        ("src/receiver/receiver.rs", "use super::dedup_cache;\n// crate::output\n/// [`crate::output`]", &[]),
    ] {
        assert_eq!(file(name, text).uses(&names), expected, "{text}");
    }
}

fn allowed() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    MAY_USE.iter().map(|(name, uses)| (*name, uses.split(", ").filter(|used| !used.is_empty()).collect())).collect()
}

/// A file below `src`, by its path from the root.
struct Source {
    name: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let found: Vec<Source> = files::sources().into_iter().map(|(name, text)| Source { name, text }).collect();
    assert!(found.len() > 20, "only {} files were found", found.len());
    found
}

impl Source {
    /// The top-level module that the file belongs to.
    fn module(&self) -> &str {
        self.name.trim_start_matches("src/").split('/').next().unwrap().trim_end_matches(".rs")
    }

    /// The lines with their numbers, without comments.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Every mention of a top-level module by a path, with its line.
    fn uses<'n>(&self, names: &[&'n str]) -> Vec<(usize, &'n str)> {
        // How many `super::` lead from a file to the root of the crate; `mod.rs` is its folder's module.
        let depth = self.name.matches('/').count() - usize::from(self.name.ends_with("/mod.rs"));
        let to_root = ["crate::".to_owned(), "super::".repeat(depth)];
        let mut found = Vec::new();
        let lines: Vec<(usize, &str)> = self.lines().collect();
        for (index, (number, line)) in lines.iter().enumerate() {
            for way in &to_root {
                for (at, _) in line.match_indices(way.as_str()) {
                    let before = line[..at].chars().next_back();
                    if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '$')) {
                        continue;
                    }
                    let mut rest = line[at + way.len()..].to_owned();
                    if rest.starts_with('{') {
                        // A list may go on over several lines.
                        rest.extend(lines[index + 1..].iter().map(|(_, line)| *line));
                    }
                    found.extend(
                        first_names(&rest).into_iter().filter_map(|name| {
                            names.iter().find(|known| **known == name).map(|known| (*number, *known))
                        }),
                    );
                }
            }
        }
        found
    }
}

/// The first name of a path, or of each path in a list in braces.
fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    if !path.starts_with('{') {
        return vec![name(path)];
    }
    let mut names = Vec::new();
    let (mut depth, mut fresh) = (0, false);
    for (at, c) in path.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if fresh && !c.is_whitespace() {
            names.push(name(&path[at..]));
            fresh = false;
        }
        fresh |= depth == 1 && matches!(c, '{' | ',');
    }
    names
}

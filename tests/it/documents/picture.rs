//! The pictures in the README show what the binary prints now.

use std::path::Path;
use std::process::Command;

use super::{read, root};

/// The texts of a picture, line by line, with one length for every duration.
fn texts(svg: &str) -> Vec<String> {
    let lines = svg.lines().filter(|line| line.starts_with("<text"));
    lines.map(|line| without_durations(&without_tags(line))).collect()
}

fn without_tags(line: &str) -> String {
    line.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect()
}

/// The line with `[T] ms` for each `1.2 ms`.
fn without_durations(line: &str) -> String {
    let mut parts: Vec<String> = line.split(" ms").map(str::to_owned).collect();
    let last = parts.len() - 1;
    for part in &mut parts[..last] {
        part.truncate(part.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.').len());
        part.push_str("[T]");
    }
    parts.join(" ms")
}

#[test]
fn the_picture_in_the_readme_is_current() {
    let room = tempfile::tempdir().unwrap();
    let drawn = room.path().join("demo.svg");
    let output = Command::new("sh")
        .arg(root().join("docs/demo.sh"))
        .args([Path::new(env!("CARGO_BIN_EXE_whk")), &drawn])
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "PATH"))
        .env("TMPDIR", room.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (shown, now) = (texts(&read("docs/demo.svg")), texts(&std::fs::read_to_string(&drawn).unwrap()));
    assert!(shown.len() >= 25, "{shown:#?}");
    if shown != now && whk::environment::var("WHK_BLESS").as_deref() == Some("1") {
        std::fs::copy(&drawn, root().join("docs/demo.svg")).unwrap();
        return;
    }
    assert_eq!(shown, now, "docs/demo.svg is not current; to draw it again: WHK_BLESS=1 cargo test --test it picture");
}

#[test]
fn the_readme_shows_the_pictures() {
    let readme = read("README.md");
    for picture in ["docs/demo.svg", "docs/report.png"] {
        assert!(readme.contains(&format!("]({picture})")), "README.md does not show {picture}");
    }
}

#[test]
fn durations_are_no_difference() {
    assert_eq!(
        texts("<text y=\"1\"><tspan>✓ a 1.25 ms</tspan><tspan> b 3 ms</tspan></text>\n<title>x</title>"),
        ["✓ a [T] ms b [T] ms"]
    );
}

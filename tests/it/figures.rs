//! Every figure of a built-in provider has its source beside it, or the word "chosen".

use std::fs;
use std::path::Path;

/// The keys of figures.
const FIGURES: [&str; 7] =
    ["timeout =", "max-age =", "max-future =", "retries =", "disable-after", "user-agent =", "invalid ="];

/// Words that name a source.
const SOURCES: [&str; 13] = [
    "captured",
    "recorded",
    "chosen",
    "document",
    "librar",
    "specification",
    "guide",
    "article",
    "source code",
    "sample",
    "sdk",
    "server",
    "introduction",
];

/// Returns the lines with a figure that no comment of the same paragraph explains. A paragraph ends at an empty line.
fn figures_without_source(manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    for paragraph in manifest.split("\n\n") {
        let comments: String =
            paragraph.lines().filter(|line| line.starts_with('#')).collect::<Vec<_>>().join(" ").to_lowercase();
        if SOURCES.iter().any(|word| comments.contains(word)) {
            continue;
        }
        let lines = paragraph.lines().filter(|line| !line.starts_with('#'));
        found.extend(lines.filter(|line| FIGURES.iter().any(|key| line.contains(key))).map(str::to_owned));
    }
    found
}

#[test]
fn every_figure_of_every_provider_has_a_source_or_is_chosen() {
    let mut checked = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")).unwrap() {
        let path = entry.unwrap().path().join("provider.toml");
        let manifest = fs::read_to_string(&path).unwrap();
        let found = figures_without_source(&manifest);
        assert!(found.is_empty(), "{}: no source beside {found:#?}", path.display());
        checked += 1;
    }
    assert!(checked >= 36, "{checked} providers");
}

#[test]
fn a_figure_without_a_source_is_rejected() {
    let manifest = "# Documented.\n[delivery]\ntimeout = \"5s\"\n\n# Nice.\n[delivery]\nretries = []\n\n[scheme]\ntimestamp = { max-age = 5 }\n\n# Chosen.\n[scheme]\ntimestamp = { max-future = 5 }\n";
    assert_eq!(figures_without_source(manifest), ["retries = []", "timestamp = { max-age = 5 }"]);
}

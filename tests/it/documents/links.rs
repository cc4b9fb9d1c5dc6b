//! Every relative link of the documents leads to a file, and every anchor to a heading.

use std::collections::HashMap;
use std::path::Path;

use super::{documents, page, read, root};

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for name in documents() {
        let page = read(&name);
        for link in links(&page) {
            count += 1;
            wrong.extend(problem(&name, &link).map(|problem| format!("{name}: `{link}`: {problem}")));
        }
    }
    assert!(count >= 30, "only {count} links were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_index_names_every_document() {
    let index = read("docs/README.md");
    for name in documents() {
        let Some(file) = name.strip_prefix("docs/").filter(|file| *file != "README.md") else { continue };
        assert!(links(&index).iter().any(|link| link == file), "docs/README.md has no link to {file}");
    }
}

/// The reason why a link of a document leads nowhere.
fn problem(document: &str, link: &str) -> Option<String> {
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let folder = Path::new(document).parent().unwrap();
    let path = if file.is_empty() { document.to_owned() } else { folder.join(file).to_str().unwrap().to_owned() };
    if !root().join(&path).exists() {
        return Some("there is no such file".to_owned());
    }
    let anchor = anchor?;
    let known = anchors(&read(&path));
    (!known.iter().any(|known| known == anchor)).then(|| format!("there is no such heading; there are {known:?}"))
}

/// The lines of a page that are not code.
pub(super) fn prose(page: &str) -> String {
    let code: Vec<std::ops::Range<usize>> =
        page::blocks(page).iter().map(|block| block.line - 2..block.line + block.lines.len()).collect();
    let lines = page.lines().enumerate().filter(|(number, _)| !code.iter().any(|range| range.contains(number)));
    lines.map(|(_, line)| line.to_owned() + "\n").collect()
}

/// The targets of links and pictures within the project.
fn links(page: &str) -> Vec<String> {
    let prose = prose(page);
    let targets = prose.split("](").skip(1).map(|rest| rest.split(')').next().unwrap().to_owned());
    targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:")).collect()
}

/// The anchors that GitHub gives to the headings of a page.
fn anchors(page: &str) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let prose = prose(page);
    let headings = prose.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    headings
        .map(|heading| {
            let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
            let anchor: String =
                kept.flat_map(char::to_lowercase).map(|letter| if letter == ' ' { '-' } else { letter }).collect();
            let repeated = seen.entry(anchor.clone()).or_default();
            *repeated += 1;
            if *repeated == 1 { anchor } else { format!("{anchor}-{}", *repeated - 1) }
        })
        .collect()
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    assert_eq!(problem("docs/providers.md", "architecture.md"), None);
    assert_eq!(problem("docs/providers.md", "../README.md#install"), None);
    assert!(problem("docs/providers.md", "README.txt").is_some());
    assert!(problem("README.md", "docs/providers.md#nowhere").is_some());
    let page = "# A `b`: c_d\n\n```sh\n# no heading\n```\n## A b\n## A b\n[x](y.md) ![z](w.svg) [v](https://u)\n";
    assert_eq!(anchors(page), ["a-b-c_d", "a-b", "a-b-1"]);
    assert_eq!(links(page), ["y.md", "w.svg"]);
}

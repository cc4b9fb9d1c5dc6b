//! docs/json.md documents every field that `--json` and `.json` reports have, and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::harness::env::TestEnv;
use crate::harness::handler::{HandlerResponse, TestHandler};
use crate::report::read_json;

/// The fields of each table, by its heading without backticks, with a mark on those that are optional.
fn documented() -> BTreeMap<String, BTreeMap<String, bool>> {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/json.md")).unwrap();
    let mut tables: BTreeMap<String, BTreeMap<String, bool>> = BTreeMap::new();
    let mut heading = String::new();
    for line in page.lines() {
        if let Some(title) = line.strip_prefix('#') {
            heading = title.trim_start_matches('#').trim().replace('`', "");
        } else if let Some(row) = line.strip_prefix("| `")
            && heading.contains(": ")
        {
            let cells: Vec<&str> = row.split(" | ").collect();
            let optional = cells[1].ends_with("optional");
            for field in cells[0].trim_end_matches('`').split("`, `") {
                tables.entry(heading.clone()).or_default().insert(field.to_owned(), optional);
            }
        }
    }
    // The fields that replay adds.
    for kind in ["attempt", "delivery"] {
        let common = tables[&format!("send: {kind}")].clone();
        tables.get_mut(&format!("replay: {kind}")).unwrap().extend(common);
    }
    tables
}

#[derive(Default)]
struct Seen(BTreeMap<String, (BTreeSet<String>, Vec<BTreeSet<String>>)>);

impl Seen {
    /// Takes in an object of the table with this heading.
    fn object(&mut self, heading: &str, object: &Value) {
        let fields: BTreeSet<String> = object.as_object().unwrap().keys().cloned().collect();
        let entry = self.0.entry(heading.to_owned()).or_default();
        entry.0.extend(fields.clone());
        entry.1.push(fields);
    }

    /// Takes in the lines of a command, whose `kind` is not in the tables.
    fn lines(&mut self, command: &str, lines: &[Value]) {
        for line in lines {
            let mut line = line.clone();
            let kind = line.as_object_mut().unwrap().remove("kind").unwrap();
            let shared = command == "replay" && ["summary", "disabled"].contains(&kind.as_str().unwrap());
            let request = command == "log" && kind == "request";
            let command = if shared {
                "send"
            } else if request {
                "listen"
            } else {
                command
            };
            self.object(&format!("{command}: {}", kind.as_str().unwrap()), &line);
        }
    }
}

#[test]
fn every_field_is_documented_and_every_documented_field_exists() {
    let room = TestEnv::new();
    let mut seen = Seen::default();
    let listening = room.listen(["-p", "ahasend", "--json", "--log", "log.jsonl", "-e", "message.delivered"]);
    let url = listening.url().to_owned();
    let sent =
        room.send(&url, &["-p", "ahasend", "--type", "message.*", "--json", "--report", "a.json"]).assert_exit(0);
    seen.lines("send", &sent.json());
    let forged = ["-p", "ahasend", "--type", "message.delivered", "--fault", "tampered-body"];
    let forged = room.send(&url, &[forged.as_slice(), &["--json"]].concat()).assert_exit(0).json();
    let (summary, others) = forged.split_last().unwrap();
    seen.lines("send", others);
    seen.lines("send --fault", std::slice::from_ref(summary));
    let list = ["-p", "autosend", "--type", "all", "--fault", "missing-id", "--fault", "tampered-body", "--json"];
    let skipped = room.send(&url, &list).json();
    seen.lines("send", &skipped[..1]);
    let serving = room.serve(&["-p", "selfmx"]);
    seen.lines("serve", &serving.wait_for_lines(|lines| !lines.is_empty()));
    let emitted = room.whk(["emit", "--type", "delivered", "--json", "--to", serving.address()]).run();
    seen.lines("emit", &emitted.json());
    drop(serving);
    let check = ["check", &url, "-p", "ahasend", "--json"];
    seen.lines("check", &room.whk(check).run().json());
    let list = ["check", "-p", "ahasend", "--list", "--json"];
    seen.lines("check --list", &room.whk(list).run().json());
    let heard = listening.stop().json();
    seen.lines("listen", &heard);
    for record in room.log() {
        seen.object("listen: response", &record["response"]);
    }
    let dry = room.send(&url, &["-p", "ahasend", "--type", "message.delivered", "--dry-run", "--json"]);
    seen.lines("send --dry-run", &dry.json());
    let binary = ["-p", "ahasend", "--type", "message.delivered", "--dry-run", "--json", "-d", "@binary"];
    room.write("binary", [0xff, 0x00]);
    seen.lines("send --dry-run", &room.send(&url, &binary).json());

    let verified = room.whk(["verify", "log.jsonl", "--json"]).run().assert_exit(1).json();
    seen.lines("verify", &verified);
    for verdict in verified.iter().filter(|line| line["kind"] == "verdict") {
        seen.object("verify: evidence", &verdict["evidence"]);
    }

    seen.lines("log", &room.whk(["log", "log.jsonl", "--json"]).run().assert_exit(0).json());
    seen.lines("log diff", &room.whk(["log", "diff", "1", "2", "--log", "log.jsonl", "--json"]).run().json());
    seen.lines("log", &room.whk(["log", "show", "1", "--log", "log.jsonl", "--json"]).run().assert_exit(0).json());

    let gone = TestHandler::deciding(|_| HandlerResponse::text(410, ""));
    let replay = ["replay", "log.jsonl", &gone.url(), "--schedule", "none", "--json"];
    seen.lines("replay", &room.whk(replay).run().json());
    seen.lines("replay --dry-run", &room.whk(["replay", "log.jsonl", &gone.url(), "--dry-run", "--json"]).run().json());
    seen.lines("events", &room.whk(["events", "ahasend", "--json"]).run().json());
    seen.lines("events", &room.whk(["events", "message.delivered", "-p", "ahasend", "--json"]).run().json());
    seen.lines("providers", &room.whk(["providers", "--json"]).run().json());
    let document = read_json(&room.file("a.json"));
    seen.object("report: document", &document);
    for case in document["cases"].as_array().unwrap() {
        seen.object("report: case", case);
    }

    let documented = documented();
    let mut wrong = Vec::new();
    for (heading, (all, objects)) in &seen.0 {
        let Some(table) = documented.get(heading) else {
            wrong.push(format!("no table `{heading}`"));
            continue;
        };
        wrong.extend(
            all.iter()
                .filter(|field| !table.contains_key(*field))
                .map(|field| format!("{heading}: `{field}` is not documented")),
        );
        for (field, optional) in table {
            if !optional && objects.iter().any(|object| !object.contains(field)) {
                wrong.push(format!("{heading}: `{field}` is documented, and absent"));
            }
        }
    }
    // These depend on more than this test sets up; other tests have them.
    let elsewhere = ["send: disabled"];
    wrong.extend(
        documented
            .keys()
            .filter(|heading| !seen.0.contains_key(*heading) && !elsewhere.contains(&heading.as_str()))
            .map(|heading| format!("`{heading}` was not seen")),
    );
    assert!(wrong.is_empty(), "docs/json.md:\n{}", wrong.join("\n"));
}

#[test]
fn the_causes_and_exit_codes_of_the_page_are_those_of_the_tool() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/json.md")).unwrap();
    for code in [0, 1, 2, 3, 4, 130] {
        assert!(page.contains(&format!("\n| {code} | ")), "{code}");
    }
    let (_, causes) = page.split_once("\n## Causes\n").unwrap();
    let (causes, _) = causes.split_once("\n## ").unwrap();
    let source = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/signing/failure.rs")).unwrap();
    let (_, names) = source.split_once("=> \"missing-header\"").unwrap();
    let (names, _) = names.split_once("=> \"secret-mismatch\"").unwrap();
    let names: Vec<&str> = names.split('"').skip(1).step_by(2).collect();
    assert!(names.len() >= 10, "{names:?}");
    for cause in ["missing-header", "secret-mismatch"].iter().chain(&names) {
        assert!(causes.contains(&format!("`{cause}`")), "{cause}");
    }
}

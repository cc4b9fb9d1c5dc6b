//! `whk check` finds exactly the flaw of each handler, and none in a correct one.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;

use serde_json::Value;
use whk::provider::Catalog;

use crate::guides::setting;
use crate::harness::env::{Output, TestCommand, TestEnv};
use crate::harness::handler::unused_address;
use crate::harness::rounds::all_flaws;

/// The number of runs at the same time: most of a run is waiting.
const THREADS: usize = 8;

/// Repeats a run that went wrong once: these runs share the processors with all other tests, and times matter in them.
fn again(run: impl Fn() -> Option<String>) -> Option<String> {
    run().and_then(|_| run())
}

/// Flaws that take their time; they start first.
const SLOW: [&str; 3] = ["effect-after-response", "slower-than-timeout", "slower-than-half"];

fn flaws() -> Value {
    serde_json::from_str(include_str!("../interop/check/flaws.json")).unwrap()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Returns a new secret of a provider.
pub(crate) fn new_secret(provider: &str) -> String {
    let provider = Catalog::default().load(&provider.parse().unwrap()).unwrap();
    provider.new_secret().unwrap().expose_secret().to_owned()
}

/// Returns the command of a handler in `tests/interop/check`.
pub(crate) fn handler(file: &str) -> [String; 2] {
    let program = match file.rsplit_once('.') {
        Some((_, "py")) => setting("WHK_INTEROP_PYTHON"),
        _ => setting("WHK_INTEROP_NODE"),
    };
    [program, format!("{}/tests/interop/check/{file}", env!("CARGO_MANIFEST_DIR"))]
}

/// Returns a run of `whk check` that starts a handler itself.
pub(crate) fn check(env: &TestEnv, file: &str, provider: &str, secrets: &[String], more: &[&str]) -> TestCommand {
    let mut arguments = vec!["check".to_owned(), "-p".to_owned(), provider.to_owned()];
    arguments.extend(["--seed", "7", "--json"].map(str::to_owned));
    arguments.extend(secrets.iter().flat_map(|secret| ["-s".to_owned(), secret.clone()]));
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    arguments.push("--".to_owned());
    arguments.extend(handler(file));
    env.whk(arguments)
        .env("PROVIDER", provider)
        .env("PYTHONUNBUFFERED", "1")
        .env("EFFECTS_FILE", env.file("effects"))
        .env("ID_STORE", env.file("ids"))
}

/// Returns the ids of the checks with this outcome.
pub(crate) fn ids(output: &Output, outcome: &str) -> BTreeSet<String> {
    let lines = output.json();
    let checks = lines.iter().filter(|line| line["kind"] == "check" && line["outcome"] == outcome);
    checks.map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

const EFFECTS: [&str; 2] = ["--effects", "cat effects"];

/// Calls a function for each item, on a bounded number of threads, and panics with all that it returned.
pub(crate) fn in_parallel<T: Send>(items: Vec<T>, judge: impl Fn(T) -> Option<String> + Sync) {
    let items = Mutex::new(items.into_iter());
    let problems = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let Some(item) = items.lock().unwrap().next() else { return };
                    if let Some(problem) = judge(item) {
                        problems.lock().unwrap().push(problem);
                    }
                }
            });
        }
    });
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Compares what failed with what must fail.
fn compare(name: &str, output: &Output, expected: &BTreeSet<String>) -> Option<String> {
    let failed = ids(output, "fail");
    if failed == *expected {
        return None;
    }
    let missing: Vec<&String> = expected.difference(&failed).collect();
    let lines = output.json();
    let more = lines.iter().filter(|line| line["outcome"] == "fail");
    let more = more.filter(|line| !expected.contains(line["id"].as_str().unwrap()));
    let more: Vec<String> = more.map(|line| format!("{} ({})", line["id"], line["message"])).collect();
    Some(format!("{name}: did not fail: {missing:?}; failed as well: {more:?}"))
}

fn find_flaw(flaw: &Value, language: &str, provider: &str) -> Option<String> {
    let env = TestEnv::new();
    let name = flaw["name"].as_str().unwrap();
    let mut expected = texts(&flaw["expected"]);
    for more in ["expected_with_command", "expected_with_effects"] {
        expected.extend(texts(&flaw[more]));
    }
    expected.extend(texts(&flaw["expected_only"][language]));
    expected.extend(texts(&flaw["expected_of"][provider]));
    let mut more = Vec::new();
    if flaw["expected_with_effects"].is_array() {
        more.extend(EFFECTS);
        more.extend(["--settle", if name == "effect-after-response" { "700ms" } else { "2s" }]);
    }
    // What no flaw is about, and takes most of the processor's time.
    let names_it = expected.iter().any(|id| id == "unconfigured-secret");
    if !names_it && !all_flaws() {
        more.extend(["--skip", "unconfigured-secret,huge-body"]);
    }
    let url = format!("{}/hooks", unused_address());
    if name == "redirect-to-slash" {
        more.push(&url);
    }
    let secrets: Vec<String> = (0..=usize::from(name == "first-secret-only")).map(|_| new_secret(provider)).collect();
    let file = if language == "node" { "handler.mjs" } else { "handler.py" };
    let output = check(&env, file, provider, &secrets, &more).env("FLAW", name).run();
    let name = format!("{name} ({language}, {provider})");
    let not_judged = output.json().iter().any(|line| line["cause"] == "not-judged");
    if not_judged && flaw["control_fails"] != true {
        return Some(format!("{name}: a check was not judged: {output}"));
    }
    compare(&name, &output, &expected.into_iter().collect())
}

#[test]
fn every_flaw_fails_exactly_the_checks_that_name_it() {
    let data = flaws();
    let mut runs = Vec::new();
    for flaw in data["flaws"].as_array().unwrap() {
        let providers = texts(&flaw["providers"]);
        for provider in &providers[..if all_flaws() { providers.len() } else { 1 }] {
            runs.extend(texts(&flaw["languages"]).into_iter().map(|language| (flaw, language, provider.clone())));
        }
    }
    runs.sort_by_key(|(flaw, _, _)| !SLOW.contains(&flaw["name"].as_str().unwrap()));
    in_parallel(runs, |(flaw, language, provider)| again(|| find_flaw(flaw, &language, &provider)));
}

#[test]
fn a_correct_handler_fails_no_check() {
    let mut runs = Vec::new();
    for provider in ["ahasend", "aisend", "autosend", "selfmx", "standard"] {
        for file in ["handler.mjs", "handler.py"] {
            runs.extend([(provider, file, false), (provider, file, true)]);
        }
    }
    in_parallel(runs, |(provider, file, everything)| {
        let env = TestEnv::new();
        let secrets: Vec<String> = (0..if everything { 2 } else { 1 }).map(|_| new_secret(provider)).collect();
        let retired = new_secret(provider);
        let more = [EFFECTS.as_slice(), &["--retired-secret", &retired, "--level", "recommended"]].concat();
        let output = check(&env, file, provider, &secrets, if everything { &more } else { &[] }).run();
        let name = format!("{file}, {provider}, {everything}");
        compare(&name, &output.assert_exit(0), &BTreeSet::new())
    });
}

#[test]
fn the_handlers_of_the_guides_get_the_verdict_they_deserve() {
    let data = flaws();
    let mut runs = Vec::new();
    for guide in data["guides"].as_array().unwrap() {
        runs.extend(texts(&guide["providers"]).into_iter().map(|provider| (guide, provider)));
    }
    in_parallel(runs, |(guide, provider)| {
        let env = TestEnv::new();
        let text = |field: &str| guide[field].as_str().unwrap();
        let run = check(&env, text("file"), &provider, &[new_secret(&provider)], &EFFECTS);
        let run = run.env("GUIDE", text("guide")).env("WHK_INTEROP_NODE_DIR", setting("WHK_INTEROP_NODE_DIR"));
        let mut expected = texts(&guide["expected"]);
        expected.extend(texts(&guide["expected_with_effects"]));
        expected.extend(texts(&guide["expected_of"][&provider]));
        compare(&format!("{} ({provider})", text("name")), &run.run(), &expected.into_iter().collect())
    });
}

#[test]
fn the_documented_ci_script_works_as_written() {
    let documented = include_str!("../../README.md").lines().find_map(|line| line.trim().strip_prefix("- run: whk "));
    let script = documented.expect("the README shows it as a step");
    assert_eq!(script, "check :3000 -p ahasend -s env:SECRET --wait 10s --report junit.xml -- node app.js");
    let env = TestEnv::new();
    let [node, handler] = handler("handler.mjs");
    env.write("app.js", format!("process.env.PROVIDER = \"ahasend\";\nimport({handler:?});\n"));
    let port = unused_address().port().to_string();
    let arguments: Vec<String> =
        script.split(' ').map(|word| word.replace("3000", &port).replace("node", &node)).collect();
    let output = env.whk(&arguments).env("SECRET", new_secret("ahasend")).run().assert_exit(0);
    assert!(output.stdout().contains(" passed"), "{output}");
    let junit = std::fs::read_to_string(env.file("junit.xml")).unwrap();
    assert!(junit.contains("name=\"still-works\"") && !junit.contains("<failure"), "{junit}");
    // Without a correct handler the script fails.
    env.write("app.js", format!("process.env.FLAW = \"always-200\";\nimport({handler:?});\n"));
    let output = env.whk(&arguments).env("SECRET", new_secret("ahasend")).run().assert_exit(1);
    assert!(std::fs::read_to_string(env.file("junit.xml")).unwrap().contains("<failure"), "{output}");
}

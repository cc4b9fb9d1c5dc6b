//! A provider that a user adds at run time, with a scheme that none of ours has; and files of providers that are wrong.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha512};
use whk::signing::Encoding;

use crate::harness::env::{Output, TestEnv};
use crate::harness::http::{NOW_TEXT, exchange, request};

/// HMAC-SHA512 in URL-safe base64 over method, path, a date header and the hash of the body: unlike any of ours.
const ACME: &str = r#"title = "Acme"
summary = "A provider that nobody else knows."
default-edition = "1"

[secret]
make = "acme_{{hex 40}}"

[scheme]
content = "{method}{path}|{header:x-acme-date}|{body|sha256hex}"
timestamp = { from = ["header:x-acme-date"], unit = "rfc3339", max-age = 60, max-future = 60 }
signature = { from = ["header:x-acme-signature"], list = ", " }

[[scheme.item]]
match = "k1={sig}"
digest = "hmac-sha512"
encoding = "base64url"
secret = "text"

[headers]
content-type = "application/json"
x-acme-event = "{{type}}"

[body]
style = "compact"

[parts]
type = ["header:x-acme-event"]
id = ["json:/number"]
make-id = "anvil-{{digits 6}}"

[delivery]
timeout = "3s"
success = "202"
retries = ["1s", "1m"]

[answers]
ok = { status = 202, body = "taken" }
invalid = { status = 418, body = "not taken" }

[values]
weight = "{{number 1 900}}"

[edition."1"]
summary = "The only one."

[[event]]
type = "anvil.dropped"
description = "An anvil was dropped."
body = '''
{
  "number": "{{id}}",
  "kind": "{{type}}",
  "weight": "{{weight}}"
}
'''
"#;

const SECRET: &str = "acme_0123456789012345678901234567890123456789";
const DATE: &str = "2026-03-02T08:15:33Z";

/// The signature header, computed here.
fn signature(secret: &str, path: &str, date: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha512>::new_from_slice(secret.as_bytes()).unwrap();
    let hash = Encoding::Hex.encode(&Sha256::digest(body));
    mac.update(format!("POST{path}|{date}|{hash}").as_bytes());
    format!("k1={}", URL_SAFE.encode(mac.finalize().into_bytes()))
}

fn headers(signature: &str, date: &str) -> String {
    format!("x-acme-event: anvil.dropped\r\nx-acme-date: {date}\r\nx-acme-signature: {signature}\r\n")
}

#[test]
fn a_provider_in_the_project_sends_listens_and_verifies() {
    let room = TestEnv::new();
    room.write("whk-providers/acme.toml", ACME);
    let common = ["-p", "acme", "-s", SECRET, "--now", NOW_TEXT];
    let listener = room.listen([common.as_slice(), &["--json", "--log", "log.jsonl"]].concat());
    let url = format!("{}/hooks?x=1", listener.url());
    let sent =
        room.send(&url, &[common.as_slice(), &["--type", "anvil.dropped", "--json"]].concat()).assert_exit(0).json();
    assert_eq!((&sent[0]["status"], &sent[1]["outcome"]), (&json!(202), &json!("delivered")), "{sent:?}");
    room.send(&url, &[common.as_slice(), &["--type", "anvil.*", "--fault", "tampered-body"]].concat()).assert_exit(0);
    let lines = listener.stop().assert_exit(0).json();
    let (good, bad) = (&lines[1], &lines[2]);
    assert_eq!((&good["verdict"]["status"], &good["verdict"]["provider"]), (&json!("valid"), &json!("acme")));
    assert_eq!(good["verdict"]["event_type"], "anvil.dropped");
    let body = good["body"].as_str().unwrap();
    let id = serde_json::from_str::<Value>(body).unwrap()["number"].clone();
    assert_eq!(good["verdict"]["event_id"], id);
    assert_eq!((&bad["verdict"]["status"], &bad["response"]["status"]), (&json!("invalid"), &json!(418)));
    // The signature that was sent is the one that was computed here.
    let sent = good["headers"].as_array().unwrap().iter().find(|pair| pair[0] == "x-acme-signature").unwrap();
    assert_eq!(sent[1], signature(SECRET, "/hooks?x=1", DATE, body.as_bytes()));
    room.whk(["verify", "log.jsonl", "-p", "acme", "-s", SECRET]).run().assert_exit(1);
    let checked = room.whk(["verify", "log.jsonl", "-p", "acme", "-s", SECRET, "--json"]).run().json();
    assert_eq!([&checked[2]["valid"], &checked[2]["invalid"]], [&json!(1), &json!(1)], "{checked:?}");
}

#[test]
fn what_was_signed_elsewhere_is_accepted_and_each_part_counts() {
    let room = TestEnv::new();
    room.write("whk-providers/acme/provider.toml", ACME);
    let listener = room.listen(["-p", "acme", "-s", SECRET, "--now", NOW_TEXT, "--no-log"]);
    let body = br#"{"number":"anvil-1"}"#;
    let good = signature(SECRET, "/hooks", DATE, body);
    let status = |signature: &str, date: &str, body: &[u8]| {
        exchange(listener.address(), &request(&headers(signature, date), body)).status
    };
    assert_eq!(status(&good, DATE, body), 202);
    assert_eq!(status(&format!("k2=x, {good}"), DATE, body), 202, "a list, and an item of another kind");
    assert_eq!(status(&good, "2026-03-02T08:15:34Z", body), 418, "another date");
    assert_eq!(status(&good, DATE, b"{}"), 418, "another body");
    assert_eq!(status(&signature(SECRET, "/other", DATE, body), DATE, body), 418, "another path");
    assert_eq!(status(&signature("acme_1", "/hooks", DATE, body), DATE, body), 418, "another secret");
    let old = "2026-03-02T08:14:32Z";
    assert_eq!(status(&signature(SECRET, "/hooks", old, body), old, body), 418, "61 s old");
    let edge = "2026-03-02T08:14:33Z";
    assert_eq!(status(&signature(SECRET, "/hooks", edge, body), edge, body), 202, "60 s old");
}

#[test]
fn it_is_found_without_being_named_from_below_the_project_and_in_the_users_folder() {
    for place in ["whk-providers/acme.toml", "../config/providers/acme.toml", "../config/providers/acme/provider.toml"]
    {
        let room = TestEnv::new();
        room.write(place, ACME);
        room.write("deep/down/file", "");
        let here = || room.file("deep/down");
        let dry = ["send", "--type", "anvil.dropped", "--dry-run", "--format", "json"];
        let record = room.whk(dry).cwd(here()).run().assert_exit(0).json().remove(0);
        let found =
            room.whk(["verify", "-", "--json"]).cwd(here()).stdin(record.to_string()).run().assert_exit(0).json();
        assert_eq!(found[0]["provider"], "acme", "{place}: {found:?}");
        let listed = room.whk(["providers", "--json"]).cwd(here()).run().assert_exit(0).json();
        assert!(listed.iter().any(|line| line["provider"] == "acme"), "{place}");
        let events = room.whk(["events", "-p", "acme", "--json"]).cwd(here()).run().assert_exit(0).json();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0]["type"], "anvil.dropped");
    }
}

#[test]
fn aliases_may_span_lines_and_only_that_key_gives_some() {
    let room = TestEnv::new();
    let aliases = "# aliases = [\"hammer\"]\naliases = [\n    'forge',\n    \"smithy\", # two of them\n]\n\n[secret]";
    room.write("whk-providers/acme.toml", ACME.replacen("[secret]", aliases, 1));
    for name in ["acme", "forge", "smithy"] {
        let events = room.whk(["events", "-p", name, "--json"]).run().assert_exit(0).json();
        assert_eq!((&events[0]["type"], &events[0]["provider"]), (&json!("anvil.dropped"), &json!("acme")), "{name}");
    }
    room.whk(["events", "-p", "hammer"]).run().assert_exit(2);
}

#[test]
fn of_two_files_of_one_name_that_of_the_project_counts() {
    let room = TestEnv::new();
    room.write("whk-providers/acme.toml", ACME.replace("title = \"Acme\"", "title = \"Of the project\""));
    room.write("../config/providers/acme.toml", ACME.replace("title = \"Acme\"", "title = \"Of the user\""));
    let shown = room.whk(["providers", "acme", "--json"]).run().assert_exit(0).json();
    assert_eq!(shown[0]["title"], "Of the project");
}

#[test]
fn a_new_provider_is_written_checked_and_used_at_once() {
    let room = TestEnv::new();
    let path = room.whk(["providers", "new", "shop"]).run().assert_exit(0).stdout();
    let path = path.trim_end();
    assert_eq!(path.replace('\\', "/"), "whk-providers/shop.toml");
    room.whk(["providers", "check", path]).run().assert_exit(0);
    let again = room.whk(["providers", "new", "shop"]).run().assert_exit(2);
    assert!(again.stderr().contains("whk-providers"), "{again}");
    let listener = room.listen(["--no-log", "--json"]);
    room.send(listener.url(), &["-p", "shop", "--type", "all"]).assert_exit(0);
    let lines = listener.stop().json();
    let statuses: Vec<&Value> =
        lines.iter().filter(|line| line["kind"] == "request").map(|line| &line["verdict"]["status"]).collect();
    assert!(!statuses.is_empty() && statuses.iter().all(|status| *status == "valid"), "{lines:?}");
}

#[test]
fn a_folder_with_a_file_for_each_event_is_checked_too() {
    let room = TestEnv::new();
    let (text, _) = ACME.split_once("body = '''").unwrap();
    room.write("acme/provider.toml", text);
    let missing = check(&room, "acme");
    assert!(missing.stderr().contains("has no body") && missing.stderr().contains("anvil.dropped.json"), "{missing}");
    room.write("acme/events/1/anvil.dropped.json", "{\n  \"number\": \"{{id}}\",\n  \"kind\": \"{{nope}}\"\n}\n");
    let bad = check(&room, "acme");
    assert!(at_line(&bad, "anvil.dropped.json:3") && bad.stderr().contains("nope"), "{bad}");
    room.write("acme/events/1/anvil.dropped.json", "{\n  \"number\": \"{{id}}\"\n}\n");
    room.whk(["providers", "check", "acme"]).run().assert_exit(0);
    room.whk(["providers", "check", "acme/provider.toml"]).run().assert_exit(0);
}

/// Checks a file that is wrong: exit 2, an error on stderr, no panic.
#[track_caller]
fn check(room: &TestEnv, path: &str) -> Output {
    let output = room.whk(["providers", "check", path]).run().assert_exit(2);
    let stderr = output.stderr();
    assert!(stderr.starts_with("error: ") && !stderr.contains("panicked"), "{output}");
    assert_eq!(output.stdout(), "", "{output}");
    output
}

fn at_line(output: &Output, place: &str) -> bool {
    // A column may follow, another digit may not.
    output.stderr().split(place).skip(1).any(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The number of the first line that contains `part`.
#[track_caller]
fn line_of(text: &str, part: &str) -> usize {
    text.lines().position(|line| line.contains(part)).unwrap() + 1
}

#[test]
fn a_file_that_is_wrong_is_refused_with_file_and_line() {
    // What is replaced, by what, the words of the message, and a part of the line that it names.
    for (good, bad, words, line) in [
        ("timeout = \"3s\"", "timeoot = \"3s\"", "timeoot", "timeoot"),
        ("title = ", "titel = ", "titel", "titel"),
        ("{method}{path}", "{methood}{path}", "methood", "methood"),
        ("{method}{path}", "{method{path}", "{", "{method{"),
        ("{body|sha256hex}", "{body|sha3hex}", "sha3hex", "sha3hex"),
        ("\"rfc3339\"", "\"fortnights\"", "fortnights", "fortnights"),
        ("hmac-sha512", "hmac-md5", "hmac-md5", "hmac-md5"),
        ("\"base64url\"", "\"base32\"", "base32", "base32"),
        ("secret = \"text\"", "secret = \"whsk\"", "Whsk", "[[scheme.item]]"),
        ("k1={sig}", "k1=", "{sig}", "k1="),
        ("header:x-acme-signature", "headr:x-acme-signature", "headr", "headr"),
        ("\"1s\", \"1m\"", "\"1s\", \"-1m\"", "-1m", "-1m"),
        ("\"1s\", \"1m\"", "\"1s\", \"1 fortnight\"", "fortnight", "fortnight"),
        ("success = \"202\"", "success = \"300-200\"", "300-200", "300-200"),
        ("success = \"202\"", "success = \"200,\"", "not a status", "200,"),
        ("success = \"202\"", "success = \"202\"\njitter = 2", "not a share", "jitter"),
        ("success = \"202\"", "success = \"202\"\nretry-after-limit = 0.5", "below 1", "retry-after-limit"),
        ("success = \"202\"", "success = \"202\"\nno-retry = { status = \"6xx\" }", "6xx", "no-retry"),
        ("success = \"202\"", "success = \"202\"\nno-retry = { header = \"x\" }", "NAME: VALUE", "no-retry"),
        ("success = \"202\"", "success = \"202\"\nleast-wait = { after = [\"slow\"], wait = 1 }", "slow", "slow"),
        ("success = \"202\"", "success = \"202\"\ndisable-after-time = \"long\"", "not a duration", "long"),
        (
            "[headers]",
            "[[scheme.further]]\ncontent = \"{body}\"\nsignature = { from = \"json:/s\" }\nitem = [{ match = \"{sig}\", digest = \"hmac-sha1\", encoding = \"hex\", secret = \"text\" }]\n\n[headers]",
            "must be in a header",
            "[[scheme.further]]",
        ),
        (
            "signature = { from",
            "require = [{ value = \"header:x-hash\", equals = \"{body|sha256hex}\", send = \"any\" }]\nsignature = { from",
            "parameter of the URL",
            "require = [",
        ),
        ("summary = \"The only one.\"", "summary = \"One.\"\nbodies = \"2\"", "no edition `2`", "bodies = "),
        ("summary = \"The only one.\"", "summary = \"One.\"\nvalues = { size = \"1\" }", "not in [values]", "size ="),
        ("list = \", \"", "list = \", \", last = \"v0={bodi}\"", "bodi", "bodi"),
        ("status = 418", "status = \"teapot\"", "", "teapot"),
        ("\"kind\": \"{{type}}\",", "\"kind\": \"{{type}}\"", "not JSON", "\"weight\": "),
        ("\"kind\": \"{{type}}\"", "\"kind\": \"{{colour}}\"", "colour", "{{colour}}"),
        ("\"kind\": \"{{type}}\"", "\"kind\": \"{{hex}}\"", "hex", "{{hex}}"),
        ("\"kind\": \"{{type}}\"", "\"kind\": \"{{hex many}}\"", "many", "{{hex many}}"),
        ("\"kind\": \"{{type}}\"", "\"kind\": \"{{type\"", "}}", "{{type\""),
        ("acme_{{hex 40}}", "acme_{{hexx 40}}", "hexx", "hexx"),
        ("anvil-{{digits 6}}", "anvil-{{digit 6}}", "digit 6", "digit 6"),
        ("[body]", "[body", "", "[body"),
    ] {
        let text = ACME.replacen(good, bad, 1);
        assert_ne!(text, ACME, "{good}");
        let room = TestEnv::new();
        room.write("acme.toml", &text);
        let output = check(&room, "acme.toml");
        let place = format!("acme.toml:{}", line_of(&text, line));
        assert!(at_line(&output, &place), "{bad}: {place} is not in\n{output}");
        assert!(output.stderr().contains(words), "{bad}: `{words}` is not in\n{output}");
    }
}

#[test]
fn two_alike_are_refused() {
    let item =
        "\n[[scheme.item]]\nmatch = \"k1={sig}\"\ndigest = \"hmac-sha1\"\nencoding = \"hex\"\nsecret = \"text\"\n";
    let event = "\n[[event]]\ntype = \"anvil.dropped\"\ndescription = \"Again.\"\nbody = '{}'\n";
    for (text, words) in [
        (ACME.replacen("\n[headers]", &format!("{item}\n[headers]"), 1), "same `match`"),
        (format!("{ACME}{event}"), "twice"),
        (ACME.replacen("[answers]", "[body]\nstyle = \"go\"\n\n[answers]", 1), "duplicate"),
    ] {
        let room = TestEnv::new();
        room.write("acme.toml", &text);
        let output = check(&room, "acme.toml");
        assert!(output.stderr().contains("acme.toml:") && output.stderr().contains(words), "{output}");
    }
}

#[test]
fn what_is_no_text_or_far_too_large_is_refused() {
    let room = TestEnv::new();
    room.write("empty.toml", "");
    let empty = check(&room, "empty.toml");
    assert!(empty.stderr().contains("empty.toml") && empty.stderr().contains("title"), "{empty}");
    let mut bytes = ACME.as_bytes().to_vec();
    let at = ACME.find("Acme").unwrap();
    bytes[at] = 0xff;
    room.write("latin.toml", &bytes);
    let latin = check(&room, "latin.toml");
    assert!(at_line(&latin, "latin.toml:1") && latin.stderr().contains("UTF-8"), "{latin}");
    room.write("large.toml", format!("{ACME}# {}\n", "x".repeat(10 << 20)));
    let large = check(&room, "large.toml");
    assert!(large.stderr().contains("large.toml") && large.stderr().contains("1 MiB"), "{large}");
    let none = check(&room, "none.toml");
    assert!(none.stderr().contains("none.toml"), "{none}");
}

#[test]
fn a_wrong_file_in_the_project_is_named_and_other_providers_can_still_be_used() {
    let room = TestEnv::new();
    room.write("whk-providers/acme.toml", ACME.replace("timeout = ", "timeoot = "));
    let output = room.whk(["send", "-p", "acme", "--type", "anvil.dropped", "--dry-run"]).run().assert_exit(2);
    assert!(output.stderr().contains("acme.toml:") && output.stderr().contains("timeoot"), "{output}");
    room.whk(["send", "-p", "standard", "--type", "user.created", "--dry-run"]).run().assert_exit(0);
}

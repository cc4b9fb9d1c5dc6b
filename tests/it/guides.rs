//! Handlers written as each provider's guide tells people to, and `whk send` against them: every event is taken, and
//! every fault is refused by the handlers that can notice it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use whk::provider::{Catalog, ProviderRef};

use crate::harness::env::{Output, TestEnv};

/// A handler of a guide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guide {
    /// Node: the body is parsed, and written again for the signature; `===`.
    Stringify,
    /// Node: the raw body, in constant time, and the timestamp where the provider has one.
    Raw,
    /// Python: the raw body, in constant time.
    Python,
}

use Guide::{Python, Raw, Stringify};

/// Which guides tell people how to receive which provider.
const READERS: [(&str, &[Guide]); 4] = [
    ("aisend", &[Raw, Python]),
    ("autosend@2025-11", &[Stringify, Raw]),
    ("autosend@2026-01", &[Stringify, Raw]),
    ("selfmx", &[Stringify, Python]),
];

/// What becomes of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Every handler refuses it.
    Refused,
    /// Only this handler looks at what is wrong; the others take it.
    RefusedBy(Guide),
    /// The provider's scheme cannot express it, for this reason.
    Impossible(&'static str),
}

use Fate::{Impossible, Refused, RefusedBy};

/// Faults in the body or the signature: every guide checks them. The body that is written anew has its keys in another
/// order, which parsing keeps, so that even the handler that writes it once more gets other bytes; half a body does not
/// parse.
const ALWAYS: [&str; 6] = [
    "tampered-body",
    "wrong-secret",
    "missing-signature",
    "malformed-signature",
    "reserialized-body",
    "truncated-body",
];

const NO_ID: Fate = Impossible("it has no id header");
const NO_TIMESTAMP: Fate = Impossible("it has no timestamp header");
const NO_AGE: Fate = Impossible("it does not limit the age of a request");
const NO_FUTURE: Fate = Impossible("it does not reject future timestamps");

/// The other faults. `AutoSend` sends a time that it does not sign, and only its page on verification reads it; its
/// delivery id is neither signed nor checked by anybody. The other two send neither.
const ELSE: [(&str, [(&str, Fate); 4]); 4] = [
    (
        "aisend",
        [("missing-id", NO_ID), ("missing-timestamp", NO_TIMESTAMP), ("expired", NO_AGE), ("future", NO_FUTURE)],
    ),
    ("autosend@2025-11", AUTOSEND),
    ("autosend@2026-01", AUTOSEND),
    (
        "selfmx",
        [("missing-id", NO_ID), ("missing-timestamp", NO_TIMESTAMP), ("expired", NO_AGE), ("future", NO_FUTURE)],
    ),
];

const AUTOSEND: [(&str, Fate); 4] = [
    ("missing-id", NO_ID),
    ("missing-timestamp", RefusedBy(Raw)),
    ("expired", RefusedBy(Raw)),
    ("future", RefusedBy(Raw)),
];

/// A running handler; it ends when this is dropped.
struct TestHandler {
    process: Child,
    url: String,
    secret: String,
}

impl TestHandler {
    fn start(guide: Guide, provider: &str) -> Self {
        let (program, folder, file) = match guide {
            Stringify => ("WHK_INTEROP_NODE", "WHK_INTEROP_NODE_DIR", "guide-stringify.mjs"),
            Raw => ("WHK_INTEROP_NODE", "WHK_INTEROP_NODE_DIR", "guide-raw.mjs"),
            Python => ("WHK_INTEROP_PYTHON", "WHK_INTEROP_PYTHON_DIR", "guide.py"),
        };
        let name: ProviderRef = provider.parse().unwrap();
        let secret = Catalog::default().load(&name).unwrap().new_secret().unwrap().expose_secret().to_owned();
        let mut process = Command::new(setting(program))
            .arg(format!("{}/{file}", setting(folder)))
            .env("WEBHOOK_SECRET", &secret)
            .env("PROVIDER", name.provider)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{guide:?} did not start: {line:?}"));
        Self { process, url: format!("http://127.0.0.1:{}/webhooks", ready["port"]), secret }
    }

    fn send(&self, room: &TestEnv, provider: &str, arguments: &[&str]) -> Output {
        let whole = [["send", &self.url, "--json", "-p", provider].as_slice(), arguments].concat();
        room.whk(whole).env("WHK_SECRET", &self.secret).run()
    }
}

impl Drop for TestHandler {
    fn drop(&mut self) {
        // `wait` closes the handler's stdin first.
        let _ = self.process.wait();
    }
}

/// A variable that `tests/run` sets; without it nothing would be tested.
pub(crate) fn setting(name: &str) -> String {
    whk::environment::var(name).unwrap_or_else(|| panic!("`{name}` is not set; hint: tests/run"))
}

/// Type and status of every attempt.
fn answers(output: &Output) -> Vec<(String, u64)> {
    let lines = output.json();
    let attempts = lines.iter().filter(|line| line["kind"] == "attempt");
    attempts.map(|line| (line["event_type"].as_str().unwrap().to_owned(), line["status"].as_u64().unwrap())).collect()
}

#[track_caller]
fn all_taken(provider: &str, output: &Output) {
    let catalogue = Catalog::default().load(&provider.parse().unwrap()).unwrap().events;
    let expected: Vec<(String, u64)> = catalogue.into_iter().map(|event| (event.event_type, 200)).collect();
    assert_eq!(answers(output), expected, "{provider}\n{output}");
    assert_eq!(output.code(), Some(0), "{output}");
}

/// Every event, for each of the seeds 1 to 50.
fn takes_every_event(provider: &str) {
    let room = TestEnv::new();
    let (_, guides) = READERS.iter().find(|(name, _)| *name == provider).unwrap();
    for guide in *guides {
        let handler = TestHandler::start(*guide, provider);
        for seed in 1..=50 {
            let seed = seed.to_string();
            all_taken(provider, &handler.send(&room, provider, &["--type", "all", "--seed", &seed]));
        }
    }
}

#[test]
fn the_handlers_of_aisend_take_every_event() {
    takes_every_event("aisend");
}

#[test]
fn the_handlers_of_autosend_take_every_event() {
    takes_every_event("autosend@2025-11");
}

#[test]
fn the_handlers_of_autosend_take_every_event_of_the_newer_edition() {
    takes_every_event("autosend@2026-01");
}

#[test]
fn the_handlers_of_selfmx_take_every_event() {
    takes_every_event("selfmx");
}

#[test]
fn each_fault_is_refused_by_the_handlers_that_can_notice_it() {
    for (provider, guides) in READERS {
        let (_, others) = ELSE.iter().find(|(name, _)| *name == provider).unwrap();
        let faults = ALWAYS.map(|fault| (fault, Refused)).into_iter().chain(*others);
        let room = TestEnv::new();
        let handlers: Vec<(Guide, TestHandler)> =
            guides.iter().map(|guide| (*guide, TestHandler::start(*guide, provider))).collect();
        for (fault, fate) in faults {
            for (guide, handler) in &handlers {
                let output = handler.send(&room, provider, &["--type", "all", "--seed", "7", "--fault", fault]);
                let shown = format!("{fault} of {provider}, {guide:?}\n{output}");
                let expected = match fate {
                    Impossible(reason) => {
                        assert_eq!(output.code(), Some(2), "{shown}");
                        assert!(output.stderr().contains(reason) && output.stdout().is_empty(), "{shown}");
                        continue;
                    }
                    RefusedBy(only) if only != *guide => 200..=200,
                    Refused | RefusedBy(_) => 400..=401,
                };
                assert_eq!(output.code(), Some(i32::from(expected.contains(&200))), "{shown}");
                let answers = answers(&output);
                assert!(answers.len() >= 7 && answers.iter().all(|(_, got)| expected.contains(got)), "{shown}");
            }
        }
    }
}

/// A body of another style is valid: who verifies the bytes accepts it, who verifies `JSON.stringify(req.body)` does
/// not, and so is found out. `reordered` is beyond that, because JavaScript keeps the order of keys.
#[test]
fn a_body_style_finds_the_handlers_that_verify_what_they_parsed() {
    for (provider, guides) in [
        ("autosend@2025-11", &[Stringify, Raw][..]),
        ("autosend@2026-01", &[Stringify, Raw]),
        ("selfmx", &[Stringify, Python]),
        ("aisend", &[Raw, Python]),
    ] {
        let room = TestEnv::new();
        for guide in guides {
            let handler = TestHandler::start(*guide, provider);
            for style in ["provider", "spaced", "escaped", "float", "reordered"] {
                let field = match provider {
                    "autosend@2026-01" => "createdAt:=1",
                    "selfmx" => "created_at:=1",
                    _ => "timestamp:=1",
                };
                let number = ["--set", field];
                let flags = ["--type", "all", "--body-style", style];
                let flags = if style == "float" { [flags.as_slice(), &number].concat() } else { flags.to_vec() };
                let output = handler.send(&room, provider, &flags);
                let rejected = *guide == Stringify && !matches!(style, "provider" | "reordered");
                let shown = format!("{style} of {provider}, {guide:?}\n{output}");
                assert_eq!(output.code(), Some(i32::from(rejected)), "{shown}");
                let expected = if rejected { 401 } else { 200 };
                assert!(answers(&output).iter().all(|(_, status)| *status == expected), "{shown}");
            }
        }
    }
}

#[test]
fn a_style_that_does_not_apply_is_an_error() {
    let room = TestEnv::new();
    let send = |more: &[&str]| room.whk([["send", "--dry-run"].as_slice(), more].concat()).run();
    send(&["-p", "selfmx", "-t", "delivered", "--body-style", "float"]).assert_snapshot(
        "
exit 2
stderr:
error: `--body-style float` does not apply
  caused by: there is no number in delivered
",
    );
    send(&["-p", "twilio", "-t", "all", "--body-style", "spaced"]).assert_exit(2);
    let output = send(&["-p", "selfmx", "-d", "{}", "--body-style", "spaced"]).assert_exit(2);
    assert!(output.stderr().contains("cannot be used with"), "{output}");
}

#[test]
fn a_rejected_style_says_what_it_is_about() {
    let (room, handler) = (TestEnv::new(), TestHandler::start(Stringify, "selfmx"));
    let flags = ["-p", "selfmx", "-t", "delivered", "--body-style", "spaced", "-s", &handler.secret];
    let output = room.send(&handler.url, &flags).assert_exit(1);
    assert_eq!(
        output.stderr(),
        "hint: the body is valid and `spaced`: does the handler verify the raw body,\n      \
         or JSON that it parsed and re-serialized? To compare: --body-style provider\n"
    );
}

/// A handler that parses the body and writes it again gets the same bytes, whatever is put into it: each of these is
/// written otherwise by some serialiser, or is changed by JavaScript's parser.
#[test]
fn what_is_put_into_a_body_survives_being_parsed_and_written_again() {
    for (provider, kind, path) in [
        ("autosend", "email.sent", "data.subject"),
        ("autosend@2026-01", "email.received", "data.to[0].name"),
        ("selfmx", "clicked", "data.url"),
    ] {
        let (room, handler) = (TestEnv::new(), TestHandler::start(Stringify, provider));
        for value in [
            "=Grüße – <b>50 % & more</b> 😀",
            r#":="\u00e9\u2028\u2029\u003c\/\u0001\b\f\u007f""#,
            ":=1.0",
            ":=-0.0",
            ":=1e3",
            ":=1e21",
            ":=1e-7",
            ":=9007199254740993",
            ":=12345678901234567890",
            ":=0.1",
            r#":={"b":1,"10":2,"9":{"2":0,"01":1,"1":null},"":[]}"#,
            ":=[ 1 , true,null ]",
        ] {
            let set = format!("{path}{value}");
            let output = handler.send(&room, provider, &["--type", kind, "--seed", "3", "--set", &set]);
            assert_eq!(answers(&output), [(kind.to_owned(), 200)], "{set}\n{output}");
        }
    }
}

#[test]
fn every_step_of_every_scenario_is_taken() {
    for (provider, guides) in READERS {
        let (room, handler) = (TestEnv::new(), TestHandler::start(guides[0], provider));
        for scenario in Catalog::default().load(&provider.parse().unwrap()).unwrap().scenarios {
            let output = handler.send(&room, provider, &["--scenario", &scenario.name, "--seed", "5"]);
            let expected: Vec<(String, u64)> =
                scenario.steps.iter().map(|step| (step.event_type.clone(), 200)).collect();
            assert_eq!(answers(&output), expected, "{} of {provider}\n{output}", scenario.name);
        }
    }
}

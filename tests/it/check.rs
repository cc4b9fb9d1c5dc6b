//! `whk check`: its exit codes, its selection of checks, its safety, and its requests.

use std::collections::BTreeMap;
use std::net::TcpListener;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use whk::clock::Clock;
use whk::provider::Catalog;
use whk::signing::{Challenge, Header, Keyring, Request, Scheme, Secret, Tolerance, verify};

use crate::check_flaws::{ids, in_parallel, new_secret};
use crate::check_handlers::CheckHandler;
use crate::harness::env::{Output, TestEnv};
use crate::harness::handler::{HandlerResponse, Received, TestHandler, unused_address};
use crate::harness::http::{AHASEND, NOW_TEXT};
use crate::harness::provider::provider;

/// The fields of every check in JSON, in order, after the version.
const FIELDS: [&str; 15] = [
    "kind",
    "id",
    "group",
    "level",
    "outcome",
    "cause",
    "message",
    "reason",
    "fix",
    "rule",
    "duration_ms",
    "requests",
    "request",
    "response",
    "curl",
];

/// The parts of a request that arrived, with the values of its headers trimmed.
struct Parts<'a> {
    method: &'a str,
    url: String,
    headers: Vec<(&'a str, &'a str)>,
}

fn parts(received: &Received) -> Parts<'_> {
    let mut lines = received.head.trim_end().split("\r\n");
    let mut words = lines.next().unwrap().split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let pairs = lines.filter_map(|line| line.split_once(':'));
    let headers: Vec<(&str, &str)> = pairs.map(|(name, value)| (name, value.trim())).collect();
    let host = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host")).map_or("", |(_, value)| value);
    Parts { method, url: format!("http://{host}{target}"), headers }
}

/// What a correct handler knows.
#[derive(Clone)]
struct Rules {
    scheme: Scheme,
    challenges: Vec<Challenge>,
    secrets: Vec<Secret>,
}

impl Rules {
    fn new(name: &str, secrets: &[&str]) -> Self {
        let provider = provider(name);
        let secrets = secrets.iter().map(|secret| Secret::new(*secret)).collect();
        Self { scheme: provider.scheme, challenges: provider.challenges, secrets }
    }

    fn handler(self) -> TestHandler {
        TestHandler::deciding(move |received| respond(&self, received))
    }
}

/// Responds as a correct handler does, with this program's verification.
fn respond(rules: &Rules, received: &Received) -> HandlerResponse {
    let parts = parts(received);
    let headers: Vec<Header<'_>> =
        parts.headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
    let request = Request { method: parts.method, url: &parts.url, headers: &headers, body: &received.body };
    let keyring = Keyring::new(&rules.scheme, &rules.secrets).unwrap();
    let now = Clock::System.now().as_second();
    if parts.method != "POST" {
        return HandlerResponse::text(405, "");
    }
    if verify(&rules.scheme, &keyring, &request, now, Tolerance::Scheme).outcome.is_err() {
        return HandlerResponse::text(400, "rejected");
    }
    let mut challenges = rules.challenges.iter().filter(|challenge| challenge.matches(&request));
    let response = challenges.find_map(|challenge| challenge.respond(&rules.scheme, &rules.secrets, &request));
    HandlerResponse::text(200, &response.map(|response| response.body).unwrap_or_default())
}

/// A correct handler of a provider, and its secret.
fn correct(name: &str) -> (TestHandler, String) {
    let secret = new_secret(name);
    (Rules::new(name, &[&secret]).handler(), secret)
}

/// A handler that accepts with the published Standard Webhooks library.
fn with_library(raw: bool, secret: &str) -> TestHandler {
    let secret = secret.to_owned();
    TestHandler::deciding(move |received| {
        let parts = parts(received);
        if parts.method != "POST" {
            return HandlerResponse::text(405, "");
        }
        let mut headers = HeaderMap::new();
        for (name, value) in parts.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_bytes(value.as_bytes())) {
                headers.insert(name, value);
            }
        }
        let webhook = if raw {
            Webhook::from_bytes(secret.clone().into_bytes()).unwrap()
        } else {
            Webhook::new(&secret).unwrap()
        };
        let valid = webhook.verify(&received.body, &headers).is_ok();
        HandlerResponse::text(if valid { 200 } else { 400 }, "")
    })
}

fn run(env: &TestEnv, url: &str, provider: &str, secret: &str, more: &[&str]) -> Output {
    env.whk([["check", url, "-p", provider, "-s", secret, "--seed", "7"].as_slice(), more].concat()).run()
}

/// Returns each failure with its message.
fn failures(output: &Output) -> Vec<String> {
    let lines = output.json();
    let failed = lines.iter().filter(|line| line["outcome"] == "fail");
    failed.map(|line| format!("{}: {}", line["id"].as_str().unwrap(), line["message"].as_str().unwrap())).collect()
}

/// Returns the line of a check.
fn line(output: &Output, id: &str) -> Value {
    output.json().into_iter().find(|line| line["id"] == id).unwrap_or_else(|| panic!("no {id}: {output}"))
}

#[test]
fn the_requests_of_every_provider_are_valid_or_not_as_they_claim() {
    let names: Vec<String> = Catalog::default().names().map(str::to_owned).collect();
    assert!(names.len() >= 20, "{names:?}");
    in_parallel(names, |name| {
        let (handler, secret) = correct(&name);
        // This verification takes an entry that cannot be read for a malformed header.
        let skip = "huge-body,list-odd";
        let output = run(&TestEnv::new(), &handler.url(), &name, &secret, &["--json", "--skip", skip]);
        let mut failed = failures(&output);
        // Without optimization, and beside other tests, thousands of signatures take long.
        failed.retain(|failure| !failure.starts_with("list-100: 5,000 wrong: no response within"));
        // A provider that limits only the age.
        if provider(&name).scheme.timestamp.is_some_and(|rule| rule.max_future.is_none()) {
            failed.retain(|failure| !failure.starts_with("future: "));
        }
        (!failed.is_empty()).then(|| format!("{name}: {failed:#?}"))
    });
}

#[test]
fn the_published_library_accepts_and_rejects_what_it_should() {
    for (name, raw) in [("ahasend", true), ("standard", false)] {
        let secret = new_secret(name);
        let handler = with_library(raw, &secret);
        // The library computes with the smallest integer, which only a debug build notices.
        let skip = "huge-body,timestamp-extreme";
        let output = run(&TestEnv::new(), &handler.url(), name, &secret, &["--json", "--skip", skip]);
        assert_eq!(failures(&output), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn exit_codes_follow_the_level() {
    // Everything is accepted: the control and all that is valid pass.
    let handler = TestHandler::accepting();
    let env = TestEnv::new();
    let check = |more: &[&str]| run(&env, &handler.url(), "ahasend", AHASEND, &[&["--json"], more].concat());
    check(&["--only", "valid,every-type"]).assert_exit(0);
    check(&["--only", "valid,wrong-secret"]).assert_exit(1);
    check(&["--only", "just-too-old"]).assert_exit(0);
    check(&["--only", "just-too-old", "--level", "recommended"]).assert_exit(1);
    check(&["--only", "valid", "--level", "all"]).assert_exit(2);
}

#[test]
fn a_handler_that_is_not_there_is_exit_3_with_a_hint() {
    let (env, address) = (TestEnv::new(), unused_address().to_string());
    let watch = whk::clock::Stopwatch::start();
    let output = run(&env, &address, "ahasend", AHASEND, &[]).assert_exit(3);
    assert!(watch.elapsed().as_secs() < 5);
    assert!(output.stderr().contains("connection refused"), "{output}");
    assert!(output.stderr().contains("hint: is your handler running?"), "{output}");
    assert_eq!(output.stdout(), "", "{output}");
}

#[test]
fn a_port_that_is_taken_is_exit_2_before_the_command_starts() {
    let env = TestEnv::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = taken.local_addr().unwrap().to_string();
    let output = run(&env, &url, "ahasend", AHASEND, &["--", "sh", "-c", "echo started >started"]).assert_exit(2);
    assert!(output.stderr().contains("something listens on"), "{output}");
    assert!(!env.file("started").exists());
}

#[test]
fn a_command_that_does_not_listen_shows_its_last_lines() {
    let env = TestEnv::new();
    let start = |script: &str, more: &[&str]| {
        let command = ["check", "-p", "ahasend", "-s", AHASEND];
        env.whk([command.as_slice(), more, &["--", "sh", "-c", script]].concat()).run()
    };
    let output = start("echo one; echo no module named app >&2; exit 7", &[]).assert_exit(3);
    assert!(output.stderr().contains("the handler exited before it accepted a connection"), "{output}");
    assert!(output.stderr().contains("no module named app"), "{output}");
    assert!(output.stderr().contains("hint: it must listen on the port in the environment variable PORT"), "{output}");
    let output = start("echo I listen elsewhere; exec sleep 60", &["--wait", "300ms"]).assert_exit(3);
    assert!(output.stderr().contains("accepted no connection on port"), "{output}");
    assert!(output.stderr().contains("I listen elsewhere"), "{output}");
    let output = env.whk(["check", "-p", "ahasend", "-s", AHASEND, "--", "./no-such-program"]).run().assert_exit(2);
    assert!(output.stderr().contains("cannot run `./no-such-program`"), "{output}");
}

#[test]
fn the_check_that_stops_a_handler_is_named_and_the_rest_is_not_judged() {
    let handler = CheckHandler::start_flawed("node", "ahasend", "dies-on-cut-off");
    let only = "valid,cut-off-body,duplicate-acknowledged,still-works";
    let output = run(&TestEnv::new(), handler.url(), "ahasend", handler.secret(), &["--json", "--only", only]);
    let output = output.assert_exit(1);
    let culprit = line(&output, "cut-off-body");
    assert_eq!((&culprit["outcome"], &culprit["cause"]), (&json!("fail"), &json!("crashed")), "{output}");
    assert!(culprit["message"].as_str().unwrap().starts_with("the handler stopped"), "{output}");
    for id in ["duplicate-acknowledged", "still-works"] {
        let rest = line(&output, id);
        assert_eq!((&rest["outcome"], &rest["cause"]), (&json!("skip"), &json!("not-judged")), "{output}");
        assert!(rest["message"].as_str().unwrap().contains("`cut-off-body`"), "{output}");
    }
    let summary = output.json().pop().unwrap();
    assert_eq!((&summary["failed_required"], &summary["not_judged"]), (&json!(1), &json!(2)), "{output}");
}

#[test]
fn a_request_that_stops_the_handler_after_its_response_is_named() {
    let handler = CheckHandler::start_flawed("node", "ahasend", "process-dies");
    let only = "valid,wrong-length-signature,still-works";
    let output = run(&TestEnv::new(), handler.url(), "ahasend", handler.secret(), &["--json", "--only", only]);
    let culprit = line(&output.assert_exit(1), "wrong-length-signature");
    assert_eq!(culprit["cause"], "crashed", "{culprit}");
    assert!(culprit["message"].as_str().unwrap().starts_with("the handler stopped (one character"), "{culprit}");
}

/// Returns what a run says that stops at the control.
fn stopped(handler: &TestHandler, provider: &str, secret: &str) -> (Value, usize) {
    let output = run(&TestEnv::new(), &handler.url(), provider, secret, &["--json"]).assert_exit(1);
    let failed = ids(&output, "fail");
    assert!(failed.contains("valid") && failed.len() <= 2, "{output}");
    assert!(ids(&output, "pass").is_empty(), "{output}");
    (line(&output, "valid"), handler.received().len())
}

#[test]
fn a_control_that_is_rejected_stops_the_run_with_an_explanation() {
    let key_text = new_secret("standard");
    // It takes the text of the secret as the key.
    let misread = TestHandler::deciding({
        let scheme = provider("standard").scheme;
        let text = key_text.clone();
        move |received| {
            let parts = parts(received);
            let headers: Vec<Header<'_>> =
                parts.headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
            let request = Request { method: "POST", url: &parts.url, headers: &headers, body: &received.body };
            let keyring = Keyring::from_shared_key(&scheme, text.as_bytes()).unwrap();
            let now = Clock::System.now().as_second();
            let valid = verify(&scheme, &keyring, &request, now, Tolerance::Scheme).outcome.is_ok();
            HandlerResponse::text(if valid { 200 } else { 401 }, "")
        }
    });
    // It verifies the body that it has parsed, and written with sorted keys.
    let reserialized = TestHandler::deciding({
        let rules = Rules::new("selfmx", &["shared"]);
        move |received| {
            let mut body: Value = serde_json::from_slice(&received.body).unwrap_or_default();
            body.sort_all_objects();
            respond(&rules, &Received { body: body.to_string().into(), ..received.clone() })
        }
    });
    let always = |status: u16, headers: &'static str, body: &str| {
        TestHandler::answering([HandlerResponse::Status(status, headers, body.as_bytes().to_vec())])
    };
    let cases = [
        (correct("ahasend").0, "ahasend", new_secret("ahasend"), "most likely the handler has another secret"),
        (misread, "standard", key_text, "it uses the text of the secret as the key"),
        (reserialized, "selfmx", "shared".to_owned(), "a serializer that sorts keys"),
        (always(404, "", ""), "ahasend", AHASEND.to_owned(), "there is nothing at this path"),
        (always(403, "", "CSRF token missing"), "ahasend", AHASEND.to_owned(), "CSRF protection"),
        (always(302, "location: /login\r\n", ""), "ahasend", AHASEND.to_owned(), "redirect 302"),
    ];
    for (handler, provider, secret, expected) in cases {
        let (control, requests) = stopped(&handler, provider, &secret);
        let message = control["message"].as_str().unwrap().to_lowercase();
        assert!(message.contains(&expected.to_lowercase()), "{expected}: {control}");
        assert!(control["fix"].as_str().is_some_and(|fix| !fix.is_empty()), "{control}");
        assert!(requests < 30, "{expected}: {requests} requests");
    }
}

#[test]
fn checks_are_selected_by_id_and_by_importance() {
    let (handler, secret) = correct("ahasend");
    let env = TestEnv::new();
    let all = |more: &[&str]| -> Vec<String> {
        let output = run(&env, &handler.url(), "ahasend", &secret, &[&["--json"], more].concat()).assert_exit(0);
        let lines = output.json();
        let checks = lines.iter().filter(|line| line["kind"] == "check");
        checks.map(|line| line["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(all(&["--only", "too-old", "--only", "wrong-secret"]), ["wrong-secret", "too-old"]);
    assert_eq!(all(&["--only", "too-old,wrong-secret", "--skip", "too-old"]), ["wrong-secret"]);
    let before = handler.received().len();
    let quick = all(&["--quick"]);
    assert_eq!(
        quick,
        [
            "valid",
            "body-bytes",
            "tampered-body",
            "wrong-secret",
            "missing-signature",
            "malformed-signature",
            "too-old",
            "unknown-type",
            "duplicate-acknowledged",
            "still-works"
        ]
    );
    assert!(handler.received().len() - before <= 25);
}

#[test]
fn an_unknown_check_names_the_nearest() {
    let output = TestEnv::new().whk(["check", ":1", "-p", "ahasend", "--only", "wrong-secrt"]).run().assert_exit(2);
    let expected =
        "error: there is no check `wrong-secrt`\n  caused by: did you mean `wrong-secret`?\nhint: whk check --list\n";
    assert_eq!(output.stderr(), expected);
    TestEnv::new().whk(["check", ":1", "-p", "ahasend", "--only", "valid", "--skip", "valid"]).run().assert_exit(2);
}

#[test]
fn only_events_of_the_given_types_are_sent() {
    let (handler, secret) = correct("ahasend");
    let more = ["--types", "message.b*", "--only", "valid,every-type,body-bytes"];
    run(&TestEnv::new(), &handler.url(), "ahasend", &secret, &more).assert_exit(0);
    for received in handler.received() {
        let body: Value = serde_json::from_slice(&received.body).unwrap();
        assert_eq!(body["type"], "message.bounced");
    }
    let output = run(&TestEnv::new(), &handler.url(), "ahasend", &secret, &["--types", "nothing.*"]).assert_exit(2);
    assert!(output.stderr().contains("sends no event of these types"), "{output}");
}

#[test]
fn rate_is_the_least_time_between_requests() {
    let (handler, secret) = correct("ahasend");
    let more = ["--only", "every-type", "--rate", "50/s"];
    run(&TestEnv::new(), &handler.url(), "ahasend", &secret, &more).assert_exit(0);
    let received = handler.received();
    let between = received.last().unwrap().at.saturating_sub(received[0].at);
    assert!(between.as_millis() >= 18 * (received.len() as u128 - 1), "{between:?} for {}", received.len());
}

#[test]
fn a_public_address_needs_a_flag_and_gets_nothing() {
    let watch = whk::clock::Stopwatch::start();
    for url in ["http://203.0.113.7/hooks", "https://[2001:db8::1]/"] {
        let output = run(&TestEnv::new(), url, "ahasend", AHASEND, &[]).assert_exit(2);
        assert!(output.stderr().contains("is neither on this machine nor in a private network"), "{output}");
        assert!(output.stderr().contains("hint: if the handler is yours: --allow-remote"), "{output}");
        assert_eq!(output.stdout(), "");
    }
    assert!(watch.elapsed().as_secs() < 4, "nothing is connected to");
}

#[test]
fn secrets_of_the_past_and_of_others_are_tried() {
    let (retired, current) = (new_secret("ahasend"), new_secret("ahasend"));
    let lax = Rules::new("ahasend", &[&retired, &current]).handler();
    let strict = Rules::new("ahasend", &[&current]).handler();
    let env = TestEnv::new();
    let check = |handler: &TestHandler, more: &[&str]| {
        run(&env, &handler.url(), "ahasend", &current, &[&["--json"], more].concat())
    };
    let more = ["--only", "retired-secret", "--retired-secret", &retired];
    assert_eq!(line(&check(&lax, &more).assert_exit(1), "retired-secret")["cause"], "accepted");
    assert_eq!(line(&check(&strict, &more).assert_exit(0), "retired-secret")["outcome"], "pass");
    let url = lax.url();
    let more = ["--only", "other-tenant-secret", "--other-secret", &retired, "--other-url", &url];
    assert_eq!(line(&check(&lax, &more).assert_exit(1), "other-tenant-secret")["cause"], "accepted");
    assert_eq!(
        line(&check(&strict, &["--only", "retired-secret"]).assert_exit(0), "retired-secret")["outcome"],
        "skip"
    );
}

/// Returns what a handler received, without its own address.
fn bytes(handler: &TestHandler) -> Vec<(String, Vec<u8>)> {
    let address = handler.url().replace("http://", "").replace("/hooks", "");
    let received = handler.received().into_iter();
    received.map(|received| (received.head.replace(&address, "HOST"), received.body)).collect()
}

#[test]
fn the_same_seed_sends_the_same_requests_in_the_same_order() {
    let run = |seed: &str| {
        let handler = TestHandler::accepting();
        // Connections that are open at the same time arrive in any order.
        let skip = "huge-body,burst-50,concurrent-acknowledged,slow-client-does-not-block,retry-after-hangup";
        let url = handler.url();
        let arguments =
            ["check", &url, "-p", "ahasend", "-s", AHASEND, "--seed", seed, "--now", NOW_TEXT, "--skip", skip];
        TestEnv::new().whk(arguments).run().assert_exit(1);
        bytes(&handler)
    };
    let first = run("7");
    assert!(first.len() > 150, "{}", first.len());
    let second = run("7");
    for (index, (first, second)) in first.iter().zip(&second).enumerate() {
        assert_eq!(first, second, "request {index}");
    }
    assert_eq!(first.len(), second.len());
    assert_ne!(run("8")[0], first[0]);
}

#[test]
fn every_line_of_json_has_the_promised_fields() {
    let handler = TestHandler::accepting();
    let output = run(&TestEnv::new(), &handler.url(), "ahasend", AHASEND, &["--json", "--skip", "huge-body"]);
    let mut lines = output.assert_exit(1).json();
    let summary = lines.pop().unwrap();
    let fields: Vec<&str> = summary.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        fields,
        [
            "kind",
            "passed",
            "failed_required",
            "failed_recommended",
            "skipped",
            "not_judged",
            "seed",
            "duration_ms",
            "provider",
            "edition",
            "target",
            "version",
            "weaknesses"
        ]
    );
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for line in &lines {
        let fields: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        let (promised, more) = fields.split_at(FIELDS.len());
        assert_eq!(promised, FIELDS, "{line}");
        assert!(more.iter().all(|field| ["variants", "handler_output"].contains(field)), "{line}");
        let outcome = line["outcome"].as_str().unwrap();
        assert_eq!(outcome == "fail", line["cause"].is_string(), "{line}");
        assert_eq!(outcome == "fail", line["fix"].is_string(), "{line}");
        assert_eq!(outcome == "pass", line["message"] == "", "{line}");
        *counts.entry(outcome.to_owned()).or_default() += 1;
    }
    assert_eq!(summary["passed"], counts["pass"]);
    assert_eq!(summary["skipped"], counts["skip"]);
    let failed = summary["failed_required"].as_u64().unwrap() + summary["failed_recommended"].as_u64().unwrap();
    assert_eq!(failed, counts["fail"]);
}

#[test]
fn a_list_of_checks_sends_nothing() {
    let env = TestEnv::new();
    let output = env.whk(["check", "--list", "--json"]).run().assert_exit(0);
    let lines = output.json();
    assert!(lines.len() >= 80);
    for line in &lines {
        let fields: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, ["kind", "id", "group", "level", "providers", "reason", "rule"]);
    }
    let too_old = lines.iter().find(|line| line["id"] == "too-old").unwrap();
    let providers: Vec<&str> = too_old["providers"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert!(providers.iter().any(|name| name.starts_with("ahasend@")), "{providers:?}");
    assert!(!providers.iter().any(|name| name.starts_with("selfmx@")), "{providers:?}");
    let text = env.whk(["check", "-p", "selfmx", "--list"]).run().assert_exit(0).stdout();
    assert!(text.contains("skipped: SelfMX signs no timestamp"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn quiet_shows_failures_alone() {
    let handler = TestHandler::accepting();
    let only = "valid,wrong-secret,challenge,unknown-type";
    let output = run(&TestEnv::new(), &handler.url(), "ahasend", AHASEND, &["-q", "--only", only]).assert_exit(1);
    let text = output.stdout();
    assert!(text.contains("FAIL  wrong-secret"), "{text}");
    for hidden in ["accepts", "behaves", "skip  ", "weaknesses", "pass "] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
    assert!(
        text.lines().all(|line| line.contains("curl") || line.contains("rule") || line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn sigint_ends_a_run_with_what_is_known() {
    let handler = TestHandler::deciding(|received| {
        let old = parts(received).headers.iter().any(|(name, value)| *name == "cookie" && value.len() > 1000);
        if old { HandlerResponse::Silence } else { HandlerResponse::text(200, "") }
    });
    let (env, url) = (TestEnv::new(), handler.url());
    let arguments = ["check", &url, "-p", "ahasend", "-s", AHASEND, "--json", "--report", "out.xml", "--only"];
    let more = ["valid,every-type,unknown-field,extra-headers,rotation", "--timeout", "60s"];
    let running = env.whk([arguments.as_slice(), &more].concat()).start();
    let types = provider("ahasend").events.len();
    // The control, each type, two fields, and the request that gets no response.
    handler.wait_for(1 + types + 2 + 1);
    running.signal("INT");
    let output = running.end().assert_exit(130);
    assert!(ids(&output, "pass").contains("every-type"), "{output}");
    let report = std::fs::read_to_string(env.file("out.xml")).unwrap();
    assert!(report.contains("every-type"), "{report}");
}

//! `whk verify --strict-for`: what is said of the published libraries is what they do.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use sha2::Sha256;
use standardwebhooks::Webhook;
use whk::clock::Clock;
use whk::signing::{
    Encoding, Header, KeyFormat, Keyring, ReferenceLibrary as Named, Request, Secret, SignInput, Tolerance,
    incompatibilities, sign, verify,
};

use crate::harness::env::{Output, TestEnv};
use crate::harness::http::{AHASEND, NOW, NOW_TEXT, STANDARD, request, signed};
use crate::harness::provider::provider;
use crate::interop::libraries::{Library, require};

const BODY: &[u8] = br#"{"type":"user.created","data":{"id":"usr_1"}}"#;
const NAMES: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];
/// A right `v1` signature of another request.
const OTHER: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

/// A request that is valid here, in one way unusual.
#[derive(Clone)]
struct Case {
    what: String,
    provider: &'static str,
    secret: String,
    /// What the libraries are given, where it is another.
    theirs: Option<String>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// How old the request is, in seconds.
    age: i64,
}

impl Case {
    fn new(what: &str, now: i64) -> Self {
        Self::of(what, now, 0, "standard", STANDARD, "msg_1", BODY)
    }

    fn of(what: &str, now: i64, age: i64, provider: &'static str, secret: &str, id: &str, body: &[u8]) -> Self {
        let at = (now - age).to_string();
        let values = [id.to_owned(), at.clone(), signature(provider, secret, id, &at, body)];
        Self {
            what: what.to_owned(),
            provider,
            secret: secret.to_owned(),
            theirs: None,
            headers: NAMES.iter().map(|name| (*name).to_owned()).zip(values).collect(),
            body: body.to_vec(),
            age,
        }
    }

    /// With other header names.
    fn named(mut self, change: impl Fn(&str) -> String) -> Self {
        for (name, _) in &mut self.headers {
            *name = change(name);
        }
        self
    }

    /// With another list of signatures, in which `GOOD` is the right one.
    fn listed(mut self, list: &str) -> Self {
        self.headers[2].1 = list.replace("GOOD", &self.headers[2].1);
        self
    }

    /// What `whk verify` says of each library: its outcome.
    #[track_caller]
    fn said(&self, room: &TestEnv, now: i64) -> Vec<(String, String)> {
        let lines: String = self.headers.iter().map(|(name, value)| [name, ": ", value, "\r\n"].concat()).collect();
        let now = now.to_string();
        let arguments = ["verify", "-", "-p", self.provider, "-s", "env:SECRET", "--json", "--now", &now];
        let run = room.whk(arguments).env("SECRET", &self.secret);
        let output = run.stdin(request(&lines, &self.body)).run().assert_exit(0);
        let verdict = output.json().remove(0);
        assert_eq!(verdict["status"], "valid", "{}: {verdict}", self.what);
        let refused = verdict["evidence"]["refused_by"].as_array().cloned().unwrap_or_default();
        let text = |refusal: &Value, key: &str| refusal[key].as_str().unwrap().to_owned();
        refused.iter().map(|refusal| (text(refusal, "library"), text(refusal, "outcome"))).collect()
    }

    fn order(&self, now: i64) -> Value {
        let headers: Vec<Value> =
            self.headers.iter().map(|(name, value)| json!([name, BASE64.encode(value)])).collect();
        let body = BASE64.encode(&self.body);
        // Half a second later: a receiver's clock has fractions.
        json!({"secret": self.theirs(), "headers": headers, "body_b64": body, "now_ms": now * 1000 + 500})
    }

    fn theirs(&self) -> &str {
        self.theirs.as_deref().unwrap_or(&self.secret)
    }

    /// What the Rust library makes of it now; its clock cannot be set.
    fn rust(&self) -> &'static str {
        let Ok(webhook) = Webhook::new(self.theirs()) else { return "throws" };
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        if webhook.verify(&self.body, &headers).is_ok() { "accepts" } else { "refuses" }
    }
}

fn signature(provider: &str, secret: &str, id: &str, at: &str, body: &[u8]) -> String {
    let inner = secret.strip_prefix("whsec_").filter(|_| provider == "standard");
    let key = inner.map_or_else(|| secret.into(), |encoded| BASE64.decode(encoded).unwrap());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(&[id.as_bytes(), b".", at.as_bytes(), b".", body].concat());
    format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
}

/// Signed with a key pair alone; the libraries have the shared secret.
fn asymmetric(now: i64) -> Case {
    let private = "whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let scheme = provider("standard").scheme;
    let keyring = Keyring::new(&scheme, &[Secret::new(private)]).unwrap();
    let what = SignInput { id: "msg_1", at: now * 1000, method: "POST", body: BODY, url: "/", headers: &[] };
    let headers = sign(&scheme, &keyring, &what).unwrap().headers;
    let public = scheme.public_text(&Secret::new(private)).unwrap();
    Case { secret: public, theirs: Some(STANDARD.to_owned()), headers, ..Case::new("only v1a", now) }
}

fn cases(now: i64) -> Vec<Case> {
    let plain = |what| Case::new(what, now);
    let mut cases = vec![
        plain("plain"),
        plain("names in upper case").named(str::to_uppercase),
        plain("other names").named(|name| name.replace("webhook", "svix")),
        plain("the right signature last").listed(&format!("{OTHER} GOOD")),
        plain("the right signature first").listed(&format!("GOOD {OTHER}")),
        plain("another version before").listed("v2,abc GOOD"),
        plain("a key pair's before").listed("v1a,abc GOOD"),
        plain("two commas before").listed("v2,a,b GOOD"),
        plain("two commas after").listed("GOOD v2,a,b"),
        plain("an entry beyond ASCII").listed("v2,é GOOD"),
        Case::of("an id beyond ASCII", now, 0, "standard", STANDARD, "msg_é", BODY),
        asymmetric(now),
    ];
    let mut both = plain("both families");
    let other = both.clone().named(|name| name.replace("webhook", "svix"));
    both.headers.extend(other.headers);
    cases.push(both);
    for age in [300, 299, -299] {
        cases.push(Case::of(&format!("{age} s old"), now, age, "standard", STANDARD, "msg_1", BODY));
    }
    for body in [
        &b""[..],
        b" ",
        b"plain text",
        b"null",
        b"\xef\xbb\xbf{}",
        b"{\"a\":\"caf\xe9\"}",
        b"\xff\xfe",
        br#"{"a":NaN,"b":[-Infinity]}"#,
        br#"{"a":"NaN\"",}"#,
        br#"{"a":"\ud800","b":1e999,"c":123456789012345678901234567890}"#,
        b"{\"a\":\"\0\"}",
        b"{ \"b\": 1,\r\n\"a\": 2 }",
    ] {
        let what = format!("the body {}", body.escape_ascii());
        cases.push(Case::of(&what, now, 0, "standard", STANDARD, "msg_1", body));
    }
    for secret in [
        AHASEND,
        "aha-whsec-0123456789abcdef0",
        "aha-whsec-0123456789abcdef01",
        "aha-whsec-0123456789abcdef012",
        "aha-whsec-0123456789abcdef0123",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGA",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXG",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX==",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX\n ",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX-",
        " whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_MfKQ9r8G KYqrTwjUPD8ILPZIo2LaLaSw",
        "a secret with ümlauts in it",
        "----------------------------",
    ] {
        let what = format!("the text {secret:?} as secret");
        cases.push(Case::of(&what, now, 0, "ahasend", secret, "wh_1", BODY));
    }
    cases
}

#[test]
fn what_is_said_of_a_library_is_what_it_does() {
    require();
    let room = TestEnv::new();
    let now = Clock::System.now().as_second();
    let cases = cases(now);
    let script = |library: Library| library.ask("stock", cases.iter().map(|case| case.order(now)));
    let (javascript, python) = (script(Library::JavaScript), script(Library::Python));
    for ((case, javascript), python) in cases.iter().zip(&javascript).zip(&python) {
        let said = case.said(&room, now);
        let of = |library: &str| said.iter().find(|(name, _)| name == library).map_or("accepts", |(_, what)| what);
        for (library, answer) in [("javascript", javascript), ("python", python)] {
            assert_eq!(of(library), answer["outcome"], "{library}, {}: {answer}", case.what);
        }
        assert_eq!(of("rust"), on_time(case), "rust, {}", case.what);
    }
    assert!(cases.len() > 40);
}

/// What the Rust library does, with the case made for a second that has not passed when it answers.
fn on_time(case: &Case) -> &'static str {
    if case.age == 0 || case.provider != "standard" {
        return case.rust();
    }
    loop {
        let now = Clock::System.now().as_second();
        let fresh = Case::of(&case.what, now, case.age, case.provider, &case.secret, "msg_1", &case.body);
        let outcome = fresh.rust();
        if Clock::System.now().as_second() == now {
            return outcome;
        }
    }
}

/// The names of the recorded runs, of which that of Elixir had a secret without prefix and a compact body.
const RECORDED: [(Named, &str); 9] = [
    (Named::JavaScript, "js_std_1.1.1"),
    (Named::Python, "py_std_1.1.0"),
    (Named::Rust, "rust_std_1.0.1"),
    (Named::Go, "go_std_head"),
    (Named::Ruby, "ruby_std_head"),
    (Named::Php, "php_std_head"),
    (Named::Java, "java_std_head"),
    (Named::CSharp, "cs_std_head_mono"),
    (Named::Elixir, "elixir_std_head_noprefix_compact_body"),
];

#[test]
fn what_is_said_of_a_library_is_what_was_recorded_of_it() {
    const PRETTY: &[u8] = br#"{"test": 2432232314}"#;
    const COMPACT: &[u8] = br#"{"test":2432232314}"#;
    let vectors: Value = serde_json::from_str(include_str!("vectors/standard-webhooks.json")).unwrap();
    let matrix = &vectors["verify_matrix"];
    let scheme = provider("standard").scheme;
    let text = matrix["secret"].as_str().unwrap();
    let keyring = Keyring::new(&scheme, &[Secret::new(text)]).unwrap();
    let mut compared = 0;
    for case in matrix["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let now = case["clock"].as_i64().unwrap();
        let Some(body) = case["payload_b64"].as_str().map(|encoded| BASE64.decode(encoded).unwrap()) else { continue };
        let pairs: Vec<(String, String)> = serde_json::from_value(case["headers"].clone()).unwrap();
        let said = |pairs: &[(String, String)], body: &[u8], secret: &str| {
            let headers: Vec<Header<'_>> =
                pairs.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
            let request = Request { method: "POST", url: "/", headers: &headers, body };
            let valid = verify(&scheme, &keyring, &request, now, Tolerance::Scheme).outcome.is_ok();
            let secret = Secret::new(secret);
            let format = if secret == Secret::new(text) { KeyFormat::Whsec } else { KeyFormat::Base64 };
            valid.then(|| incompatibilities(&request, &secret, format, Some(now)))
        };
        let Some(refused) = said(&pairs, &body, text) else { continue };
        let bare = &text["whsec_".len()..];
        let elixirs = if body == PRETTY {
            let value = |name: &str| &pairs.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).unwrap().1;
            let (id, at) = (value("webhook-id"), value("webhook-timestamp"));
            let [was, is] = [PRETTY, COMPACT].map(|body| signature("standard", text, id, at, body));
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.clone(), value.replace(&was, &is))).collect();
            said(&pairs, COMPACT, bare).unwrap()
        } else {
            said(&pairs, &body, bare).unwrap()
        };
        for (library, recorded) in RECORDED {
            let results = case["results"].as_object().unwrap();
            let named = |libraries: &Value| libraries.as_array().unwrap().iter().any(|one| one == recorded);
            let (result, _) = results.iter().find(|(_, libraries)| named(libraries)).unwrap();
            let expected = match (result.as_str(), library) {
                ("OK", _) => None,
                ("json!", _) | ("utf8!", Named::Python) => Some("throws"),
                _ => Some("refuses"),
            };
            let refused = if library == Named::Elixir { &elixirs } else { &refused };
            let found = refused.iter().find(|refusal| refusal.library == library);
            assert_eq!(found.map(|found| found.outcome.name()), expected, "{name}, {library:?}: {result}");
            compared += 1;
        }
    }
    assert!(compared > 150, "{compared}");
}

fn checked(secret: &str, body: &[u8], more: &[&str]) -> Output {
    let common = ["verify", "-", "-p", "standard", "-s", secret, "--now", NOW_TEXT];
    let bytes = request(&signed(STANDARD, "msg_1", NOW, body), body);
    TestEnv::new().whk([common.as_slice(), more].concat()).stdin(bytes).run()
}

/// [`STANDARD`] without its prefix, which Elixir takes as well.
fn bare() -> &'static str {
    &STANDARD["whsec_".len()..]
}

#[test]
fn a_library_of_the_list_that_would_refuse_makes_it_exit_1() {
    checked(STANDARD, b"a=b", &[]).assert_exit(0);
    checked(STANDARD, b"a=b", &["--strict-for", "rust,go,php,java,csharp"]).assert_exit(0);
    checked(STANDARD, b"a=b", &["--strict-for", "python,go,javascript"]).assert_snapshot(
        "
exit 1
stdout:
✓ valid stdin standard msg_1
  warning: JavaScript, Python would throw an error: the body is not JSON, and it is parsed as JSON after verifying
stderr:
1 valid request would be rejected by: javascript, python
",
    );
    checked(bare(), br#"{"a":1}"#, &["--strict-for", "all"]).assert_snapshot(
        "
exit 0
stdout:
✓ valid stdin standard msg_1
",
    );
}

#[test]
fn all_libraries_are_told_of_with_v_and_do_not_count() {
    checked(bare(), b"", &["-v", "--strict-for", "ruby"]).assert_exit(1);
    checked(bare(), b"", &["-v"]).assert_snapshot(
        "
exit 0
stdout:
✓ valid stdin standard msg_1
  libraries that would not accept this request:
    Python, Ruby  throws: the body is empty, and it is parsed as JSON after verifying
    Elixir        rejects it: it signs the re-serialized JSON, a compact object with sorted keys, which this body is not
stderr:
the secret of standard comes from the command line
",
    );
}

#[test]
fn a_wider_tolerance_is_not_the_libraries_and_none_leaves_the_time_aside() {
    let at = (NOW + 400).to_string();
    let late = ["--at", &at, "--strict-for", "go", "--tolerance"];
    checked(STANDARD, b"{}", &[late.as_slice(), &["1h"]].concat()).assert_snapshot(
        "
exit 1
stdout:
✓ valid stdin standard msg_1
  warning: Go would reject it: the timestamp is more than 300 s from the clock
stderr:
1 valid request would be rejected by: go
",
    );
    checked(STANDARD, b"{}", &[late.as_slice(), &["none"]].concat()).assert_exit(0);
}

#[test]
fn scripts_are_always_told() {
    let output = checked(STANDARD, b"{}", &["--json"]).assert_exit(0);
    let refused = &output.json()[0]["evidence"]["refused_by"];
    let why = "it decodes what follows `whsec_` twice; pass the secret without this prefix";
    assert_eq!(*refused, json!([{"library": "elixir", "outcome": "throws", "why": why}]));
    let output = checked(bare(), b"{}", &["--json"]).assert_exit(0);
    assert!(output.json()[0]["evidence"]["refused_by"].is_null(), "{output}");
    checked(STANDARD, b"{}", &["--json", "--strict-for", "elixir"]).assert_exit(1);
}

#[test]
fn an_unknown_library_is_wrong_use_and_the_nearest_is_named() {
    let output = checked(STANDARD, b"{}", &["--strict-for", "go,pyton"]).assert_exit(2);
    output.assert_snapshot(
        "
exit 2
stderr:
error: unknown value `pyton` for --strict-for
available: javascript, python, rust, go, ruby, php, java, csharp, elixir, all
hint: did you mean `python`?
",
    );
}

#[test]
fn a_scheme_that_no_library_has_is_left_alone() {
    let room = TestEnv::new();
    let body = br#"{"event":"x"}"#;
    let mut mac = Hmac::<Sha256>::new_from_slice(b"0123456789abcdef").unwrap();
    mac.update(body);
    let digest = Encoding::Hex.encode(&mac.finalize().into_bytes());
    let bytes = request(&format!("x-hub-signature-256: sha256={digest}\r\n"), body);
    let arguments = ["verify", "-", "-p", "github", "-s", "0123456789abcdef", "--strict-for", "all", "--json"];
    let output = room.whk(arguments).stdin(bytes).run().assert_exit(0);
    assert!(output.json()[0]["evidence"]["refused_by"].is_null(), "{output}");
}

#[test]
fn a_text_secret_is_explained_for_each_library_in_a_table_that_fits_80_columns() {
    let bytes = request(&signed(AHASEND, "wh_1", NOW, br#"{"a":1}"#), br#"{"a":1}"#);
    let room = TestEnv::new();
    let run = room.whk(["verify", "-", "-p", "ahasend", "-s", AHASEND, "-v", "--now", NOW_TEXT]);
    let output = run.env("COLUMNS", "80").stdin(bytes).run();
    assert!(output.stdout().lines().all(|line| line.chars().count() <= 80), "{output}");
    output.assert_snapshot(
        r#"
exit 0
stdout:
✓ valid stdin ahasend wh_1
  libraries that would not accept this request:
    JavaScript  `new Webhook(secret)` throws on this secret; use `new
                Webhook(Buffer.from(secret), { format: "raw" })`
    Python      `Webhook(secret)` silently derives a different key; use
                `Webhook(secret.encode())`
    Rust        `Webhook::new(&secret)` throws on this secret; use
                `Webhook::from_bytes(secret.into_bytes())`
    Go          `NewWebhook(secret)` throws on this secret; use
                `NewWebhookRaw([]byte(secret))`
    Ruby        `Webhook.new(secret)` silently derives a different key; pass
                the output of `whk secret --for standard-webhooks`
    PHP         `new Webhook($secret)` silently derives a different key; pass
                the output of `whk secret --for standard-webhooks`
    Java        `new Webhook(secret)` throws on this secret; use `new
                Webhook(secret.getBytes(UTF_8))`
    C#          `new Webhook(secret)` throws on this secret; use `new
                Webhook(Encoding.UTF8.GetBytes(secret))`
    Elixir      `Webhook.verify` throws on this secret; pass the base64 of the
                key
stderr:
the secret of ahasend comes from the command line
"#,
    );
}

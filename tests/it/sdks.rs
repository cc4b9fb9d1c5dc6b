//! The published SDKs of the providers accept every sample event and reject every fault, and `whk` accepts what they sign.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use whk::signing::Secret;

use crate::harness::env::{Output, TestEnv};
use crate::harness::faults::FAULTS;
use crate::harness::provider::provider;
use crate::schemes::Helper;

/// The clock of `whk` and of the SDKs: 2026-03-02T08:00:00Z.
const NOW: i64 = 1_772_438_400;

/// The address that events are sent to. Some providers sign it.
const URL: &str = "https://hooks.example.com/in?a=b&x=1";

/// An address with characters that are escaped.
const ESCAPED_URL: &str = "https://hooks.example.com/in%20box?next=%2Fhome%3Fa%3D1&q=%C3%A4";

/// A published SDK, as `tests/interop/sdks.toml` describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file")]
struct Sdk {
    package: String,
    registry: Registry,
    providers: Vec<String>,
    #[serde(default = "yes")]
    verifies: bool,
    #[serde(default)]
    parses: bool,
    #[serde(default)]
    types: bool,
    #[serde(default)]
    signs: bool,
    #[serde(default)]
    accepts: Vec<Exception>,
    #[serde(default)]
    rejects: Vec<Exception>,
    #[serde(default)]
    leaves: Vec<Exception>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
enum Registry {
    #[serde(rename = "npm")]
    Npm,
    PyPI,
}

/// A name that stands for what is not asserted, with the reason.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    name: String,
    reason: String,
}

/// Most SDKs verify.
fn yes() -> bool {
    true
}

/// The list of SDKs, and the reason for each provider without one.
#[derive(Deserialize)]
struct List {
    sdk: Vec<Sdk>,
    none: BTreeMap<String, String>,
}

fn list() -> List {
    toml::from_str(include_str!("../interop/sdks.toml")).unwrap()
}

impl Registry {
    const ALL: [Self; 2] = [Self::Npm, Self::PyPI];

    fn helper(self) -> Helper {
        match self {
            Self::Npm => Helper::Node,
            Self::PyPI => Helper::Python,
        }
    }

    /// Returns every SDK with each of its providers.
    fn pairs(self, sdks: &[Sdk]) -> impl Iterator<Item = (&Sdk, &str)> {
        let of_registry = sdks.iter().filter(move |sdk| sdk.registry == self);
        of_registry.flat_map(|sdk| sdk.providers.iter().map(move |provider| (sdk, provider.as_str())))
    }
}

/// A provider with its development secret, and the requests that it sends.
struct Sender {
    env: TestEnv,
    provider: String,
    signing: String,
    /// The text that a receiver has, which is a public key if the provider signs with a key pair.
    secret: String,
    /// Every event type as it is.
    samples: Vec<Value>,
    /// Every event type, sent to an address with escapes.
    escaped: Vec<Value>,
    /// Every event type with each fault that applies.
    faults: Vec<(&'static str, Value)>,
}

impl Sender {
    fn new(name: &str) -> Self {
        let env = TestEnv::new();
        let signing = env.whk(["secret", "-p", name]).run().assert_exit(0).stdout().trim_end().to_owned();
        let public = provider(name).scheme.public_text(&Secret::new(&*signing));
        let samples = send(&env, URL, name, &[]).assert_exit(0).json();
        let escaped = send(&env, ESCAPED_URL, name, &[]).assert_exit(0).json();
        let mut faults = Vec::new();
        for fault in FAULTS {
            let output = send(&env, URL, name, &["--fault", fault]);
            if !output.stderr().contains("does not apply") {
                faults.extend(output.assert_exit(0).json().into_iter().map(|request| (fault, request)));
            }
        }
        let secret = public.unwrap_or_else(|| signing.clone());
        Self { env, provider: name.to_owned(), signing, secret, samples, escaped, faults }
    }

    /// Returns every provider of the list.
    fn all(sdks: &[Sdk]) -> BTreeMap<&str, Self> {
        let names: BTreeSet<&str> = sdks.iter().flat_map(|sdk| &sdk.providers).map(String::as_str).collect();
        names.into_iter().map(|name| (name, Self::new(name))).collect()
    }

    /// Returns the order to a script.
    fn order(&self, what: &str, sdk: &Sdk, request: &Value) -> Value {
        json!({
            "do": what, "sdk": sdk.package, "provider": self.provider, "secret": self.secret, "now_ms": NOW * 1000,
            "method": request["method"], "url": request["url"], "type": request["event_type"],
            "headers": request["headers"], "body_b64": STANDARD.encode(body(request)),
        })
    }
}

/// Returns the requests of every event type, which are not sent.
fn send(env: &TestEnv, url: &str, name: &str, more: &[&str]) -> Output {
    let now = NOW.to_string();
    let fixed =
        ["send", url, "-p", name, "--type", "all", "--seed", "7", "--now", &now, "--dry-run", "--format", "json"];
    env.whk([&fixed, more].concat()).run()
}

/// Returns the body of a record.
fn body(record: &Value) -> Vec<u8> {
    match record["body"].as_str() {
        Some(text) => text.into(),
        None => STANDARD.decode(record["body_b64"].as_str().unwrap()).unwrap(),
    }
}

/// Returns the name and the reason of an exception, if the name has one.
fn reason<'a>(exceptions: &'a [Exception], name: &str) -> Option<&'a str> {
    exceptions.iter().find(|one| one.name == name).map(|one| one.reason.as_str())
}

/// A request, and what the SDK must say about it.
struct Case<'a> {
    sdk: &'a Sdk,
    name: String,
    valid: bool,
    order: Value,
}

/// Returns every sample and every fault for an SDK.
fn cases<'a>(sdk: &'a Sdk, sender: &Sender) -> Vec<Case<'a>> {
    let mut cases = Vec::new();
    let mut add = |what: &str, valid: bool, request: &Value| {
        let event_type = request["event_type"].as_str().unwrap();
        if reason(&sdk.leaves, event_type).is_none() {
            let name = format!("{} {event_type} {what}", sender.provider);
            cases.push(Case { sdk, name, valid, order: sender.order("verify", sdk, request) });
        }
    };
    for sample in &sender.samples {
        add("as it is", true, sample);
    }
    for sample in &sender.escaped {
        add("escaped-url", reason(&sdk.rejects, "escaped-url").is_none(), sample);
    }
    for (fault, request) in sender.faults.iter().filter(|_| sdk.verifies) {
        add(fault, reason(&sdk.accepts, fault).is_some(), request);
    }
    cases
}

#[test]
fn every_sdk_accepts_every_sample_and_rejects_every_fault() {
    let sdks = list().sdk;
    let senders = Sender::all(&sdks);
    let failures = Registry::ALL.map(|registry| {
        let cases: Vec<Case<'_>> = registry.pairs(&sdks).flat_map(|(sdk, name)| cases(sdk, &senders[name])).collect();
        let orders: Vec<Value> = cases.iter().map(|case| case.order.clone()).collect();
        let results = registry.helper().ask("sdks", &orders);
        let wrong = cases.iter().zip(results).filter(|(case, result)| result["ok"] != case.valid);
        wrong.map(|(case, result)| format!("{} ({registry:?}), {}: {result}", case.sdk.package, case.name)).collect()
    });
    let failures: Vec<String> = failures.into_iter().flat_map(|failures: Vec<String>| failures).collect();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_sample_has_the_type_that_its_sdk_declares() {
    let sdks: Vec<Sdk> = list().sdk.into_iter().filter(|sdk| sdk.types).collect();
    let senders = Sender::all(&sdks);
    let with_sender = sdks.iter().flat_map(|sdk| sdk.providers.iter().map(move |provider| (sdk, provider)));
    let orders: Vec<Value> = with_sender
        .flat_map(|(sdk, provider)| senders[provider.as_str()].samples.iter().map(move |sample| (sdk, sample)))
        .map(|(sdk, sample)| json!({"sdk": sdk.package, "type": sample["event_type"], "body": sample["body"]}))
        .collect();
    assert!(!orders.is_empty());
    for (order, result) in orders.iter().zip(Helper::Node.ask("types", &orders)) {
        assert_eq!(result["ok"], true, "{} {}: {result}", order["sdk"], order["type"]);
    }
}

#[test]
fn what_an_sdk_signs_is_valid_and_with_one_byte_changed_it_is_not() {
    let sdks: Vec<Sdk> = list().sdk.into_iter().filter(|sdk| sdk.signs).collect();
    let senders = Sender::all(&sdks);
    for registry in Registry::ALL {
        let with_sender = registry.pairs(&sdks).map(|(sdk, name)| (sdk, &senders[name]));
        let samples: Vec<(&Sdk, &Sender, &Value)> = with_sender
            .flat_map(|(sdk, sender)| {
                sender.samples.iter().chain(&sender.escaped).map(move |sample| (sdk, sender, sample))
            })
            .collect();
        let orders: Vec<Value> =
            samples.iter().map(|(sdk, sender, sample)| sender.order("sign", sdk, sample)).collect();
        for ((sdk, sender, sample), result) in samples.into_iter().zip(registry.helper().ask("sdks", &orders)) {
            assert_eq!(result["ok"], true, "{} ({registry:?}): {result}", sdk.package);
            let mut signed = sample.clone();
            signed["headers"] = replace_headers(&sample["headers"], &result["headers"]);
            assert_verdicts(sdk, sender, &signed);
        }
    }
}

/// Fails if `whk` rejects a request, or accepts it with one byte of the body changed.
fn assert_verdicts(sdk: &Sdk, sender: &Sender, signed: &Value) {
    let mut changed = signed.clone();
    let mut bytes = body(signed);
    let at = bytes.iter().rposition(u8::is_ascii_alphanumeric).unwrap();
    bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
    changed["body"] = String::from_utf8(bytes).unwrap().into();
    let now = NOW.to_string();
    let arguments = ["verify", "-", "-p", &sender.provider, "-s", &sender.signing, "--now", &now, "--json"];
    let output = sender.env.whk(arguments).stdin(format!("{signed}\n{changed}\n")).run().assert_exit(1);
    let verdicts: Vec<Value> = output.json().into_iter().filter(|line| line["kind"] == "verdict").collect();
    let found: Vec<&Value> = verdicts.iter().map(|verdict| &verdict["status"]).collect();
    assert_eq!(found, ["valid", "invalid"], "{} ({:?}): {output}", sdk.package, sdk.registry);
}

/// Returns the headers with those that an SDK made in place of those of the same name.
fn replace_headers(headers: &Value, made: &Value) -> Value {
    let made = made.as_array().unwrap();
    let kept = headers.as_array().unwrap().iter().filter(|header| !made.iter().any(|one| one[0] == header[0]));
    kept.chain(made).cloned().collect()
}

impl Sdk {
    /// Returns the version that the tests install.
    fn version(&self) -> String {
        match self.registry {
            Registry::Npm => {
                let manifest: Value = serde_json::from_str(include_str!("../interop/node/package.json")).unwrap();
                manifest["dependencies"][&self.package].as_str().unwrap().to_owned()
            }
            Registry::PyPI => {
                let mut lines = include_str!("../interop/python/requirements.in").lines();
                lines.find_map(|line| line.strip_prefix(&format!("{}==", self.package))).unwrap().to_owned()
            }
        }
    }

    /// Returns its row in the table of docs/providers.md for one of its providers.
    fn row(&self, provider: &str) -> String {
        let registry = match self.registry {
            Registry::Npm => "npm",
            Registry::PyPI => "PyPI",
        };
        let does = [("verifies", self.verifies), ("parses", self.parses), ("types", self.types), ("signs", self.signs)];
        let does: Vec<&str> = does.into_iter().filter(|(_, does)| *does).map(|(word, _)| word).collect();
        let exceptions = self.accepts.iter().map(|one| format!("accepts `{}`: {}", one.name, one.reason));
        let rejects = self.rejects.iter().map(|one| format!("rejects `{}`: {}", one.name, one.reason));
        let left = self.leaves.iter().map(|one| format!("without `{}`: {}", one.name, one.reason));
        let exceptions: Vec<String> = exceptions.chain(rejects).chain(left).collect();
        format!(
            "| `{provider}` | {registry} `{}` {} | {} | {} |",
            self.package,
            self.version(),
            does.join(", "),
            exceptions.join("; ")
        )
    }
}

#[test]
fn the_documentation_lists_each_provider_with_its_sdks() {
    let list = list();
    let with_provider = list.sdk.iter().flat_map(|sdk| sdk.providers.iter().map(move |provider| (sdk, provider)));
    let mut rows: Vec<String> = with_provider.map(|(sdk, provider)| sdk.row(provider)).collect();
    rows.sort();
    let text = include_str!("../../docs/providers.md");
    let section = text.split("\n## ").find(|section| section.starts_with("Proved with SDKs\n")).unwrap();
    let found: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(found, rows, "the table in docs/providers.md should be:\n{}", rows.join("\n"));
    for (provider, reason) in &list.none {
        assert!(section.contains(&format!("- `{provider}`: {reason}")), "{provider} is not in docs/providers.md");
    }
}

#[test]
fn every_provider_has_an_sdk_or_is_listed_without() {
    let list = list();
    let with: BTreeSet<&str> =
        list.sdk.iter().flat_map(|sdk| &sdk.providers).map(|name| name.split('@').next().unwrap()).collect();
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(with.contains(&*name) != list.none.contains_key(&name), "{name} must be in one of both lists");
    }
}

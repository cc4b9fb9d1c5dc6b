//! Every event of the email providers, field by field, and what goes around it, against `expected-fields.toml`: a field
//! that is missing, extra, out of order or of another shape fails.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use whk::duration::HumanDuration;
use whk::provider::{BodyFormat, Catalog, Edit, Event, Provider, RefreshedField, StaticResponse};
use whk::random::Rng;
use whk::signing::{Keyring, Secret, SignInput, sign};

use crate::harness::provider;

const PROVIDERS: [&str; 5] = ["ahasend", "aisend", "autosend", "selfmx", "standard"];

const SEEDS: std::ops::RangeInclusive<u64> = 1..=50;

#[derive(Deserialize)]
struct Table {
    groups: IndexMap<String, Vec<String>>,
    #[serde(flatten)]
    editions: IndexMap<String, Expected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Expected {
    #[serde(default)]
    default: bool,
    alias: Option<String>,
    style: BodyFormat,
    secret: String,
    id: String,
    headers: Vec<String>,
    timeout: u64,
    retries: Vec<u64>,
    #[serde(default)]
    jitter: f64,
    #[serde(default)]
    renew: Vec<RefreshedField>,
    disable_after: Option<u32>,
    #[serde(default)]
    retry_after: bool,
    #[serde(default)]
    gone_disables: bool,
    ok: (u16, String, String),
    invalid: (u16, String, String),
    scenarios: Vec<String>,
    events: IndexMap<String, Vec<String>>,
}

/// An event that was made, with what it was made from.
struct Made {
    kind: String,
    id: String,
    happened: Timestamp,
    sent: Timestamp,
    bytes: Vec<u8>,
    body: Value,
    headers: Vec<(String, String)>,
}

fn table() -> Table {
    toml::from_str(include_str!("expected-fields.toml")).unwrap()
}

impl Made {
    fn new(provider: &Provider, event: &Event, seed: u64, edits: &[Edit]) -> Self {
        // Times of every number of digits: some whole seconds, most not.
        let step = if seed.is_multiple_of(5) { 1_000_000_000 } else { 1_234_567_890 };
        let nanoseconds = 1_772_439_333_000_000_000 + i128::from(seed * step);
        let happened = Timestamp::from_nanosecond(nanoseconds).unwrap();
        let sent = Timestamp::from_nanosecond(nanoseconds + 7_654_321_000).unwrap();
        let values = provider.values(Rng::seeded(seed), happened);
        values.set_times(happened, sent);
        let id = provider.new_id(&values).unwrap();
        values.set("id", id.as_str());
        let bytes = event.render(provider, &values, edits).unwrap().body;
        let mut headers = provider.render_headers(&values).unwrap();
        let keyring = Keyring::new(&provider.scheme, &[provider.new_secret().unwrap()]).unwrap();
        let what =
            SignInput { id: &id, at: sent.as_millisecond(), method: "POST", body: &bytes, url: "/", headers: &headers };
        let signed = sign(&provider.scheme, &keyring, &what).unwrap();
        headers.extend(signed.headers);
        let body = serde_json::from_slice(&bytes).unwrap();
        Self { kind: event.event_type.clone(), id, happened, sent, bytes, body, headers }
    }

    /// Whether a text is of this kind; what else it may be is in the head of the table.
    fn text_fits(&self, kind: &str, text: &str) -> bool {
        match kind.split(' ').collect::<Vec<_>>().as_slice() {
            ["type"] => text == self.kind,
            ["event-id"] => text == self.id,
            ["text"] => !text.is_empty() && text.trim() == text && !text.contains("{{"),
            ["sent-s"] => text == self.sent.as_second().to_string(),
            ["sent-ms"] => text == self.sent.as_millisecond().to_string(),
            ["nanos"] => text == format!("{:.9}", self.happened),
            ["nanos-trimmed"] => text == self.happened.to_string(),
            ["millis"] => text == format!("{:.3}", self.happened),
            ["seconds"] => text == format!("{:.0}", self.happened),
            ["rfc2822"] => rfc2822(text),
            ["uuid"] => uuid(text),
            ["email"] => email(text),
            ["domain"] => domain(text),
            ["brackets"] => text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).is_some_and(email),
            ["url"] => text
                .strip_prefix("https://")
                .and_then(|rest| rest.split_once('/'))
                .is_some_and(|(host, path)| domain(host) && !path.is_empty()),
            ["ip"] => text.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.octets()[..3] == [203, 0, 113]),
            ["one-of", ..] => kind["one-of ".len()..].split('|').any(|one| one == text),
            ["name-of", path] => self.find(path).and_then(Value::as_str).is_some_and(|address| {
                text.split(' ').next().zip(address.split('@').next()).is_some_and(|(first, local)| {
                    first.to_lowercase() == local && first.starts_with(char::is_uppercase)
                })
            }),
            ["at", place] => self.is_at(place, text),
            [prefix @ .., alphabet, length] => text
                .strip_prefix(&prefix.join(" "))
                .is_some_and(|rest| rest.len().to_string() == *length && spelled(rest, alphabet)),
            _ => panic!("`{kind}` is not a kind"),
        }
    }

    fn is_at(&self, place: &str, text: &str) -> bool {
        let Some(at) = place.find(['+', '-']) else {
            return self.find(place).and_then(Value::as_str).is_some_and(|other| other == text);
        };
        let other: Timestamp = self.find(&place[..at]).unwrap().as_str().unwrap().parse().unwrap();
        let span: HumanDuration = place[at + 1..].parse().unwrap();
        let expected = if place[at..].starts_with('+') { other.checked_add(span.0) } else { other.checked_sub(span.0) };
        // The same digits as well as the same time.
        text.parse::<Timestamp>().is_ok_and(|time| time == expected.unwrap())
            && (text.len() == self.find(&place[..at]).unwrap().as_str().unwrap().len() || text.len() > 24)
    }

    fn fits(&self, kind: &str, value: &Value) -> bool {
        match (kind, value) {
            ("object", Value::Object(_)) | ("array", Value::Array(_)) | ("null", Value::Null) => true,
            ("int", Value::Number(number)) => number.is_u64(),
            (_, Value::String(text)) => match kind.strip_prefix('=') {
                Some(expected) => text.as_str() == expected,
                None => !matches!(kind, "object" | "array" | "null" | "int") && self.text_fits(kind, text),
            },
            (_, Value::Bool(value)) => kind == format!("={value}"),
            (_, Value::Number(value)) => kind == format!("={value}"),
            _ => false,
        }
    }

    fn find(&self, path: &str) -> Option<&Value> {
        walk(&self.body).into_iter().find(|(have, _)| have == path).map(|(_, value)| value)
    }
}

/// Every path of a body in its order, with the value there.
fn walk(value: &Value) -> Vec<(String, &Value)> {
    fn below<'v>(value: &'v Value, at: &str, found: &mut Vec<(String, &'v Value)>) {
        let inside: Vec<(String, &Value)> = match value {
            Value::Object(fields) => fields
                .iter()
                .map(|(key, value)| (if at.is_empty() { key.clone() } else { format!("{at}.{key}") }, value))
                .collect(),
            Value::Array(items) => {
                items.iter().enumerate().map(|(index, item)| (format!("{at}[{index}]"), item)).collect()
            }
            _ => Vec::new(),
        };
        for (path, value) in inside {
            found.push((path.clone(), value));
            below(value, &path, found);
        }
    }
    let mut found = Vec::new();
    below(value, "", &mut found);
    found
}

fn spelled(text: &str, alphabet: &str) -> bool {
    let fits: fn(char) -> bool = match alphabet {
        "hex" => |c| c.is_ascii_digit() || ('a'..='f').contains(&c),
        "lower" => |c| c.is_ascii_digit() || c.is_ascii_lowercase(),
        "alnum" => |c| c.is_ascii_alphanumeric(),
        "digits" => |c| c.is_ascii_digit(),
        "base64" => |c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='),
        _ => panic!("`{alphabet}` is not an alphabet"),
    };
    text.chars().all(fits)
}

fn uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(|part| spelled(part, "hex"))
}

fn domain(text: &str) -> bool {
    ["example.com", "example.org", "example.net"]
        .iter()
        .any(|end| text.strip_suffix(end).is_some_and(|host| host.is_empty() || host.ends_with('.')) && text.is_ascii())
}

fn email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, host)| {
        !local.is_empty() && local.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) && domain(host)
    })
}

/// `Mon, 02 Mar 2026 08:15:33 +0000`
fn rfc2822(text: &str) -> bool {
    let shape = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect::<String>();
    text.len() == 31 && shape.ends_with(" 9999 99:99:99 +9999") && shape[3..8] == *", 99 "
}

/// The list with its groups written out.
fn expand(table: &Table, fields: &[String]) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for field in fields {
        if let Some(group) = field.strip_prefix('*') {
            all.extend(expand(table, &table.groups[group]));
        } else {
            let (path, kind) = field.split_once(' ').unwrap();
            all.push((path.to_owned(), kind.to_owned()));
        }
    }
    all
}

/// What is wrong with an event, or nothing.
fn compare(made: &Made, expected: &[(String, String)]) -> Option<String> {
    let have = walk(&made.body);
    let paths: Vec<&str> = have.iter().map(|(path, _)| path.as_str()).collect();
    let wanted: Vec<&str> = expected.iter().map(|(path, _)| path.as_str()).collect();
    if paths != wanted {
        let missing: Vec<&&str> = wanted.iter().filter(|path| !paths.contains(path)).collect();
        let extra: Vec<&&str> = paths.iter().filter(|path| !wanted.contains(path)).collect();
        return Some(format!("missing {missing:?}, extra {extra:?}, or in another order: {paths:?}"));
    }
    let mut pairs = have.iter().zip(expected);
    pairs
        .find(|((_, value), (_, kind))| !made.fits(kind, value))
        .map(|((path, value), (_, kind))| format!("{path} is {value}, expected `{kind}`"))
}

#[test]
fn the_table_has_every_edition_of_the_five_providers_and_no_other() {
    let table = table();
    let mut known = Vec::new();
    for name in PROVIDERS {
        let provider = provider::provider(name);
        for (edition, _) in &provider.editions {
            let whole = format!("{name}@{edition}");
            let expected = &table.editions[whole.as_str()];
            assert_eq!(expected.default, *edition == provider.edition, "{whole}");
            if let Some(alias) = &expected.alias {
                assert_eq!(provider::provider(&format!("{alias}@{edition}")).name, name);
            }
            known.push(whole);
        }
    }
    let listed: BTreeSet<&String> = table.editions.keys().collect();
    assert_eq!(listed, known.iter().collect());
    assert!(Catalog::default().load(&"self".parse().unwrap()).is_err(), "an alias is whole or it is none");
}

#[test]
fn every_field_of_every_event_is_as_documented() {
    let table = table();
    for (name, expected) in &table.editions {
        let provider = provider::provider(name);
        let kinds: Vec<&String> = provider.events.iter().map(|event| &event.event_type).collect();
        assert_eq!(kinds, expected.events.keys().collect::<Vec<_>>(), "{name}: the events, in their order");
        for event in &provider.events {
            let fields = expand(&table, &expected.events[&event.event_type]);
            for seed in SEEDS {
                let made = Made::new(&provider, event, seed, &[]);
                if let Some(flaw) = compare(&made, &fields) {
                    panic!("{name} {} with the seed {seed}: {flaw}", event.event_type);
                }
            }
        }
    }
}

#[test]
fn ids_are_new_in_every_event() {
    let table = table();
    for (name, expected) in &table.editions {
        let provider = provider::provider(name);
        for event in &provider.events {
            // Long random texts; a short number may well be drawn twice.
            let is_id = |kind: &str| {
                matches!(kind, "uuid" | "event-id")
                    || kind.rsplit_once(' ').is_some_and(|(alphabet, length)| {
                        ["hex", "lower", "alnum", "digits"].iter().any(|one| alphabet.ends_with(one))
                            && length.parse::<usize>().is_ok_and(|length| length >= 10)
                    })
            };
            let ids: Vec<String> = expand(&table, &expected.events[&event.event_type])
                .into_iter()
                .filter_map(|(path, kind)| is_id(&kind).then_some(path))
                .collect();
            let mut seen = BTreeSet::new();
            for seed in SEEDS {
                let made = Made::new(&provider, event, seed, &[]);
                assert!(seen.insert(made.id.clone()), "{name} {}: {}", event.event_type, made.id);
                for path in &ids {
                    let id = made.find(path).unwrap().as_str().unwrap();
                    assert!(seen.insert(id.to_owned()) || id == made.id, "{name} {}: {path} is {id}", event.event_type);
                }
            }
        }
    }
}

#[test]
fn what_goes_around_the_events_is_as_documented() {
    for (name, expected) in &table().editions {
        let provider = provider::provider(name);
        let delivery = &provider.delivery;
        assert_eq!(provider.body_format, expected.style, "{name}");
        assert_eq!(delivery.timeout.0.as_secs(), expected.timeout, "{name}: the timeout");
        let retries: Vec<u64> = delivery.retries.iter().map(|wait| wait.0.as_secs()).collect();
        assert_eq!(retries, expected.retries, "{name}: the schedule");
        assert!((delivery.jitter - expected.jitter).abs() < 1e-12, "{name}: the jitter is {}", delivery.jitter);
        assert_eq!(delivery.refreshed, expected.renew, "{name}: what is renewed");
        assert_eq!(delivery.disable_after_failures, expected.disable_after, "{name}");
        assert_eq!((delivery.retry_after, delivery.disable_on_gone), (expected.retry_after, expected.gone_disables));
        for (status, success) in [(199, false), (200, true), (204, true), (299, true), (300, false), (410, false)] {
            assert_eq!(delivery.success.contains(status), success, "{name}: {status}");
        }
        let answer = |answer: &StaticResponse| (answer.status, answer.content_type.clone(), answer.body.clone());
        assert_eq!(answer(&provider.responses.valid), expected.ok, "{name}");
        assert_eq!(answer(&provider.responses.invalid), expected.invalid, "{name}");
        let scenarios: Vec<&String> = provider.scenarios.iter().map(|scenario| &scenario.name).collect();
        assert_eq!(scenarios, expected.scenarios.iter().collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn headers_ids_and_secrets_are_as_documented() {
    for (name, expected) in &table().editions {
        let provider = provider::provider(name);
        for (event, seed) in provider.events.iter().zip(SEEDS) {
            let made = Made::new(&provider, event, seed, &[]);
            let names: Vec<&str> = made.headers.iter().map(|(name, _)| name.as_str()).collect();
            let wanted: Vec<(&str, &str)> =
                expected.headers.iter().map(|header| header.split_once(' ').unwrap()).collect();
            assert_eq!(names, wanted.iter().map(|(name, _)| *name).collect::<Vec<_>>(), "{name}");
            for ((header, value), (_, kind)) in made.headers.iter().zip(&wanted) {
                let fits = made.fits(kind, &Value::from(value.as_str()));
                assert!(fits, "{name} {}: {header} is {value}, expected `{kind}`", event.event_type);
            }
            assert!(made.text_fits(&expected.id, &made.id), "{name}: the id is {}", made.id);
            let secret: Secret = provider.new_secret().unwrap();
            assert!(made.text_fits(&expected.secret, secret.expose_secret()), "{name}: {}", secret.expose_secret());
        }
    }
}

#[test]
fn a_body_that_javascript_reads_and_writes_is_the_same_body() {
    let edits = [
        "=Grüße – <b>50 % & more</b> 😀",
        r#":="\u00e9\u2028\u2029\u003c\/\u0001\b\f\u007f""#,
        ":=1.0",
        ":=-0",
        ":=1e3",
        ":=9007199254740993",
        r#":={"b":1,"10":2,"9":{"2":0,"01":1,"1":null}}"#,
    ];
    for (name, expected) in &table().editions {
        let provider = provider::provider(name);
        if expected.style != BodyFormat::Javascript {
            continue;
        }
        for event in &provider.events {
            for seed in SEEDS {
                let made = Made::new(&provider, event, seed, &[]);
                assert_eq!(
                    provider.body_format.is_stable_when_reserialized(&made.bytes),
                    Some(true),
                    "{name} {}",
                    event.event_type
                );
            }
            for edit in edits {
                let edits = [Edit::set(&format!("data{edit}")).unwrap()];
                let made = Made::new(&provider, event, 1, &edits);
                assert_eq!(
                    provider.body_format.is_stable_when_reserialized(&made.bytes),
                    Some(true),
                    "{name} {} {edit}",
                    event.event_type
                );
            }
        }
    }
}

#[test]
fn a_flaw_of_any_sort_is_found() {
    let table = table();
    let provider = provider::provider("autosend");
    let event = provider.event("email.delivered").unwrap();
    let fields = expand(&table, &table.editions["autosend@2025-11"].events["email.delivered"]);
    let good = Made::new(&provider, event, 1, &[]);
    assert_eq!(compare(&good, &fields), None);
    let flawed = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
        let mut made = Made::new(&provider, event, 1, &[]);
        change(made.body["data"].as_object_mut().unwrap());
        compare(&made, &fields).unwrap()
    };
    assert!(flawed(&|data| drop(data.shift_remove("subject"))).starts_with("missing [\"data.subject\"]"));
    assert!(flawed(&|data| drop(data.insert("x".into(), Value::Null))).contains("extra [\"data.x\"]"));
    assert!(flawed(&|data| drop(data.shift_insert(0, "subject".into(), "a".into()))).contains("in another order"));
    for (path, value) in [
        ("emailId", Value::from("65E2D0A1B2C3D4E5F6A7B801")),
        ("from", "Dana <dana@example.com>".into()),
        ("deliveredAt", "2026-03-02T08:15:34Z".into()),
        ("subject", 1.into()),
    ] {
        assert!(flawed(&|data| drop(data.insert(path.into(), value.clone()))).contains("expected `"), "{path}");
    }
}

/// The fields that name the message and its people; a scenario has one value of each.
const OF_ONE_LIFE: [&str; 15] = [
    "data.account_id",
    "data.domain",
    "data.message_id_header",
    "data.recipient",
    "data.from",
    "data.subject",
    "data.email_id",
    "data.emailId",
    "data.campaignId",
    "data.contactId",
    "data.to",
    "data.email",
    "data.user_id",
    "data.order_id",
    "webhook_id",
];

#[test]
fn the_events_of_a_scenario_are_of_one_message() {
    let mut shared = BTreeSet::new();
    for name in table().editions.keys() {
        let provider = provider::provider(name);
        for scenario in &provider.scenarios {
            let mut happens = Timestamp::from_second(1_772_439_333).unwrap();
            let values = provider.scenario_values(scenario, Rng::seeded(1), happens);
            let mut life: IndexMap<&str, Value> = IndexMap::new();
            let mut ids = BTreeSet::new();
            for step in &scenario.steps {
                let place = format!("{name} {}: {}", scenario.name, step.event_type);
                happens = happens.checked_add(step.delay).unwrap();
                values.set_times(happens, happens);
                let id = provider.new_id(&values).unwrap();
                assert!(ids.insert(id.clone()), "{place} has the id of another event");
                values.set("id", id);
                let event = provider.event(&step.event_type).unwrap_or_else(|| panic!("{place} is no event"));
                let body = serde_json::from_slice(&event.render(&provider, &values, &[]).unwrap().body).unwrap();
                for (path, value) in walk(&body) {
                    if let Some(field) = OF_ONE_LIFE.iter().find(|field| **field == path) {
                        let first = life.entry(field).or_insert_with(|| value.clone());
                        assert_eq!(first, value, "{place}: {path}");
                        shared.insert(*field);
                    }
                    // What a scenario sets is in its events, where they have such a field.
                    if let Some(set) = path.strip_prefix("data.").and_then(|field| scenario.values.get(field)) {
                        assert_eq!(value, set, "{place}: {path}");
                    }
                }
            }
            let spaced = scenario.steps.iter().skip(1).all(|step| !step.delay.is_zero());
            assert!(spaced && scenario.steps[0].delay.is_zero(), "{name} {}: the times progress", scenario.name);
        }
    }
    assert_eq!(shared.len(), OF_ONE_LIFE.len(), "each of them is somewhere: {shared:?}");
}

#[test]
fn a_soft_bounce_is_not_a_hard_one() {
    for (name, kind, pointer, hard, soft) in [
        ("aisend", "bounced", "/data/bounce_type", "hard", "soft"),
        ("selfmx", "bounced", "/data/bounce_code", "550", "452"),
        ("autosend", "email.bounced", "/data/bounceType", "Permanent", "Transient"),
        ("autosend@2026-01", "email.bounced", "/data/bounceSubType", "NoEmail", "General"),
        ("ahasend", "suppression.created", "/data/reason", "Too many hard bounces", "Too many soft bounces"),
    ] {
        let provider = provider::provider(name);
        for (scenario, expected) in [("hard-bounce", hard), ("soft-bounce-then-failed", soft)] {
            let scenario = provider.scenarios.iter().find(|known| known.name == scenario).unwrap();
            let values = provider.scenario_values(scenario, Rng::seeded(1), Timestamp::UNIX_EPOCH);
            values.set("id", "x");
            let body = provider.event(kind).unwrap().render(&provider, &values, &[]).unwrap().body;
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body.pointer(pointer).unwrap(), expected, "{name} {}", scenario.name);
        }
    }
}

#[test]
fn a_scenario_that_sets_what_is_no_value_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    let good = include_str!("../../src/commands/own_provider.toml");
    std::fs::write(&path, format!("{good}values = {{ emial = \"a\" }}\n")).unwrap();
    let line = good.lines().position(|line| line == "name = \"paid\"").unwrap() + 1;
    let error = Catalog::read(&path, None).unwrap_err().to_string();
    let expected = format!("{}:{line}: the scenario `paid` sets `emial`, which is not in [values]", path.display());
    assert!(error.contains(&expected), "{error}");
}

//! Properties that hold for any input: what is signed verifies, what is changed does not, and nothing panics.

use std::rc::Rc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use whk::capture::{CaptureFormat, CapturedRequest, Reader, parse_http, write_http};
use whk::cli::{ByteSize, Cli, HeaderArg, ListenAddress, TimeArg, ToleranceArg};
use whk::duration::HumanDuration;
use whk::http::client::Endpoint;
use whk::provider::{Edit, EventPattern, JsonPath, Provider, ProviderRef};
use whk::secrets::SecretSource;
use whk::signing::{
    Header, Keyring, Request, Scheme, Secret, SignError, SignInput, SignedContent, Tolerance, ValueSource, sign,
    to_standard_webhooks, verify,
};
use whk::verification::{VerdictStatus, Verifier};

use crate::harness::provider::provider;

const BODY: &[u8] = br#"{"type":"message.delivered","data":{"to":[{"email":"a@example.com"}],"n":1.5}}"#;

fn scheme(name: &str) -> Scheme {
    provider(name).scheme
}

/// A request as it is sent: its headers and its body.
#[derive(Clone, Debug)]
struct Sent {
    headers: Vec<(String, Vec<u8>)>,
    url: String,
    body: Vec<u8>,
}

impl Sent {
    fn sign(scheme: &Scheme, secrets: &[Secret], id: &str, at: i64, body: &[u8]) -> Self {
        Self::try_sign(scheme, secrets, id, at, body).unwrap()
    }

    fn try_sign(scheme: &Scheme, secrets: &[Secret], id: &str, at: i64, body: &[u8]) -> Result<Self, SignError> {
        let keyring = Keyring::new(scheme, secrets).unwrap();
        let mut headers = vec![("host".to_owned(), "example.com:3000".to_owned())];
        let url = "http://example.com:3000/hooks?q=1";
        let what = SignInput { id, at: at * 1000, method: "POST", body, url, headers: &headers };
        headers.extend(sign(scheme, &keyring, &what)?.headers);
        Ok(Self {
            headers: headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect(),
            url: "/hooks?q=1".to_owned(),
            body: body.to_vec(),
        })
    }

    fn with<T>(&self, verifier: impl FnOnce(&Request<'_>) -> T) -> T {
        let headers: Vec<Header<'_>> = self.headers.iter().map(|(name, value)| Header { name, value }).collect();
        verifier(&Request { method: "POST", url: &self.url, headers: &headers, body: &self.body })
    }

    fn is_valid(&self, scheme: &Scheme, secrets: &[Secret], now: i64) -> bool {
        let keyring = Keyring::new(scheme, secrets).unwrap();
        self.with(|request| verify(scheme, &keyring, request, now, Tolerance::Scheme).outcome.is_ok())
    }

    /// The parts that are signed, and the signature.
    fn parts(&mut self) -> Vec<(String, &mut Vec<u8>)> {
        let signed = self.headers.iter_mut().filter(|(name, _)| name != "host");
        signed.map(|(name, value)| (name.clone(), value)).chain([("body".to_owned(), &mut self.body)]).collect()
    }
}

/// A provider with one to three secrets that its scheme takes.
fn parties() -> impl Strategy<Value = (&'static str, Vec<Secret>)> {
    let text = prop_oneof![
        any::<String>().prop_filter("anybody could sign with an empty secret", |text| !text.is_empty()),
        "aha-whsec-[a-zA-Z0-9]{64}",
        // Text that looks like base64, canonical or not, is a secret all the same.
        "whsec_[a-zA-Z0-9+/=_ -]{1,40}",
    ];
    let stock = vec(any::<u8>(), 1..=100).prop_map(|key| to_standard_webhooks(&key));
    let secrets = |text: BoxedStrategy<String>| vec(text.prop_map(Secret::new), 1..=3);
    prop_oneof![
        secrets(text.boxed()).prop_map(|secrets| ("ahasend", secrets)),
        secrets(stock.boxed()).prop_map(|secrets| ("standard", secrets)),
    ]
}

fn bodies(longest: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..=longest), Just(BODY.to_vec())]
}

/// Schemes such as the file of a provider may describe, which sign up to four of `places`.
fn schemes(places: Vec<&'static str>) -> impl Strategy<Value = Scheme> {
    let content = vec(select(places), 1..=4).prop_map(|places| places.concat());
    let time = select(vec!["header:x-time", "sig:t"]);
    let unit = select(vec!["s", "ms", "rfc3339"]);
    let digest = select(vec!["hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512", "sha256"]);
    let encoding = select(vec!["hex", "base64", "base64url"]);
    (content, time, unit, digest, encoding).prop_map(|(content, time, unit, digest, encoding)| {
        // A digest without a key is a signature only where the secret is part of what is signed.
        let secret = if digest == "sha256" { "{secret}" } else { "" };
        let scheme = format!(
            "content = '{content}{secret}'
            id = {{ from = ['header:x-id', 'json:/id'] }}
            timestamp = {{ from = ['{time}'], unit = '{unit}', max-age = 300, max-future = 300 }}
            signature = {{ from = ['header:x-signature'], list = ',', first = 't={{timestamp}}' }}
            [[item]]
            match = 's={{sig}}'
            digest = '{digest}'
            encoding = '{encoding}'
            secret = 'whsec|text'"
        );
        toml::from_str(&scheme).unwrap_or_else(|error| panic!("{error}\n{scheme}"))
    })
}

/// What a scheme may sign, for a request that has all of it.
fn present_places() -> Vec<&'static str> {
    vec!["{id}", "{timestamp}", ".", "{method}", "{url}", "{url|ports}", "{url|hubspot|lower}", "{path}", "{secret}"]
        .into_iter()
        .chain(["{body|sha256hex}", "{form|sorted}", "{header:host}", "{query:q}", "{const:x}"])
        .collect()
}

/// What a scheme may sign, present or not.
fn places() -> Vec<&'static str> {
    present_places().into_iter().chain(["{header:x-a}", "{form:s}", "{json:/s/0}", "{query:zz}", "{sig:s}"]).collect()
}

/// Bytes, and bytes that are nearly a part of a real request.
fn values() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..60),
        "(v1a?,[a-zA-Z0-9+/]{0,44}={0,2} ?){0,3}".prop_map(String::into_bytes),
        "-?[0-9]{0,20}".prop_map(String::into_bytes),
        "v[0-9],.{0,20}".prop_map(String::into_bytes),
    ]
}

/// What a file may hold, from noise to a capture with a few bytes changed.
fn captures() -> impl Strategy<Value = Vec<u8>> {
    let http = "POST /hooks?x=1 HTTP/1.1\r\nWebhook-Id: a\r\nContent-Length: 7\r\n\r\n{\"a\":1}\n";
    let chunked = "POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n3;x=y\r\nabc\r\nffffffffffffffff\r\nde\r\n0\r\n\r\n";
    let record = json!({
        "v": 1, "kind": "request", "at": "2026-03-02T08:15:33.120457Z", "method": "POST", "target": "/",
        "headers": [["webhook-id", "a"], ["x", "\u{fffd}", "/w=="]], "body_b64": "e30=",
    });
    let log = format!("{{\"kind\":\"ready\"}}\n{record}\n\n{record}\n");
    let whole = select(vec![http.to_owned(), chunked.to_owned(), format!("{record:#}"), log]);
    let replaced = vec((any::<Index>(), any::<u8>()), 0..4);
    let changed = (whole, replaced, any::<Index>()).prop_map(|(text, replaced, end)| {
        let mut bytes = text.into_bytes();
        for (at, byte) in replaced {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(end.index(bytes.len() * 2));
        bytes
    });
    prop_oneof![vec(any::<u8>(), 0..300), changed]
}

/// Any text, and text in the characters that mean something to one reader or another.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), r"[a-c0-9.:=\[\]\\/@*?{}, +\-é]{0,24}", r#"[a-z.\[\]0-9]{1,9}:?=[\[\]{}":,a0-9]{0,9}"#]
}

/// Times and lengths of time, possible ones and others.
fn times() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        r"[+-]?[0-9]{1,22}(\.[0-9]{0,22})?(ns|ms|s|m|h|d|KiB|MB|é)?",
        r"-?[0-9]{1,6}-[0-9]{1,2}-[0-9]{1,2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,12})?)?(Z|[+-][0-9]{2}:[0-9]{2})?",
        texts(),
    ]
}

proptest! {
    #[test]
    fn what_is_signed_verifies(
        (name, secrets) in parties(),
        id in "[^.]{1,60}",
        now in 300_i64..=999_999_999_699,
        apart in prop_oneof![-300_i64..=300, Just(-300), Just(300)],
        body in bodies(2000),
    ) {
        let scheme = scheme(name);
        let sent = Sent::sign(&scheme, &secrets, &id, now + apart, &body);
        prop_assert!(sent.is_valid(&scheme, &secrets, now));
        // While a secret is replaced, a receiver has only the old one or only the new one.
        for secret in secrets {
            prop_assert!(sent.is_valid(&scheme, &[secret], now));
        }
    }

    #[test]
    fn what_any_scheme_signs_verifies_and_with_another_body_it_does_not(
        mut scheme in schemes(present_places()),
        (_, secrets) in parties(),
        now in 300_i64..=99_999_999_699,
        body in bodies(200),
    ) {
        let mut sent = Sent::sign(&scheme, &secrets, "a", now, &body);
        prop_assert!(sent.is_valid(&scheme, &secrets, now));
        // Whatever else it signs, it shall sign the body too.
        scheme.content = "{timestamp}.{body}{secret}".parse().unwrap();
        sent = Sent::sign(&scheme, &secrets, "a", now, &body);
        prop_assert!(sent.is_valid(&scheme, &secrets, now));
        sent.body.push(b' ');
        prop_assert!(!sent.is_valid(&scheme, &secrets, now));
    }

    #[test]
    fn another_secret_does_not_verify((name, secrets) in parties(), body in bodies(50)) {
        let scheme = scheme(name);
        let sent = Sent::sign(&scheme, &secrets[..1], "a", 1_000_000, &body);
        // One byte more, and not a zero: HMAC itself fills a short key up with those.
        let longer = Secret::new(match name {
            "standard" => to_standard_webhooks(&[secrets[0].expose_secret().as_bytes(), b"x"].concat()),
            _ => format!("{}x", secrets[0].expose_secret()),
        });
        prop_assert!(!sent.is_valid(&scheme, &[longer], 1_000_000));
    }
}

proptest! {
    // Every bit of every request is flipped, so few requests are many cases.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_request_with_a_flipped_bit_verifies(
        (name, secrets) in parties(),
        id in "[^.]{1,12}",
        now in 300_i64..=999_999_999_699,
        body in bodies(40),
    ) {
        let scheme = scheme(name);
        // Of several signatures one is enough, so only a single one can be broken by one bit.
        let secrets = &secrets[..1];
        let mut sent = Sent::sign(&scheme, secrets, &id, now, &body);
        prop_assert!(sent.is_valid(&scheme, secrets, now));
        let sizes: Vec<usize> = sent.parts().iter().map(|(_, bytes)| bytes.len() * 8).collect();
        prop_assert_eq!(sizes.len(), 4);
        for (part, size) in sizes.into_iter().enumerate() {
            for bit in 0..size {
                let flip = |sent: &mut Sent| sent.parts()[part].1[bit / 8] ^= 1 << (bit % 8);
                flip(&mut sent);
                prop_assert!(!sent.is_valid(&scheme, secrets, now), "bit {} of {}", bit, sent.parts()[part].0);
                flip(&mut sent);
            }
        }
        prop_assert!(sent.is_valid(&scheme, secrets, now), "every bit was put back");
    }
}

proptest! {
    #[test]
    fn no_request_makes_verify_panic(
        scheme in prop_oneof![schemes(places()), Just(scheme("ahasend")), Just(scheme("standard"))],
        replaced in vec((any::<Index>(), values()), 0..3),
        added in vec((any::<Index>(), values()), 0..3),
        strange in "[!-~]{1,20}",
        url in prop_oneof!["(https?://)?[a-z:0-9]{0,9}/?[!-~é]{0,20}", Just("/?q=%3A%zz&t=1".to_owned())],
        body in prop_oneof![bodies(100), Just(b"t=1&s=%00&s=x%".to_vec()), Just(br#"{"t":1,"s":[]}"#.to_vec())],
        now in prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX)],
        tolerance in prop_oneof![
            Just(Tolerance::Scheme), Just(Tolerance::Unlimited), any::<u64>().prop_map(Tolerance::Seconds),
        ],
    ) {
        let keyring = Keyring::new(&scheme, &[Secret::new(to_standard_webhooks(b"a key of some bytes"))]).unwrap();
        let id = scheme.id.iter().flat_map(|rule| &rule.from);
        let places = id.chain(scheme.timestamp.iter().flat_map(|rule| &rule.from)).chain(&scheme.signature.from);
        let mut names: Vec<&str> = places.filter_map(ValueSource::header).collect();
        names.extend([strange.as_str(), "content-type", "host"]);
        // From a request that is whole and signed with another secret.
        let mut headers = Sent::try_sign(&scheme, &[Secret::new(to_standard_webhooks(b"another key"))], "a", 1_000_000, &body)
            .map_or_else(|_| Vec::new(), |sent| sent.headers);
        if !headers.is_empty() {
            for (at, value) in replaced {
                at.get_mut(&mut headers).1 = value;
            }
        }
        headers.extend(added.into_iter().map(|(at, value)| ((*at.get(&names)).to_owned(), value)));
        Sent { headers, url, body }.with(|request| {
            let verification = verify(&scheme, &keyring, request, now, tolerance);
            prop_assert!(verification.outcome.is_err(), "{verification:?}");
            let secrets = Box::new(|any: &Provider| Ok(vec![any.new_secret()?]));
            let verifier = Verifier::new(Rc::default(), None, None, secrets, tolerance);
            prop_assert!(verifier.verify(request, now).is_ok_and(|verdict| verdict.status != VerdictStatus::Valid));
            Ok(())
        })?;
    }

    #[test]
    fn no_capture_makes_a_reader_panic_or_read_for_ever(bytes in captures()) {
        for format in [CaptureFormat::Auto, CaptureFormat::Http, CaptureFormat::Curl, CaptureFormat::Har, CaptureFormat::Json, CaptureFormat::JsonLines] {
            let found = Reader::new(&bytes[..], format).take(bytes.len() + 2).count();
            prop_assert!(found <= bytes.len() + 1, "{:?} found {} requests", format, found);
        }
        let _ = parse_http(&bytes);
        let _ = CapturedRequest::from_json(&bytes);
    }

    #[test]
    fn a_request_written_as_text_reads_back(
        target in "/[!-~]{0,20}",
        lines in vec(("x-[a-z]{1,8}", "([!-~é]([ -~]{0,10}[!-~])?)?"), 0..5),
        body in bodies(300),
    ) {
        let mut capture = CapturedRequest {
            received_at: None,
            remote_addr: String::new(),
            method: "POST".into(),
            target,
            headers: lines.into_iter().collect(),
            body: body.into(),
        };
        let (read, remarks) = parse_http(&write_http(&capture)).unwrap();
        capture.headers.push("content-length", capture.body.len().to_string().as_bytes());
        prop_assert_eq!(read, capture);
        prop_assert!(remarks.is_empty());
    }

    #[test]
    fn no_path_makes_an_edit_panic(text in texts()) {
        if let Ok(path) = text.parse::<JsonPath>() {
            prop_assert_eq!(path.to_string().parse::<JsonPath>(), Ok(path));
        }
        for edit in [Edit::set(&text), Edit::unset(&text)].into_iter().flatten() {
            let mut body: Value = serde_json::from_slice(BODY).unwrap();
            let before = body.clone();
            if edit.apply(&mut body).is_err() {
                prop_assert_eq!(body, before);
            }
        }
    }

    #[test]
    fn an_edit_changes_the_path_that_it_names(key in r"[^=]{1,8}", text in any::<String>()) {
        let path = key.chars().fold(String::new(), |path, c| path + "\\" + &c.to_string());
        let mut body = json!({ key.clone(): [1, {"a": 2}], "other key": 3 });
        let edit = Edit::set(&format!("{path}[1].a={text}")).unwrap();
        prop_assert_eq!(edit.apply(&mut body), Ok(()));
        prop_assert_eq!(body, json!({ key: [1, {"a": text}], "other key": 3 }));
    }

    #[test]
    fn no_pattern_makes_a_glob_panic(pattern in texts(), text in texts()) {
        if let Ok(event_pattern) = pattern.parse::<EventPattern>() {
            let _ = event_pattern.matches(&text);
        }
        if let Ok(event_pattern) = text.parse::<EventPattern>() && event_pattern.is_plain() {
            prop_assert!(event_pattern.matches(event_pattern.as_str()));
        }
    }

    #[test]
    fn a_glob_fits_as_its_definition_says(pattern in "[ab?*]{1,8}", text in "[ab]{0,8}") {
        fn fits(pattern: &[u8], text: &[u8]) -> bool {
            match (pattern.split_first(), text.split_first()) {
                (None, _) => text.is_empty(),
                (Some((b'*', rest)), None) => fits(rest, text),
                (Some((b'*', rest)), Some((_, shorter))) => fits(rest, text) || fits(pattern, shorter),
                (Some((wanted, rest)), Some((byte, shorter))) => {
                    (*wanted == b'?' || wanted == byte) && fits(rest, shorter)
                }
                (Some(_), None) => false,
            }
        }
        prop_assert_eq!(pattern.parse::<EventPattern>().unwrap().matches(&text), fits(pattern.as_bytes(), text.as_bytes()));
    }

    #[test]
    fn no_time_or_size_panics(text in times()) {
        if let Ok(span) = text.parse::<HumanDuration>() {
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }
        if let Ok(time) = text.parse::<TimeArg>() {
            for now in [jiff::Timestamp::MIN, jiff::Timestamp::UNIX_EPOCH, jiff::Timestamp::MAX] {
                let _ = time.from(now);
            }
        }
        let _ = text.parse::<ByteSize>();
        let _ = text.parse::<ToleranceArg>();
    }

    #[test]
    fn no_other_value_panics(text in texts()) {
        if let Ok(address) = text.parse::<ListenAddress>() && !address.host.contains(['[', ']']) {
            prop_assert_eq!(address.to_string().parse(), Ok(address));
        }
        if let Ok(name) = text.parse::<ProviderRef>() {
            prop_assert_eq!(name.to_string().parse(), Ok(name));
        }
        let _ = text.parse::<Endpoint>().map(|endpoint| (endpoint.to_string(), endpoint.host(), endpoint.target()));
        let _ = text.parse::<HeaderArg>();
        let _ = text.parse::<SecretSource>();
        let _ = text.parse::<SignedContent>();
    }

    #[test]
    fn no_command_line_panics(
        command in select(vec!["send", "listen", "verify", "secret"]),
        words in vec(prop_oneof![
            select(vec!["-p", "--set", "--unset", "-d", "-H", "--type", "--now", "--seed", "--timestamp", "--timeout"])
                .prop_map(str::to_owned),
            times(),
        ], 0..6),
    ) {
        let words = ["whk", command].map(str::to_owned).into_iter().chain(words);
        let _ = <Cli as clap::Parser>::try_parse_from(words).map_err(|error| error.to_string());
    }
}

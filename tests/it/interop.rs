//! What the published Standard Webhooks libraries make of what `whk` sends, and `whk` of what they sign.

pub(crate) mod libraries;
mod signed;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use whk::clock::Clock;

use crate::harness::env::{Output, TestEnv};
use crate::harness::faults::FAULTS;
use libraries::{Form, Library, Order, TestHandler, setting};
use signed::Signed;

/// A provider as both sides are set up for it.
struct Party {
    provider: &'static str,
    secret: &'static str,
    form: Form,
    running: LazyLock<Vec<TestHandler>>,
}

/// The key is the text of the secret, prefix included.
static AHASEND: Party = Party {
    provider: "ahasend",
    secret: AHASEND_SECRET,
    form: Form::Raw,
    running: LazyLock::new(|| handlers(AHASEND_SECRET, Form::Raw)),
};

static STANDARD: Party = Party {
    provider: "standard",
    secret: STANDARD_SECRET,
    form: Form::Stock,
    running: LazyLock::new(|| handlers(STANDARD_SECRET, Form::Stock)),
};

const AHASEND_SECRET: &str = "aha-whsec-q7Yd0bXl2sVn9KfTzR4wPcJh6MgUeA1oB8xLtS3iNvQ5kWmEyDrHjGuCpZaFO2";
const STANDARD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A handler over each library; they run as long as this is kept.
fn handlers(secret: &str, form: Form) -> Vec<TestHandler> {
    Library::ALL.map(|library| library.handler(secret, form)).into()
}

impl Party {
    /// The handlers, which all tests share.
    fn handlers(&self) -> &[TestHandler] {
        libraries::require();
        &self.running
    }

    fn arguments<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        [arguments, &["-p", self.provider, "-s", self.secret]].concat()
    }

    fn order<'a>(&'a self, id: &'a str, body: &'a [u8]) -> Order<'a> {
        Order { secret: self.secret, form: self.form, id, timestamp: now(), body }
    }

    /// The signature by the specification, made here with other code than any that is tested.
    fn signature(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key()).unwrap();
        mac.update(&[id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat());
        format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
    }

    fn key(&self) -> Vec<u8> {
        match self.form {
            Form::Raw => self.secret.into(),
            Form::Stock => BASE64.decode(self.secret.strip_prefix("whsec_").unwrap()).unwrap(),
        }
    }
}

fn now() -> i64 {
    Clock::System.now().as_second()
}

/// Bodies that a careless sender or receiver would change, all of them UTF-8.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("empty", Vec::new()),
        ("unicode", r#"{"name":"Größe 漢字 🎣\u00e9"}"#.into()),
        ("1 MiB", [b"{\"a\":\"".to_vec(), vec![b'a'; (1 << 20) - 8], b"\"}".to_vec()].concat()),
        ("trailing newline", b"{\"a\":1}\n".to_vec()),
        ("CRLF", b"{\r\n  \"a\": 1\r\n}\r\n".to_vec()),
        ("NUL", b"{\"a\":\"\0\"}\0".to_vec()),
        ("JSON as no serialiser writes it", br#" {"b" :1.50,"a":"\u003c\/",  "a":1e2 } "#.to_vec()),
        ("BOM", b"\xef\xbb\xbf{\"a\":1}".to_vec()),
    ]
}

/// Latin-1, a lone continuation byte and an overlong NUL.
const NOT_UTF8: &[u8] = b"{\"a\":\"caf\xe9 \x80 \xc0\x80\"}";

/// The status of each attempt, by its event.
fn statuses(output: &Output) -> Vec<(String, Value)> {
    let attempts = output.json().into_iter().filter(|line| line["kind"] == "attempt");
    attempts.map(|line| (line["event_type"].to_string(), line["status"].clone())).collect()
}

/// Every sample of a provider's edition, signed and not sent.
fn samples(room: &TestEnv, party: &Party, edition: &str) -> Vec<Signed> {
    let arguments = ["send", "--type", "all", "-p", edition, "-s", party.secret, "--dry-run", "--format", "json"];
    room.whk(arguments).run().assert_exit(0).json().iter().map(Signed::from_record).collect()
}

/// Sends every type of an edition to each library: as they are, which all take, and tampered with, which all refuse.
fn every_type(party: &Party, edition: &str, count: usize) {
    let room = TestEnv::new();
    for handler in party.handlers() {
        let url = handler.port.to_string();
        let whole = ["--type", "all", "-p", edition, "-s", party.secret, "--json"];
        for (fault, status, exit) in [(&[][..], 200, 0), (&["--fault", "tampered-body"], 400, 0)] {
            let output = room.send(&url, &[&whole, fault].concat()).assert_exit(exit);
            let found = statuses(&output);
            assert_eq!(found.len(), count, "{output}");
            assert!(found.iter().all(|(_, found)| found == status), "{edition} to {:?}: {output}", handler.library);
        }
    }
}

#[test]
fn every_library_takes_every_ahasend_type_and_refuses_it_tampered_with() {
    every_type(&AHASEND, "ahasend@2024-05", 10);
    every_type(&AHASEND, "ahasend@2026-08", 11);
}

#[test]
fn every_library_takes_every_standard_type_and_refuses_it_tampered_with() {
    every_type(&STANDARD, "standard", 6);
}

#[test]
fn every_library_takes_every_type_whatever_the_seed() {
    let room = TestEnv::new();
    for (party, editions) in [(&AHASEND, &["ahasend@2024-05", "ahasend@2026-08"][..]), (&STANDARD, &["standard"][..])] {
        for (handler, edition) in party.handlers().iter().flat_map(|handler| editions.iter().map(move |e| (handler, e)))
        {
            for seed in 1..=50 {
                let seed = seed.to_string();
                let arguments = ["--type", "all", "-p", edition, "-s", party.secret, "--seed", &seed, "-q"];
                room.send(&handler.port.to_string(), &arguments).assert_exit(0);
            }
        }
    }
}

#[test]
fn every_library_refuses_every_fault() {
    let room = TestEnv::new();
    for (party, kinds) in [(&AHASEND, 10), (&STANDARD, 6)] {
        for handler in party.handlers() {
            for fault in FAULTS {
                let arguments = ["--type", "all", "--fault", fault, "--json"];
                let output = room.send(&handler.port.to_string(), &party.arguments(&arguments)).assert_exit(0);
                let found = statuses(&output);
                assert_eq!(found.len(), kinds, "{output}");
                assert!(found.iter().all(|(_, status)| *status == 400), "{fault} to {:?}: {output}", handler.library);
            }
        }
    }
}

#[test]
fn every_library_refuses_a_request_with_one_byte_changed() {
    let room = TestEnv::new();
    for (party, edition) in [(&AHASEND, "ahasend@2024-05"), (&AHASEND, "ahasend@2026-08"), (&STANDARD, "standard")] {
        for sample in samples(&room, party, edition) {
            for handler in party.handlers() {
                // Only what is taken as it is can be said to be refused for the changed byte.
                assert_eq!(sample.post(handler.port), 200, "{sample:?} to {:?}", handler.library);
                for (part, changed) in sample.changed() {
                    assert_eq!(changed.post(handler.port), 400, "{part} of {changed:?} to {:?}", handler.library);
                }
            }
        }
    }
}

#[test]
fn a_body_of_ones_own_arrives_as_it_is() {
    let room = TestEnv::new();
    for (name, body) in bodies() {
        let data = format!("@{}", room.write("body", &body).display());
        for party in [&AHASEND, &STANDARD] {
            for handler in party.handlers() {
                let url = handler.port.to_string();
                let output = room.send(&url, &party.arguments(&["-d", &data, "--json"])).assert_exit(0);
                assert_eq!(statuses(&output).len(), 1, "{name}: {output}");
                room.send(&url, &party.arguments(&["-d", &data, "--fault", "tampered-body"])).assert_exit(0);
            }
        }
    }
}

/// The libraries for JavaScript, Python and Rust cannot judge such a body: the first would sign U+FFFD instead, the
/// others refuse it before they look at the signature. So it is signed here and with Python's own `hmac` as well.
#[test]
fn a_body_that_is_not_utf8_is_signed_byte_for_byte() {
    let room = TestEnv::new();
    let data = format!("@{}", room.write("body", NOT_UTF8).display());
    for party in [&AHASEND, &STANDARD] {
        for handler in party.handlers() {
            let output =
                room.send(&handler.port.to_string(), &party.arguments(&["-d", &data, "--json"])).assert_exit(1);
            assert_eq!(statuses(&output)[0].1, 422, "{:?}: {output}", handler.library);
            let refusal = handler.library.sign(&[party.order("msg_1", NOT_UTF8)]).remove(0).unwrap_err();
            assert!(["not UTF-8", "payload invalid"].contains(&refusal.as_str()), "{:?}: {refusal}", handler.library);
        }
        let dry = party.arguments(&["send", "-d", &data, "--dry-run", "--format", "json"]);
        let sent = Signed::from_record(&room.whk(dry).run().assert_exit(0).json()[0]);
        assert_eq!(sent.body, NOT_UTF8);
        let (id, timestamp) = (sent.header("webhook-id"), sent.header("webhook-timestamp"));
        let expected = party.signature(id, timestamp, NOT_UTF8);
        assert_eq!(sent.header("webhook-signature"), expected);
        assert_eq!(signed_by_python_alone(&room, &party.key(), id, timestamp, NOT_UTF8), expected);
        judged(&room, party, &[sent]);
    }
}

fn signed_by_python_alone(room: &TestEnv, key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> String {
    let program = "
import base64, hashlib, hmac, json, sys
key, id, timestamp, body = json.load(sys.stdin)
content = id.encode() + b'.' + timestamp.encode() + b'.' + base64.b64decode(body)
print('v1,' + base64.b64encode(hmac.new(base64.b64decode(key), content, hashlib.sha256).digest()).decode())";
    let input = json!([BASE64.encode(key), id, timestamp, BASE64.encode(body)]).to_string();
    let output = room.program(setting("WHK_INTEROP_PYTHON"), ["-c", program]).stdin(input).run().assert_exit(0);
    output.stdout().trim_end().to_owned()
}

#[test]
fn what_a_library_signs_is_valid_here_and_with_one_byte_changed_it_is_not() {
    let room = TestEnv::new();
    let bodies = bodies();
    for party in [&AHASEND, &STANDARD] {
        for library in Library::ALL {
            let ids: Vec<String> = (0..bodies.len()).map(|number| format!("msg_{library:?}{number}")).collect();
            let orders: Vec<Order<'_>> = ids.iter().zip(&bodies).map(|(id, (_, body))| party.order(id, body)).collect();
            let signed: Vec<Signed> = library.sign(&orders).into_iter().map(Result::unwrap).collect();
            for (signed, order) in signed.iter().zip(&orders) {
                let expected = party.signature(order.id, &order.timestamp.to_string(), order.body);
                assert_eq!(signed.header("webhook-signature"), expected, "{library:?}");
            }
            judged(&room, party, &signed);
        }
    }
}

/// Gives valid requests to `whk listen` and `whk verify`, in every form that they take, with and without a changed byte.
fn judged(room: &TestEnv, party: &Party, requests: &[Signed]) {
    let mut whole = Vec::new();
    for request in requests {
        whole.push(("valid", 200, request.clone()));
        // A changed part at a time is many requests; what each one must be refused for does not depend on the body.
        let count = if request.body.len() > 1000 { 1 } else { 4 };
        whole.extend(request.changed().into_iter().take(count).map(|(_, changed)| ("invalid", 400, changed)));
    }
    let expected: Vec<&str> = whole.iter().map(|(status, ..)| *status).collect();

    let listening = room.listen(party.arguments(&["--json", "--no-log"]));
    let port = listening.address().rsplit_once(':').unwrap().1.parse().unwrap();
    for (_, status, request) in &whole {
        assert_eq!(request.post(port), *status, "{request:?}");
    }
    let output = listening.stop().assert_exit(0);
    let lines: Vec<Value> = output.json().into_iter().filter(|line| line["kind"] == "request").collect();
    let found: Vec<&str> = lines.iter().map(|line| line["verdict"]["status"].as_str().unwrap()).collect();
    assert_eq!(found, expected, "{output}");
    for ((.., request), line) in whole.iter().zip(&lines) {
        assert_eq!(Signed::from_record(line).body, request.body);
    }

    // As records of a log, those of `listen` and those of the test.
    let ours: String = whole.iter().map(|(.., request)| request.record()).collect();
    let log = room.write("log", ours);
    for records in [output.bytes().to_vec(), std::fs::read(log).unwrap()] {
        let output = room.whk(party.arguments(&["verify", "-", "--json"])).stdin(records).run().assert_exit(1);
        let lines: Vec<Value> = output.json().into_iter().filter(|line| line["kind"] == "verdict").collect();
        let found: Vec<&str> = lines.iter().map(|line| line["status"].as_str().unwrap()).collect();
        assert_eq!(found, expected, "{output}");
    }

    // As raw HTTP, and as a single record.
    for (status, _, request) in &whole {
        let code = i32::from(*status == "invalid");
        for (form, text) in [("http", request.raw()), ("json", request.record().into_bytes())] {
            let output = room.whk(party.arguments(&["verify", "-", "--json"])).stdin(text).run().assert_exit(code);
            assert_eq!(output.json()[0]["status"], *status, "{form}: {output}");
        }
    }
}

#[test]
fn the_development_secret_fits_the_libraries_and_so_does_its_stock_form() {
    let room = TestEnv::new();
    for (provider, form) in [("ahasend", Form::Raw), ("ahasend", Form::Stock), ("standard", Form::Stock)] {
        let arguments = match form {
            Form::Raw => vec!["secret", "-p", provider],
            Form::Stock => vec!["secret", "-p", provider, "--for", "standard-webhooks"],
        };
        let secret = room.whk(arguments).run().assert_exit(0).stdout().trim_end().to_owned();
        for handler in handlers(&secret, form) {
            let url = handler.port.to_string();
            room.send(&url, &["--type", "all", "-p", provider]).assert_exit(0);
            room.send(&url, &["--type", "all", "-p", provider, "--fault", "wrong-secret"]).assert_exit(0);
            let order = Order { secret: &secret, form, id: "msg_1", timestamp: now(), body: b"{}" };
            let signed = handler.library.sign(&[order]).remove(0).unwrap();
            room.whk(["verify", "-", "-p", provider]).stdin(signed.raw()).run().assert_exit(0);
        }
    }
}

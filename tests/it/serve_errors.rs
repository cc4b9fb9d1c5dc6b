//! The errors of `whk serve`: the same problems at every API, each in the form of its provider, and nothing for a page of
//! another origin or for people without the key.

use serde_json::{Value, json};

use crate::harness::env::TestEnv;
use crate::harness::handler::TestHandler;
use crate::harness::http::Answer;
use crate::harness::serve::{KEY, ServeProcess};

/// An API with what its errors look like.
struct Api {
    provider: &'static str,
    /// The path of its webhooks if all providers are served.
    path: &'static str,
    /// The code of an error with a status; `None` if its errors have none.
    code: fn(u16) -> Option<&'static str>,
    /// Returns the code and the message; there is nothing else.
    read: fn(&Value) -> (Option<&str>, &str),
}

const ACCOUNT: &str = "4cdd7bdd-294e-4762-892f-83d40abf5a87";

const APIS: [Api; 4] = [
    Api { provider: "selfmx", path: "/v1/webhooks", code: plain_code, read: code_and_message },
    Api { provider: "aisend", path: "/aisend/v1/webhooks", code: plain_code, read: code_and_message },
    Api { provider: "autosend", path: "/autosend/v1/webhooks", code: autosend_code, read: autosend_error },
    Api {
        provider: "ahasend",
        path: "/v2/accounts/4cdd7bdd-294e-4762-892f-83d40abf5a87/webhooks",
        code: |_| None,
        read: message_alone,
    },
];

#[expect(clippy::unnecessary_wraps, reason = "it is one of several functions of a type")]
fn plain_code(status: u16) -> Option<&'static str> {
    Some(match status {
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not_found",
        405 => "method_not_allowed",
        413 => "payload_too_large",
        429 => "rate_limit_exceeded",
        _ => "invalid_request",
    })
}

#[expect(clippy::unnecessary_wraps, reason = "it is one of several functions of a type")]
fn autosend_code(status: u16) -> Option<&'static str> {
    Some(match status {
        401 => "UNAUTHORIZED",
        403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        405 => "METHOD_NOT_ALLOWED",
        413 => "PAYLOAD_TOO_LARGE",
        429 => "RATE_LIMIT_EXCEEDED",
        _ => "VALIDATION_ERROR",
    })
}

#[track_caller]
fn only<'a>(value: &'a Value, names: &[&str]) -> &'a Value {
    let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
    assert_eq!(keys, names, "{value}");
    value
}

fn code_and_message(body: &Value) -> (Option<&str>, &str) {
    let error = only(&only(body, &["error"])["error"], &["code", "message"]);
    (error["code"].as_str(), error["message"].as_str().unwrap())
}

fn autosend_error(body: &Value) -> (Option<&str>, &str) {
    let body = only(body, &["success", "error"]);
    assert_eq!(body["success"], false);
    let error = only(&body["error"], &["message", "code"]);
    (error["code"].as_str(), error["message"].as_str().unwrap())
}

fn message_alone(body: &Value) -> (Option<&str>, &str) {
    (None, only(body, &["message"])["message"].as_str().unwrap())
}

impl Api {
    /// Asserts that the response is an error with this status and a message like this; returns its head.
    #[track_caller]
    fn assert_error(&self, answer: &Answer, status: u16, message: &str) {
        let Answer { status: got, head, body } = answer;
        assert_eq!(*got, status, "{} {message}: {head} {body}", self.provider);
        assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
        let body: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"));
        let (code, given) = (self.read)(&body);
        assert_eq!(code, (self.code)(status), "{body}");
        assert!(given.contains(message), "{} {status}: {given}", self.provider);
    }

    /// The body that creates a webhook.
    fn new_webhook(&self, url: &str) -> Value {
        match self.provider {
            "autosend" => json!({ "url": url, "events": ["email.opened"] }),
            "ahasend" => json!({ "name": "a", "url": url, "scope": "global", "on_opened": true }),
            _ => json!({ "url": url, "events": ["opened"], "secret": "the-secret-of-this-webhook" }),
        }
    }

    /// Creates a webhook; returns its id and its secret.
    #[track_caller]
    fn create(&self, serving: &ServeProcess, url: &str) -> (String, String) {
        let created = serving.succeed("POST", self.path, &self.new_webhook(url));
        let webhook = created.pointer("/data/webhook").unwrap_or(&created);
        let secret = webhook["secret"].as_str().unwrap_or("the-secret-of-this-webhook");
        (webhook["id"].as_str().unwrap().to_owned(), secret.to_owned())
    }
}

fn authorized(headers: &str) -> String {
    format!("authorization: Bearer {KEY}\r\n{headers}")
}

#[test]
fn every_api_reports_the_same_problems_in_its_own_form() {
    let room = TestEnv::new();
    let serving = room.serve(&[]);
    for api in APIS {
        let body = api.new_webhook("https://a.example/").to_string();
        let post = |headers: &str, body: &str| serving.request("POST", api.path, &authorized(headers), body);
        for (headers, message) in [
            ("", "the key is missing"),
            ("authorization: Bearer wrong\r\n", "the key is not the one"),
            ("authorization: Basic dGVzdC1rZXk=\r\n", "is not `Bearer KEY`"),
        ] {
            let answer = serving.request("POST", api.path, headers, &body);
            api.assert_error(&answer, 401, message);
            assert!(answer.head.contains("\r\nwww-authenticate: Bearer\r\n"), "{}", answer.head);
        }
        api.assert_error(&post("origin: https://evil.example\r\n", &body), 403, "a page of another origin");
        api.assert_error(&post("sec-fetch-site: cross-site\r\n", &body), 403, "a page of another site");
        api.assert_error(&post("host: evil.example\r\n", &body), 403, "host `evil.example` not allowed");
        api.assert_error(&post("host: a b\r\n", &body), 400, "the `host` header is not HOST or HOST:PORT");
        api.assert_error(&post("", "{"), 400, "the body is not JSON");
        api.assert_error(&post("", ""), 400, "the body is empty");
        api.assert_error(&post("", "[]"), 400, "the body is not a JSON object");
        api.assert_error(&post("", "{}"), 400, "");
        for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
            let message = format!("the `content-type` is `{media_type}`, expected `application/json`");
            api.assert_error(&post(&format!("content-type: {media_type}\r\n"), &body), 400, &message);
        }
        let large = json!({ "url": "x".repeat(2 << 20) }).to_string();
        api.assert_error(&serving.request_unread("POST", api.path, &large), 413, "the body is larger than 1048576");
        let unknown = format!("{}/a/b/c", api.path);
        let known = api.path.replace(ACCOUNT, "{account_id}");
        api.assert_error(&serving.call_with("GET", &unknown, ""), 404, &format!("GET {known}"));
        let wrong = serving.call_with("PATCH", api.path, "{}");
        api.assert_error(&wrong, 405, "has no PATCH");
        let mut allowed: Vec<&str> =
            wrong.head.lines().find_map(|line| line.strip_prefix("allow: ")).unwrap().split(',').collect();
        allowed.sort_unstable();
        assert_eq!(allowed, ["GET", "HEAD", "POST"]);
        let list = serving.call_with("GET", api.path, "").body;
        assert!(!list.contains("a.example"), "nothing was created: {list}");
        for media_type in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
            assert_eq!(post(&format!("content-type: {media_type}\r\n"), &body).status, 201, "{media_type}");
        }
    }
}

#[test]
fn a_webhook_is_found_by_its_own_provider_and_key_alone() {
    let room = TestEnv::new();
    let serving = room.serve(&[]);
    for api in &APIS {
        let (id, _) = api.create(&serving, "https://a.example/");
        let without_key = serving.request("DELETE", &format!("{}/{id}", api.path), "", "");
        api.assert_error(&without_key, 401, "the key is missing");
        for other in APIS.iter().filter(|other| other.provider != api.provider) {
            // An id of AhaSend is a UUID, so that another one is not even possible there.
            let status = if other.provider == "ahasend" { 400 } else { 404 };
            for (method, body) in [("PUT", "{}"), ("DELETE", "")] {
                let answer = serving.call_with(method, &format!("{}/{id}", other.path), body);
                assert_eq!(answer.status, status, "{} at {}: {answer:?}", api.provider, other.provider);
            }
        }
        let list = serving.call_with("GET", api.path, "").body;
        assert!(list.contains(&id), "{list}");
    }
}

#[test]
fn a_secret_is_shown_only_where_the_api_of_its_provider_shows_it() {
    let room = TestEnv::new();
    let handler = TestHandler::accepting();
    let serving = room.serve(&[]);
    for (index, api) in APIS.iter().enumerate() {
        let created = serving.call_with("POST", api.path, &api.new_webhook(&handler.url()).to_string()).body;
        let (id, secret) = api.create(&serving, &handler.url());
        let shows = matches!(api.provider, "autosend" | "ahasend");
        assert_eq!(created.contains("\"secret\":"), shows, "{created}");
        let event = if api.provider == "autosend" {
            "email.opened"
        } else if api.provider == "ahasend" {
            "message.opened"
        } else {
            "opened"
        };
        serving.succeed("POST", "/_whk/emit", &json!({ "provider": api.provider, "type": event }));
        handler.wait_for(2 * (index + 1));
        let own = format!("{}/{id}", api.path);
        let delivery = format!("/_whk/deliveries/{}", 2 * (index + 1));
        let logs = format!("{own}/logs");
        let mut seen = vec![serving.call_with("PUT", &own, "{}")];
        for path in
            [api.path, &own, &logs, "/_whk/webhooks", &format!("/_whk/webhooks/{id}"), "/_whk/deliveries", &delivery]
        {
            seen.push(serving.call_with("GET", path, ""));
        }
        assert!(seen.iter().filter(|answer| answer.status == 200).count() >= 6, "{seen:?}");
        for answer in &seen {
            assert!(!answer.body.contains(&secret), "{}", answer.body);
        }
        let revealed = serving.call_with("GET", &format!("{own}/reveal"), "");
        assert_eq!(revealed.body.contains(&secret), api.provider == "autosend", "{revealed:?}");
    }
    let output = serving.stop();
    assert!(!format!("{}{}", output.stdout(), output.stderr()).contains("the-secret-of-this-webhook"));
}

#[test]
fn a_page_of_another_origin_reaches_nothing_that_is_described() {
    let room = TestEnv::new();
    let handler = TestHandler::never_called();
    let serving = room.serve(&[]);
    let (id, _) = APIS[0].create(&serving, &handler.url());
    let description = serving.succeed("GET", "/_whk/openapi.json", &Value::Null);
    let before = serving.call_with("GET", "/_whk/webhooks", "").body;
    let emission = json!({ "type": "opened" }).to_string();
    for (path, item) in description["paths"].as_object().unwrap() {
        let path = path.replace("{id}", &id).replace("{account_id}", ACCOUNT).replace("{webhook_id}", ACCOUNT);
        let path = path.replace("{seq}", "1");
        let methods = ["get", "put", "post", "delete"].into_iter().filter(|method| item.get(*method).is_some());
        for method in methods.map(str::to_uppercase).chain(["OPTIONS".to_owned()]) {
            for headers in [
                "origin: https://evil.example\r\naccess-control-request-method: POST\r\n",
                "origin: null\r\n",
                "sec-fetch-site: cross-site\r\nsec-fetch-mode: no-cors\r\nsec-fetch-dest: image\r\n",
                "sec-fetch-site: cross-site\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n",
                "sec-fetch-site: same-site\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: iframe\r\n",
                "host: rebound.evil.example\r\n",
            ] {
                let answer = serving.request(&method, &path, &authorized(headers), &emission);
                assert_eq!(answer.status, 403, "{method} {path} {headers}");
                assert!(!answer.head.contains("access-control"), "{}", answer.head);
                assert!(answer.head.contains("\r\ncross-origin-resource-policy: same-origin\r\n"), "{}", answer.head);
            }
        }
    }
    assert_eq!(serving.call_with("GET", "/_whk/webhooks", "").body, before, "nothing has changed");
}

#[test]
fn calls_beyond_the_documented_rate_are_429_if_that_is_asked_for() {
    let room = TestEnv::new();
    let [selfmx, aisend, autosend, _] = APIS;
    let serving = room.serve(&["--rate-limits"]);
    let call = |api: &Api| serving.call_with("GET", api.path, "");
    let header = |answer: &Answer, name: &str| -> Option<u64> {
        let start = format!("{name}: ");
        answer.head.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok())
    };
    // A call with another key does not count.
    selfmx.assert_error(&serving.request("GET", selfmx.path, "", ""), 401, "the key is missing");
    for remaining in (0..100).rev() {
        let answer = call(&selfmx);
        assert_eq!((answer.status, header(&answer, "x-ratelimit-remaining")), (200, Some(remaining)), "{answer:?}");
        assert_eq!(header(&answer, "x-ratelimit-limit"), Some(100));
    }
    let limited = call(&selfmx);
    selfmx.assert_error(&limited, 429, "more than 100 calls in 60 s; retry in ");
    assert!(header(&limited, "retry-after").is_some_and(|seconds| (1..=60).contains(&seconds)), "{limited:?}");
    assert!(header(&limited, "x-ratelimit-reset").is_some_and(|time| time > 1_700_000_000), "{limited:?}");
    assert_eq!(call(&aisend).status, 200, "its documentation has no limit, and the limit of another is not its own");
    // Three calls fall into one second at some time, however busy the machine is.
    let limited = std::iter::repeat_with(|| call(&autosend)).take(1000).find(|answer| answer.status != 200).unwrap();
    autosend.assert_error(&limited, 429, "more than 2 calls in 1 s; retry in 1 s");
    assert_eq!((header(&limited, "retry-after"), header(&limited, "x-ratelimit-limit")), (Some(1), None));
    let without = room.serve(&[]);
    assert!((0..101).all(|_| without.call_with("GET", selfmx.path, "").status == 200));
}

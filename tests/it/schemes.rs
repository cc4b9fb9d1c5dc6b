//! The schemes of other providers: published and computed vectors, round trips against signatures made without us, and
//! every byte that may not change.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use whk::provider::Provider;
use whk::random::Rng;
use whk::signing::{
    ChallengeResponse, FailureCause, Header, Keyring, Request, Scheme, Secret, SignInput, Tolerance, Verification,
    sign, verify,
};

use crate::harness::env::TestEnv;
use crate::harness::provider::provider;

/// The clock of these tests, 2021-02-25T15:02:10Z: that of most vectors.
const NOW: i64 = 1_614_265_330;

/// Where the events of these tests are sent to.
const URL: &str = "https://hooks.example.com:8443/in?a=b%3Ac%2F&x=1";

/// The providers of this file, hubspot and gitlab in all their editions.
const PRESETS: [&str; 34] = [
    "svix",
    "stripe",
    "github",
    "slack",
    "shopify",
    "paddle",
    "zoom",
    "linear",
    "square",
    "twilio",
    "hubspot",
    "hubspot@v2",
    "hubspot@v1",
    "discord",
    "sendgrid",
    "mailgun",
    "meta",
    "bitbucket",
    "calendly",
    "gitea",
    "gitlab",
    "gitlab@signed",
    "intercom",
    "lemonsqueezy",
    "mux",
    "openai",
    "pagerduty",
    "razorpay",
    "sentry",
    "twitch",
    "typeform",
    "vercel",
    "woocommerce",
    "workos",
];

/// Schemes that are no provider, written as a user would.
fn written(name: &str) -> Option<Scheme> {
    let text = match name {
        "typeform" => {
            r#"
            content = "{body}"
            signature = { from = ["header:typeform-signature"] }
            item = [{ match = "sha256={sig}", digest = "hmac-sha256", encoding = "base64", secret = "text" }]
            "#
        }
        "vercel" => {
            r#"
            content = "{body}"
            signature = { from = ["header:x-vercel-signature"] }
            item = [{ match = "{sig}", digest = "hmac-sha1", encoding = "hex", secret = "text" }]
            "#
        }
        "gitlab-token" => {
            r#"
            content = ""
            signature = { from = ["header:x-gitlab-token"] }
            item = [{ match = "{sig}", digest = "none", encoding = "text", secret = "text" }]
            "#
        }
        _ => return None,
    };
    Some(toml::from_str(text).unwrap())
}

/// The scheme of a vector; `None` where it is out of scope.
fn scheme(name: &str) -> Option<Scheme> {
    let preset = match name {
        "aws-sns" => return None,
        "standard-webhooks" => "standard",
        "twilio-form" | "twilio-json" => "twilio",
        "hubspot-v1" => "hubspot@v1",
        "hubspot-v2" => "hubspot@v2",
        "hubspot-v3" => "hubspot@v3",
        other => other,
    };
    Some(written(name).unwrap_or_else(|| provider(preset).scheme))
}

/// A request that owns its parts.
#[derive(Clone, Debug)]
struct Message {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Message {
    fn verify(&self, scheme: &Scheme, secret: &str, now: i64) -> Verification {
        self.verify_within(scheme, secret, now, Tolerance::Scheme)
    }

    fn verify_within(&self, scheme: &Scheme, secret: &str, now: i64, tolerance: Tolerance) -> Verification {
        let keyring = Keyring::new(scheme, &[Secret::new(secret)]).unwrap();
        self.with(|request| verify(scheme, &keyring, request, now, tolerance))
    }

    fn with<T>(&self, use_it: impl FnOnce(&Request<'_>) -> T) -> T {
        let headers: Vec<Header<'_>> =
            self.headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
        use_it(&Request { method: &self.method, url: &self.url, headers: &headers, body: &self.body })
    }
}

fn pairs(value: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    value.as_array().unwrap().iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

fn vectors() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("vectors/other-schemes.json")).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

#[test]
fn every_vector_holds_and_only_sns_is_left_out() {
    let mut left_out = Vec::new();
    let mut counts = (0, 0);
    for vector in vectors() {
        let name = vector["name"].as_str().unwrap();
        let Some(scheme) = scheme(vector["scheme"].as_str().unwrap()) else {
            left_out.push(name.to_owned());
            continue;
        };
        let message = Message {
            method: vector["method"].as_str().unwrap().to_owned(),
            url: vector["url"].as_str().unwrap_or("/").to_owned(),
            headers: pairs(&vector["headers"]),
            body: STANDARD.decode(vector["body_b64"].as_str().unwrap()).unwrap(),
        };
        let secret = vector["secret"].as_str().unwrap();
        // A vector says nothing about the clock.
        let verification = message.verify_within(&scheme, secret, NOW, Tolerance::Unlimited);
        if vector["valid"] == true {
            assert!(verification.outcome.is_ok(), "{name}: {verification:?}");
            let mut other = message.clone();
            other.body.push(b' ');
            // A token in a header is the one scheme here that signs nothing.
            let signed = vector["scheme"] != "gitlab-token";
            let outcome = other.verify_within(&scheme, secret, NOW, Tolerance::Unlimited).outcome;
            assert_eq!(outcome.is_err(), signed, "{name}: a longer body");
            // A public key cannot be changed at will: most texts are none.
            if scheme.public_text(&Secret::new(secret)).is_none() {
                let outcome = message.verify_within(&scheme, &another(secret), NOW, Tolerance::Unlimited).outcome;
                assert!(outcome.is_err(), "{name}: another secret");
            }
            counts.0 += 1;
        } else {
            let failure = verification.outcome.expect_err(name);
            assert_eq!(failure.cause, FailureCause::SecretMismatch, "{name}: {failure:?}");
            counts.1 += 1;
        }
    }
    assert_eq!(left_out, ["sns v1 (computed)"]);
    assert_eq!(counts, (16, 1));
}

/// Another secret of the same form.
fn another(secret: &str) -> String {
    match secret.strip_prefix("whsec_M") {
        Some(rest) => format!("whsec_N{rest}"),
        None => format!("{secret}x"),
    }
}

#[track_caller]
fn assert_public(preset: &str, secret: &str, url: &str, header: &[(&str, &str)], body: &str) {
    let (method, body) = if body.is_empty() { ("GET", "") } else { ("POST", body) };
    let headers = header.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut message = Message { method: method.to_owned(), url: url.to_owned(), headers, body: body.into() };
    let scheme = provider(preset).scheme;
    let outcome = message.verify_within(&scheme, secret, NOW, Tolerance::Unlimited).outcome;
    assert!(outcome.is_ok(), "{preset}: {outcome:?}");
    message.body.push(b'!');
    assert!(message.verify_within(&scheme, secret, NOW, Tolerance::Unlimited).outcome.is_err(), "{preset}");
}

#[test]
fn the_vectors_of_the_providers_own_documentation_hold() {
    for preset in ["github", "meta"] {
        assert_public(
            preset,
            "It's a Secret to Everybody",
            "/",
            &[("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")],
            "Hello, World!",
        );
    }
    let secret = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy";
    assert_public(
        "hubspot@v1",
        secret,
        "/",
        &[("X-HubSpot-Signature", "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de")],
        r#"[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]"#,
    );
    assert_public(
        "hubspot@v2",
        secret,
        "https://www.example.com/webhook_uri",
        &[("X-HubSpot-Signature", "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900")],
        r#"{"example_field":"example_value"}"#,
    );
    assert_public(
        "slack",
        "8f742231b10e8888abcd99yyyzzz85a5",
        "/",
        &[
            ("X-Slack-Request-Timestamp", "1531420618"),
            ("X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
        ],
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
    );
    // The body of SendGrid's vector with the line end that belongs to it.
    let vector = vectors().into_iter().find(|vector| vector["scheme"] == "sendgrid").unwrap();
    let headers = pairs(&vector["headers"]);
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let body = String::from_utf8(STANDARD.decode(vector["body_b64"].as_str().unwrap()).unwrap()).unwrap();
    assert_public("sendgrid", vector["secret"].as_str().unwrap(), "/", &headers, &(body + "\r\n"));
}

#[test]
fn where_nothing_is_published_a_computed_vector_holds() {
    // Computed with Python's `hmac`, as the documentation says.
    let body = r#"{"id":"evt_1"}"#;
    assert_public(
        "stripe",
        "whsec_test_secret",
        "/",
        &[(
            "Stripe-Signature",
            "t=1614265330,v1=e135cdbed3dda004bf8a2fb350f2541d299393c770e0b9e6e319dc595e9072aa,v0=6f",
        )],
        body,
    );
    assert_public(
        "zoom",
        "zoom-secret-token",
        "/",
        &[
            ("x-zm-request-timestamp", "1614265330"),
            ("x-zm-signature", "v0=efa5d67844e1fe340bf4898d1198bee1f3ce6607c52ce54e0d3932d64bb3ab37"),
        ],
        body,
    );
    let body = r#"{"signature":{"timestamp":"1614265330","token":"0123456789abcdef","signature":"dc22ec6583a251be02ee2df8c42d66dfef86c02a784b3e13227683a6ee69c83f"}}"#;
    assert_public("mailgun", "key-0123456789abcdef", "/", &[], body);
    // Of Standard Webhooks, published; the names of the headers are Svix's own.
    assert_public(
        "svix",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "/",
        &[
            ("svix-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("svix-timestamp", "1614265330"),
            ("svix-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ],
        r#"{"test": 2432232314}"#,
    );
}

/// A secret for a preset: what it makes itself, and what a receiver is given.
fn secrets(provider: &Provider) -> (String, String) {
    let secret = provider.new_secret().unwrap();
    let public = provider.scheme.public_text(&secret);
    (secret.expose_secret().to_owned(), public.unwrap_or_else(|| secret.expose_secret().to_owned()))
}

/// An event of a preset as `send` makes it, before it is signed.
fn unsigned(provider: &Provider, event: usize, seed: u64) -> (String, Message) {
    let values = provider.values(Rng::seeded(seed), Timestamp::from_second(NOW).unwrap());
    let id = provider.new_id(&values).unwrap();
    values.set("id", id.as_str());
    let body = provider.events[event].render(provider, &values, &[]).unwrap().body;
    let headers = provider.render_headers(&values).unwrap();
    (id, Message { method: "POST".to_owned(), url: URL.to_owned(), headers, body })
}

/// Signs as `send` does.
fn signed(provider: &Provider, secret: &str, id: &str, message: &Message) -> Message {
    let keyring = Keyring::new(&provider.scheme, &[Secret::new(secret)]).unwrap();
    let what = SignInput {
        id,
        at: NOW * 1000,
        method: "POST",
        body: &message.body,
        url: &message.url,
        headers: &message.headers,
    };
    let made = sign(&provider.scheme, &keyring, &what).unwrap();
    let mut message = message.clone();
    message.headers.extend(made.headers);
    if let Some((pointer, signature)) = made.in_body {
        message.body = provider.body_format.set_pointer(&message.body, &pointer, signature.into()).unwrap();
    }
    message
}

#[test]
fn every_event_of_every_preset_is_found_out_valid_with_its_type_and_id() {
    let mut events = 0;
    for name in PRESETS {
        let provider = provider(name);
        let (secret, public) = secrets(&provider);
        assert!(provider.events.len() >= 2, "{name} has {} events", provider.events.len());
        for index in 0..provider.events.len() {
            for seed in 1..=20 {
                let (id, message) = unsigned(&provider, index, seed);
                let kind = &provider.events[index].event_type;
                let message = signed(&provider, &secret, &id, &message);
                assert!(
                    !message.body.windows(2).any(|two| two == b"{{"),
                    "{name} {kind} has a place that was not filled"
                );
                if name == "twilio" {
                    let fields: Vec<_> = form_urlencoded::parse(&message.body).collect();
                    assert!(fields.len() > 5, "{fields:?}");
                } else {
                    let body: Value = serde_json::from_slice(&message.body).unwrap();
                    assert!(body.is_object() || body.is_array(), "{name} {kind}: {body}");
                }
                let outcome = message.verify(&provider.scheme, &public, NOW).outcome;
                assert!(outcome.is_ok(), "{name} {kind}: {outcome:?}");
                let found = |sources: &[whk::signing::ValueSource]| {
                    message.with(|request| whk::signing::ValueSource::first_string(sources, request))
                };
                assert_eq!(found(&provider.event_fields.event_type).as_ref(), Some(kind), "{name}");
                // What Discord says about an account has no id, nor have Calendly's events.
                if kind != "APPLICATION_AUTHORIZED" && name != "calendly" {
                    assert_eq!(found(&provider.event_fields.id), Some(id), "{name} {kind}");
                }
            }
            events += 1;
        }
    }
    assert_eq!(events, 105);
}

/// Which parts of a message a preset covers: the body, and the timestamp.
fn covers(name: &str) -> (bool, bool) {
    match name {
        // Only two fields of the body are signed.
        "mailgun" => (false, true),
        "gitlab" => (false, false),
        "github" | "meta" | "shopify" | "square" | "twilio" | "hubspot@v2" | "hubspot@v1" => (true, false),
        _ => (true, true),
    }
}

#[test]
fn every_changed_byte_is_refused() {
    for name in PRESETS {
        let provider = provider(name);
        let (secret, public) = secrets(&provider);
        let (id, message) = unsigned(&provider, 0, 1);
        let good = signed(&provider, &secret, &id, &message);
        let keyring = Keyring::new(&provider.scheme, &[Secret::new(&*public)]).unwrap();
        let refused = |message: &Message| {
            message
                .with(|request| verify(&provider.scheme, &keyring, request, NOW, Tolerance::Unlimited).outcome.is_err())
        };
        assert!(!refused(&good), "{name}");
        if covers(name).0 {
            for at in 0..good.body.len() {
                let mut changed = good.clone();
                changed.body[at] ^= 1;
                assert!(refused(&changed), "{name}: byte {at} of the body");
            }
            for body in [&good.body[1..], &good.body[..good.body.len() - 1]] {
                assert!(refused(&Message { body: body.to_vec(), ..good.clone() }), "{name}: a byte is missing");
            }
        }
        let mut parts = 0;
        for (index, (header, value)) in good.headers.iter().enumerate() {
            let scheme = &provider.scheme;
            let in_scheme =
                |sources: &[whk::signing::ValueSource]| sources.iter().any(|place| place.header() == Some(header));
            let of_time = scheme.timestamp.as_ref().is_some_and(|rule| in_scheme(&rule.from));
            let of_id = scheme.id.as_ref().is_some_and(|rule| in_scheme(&rule.from));
            if !in_scheme(&scheme.signature.from) && !of_time && !of_id {
                continue;
            }
            parts += 1;
            // An entry that no receiver reads may follow.
            for at in 0..value.find(",v0=").unwrap_or(value.len()) {
                for with in [value.as_bytes()[at] ^ 1, value.as_bytes()[at] ^ 0x20] {
                    let mut bytes = value.clone().into_bytes();
                    bytes[at] = with;
                    let Ok(text) = String::from_utf8(bytes) else { continue };
                    let mut changed = good.clone();
                    changed.headers[index].1 = text;
                    assert!(refused(&changed), "{name}: byte {at} of `{header}: {value}`");
                }
            }
            let mut gone = good.clone();
            gone.headers.remove(index);
            assert!(refused(&gone), "{name}: without `{header}`");
        }
        assert!(parts > 0 || name == "mailgun", "{name} has no signature");
        // The URL, where it is signed.
        if provider.scheme.content.has_url() {
            assert!(refused(&Message { url: URL.replace("x=1", "x=2"), ..good.clone() }), "{name}: another URL");
        }
    }
}

#[test]
fn of_mailgun_the_three_signed_values_are_covered_and_the_event_is_not() {
    let provider = provider("mailgun");
    let (secret, _) = secrets(&provider);
    let (id, message) = unsigned(&provider, 0, 1);
    let good = signed(&provider, &secret, &id, &message);
    let change = |pointer: &str| {
        let mut body: Value = serde_json::from_slice(&good.body).unwrap();
        let text = body.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        (0..text.len())
            .map(|at| {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1;
                *body.pointer_mut(pointer).unwrap() = String::from_utf8(bytes).unwrap().into();
                let changed = Message { body: body.to_string().into_bytes(), ..good.clone() };
                changed.verify_within(&provider.scheme, &secret, NOW, Tolerance::Unlimited).outcome.is_ok()
            })
            .collect::<Vec<bool>>()
    };
    for pointer in ["/signature/timestamp", "/signature/token", "/signature/signature"] {
        let accepted = change(pointer);
        assert!(!accepted.is_empty() && accepted.iter().all(|ok| !ok), "{pointer}: {accepted:?}");
    }
    assert!(change("/event-data/recipient").iter().all(|ok| *ok), "what the documentation says is not signed");
}

#[test]
fn a_timestamp_counts_as_each_provider_counts_it() {
    // The furthest past and future that are accepted, in seconds.
    for (name, past, future) in [
        ("svix", Some(300), Some(300)),
        ("stripe", Some(300), None),
        ("slack", Some(300), Some(300)),
        ("paddle", Some(5), Some(5)),
        ("linear", Some(60), Some(60)),
        ("hubspot", Some(300), None),
        ("zoom", None, None),
        ("discord", None, None),
        ("sendgrid", None, None),
        ("mailgun", Some(900), Some(900)),
        ("calendly", Some(180), None),
        ("mux", Some(300), None),
        ("workos", Some(180), None),
        ("twitch", Some(600), None),
        ("openai", Some(300), Some(300)),
        ("gitlab@signed", Some(300), Some(300)),
    ] {
        let provider = provider(name);
        let (secret, public) = secrets(&provider);
        let (id, message) = unsigned(&provider, 0, 1);
        let good = signed(&provider, &secret, &id, &message);
        let cause = |now| good.verify(&provider.scheme, &public, now).outcome.err().map(|failure| failure.cause);
        let year = 366 * 86_400;
        for (limit, sign, expected) in
            [(past, 1, FailureCause::TimestampTooOld), (future, -1, FailureCause::TimestampTooNew)]
        {
            assert_eq!(cause(NOW + sign * limit.unwrap_or(year)), None, "{name}");
            if let Some(limit) = limit {
                assert_eq!(cause(NOW + sign * (limit + 1)), Some(expected), "{name}");
            }
        }
    }
}

#[test]
fn twilio_takes_json_only_with_the_hash_of_the_body_in_the_url() {
    let vector = vectors().into_iter().find(|vector| vector["scheme"] == "twilio-json").unwrap();
    let mut message = Message {
        method: "POST".to_owned(),
        url: vector["url"].as_str().unwrap().to_owned(),
        headers: pairs(&vector["headers"]),
        body: STANDARD.decode(vector["body_b64"].as_str().unwrap()).unwrap(),
    };
    let scheme = provider("twilio").scheme;
    assert!(message.verify(&scheme, "12345", NOW).outcome.is_ok());
    message.url = message.url.replace("//mycompany.com/", "//mycompany.com:443/");
    assert!(message.verify(&scheme, "12345", NOW).outcome.is_ok(), "the port that https has anyway");
    for at in 0..message.body.len() {
        message.body[at] ^= 1;
        assert!(message.verify(&scheme, "12345", NOW).outcome.is_err(), "byte {at}");
        message.body[at] ^= 1;
    }
}

/// The one handshake of a preset that fits, solved.
fn solved(name: &str, message: &Message, secret: &str) -> Vec<(bool, ChallengeResponse)> {
    let provider = provider(name);
    let solve = |request: &Request<'_>| {
        let fitting = provider.challenges.iter().filter(|challenge| challenge.matches(request));
        fitting
            .map(|one| (one.signed, one.respond(&provider.scheme, &[Secret::new(secret)], request).unwrap()))
            .collect::<Vec<_>>()
    };
    message.with(solve)
}

fn post(body: &str) -> Message {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Message { method: "POST".to_owned(), url: "/hooks".to_owned(), headers, body: body.into() }
}

#[test]
fn every_handshake_is_solved_as_documented() {
    let text = "text/plain; charset=utf-8";
    let secret = "secret-of-zoom";
    let answer = |status, kind: &str, body: &str| ChallengeResponse {
        status,
        content_type: kind.to_owned(),
        body: body.to_owned(),
    };
    let slack = post(r#"{"token":"t","challenge":"3eZ\"brw","type":"url_verification"}"#);
    assert_eq!(solved("slack", &slack, secret), [(true, answer(200, text, "3eZ\"brw"))]);
    let zoom =
        post(r#"{"event":"endpoint.url_validation","event_ts":1,"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}"#);
    // From Python: hmac.new(b"secret-of-zoom", b"qgg8vlvZRS6UYooatFL8Aw", "sha256").hexdigest()
    let expected = r#"{"plainToken":"qgg8vlvZRS6UYooatFL8Aw","encryptedToken":"7ba36916c4848a78bebc7784ed8201a5627ee3cabe6dadf1e486b89d45f1979b"}"#;
    assert_eq!(solved("zoom", &zoom, secret), [(true, answer(200, "application/json", expected))]);
    let key = "00".repeat(32);
    let interaction = post(r#"{"id":"1","application_id":"2","type":1,"token":"t","version":1}"#);
    let reply = answer(200, "application/json", r#"{"type":1}"#);
    assert_eq!(solved("discord", &interaction, &key), [(true, reply.clone())]);
    assert_eq!(solved("discord", &post(r#"{"type":1}"#), &key), [(true, reply)]);
    let ping = post(r#"{"version":1,"application_id":"2","type":0}"#);
    assert_eq!(solved("discord", &ping, &key), [(true, answer(204, text, ""))]);
    let meta = Message {
        method: "GET".to_owned(),
        url: "/hooks?hub.mode=subscribe&hub.challenge=11%2058&hub.verify_token=meatyhamhock".to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    assert_eq!(solved("meta", &meta, secret), [(false, answer(200, text, "11 58"))]);
    let posted = Message { method: "POST".to_owned(), ..meta };
    assert_eq!(solved("meta", &posted, secret), [], "only a GET is one");
    let twitch = |kind: &str| {
        let mut message =
            post(r#"{"challenge":"pogchamp-kappa-360noscope-vohiyo","subscription":{"type":"stream.online"}}"#);
        message.headers.push(("Twitch-Eventsub-Message-Type".to_owned(), kind.to_owned()));
        solved("twitch", &message, secret)
    };
    let reply = answer(200, text, "pogchamp-kappa-360noscope-vohiyo");
    assert_eq!(twitch("webhook_callback_verification"), [(true, reply)]);
    assert_eq!(twitch("notification"), []);
    let mut saved = post("webhook_id=7");
    saved.headers[0].1 = "application/x-www-form-urlencoded".to_owned();
    assert_eq!(solved("woocommerce", &saved, secret), [(false, answer(200, text, ""))]);
    saved.headers.push(("X-WC-Webhook-Signature".to_owned(), "x".to_owned()));
    assert_eq!(solved("woocommerce", &saved, secret), [], "a signed request is an event");
    assert_eq!(provider("discord").responses.invalid.status, 401, "Discord tries a wrong signature");
}

#[test]
fn no_event_is_taken_for_a_handshake() {
    let mut handshakes = 0;
    for name in PRESETS {
        let provider = provider(name);
        handshakes += provider.challenges.len();
        for event in 0..provider.events.len() {
            let (_, message) = unsigned(&provider, event, 1);
            let fits = message.with(|request| provider.challenges.iter().any(|challenge| challenge.matches(request)));
            assert!(!fits, "{name} {}", provider.events[event].event_type);
        }
    }
    assert_eq!(handshakes, 7);
}

/// A program that signs and checks without us.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Helper {
    Python,
    Node,
}

impl Helper {
    /// Who knows a preset: Node those with a key pair, Python all others.
    fn of(name: &str) -> Self {
        if matches!(name, "discord" | "sendgrid") { Self::Node } else { Self::Python }
    }

    /// Gives orders to a script, a line each, and returns a result for each.
    pub(crate) fn ask(self, script: &str, orders: &[Value]) -> Vec<Value> {
        let (program, folder, ending) = match self {
            Self::Python => ("WHK_INTEROP_PYTHON", "WHK_INTEROP_PYTHON_DIR", "py"),
            Self::Node => ("WHK_INTEROP_NODE", "WHK_INTEROP_NODE_DIR", "mjs"),
        };
        let setting =
            |name: &str| whk::environment::var(name).unwrap_or_else(|| panic!("`{name}` is not set; hint: tests/run"));
        let input = orders.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
        let script = format!("{}/{script}.{ending}", setting(folder));
        let answers = TestEnv::new().program(setting(program), [script]).stdin(input).run().assert_exit(0).json();
        assert_eq!(answers.len(), orders.len(), "every order is answered");
        answers
    }
}

fn order(what: &str, name: &str, secret: &str, message: &Message) -> Value {
    json!({
        "do": what, "scheme": name, "secret": secret, "timestamp": NOW, "method": message.method,
        "url": message.url, "headers": message.headers, "body_b64": STANDARD.encode(&message.body),
    })
}

/// An event of a preset, not signed yet.
struct Case {
    name: &'static str,
    provider: Provider,
    secret: String,
    public: String,
    id: String,
    message: Message,
}

/// Every event of the presets that a helper knows.
fn cases(helper: Helper) -> Vec<Case> {
    let mut cases = Vec::new();
    for name in PRESETS.into_iter().filter(|name| Helper::of(name) == helper) {
        let provider = provider(name);
        let (secret, public) = secrets(&provider);
        for event in 0..provider.events.len() {
            let (id, message) = unsigned(&provider, event, 7);
            let (provider, secret, public) = (provider.clone(), secret.clone(), public.clone());
            cases.push(Case { name, provider, secret, public, id, message });
        }
    }
    cases
}

#[test]
fn what_we_sign_others_accept_and_what_is_changed_they_refuse() {
    for helper in [Helper::Python, Helper::Node] {
        let cases = cases(helper);
        let mut orders = Vec::new();
        for Case { name, provider, secret, public, id, message } in &cases {
            let good = signed(provider, secret, id, message);
            orders.push(order("check", name, public, &good));
            let mut bad = good;
            match provider.scheme.signature.from[0].header() {
                Some(header) => {
                    let value = &mut bad.headers.iter_mut().find(|(name, _)| name == header).unwrap().1;
                    let at = value.find(",v0=").unwrap_or(value.len()) - 4;
                    let other = if value.as_bytes()[at] == b'a' { "b" } else { "a" };
                    value.replace_range(at..=at, other);
                }
                None => {
                    bad.body =
                        provider.body_format.set_pointer(&bad.body, "/signature/token", "another".into()).unwrap();
                }
            }
            orders.push(order("check", name, public, &bad));
        }
        for (case, answers) in cases.iter().zip(helper.ask("schemes", &orders).chunks(2)) {
            assert_eq!(answers[0], json!({"valid": true}), "{}", case.name);
            assert_eq!(answers[1], json!({"valid": false}), "{}", case.name);
        }
    }
}

#[test]
fn what_others_sign_we_accept() {
    let mut accepted = 0;
    for helper in [Helper::Python, Helper::Node] {
        let cases = cases(helper);
        let orders: Vec<Value> =
            cases.iter().map(|case| order("sign", case.name, &case.secret, &case.message)).collect();
        for (case, answer) in cases.iter().zip(helper.ask("schemes", &orders)) {
            assert!(answer["error"].is_null(), "{}: {answer}", case.name);
            let mut message = case.message.clone();
            message.headers.extend(pairs(&answer["headers"]));
            message.body = STANDARD.decode(answer["body_b64"].as_str().unwrap()).unwrap();
            let outcome = message.verify(&case.provider.scheme, &case.public, NOW).outcome;
            assert!(outcome.is_ok(), "{}: {outcome:?}", case.name);
            accepted += 1;
        }
    }
    assert_eq!(accepted, 105);
}

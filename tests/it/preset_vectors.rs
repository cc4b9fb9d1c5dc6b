//! A vector for each preset of the second batch. Their providers publish none with its key, so most were computed with
//! Python's `hmac` over the same body and secret.

use whk::signing::{FailureCause, Header, Keyring, Request, Secret, Tolerance, verify};

use crate::harness::provider::provider;

/// 2021-02-25T15:02:10Z.
const NOW: i64 = 1_614_265_330;

const SECRET: &str = "secret-of-the-tests";
const BODY: &str = r#"{"id":"evt_1"}"#;

type Headers = &'static [(&'static str, &'static str)];

/// The presets with their headers. Of the two signatures of `pagerduty`, the second is that of this secret.
const VECTORS: &[(&str, Headers)] = &[
    ("bitbucket", &[("X-Hub-Signature", "sha256=aeb1a9c695e901b25c9c6737649e09e39ca28792cab078aa17132d869297a152")]),
    (
        "calendly",
        &[(
            "Calendly-Webhook-Signature",
            "t=1614265330,v1=578182ed1b138dd0ace0fe6c4d96cd4eb9ef56628f3583093f566d8245f8c89b",
        )],
    ),
    ("gitea", &[("X-Gitea-Signature", "aeb1a9c695e901b25c9c6737649e09e39ca28792cab078aa17132d869297a152")]),
    ("intercom", &[("X-Hub-Signature", "sha1=d2732dd3ad27337b31148577b4427844bcfe9248")]),
    ("lemonsqueezy", &[("X-Signature", "aeb1a9c695e901b25c9c6737649e09e39ca28792cab078aa17132d869297a152")]),
    ("mux", &[("Mux-Signature", "t=1614265330,v1=578182ed1b138dd0ace0fe6c4d96cd4eb9ef56628f3583093f566d8245f8c89b")]),
    (
        "pagerduty",
        &[(
            "X-PagerDuty-Signature",
            "v1=b5d88d7f7220a6c1b64ed00d6fec213c4df7f57ba00e62793ae529c2dccf4f2a,v1=aeb1a9c695e901b25c9c6737649e09e39ca28792cab078aa17132d869297a152",
        )],
    ),
    ("razorpay", &[("X-Razorpay-Signature", "aeb1a9c695e901b25c9c6737649e09e39ca28792cab078aa17132d869297a152")]),
    ("sentry", &[("Sentry-Hook-Signature", "aeb1a9c695e901b25c9c6737649e09e39ca28792cab078aa17132d869297a152")]),
    (
        "twitch",
        &[
            ("Twitch-Eventsub-Message-Id", "msg-1"),
            ("Twitch-Eventsub-Message-Timestamp", "2021-02-25T15:02:10.123456789Z"),
            (
                "Twitch-Eventsub-Message-Signature",
                "sha256=2e46e759152740bed2594009d7870f6849aa3c538f792cbe620560ce8bf9e28c",
            ),
        ],
    ),
    ("typeform", &[("Typeform-Signature", "sha256=rrGpxpXpAbJcnGc3ZJ4J45yih5LKsHiqFxMthpKXoVI=")]),
    ("vercel", &[("X-Vercel-Signature", "d2732dd3ad27337b31148577b4427844bcfe9248")]),
    ("woocommerce", &[("X-WC-Webhook-Signature", "rrGpxpXpAbJcnGc3ZJ4J45yih5LKsHiqFxMthpKXoVI=")]),
    (
        "workos",
        &[("WorkOS-Signature", "t=1614265330000, v1=676c02435b7119bec1d6d1f4e478793f21fdc729e0e2f4b732d50adf67e99383")],
    ),
];

#[track_caller]
fn cause(preset: &str, secret: &str, headers: &[(&str, &str)], body: &str) -> Option<FailureCause> {
    let scheme = provider(preset).scheme;
    let ring = Keyring::new(&scheme, &[Secret::new(secret)]).unwrap();
    let headers: Vec<Header<'_>> =
        headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
    let request = Request { method: "POST", url: "/", headers: &headers, body: body.as_bytes() };
    verify(&scheme, &ring, &request, NOW, Tolerance::Scheme).outcome.err().map(|failure| failure.cause)
}

#[test]
fn computed_vectors_verify_and_neither_another_body_nor_another_secret_does() {
    for (preset, headers) in VECTORS {
        assert_eq!(cause(preset, SECRET, headers, BODY), None, "{preset}");
        let longer = format!("{BODY} ");
        assert_eq!(cause(preset, SECRET, headers, &longer), Some(FailureCause::SecretMismatch), "{preset}");
        assert_eq!(cause(preset, "another secret", headers, BODY), Some(FailureCause::SecretMismatch), "{preset}");
    }
}

#[test]
fn the_published_vector_of_standard_webhooks_holds_for_those_that_use_it() {
    let headers = [
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ];
    for preset in ["openai", "gitlab@signed"] {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert_eq!(cause(preset, secret, &headers, r#"{"test": 2432232314}"#), None, "{preset}");
        let changed = cause(preset, secret, &headers, r#"{"test": 2432232315}"#);
        assert_eq!(changed, Some(FailureCause::SecretMismatch), "{preset}");
    }
}

#[test]
fn the_token_of_gitlab_is_compared_and_signs_nothing() {
    for body in [BODY, "{}"] {
        assert_eq!(cause("gitlab", "a token", &[("X-Gitlab-Token", "a token")], body), None);
    }
    let other = cause("gitlab", "a token", &[("X-Gitlab-Token", "a tokem")], BODY);
    assert_eq!(other, Some(FailureCause::SecretMismatch));
    assert_eq!(cause("gitlab", "a token", &[], BODY), Some(FailureCause::MissingHeader));
}

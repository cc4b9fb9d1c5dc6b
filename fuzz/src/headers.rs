//! Headers and bodies through `verify`, with a secret that signed none of them.

use whk::provider::Provider;
use whk::signing::{Keyring, Secret, Tolerance, ed25519_pair, to_standard_webhooks, verify};

use super::sample::{Sample, line, setting};

/// The public half of a P-256 key whose private half nobody has kept.
const P256: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEjL3bFRAQTD37t5mR2WxdVnbHy61H+eTRqSOyAQSW5TLDbt21+jTSDe4C+318ZiCbvjjeNAw9K2GcoJ9/5l0FKg==";

/// The first line of `data` names a provider and the clock; the rest is a request. It is never valid.
pub fn run(data: &[u8]) {
    let mut text = data;
    let (provider, now) = setting(line(&mut text));
    let secret = other_secret(&provider);
    let Ok(ring) = Keyring::new(&provider.scheme, &[secret]) else { panic!("{} takes no secret", provider.name) };
    Sample::read(text).with(|request| {
        for tolerance in [Tolerance::Scheme, Tolerance::Unlimited, Tolerance::Seconds(now.unsigned_abs())] {
            let verification = verify(&provider.scheme, &ring, request, now, tolerance);
            let Err(failure) = verification.outcome else { panic!("valid as {}: {request:?}", provider.name) };
            assert!(!failure.message.is_empty(), "{failure:?}");
        }
    });
}

/// A secret that the provider's scheme takes, and that signed no sample.
fn other_secret(provider: &Provider) -> Secret {
    let pair = ed25519_pair([0x5a; 32]).map(|byte| format!("{byte:02x}")).concat();
    let texts = [to_standard_webhooks(b"a key that signed nothing at all"), pair, P256.to_owned()];
    let mut secrets = texts.into_iter().map(Secret::new);
    secrets
        .find(|secret| Keyring::new(&provider.scheme, std::slice::from_ref(secret)).is_ok())
        .expect("one of them fits")
}

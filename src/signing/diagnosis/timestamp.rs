//! Variants of a timestamp in another unit than the scheme's.

use crate::signing::{Scheme, TimestampUnit};

/// A timestamp that may have been signed.
pub(super) struct TimestampVariant {
    /// The name for scripts; `None` if it is in the scheme's own unit.
    pub(super) name: Option<&'static str>,
    pub(super) value: Vec<u8>,
    /// The time in unix seconds, if the unit is not the scheme's own.
    pub(super) signed_at: Option<i64>,
}

/// Returns the timestamp as received, then as it would be in the scheme's unit.
pub(super) fn timestamp_variants(scheme: &Scheme, timestamp: &[u8]) -> Vec<TimestampVariant> {
    let mut variants = vec![TimestampVariant { name: None, value: timestamp.to_vec(), signed_at: None }];
    let number = std::str::from_utf8(timestamp).ok().and_then(|text| text.parse::<i64>().ok());
    let Some((rule, number)) = scheme.timestamp.as_ref().zip(number) else { return variants };
    let mut header_alone = |name, value: i64, seconds| {
        let value = value.to_string().into_bytes();
        variants.push(TimestampVariant { name: Some(name), value, signed_at: Some(seconds) });
    };
    let as_received = match rule.unit {
        TimestampUnit::Seconds if number >= 100_000_000_000_000 => Some(("microseconds", number / 1_000_000)),
        TimestampUnit::Seconds if number >= 100_000_000_000 => {
            header_alone("milliseconds in the header alone", number / 1000, number / 1000);
            Some(("milliseconds", number / 1000))
        }
        TimestampUnit::Milliseconds if number < 100_000_000_000 => {
            header_alone("seconds in the header alone", number.saturating_mul(1000), number);
            None
        }
        _ => None,
    };
    // A number that the scheme can read is not in another unit, however unlikely it is: such a request can be valid.
    if let Some((unit, seconds)) = as_received.filter(|_| rule.unit.read(timestamp).is_none()) {
        (variants[0].name, variants[0].signed_at) = (Some(unit), Some(seconds));
    }
    variants
}

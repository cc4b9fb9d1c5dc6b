//! The faults that tests send.

/// The faults of `whk send --fault`.
pub(crate) const FAULTS: [&str; 10] = [
    "tampered-body",
    "wrong-secret",
    "missing-signature",
    "missing-id",
    "missing-timestamp",
    "malformed-signature",
    "expired",
    "future",
    "reserialized-body",
    "truncated-body",
];

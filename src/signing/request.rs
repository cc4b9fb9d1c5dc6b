//! A received request as the signing core sees it: borrowed bytes, nothing decoded.

/// One header line; the name in any case, the value as received.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// The field name.
    pub name: &'a str,
    /// The field value's bytes.
    pub value: &'a [u8],
}

/// The parts of a request that a scheme may sign.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method, upper case.
    pub method: &'a str,
    /// The request target, or the complete URL if it is known.
    pub url: &'a str,
    /// The headers in order, repeats included.
    pub headers: &'a [Header<'a>],
    /// The body, byte for byte.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// Returns all values of the header `name`, compared case-insensitively.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        // Most differ in length, which is seen without a call.
        let is_it = move |have: &str| have.len() == name.len() && have.eq_ignore_ascii_case(name);
        self.headers.iter().filter(move |header| is_it(header.name)).map(|header| header.value)
    }

    /// True if the header `name` is present.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }
}

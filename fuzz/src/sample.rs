//! An input of the targets `headers` and `diagnosis` as text: settings, then a request, of which every byte counts.

use std::rc::Rc;

use whk::provider::{Catalog, Provider, ProviderRef};
use whk::signing::{Header, Request};

/// A request whose parts need not be possible ones.
pub struct Sample {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl Sample {
    /// A first line of method and target, lines of `name: value`, an empty line, the body. Nothing is refused.
    pub fn read(mut text: &[u8]) -> Self {
        let first = String::from_utf8_lossy(line(&mut text)).into_owned();
        let mut words = first.split(' ').map(str::to_owned);
        let method = words.next().unwrap_or_default();
        let url = words.next().unwrap_or_default();
        let mut headers = Vec::new();
        while !text.is_empty() {
            let line = line(&mut text);
            if line.is_empty() {
                break;
            }
            let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            let value = line.get(colon + 1..).unwrap_or_default();
            let value = value.strip_prefix(b" ").unwrap_or(value);
            headers.push((String::from_utf8_lossy(&line[..colon]).into_owned(), value.to_vec()));
        }
        Self { method, url, headers, body: text.to_vec() }
    }

    pub fn with<T>(&self, with: impl FnOnce(&Request<'_>) -> T) -> T {
        let headers: Vec<Header<'_>> = self.headers.iter().map(|(name, value)| Header { name, value }).collect();
        with(&Request { method: &self.method, url: &self.url, headers: &headers, body: &self.body })
    }
}

/// The next line of `text`, which is left with what follows.
pub fn line<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|byte| *byte == b'\n');
    let line = &text[..end.unwrap_or(text.len())];
    *text = end.map_or(&[], |end| &text[end + 1..]);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The first line: a provider and the time of the clock. Any text names some provider.
pub fn setting(line: &[u8]) -> (Rc<Provider>, i64) {
    let line = String::from_utf8_lossy(line);
    let (name, now) = line.split_once(' ').unwrap_or((&line, ""));
    let providers = providers();
    let named = providers.iter().find(|provider| provider.name == name);
    let any = line.bytes().map(usize::from).sum::<usize>() % providers.len();
    (Rc::clone(named.unwrap_or(&providers[any])), now.parse().unwrap_or(1_772_439_333))
}

/// Every built-in provider, read once.
pub fn providers() -> Rc<Vec<Rc<Provider>>> {
    thread_local! {
        static PROVIDERS: Rc<Vec<Rc<Provider>>> = {
            let catalog = Catalog::default();
            let load = |name| Rc::new(catalog.load(&ProviderRef::default_edition(name)).expect("a built-in provider can be read"));
            Rc::new(catalog.names().map(load).collect())
        };
    }
    PROVIDERS.with(Rc::clone)
}

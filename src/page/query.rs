//! The parameters of a request to the API.

use super::store::Position;
use crate::inspect::RecordFilter;

/// The number of records of a list, unless it is said, and at most.
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;

/// The records of a list or a stream.
#[derive(Clone, Debug)]
pub(super) struct ListQuery {
    pub(super) position: Option<Position>,
    pub(super) limit: usize,
    /// True to leave out headers and bodies.
    pub(super) brief: bool,
    /// The words of the search box.
    pub(super) filter: RecordFilter,
}

impl ListQuery {
    /// Reads the parameters `after`, `before`, `limit`, `brief`, `q`. The error names the one that cannot be read.
    pub(super) fn parse(query: &str) -> Result<Self, String> {
        let mut parsed = Self { position: None, limit: DEFAULT_LIMIT, brief: false, filter: RecordFilter::default() };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let number = || value.parse::<u64>().map_err(|_| wrong(&name, &value));
            match &*name {
                "after" => parsed.position = Some(Position::After(number()?)),
                "before" => parsed.position = Some(Position::Before(number()?)),
                "limit" => parsed.limit = usize::try_from(number()?).unwrap_or(MAX_LIMIT).clamp(1, MAX_LIMIT),
                "brief" => parsed.brief = matches!(&*value, "" | "1" | "true"),
                "q" => parsed.filter = value.parse()?,
                // A parameter of a later version.
                _ => {}
            }
        }
        Ok(parsed)
    }
}

fn wrong(name: &str, value: &str) -> String {
    format!("`{name}` must be a number, not `{value}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_and_limits_hold() {
        let query = ListQuery::parse("after=7&limit=5000&brief=1&new=x").unwrap();
        assert_eq!((query.position, query.limit, query.brief), (Some(Position::After(7)), MAX_LIMIT, true));
        let query = ListQuery::parse("before=3&limit=0").unwrap();
        assert_eq!((query.position, query.limit, query.brief), (Some(Position::Before(3)), 1, false));
        assert_eq!(ListQuery::parse("after=x").unwrap_err(), "`after` must be a number, not `x`");
        assert!(ListQuery::parse("").unwrap().position.is_none());
    }
}

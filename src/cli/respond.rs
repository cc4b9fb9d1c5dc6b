//! The value of `--respond-for`: a script of responses for some events.

use std::str::FromStr;

use crate::provider::EventPattern;
use crate::receiver::ResponseScript;

/// `GLOB=SPEC`: the script for events of these types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptRoute {
    /// The types.
    pub types: EventPattern,
    /// The script.
    pub script: ResponseScript,
}

impl FromStr for ScriptRoute {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (types, script) = text.split_once('=').ok_or_else(|| format!("`{text}` has no `=`: expected GLOB=SPEC"))?;
        Ok(Self { types: types.parse()?, script: script.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_follows_the_pattern_of_its_types() {
        assert!("message.*".parse::<ScriptRoute>().is_err());
        let one: ScriptRoute = "message.*=500".parse().unwrap();
        assert!(one.types.matches("message.bounced"));
    }
}

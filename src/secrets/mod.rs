//! Secrets: the ones that are given or configured, and the development secret if there is neither.

pub mod development;
mod source;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use source::SecretSource;

use crate::environment;
use crate::error::{Error, Result};
use crate::provider::Provider;
use crate::signing::Secret;
use source::{COMMAND_LINE, read};

/// The handling of a provider without a configured secret and without a development secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingSecret {
    /// Creates the development secret.
    Create,
    /// Fails: a secret that is created now cannot have signed earlier requests.
    Fail,
}

/// The secrets of one provider in a config file.
#[derive(Clone, Debug)]
pub struct ConfiguredSecrets {
    /// The name of the provider.
    pub provider: String,
    /// The sources of the secrets, in order.
    pub sources: Vec<SecretSource>,
    /// The config file; paths are relative to its directory.
    pub path: PathBuf,
}

/// The secrets of a provider, each with its source.
#[derive(Debug)]
pub struct ResolvedSecrets {
    /// The secrets, at least one.
    pub secrets: Vec<Secret>,
    /// The origin of them all.
    pub origin: SecretOrigin,
    /// Notes on the way the secrets are given.
    pub notes: Vec<SecretNote>,
    /// The source of each secret, for people: `env:NAME`, `file:PATH`, or a description.
    pub sources: Vec<String>,
}

/// The origin of secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretOrigin {
    /// A flag, a variable of the environment or a config file, described for people.
    Configured(String),
    /// The data directory.
    Development,
}

impl fmt::Display for SecretOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configured(origin) => origin,
            Self::Development => "development secret",
        })
    }
}

/// A note on the way a secret is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretNote {
    /// A detail.
    Detail(String),
    /// A likely mistake.
    Hint(String),
}

/// Finds the secrets of providers: those of the command line, else of `WHK_SECRET`, else of the config files, else the
/// development secret. Sources are read when a secret is needed.
#[derive(Clone, Debug)]
pub struct SecretResolver {
    given: Vec<SecretSource>,
    configured: Arc<[ConfiguredSecrets]>,
}

impl SecretResolver {
    /// Makes a resolver of the secrets of the command line and of the config files, the nearest file first.
    #[must_use]
    pub fn new(given: Vec<SecretSource>, configured: Arc<[ConfiguredSecrets]>) -> Self {
        Self { given, configured }
    }

    /// Returns the secrets of the command line, else of `WHK_SECRET`: they are for any provider.
    ///
    /// # Errors
    /// A variable is not set, or a file cannot be read or is empty.
    pub fn given(&self) -> Result<Option<ResolvedSecrets>> {
        if !self.given.is_empty() {
            return read(&self.given, Path::new(""), COMMAND_LINE).map(Some);
        }
        let Some(text) = environment::var("WHK_SECRET") else { return Ok(None) };
        if text.is_empty() {
            return Err(Error::new("`WHK_SECRET` is set and empty").hint("unset WHK_SECRET"));
        }
        read(&[SecretSource::Variable("WHK_SECRET".to_owned())], Path::new(""), "WHK_SECRET").map(Some)
    }

    /// Returns the given or configured secrets of a provider; `None` if only the development secret is left.
    ///
    /// # Errors
    /// A variable is not set, or a file cannot be read or is empty.
    pub fn configured(&self, provider: &Provider) -> Result<Option<ResolvedSecrets>> {
        if let Some(given) = self.given()? {
            return Ok(Some(given));
        }
        let Some(found) = self.configured.iter().find(|found| found.provider == provider.name) else { return Ok(None) };
        if found.sources.is_empty() {
            return Ok(None);
        }
        let directory = found.path.parent().unwrap_or(Path::new(""));
        read(&found.sources, directory, &found.path.display().to_string()).map(Some)
    }

    /// Returns the secrets of a provider: given, configured, or the development secret.
    ///
    /// # Errors
    /// A source cannot be read, the development secret cannot be created, or there is no secret.
    pub fn resolve(&self, provider: &Provider, missing: MissingSecret) -> Result<ResolvedSecrets> {
        if let Some(found) = self.configured(provider)? {
            return Ok(found);
        }
        let development = match missing {
            MissingSecret::Create => Some(development::get_or_create(provider)?),
            MissingSecret::Fail => development::get(provider)?,
        };
        development
            .map(of_development)
            .ok_or_else(|| Error::new("no secret is configured").hint("pass it with -s env:NAME or -s file:PATH"))
    }

    /// Returns the secrets of a provider, if there are any; none is created.
    ///
    /// # Errors
    /// A source cannot be read.
    pub fn find(&self, provider: &Provider) -> Result<Option<ResolvedSecrets>> {
        match self.configured(provider)? {
            Some(found) => Ok(Some(found)),
            None => Ok(development::get(provider)?.map(of_development)),
        }
    }

    /// Returns whether the config files have secrets of any provider.
    #[must_use]
    pub fn has_configured(&self) -> bool {
        !self.configured.is_empty()
    }
}

fn of_development(secret: Secret) -> ResolvedSecrets {
    ResolvedSecrets {
        secrets: vec![secret],
        origin: SecretOrigin::Development,
        notes: Vec::new(),
        sources: vec!["the development secret".to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Catalog;

    fn provider(name: &str) -> Provider {
        Catalog::default().load(&name.parse().unwrap()).unwrap()
    }

    fn literal(text: &str) -> Vec<SecretSource> {
        vec![text.parse().unwrap()]
    }

    fn texts(found: Option<ResolvedSecrets>) -> Option<(Vec<String>, SecretOrigin)> {
        found.map(|found| {
            (found.secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect::<Vec<_>>(), found.origin)
        })
    }

    #[test]
    fn given_secrets_come_before_configured_ones_and_the_nearest_file_first() {
        let of = |path: &str, secret: &str| ConfiguredSecrets {
            provider: "aisend".to_owned(),
            sources: literal(secret),
            path: path.into(),
        };
        let configured: Arc<[ConfiguredSecrets]> = [of("near/whk.toml", "near"), of("far/whk.toml", "far")].into();
        let resolver = SecretResolver::new(Vec::new(), Arc::clone(&configured));
        let near = (vec!["near".to_owned()], SecretOrigin::Configured("near/whk.toml".to_owned()));
        assert_eq!(texts(resolver.configured(&provider("aisend")).unwrap()), Some(near));
        assert_eq!(texts(resolver.configured(&provider("selfmx")).unwrap()), None, "it is another provider's");
        assert!(resolver.has_configured());
        let resolver = SecretResolver::new(literal("given"), configured);
        let given = (vec!["given".to_owned()], SecretOrigin::Configured(COMMAND_LINE.to_owned()));
        for name in ["aisend", "selfmx"] {
            assert_eq!(texts(resolver.resolve(&provider(name), MissingSecret::Fail).ok()), Some(given.clone()));
        }
    }

    #[test]
    fn a_newline_at_the_end_of_a_file_is_noted() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "text\r\n").unwrap();
        let configured = [ConfiguredSecrets {
            provider: "aisend".to_owned(),
            sources: literal("file:secret"),
            path: folder.path().join("whk.toml"),
        }];
        let resolver = SecretResolver::new(Vec::new(), configured.into());
        let found = resolver.configured(&provider("aisend")).unwrap().unwrap();
        assert_eq!(found.secrets[0].expose_secret(), "text");
        let [SecretNote::Detail(note)] = &found.notes[..] else { panic!("{:?}", found.notes) };
        assert!(note.starts_with("the newline at the end of "), "{note}");
        assert_eq!(found.sources, ["file:secret"]);
    }
}

//! Settings: flags, then the environment, the project's `whk.toml`, the user's file, and the built-in default. One
//! function for each setting.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::cli::{ByteSize, ListenAddress, ServeAddress, ToleranceArg};
use crate::data_dir;
use crate::duration::HumanDuration;
use crate::environment;
use crate::error::{Error, Result};
use crate::http::client::Endpoint;
use crate::output::ColorChoice;
use crate::provider::ProviderRef;
use crate::secrets::{ConfiguredSecrets, SecretResolver, SecretSource};
use crate::signing::Tolerance;
use crate::strict_toml;

/// The file's name, in a project and in the user's folder alike.
pub const FILE_NAME: &str = "whk.toml";

/// A config file. All keys are optional; an unknown key is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ConfigFile {
    /// The default provider.
    provider: Option<Spanned<ProviderRef>>,
    /// `auto`, `always` or `never`.
    #[serde(default, deserialize_with = "choice")]
    color: Option<ColorChoice>,
    /// A provider's secret or secrets: `env:NAME`, `file:PATH` or a text.
    #[serde(default)]
    secrets: BTreeMap<Spanned<String>, SecretList>,
    #[serde(default)]
    listen: ListenSection,
    #[serde(default)]
    send: SendSection,
    #[serde(default)]
    serve: ServeSection,
    #[serde(default)]
    verify: VerifySection,
    /// The file itself; its paths are relative to the folder that holds it.
    #[serde(skip)]
    path: PathBuf,
    /// The providers that have secrets here, each with its place: `file:line:column`.
    #[serde(skip)]
    secret_locations: Vec<(String, String)>,
    /// The place of the default provider.
    #[serde(skip)]
    default_location: String,
}

impl ConfigFile {
    /// Returns the secrets of this file.
    fn secrets(&self) -> impl Iterator<Item = ConfiguredSecrets> {
        self.secrets.iter().map(|(provider, secrets)| ConfiguredSecrets {
            provider: provider.get_ref().clone(),
            sources: secrets.sources().to_vec(),
            path: self.path.clone(),
        })
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ListenSection {
    address: Option<ListenAddress>,
    log: Option<PathBuf>,
    sync: Option<bool>,
    rotate: Option<ByteSize>,
    keep: Option<NonZeroU32>,
    max_body: Option<ByteSize>,
    tolerance: Option<ToleranceArg>,
    allow_host: Option<Vec<String>>,
    forward_to: Option<Endpoint>,
    forward_timeout: Option<HumanDuration>,
    slow_after: Option<HumanDuration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SendSection {
    url: Option<Endpoint>,
    timeout: Option<HumanDuration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ServeSection {
    address: Option<ServeAddress>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct VerifySection {
    tolerance: Option<ToleranceArg>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a secret or a list of secrets: `env:NAME`, `file:PATH` or a text")]
enum SecretList {
    One(SecretSource),
    Many(Vec<SecretSource>),
}

impl SecretList {
    fn sources(&self) -> &[SecretSource] {
        match self {
            Self::One(source) => std::slice::from_ref(source),
            Self::Many(sources) => sources,
        }
    }
}

fn choice<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<ColorChoice>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(serde::de::Error::custom)
}

/// The config files that apply, nearest first.
#[derive(Debug, Default)]
pub struct Config {
    files: Vec<ConfigFile>,
    /// The secrets of all files, the nearest file first.
    secrets: Arc<[ConfiguredSecrets]>,
    /// Set once the hint on a secret was shown: secrets are resolved for each provider.
    hinted: OnceLock<()>,
}

impl Config {
    /// Reads the file named by `--config`, else the project's; then the user's.
    ///
    /// # Errors
    /// A file that was named is missing, or a file is malformed; with file, line and column.
    pub fn read(named: Option<&Path>) -> Result<Self> {
        let project = match named {
            Some(path) => Some(path.to_owned()),
            None => std::env::current_dir()
                .ok()
                .and_then(|folder| folder.ancestors().map(|folder| folder.join(FILE_NAME)).find(|path| path.is_file())),
        };
        let user = environment::config_dir().map(|folder| folder.join(FILE_NAME)).filter(|path| path.is_file());
        let mut paths: Vec<PathBuf> = Vec::new();
        for path in [project, user].into_iter().flatten() {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        let files = paths.iter().map(|path| read(path)).collect::<Result<Vec<ConfigFile>>>()?;
        let secrets = files.iter().flat_map(ConfigFile::secrets).collect();
        Ok(Self { files, secrets, hinted: OnceLock::new() })
    }

    fn first<'a, T>(&'a self, setting: impl Fn(&'a ConfigFile) -> Option<T>) -> Option<T> {
        self.files.iter().find_map(setting)
    }

    /// Returns when to use colours.
    #[must_use]
    pub fn color(&self, flag: Option<ColorChoice>) -> ColorChoice {
        flag.or_else(ColorChoice::from_environment).or_else(|| self.first(|file| file.color)).unwrap_or_default()
    }

    /// Returns the default provider: it counts if neither a flag nor the event determines another.
    #[must_use]
    pub fn provider(&self) -> Option<ProviderRef> {
        self.first(|file| file.provider.as_ref().map(|name| name.get_ref().clone()))
    }

    /// Returns the address to listen on.
    #[must_use]
    pub fn address(&self, flag: Option<ListenAddress>) -> ListenAddress {
        flag.or_else(|| self.first(|file| file.listen.address.clone())).unwrap_or_default()
    }

    /// Returns the address of `whk serve`.
    #[must_use]
    pub fn serve_address(&self, flag: Option<ServeAddress>) -> ServeAddress {
        flag.or_else(|| self.first(|file| file.serve.address.clone())).unwrap_or_default()
    }

    /// Returns the log; `None` means the one in the data folder.
    #[must_use]
    pub fn log(&self, flag: Option<PathBuf>) -> Option<PathBuf> {
        flag.or_else(|| self.first(|file| file.listen.log.as_ref().map(|log| file.folder().join(log))))
    }

    /// Returns the path of the default log, which `listen` writes and other commands read if none is named: the one in
    /// the files, else `events.jsonl` in the data folder. It need not exist.
    ///
    /// # Errors
    /// The system has no data folder.
    pub fn default_log(&self) -> Result<PathBuf> {
        match self.log(None) {
            Some(path) => Ok(path),
            None => Ok(data_dir::path()?.join(format!("{LOG_NAME}.jsonl"))),
        }
    }

    /// True if a response waits until its record is on the disk.
    #[must_use]
    pub fn sync(&self, flag: bool) -> bool {
        flag || self.first(|file| file.listen.sync).unwrap_or_default()
    }

    /// Returns the size at which the log is rotated; `None` means never.
    #[must_use]
    pub fn rotate(&self, flag: Option<ByteSize>) -> Option<ByteSize> {
        flag.or_else(|| self.first(|file| file.listen.rotate))
    }

    /// Returns the number of rotated log files to keep; `None` means all.
    #[must_use]
    pub fn keep(&self, flag: Option<NonZeroU32>) -> Option<NonZeroU32> {
        flag.or_else(|| self.first(|file| file.listen.keep))
    }

    /// Returns the maximum size of a body in bytes: 1 MiB by default, as in `AhaSend`'s own SDK.
    #[must_use]
    pub fn max_body(&self, flag: Option<ByteSize>) -> usize {
        let size = flag.or_else(|| self.first(|file| file.listen.max_body)).unwrap_or(ByteSize(1 << 20));
        usize::try_from(size.0).unwrap_or(usize::MAX)
    }

    /// Returns the accepted hosts beside this machine's own names.
    #[must_use]
    pub fn allowed_hosts(&self, flags: &[String]) -> Vec<String> {
        if !flags.is_empty() {
            return flags.to_vec();
        }
        self.first(|file| file.listen.allow_host.clone()).unwrap_or_default()
    }

    /// Returns the handler to forward requests to.
    #[must_use]
    pub fn forward_to(&self, flag: Option<Endpoint>) -> Option<Endpoint> {
        flag.or_else(|| self.first(|file| file.listen.forward_to.clone()))
    }

    /// Returns the handler's timeout; `None` means the provider's own.
    #[must_use]
    pub fn forward_timeout(&self, flag: Option<HumanDuration>) -> Option<HumanDuration> {
        flag.or_else(|| self.first(|file| file.listen.forward_timeout))
    }

    /// Returns the time after which a response is marked as slow; `None` means the provider's own timeout.
    #[must_use]
    pub fn slow_after(&self, flag: Option<HumanDuration>) -> Option<HumanDuration> {
        flag.or_else(|| self.first(|file| file.listen.slow_after))
    }

    /// Returns the tolerance of `listen`.
    #[must_use]
    pub fn listen_tolerance(&self, flag: Option<ToleranceArg>) -> Tolerance {
        flag.or_else(|| self.first(|file| file.listen.tolerance)).map_or(Tolerance::Scheme, |flag| flag.0)
    }

    /// Returns the tolerance of `verify`.
    #[must_use]
    pub fn verify_tolerance(&self, flag: Option<ToleranceArg>) -> Tolerance {
        flag.or_else(|| self.first(|file| file.verify.tolerance)).map_or(Tolerance::Scheme, |flag| flag.0)
    }

    /// Returns the URL to send to: as [`Config::target`], else that of `whk listen`.
    ///
    /// # Errors
    /// `WHK_URL` is not an address.
    pub fn url(&self, argument: Option<Endpoint>) -> Result<Endpoint> {
        let path = argument.as_ref().filter(|argument| argument.is_path_only()).map(Endpoint::target);
        let default = || "http://127.0.0.1:9450/".parse::<Endpoint>().expect("the default is an address");
        Ok(match (self.target(argument)?, path) {
            (Some(target), _) => target,
            (None, Some(path)) => default().with_target(&path),
            (None, None) => default(),
        })
    }

    /// The URL of a handler: the argument, else `WHK_URL`, else `url` of `[send]`; none if nothing names one. An argument
    /// that is a path alone is that path on the others.
    ///
    /// # Errors
    /// `WHK_URL` is not an address.
    pub fn target(&self, argument: Option<Endpoint>) -> Result<Option<Endpoint>> {
        let path = match argument {
            Some(argument) if argument.is_path_only() => Some(argument.target()),
            Some(argument) => return Ok(Some(argument)),
            None => None,
        };
        let variable = environment::var("WHK_URL").filter(|text| !text.is_empty());
        let variable = variable.map(|text| text.parse::<Endpoint>()).transpose().map_err(|error| {
            Error::new("WHK_URL cannot be used").cause(error).hint("export WHK_URL=http://127.0.0.1:3000/")
        })?;
        let base = variable
            .filter(|endpoint| !endpoint.is_path_only())
            .or_else(|| self.first(|file| file.send.url.clone()).filter(|endpoint| !endpoint.is_path_only()));
        Ok(match path {
            Some(path) => base.map(|base| base.with_target(&path)),
            None => base,
        })
    }

    /// Returns the timeout of a delivery; `None` means the provider's own.
    #[must_use]
    pub fn timeout(&self, flag: Option<HumanDuration>) -> Option<HumanDuration> {
        flag.or_else(|| self.first(|file| file.send.timeout))
    }

    /// Rejects names of unknown providers: with a typing error, the setting would never be used. `known` gives the names
    /// of providers, `is_alias` tells if a name is another one of a provider.
    ///
    /// # Errors
    /// There is one; with file, line and column.
    pub fn check_providers<'a, I: Iterator<Item = &'a str>>(
        &self,
        known: impl Fn() -> I,
        is_alias: impl Fn(&str) -> Result<bool>,
    ) -> Result {
        let unknown = |name: &str| !known().any(|known| known == name);
        let rejected = |location: &str, name: &str| {
            let error = Error::new(format!("{location}: there is no provider `{name}`")).available("", known());
            Err(match strict_toml::nearest(name, known()) {
                Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
                None => error.hint(format!("to add your own: whk providers new {name}")),
            })
        };
        for file in &self.files {
            if let Some(default) = file.provider.as_ref().map(|name| name.get_ref().provider.as_str())
                && unknown(default)
                && !is_alias(default)?
            {
                return rejected(&file.default_location, default);
            }
            if let Some((name, location)) = file.secret_locations.iter().find(|(name, _)| unknown(name)) {
                return rejected(location, name);
            }
        }
        Ok(())
    }

    /// Returns whether this is the first call: a hint is shown once in a run.
    #[must_use]
    pub fn hints_first(&self) -> bool {
        self.hinted.set(()).is_ok()
    }

    /// Returns the resolver of secrets, of which `given` are those of the command line.
    #[must_use]
    pub fn secret_resolver(&self, given: &[SecretSource]) -> SecretResolver {
        SecretResolver::new(given.to_vec(), Arc::clone(&self.secrets))
    }
}

/// The name of the default log in the data folder.
const LOG_NAME: &str = "events";

/// Returns the log of a listener that finds the default log in use: `events-PORT.jsonl` in the data folder.
///
/// # Errors
/// The system has no data folder.
pub fn log_of_port(port: u16) -> Result<PathBuf> {
    Ok(data_dir::path()?.join(format!("{LOG_NAME}-{port}.jsonl")))
}

fn read(path: &Path) -> Result<ConfigFile> {
    let text = fs::read_to_string(path)
        .map_err(|error| Error::new(format!("cannot read the config file {}", path.display())).cause(error))?;
    let mut file: ConfigFile = strict_toml::read(path, &text)?;
    let location = |at: usize| format!("{}{}", path.display(), strict_toml::location(&text, at));
    file.default_location = file.provider.as_ref().map(|name| location(name.span().start)).unwrap_or_default();
    file.secret_locations =
        file.secrets.keys().map(|key| (key.get_ref().clone(), location(key.span().start))).collect();
    path.clone_into(&mut file.path);
    Ok(file)
}

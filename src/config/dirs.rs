//! Where reeld's own files are: configuration, state, sockets.
//!
//! Follows systemd's directory variables first and the XDG Base Directory Specification after them. The environment
//! comes in as a function, so that nothing here depends on the process it runs in.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::ConfigError;

/// The name of the configuration in its folder.
const FILE: &str = "reeld.toml";

/// Where the system's service has its control socket: the `RuntimeDirectory=` of its unit.
const SYSTEM_SOCKET_DIR: &str = "/run/reeld";

/// How the names begin of folders for chunks in a folder that may hold other things.
const IN_SHARED: &str = "reeld-";

/// Looks up a variable. One that is set to nothing counts as not set.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The environment of this process.
#[must_use]
pub fn process_env(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The configuration file: `explicit`, else `$REELD_CONFIG`, whether they exist or not; else the first that exists of
/// `$XDG_CONFIG_HOME/reeld/reeld.toml` (`~/.config` where it is not set) and `/etc/reeld/reeld.toml`.
pub fn locate(explicit: Option<&Path>, env: Env<'_>) -> Result<PathBuf, ConfigError> {
    if let Some(named) = explicit.map(Path::to_owned).or_else(|| variable(env, "REELD_CONFIG").map(PathBuf::from)) {
        return Ok(named);
    }
    first_existing(candidates(env))
}

/// The user's own configuration file, which `reeld init` writes: `$XDG_CONFIG_HOME/reeld/reeld.toml`.
pub fn user_config(env: Env<'_>) -> Result<PathBuf, ConfigError> {
    below_home(env, "XDG_CONFIG_HOME", ".config")
        .map(|folder| folder.join(FILE))
        .ok_or(ConfigError::NoPlace { what: "the configuration", variables: "XDG_CONFIG_HOME, HOME" })
}

/// The folder of the journal: `config`'s, else `$STATE_DIRECTORY`, else `$XDG_STATE_HOME/reeld`, else
/// `~/.local/state/reeld`.
pub fn state_dir(config: Option<&Path>, env: Env<'_>) -> Result<PathBuf, ConfigError> {
    config
        .map(Path::to_owned)
        .or_else(|| from_systemd(env, "STATE_DIRECTORY"))
        .or_else(|| below_home(env, "XDG_STATE_HOME", ".local/state"))
        .ok_or(ConfigError::NoPlace { what: "the journal", variables: "STATE_DIRECTORY, XDG_STATE_HOME, HOME" })
}

/// The folder of the chunks: `chunks` in `state`, the state folder; or a folder in `config`'s, which may hold other things,
/// such as the chunks of a daemon with another state folder. Its name is the state folder's alone.
#[must_use]
pub fn chunk_dir(config: Option<&Path>, state: &Path) -> PathBuf {
    config.map_or_else(
        || state.join("chunks"),
        |shared| {
            let hash = Sha256::digest(state.as_os_str().as_bytes());
            let name = hash.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
            shared.join(format!("{IN_SHARED}{name:016x}"))
        },
    )
}

/// Whether it is a folder in one that may hold other things.
#[must_use]
pub fn is_in_shared(chunk_dir: &Path) -> bool {
    chunk_dir.file_name().is_some_and(|name| name.as_bytes().starts_with(IN_SHARED.as_bytes()))
}

/// A folder for the control socket of a daemon, and who may use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketDir {
    /// `$RUNTIME_DIRECTORY`: the service manager says who is in the group of the folder, and that group may ask the daemon.
    OfService(PathBuf),
    /// A user's own: nobody else may ask. The group of the folder would be the user's primary group, which is the user alone on
    /// some systems and everybody on others.
    OfUser(PathBuf),
}

impl SocketDir {
    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        let (Self::OfService(path) | Self::OfUser(path)) = self;
        path
    }
}

/// Where a daemon listens: `$RUNTIME_DIRECTORY`, else `$XDG_RUNTIME_DIR/reeld`, else `state`, the state folder.
///
/// It takes `/run/reeld` by `$RUNTIME_DIRECTORY` alone, also as root: there the service manager makes and removes the
/// folder, and a daemon started by hand would be taken for the service.
#[must_use]
pub fn socket_dir(state: &Path, env: Env<'_>) -> SocketDir {
    if let Some(folder) = from_systemd(env, "RUNTIME_DIRECTORY") {
        return SocketDir::OfService(folder);
    }
    SocketDir::OfUser(own_runtime_dir(env).unwrap_or_else(|| state.to_owned()))
}

/// Where a client looks for a daemon, the nearest first: where one with the same environment and the state folder `state` would
/// listen, the user's own in any case before that of the system.
#[must_use]
pub fn socket_dirs(state: Option<&Path>, env: Env<'_>) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for folder in [
        from_systemd(env, "RUNTIME_DIRECTORY"),
        own_runtime_dir(env),
        state.map(Path::to_owned),
        Some(system_socket_dir(env)),
    ] {
        folders.extend(folder.filter(|folder| !folders.contains(folder)));
    }
    folders
}

/// Whether the environment names a state folder, as the service manager does.
#[must_use]
pub fn names_state(env: Env<'_>) -> bool {
    from_systemd(env, "STATE_DIRECTORY").is_some()
}

/// Whether the environment names a configuration file.
#[must_use]
pub fn names_config(env: Env<'_>) -> bool {
    variable(env, "REELD_CONFIG").is_some()
}

#[cfg(not(feature = "fault-points"))]
fn system_socket_dir(_env: Env<'_>) -> PathBuf {
    PathBuf::from(SYSTEM_SOCKET_DIR)
}

#[cfg(feature = "fault-points")]
fn system_socket_dir(env: Env<'_>) -> PathBuf {
    absolute(env, crate::fault::SYSTEM_SOCKET_DIR).unwrap_or_else(|| PathBuf::from(SYSTEM_SOCKET_DIR))
}

fn own_runtime_dir(env: Env<'_>) -> Option<PathBuf> {
    absolute(env, "XDG_RUNTIME_DIR").map(|folder| folder.join("reeld"))
}

/// The user's home folder.
pub(super) fn home(env: Env<'_>) -> Option<PathBuf> {
    absolute(env, "HOME")
}

fn candidates(env: Env<'_>) -> Vec<PathBuf> {
    let system = Path::new("/etc/reeld").join(FILE);
    user_config(env).into_iter().chain([system]).collect()
}

fn first_existing(candidates: Vec<PathBuf>) -> Result<PathBuf, ConfigError> {
    if let Some(found) = candidates.iter().find(|path| path.exists()) {
        return Ok(found.clone());
    }
    let is_closed = |path: &&PathBuf| path.try_exists().is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
    Err(ConfigError::NotFound { closed: candidates.iter().find(is_closed).cloned(), searched: candidates })
}

/// systemd.exec(5): with several directories configured, the variable is a list with colons; the first is the main one.
fn from_systemd(env: Env<'_>, name: &str) -> Option<PathBuf> {
    let list = variable(env, name)?.into_vec();
    let first = list.split(|byte| *byte == b':').find(|part| !part.is_empty())?;
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(first)))
}

fn below_home(env: Env<'_>, name: &str, fallback: &str) -> Option<PathBuf> {
    absolute(env, name).or_else(|| Some(home(env)?.join(fallback))).map(|folder| folder.join("reeld"))
}

/// The XDG specification has relative paths ignored.
fn absolute(env: Env<'_>, name: &str) -> Option<PathBuf> {
    variable(env, name).map(PathBuf::from).filter(|path| path.is_absolute())
}

fn variable(env: Env<'_>, name: &str) -> Option<OsString> {
    env(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Explain as _;

    fn env(vars: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<OsString> {
        move |name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
    }

    fn state(config: Option<&str>, vars: &'static [(&str, &str)]) -> String {
        state_dir(config.map(Path::new), &env(vars)).unwrap().display().to_string()
    }

    #[test]
    fn state_comes_from_the_first_that_says_where() {
        const ALL: &[(&str, &str)] =
            &[("STATE_DIRECTORY", "/var/lib/reeld:/var/lib/more"), ("XDG_STATE_HOME", "/x"), ("HOME", "/home/u")];
        assert_eq!(state(Some("/cfg"), ALL), "/cfg");
        assert_eq!(state(None, ALL), "/var/lib/reeld");
        assert_eq!(state(None, &[("STATE_DIRECTORY", ""), ("XDG_STATE_HOME", "/x"), ("HOME", "/home/u")]), "/x/reeld");
        assert_eq!(state(None, &[("XDG_STATE_HOME", "relative"), ("HOME", "/home/u")]), "/home/u/.local/state/reeld");
    }

    #[test]
    fn no_place_for_state_is_an_error_with_a_hint() {
        let error = state_dir(None, &env(&[])).unwrap_err();
        insta::assert_snapshot!(format!("{error}\nhint: {}", error.hint().unwrap()), @r#"
        no place for the journal: none of STATE_DIRECTORY, XDG_STATE_HOME, HOME is set
        hint: set HOME, or `state_dir` in the configuration
        "#);
    }

    #[test]
    fn a_daemon_listens_in_the_runtime_folder_or_beside_the_journal() {
        let listens = |vars| socket_dir(Path::new("/state"), &env(vars));
        let service = SocketDir::OfService("/run/reeld".into());
        assert_eq!(listens(&[("RUNTIME_DIRECTORY", "/run/reeld"), ("XDG_RUNTIME_DIR", "/run/user/1")]), service);
        assert_eq!(listens(&[("XDG_RUNTIME_DIR", "/run/user/1")]), SocketDir::OfUser("/run/user/1/reeld".into()));
        assert_eq!(listens(&[]), SocketDir::OfUser("/state".into()));
    }

    #[test]
    fn a_client_looks_for_its_own_daemon_before_that_of_the_system() {
        let looks = |state: Option<&str>, vars| socket_dirs(state.map(Path::new), &env(vars));
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(looks(None, &[]), paths(&["/run/reeld"]));
        assert_eq!(
            looks(Some("/state"), &[("XDG_RUNTIME_DIR", "/run/user/1")]),
            paths(&["/run/user/1/reeld", "/state", "/run/reeld"])
        );
        assert_eq!(
            looks(Some("/state"), &[("RUNTIME_DIRECTORY", "/run/reeld"), ("XDG_RUNTIME_DIR", "/run/user/1")]),
            paths(&["/run/reeld", "/run/user/1/reeld", "/state"])
        );
        // Wherever a daemon listens, a client with the same environment looks.
        for vars in [&[("RUNTIME_DIRECTORY", "/a:/b")][..], &[("XDG_RUNTIME_DIR", "/run/user/1")], &[]] {
            let there = socket_dir(Path::new("/state"), &env(vars));
            assert_eq!(looks(Some("/state"), vars)[0], there.path());
        }
    }

    #[test]
    fn chunks_lie_beside_the_journal_or_where_the_configuration_says() {
        assert_eq!(chunk_dir(None, Path::new("/state")), Path::new("/state/chunks"));
        let own = chunk_dir(Some(Path::new("/large")), Path::new("/state"));
        assert_eq!(own.parent(), Some(Path::new("/large")));
        assert!(is_in_shared(&own) && !is_in_shared(Path::new("/state/chunks")));
        assert_ne!(chunk_dir(Some(Path::new("/large")), Path::new("/another")), own);
    }

    #[test]
    fn a_named_configuration_wins() {
        let vars = env(&[("REELD_CONFIG", "/from/env.toml"), ("HOME", "/home/u")]);
        assert_eq!(locate(Some(Path::new("mine.toml")), &vars).unwrap(), Path::new("mine.toml"));
        assert_eq!(locate(None, &vars).unwrap(), Path::new("/from/env.toml"));
        let empty = env(&[("REELD_CONFIG", "")]);
        assert_ne!(locate(None, &empty).ok().as_deref(), Some(Path::new("")));
    }

    #[test]
    fn the_users_configuration_comes_before_the_systems() {
        let vars = env(&[("XDG_CONFIG_HOME", "/xdg"), ("HOME", "/home/u")]);
        assert_eq!(candidates(&vars), ["/xdg/reeld/reeld.toml", "/etc/reeld/reeld.toml"].map(PathBuf::from));
        let vars = env(&[("HOME", "/home/u")]);
        assert_eq!(candidates(&vars)[0], Path::new("/home/u/.config/reeld/reeld.toml"));
        assert_eq!(candidates(&env(&[])), [PathBuf::from("/etc/reeld/reeld.toml")]);
    }

    #[test]
    fn the_first_that_exists_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let (missing, here) = (dir.path().join("missing.toml"), dir.path().join("here.toml"));
        std::fs::write(&here, "").unwrap();
        assert_eq!(first_existing(vec![missing, here.clone()]).unwrap(), here);
    }

    #[test]
    fn no_configuration_is_an_error_with_a_hint() {
        let error = first_existing(vec!["/nowhere/a.toml".into(), "/nowhere/b.toml".into()]).unwrap_err();
        insta::assert_snapshot!(format!("{error}\nhint: {}", error.hint().unwrap()), @r#"
        no configuration found, looked for /nowhere/a.toml, /nowhere/b.toml
        hint: `reeld init` writes a commented one; `--config FILE` names one elsewhere
        "#);
        let closed = ConfigError::NotFound { searched: Vec::new(), closed: Some("/etc/reeld/reeld.toml".into()) };
        let hint = closed.hint().unwrap();
        assert!(hint.starts_with("you may not look whether there is /etc/reeld/reeld.toml; `reeld init`"), "{hint}");
    }
}

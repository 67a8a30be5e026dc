//! Reading the config again, on a worker.

use std::path::Path;
use std::sync::Arc;

use crate::config::{Config, Settings, dirs};
use crate::core::event::Fresh;
use crate::daemon::error::ReloadError;
use crate::encode::ffmpeg::Ffmpeg;
use crate::text::printable::Show as _;

/// Says what of a config holds from the next start on only. The rest holds at once.
pub(super) fn tell_what_waits_for_a_start(config: &Config, state: &Path) {
    let asked = dirs::state_dir(config.state_dir.as_deref(), &dirs::process_env);
    if let Some(asked) = asked.ok().filter(|asked| asked != state) {
        let hint = "restart reeld to use it";
        tracing::warn!(state_dir = %asked.shown(), in_use = %state.shown(), hint, "`state_dir` is another one now, which needs a restart");
    }
}

/// Reads the config, and looks whether its FFmpeg can be used. `before` is the one in use.
pub(super) fn read(settings: &Settings, before: &Path, state: &Path) -> Result<Fresh, ReloadError> {
    let Config { file, encoder, .. } = &*settings.config;
    let was_named = encoder.ffmpeg.as_deref();
    let config = Config::load(file)?;
    let named = config.encoder.ffmpeg.as_deref();
    let program = match Ffmpeg::locate(named) {
        Ok(program) => program,
        // Nobody asked for another one, and the one in use is away, as in the middle of an upgrade.
        Err(_) if named == was_named => before.to_owned(),
        Err(error) => return Err(error.into()),
    };
    if program != before {
        match Ffmpeg::ask(program.clone()) {
            Err(error) if !error.may_pass() => return Err(error.into()),
            _ => {}
        }
    }
    Ok(Fresh { settings: Arc::new(Settings::new(config, state)), program })
}

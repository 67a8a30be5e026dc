//! Trials of the recipes, on a worker: a few frames are encoded by the settings of each root.

use std::collections::{HashMap, HashSet};
use std::fs;

use crate::config::{Root, Settings};
use crate::core::command::Trouble;
use crate::core::effect::RecipeKey;
use crate::core::event::Tried;
use crate::encode::ffmpeg::{Ffmpeg, Stop};
use crate::encode::{self, EncodeError, Extent, PROBE_HINT};
use crate::error::{Explain, chain};
use crate::pipeline::job::Tools;
use crate::text::printable::Show as _;

/// The folder in the state directory in which it is tried. One that a killed daemon left is removed by the next trial.
const FOLDER: &str = "trial";

pub(super) fn try_all(settings: &Settings, tools: &Tools, good: &HashSet<RecipeKey>, stop: &Stop) -> Tried {
    let mut tried = Tried::default();
    let ffmpeg = tools.ffmpeg();
    let mut failed: HashMap<RecipeKey, (String, Option<String>)> = HashMap::new();
    for root in &settings.config.roots {
        let preset = root.video.settings();
        let result = match &ffmpeg {
            Err(error) => Err(words(error)),
            Ok(ffmpeg) => {
                let Ffmpeg { path, version, identity } = ffmpeg;
                let key = format!("{} {version} {identity:?} {:?} {:?}", path.shown(), root.video, tools.encoder);
                if let Some(failed) = failed.get(&key) {
                    Err(failed.clone())
                } else if tried.good.contains(&key) || good.contains(&key) {
                    tried.good.insert(key);
                    Ok(())
                } else {
                    let result = try_one(ffmpeg, tools, root, stop);
                    match &result {
                        Ok(()) => drop(tried.good.insert(key)),
                        Err(why) => drop(failed.insert(key, why.clone())),
                    }
                    result
                }
            }
        };
        if stop.requested() {
            break;
        }
        if let Err((why, hint)) = result {
            tried.troubles.push(Trouble { root: root.path.shown().to_string(), preset, why, hint });
        }
    }
    tried
}

fn try_one(ffmpeg: &Ffmpeg, tools: &Tools, root: &Root, stop: &Stop) -> Result<(), (String, Option<String>)> {
    let folder = tools.journal.dir().join(FOLDER);
    let _ = fs::remove_dir_all(&folder);
    // Not with what is above it: a state directory that was removed must not come back empty.
    let made = fs::create_dir(&folder).map_err(EncodeError::io(&folder));
    let result =
        made.and_then(|()| encode::probe_in(ffmpeg, &root.video, &tools.encoder, &folder, Extent::VideoAndChunk, stop));
    let _ = fs::remove_dir_all(&folder);
    result.map_err(|error| {
        let (why, hint) = words(&error);
        (why, hint.or_else(|| Some(PROBE_HINT.to_owned())))
    })
}

fn words<E: Explain + 'static>(error: &E) -> (String, Option<String>) {
    (chain(error).to_string(), error.hint())
}

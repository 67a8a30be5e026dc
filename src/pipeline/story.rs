//! What a video says of how its frames were made.
//!
//! Owns which texts of the frames go into the video, under which keys, and what is said where one does not. Nothing here
//! fails a batch: a frame that is another file by now, or a text that cannot be read, costs that text.

use serde_json::{Map, Value, json};

use crate::config::{Container, Metadata, Root};
use crate::encode::recipe::Recipe;
use crate::encode::tags::{Key, Room, Tags, Text, Timecode};
use crate::error::chain;
use crate::frame::metadata::texts::{self, Texts};
use crate::sequence::{Batch, Frame, origin};
use crate::text::printable::Show as _;

/// Texts that ComfyUI reads as JSON. Anything else in their place would keep its page from finding the other one.
const GRAPHS: [&str; 2] = ["prompt", "workflow"];

/// What goes into a video, and what is to be said of what does not.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub(super) tags: Tags,
    /// For people, a sentence each.
    pub(super) notes: Vec<String>,
}

/// The story of a video of `count` frames by the settings of `root`.
///
/// Under the plain keys is what the last frame says: whoever drops the video on ComfyUI's page wants to go on from where the
/// work ended, and where the graph was changed during a run, the last one has the changes. What the first frame says
/// otherwise, such as the seed that the run began with, is kept beside it, with `_first` after the key.
pub(super) fn of(batch: &Batch, root: &Root, recipe: &Recipe, count: u64) -> Story {
    let (metadata, rate, playback) = (root.delivery.metadata, root.video.rate, &root.video.playback);
    let mut story = Story::default();
    let Some(space) = Room::of(recipe.container, count) else { return story };
    if metadata == Metadata::Nothing {
        return story;
    }
    let (Some(first), Some(last)) = (batch.frames.first(), batch.frames.last()) else { return story };
    let mut said = story.read(batch, last);
    let mut said_first = Vec::new();
    if batch.frames.len() > 1 {
        said_first = story.read(batch, first);
        if said.is_empty() {
            said = std::mem::take(&mut said_first);
        }
    }
    if metadata == Metadata::Everything {
        story.add(batch, "reeld", facts(batch, root, first, last, count));
        if matches!(recipe.container, Container::Mp4 | Container::Mov) {
            // Time codes count up, and the numbers of a film that runs backwards do not. Where the first frame stands still, its
            // own time code is that at which the film begins to move.
            let (first, _) = batch.span();
            let first = first.saturating_sub(playback.pauses(rate).0.into());
            story.tags.start_at((!playback.reverse).then(|| Timecode::of(first, rate)).flatten());
        }
    }
    // What matters most comes first, because it finds its place first.
    said.sort_by_key(|(key, _)| match *key {
        "workflow" => 0,
        "prompt" => 1,
        _ => 2,
    });
    let differs = |key: &str, text: &str| said.iter().all(|(known, last)| *known != key || last != text);
    said_first.retain(|(key, text)| differs(key, text));
    // They are others in each frame of a film. The first ones say where it begins, and all that is the same throughout.
    let stamps = said_first.iter().position(|(key, _)| *key == "blender").map(|at| said_first.remove(at).1);
    for (key, text) in said {
        let text = if key == "blender" { stamps.clone().unwrap_or(text) } else { text };
        story.add(batch, key, text);
    }
    let changed: Vec<String> = said_first.iter().map(|(key, _)| format!("`{key}`")).collect();
    if !changed.is_empty() {
        let changed = changed.join(", ");
        let note = format!(
            "the first and the last frame differ in {changed}: in the video is that of the last, and that of the first with \
             `_first` after its name"
        );
        tracing::info!(dir = %batch.dir.shown(), pattern = %batch.pattern, "{note}");
        story.notes.push(note);
    }
    for (key, text) in said_first {
        story.add(batch, &format!("{key}_first"), text);
    }
    for key in story.tags.fit(space) {
        let container = recipe.container;
        story.leave_out(batch, format!("`{}` is too long for {container}, and is not in the video", key.as_str()));
    }
    story
}

impl Story {
    /// What can be used of what `frame` says.
    fn read(&mut self, batch: &Batch, frame: &Frame) -> Vec<(&'static str, String)> {
        let path = batch.path_of(frame);
        let name = path.file_name().unwrap_or_default().shown().to_string();
        let Texts { texts, stamps, deforum, left_out } = match texts::read(&path, &frame.identity) {
            Ok(texts) => texts,
            Err(error) => {
                self.leave_out(batch, format!("what made {name} cannot be read: {}", chain(&error)));
                return Vec::new();
            }
        };
        for key in left_out {
            self.leave_out(batch, format!("`{key}` of {name} is too long or damaged, and is not in the video"));
        }
        let mut said: Vec<(&'static str, String)> = Vec::new();
        for (key, text) in texts {
            if GRAPHS.contains(&key) && !origin::is_object(text.as_bytes()) {
                self.leave_out(batch, format!("`{key}` of {name} is not JSON, and is not in the video"));
            } else {
                said.push((if key == "sd-metadata" { "sd_metadata" } else { key }, text));
            }
        }
        if !stamps.is_empty() {
            let stamps: Map<String, Value> =
                stamps.into_iter().map(|(key, value)| (key.to_owned(), Value::String(value))).collect();
            said.push(("blender", Value::Object(stamps).to_string()));
        }
        said.extend(deforum.map(|settings| ("deforum", settings)));
        said
    }

    fn leave_out(&mut self, batch: &Batch, note: String) {
        tracing::warn!(dir = %batch.dir.shown(), pattern = %batch.pattern, "{note}");
        self.notes.push(note);
    }

    fn add(&mut self, batch: &Batch, key: &str, text: String) {
        match (Key::new(key), Text::new(text)) {
            (Some(key), Some(text)) => self.tags.add(key, text),
            _ => self.leave_out(batch, format!("`{key}` is empty or has a zero in it, and is not in the video")),
        }
    }
}

/// What reeld knows of the video itself. Names without their folder, which is nobody's business. The first and the last frame are
/// those of the sequence, in whichever order the video shows them.
fn facts(batch: &Batch, root: &Root, first: &Frame, last: &Frame, count: u64) -> String {
    let (rate, playback) = (root.video.rate, &root.video.playback);
    let name = |frame: &Frame| batch.path_of(frame).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut facts = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pattern": batch.pattern.to_string(),
        "first": name(first),
        "last": name(last),
        "frames": count,
        "rate": format!("{}/{}", rate.num, rate.den),
    });
    let (held_first, held_last) = playback.pauses(rate);
    let shown = [
        ("reverse", playback.reverse, json!(true)),
        ("ping_pong", playback.ping_pong, json!(true)),
        ("loop", playback.times.get() > 1, json!(playback.times)),
        ("held_first", held_first > 0, json!(held_first)),
        ("held_last", held_last > 0, json!(held_last)),
    ];
    for (key, _, value) in shown.into_iter().filter(|(_, is_so, _)| *is_so) {
        facts[key] = value;
    }
    if let Some(by) = batch.made_by.as_ref().filter(|by| by.is_known()) {
        facts["generator"] = json!(by.generator);
    }
    facts.to_string()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::num::NonZeroU32;
    use std::sync::Arc;
    use std::time::Duration;

    use tempfile::TempDir;

    use super::*;
    use crate::config::{Builtin, Delivery, Preset, Video};
    use crate::encode::recipe::Source;
    use crate::files::identity_of;
    use crate::sequence::finish::FinishReason;
    use crate::sequence::gaps::NumberRanges;
    use crate::sequence::playback::Playback;
    use crate::sequence::{Padding, Pattern};

    /// A folder of frames with these texts.
    fn batch(frames: &[&[(&str, &str)]]) -> (TempDir, Batch) {
        let dir = tempfile::tempdir().unwrap();
        let frame = |(number, texts): (i64, &&[(&str, &str)])| {
            let path = dir.path().join(format!("f_{number:04}.png"));
            let mut encoder = png::Encoder::new(fs::File::create(&path).unwrap(), 8, 8);
            for (key, text) in *texts {
                encoder.add_itxt_chunk((*key).to_owned(), (*text).to_owned()).unwrap();
            }
            encoder.write_header().unwrap().write_image_data(&[0; 64]).unwrap();
            Frame { name: None, number, identity: identity_of(&fs::metadata(&path).unwrap()) }
        };
        let batch = Batch {
            dir: Arc::from(dir.path()),
            pattern: Pattern::new("f_", ".png", Padding::Width(4)),
            frames: (1..).zip(frames).map(frame).collect(),
            unreadable: Vec::new(),
            previews: Vec::new(),
            rewritten: NumberRanges::default(),
            missing: NumberRanges::default(),
            reason: FinishReason::Marker(".done".into()),
            taken_for: None,
            makers_rate: None,
            made_by: None,
        };
        (dir, batch)
    }

    fn story_of(batch: &Batch, metadata: Metadata, playback: Playback) -> Story {
        let root = Root::with_defaults("/".into());
        let video = Video { preset: Preset::Builtin(Builtin::H264), playback, ..Video::clone(&root.video) };
        let source = Source { width: 64, height: 64, deep: false, linear: false, alpha: false };
        let recipe = Recipe::resolve(&video, &source).unwrap();
        let delivery = Delivery { metadata, ..Delivery::clone(&root.delivery) };
        let root = Root { video: video.into(), delivery: delivery.into(), ..root };
        of(batch, &root, &recipe, batch.frames.len() as u64)
    }

    fn told(batch: &Batch, metadata: Metadata) -> (Vec<(String, String)>, Vec<String>) {
        let story = story_of(batch, metadata, Playback::default());
        (story.tags.iter().map(|(key, text)| (key.to_owned(), text.to_owned())).collect(), story.notes)
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn the_last_frame_speaks_and_the_first_is_heard_where_it_says_otherwise() {
        let first: &[_] = &[("prompt", "{\"seed\": 1}"), ("workflow", "{}"), ("parameters", "one")];
        let last: &[_] = &[("prompt", "{\"seed\": 9}"), ("workflow", "{}")];
        let (_dir, batch) = batch(&[first, &[("prompt", "{\"seed\": 5}")], last]);
        let (tags, notes) = told(&batch, Metadata::Frames);
        let expected = [
            ("workflow", "{}"),
            ("prompt", "{\"seed\": 9}"),
            ("prompt_first", "{\"seed\": 1}"),
            ("parameters_first", "one"),
        ];
        assert_eq!(tags, pairs(&expected));
        assert_eq!(notes.len(), 1);
        assert!(notes[0].contains("`prompt`, `parameters`"), "{notes:?}");
        assert_eq!(told(&batch, Metadata::Nothing), (Vec::new(), Vec::new()));
    }

    #[test]
    fn a_frame_that_is_another_file_by_now_costs_its_text_alone() {
        let text: &[_] = &[("prompt", "{\"nan\": NaN}")];
        let (dir, batch) = batch(&[text, text]);
        fs::write(dir.path().join("f_0002.png"), "another").unwrap();
        let (tags, notes) = told(&batch, Metadata::Frames);
        assert_eq!(tags, pairs(text));
        assert!(matches!(&notes[..], [note] if note.contains("what made f_0002.png cannot be read")), "{notes:?}");
        fs::remove_file(dir.path().join("f_0001.png")).unwrap();
        let (tags, notes) = told(&batch, Metadata::Frames);
        assert_eq!((tags, notes.len()), (Vec::new(), 2));
        // What reeld knows, it knows all the same.
        assert_eq!(told(&batch, Metadata::Everything).0.len(), 1);
    }

    #[test]
    fn stamps_are_those_of_the_first_frame() {
        let stamps = |frame| [("File", "/a.blend"), ("Frame", frame)];
        let (_dir, batch) = batch(&[&stamps("0001"), &stamps("0002")]);
        let (tags, notes) = told(&batch, Metadata::Frames);
        assert_eq!(tags, pairs(&[("blender", "{\"File\":\"/a.blend\",\"Frame\":\"0001\"}")]));
        assert!(notes.is_empty(), "{notes:?}");
    }

    #[test]
    fn the_order_in_which_frames_are_shown_is_told_and_the_time_code_follows() {
        let (_dir, mut batch) = batch(&[&[], &[]]);
        for frame in &mut batch.frames {
            frame.number += 100;
        }
        let of = |playback| {
            let story = story_of(&batch, Metadata::Everything, playback);
            let facts = story.tags.iter().find(|(key, _)| *key == "reeld").unwrap().1;
            (serde_json::from_str::<Value>(facts).unwrap(), story.tags.start().map(|start| start.to_string()))
        };
        let (facts, start) = of(Playback::default());
        assert!(["reverse", "ping_pong", "loop", "held_first"].iter().all(|key| facts.get(key).is_none()), "{facts}");
        assert_eq!(start.as_deref(), Some("00:00:04:05"), "frame 101");
        let held = Playback { hold_first: Duration::from_secs(2), ..Playback::default() };
        let (facts, start) = of(held);
        assert_eq!((&facts["held_first"], start.as_deref()), (&json!(48), Some("00:00:02:05")));
        assert_eq!(of(Playback { hold_first: Duration::from_secs(5), ..held }).1, None, "before the first of a day");
        let times = NonZeroU32::new(3).unwrap();
        let (facts, start) = of(Playback { reverse: true, ping_pong: true, times, ..Playback::default() });
        assert_eq!((&facts["reverse"], &facts["ping_pong"], &facts["loop"]), (&json!(true), &json!(true), &json!(3)));
        assert_eq!(start, None);
    }

    #[test]
    fn what_is_not_one_object_of_json_is_no_graph() {
        for text in ["", "no", "[1]", "{\"a\": 1", "{} {}", "\"{}\"", "{'a': 1}"] {
            assert!(!origin::is_object(text.as_bytes()), "{text}");
        }
        for text in ["{}", " {\"a\": [NaN, -Infinity, \"NaN\", Infinity]}\n", "{\"a\": \"\\ud800\"}"] {
            assert!(origin::is_object(text.as_bytes()), "{text}");
        }
    }
}

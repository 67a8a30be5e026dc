//! No file of reeld's moves the counter of a generator that goes on in the same folder. What each saver takes for its next number
//! is told here once more, as its own source has it.

use std::path::Path;

use super::*;
use crate::config::NameTemplate;
use crate::sequence::Padding;

/// Python's `int`, as far as it gives a number that counts.
fn int(text: &str) -> Option<u64> {
    let text = text.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    let is_plain = !text.starts_with('_') && !text.ends_with('_') && !text.contains("__");
    text.replace('_', "").parse().ok().filter(|_| is_plain && !text.contains('+'))
}

/// `get_save_image_path`: what follows the prefix and an underscore, up to one of `ends`.
fn comfyui(prefix: &str, names: &[String], ends: &[char]) -> u64 {
    let rest = |name: &String| {
        let start = name.get(..=prefix.len())?;
        let is_prefixed = start.strip_suffix('_')? == prefix;
        let number = name[prefix.len() + 1..].split(ends).next().and_then(int);
        is_prefixed.then_some(number.unwrap_or(0))
    };
    names.iter().filter_map(rest).max().unwrap_or(0) + 1
}

/// Video Helper Suite: `PREFIX_(\d+)\D*\..+`, in any case.
fn helper_suite(prefix: &str, names: &[String]) -> u64 {
    let digits = |name: &String| {
        let lower = name.to_lowercase();
        let rest = lower.strip_prefix(&format!("{}_", prefix.to_lowercase()))?;
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let (digits, rest) = rest.split_at(end);
        let (before, after) = rest.split_once('.')?;
        (before.chars().all(|c| !c.is_ascii_digit()) && !after.is_empty()).then(|| digits.parse().ok())?
    };
    names.iter().filter_map(digits).max().unwrap_or(0) + 1
}

/// AUTOMATIC1111's `get_next_sequence_number`.
fn webui(basename: &str, names: &[String]) -> u64 {
    let start = if basename.is_empty() { String::new() } else { format!("{basename}-") };
    let number = |name: &String| {
        let rest = name.strip_prefix(&start)?;
        let stem = rest.rfind('.').filter(|at| *at > 0).map_or(rest, |at| &rest[..at]);
        int(stem.split('-').next()?)
    };
    names.iter().filter_map(number).max().map_or(0, |number| number + 1)
}

/// What every saver would call its next image among `names`, if it were one of the saver's.
fn next(generator: Generator, prefix: &str, names: &[String]) -> Vec<u64> {
    match generator {
        Generator::Comfyui | Generator::Dream => {
            let prefix = prefix.trim_end_matches('_');
            vec![comfyui(prefix, names, &['_']), comfyui(prefix, names, &['_', '.']), helper_suite(prefix, names)]
        }
        Generator::A1111 | Generator::Animatediff => vec![webui("", names), webui(prefix.trim_end_matches('-'), names)],
        // These give every image a name of its own: of the time, of chance, or of the frame.
        _ => Vec::new(),
    }
}

/// Everything else that reeld puts beside frames.
const OWN: [&str; 5] =
    [".reeld-7.4711-18b6f0a2.part", ".reeld-done", ".reeld-trash-7", ".reeld-check-a1B2c3", ".reeld-1_2-3.part"];

/// The first names of a video of these frames, and everything else.
fn written(generator: Generator, pattern: &Pattern, dir: &str, template: &str, extension: &str) -> Vec<String> {
    let ctx = NameContext {
        pattern,
        has_twin: false,
        dir: Path::new(dir),
        first: 1,
        last: 48,
        count: 48,
        rate: FrameRate::default(),
        preset: "h264",
        date: "2026-11-20",
        time: "154501",
    };
    let template: NameTemplate = template.parse().unwrap();
    let stem = render(&template, &ctx).file_name().unwrap().to_owned();
    let names = Names::beside(stem, generator, &pattern.prefix);
    let videos: Vec<OsString> = names.candidates(extension).take(4).collect();
    for (at, video) in videos.iter().enumerate() {
        assert!(names.is_candidate(video) && !videos[..at].contains(video), "{videos:?}");
    }
    let videos = videos.into_iter().map(|video| video.into_string().unwrap());
    videos.chain(OWN.map(str::to_owned)).collect()
}

#[test]
fn nothing_that_reeld_writes_moves_a_generators_counter() {
    let savers = [
        (Generator::Comfyui, "ComfyUI_", "_.png", "output"),
        (Generator::Comfyui, "ComfyUI_", ".png", "output"),
        (Generator::Comfyui, "walk 2_", "_.png", "12"),
        (Generator::Comfyui, "a.b_", "_.webp", "walk_24fps"),
        (Generator::Dream, "frame_", ".png", "batch_0001"),
        (Generator::A1111, "", "-4711.png", "2024-03-01"),
        (Generator::A1111, "", ".png", "20240301"),
        (Generator::A1111, "grid-", ".png", "2024-03-01"),
        (Generator::Animatediff, "", ".png", "00003-4711"),
    ];
    let templates = [
        "{name}",
        "{name}_{time}",
        "{name}_{last}_{preset}",
        "{prefix}_{first}-{last}",
        "{prefix}-{count}",
        "{prefix}_{count}.{fps}",
        "{folder}",
        "{folder}_{fps}",
        "{date}_{time}",
        "{count}",
        "{last}-{prefix}",
        "COMFYUI_{time}_x",
        "video",
    ];
    for (generator, prefix, suffix, dir) in savers {
        let pattern = Pattern::new(prefix, suffix, Padding::Width(5));
        let frames: Vec<String> = (1..=48).map(|number| pattern.name(number).to_string()).collect();
        for template in templates {
            for extension in ["mp4", "webp", "mkv"] {
                let ours = written(generator, &pattern, dir, template, extension);
                let what = format!("{generator}: {prefix}#####{suffix} as {template} in {dir}: {ours:?}");
                let both = [&frames[..], &ours].concat();
                assert_eq!(next(generator, prefix, &both), next(generator, prefix, &frames), "{what}");
                // So it is after the frames are gone: then it begins where it would have begun.
                assert_eq!(next(generator, prefix, &ours), next(generator, prefix, &[]), "{what}");
            }
        }
    }
}

/// The rules that this is about do move, in names that reeld gave before.
#[test]
fn what_would_move_a_counter_is_called_otherwise() {
    let names = |generator, prefix: &str, suffix: &str, dir, template| {
        let pattern = Pattern::new(prefix, suffix, Padding::Width(5));
        written(generator, &pattern, dir, template, "mp4")[..2].join(" ")
    };
    let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(next(Generator::Comfyui, "ComfyUI_", &of(&["ComfyUI_2.mp4"])), [1, 3, 3]);
    assert_eq!(names(Generator::Comfyui, "ComfyUI_", "_.png", "output", "{name}"), "ComfyUI.mp4 ComfyUI-2.mp4");
    assert_eq!(next(Generator::Comfyui, "ComfyUI_", &of(&["ComfyUI_154501_h264.mp4"])), [154_502, 154_502, 1]);
    assert_eq!(
        names(Generator::Comfyui, "ComfyUI_", "_.png", "output", "{name}_{time}_{preset}"),
        "video-ComfyUI_154501_h264.mp4 video-ComfyUI_154501_h264_2.mp4"
    );
    assert_eq!(next(Generator::A1111, "", &of(&["2024-03-01.mp4"])), [2025, 2025]);
    assert_eq!(
        names(Generator::A1111, "", "-4711.png", "2024-03-01", "{folder}"),
        "video-2024-03-01.mp4 video-2024-03-01_2.mp4"
    );
    // A counter of somebody else's is nobody's business.
    assert_eq!(names(Generator::Plain, "ComfyUI_", "_.png", "output", "{name}"), "ComfyUI.mp4 ComfyUI_2.mp4");
    assert_eq!(names(Generator::Comfyui, "ComfyUI_", "_.png", "output", "video"), "video.mp4 video_2.mp4");
}

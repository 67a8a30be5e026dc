//! A test a generator, with its names and its texts; and that a wrong guess costs nothing.

use proptest::prelude::*;

use super::*;
use crate::sequence::origin::{Embedded, Stamps};

/// Whom a file is taken for by its path alone.
fn named(path: &str) -> Generator {
    let path = Path::new(path);
    let name = path.file_name().unwrap().as_bytes();
    MadeBy::of(None, [], false, path.parent().unwrap(), name).generator
}

/// Whom a text is taken for, in a file whose name tells nothing.
fn written(text: &str) -> Generator {
    let origin = Origin::of(&Embedded::Text { text: text.into(), cut: false });
    let made_by = MadeBy::of(None, [&Origin::default(), &origin], false, Path::new("/r"), b"x.png");
    assert_eq!(made_by.why, if made_by.generator == Generator::Plain { Sign::Nothing } else { Sign::Text }, "{text}");
    made_by.generator
}

fn ignored(generator: Generator, path: &str) -> Option<&'static str> {
    let path = Path::new(path);
    generator.ignores(path.parent().unwrap(), path.file_name().unwrap().as_bytes())
}

const NODE: &str = r#"{"3": {"class_type": "KSampler", "inputs": {"seed": 7}}}"#;
const PARAMETERS: &str = "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, Seed: 7, Size: 512x512";

#[test]
fn dream() {
    let counter = r#"{"2": {"class_type": "Frame Counter (Directory) [Dream]", "inputs": {"total_frames": 9}}}"#;
    assert_eq!(written(counter), Generator::Dream);
    assert_eq!(named("/out/anim/batch_0000/frame_00012.png"), Generator::Dream);
    // Anybody calls frames so.
    assert_eq!(named("/out/anim/frame_00012.png"), Generator::Plain);
}

#[test]
fn comfyui() {
    assert_eq!(written(NODE), Generator::Comfyui);
    assert_eq!(named("/ComfyUI/output/ComfyUI_00001_.png"), Generator::Comfyui);
    assert_eq!(named("/ComfyUI/output/walk/a b_00001_.webp"), Generator::Comfyui);
    assert_eq!(named("/out/ComfyUI_00001.png"), Generator::Plain);
    assert!(ignored(Generator::Comfyui, "/ComfyUI/temp/ComfyUI_temp_abcde_00001_.png").is_some());
    assert_eq!(ignored(Generator::Comfyui, "/ComfyUI/output/ComfyUI_00001_.png"), None);
}

#[test]
fn swarmui() {
    assert_eq!(written(r#"{"sui_image_params": {"prompt": "a cat", "seed": 7}}"#), Generator::Swarmui);
    assert_eq!(named("/Output/2024-05-01/1430012-a cat on a roof-model.png"), Generator::Swarmui);
}

#[test]
fn invokeai() {
    assert_eq!(
        written(r#"{"generation_mode": "txt2img", "positive_prompt": "a cat", "seed": 7}"#),
        Generator::Invokeai
    );
    assert_eq!(named("/invokeai/outputs/images/0b5ae1e2-4d2c-4c9e-8a9c-7f1f0e2f5a11.png"), Generator::Invokeai);
}

#[test]
fn fooocus() {
    assert_eq!(written(&format!("{PARAMETERS}, Version: Fooocus v2.5.0")), Generator::Fooocus);
    assert_eq!(named("/outputs/2023-12-01/2023-12-01_12-30-05_4711.png"), Generator::Fooocus);
}

#[test]
fn animatediff() {
    assert_eq!(written(&format!("{PARAMETERS}, AnimateDiff: \"enable: True, fps: 8\"")), Generator::Animatediff);
    assert_eq!(named("/outputs/AnimateDiff/2024-03-01/00003-4711/00007.png"), Generator::Animatediff);
    assert!(ignored(Generator::Animatediff, "/outputs/AnimateDiff/tmp/00001.png").is_some());
}

#[test]
fn a1111() {
    assert_eq!(written(PARAMETERS), Generator::A1111);
    assert_eq!(named("/outputs/txt2img-images/2024-03-01/00012-1234567.png"), Generator::A1111);
    assert_eq!(ignored(Generator::A1111, "/outputs/txt2img-grids/grid-0001.png"), Some("grids"));
    assert_eq!(ignored(Generator::A1111, "/outputs/img2img-images/00012-1234567-mask.png"), Some("masks"));
    assert_eq!(ignored(Generator::A1111, "/outputs/00012-1234567.png"), None);
}

#[test]
fn deforum() {
    assert_eq!(
        named("/outputs/img2img-images/Deforum_20240306104116/20240306104116_000000012.png"),
        Generator::Deforum
    );
    assert_eq!(named("/out/20240306104116_00012.png"), Generator::Deforum);
    let beside = MadeBy::of(None, [], true, Path::new("/r"), b"x.png");
    assert_eq!((beside.generator, beside.why), (Generator::Deforum, Sign::Settings));
    let depth = "/out/20240306104116_depth_00012.png";
    assert_eq!((named(depth), ignored(Generator::Deforum, depth)), (Generator::Deforum, Some("depth maps")));
}

#[test]
fn blender() {
    let stamps = Stamps { file: b"/a.blend".into(), frame: Some(12), ..Stamps::default() };
    let origin = Origin::of(&Embedded::Stamps(stamps));
    let made_by = MadeBy::of(None, [&origin], false, Path::new("/render"), b"0012.png");
    assert_eq!(made_by.to_string(), "Blender, by the text in the frames");
    // Without stamps nothing tells it from anybody's frames.
    assert_eq!(named("/render/0012.png"), Generator::Plain);
}

#[test]
fn octoprint() {
    assert_eq!(named("/timelapse/tmp/benchy_20250101120000-0.jpg"), Generator::Octoprint);
    assert_eq!(named("/timelapse/tmp/a b_20250101120000-1234.jpg"), Generator::Octoprint);
}

#[test]
fn moonraker() {
    assert_eq!(named("/tmp/timelapse/frame000001.jpg"), Generator::Moonraker);
    assert_eq!(named("/tmp/timelapse/frame00001.jpg"), Generator::Plain);
    assert!(Generator::Moonraker.is_marker(b"timelapse_benchy.gcode_20250101_1200.mp4"));
    assert!(!Generator::Moonraker.is_marker(b"frame.mp4") && !Generator::Plain.is_marker(b"timelapse_a.mp4"));
}

#[test]
fn motion() {
    assert_eq!(named("/var/lib/motion/01-20250101120000-00.jpg"), Generator::Motion);
    assert_eq!(named("/var/lib/motion/lastsnap.jpg"), Generator::Plain);
}

#[test]
fn allsky() {
    assert_eq!(named("/home/pi/allsky/images/20250101/image-20250101223000.jpg"), Generator::Allsky);
}

#[test]
fn gphoto() {
    assert_eq!(named("/photos/capt0012.jpg"), Generator::Gphoto);
    assert_eq!(named("/photos/20250101120000.jpg"), Generator::Gphoto);
}

#[test]
fn whoever_is_not_known_is_plain_and_loses_nothing() {
    let unknown = MadeBy::of(None, [&Origin::default()], false, Path::new("/r"), b"shot.0001.exr");
    assert_eq!((unknown.generator, unknown.why.clone()), (Generator::Plain, Sign::Nothing));
    assert_eq!(unknown.to_string(), "an unknown program");
    assert_eq!(written("a poem about Steps and Samplers"), Generator::Plain);
    assert_eq!(written(""), Generator::Plain);
    for path in ["/r/grid-0001.png", "/r/tmp/x.png", "/r/20240306104116_depth_00012.png"] {
        assert_eq!(ignored(Generator::Plain, path), None);
    }
}

#[test]
fn what_the_config_says_counts() {
    let stated = MadeBy::of(Some(Generator::Plain), [], true, Path::new("/r"), b"ComfyUI_00001_.png");
    assert_eq!((stated.generator, stated.why), (Generator::Plain, Sign::Stated));
}

#[test]
fn each_has_one_row_and_says_so_in_json_by_its_name() {
    let all: Vec<Generator> = Generator::all().collect();
    for generator in &all {
        assert_eq!(all.iter().filter(|other| *other == generator).count(), 1, "{generator:?}");
        assert_eq!(generator.row().generator, *generator);
    }
    assert_eq!(serde_json::to_string(&Generator::A1111).unwrap(), "\"a1111\"");
    assert_eq!(all.len(), 15);
}

proptest! {
    #[test]
    fn any_name_is_answered(dir in "(/[a-zA-Z0-9_.-]{0,12}){0,4}", name in prop::collection::vec(1u8.., 1..60)) {
        let _ = MadeBy::of(None, [], false, Path::new(&dir), &name);
        let _ = Generator::of_text(&name);
    }
}

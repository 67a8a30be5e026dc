//! Labelled sets, each made like its maker makes it.

use super::made::*;
use crate::sequence::film::FilmVerdict::{self, Film, Stills, Unsure};
use crate::sequence::film::judge;

/// What a set is, the set, its label, and words that must be among the reasons.
type Row = (&'static str, Set, FilmVerdict, &'static str);

pub(super) fn table() -> Vec<Row> {
    [
        renderers(),
        programs(),
        comfyui_batches(),
        comfyui_queues(),
        stills_of_comfyui(),
        web_uis(),
        cameras(),
        photographs(),
        no_films(),
    ]
    .concat()
}

/// Renderers.
fn renderers() -> Vec<Row> {
    vec![
        ("Blender with stamps", set(48).named("render", ".png").text(|i| blender(i + 1)), Film, "count frames"),
        ("Blender without stamps", set(48).dir("/p/renders/shot_010"), Film, "resembles"),
        (
            "Blender, a title that does not move",
            set(48).text(|i| blender(i + 1)).show(flat(48, 200)),
            Film,
            "count frames",
        ),
        ("Blender, stamps and a strobe", set(48).text(|i| blender(i + 1)).show(strobe(48)), Unsure, "count frames"),
        ("Blender, a strobe without stamps", set(48).show(strobe(48)), Unsure, "whatever they show"),
        ("Blender, five minutes a frame", set(30).every(300.0, 0.2).text(|i| blender(i + 1)), Film, "steady"),
        ("Blender, five frames to try", set(5).every(1.0, 0.1).text(|i| blender(i + 1)), Unsure, "only 5 frames"),
        ("Blender, every tenth frame", set(20).numbers((0..20).map(|i| 1 + 10 * i)).show(pan(20, 0.9)), Film, "order"),
        ("Blender, from before zero", set(14).numbers(-5..9), Film, "resembles"),
        (
            "Blender, four frames asked for",
            set(4).named("still", ".png").numbers([1, 20, 50, 51]).every(1.0, 0.1).text(|i| blender(i + 1)),
            Stills,
            "irregular gaps",
        ),
        (
            "Blender, three frames to try",
            set(3).dir("/p/renders").numbers([1, 15, 30]).every(1.0, 0.1).text(|i| blender(i + 1)),
            Stills,
            "irregular gaps",
        ),
        (
            "Blender, seven frames to try, at a steady pace",
            set(7).dir("/p/renders").numbers([1, 8, 20, 44, 45, 90, 99]).text(|i| blender(i + 1)),
            Stills,
            "irregular gaps",
        ),
        (
            "Blender, a part of what a farm is at",
            set(30).numbers((0..30).map(|i| i * i + i % 3)).text(|i| blender(i + 1)),
            Unsure,
            "irregular gaps",
        ),
        ("one frame rendered by hand", set(1).text(blender), Stills, "only one frame"),
        ("a farm, out of order", set(100).by_farm(), Film, "resembles"),
        (
            "a farm that lost five frames",
            set(95).numbers((1..=100).filter(|n| n % 20 != 7)).by_farm(),
            Film,
            "24 frames",
        ),
        (
            "a farm in the middle of its work",
            set(30).numbers((0..30).map(|i| i * i + i % 3)).by_farm(),
            Unsure,
            "irregular gaps",
        ),
        ("a viewport at 20 frames a second", set(60).every(0.05, 0.2), Film, "order"),
        ("EXR from frame 1001", set(60).named("beauty.", ".exr").numbers(1001..1061), Film, "order"),
        ("a normal pass from frame 1001", set(60).named("shot_normal.", ".exr").numbers(1001..1061), Film, "order"),
        ("cut every 8 frames", set(48).show(cuts(48, 8)), Film, "order"),
        ("cut every frame", set(48).show(cuts(48, 1)), Unsure, "whatever they show"),
        ("cut every frame, with two thumbnails", set(48).show(cuts(48, 1)).stray(2), Stills, "unlike"),
        (
            "some of a day's photographs, every half minute",
            set(30).numbers((0..30).map(|i| i * i)).show(unlike(30)),
            Stills,
            "irregular gaps",
        ),
        ("two thumbnails among the frames", set(48).stray(2).text(|i| blender(i + 1)), Film, "count frames"),
        ("nearly black", set(24).show(flat(24, 1)), Film, "resembles"),
        ("a turntable of 36 pictures", set(36).dir("/p/turntable").show(pan(36, 0.5)), Film, "folder"),
    ]
}

/// What other programs write.
fn programs() -> Vec<Row> {
    vec![
        ("plots of a simulation", set(200).named("t", ".png").at_once().show(morph(200)), Film, "order"),
        ("frames of a video", set(300).named("", ".jpg").at_once().show(pan(300, 0.1)), Film, "resembles"),
        ("a sprite of 12 pictures", set(12).named("walk_", ".png").at_once().show(pan(12, 0.15)), Film, "resembles"),
        ("frames that could not be decoded", set(48).unseen(), Unsure, "steady"),
        (
            "frames that could not be decoded, with stamps",
            set(48).unseen().text(|i| blender(i + 1)),
            Film,
            "count frames",
        ),
    ]
}

/// ComfyUI: one prompt for all.
fn comfyui_batches() -> Vec<Row> {
    vec![
        (
            "AnimateDiff, 16 frames",
            set(16).dir("/c/output").at_once().text(|_| comfy("a cat", 5, 7, None)),
            Film,
            "are the same",
        ),
        (
            "Wan, 81 frames",
            set(81).dir("/c/output").every(0.3, 0.1).text(|_| comfy("a cat", 5, 7, None)),
            Film,
            "are the same",
        ),
        (
            "AnimateDiff that flickers",
            set(16).dir("/c/output").at_once().show(flicker(16, 0.12)).text(|_| comfy("a cat", 5, 7, None)),
            Unsure,
            "a little",
        ),
        (
            "AnimateDiff that paints each frame anew, which nothing tells from stills",
            set(16).dir("/c/output").at_once().show(flicker(16, 0.25)).text(|_| comfy("a cat", 5, 7, None)),
            Stills,
            "order",
        ),
        (
            "a batch of four pictures",
            set(4).dir("/c/output").at_once().show(variations(4, 0.5)).text(|_| comfy("a cat", 5, 7, None)),
            Unsure,
            "only 4",
        ),
        (
            "a batch of sixteen pictures",
            set(16).dir("/c/output").at_once().show(variations(16, 0.4)).text(|_| comfy("a cat", 5, 7, None)),
            Stills,
            "order",
        ),
    ]
}

/// ComfyUI: a prompt a frame.
fn comfyui_queues() -> Vec<Row> {
    vec![
        (
            "Dream, counting a folder",
            set(48).every(9.0, 0.1).show(flicker(48, 0.4)).text(|i| comfy("a cat", i * 77, 7, Some(dream_directory()))),
            Film,
            "count frames",
        ),
        (
            "Dream, counting by itself",
            set(48).every(9.0, 0.1).show(flicker(48, 0.4)).text(|i| comfy("a cat", 5, 7, Some(dream_simple(i)))),
            Film,
            "count frames",
        ),
        (
            "Dream, six frames",
            set(6).every(9.0, 0.1).text(|_| comfy("a cat", 5, 7, Some(dream_directory()))),
            Unsure,
            "only 6",
        ),
        (
            "a video loaded in parts",
            set(64).dir("/c/output").text(|i| comfy("a cat", 5, 7, Some(load_video(i / 16 * 16)))),
            Film,
            "count frames",
        ),
        (
            "a video loaded by index",
            set(48).dir("/c/output").every(6.0, 0.1).text(|i| comfy("a cat", 5, 7, Some(load_batch(i)))),
            Film,
            "was loaded",
        ),
        (
            "a video loaded by name",
            set(48).dir("/c/output").every(6.0, 0.1).text(|i| comfy("a cat", i, 7, Some(load_image(i)))),
            Film,
            "was loaded",
        ),
        (
            "an album loaded by index",
            set(30)
                .dir("/c/output")
                .every(6.0, 0.1)
                .show(unlike(30))
                .text(|i| comfy("a cat", 5, 7, Some(load_batch(i)))),
            Unsure,
            "unlike",
        ),
        (
            "an album loaded by name",
            set(30)
                .dir("/c/output")
                .every(6.0, 0.1)
                .show(unlike(30))
                .text(|i| comfy("a cat", 5, 7, Some(load_image(i)))),
            Unsure,
            "unlike",
        ),
    ]
}

/// ComfyUI: many prompts, and no film.
fn stills_of_comfyui() -> Vec<Row> {
    vec![
        (
            "a queue of seeds over night",
            set(200)
                .dir("/c/output")
                .every(20.0, 0.05)
                .show(variations(200, 0.5))
                .text(|i| comfy("a cat", i * 991, 7, None)),
            Stills,
            "seed",
        ),
        (
            "twelve seeds of one prompt",
            set(12)
                .dir("/c/film")
                .every(2.0, 0.05)
                .show(variations(12, 0.2))
                .text(|i| comfy("a cat", i * 991, 7, None)),
            Stills,
            "seed",
        ),
        (
            "eight seeds of one prompt",
            set(8).every(2.0, 0.05).show(variations(8, 0.2)).text(|i| comfy("a cat", i * 991, 7, None)),
            Stills,
            "seed",
        ),
        (
            "a night of seeds that are near each other",
            set(60).every(20.0, 0.05).show(variations(60, 0.2)).text(|i| comfy("a cat", i * 991, 7, None)),
            Stills,
            "seed",
        ),
        (
            "a queue of seeds, words alone in common",
            set(60).dir("/c/output").every(20.0, 0.05).show(unlike(60)).text(|i| comfy("a cat", i * 991, 7, None)),
            Stills,
            "unlike",
        ),
        (
            "a batch of pictures that hardly differ",
            set(24).every(0.3, 0.1).show(variations(24, 0.07)).text(|_| comfy("a cat", 5, 7, None)),
            Unsure,
            "order",
        ),
        (
            "a queue of words",
            set(100).dir("/c/output").every(20.0, 0.05).show(unlike(100)).text(|i| comfy(&words(i), 5, 7, None)),
            Stills,
            "words",
        ),
        (
            "a sweep of one number",
            set(24).dir("/c/output").every(20.0, 0.05).show(morph(24)).text(|i| comfy("a cat", 5, i, None)),
            Unsure,
            "numbers",
        ),
        (
            "five stills of four sizes",
            set(5)
                .dir("/c/output")
                .by_hand()
                .sizes_of(&[(512, 512), (768, 512), (512, 768), (1024, 1024)])
                .show(unlike(5))
                .text(|i| comfy(&words(i), i, 7, None)),
            Stills,
            "4 sizes in 5",
        ),
        (
            "sixty old stills",
            set(60).dir("/c/output").by_hand().show(unlike(60)).text(|i| comfy(&words(i), i * 31, 7, None)),
            Stills,
            "words",
        ),
        (
            "covers with their videos beside",
            set(24).dir("/c/output").by_hand().show(unlike(24)).beside("mp4"),
            Stills,
            "beside",
        ),
        (
            "covers of one scene, their videos beside",
            set(12).dir("/c/output").every(90.0, 0.1).show(variations(12, 0.2)).beside("webm"),
            Stills,
            "beside",
        ),
        ("stills without any text", set(20).dir("/c/output").by_hand().show(unlike(20)), Stills, "irregularly"),
        (
            "two runs and what was there before them",
            set(30)
                .dir("/c/output")
                .text(|i| comfy(if i < 10 { "a cat" } else { "a dog" }, 5, 7, None))
                .no_text_in_first(6),
            Unsure,
            "words",
        ),
    ]
}

/// AUTOMATIC1111 and its kin.
fn web_uis() -> Vec<Row> {
    vec![
        (
            "img2img over a video",
            set(48).dir("/a/img2img-images/frames").every(4.0, 0.1).text(|i| parameters("a cat", 1000 + i)),
            Film,
            "seed",
        ),
        (
            "img2img that flickers",
            set(48)
                .dir("/a/img2img-images/2025-03-01")
                .every(4.0, 0.1)
                .show(flicker(48, 0.4))
                .text(|i| parameters("a cat", 1000 + i)),
            Stills,
            "order",
        ),
        (
            "img2img over a video, painted anew a little",
            set(24).every(4.0, 0.1).show(flicker(24, 0.12)).text(|i| parameters("a cat", 1000 + i)),
            Unsure,
            "seed",
        ),
        (
            "img2img of eight frames",
            set(8).every(4.0, 0.1).show(pan(8, 0.4)).text(|i| parameters("a cat", 1000 + i)),
            Film,
            "seed",
        ),
        (
            "img2img that flickers, in a folder for frames",
            set(12)
                .dir("/a/img2img-images/frames")
                .every(4.0, 0.1)
                .show(flicker(12, 0.2))
                .text(|i| parameters("a cat", 1000 + i)),
            Unsure,
            "seed",
        ),
        (
            "AnimateDiff for the web page",
            set(16).dir("/a/AnimateDiff/2025-03-01/00000-77").at_once().text(|_| parameters("a cat", 77)),
            Film,
            "folder",
        ),
        (
            "a batch of four seeds",
            set(4)
                .dir("/a/txt2img-images/2025-03-01")
                .at_once()
                .show(variations(4, 0.9))
                .text(|i| parameters("a cat", 7 + i)),
            Stills,
            "only 4",
        ),
        (
            "batches of four seeds, all evening",
            set(40)
                .dir("/a/txt2img-images/2025-03-01")
                .in_batches_of(4)
                .show(sessions(40, 4))
                .text(|i| parameters(&words(i / 4), 7 + i)),
            Stills,
            "words",
        ),
        (
            "settings beside each picture",
            set(24).dir("/a/txt2img-images/2025-03-01").by_hand().show(unlike(24)).beside("txt"),
            Stills,
            "beside",
        ),
        ("Deforum", set(120).dir("/a/img2img-images/Deforum_2025").every(3.0, 0.1).show(pan(120, 0.3)), Film, "folder"),
        (
            "Invoke's gallery",
            set(30).dir("/i/outputs/images").by_hand().show(unlike(30)).text(|i| invoke(&words(i), i)),
            Stills,
            "words",
        ),
        (
            "pictures improved by hand",
            set(12).dir("/a/img2img-images").by_hand().show(morph(12)).text(|i| parameters(&words(i), i)),
            Stills,
            "words",
        ),
    ]
}

/// Cameras.
fn cameras() -> Vec<Row> {
    vec![
        (
            "a time-lapse, named by time",
            set(200).dir("/t/timelapse/2025-03-01").stamps().every(300.0, 0.01).show(morph(200)),
            Film,
            "folder",
        ),
        (
            "a time-lapse over three days",
            set(90).named("img", ".jpg").every(900.0, 0.01).show(pan(90, 0.05)),
            Film,
            "resembles",
        ),
        (
            "a printer, a picture a layer",
            set(150).named("cube-", ".jpg").every(25.0, 0.9).show(morph(150)),
            Film,
            "order",
        ),
        (
            "a picture a day",
            set(60).dir("/t/garden").every(86_400.0, 0.02).show(unlike(60)),
            Unsure,
            "whatever they show",
        ),
        ("a dashboard camera", set(120).stamps().every(1.0, 0.02).show(pan(120, 0.8)), Film, "order"),
        ("stop motion", set(60).dir("/t/clay").by_hand().show(pan(60, 0.15)), Unsure, "irregularly"),
        (
            "stop motion in a folder for frames",
            set(60).dir("/t/clay/frames").by_hand().show(pan(60, 0.15)),
            Film,
            "folder",
        ),
        (
            "a motion camera, a folder a day",
            set(24).dir("/var/lib/camera/2025-03-01").stamps().every(5.0, 0.05).show(pan(24, 0.1)),
            Film,
            "resembles",
        ),
        (
            "a folder a day, numbers",
            set(24).dir("/m/cards/2025-03-01").named("IMG_", ".JPG").every(2.0, 0.05).show(pan(24, 0.1)),
            Unsure,
            "a day",
        ),
        (
            "a folder a day, whenever something moves",
            set(24).dir("/var/lib/camera/2025-03-01").stamps().every(20.0, 0.95).show(pan(24, 0.1)),
            Unsure,
            "a day",
        ),
        (
            "photographs, and a time-lapse right after them",
            set(44).named("IMG_", ".JPG").after_photographs(14).show([unlike(14), pan(30, 0.1)].concat()),
            Unsure,
            "something else",
        ),
        (
            "a time-lapse with pauses",
            set(44).named("IMG_", ".JPG").after_photographs(14).show(pan(44, 0.1)),
            Film,
            "resembles",
        ),
    ]
}

/// Cameras in somebody's hands.
fn photographs() -> Vec<Row> {
    vec![
        (
            "a burst of twenty",
            set(20).dir("/m/DCIM/100CANON").named("IMG_", ".JPG").every(0.15, 0.1).show(flicker(20, 0.08)),
            Unsure,
            "pictures",
        ),
        (
            "five exposures",
            set(5).dir("/m/DCIM/100CANON").named("IMG_", ".JPG").at_once().show(variations(5, 0.4)),
            Stills,
            "only 5",
        ),
        (
            "IMG_0003, IMG_0017, IMG_1042",
            set(3).named("IMG_", ".JPG").numbers([3, 17, 1042]).by_hand().show(unlike(3)),
            Stills,
            "irregular gaps",
        ),
        (
            "a day's photographs",
            set(80).dir("/m/DCIM/100CANON").named("IMG_", ".JPG").by_hand().show(unlike(80)),
            Stills,
            "unlike",
        ),
        (
            "a day's photographs, copied",
            set(80).dir("/m/DCIM/100CANON").named("IMG_", ".JPG").at_once().show(unlike(80)),
            Stills,
            "unlike",
        ),
        (
            "photographs, upright and not",
            set(30).named("IMG_", ".JPG").at_once().sizes_of(&[(4000, 3000), (3000, 4000)]).show(unlike(30)),
            Stills,
            "2 sizes in 30",
        ),
        ("portraits on one ground", set(25).dir("/m/photos").by_hand().show(variations(25, 0.5)), Stills, "order"),
        ("products on white", set(12).dir("/m/shop").by_hand().show(variations(12, 0.8)), Stills, "irregularly"),
    ]
}

/// What is numbered and no film.
fn no_films() -> Vec<Row> {
    vec![
        (
            "UDIM tiles",
            set(4).named("brick_albedo.", ".exr").numbers([1001, 1002, 1011, 1012]).at_once().show(variations(4, 0.2)),
            Stills,
            "UDIM",
        ),
        (
            "icons of three sizes",
            set(3)
                .named("icon_", ".png")
                .numbers([16, 32, 64])
                .at_once()
                .sizes_of(&[(16, 16), (32, 32), (64, 64)])
                .show(flat(3, 90)),
            Stills,
            "icons",
        ),
        (
            "icons by their sizes alone",
            set(5).named("app", ".png").numbers([16, 32, 64, 128, 256]).at_once().show(flat(5, 90)),
            Stills,
            "icons",
        ),
        ("textures", set(9).named("brick_", "_albedo.png").at_once().show(unlike(9)), Stills, "textures"),
        ("tiles of a game", set(64).named("tile_", ".png").at_once().show(unlike(64)), Stills, "unlike"),
        ("slides", set(30).named("slide_", ".png").at_once().show(unlike(30)), Stills, "unlike"),
        (
            "pages by a scanner",
            set(40).named("page_", ".png").every(8.0, 0.1).show(pages(40)),
            Unsure,
            "whatever they show",
        ),
        ("pages by hand", set(40).dir("/m/photos").named("page_", ".png").by_hand().show(pages(40)), Stills, "order"),
        ("pictures to learn from", set(1000).named("", ".png").at_once().show(unlike(1000)), Stills, "unlike"),
        (
            "screenshots of many sizes",
            set(20).dir("/m/Screenshots").by_hand().sizes_of(&[(800, 600), (1024, 768), (640, 480)]).show(unlike(20)),
            Stills,
            "sizes",
        ),
        ("one picture, copied a hundred times", set(100).at_once().show(flat(100, 90)), Unsure, "all the same"),
        (
            "copies of a picture with its prompt, in a folder for frames",
            set(100).dir("/p/frames").at_once().show(flat(100, 90)).text(|_| comfy("a cat", 5, 7, None)),
            Unsure,
            "all the same",
        ),
        ("one picture, saved by hand again and again", set(40).by_hand().show(flat(40, 90)), Unsure, "all the same"),
        ("two copies", set(2).at_once().show(flat(2, 90)), Unsure, "all the same"),
        ("two pictures alike", set(2).every(2.0, 0.1).show(pan(2, 0.1)), Unsure, "only 2"),
        ("two pictures unlike", set(2).every(2.0, 0.1).show(unlike(2)), Stills, "unlike"),
    ]
}

/// The words of a prompt.
fn words(index: u64) -> String {
    let subject = match index % 5 {
        0 => "a cat",
        1 => "a dog",
        2 => "a house",
        3 => "two trees",
        _ => "a lake",
    };
    format!("{subject} in the snow")
}

#[test]
fn every_labelled_set_is_judged_as_its_label_says() {
    let table = table();
    assert!(table.len() >= 60, "{}", table.len());
    let wrong: Vec<String> = table
        .into_iter()
        .filter_map(|(name, set, verdict, why)| {
            let evidence = set.evidence();
            let judgement = judge(&evidence);
            let right = judgement.verdict == verdict && judgement.to_string().contains(why);
            (!right).then(|| {
                format!(
                    "{name}: wanted {verdict:?} ({why}), {} points, {judgement}\n  {:?}",
                    judgement.points, evidence.pictures
                )
            })
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

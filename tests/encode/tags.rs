//! Tags: a reader that knows nothing of reeld finds them as they went in, however the video was made.

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::Command;

use reeld::config::{Builtin, Container, EncoderArgs, Video};
use reeld::encode::ffmpeg::Stop;
use reeld::encode::join::{VideoPart, join, prove};
use reeld::encode::recipe::{ChunkPosition, Form};
use reeld::encode::tags::{Tags, Timecode};

use crate::help::{Look, Shot, ffmpeg, frame_file, make, own, rate, video};
use crate::page::drop_on_page;

const SIZE: (u32, u32) = (96, 64);

/// Every character that needs an escape, and words that JSON has no numbers for.
const WORKFLOW: &str =
    r#"{"nodes":[{"type":"Save=Image;#1","text":"a\\b \"{\" é\u00e9 [x]"}],"version":0.4,"nan":NaN}"#;
const PROMPT: &str = "{\"1\":\r\n {\"inputs\": {\"cfg\": -Infinity, \"b\": Infinity}} }";
const PARAMETERS: &str = "a cat, #1\nNegative prompt: dog = \\; \nSteps: 20, Seed: 7";

fn tags(workflow: &str) -> Tags {
    let pairs = [("workflow", workflow), ("prompt", PROMPT), ("parameters", PARAMETERS)];
    Tags::try_from((pairs.map(|(key, text)| (key.to_owned(), text.to_owned())).to_vec(), None)).unwrap()
}

fn assert_found(file: &Path, workflow: &str) {
    let found = drop_on_page(file);
    assert_eq!(found.get("workflow").map(String::len), Some(workflow.len()), "{}", file.display());
    assert_eq!(found["workflow"], workflow);
    assert_eq!(found["prompt"], PROMPT);
    let bytes = fs::read(file).unwrap();
    assert!(bytes.windows(PARAMETERS.len()).any(|window| window == PARAMETERS.as_bytes()), "{}", file.display());
}

/// Every container that has a place for them.
fn videos() -> Vec<Video> {
    vec![
        video(Builtin::H264),
        own("libx264", "yuv420p", Container::Mov, &["-crf", "30"]),
        video(Builtin::Prores),
        video(Builtin::Vp9),
        own("libx264", "yuv420p", Container::Mkv, &["-crf", "30"]),
        video(Builtin::Ffv1),
        video(Builtin::Webp),
    ]
}

#[test]
fn tags_of_a_video_made_in_one_go_are_found() {
    for video in videos() {
        let shot = Shot::new(5, SIZE, Look::Eight);
        let mut job = shot.job(&video);
        job.output = shot.dir.path().join(format!("video.{}", job.recipe.extension()));
        fs::write(&job.output, "").unwrap();
        job.tags = tags(WORKFLOW);
        make(&job).unwrap();
        assert_found(&job.output, WORKFLOW);
    }
}

#[test]
fn a_still_picture_has_tags_too() {
    let shot = Shot::new(1, SIZE, Look::Eight);
    let mut job = shot.job(&video(Builtin::Webp));
    job.output = shot.dir.path().join("still.webp");
    fs::write(&job.output, "").unwrap();
    job.tags = tags(WORKFLOW);
    make(&job).unwrap();
    assert_found(&job.output, WORKFLOW);
}

/// A video joined from two parts.
struct Joined {
    shot: Shot,
    video: Video,
    parts: Vec<VideoPart>,
}

impl Joined {
    fn of(video: &Video, shot: Shot) -> Self {
        let all = shot.job(video).frames;
        let half = all.len() / 2;
        let part = |frames: std::ops::Range<usize>| {
            let mut job = shot.job(video);
            job.output = shot.dir.path().join(format!("{}.part", frames.start));
            job.form = Form::Chunk {
                gop: NonZeroU32::new(24).unwrap(),
                position: if frames.start == 0 { ChunkPosition::First } else { ChunkPosition::Later },
            };
            job.frames = all[frames].to_vec();
            let samples = make(&job).unwrap().1.samples.unwrap();
            VideoPart { file: job.output, samples }
        };
        let parts = vec![part(0..half), part(half..all.len())];
        Self { video: video.clone(), parts, shot }
    }

    fn assert_found(&self, workflow: &str) -> PathBuf {
        let output = self.make(&tags(workflow));
        assert_found(&output, workflow);
        output
    }

    fn make(&self, tags: &Tags) -> PathBuf {
        let mut job = self.shot.job(&self.video);
        job.tags = tags.clone();
        let output = self.shot.dir.path().join(format!("joined.{}", job.recipe.extension()));
        let stop = Stop::default();
        join(ffmpeg(), &job.encode_spec(), &self.parts, &output, &stop).unwrap();
        prove(ffmpeg(), &job.recipe, job.rate, &self.parts, &output, job.settings, &stop).unwrap();
        output
    }
}

#[test]
fn tags_of_a_joined_video_are_found() {
    for video in videos() {
        if Shot::new(1, SIZE, Look::Eight).job(&video).recipe.joinable() {
            Joined::of(&video, Shot::new(7, SIZE, Look::Eight)).assert_found(WORKFLOW);
        }
    }
}

/// Above a size, the place for the index is reserved before FFmpeg knows how long it is.
#[test]
fn tags_of_a_large_video_are_found_in_front_of_its_data() {
    let h264 = own("libx264", "yuv444p", Container::Mp4, &["-qp", "0", "-preset", "ultrafast", "-g", "1"]);
    let ffv1 = own("ffv1", "gbrp", Container::Mov, &["-level", "3"]);
    for video in [h264, ffv1] {
        let joined = Joined::of(&video, noise());
        let recipe = joined.shot.job(&video).recipe;
        for length in [100, 3 << 20] {
            let workflow = format!("{{\"x\":\"{}\"}}", "=".repeat(length));
            let file = joined.assert_found(&workflow);
            // Unused space: the place was large enough, and nothing was moved.
            let boxes = boxes(&file);
            let kinds: Vec<&[u8]> = boxes.iter().map(|(kind, _)| &kind[..]).collect();
            // FFmpeg puts eight bytes in front of the data, which it needs where those are very long.
            let own = if recipe.extension() == "mov" { b"wide" } else { b"free" };
            assert_eq!(kinds, [b"ftyp", b"moov", b"free", own, b"mdat"], "{}", file.display());
            assert!(boxes[1].1 > length && boxes[2].1 > 8 && boxes[4].1 > 32 << 20, "{boxes:?}");
        }
    }
}

/// Two frames that no codec could make small, each shown for a while.
fn noise() -> Shot {
    let mut shot = Shot::new(2, SIZE, Look::Eight);
    let mut seed = 1_u64;
    for frame in &mut shot.frames {
        let picture = image::RgbImage::from_fn(1280, 720, |_, _| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let [.., red, green, blue] = seed.to_be_bytes().map(|byte| byte ^ 0x55);
            image::Rgb([red, green.rotate_left(3), blue])
        });
        picture.save(&frame.path).unwrap();
        *frame = frame_file(&frame.path, frame.number);
        frame.repeat = 8;
    }
    shot
}

/// The boxes of a file, each with its size.
fn boxes(file: &Path) -> Vec<([u8; 4], usize)> {
    let bytes = fs::read(file).unwrap();
    let (mut boxes, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let size = u32::from_be_bytes(*bytes[at..].first_chunk().unwrap()) as usize;
        boxes.push((*bytes[at + 4..].first_chunk().unwrap(), size));
        at += size;
    }
    boxes
}

/// A track beside the pictures, which is in nobody's way.
#[test]
fn a_time_code_is_that_of_the_first_frame() {
    let h264 = Video { rate: rate(24_000, 1001), ..own("libx264", "yuv420p", Container::Mov, &["-crf", "30"]) };
    for video in [video(Builtin::H264), h264, video(Builtin::Prores)] {
        let mut tags = tags(WORKFLOW);
        tags.start_at(Timecode::of(1001, video.rate));
        let joined = Joined::of(&video, Shot::new(7, SIZE, Look::Eight));
        let mut job = joined.shot.job(&video);
        job.output = joined.shot.dir.path().join(format!("video.{}", job.recipe.extension()));
        fs::write(&job.output, "").unwrap();
        job.tags = tags.clone();
        make(&job).unwrap();
        for file in [job.output, joined.make(&tags)] {
            assert_found(&file, WORKFLOW);
            let said = Command::new(&ffmpeg().path).arg("-i").arg(&file).output().unwrap().stderr;
            let said = String::from_utf8(said).unwrap();
            assert!(said.contains("tmcd") && said.matches(": 00:00:41:17").count() >= 2, "{said}");
        }
    }
}

/// Fifty megabytes are more than one argument, one pipe and one line of most programs.
#[test]
fn a_huge_workflow_is_found() {
    let workflow = format!("{{\"x\":\"{}\"}}", "a=b;c".repeat(10 << 20));
    let shot = Shot::new(3, SIZE, Look::Eight);
    let mut job = shot.job(&video(Builtin::H264));
    job.output = shot.dir.path().join("video.mp4");
    fs::write(&job.output, "").unwrap();
    job.tags = tags(&workflow);
    make(&job).unwrap();
    assert_found(&job.output, &workflow);
}

/// What the user has FFmpeg write is still there.
#[test]
fn metadata_of_the_users_own_stays() {
    let args = EncoderArgs::parse(&["-metadata", "title=Mine"]).unwrap();
    for container in [Container::Mp4, Container::Mkv] {
        let with_title = Video { encoder_args: args.clone(), ..own("libx264", "yuv420p", container, &[]) };
        let shot = Shot::new(3, SIZE, Look::Eight);
        let mut job = shot.job(&with_title);
        job.output = shot.dir.path().join(format!("video.{}", job.recipe.extension()));
        fs::write(&job.output, "").unwrap();
        job.tags = tags(WORKFLOW);
        make(&job).unwrap();
        assert_found(&job.output, WORKFLOW);
        let mut command = Command::new(&ffmpeg().path);
        command.args(["-v", "error", "-i"]).arg(&job.output).args(["-f", "ffmetadata", "-"]);
        let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert!(said.contains("title=Mine"), "{said}");
    }
}

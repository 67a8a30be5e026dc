//! Parts of videos, joined: the same pictures at the same times, and nothing else gets through.

use std::fs;
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use reeld::config::{Builtin, Container, EncoderArgs, FrameRate, Preset, Quality, Video};
use reeld::encode::EncodeError;
use reeld::encode::chunk::{BadFrames, EncodeSpec, Settings};
use reeld::encode::ffmpeg::Stop;
use reeld::encode::join::{VideoPart, join, prove};
use reeld::encode::preview;
use reeld::encode::recipe::{ChunkPosition, Form, Recipe};
use reeld::encode::tags::Tags;
use reeld::encode::verify::Proof;
use reeld::error::chain;

use crate::help::{Job, Look, Shot, decode, decode_each, ffmpeg, frame_file, make, own, rate, video, with_quality};

/// Parts of a shot, and where the joined file goes.
struct Film {
    shot: Shot,
    recipe: Recipe,
    rate: FrameRate,
    parts: Vec<VideoPart>,
    joined: PathBuf,
}

impl Film {
    /// Encodes and proves a part of each of these lengths.
    fn of(video: &Video, size: (u32, u32), look: Look, lengths: &[usize]) -> Result<Self, EncodeError> {
        let count = lengths.iter().sum::<usize>();
        let shot = Shot::new(u32::try_from(count).unwrap(), size, look);
        let job = shot.job(video);
        let joined = shot.dir.path().join(format!("joined.{}", job.recipe.extension()));
        let mut all = Self { shot, recipe: job.recipe, rate: job.rate, parts: Vec::new(), joined };
        let mut start = 0;
        for length in lengths {
            let part = all.encode(video, start..start + length)?;
            all.parts.push(part);
            start += length;
        }
        Ok(all)
    }

    fn job(&self, video: &Video, frames: Range<usize>) -> Job {
        let mut job = self.shot.job(video);
        job.output = self.shot.dir.path().join(format!("{}-{}.part", frames.start, frames.end));
        let position = match frames {
            Range { start: 0, .. } => ChunkPosition::First,
            Range { end, .. } if end == job.frames.len() => ChunkPosition::Last,
            _ => ChunkPosition::Later,
        };
        job.form = Form::Chunk { gop: NonZeroU32::new(24).unwrap(), position };
        job.frames = job.frames[frames].to_vec();
        job
    }

    fn encode(&self, video: &Video, frames: Range<usize>) -> Result<VideoPart, EncodeError> {
        let job = self.job(video, frames);
        let (result, proof) = make(&job)?;
        let samples = proof.samples.unwrap();
        assert_eq!(samples.count, result.fed);
        Ok(VideoPart { file: job.output, samples })
    }

    fn join(&self) -> Result<(), EncodeError> {
        join(ffmpeg(), &self.spec(), &self.parts, &self.joined, &Stop::default())
    }

    /// What the joined video is to be like.
    fn spec(&self) -> EncodeSpec {
        EncodeSpec {
            recipe: self.recipe.clone(),
            rate: self.rate,
            form: Form::Reel,
            bad_frames: BadFrames::Error,
            tags: Tags::default(),
            settings: Settings::default(),
        }
    }

    fn prove(&self) -> Result<Proof, EncodeError> {
        prove(ffmpeg(), &self.recipe, self.rate, &self.parts, &self.joined, Settings::default(), &Stop::default())
    }

    fn make(&self) -> Result<Proof, EncodeError> {
        self.join()?;
        self.prove()
    }

    fn assert_exact(&self) {
        let proof = self.make().unwrap_or_else(|error| panic!("{} {:?}: {error}", self.recipe.name, self.rate));
        assert_eq!(proof.frames, self.parts.iter().map(|part| part.samples.count).sum::<u64>());
        let files: Vec<&Path> = self.parts.iter().map(|part| &*part.file).chain([&*self.joined]).collect();
        let mut decoded = decode_each(&files, self.recipe.feed.ffmpeg_name());
        let joined = decoded.pop().unwrap();
        let same = !joined.is_empty() && joined == decoded.concat();
        assert!(same, "{} {:?}: other pictures", self.recipe.name, self.rate);
    }
}

const RATES: [(u32, u32); 5] = [(24_000, 1001), (24, 1), (25, 1), (30, 1), (60, 1)];
const SMALL: (u32, u32) = (96, 64);

fn at(preset: Builtin, (num, den): (u32, u32)) -> Video {
    Video { rate: rate(num, den), ..video(preset) }
}

#[test]
fn slow_rates_are_exact() {
    for preset in [Builtin::H264, Builtin::Vp9, Builtin::Prores] {
        for rate in [(1, 1), (25, 3), (997, 1000), (1, 10)] {
            Film::of(&at(preset, rate), SMALL, Look::Eight, &[1, 4, 1]).unwrap().assert_exact();
        }
    }
}

#[test]
fn the_video_is_its_parts() {
    // A short one in front, whose pictures are in order where those of the others are not.
    let lengths = [[1, 24, 7], [5, 2, 24], [7, 1, 3], [24, 5, 1], [3, 3, 5]];
    for (rate, lengths) in RATES.into_iter().zip(lengths) {
        for preset in [Builtin::H264, Builtin::H265, Builtin::Av1] {
            Film::of(&at(preset, rate), SMALL, Look::Eight, &lengths).unwrap().assert_exact();
        }
    }
}

#[test]
fn every_preset_that_can_be_joined_is_exact() {
    let mut joinable = Vec::new();
    for preset in Builtin::ALL {
        let size = if preset == Builtin::Dnxhr { (256, 120) } else { SMALL };
        let video = at(preset, (24_000, 1001));
        if !Shot::new(1, size, Look::Eight).job(&video).recipe.joinable() {
            continue;
        }
        joinable.push(preset.name());
        Film::of(&video, size, Look::Eight, &[1, 13, 4]).unwrap().assert_exact();
    }
    let wanted = "h264 h264-10bit h265 h265-10bit av1 vp9 prores prores-4444 dnxhr ffv1 mpeg4 lossless";
    assert_eq!(joinable.join(" "), wanted);
}

#[test]
fn containers_of_the_users_own_are_exact() {
    let cases = [
        own("libx264", "yuv420p", Container::Mkv, &["-crf", "30"]),
        own("libx264", "yuvj420p", Container::Mov, &["-preset", "fast", "-bf", "5"]),
        own("libx264rgb", "rgb24", Container::Mp4, &["-qp", "0"]),
        own("libx265", "yuv444p10le", Container::Mkv, &["-x265-params", "log-level=error"]),
        own("libx265", "yuv420p", Container::Mov, &["-x265-params", "log-level=error", "-tag:v", "hvc1"]),
        own("libsvtav1", "yuv420p", Container::Webm, &["-crf", "30", "-preset", "9"]),
        own("libsvtav1", "yuv420p", Container::Mkv, &["-crf", "30", "-preset", "9"]),
        own("libvpx-vp9", "yuv420p", Container::Mp4, &["-crf", "30", "-b:v", "0", "-metadata", "title=Film"]),
        own("libvpx-vp9", "yuv444p", Container::Mkv, &["-lossless", "1", "-cpu-used", "6"]),
        own("prores_ks", "yuv422p10le", Container::Mkv, &["-profile:v", "1"]),
        own("dnxhd", "yuv422p", Container::Mov, &["-profile:v", "dnxhr_lb"]),
        own("ffv1", "yuv420p", Container::Mov, &["-level", "3"]),
        own("ffv1", "gbrp", Container::Mkv, &["-level", "3", "-g", "5"]),
        own("mpeg4", "yuv420p", Container::Mov, &["-q:v", "4", "-bf", "2"]),
        own("mpeg4", "yuv420p", Container::Mkv, &["-q:v", "4", "-bf", "2"]),
    ];
    for video in cases {
        let video = Video { rate: rate(24_000, 1001), ..video };
        let Preset::Custom(custom) = &video.preset else { unreachable!() };
        let all = Film::of(&video, (256, 120), Look::Eight, &[1, 11, 3]).unwrap();
        assert!(all.recipe.joinable(), "{custom:?}");
        all.assert_exact();
    }
}

#[test]
fn a_large_video_has_its_index_in_front() {
    let title = format!("title={}", "long ".repeat(4000));
    for args in [vec!["-level", "3"], vec!["-level", "3", "-metadata", &title]] {
        let video = own("ffv1", "gbrp", Container::Mov, &args);
        let mut film = Film::of(&video, SMALL, Look::Eight, &[1]).unwrap();
        // Nothing that a codec could make smaller.
        let mut seed = 1_u64;
        let noise = image::RgbImage::from_fn(1280, 720, |_, _| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let [.., red, green, blue] = seed.to_be_bytes().map(|byte| byte ^ 0x55);
            image::Rgb([red, green.rotate_left(3), blue])
        });
        let path = &film.shot.frames[0].path;
        noise.save(path).unwrap();
        film.shot.frames = vec![frame_file(path, 1)];
        film.shot.frames[0].repeat = 14;
        film.recipe = film.shot.job(&video).recipe;
        film.parts = vec![film.encode(&video, 0..1).unwrap()];
        film.make().unwrap();
        let bytes = fs::metadata(&film.joined).unwrap().len();
        assert!(bytes > 33 << 20, "{bytes}");
        assert!(position(&film.joined, b"moov") < 100);
    }
}

/// What a join or its proof says that must fail.
fn refused(film: &Film) -> String {
    let error = film.make().unwrap_err();
    assert!(matches!(error, EncodeError::NotProved { .. }), "{error:?}");
    chain(&error).to_string()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

fn position(path: &Path, what: &[u8]) -> usize {
    fs::read(path).unwrap().windows(what.len()).position(|bytes| bytes == what).unwrap()
}

#[test]
fn a_part_that_came_late_goes_to_the_front() {
    let mut film = Film::of(&video(Builtin::H264), SMALL, Look::Eight, &[9, 5, 1]).unwrap();
    film.assert_exact();
    let before = decode(&film.joined, &[], "yuv420p");
    film.parts.rotate_right(1);
    film.assert_exact();
    assert_ne!(decode(&film.joined, &[], "yuv420p"), before);
}

/// x264 begins a video with a worse picture than it begins a group of pictures in the middle of it, which a later part is.
#[test]
fn a_later_part_begins_with_more_than_the_same_frames_as_the_first() {
    let video = video(Builtin::H264);
    let film = Film::of(&video, (640, 360), Look::Eight, &[24, 24]).unwrap();
    let mut first = film.job(&video, 24..48);
    first.output = film.shot.dir.path().join("first.part");
    first.form = Form::Chunk { gop: NonZeroU32::new(24).unwrap(), position: ChunkPosition::First };
    make(&first).unwrap();
    let (later, first) = (sizes(&film.parts[1].file)[0], sizes(&first.output)[0]);
    assert!(later * 5 > first * 6, "{later} bytes, {first} as the first");
}

/// The sizes of the packets of a file, in bytes.
fn sizes(path: &Path) -> Vec<u64> {
    let output = Command::new(&ffmpeg().path)
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(path)
        .args(["-c", "copy", "-f", "framecrc", "-"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let packets = text.lines().filter(|line| !line.starts_with('#'));
    packets.map(|line| line.split(',').nth(4).unwrap().trim().parse().unwrap()).collect()
}

#[test]
fn a_quality_of_its_own_is_no_other_configuration() {
    for preset in [Builtin::H264, Builtin::H265, Builtin::Av1] {
        let mut film = Film::of(&video(preset), SMALL, Look::Eight, &[6, 3]).unwrap();
        film.parts.push(film.encode(&with_quality(preset, Quality::Crf(40)), 3..9).unwrap());
        film.assert_exact();
    }
}

#[test]
fn parts_of_another_configuration_are_refused() {
    let with = |args: &[&str], quality| Video {
        encoder_args: EncoderArgs::parse(args).unwrap(),
        ..with_quality(Builtin::H264, Quality::Crf(quality))
    };
    let fast = Video { speed: Some("ultrafast".into()), ..video(Builtin::H264) };
    let fast_265 = Video { speed: Some("ultrafast".into()), ..video(Builtin::H265) };
    let loose = ["-x264-params", "stitchable=0"];
    for (first, second) in
        [(video(Builtin::H264), fast), (video(Builtin::H265), fast_265), (with(&loose, 18), with(&loose, 40))]
    {
        let mut film = Film::of(&first, SMALL, Look::Eight, &[6, 3]).unwrap();
        film.parts.push(film.encode(&second, 3..9).unwrap());
        let said = refused(&film);
        assert!(said.contains("configured otherwise"), "{said}");
    }
}

#[test]
fn damaged_parts_are_noticed() {
    let whole = || Film::of(&video(Builtin::H264), SMALL, Look::Eight, &[6, 6, 6]).unwrap();
    // Cut short, in the data and between two boxes.
    let cut = whole();
    let path = &cut.parts[1].file;
    let bytes = fs::read(path).unwrap();
    for length in [bytes.len() - 1, position(path, b"moof") - 4, position(path, b"mdat") - 4, 0] {
        fs::write(path, &bytes[..length]).unwrap();
        assert!(refused(&cut).starts_with(&path.display().to_string()), "{}", refused(&cut));
    }
    // A bit in a picture: of a size, which is between packets, and deep in one.
    for at in [30, 200] {
        let flipped = whole();
        let path = &flipped.parts[2].file;
        flip(path, position(path, b"mdat") + at);
        let said = refused(&flipped);
        assert!(said.contains("other packets than in part 2") || said.contains("complains"), "{said}");
    }
    // A bit in the configuration, whichever is taken for all.
    let configured = whole();
    for part in &configured.parts {
        flip(&part.file, position(&part.file, b"avcC") + 12);
    }
    let said = refused(&configured);
    assert!(said.contains("configured otherwise") || said.contains("complains"), "{said}");
    // Two in each other's place.
    let mut swapped = whole();
    let (first, last) = (swapped.parts[0].file.clone(), swapped.parts[2].file.clone());
    swapped.parts[0].file = last;
    swapped.parts[2].file = first;
    assert!(refused(&swapped).contains("other packets than in part 0"));
    // One that is not there.
    let missing = whole();
    fs::remove_file(&missing.parts[1].file).unwrap();
    assert!(matches!(missing.make(), Err(EncodeError::Io { .. })));
}

#[test]
fn a_joined_file_that_is_not_its_parts_is_not_proved() {
    let mut film = Film::of(&video(Builtin::H264), SMALL, Look::Eight, &[6, 6]).unwrap();
    film.assert_exact();
    let said = |film: &Film| chain(&film.prove().unwrap_err()).to_string();
    let part = film.parts.pop().unwrap();
    assert!(said(&film).contains("12 frames instead of 6"), "{}", said(&film));
    film.parts.push(part);
    film.rate = rate(25, 1);
    assert!(said(&film).contains("a frame takes 512/12288 s"), "{}", said(&film));
    film.rate = rate(24, 1);
    let bytes = fs::read(&film.joined).unwrap();
    flip(&film.joined, bytes.len() - 40);
    assert!(said(&film).contains("other packets than in part 1"), "{}", said(&film));
    fs::write(&film.joined, &bytes[..bytes.len() - 40]).unwrap();
    film.prove().unwrap_err();
}

#[test]
fn a_join_can_be_stopped() {
    let film = Film::of(&video(Builtin::H264), SMALL, Look::Eight, &[3]).unwrap();
    let stop = Stop::default();
    stop.request();
    let stopped = join(ffmpeg(), &film.spec(), &film.parts, &film.joined, &stop);
    assert!(matches!(stopped, Err(EncodeError::Stopped)), "{stopped:?}");
}

/// FFmpeg's list of the packets of a file: when each is shown, in order, and the clock.
fn times(path: &Path) -> (String, Vec<i64>) {
    let output = Command::new(&ffmpeg().path)
        .args(["-nostdin", "-v", "error", "-copyts", "-i"])
        .arg(path)
        .args(["-c", "copy", "-f", "framecrc", "-"])
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let base = text.lines().find_map(|line| line.strip_prefix("#tb 0: ")).unwrap().to_owned();
    let packets = text.lines().filter(|line| !line.starts_with('#'));
    let mut times: Vec<i64> = packets.map(|line| line.split(',').nth(2).unwrap().trim().parse().unwrap()).collect();
    times.sort_unstable();
    (base, times)
}

#[test]
fn an_unfinished_video_can_be_watched() {
    let most = NonZeroU32::new(24).unwrap();
    for preset in [Builtin::H264, Builtin::H265, Builtin::Av1] {
        let mut film = Film::of(&at(preset, (24_000, 1001)), SMALL, Look::Eight, &[5, 7, 6]).unwrap();
        for (index, part) in film.parts.iter_mut().enumerate() {
            let name = part.file.with_file_name(format!("{index}.mp4"));
            fs::rename(&part.file, &name).unwrap();
            part.file = name;
        }
        let dir = film.shot.dir.path().join("x.preview");
        let files: Vec<PathBuf> = film.parts.iter().map(|part| part.file.clone()).collect();
        let paths: Vec<&Path> = files.iter().map(|file| &**file).collect();
        let expected = decode_each(&paths, film.recipe.feed.ffmpeg_name()).concat();
        // What was proved stays as it was, byte for byte.
        let proved: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
        let assert_as_proved = || {
            let now: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
            assert!(now == proved, "{}: a preview has changed a chunk", film.recipe.name);
        };
        for (count, frames) in [(1, 5), (2, 12), (3, 18), (3, 18)] {
            let ended = count == files.len();
            let list = preview::write(&dir, &files[..count], film.rate, most).unwrap();
            assert_as_proved();
            if ended {
                preview::end(&dir).unwrap();
            }
            // What does not end is waited for by players, so that here its end is put behind it.
            let text = fs::read_to_string(&list).unwrap();
            assert_eq!(text.ends_with("#EXT-X-ENDLIST\n"), ended);
            assert!(!text.contains("DISCONTINUITY"), "{text}");
            let watched = list.with_file_name("watched.m3u8");
            fs::write(&watched, text.trim_end_matches("#EXT-X-ENDLIST\n").to_owned() + "#EXT-X-ENDLIST\n").unwrap();
            let (base, times) = times(&watched);
            let steps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert_eq!(times.len(), frames, "{} {base} {times:?}\n{text}", film.recipe.name);
            assert!(steps.windows(2).all(|pair| pair[0] == pair[1]), "{} {base} {times:?}", film.recipe.name);
            let pictures = decode(&watched, &[], film.recipe.feed.ffmpeg_name());
            fs::remove_file(&watched).unwrap();
            assert!(expected[..pictures.len()] == pictures, "{}: other pictures", film.recipe.name);
            assert_eq!(pictures.len(), frames * 96 * 64 * 3 / 2);
        }
        assert_as_proved();
        film.make().unwrap();
        assert!(decode(&film.joined, &[], film.recipe.feed.ffmpeg_name()) == expected);
        preview::remove(&dir).unwrap();
        assert!(!dir.exists() && files[0].exists());
    }
}

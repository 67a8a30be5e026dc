//! Sets as generators, cameras and people make them: names, times, sizes, texts and fingerprints.

use serde_json::{Value, json};

use super::super::*;
use crate::sequence::origin::{Embedded, Origin, Stamps};
use crate::sequence::{FrameNumber, Kind, Padding, Pattern};

const SECOND: f64 = 1e9;

/// A set on its way to its evidence. What is not said: `/data/x/a_####.png`, dense, 832x480, a frame in two seconds, no
/// text, a slow pan.
#[derive(Clone)]
pub(crate) struct Set {
    dir: &'static str,
    prefix: &'static str,
    suffix: &'static str,
    numbers: Vec<FrameNumber>,
    stamps: bool,
    times: Vec<i64>,
    sizes: Vec<(u32, u32)>,
    texts: Vec<Origin>,
    beside: Option<&'static str>,
    pictures: Option<Vec<Vec<u8>>>,
}

pub(crate) fn set(count: usize) -> Set {
    let numbers = (1..).take(count).collect();
    let set = Set {
        dir: "/data/x",
        prefix: "a_",
        suffix: ".png",
        numbers,
        stamps: false,
        times: Vec::new(),
        sizes: vec![(832, 480); count],
        texts: vec![Origin::default(); count],
        beside: None,
        pictures: None,
    };
    set.every(2.0, 0.1).show(pan(count, 0.2))
}

impl Set {
    pub(crate) fn dir(self, dir: &'static str) -> Self {
        Self { dir, ..self }
    }

    pub(crate) fn named(self, prefix: &'static str, suffix: &'static str) -> Self {
        Self { prefix, suffix, ..self }
    }

    pub(crate) fn numbers(self, numbers: impl IntoIterator<Item = FrameNumber>) -> Self {
        let numbers: Vec<_> = numbers.into_iter().collect();
        assert_eq!(numbers.len(), self.numbers.len());
        Self { numbers, ..self }
    }

    /// The numbers are points in time.
    pub(crate) fn stamps(self) -> Self {
        Self { stamps: true, ..self }
    }

    /// A pause of this many seconds before each, give or take this part of it.
    pub(crate) fn every(self, seconds: f64, jitter: f64) -> Self {
        let mut random = Random(1);
        self.after(|_| seconds * (1.0 + jitter * random.signed()))
    }

    /// A picture when somebody has made one: half a minute to an hour.
    pub(crate) fn by_hand(self) -> Self {
        let mut random = Random(2);
        self.after(|_| 30.0 * 120f64.powf(random.unit()))
    }

    /// Written from memory, or copied.
    pub(crate) fn at_once(self) -> Self {
        self.every(0.02, 0.5)
    }

    /// By many machines, in any order.
    pub(crate) fn by_farm(mut self) -> Self {
        let mut random = Random(3);
        let span = size(self.numbers.len()) * 4.0 * SECOND;
        self.times = self.numbers.iter().map(|_| whole(random.unit() * span)).collect();
        self
    }

    /// So many pictures made by hand, a few seconds apart, and then a frame a second.
    pub(crate) fn after_photographs(self, count: usize) -> Self {
        let mut random = Random(5);
        self.after(|index| if index <= count { 2.5 + 9.0 * random.unit() } else { 1.0 })
    }

    /// Some together, then a long pause: an evening of queueing.
    pub(crate) fn in_batches_of(self, batch: usize) -> Self {
        let mut random = Random(4);
        self.after(|index| if index % batch == 0 { 60.0 + 600.0 * random.unit() } else { 1.0 })
    }

    fn after(mut self, mut pause: impl FnMut(usize) -> f64) -> Self {
        let mut now = 1.7e18;
        let mut next = |index| {
            now += pause(index) * SECOND;
            whole(now)
        };
        self.times = (0..self.numbers.len()).map(&mut next).collect();
        self
    }

    /// Every third of another size.
    pub(crate) fn sizes_of(mut self, sizes: &[(u32, u32)]) -> Self {
        self.sizes = sizes.iter().copied().cycle().take(self.numbers.len()).collect();
        self
    }

    pub(crate) fn stray(mut self, count: usize) -> Self {
        self.sizes[..count].fill((64, 64));
        self
    }

    pub(crate) fn text(mut self, text: impl Fn(u64) -> Embedded) -> Self {
        self.texts = (0..).take(self.numbers.len()).map(|index| Origin::of(&text(index))).collect();
        self
    }

    pub(crate) fn no_text_in_first(mut self, count: usize) -> Self {
        self.texts[..count].fill(Origin::default());
        self
    }

    /// A file of this ending beside each.
    pub(crate) fn beside(self, ending: &'static str) -> Self {
        Self { beside: Some(ending), ..self }
    }

    pub(crate) fn show(self, pictures: Vec<Vec<u8>>) -> Self {
        Self { pictures: Some(pictures), ..self }
    }

    pub(crate) fn unseen(self) -> Self {
        Self { pictures: None, ..self }
    }

    pub(crate) fn evidence(&self) -> Evidence {
        let kind = if self.stamps { Kind::TimeStamp } else { Kind::Count };
        let pattern = Pattern { kind, ..Pattern::new(self.prefix, self.suffix, Padding::Width(4)) };
        let names: Vec<_> = self.numbers.iter().map(|number| pattern.name(*number)).collect();
        let other = |name: &bstr::BString| {
            let name = name.to_string();
            let stem = name.rsplit_once('.').map_or("", |(stem, _)| stem).to_owned();
            self.beside.map(|ending| format!("{stem}.{ending}").into_bytes())
        };
        let others: Vec<Vec<u8>> = names.iter().filter_map(other).collect();
        let measured = |pictures: &Vec<Vec<u8>>| {
            let start = pictures.len().saturating_sub(MEASURED) / 2;
            Pictures::of(&pictures.iter().skip(start).map(Vec::as_slice).collect::<Vec<_>>())
        };
        Evidence {
            count: self.numbers.len(),
            counter: if self.stamps { Counter::Stamps } else { Counter::of(&self.numbers) },
            sizes: Sizes::of(&self.sizes),
            pace: Pace::of(&self.times),
            rest: has_rest(&self.times),
            breaks: self.pictures.as_ref().is_some_and(|pictures| {
                let is_another = |at: &usize| Pictures::is_another(&pictures[at - 1], &pictures[*at]);
                after_long_pauses(&self.times, 8).iter().any(is_another)
            }),
            names: Names::of(self.dir.as_ref(), &pattern, &self.numbers),
            companions: has_companions(names.iter(), others.iter().map(Vec::as_slice)),
            text: Text::of(&self.texts),
            pictures: self.pictures.as_ref().and_then(measured),
        }
    }
}

/// Numbers that are the same in every run.
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn unit(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap()) / f64::from(u32::MAX)
    }

    pub(crate) fn signed(&mut self) -> f64 {
        self.unit() * 2.0 - 1.0
    }
}

/// A landscape: waves of several lengths in three colours, seen from a place.
struct Scene([[f64; 4]; 6]);

impl Scene {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        Self([(); 6].map(|()| [(); 4].map(|()| random.signed())))
    }

    fn cells(&self, offset: f64, strength: f64) -> Vec<f64> {
        let of_channel = |channel: usize| {
            (0..144).map(move |cell| {
                let (x, y) = (f64::from(cell % 16) + offset, f64::from(cell / 16));
                let wave = |[a, b, c, d]: &[f64; 4]| {
                    30.0 * a * (0.5 * b * x + 0.7 * c * y + 3.0 * d + 0.6 * size(channel) * a).sin()
                };
                strength * self.0.iter().map(wave).sum::<f64>()
            })
        };
        (0..3).flat_map(of_channel).collect()
    }
}

fn picture(parts: &[Vec<f64>]) -> Vec<u8> {
    let value = |cell: usize| parts.iter().map(|part| part[cell]).sum::<f64>() + 120.0;
    (0..432).map(|cell| u8::try_from(whole(value(cell).clamp(0.0, 255.0))).unwrap()).collect()
}

/// The camera moves by `speed` cells a frame.
pub(crate) fn pan(count: usize, speed: f64) -> Vec<Vec<u8>> {
    let scene = Scene::new(7);
    (0..count).map(|index| picture(&[scene.cells(size(index) * speed, 1.0)])).collect()
}

/// A pan that each frame is painted anew, more or less like the one before.
pub(crate) fn flicker(count: usize, strength: f64) -> Vec<Vec<u8>> {
    let scene = Scene::new(7);
    let frame = |index: u64| {
        let paint = Scene::new(1000 + index).cells(0.0, strength);
        picture(&[scene.cells(f64::from(u32::try_from(index).unwrap()) * 0.1, 1.0), paint])
    };
    (0..).take(count).map(frame).collect()
}

/// Pictures that have nothing to do with each other.
pub(crate) fn unlike(count: usize) -> Vec<Vec<u8>> {
    (500..).take(count).map(|seed| picture(&[Scene::new(seed).cells(0.0, 1.3)])).collect()
}

/// Variations of one picture, in no order.
pub(crate) fn variations(count: usize, strength: f64) -> Vec<Vec<u8>> {
    variations_of(7, count, strength)
}

/// `each` variations of one picture, then of another.
pub(crate) fn sessions(count: usize, each: usize) -> Vec<Vec<u8>> {
    let session = |number: u64| variations_of(40 + number, each, 0.3);
    (0..).take(count.div_ceil(each)).flat_map(session).take(count).collect()
}

fn variations_of(seed: u64, count: usize, strength: f64) -> Vec<Vec<u8>> {
    let base = Scene::new(seed).cells(0.0, 1.0);
    let variation = |number| picture(&[base.clone(), Scene::new(seed * 1000 + number).cells(0.0, strength)]);
    (0..).take(count).map(variation).collect()
}

/// A pan over one scene after another, cut after `every` frames.
pub(crate) fn cuts(count: usize, every: usize) -> Vec<Vec<u8>> {
    let shot =
        |number: u64| (0..every).map(move |index| picture(&[Scene::new(80 + number).cells(size(index) * 0.2, 1.0)]));
    (0..).take(count.div_ceil(every)).flat_map(shot).take(count).collect()
}

/// One picture that slowly turns into another.
pub(crate) fn morph(count: usize) -> Vec<Vec<u8>> {
    let (from, to) = (Scene::new(7), Scene::new(8));
    let frame = |index: usize| {
        let part = size(index) / size(count);
        picture(&[from.cells(0.0, 1.0 - part), to.cells(0.0, part)])
    };
    (0..count).map(frame).collect()
}

pub(crate) fn flat(count: usize, value: u8) -> Vec<Vec<u8>> {
    vec![vec![value; 432]; count]
}

/// White, black, white.
pub(crate) fn strobe(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|index| vec![if index % 2 == 0 { 255 } else { 0 }; 432]).collect()
}

/// Text on white: little in it, and different on each page.
pub(crate) fn pages(count: usize) -> Vec<Vec<u8>> {
    let page = |number: u64| {
        let mut random = Random(900 + number);
        (0..432).map(|_| if random.unit() < 0.4 { 200 } else { 250 }).collect()
    };
    (0..).take(count).map(page).collect()
}

fn json_text(graph: &Value) -> Embedded {
    Embedded::Text { text: graph.to_string().into_bytes(), cut: false }
}

/// ComfyUI's prompt: words, a seed, a strength, and one more node.
pub(crate) fn comfy(words: &str, seed: u64, cfg: u64, node: Option<Value>) -> Embedded {
    let mut graph = json!({
        "3": {"class_type": "KSampler", "inputs": {"seed": seed, "steps": 20, "cfg": cfg, "sampler_name": "euler",
              "scheduler": "normal", "denoise": 1.0, "model": ["4", 0], "positive": ["6", 0], "latent_image": ["5", 0]}},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd_xl_base_1.0.safetensors"}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 832, "height": 480, "batch_size": 16}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": words, "clip": ["4", 1]}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "ComfyUI", "images": ["8", 0]}}
    });
    if let Some(node) = node {
        graph["20"] = node;
    }
    json_text(&graph)
}

pub(crate) fn dream_directory() -> Value {
    json!({"class_type": "Frame Counter (Directory) [Dream]", "inputs": {"directory_path": "/out/anim", "pattern": "*",
        "indexing": "numeric", "total_frames": 240, "frames_per_second": 15}})
}

pub(crate) fn dream_simple(index: u64) -> Value {
    json!({"class_type": "Frame Counter (Simple) [Dream]",
        "inputs": {"frame_index": index, "total_frames": 100, "frames_per_second": 25}})
}

pub(crate) fn load_batch(index: u64) -> Value {
    json!({"class_type": "Load Image Batch", "inputs": {"mode": "single_image", "index": index, "label": "Batch 001",
        "path": "/in", "pattern": "*", "allow_RGBA_output": "false", "filename_text_extension": "true"}})
}

pub(crate) fn load_image(index: u64) -> Value {
    json!({"class_type": "LoadImage", "inputs": {"image": format!("frame_{index:05}.png"), "upload": "image"}})
}

pub(crate) fn load_video(skip: u64) -> Value {
    json!({"class_type": "VHS_LoadVideo", "inputs": {"video": "clip.mp4", "force_rate": 0, "frame_load_cap": 16,
        "skip_first_frames": skip, "select_every_nth": 1}})
}

/// AUTOMATIC1111's parameters.
pub(crate) fn parameters(words: &str, seed: u64) -> Embedded {
    let text = format!(
        "{words}, masterpiece\nNegative prompt: worst quality\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: {seed}, \
         Size: 832x480, Model hash: 6ce0161689, Model: v1-5-pruned, Denoising strength: 0.5, Version: v1.6.0"
    );
    Embedded::Text { text: text.into_bytes(), cut: false }
}

pub(crate) fn blender(frame: u64) -> Embedded {
    Embedded::Stamps(Stamps {
        file: b"/home/a/shot.blend".into(),
        scene: b"Scene".into(),
        frame: i64::try_from(frame).ok(),
        range: None,
        time: None,
    })
}

pub(crate) fn invoke(words: &str, seed: u64) -> Embedded {
    json_text(&json!({"generation_mode": "txt2img", "positive_prompt": words, "seed": seed, "steps": 30}))
}

fn size(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

#[expect(clippy::cast_possible_truncation, reason = "times and colours of tests are small")]
fn whole(value: f64) -> i64 {
    value.round() as i64
}

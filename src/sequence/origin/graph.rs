//! Texts that are JSON: ComfyUI's graphs, and settings by name.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::{Counts, Layers, Role, Total, words};
use crate::model::FrameRate;
use crate::sequence::rate::RateWord;

/// The input that names the output, which does not make the picture.
const OUTPUT_NAME: &str = "filename_prefix";

/// Names of inputs that count frames.
const FRAME_INPUTS: [&str; 8] = [
    "frame",
    "frame_index",
    "frame_idx",
    "frame_number",
    "frame_id",
    "current_frame",
    "start_frame",
    "skip_first_frames",
];

/// Names of inputs that count what is loaded, whatever the node is.
const SOURCE_INPUTS: [&str; 7] =
    ["image_index", "image_number", "file_index", "batch_index", "start_index", "current_index", "skip_first_images"];

/// Parts of a node's class in which `index` counts what is loaded.
const LOADERS: [&str; 8] = ["load", "image", "batch", "frame", "video", "iter", "sequence", "directory"];

/// The input of a frame counter that names the rate.
const COUNTER_RATE: &str = "frames_per_second";

/// The inputs of a node that makes a video that name the rate.
const VIDEO_RATES: [&str; 4] = ["frame_rate", "fps", "framerate", "frames_per_second"];

/// Parts of the class of a node that has to do with videos, and of one that makes what it is named for.
const VIDEOS: [&str; 4] = ["video", "webm", "animated", "animatediff"];
const MAKES: [&str; 5] = ["combine", "create", "save", "write", "export"];

/// Parts of the class of a node that makes more or fewer frames of those that it gets.
const RETIMERS: [&str; 6] = ["interpol", "vfi", "rife", "tween", "everynth", "every_nth"];

/// Reads a text as JSON. Python also writes `NaN` and `Infinity`, which JSON does not know; they count as null.
pub(super) fn parse(text: &[u8]) -> Option<Value> {
    let object = |value: &Value| value.is_object();
    let start = text.trim_ascii_start();
    if start.first() != Some(&b'{') {
        return None;
    }
    serde_json::from_slice(start).ok().or_else(|| serde_json::from_slice(&without_constants(start)).ok()).filter(object)
}

/// The same without keeping what is in it: a text may be of many megabytes.
pub(super) fn is_object(text: &[u8]) -> bool {
    let is_json = |text: &[u8]| serde_json::from_slice::<IgnoredAny>(text).is_ok();
    text.trim_ascii_start().starts_with(b"{") && (is_json(text) || is_json(&without_constants(text)))
}

fn without_constants(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let (mut quoted, mut escaped) = (false, false);
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let constant = [b"NaN".as_slice(), b"-Infinity", b"Infinity"].into_iter().find(|word| rest.starts_with(word));
        if let (false, Some(word)) = (quoted, constant) {
            out.extend_from_slice(b"null");
            rest = &rest[word.len()..];
            continue;
        }
        quoted ^= *byte == b'"' && !escaped;
        escaped = quoted && *byte == b'\\' && !escaped;
        out.push(*byte);
        rest = after;
    }
    out
}

/// Reads a graph, or settings.
pub(super) fn read(graph: &Value, layers: &mut Layers) {
    let Value::Object(nodes) = graph else { return };
    let linked = linked_roles(nodes);
    layers.put(Role::Words, b"{");
    for (id, node) in entries(nodes) {
        name(id, layers);
        match Node::of(node) {
            Some(node) => read_node(nodes, &node, linked.get(id.as_str()).copied(), layers),
            None => read_value(node, role_of("", id, nodes), layers),
        }
    }
    layers.put(Role::Words, b"}");
    if let Some(rate) = rate_of(nodes) {
        layers.say_rate(rate);
    }
}

/// What the graph says of the rate at which its frames are to be shown: its frame counters, else its videos. Two that differ say
/// nothing. Nor does a video of a graph that makes more or fewer frames for it, since which of them are saved is not known.
fn rate_of(nodes: &Map<String, Value>) -> Option<RateWord> {
    let all: Vec<Node<'_>> = nodes.values().filter_map(Node::of).collect();
    let one = |mut rates: Vec<FrameRate>| {
        rates.dedup();
        (rates.len() == 1).then(|| rates[0])
    };
    let stated = |node: &Node<'_>, inputs: &[&str]| {
        inputs.iter().find_map(|input| node.inputs.get(*input)).and_then(|value| rate_in(nodes, value))
    };
    let counters = all.iter().filter(|node| node.is_frame_counter());
    let counters: Vec<FrameRate> = counters.filter_map(|node| stated(node, &[COUNTER_RATE])).collect();
    if !counters.is_empty() {
        return one(counters).map(RateWord::Counter);
    }
    if all.iter().any(|node| RETIMERS.iter().any(|part| node.class.contains(part))) {
        return None;
    }
    let videos = all.iter().filter(|node| node.is_video());
    one(videos.filter_map(|node| stated(node, &VIDEO_RATES)).collect()).map(RateWord::VideoNode)
}

/// The rate that an input holds, or the node at the other end of a link.
fn rate_in(nodes: &Map<String, Value>, value: &Value) -> Option<FrameRate> {
    rate(value).or_else(|| {
        let node = Node::of(nodes.get(link(value)?)?)?;
        let mut numbers = node.inputs.values().filter_map(rate);
        // Of several numbers nobody knows which goes out.
        numbers.next().filter(|_| numbers.next().is_none())
    })
}

/// A number as a rate, exactly as it is written.
pub(super) fn rate(value: &Value) -> Option<FrameRate> {
    match value {
        Value::Number(number) => FrameRate::read(&number.to_string()).ok(),
        Value::String(text) => FrameRate::read(text).ok(),
        _ => None,
    }
}

/// A node, without what people call it and what the server last saw of it.
struct Node<'g> {
    /// In lower case.
    class: String,
    inputs: &'g Map<String, Value>,
}

impl<'g> Node<'g> {
    fn of(value: &'g Value) -> Option<Self> {
        let class = value.get("class_type")?.as_str()?.to_ascii_lowercase();
        Some(Self { class, inputs: value.get("inputs")?.as_object()? })
    }

    fn is_frame_counter(&self) -> bool {
        self.class.contains("frame counter")
    }

    fn is_video(&self) -> bool {
        let has = |parts: &[&str]| parts.iter().any(|part| self.class.contains(part));
        has(&VIDEOS) && has(&MAKES)
    }

    /// A counter of which the graph knows only where it began: the number of files in a folder, or an index that the
    /// node itself moves on.
    fn counts_unseen(&self) -> Option<Counts> {
        if self.is_frame_counter() && self.inputs.contains_key("directory_path") {
            return Some(Counts::Frames);
        }
        let mode = self.inputs.get("mode").and_then(Value::as_str).unwrap_or_default();
        mode.starts_with("incremental").then_some(Counts::Sources)
    }
}

fn read_node(nodes: &Map<String, Value>, node: &Node<'_>, linked: Option<Role>, layers: &mut Layers) {
    if let Some(counts) = node.counts_unseen() {
        layers.counts_unseen(counts);
    }
    if node.is_frame_counter()
        && let Some(total) = node.inputs.get("total_frames").and_then(|total| number_of(nodes, total))
    {
        layers.state(Total::Frames(total));
    }
    name(&node.class, layers);
    layers.put(Role::Words, b"{");
    for (key, value) in entries(node.inputs) {
        name(key, layers);
        let own = role_of(&node.class, key, node.inputs);
        // The number in a node that only holds a number means what it is used for.
        read_value(value, if own == Role::Number { linked.unwrap_or(own) } else { own }, layers);
    }
    layers.put(Role::Words, b"}");
}

/// A number, or that of the node at the other end of a link.
fn number_of(nodes: &Map<String, Value>, value: &Value) -> Option<NonZeroU64> {
    let found = value.as_u64().or_else(|| {
        let node = Node::of(nodes.get(link(value)?)?)?;
        node.inputs.values().find_map(Value::as_u64)
    });
    found.and_then(NonZeroU64::new)
}

/// The node that an input is linked with: `["12", 0]`.
fn link(value: &Value) -> Option<&str> {
    match value.as_array()?.as_slice() {
        [Value::String(id), Value::Number(_)] => Some(id),
        _ => None,
    }
}

/// The nodes that feed a seed or a counter.
fn linked_roles(nodes: &Map<String, Value>) -> BTreeMap<&str, Role> {
    let mut roles = BTreeMap::new();
    for node in nodes.values().filter_map(Node::of) {
        for (key, value) in node.inputs {
            let role = role_of(&node.class, key, node.inputs);
            if let (Some(id), Role::Seed | Role::Counter(_)) = (link(value), role) {
                roles.insert(id, role);
            }
        }
    }
    roles
}

/// What a number of this name means in a node of this class, in lower case. A loader that has no index counts with its
/// seed.
fn role_of(class: &str, key: &str, inputs: &Map<String, Value>) -> Role {
    let is = |known: &&str| known.eq_ignore_ascii_case(key);
    if words::is_seed(key.as_bytes()) {
        let counts = class.contains("load") && !inputs.contains_key("index");
        return if counts { Role::Counter(Counts::Sources) } else { Role::Seed };
    }
    if FRAME_INPUTS.iter().any(is) {
        return Role::Counter(Counts::Frames);
    }
    if SOURCE_INPUTS.iter().any(is)
        || key.eq_ignore_ascii_case("index") && LOADERS.iter().any(|part| class.contains(part))
    {
        return Role::Counter(Counts::Sources);
    }
    Role::Number
}

fn read_value(value: &Value, role: Role, layers: &mut Layers) {
    match value {
        Value::Number(number) => layers.put(role, number.to_string().as_bytes()),
        // Some nodes keep their seed or counter as text.
        Value::String(text) if role != Role::Number && text.parse::<u64>().is_ok() => layers.put(role, text.as_bytes()),
        Value::String(text) if words::is_source(text.as_bytes()) => words::source(text.as_bytes(), layers),
        Value::String(text) => words::read(text.as_bytes(), layers),
        Value::Null => layers.put(Role::Words, b"null"),
        Value::Bool(value) => layers.put(Role::Words, if *value { b"true" } else { b"false" }),
        // The numbers of nodes mean nothing, but differ only where the graph does.
        Value::Array(_) if link(value).is_some() => layers.put(Role::Words, value.to_string().as_bytes()),
        Value::Array(values) => {
            layers.put(Role::Words, b"[");
            for value in values {
                read_value(value, role, layers);
                layers.put(Role::Words, b",");
            }
            layers.put(Role::Words, b"]");
        }
        Value::Object(values) => {
            layers.put(Role::Words, b"{");
            for (key, value) in entries(values) {
                name(key, layers);
                read_value(value, role_of("", key, values), layers);
            }
            layers.put(Role::Words, b"}");
        }
    }
    layers.put(Role::Words, b";");
}

fn entries(map: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    map.iter().filter(|(key, _)| *key != OUTPUT_NAME)
}

fn name(name: &str, layers: &mut Layers) {
    layers.put(Role::Words, name.as_bytes());
    layers.put(Role::Words, b":");
}

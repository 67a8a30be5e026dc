//! The configuration as written: which keys there are, and what each one's value is.
//!
//! Every value is typed and has its place in the text, but nothing is inherited, defaulted or compared yet.

use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use globset::Glob;
use toml::Spanned;
use toml::de::DeTable;

use super::arguments::EncoderArg;
use super::error::{Complaint, Mistakes};
use super::reader::Reader;
use super::units::{
    Factor, UnitError, parse_colour, parse_duration, parse_exposure, parse_generator, parse_layer, parse_length,
    parse_pause, printable,
};
use super::{
    Cleanup, Container, FrameRate, Framerate, Live, Metadata, NameTemplate, ParallelChunks, Poster, Quality,
    StopPolicy, WatchMode, arguments, globs,
};
use crate::frame::geometry::{Crop, Flip, Rotation, Size};
use crate::frame::{Exposure, Layer};
use crate::sequence::finish::{Continuation, Existing, IdleTimeout, MissingFrames, Stills};
use crate::sequence::generator::Generator;
use crate::sequence::group::Scope;
use crate::sequence::name::NameRule;
use crate::sequence::order::FrameOrder;
use crate::sequence::sizes::SizeChange;

/// A table whose keys are all optional here.
pub(super) trait Table {
    /// Its keys, in the order in which they are listed to people.
    const KEYS: &'static [&'static str];

    /// Takes its keys out of `reader`.
    fn read(reader: &mut Reader<'_, '_>) -> Self;

    /// This table, with what it does not say taken from `other`.
    fn inheriting(&self, other: &Self) -> Self;
}

/// The key that is called `name` in the code: one that is a word of the language has a mark in front there.
pub(super) const fn key_of(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}

/// Defines a [`Table`]: each key with its type and how it is read.
macro_rules! table {
    ($(#[$meta:meta])* $name:ident { $($key:ident: $type:ty = $read:expr,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default)]
        pub(super) struct $name {
            $(pub(super) $key: Option<Spanned<$type>>,)+
        }

        impl Table for $name {
            const KEYS: &'static [&'static str] = &[$($crate::config::raw::key_of(stringify!($key))),+];

            fn read(reader: &mut Reader<'_, '_>) -> Self {
                $(
                    let read: fn(&mut Reader<'_, '_>, &str) -> Option<Spanned<$type>> = $read;
                    let $key = read(reader, $crate::config::raw::key_of(stringify!($key)));
                )+
                Self { $($key),+ }
            }

            fn inheriting(&self, other: &Self) -> Self {
                Self { $($key: self.$key.clone().or_else(|| other.$key.clone()),)+ }
            }
        }
    };
}

pub(super) use table;

table! {
    /// The keys at the top of the file.
    RawTop {
        state_dir: PathBuf = |r, key| r.path(key),
        keep_history: Duration = |r, key| r.parsed(key, parse_duration),
        stop: StopPolicy = |r, key| r.parsed(key, StopPolicy::from_str),
    }
}

table! {
    /// `[encoder]`.
    RawEncoder {
        ffmpeg: PathBuf = |r, key| r.path(key),
        jobs: i64 = |r, key| r.whole::<1, 64>(key),
        nice: i64 = |r, key| r.whole::<0, 19>(key),
        threads: i64 = |r, key| r.whole::<1, 256>(key),
        chunk_length: i64 = |r, key| r.whole::<24, 10_000>(key),
        live_hold: Duration = |r, key| r.parsed(key, parse_hold),
        chunk_dir: PathBuf = |r, key| r.path(key),
        parallel_chunks: ParallelChunks = |r, key| r.number(key, ParallelChunks::from_str),
    }
}

table! {
    /// `[limits]`.
    RawLimits {
        pixels: i64 = |r, key| r.whole::<1, { 1 << 32 }>(key),
        file_bytes: i64 = |r, key| r.whole::<1, { 1 << 40 }>(key),
        look_bytes: i64 = |r, key| r.whole::<4096, { 1 << 40 }>(key),
        look_entries: i64 = |r, key| r.whole::<100, { 1 << 40 }>(key),
        look_time: Duration = |r, key| r.parsed(key, parse_limit),
        decode_time: Duration = |r, key| r.parsed(key, parse_limit),
    }
}

table! {
    /// `[presets.NAME]`.
    RawPreset {
        encoder: String = |r, key| r.parsed(key, word),
        pix_fmt: String = |r, key| r.parsed(key, word),
        container: Container = |r, key| r.parsed(key, Container::from_str),
        args: Vec<Spanned<EncoderArg>> = |r, key| arguments::read(r, key),
    }
}

table! {
    /// `[defaults]`, and what each `[[watch]]` has beside its path.
    RawRoot {
        recursive: bool = |r, key| r.flag(key),
        folder_config: bool = |r, key| r.flag(key),
        watch: WatchMode = |r, key| r.parsed(key, WatchMode::from_str),
        include: Vec<Spanned<Glob>> = |r, key| r.list(key, globs::path),
        exclude: Vec<Spanned<Glob>> = |r, key| r.list(key, globs::path),
        pattern: NameRule = |r, key| r.parsed(key, name_rule),
        group: Scope = |r, key| r.parsed(key, Scope::from_str),
        order: FrameOrder = |r, key| r.parsed(key, FrameOrder::from_str),
        generator: Option<Generator> = |r, key| r.parsed(key, parse_generator),
        framerate: Framerate = |r, key| r.number(key, Framerate::from_str),
        framerate_factor: Factor = |r, key| r.number(key, Factor::from_str),
        duration: Duration = |r, key| r.parsed(key, parse_length),
        framerate_min: FrameRate = |r, key| r.number(key, FrameRate::from_str),
        framerate_max: FrameRate = |r, key| r.number(key, FrameRate::from_str),
        preset: String = |r, key| r.text(key),
        quality: Quality = |r, key| r.number(key, Quality::from_str),
        speed: String = |r, key| r.number(key, parse_speed),
        encoder_args: Vec<Spanned<EncoderArg>> = |r, key| arguments::read(r, key),
        layer: Layer = |r, key| r.parsed(key, parse_layer),
        exposure: Exposure = |r, key| r.number(key, parse_exposure),
        background: [u8; 3] = |r, key| r.parsed(key, parse_colour),
        size_change: SizeChange = |r, key| r.parsed(key, SizeChange::from_str),
        crop: Crop = |r, key| r.parsed(key, Crop::from_str),
        rotate: Rotation = |r, key| r.number(key, Rotation::from_str),
        flip: Flip = |r, key| r.parsed(key, Flip::from_str),
        size: Size = |r, key| r.parsed(key, Size::from_str),
        audio: PathBuf = |r, key| r.path(key),
        reverse: bool = |r, key| r.flag(key),
        ping_pong: bool = |r, key| r.flag(key),
        r#loop: i64 = |r, key| r.whole::<1, 100>(key),
        hold_first: Duration = |r, key| r.parsed(key, parse_pause),
        hold_last: Duration = |r, key| r.parsed(key, parse_pause),
        output_dir: PathBuf = |r, key| r.path(key),
        output_name: NameTemplate = |r, key| r.parsed(key, NameTemplate::from_str),
        metadata: Metadata = |r, key| r.flag_or_name(key, Metadata::from_str),
        poster: Poster = |r, key| r.flag_or_name(key, Poster::from_str),
        final_marker: Vec<Spanned<Glob>> = |r, key| r.list(key, globs::name),
        final_frame: Glob = |r, key| r.parsed(key, globs::name),
        last_frame: i64 = |r, key| r.whole::<{ -999_999_999 }, { i64::MAX }>(key),
        frame_count: i64 = |r, key| r.whole::<1, { i64::MAX }>(key),
        idle_timeout: IdleTimeout = |r, key| r.parsed(key, IdleTimeout::from_str),
        max_wait: Duration = |r, key| r.parsed(key, parse_duration),
        min_frames: i64 = |r, key| r.whole::<1, { i64::MAX }>(key),
        missing_frames: MissingFrames = |r, key| r.parsed(key, MissingFrames::from_str),
        max_hold: i64 = |r, key| r.whole::<1, { u32::MAX as i64 }>(key),
        continuation: Continuation = |r, key| r.parsed(key, Continuation::from_str),
        existing: Existing = |r, key| r.parsed(key, Existing::from_str),
        stills: Stills = |r, key| r.parsed(key, Stills::from_str),
        live: Live = |r, key| r.flag_or_name(key, Live::from_str),
        cleanup: Cleanup = |r, key| r.parsed(key, Cleanup::from_str),
        cleanup_after: Duration = |r, key| r.parsed(key, parse_duration),
        cleanup_anomalies: bool = |r, key| r.flag(key),
    }
}

/// A `[[watch]]`.
#[derive(Debug, Clone)]
pub(super) struct RawWatch {
    pub(super) path: Spanned<PathBuf>,
    pub(super) root: RawRoot,
}

/// The whole file.
#[derive(Debug, Default)]
pub(super) struct RawConfig {
    pub(super) top: RawTop,
    pub(super) encoder: RawEncoder,
    pub(super) limits: RawLimits,
    pub(super) presets: Vec<(Spanned<String>, RawPreset)>,
    pub(super) defaults: RawRoot,
    pub(super) watches: Vec<RawWatch>,
}

impl RawConfig {
    /// Reads all of it. What does not fit is among the mistakes.
    pub(super) fn read(text: &str, mistakes: &mut Mistakes) -> Self {
        let document = match DeTable::parse(text) {
            Ok(document) => document,
            Err(error) => {
                // What is not TOML hides what comes after it, so this mistake stands alone.
                let message = format!("not TOML: {}", error.message().replace('\n', ", "));
                let hint = match error.message() {
                    "duplicate key" => "a key stands once in a table; several [[watch]] are several tables",
                    _ => "a line is `key = value`; texts stand in double quotes, as in path = \"/srv/renders\"",
                };
                mistakes.add(error.span().unwrap_or(0..0), Complaint::new(message, hint));
                return Self::default();
            }
        };
        let mut reader = Reader::new(String::new(), document, mistakes);
        let mut raw = Self { top: RawTop::read(&mut reader), ..Self::default() };
        if let Some(mut table) = reader.table("encoder") {
            raw.encoder = RawEncoder::read(&mut table);
            finish(table);
        }
        if let Some(mut table) = reader.table("limits") {
            raw.limits = RawLimits::read(&mut table);
            finish(table);
        }
        reader.named_tables("presets", |name, mut table| {
            raw.presets.push((Spanned::new(name.span(), (*name.get_ref()).to_owned()), RawPreset::read(&mut table)));
            table.finish(&[(&format!("[presets.{}]", printable(name.get_ref())), RawPreset::KEYS)]);
        });
        if let Some(mut table) = reader.table("defaults") {
            raw.defaults = RawRoot::read(&mut table);
            finish(table);
        }
        reader.tables("watch", |mut table| {
            let root = RawRoot::read(&mut table);
            let known = table.has("path");
            match table.path("path") {
                Some(path) => raw.watches.push(RawWatch { path, root }),
                None if known => {}
                None => {
                    let complaint =
                        Complaint::new("this `[[watch]]` has no `path`", "name the folder: path = \"/srv/renders\"");
                    table.mistakes.add(table.span.clone(), complaint);
                }
            }
            finish(table);
        });
        finish(reader);
        raw
    }
}

/// Every table of the file with its keys, for advice on misplaced ones.
fn finish(reader: Reader<'_, '_>) {
    let top: Vec<&str> =
        RawTop::KEYS.iter().copied().chain(["encoder", "limits", "presets", "defaults", "watch"]).collect();
    let watch: Vec<&str> = ["path"].into_iter().chain(RawRoot::KEYS.iter().copied()).collect();
    reader.finish(&[
        ("", &top),
        ("[encoder]", RawEncoder::KEYS),
        ("[limits]", RawLimits::KEYS),
        ("[defaults]", RawRoot::KEYS),
        ("[[watch]]", &watch),
    ]);
}

fn name_rule(text: &str) -> Result<NameRule, Complaint> {
    Ok(NameRule::parse(text)?)
}

/// A duration of at least a second: in less no renderer writes the next frame.
fn parse_hold(text: &str) -> Result<Duration, UnitError> {
    parse_duration(text).and_then(|hold| match hold.as_secs() {
        0 => Err(UnitError::OutOfRange { text: text.to_owned(), what: "an encoder's wait", range: "1s to 3650d" }),
        _ => Ok(hold),
    })
}

/// A time of at least a second: the kernel counts whole ones.
fn parse_limit(text: &str) -> Result<Duration, UnitError> {
    parse_duration(text).and_then(|limit| match limit.as_secs() {
        0 => Err(UnitError::OutOfRange { text: text.to_owned(), what: "a limit of time", range: "1s to 3650d" }),
        _ => Ok(limit),
    })
}

/// The encoder's own name of a speed: `veryfast`, `8`.
pub(super) fn parse_speed(text: &str) -> Result<String, UnitError> {
    word(text).map_err(|_| UnitError::malformed(text, "a speed", "the encoder's own preset, such as \"veryfast\" or 8"))
}

/// A name of FFmpeg's, such as that of an encoder.
fn word(text: &str) -> Result<String, UnitError> {
    let fits = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') && !text.starts_with('-');
    if fits && !text.is_empty() {
        Ok(text.to_owned())
    } else {
        Err(UnitError::malformed(
            text,
            "a name of FFmpeg's",
            "letters, digits, `_` and `-`, as `ffmpeg -encoders` lists them",
        ))
    }
}

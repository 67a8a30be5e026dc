//! Arguments for an encoder as what they are: options with their values.
//!
//! Owns the only way in, from the texts that a user wrote, and the only way out, to FFmpeg's command line. What is asked of
//! them in between is asked by the name of an option, so that a value that looks like an option, or an option for one
//! stream (`-crf:v`), is never taken for another.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ArgumentError, allowed, files, without_value};

/// Options for an encoder, in the order in which FFmpeg gets them. Where two have one name, FFmpeg goes by the last.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncoderArgs(Vec<EncoderArg>);

/// An option and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(String, String)", into = "(String, String)")]
pub struct EncoderArg {
    /// As it is written: with its dash, and perhaps with what it is for (`-crf:v`).
    option: String,
    value: String,
}

impl EncoderArg {
    /// An option that a user may give to an encoder.
    ///
    /// # Errors
    ///
    /// Where `option` is not one, belongs to reeld, or makes the encoder write another file.
    pub(super) fn new(option: &str, value: &str) -> Result<Self, ArgumentError> {
        allowed(option)?;
        files::none_written(option, value)?;
        Ok(Self { option: option.to_owned(), value: value.to_owned() })
    }

    /// The option as it is written, and its value.
    #[must_use]
    pub fn as_written(&self) -> [&str; 2] {
        [&self.option, &self.value]
    }

    /// The option without what it is for: `-crf` of `-crf:v`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.option.split(':').next().unwrap_or_default()
    }

    /// Its value.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The keys and values of a `key=value:key=value` list.
    pub(crate) fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.value.split(':').map(|param| param.split_once('=').unwrap_or((param, "")))
    }
}

impl TryFrom<(String, String)> for EncoderArg {
    type Error = ArgumentError;

    fn try_from((option, value): (String, String)) -> Result<Self, ArgumentError> {
        Self::new(&option, &value)
    }
}

impl From<EncoderArg> for (String, String) {
    fn from(EncoderArg { option, value }: EncoderArg) -> Self {
        (option, value)
    }
}

impl EncoderArgs {
    /// Reads options and their values, in turns.
    ///
    /// # Errors
    ///
    /// For the first option that has no value, is not one, belongs to reeld, or makes the encoder write another file.
    pub fn parse(words: &[impl AsRef<str>]) -> Result<Self, ArgumentError> {
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        let pair = |pair: &[&str]| match *pair {
            [option, value] => EncoderArg::new(option, value),
            [option, ..] => Err(without_value(option)),
            [] => Err(without_value("")),
        };
        words.chunks(2).map(pair).collect::<Result<_, _>>().map(Self)
    }

    /// Options of reeld's own.
    pub(crate) fn own(pairs: &[(&str, &str)]) -> Self {
        pairs.iter().fold(Self::default(), |args, (option, value)| args.with(option, *value))
    }

    /// These, and one more of reeld's own.
    #[must_use]
    pub(crate) fn with(mut self, option: &str, value: impl Into<String>) -> Self {
        self.push(option, value);
        self
    }

    /// One more of reeld's own.
    pub(crate) fn push(&mut self, option: &str, value: impl Into<String>) {
        self.0.push(EncoderArg { option: option.to_owned(), value: value.into() });
    }

    /// More after these.
    pub(crate) fn append(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// Whether there is not one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One after the other.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &EncoderArg> {
        self.0.iter()
    }

    /// As FFmpeg gets them.
    #[must_use]
    pub fn to_argv(&self) -> Vec<String> {
        self.0.iter().flat_map(EncoderArg::as_written).map(str::to_owned).collect()
    }

    /// The value that counts of the options of these names.
    pub(crate) fn last_of(&self, names: &[&str]) -> Option<&str> {
        self.iter().rev().find(|arg| names.contains(&arg.name())).map(EncoderArg::value)
    }

    /// The value that counts of the options of this name.
    pub(crate) fn last(&self, name: &str) -> Option<&str> {
        self.last_of(&[name])
    }

    /// The constant quality, where one is asked for by FFmpeg's own option. Whether it is a number is the encoder's to judge.
    pub(crate) fn crf(&self) -> Option<&str> {
        self.last("-crf")
    }

    /// The encoder's speed by name or number.
    pub(crate) fn preset(&self) -> Option<&str> {
        self.last("-preset")
    }

    /// What the encoder is tuned for.
    pub(crate) fn tune(&self) -> Option<&str> {
        self.last("-tune")
    }

    /// The profile by name or number.
    pub(crate) fn profile(&self) -> Option<&str> {
        self.last("-profile")
    }

    /// FFmpeg's quantiser, for encoders that have one.
    pub(crate) fn quantiser(&self) -> Option<&str> {
        self.last_of(&["-q", "-qscale"])
    }

    /// Whether the bits of a second, or of the file, are limited.
    pub(crate) fn has_bit_rate(&self) -> bool {
        ["-b", "-maxrate", "-fs"].iter().any(|name| self.last(name).is_some_and(|value| value != "0"))
    }

    /// Whether the encoder's switch for no loss at all is on.
    pub(crate) fn is_lossless(&self) -> bool {
        self.last("-lossless") == Some("1")
    }

    /// The value that counts of `key` in the `key=value` lists of the options of these names.
    pub(crate) fn param(&self, lists: &[&str], key: &str) -> Option<&str> {
        let lists = self.iter().filter(|arg| lists.contains(&arg.name()));
        lists.flat_map(EncoderArg::params).filter(|(name, _)| *name == key).map(|(_, value)| value).last()
    }

    /// Adds `key=value` to the list that counts of this name, since encoders take one only.
    pub(crate) fn add_param(&mut self, list: &str, param: &str) {
        match self.0.iter_mut().rfind(|arg| arg.name() == list) {
            Some(arg) => {
                arg.value.push(':');
                arg.value.push_str(param);
            }
            None => self.push(list, param),
        }
    }

    /// Puts another value in the place of the one that counts, if there is one.
    pub(crate) fn replace_last(&mut self, name: &str, value: impl Into<String>) {
        if let Some(arg) = self.0.iter_mut().rfind(|arg| arg.name() == name) {
            arg.value = value.into();
        }
    }

    /// These without the options of which `keep` does not hold.
    #[must_use]
    pub(crate) fn only(&self, keep: impl Fn(&EncoderArg) -> bool) -> Self {
        self.0.iter().filter(|arg| keep(arg)).cloned().collect()
    }
}

impl FromIterator<EncoderArg> for EncoderArgs {
    fn from_iter<T: IntoIterator<Item = EncoderArg>>(args: T) -> Self {
        Self(args.into_iter().collect())
    }
}

/// As FFmpeg gets them, which is what people and the journal know.
impl fmt::Debug for EncoderArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().flat_map(EncoderArg::as_written)).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn args(text: &str) -> EncoderArgs {
        EncoderArgs::parse(&text.split_whitespace().collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn an_option_is_found_by_its_name_and_never_in_a_value() {
        let args = args("-crf 18 -metadata -crf -crf:v 20 -x264-params ref=2 -x264opts ref=3:keyint=9");
        assert_eq!((args.crf(), args.preset()), (Some("20"), None));
        assert_eq!(args.param(&["-x264-params", "-x264opts"], "ref"), Some("3"));
        assert_eq!(args.param(&["-x264-params"], "keyint"), None);
        let mut more = EncoderArgs::own(&[("-metadata", "-x265-params")]);
        more.add_param("-x265-params", "info=0");
        more.add_param("-x265-params", "pools=2");
        assert_eq!(more.to_argv(), ["-metadata", "-x265-params", "-x265-params", "info=0:pools=2"]);
    }

    #[test]
    fn what_is_no_option_with_a_value_is_refused() {
        for words in [&["-crf"][..], &["film", "-crf"], &["-tune", "film", "out.mp4"], &["-i", "x"], &[""]] {
            assert!(EncoderArgs::parse(words).is_err(), "{words:?}");
        }
        let written = EncoderArgs::parse(&["-x264-params", "dump-yuv=/x"]).unwrap_err();
        assert!(written.to_string().contains("dump-yuv"), "{written}");
        // Nor does it come in as data.
        for text in [r#"[["-i","x"]]"#, r#"[["-x264-params","dump-yuv=/x"]]"#, r#"[["-crf"]]"#] {
            assert!(serde_json::from_str::<EncoderArgs>(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn they_reach_ffmpeg_as_they_were_written(
            words in prop::collection::vec(("-(crf|bf|metadata|tune)(:v)?", "[^\0]{0,9}"), 0..5),
        ) {
            let words: Vec<String> = words.into_iter().flat_map(|(option, value)| [option, value]).collect();
            let args = EncoderArgs::parse(&words).unwrap();
            prop_assert_eq!(args.to_argv(), words);
            let again: EncoderArgs = serde_json::from_str(&serde_json::to_string(&args).unwrap()).unwrap();
            prop_assert_eq!(again, args);
        }
    }
}

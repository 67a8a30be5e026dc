//! `output_name`: from text to a checked template and back.

use std::fmt;
use std::str::FromStr;

use super::units::{Named as _, nearest, printable};
use super::{Container, NamePart, NameTemplate};
use crate::error::Explain;

static TOKENS: [(&str, NamePart); 11] = [
    ("name", NamePart::Name),
    ("prefix", NamePart::Prefix),
    ("suffix", NamePart::Suffix),
    ("folder", NamePart::Folder),
    ("first", NamePart::First),
    ("last", NamePart::Last),
    ("count", NamePart::Count),
    ("fps", NamePart::Fps),
    ("preset", NamePart::Preset),
    ("date", NamePart::Date),
    ("time", NamePart::Time),
];

/// Why a text is no template of a video's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Nothing at all.
    #[error("the name is empty")]
    Empty,
    /// It begins with a slash.
    #[error("the name is an absolute path")]
    Absolute,
    /// A part between slashes is `..` or `.`.
    #[error("the name has a part `{0}`")]
    Dots(String),
    /// A part between slashes is empty, or the name ends with a slash.
    #[error("the name has a slash with nothing before or after it")]
    EmptyPart,
    /// A character that no file name can have, or that nobody can see.
    #[error("the name has a control character")]
    Control,
    /// It ends with the extension of a video.
    #[error("the name ends with `.{0}`")]
    Extension(&'static str),
    /// A brace without its counterpart.
    #[error("the name has a brace without its counterpart")]
    Brace,
    /// A token that there is not.
    #[error("unknown token `{{{}}}`", printable(.0))]
    UnknownToken(String),
}

impl Explain for TemplateError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Empty | Self::Brace => format!("text and tokens; {}", tokens("")),
            Self::Absolute => {
                "name a folder elsewhere with `output_dir`, and only the file with `output_name`".to_owned()
            }
            Self::Dots(_) => "name a folder elsewhere with `output_dir`".to_owned(),
            Self::EmptyPart => "the last part is the file's name, what stands before it are folders".to_owned(),
            Self::Control => "leave it out".to_owned(),
            Self::Extension(_) => "leave the extension out, the preset's container decides it".to_owned(),
            Self::UnknownToken(token) => tokens(token),
        })
    }

    fn retryable(&self) -> bool {
        false
    }

    fn exit_code(&self) -> u8 {
        2
    }
}

/// `{name}`, the frames' own name.
impl Default for NameTemplate {
    fn default() -> Self {
        Self(vec![NamePart::Name])
    }
}

impl FromStr for NameTemplate {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        if text.is_empty() {
            return Err(TemplateError::Empty);
        }
        if text.starts_with('/') {
            return Err(TemplateError::Absolute);
        }
        if text.chars().any(char::is_control) {
            return Err(TemplateError::Control);
        }
        for part in text.split('/') {
            match part {
                "" => return Err(TemplateError::EmptyPart),
                "." | ".." => return Err(TemplateError::Dots(part.to_owned())),
                _ => {}
            }
        }
        let extension = Container::names().find(|name| {
            let stem = text.len().checked_sub(name.len()).and_then(|at| text.split_at_checked(at));
            stem.is_some_and(|(stem, end)| stem.ends_with('.') && end.eq_ignore_ascii_case(name))
        });
        if let Some(extension) = extension {
            return Err(TemplateError::Extension(extension));
        }
        parts(text).map(Self)
    }
}

impl fmt::Display for NameTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                NamePart::Text(text) => f.write_str(text)?,
                token => {
                    let name = TOKENS.iter().find(|(_, part)| part == token).map_or("", |(name, _)| *name);
                    write!(f, "{{{name}}}")?;
                }
            }
        }
        Ok(())
    }
}

fn parts(text: &str) -> Result<Vec<NamePart>, TemplateError> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (literal, behind) = rest.split_at(rest.find(['{', '}']).unwrap_or(rest.len()));
        if !literal.is_empty() {
            parts.push(NamePart::Text(literal.to_owned()));
        }
        rest = behind;
        if !rest.is_empty() {
            let inner = rest.strip_prefix('{').ok_or(TemplateError::Brace)?;
            let (token, behind) = inner.split_once('}').ok_or(TemplateError::Brace)?;
            let known = TOKENS.iter().find(|(name, _)| *name == token);
            let (_, part) = known.ok_or_else(|| TemplateError::UnknownToken(token.to_owned()))?;
            parts.push(part.clone());
            rest = behind;
        }
    }
    Ok(parts)
}

/// All tokens, the one that was meant first.
fn tokens(meant: &str) -> String {
    let names: Vec<_> = TOKENS.iter().map(|(name, _)| *name).collect();
    let advice = nearest(meant, &names).map(|name| format!("did you mean `{{{name}}}`? ")).unwrap_or_default();
    format!("{advice}allowed: {{{}}}", names.join("}, {"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_and_tokens() {
        let template: NameTemplate = "reels/{folder}_{first}-{last}".parse().unwrap();
        assert_eq!(
            template.0,
            [
                NamePart::Text("reels/".into()),
                NamePart::Folder,
                NamePart::Text("_".into()),
                NamePart::First,
                NamePart::Text("-".into()),
                NamePart::Last
            ]
        );
        assert_eq!(NameTemplate::default().to_string(), "{name}");
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let error = |text: &str| text.parse::<NameTemplate>().unwrap_err();
        assert_eq!(error(""), TemplateError::Empty);
        assert_eq!(error("/tmp/x"), TemplateError::Absolute);
        assert_eq!(error("../x"), TemplateError::Dots("..".into()));
        assert_eq!(error("a/../x"), TemplateError::Dots("..".into()));
        assert_eq!(error(".."), TemplateError::Dots("..".into()));
        assert_eq!(error("./x"), TemplateError::Dots(".".into()));
        assert_eq!(error("a/"), TemplateError::EmptyPart);
        assert_eq!(error("a//b"), TemplateError::EmptyPart);
        assert_eq!(error("a\0b"), TemplateError::Control);
        assert_eq!(error("video.MP4"), TemplateError::Extension("mp4"));
        assert_eq!(error("{prefix"), TemplateError::Brace);
        assert_eq!(error("prefix}"), TemplateError::Brace);
        assert_eq!(error("{}"), TemplateError::UnknownToken(String::new()));
        assert!("v..2".parse::<NameTemplate>().is_ok());
    }

    #[test]
    fn an_unknown_token_is_told_all_of_them() {
        let error = "{prefx}".parse::<NameTemplate>().unwrap_err();
        insta::assert_snapshot!(format!("{error}\nhint: {}", error.hint().unwrap()), @r#"
        unknown token `{prefx}`
        hint: did you mean `{prefix}`? allowed: {name}, {prefix}, {suffix}, {folder}, {first}, {last}, {count}, {fps}, {preset}, {date}, {time}
        "#);
    }

    proptest! {
        #[test]
        fn templates_survive_printing(text in "([a-z_./ é]|\\{(name|prefix|suffix|folder|first|last|count|fps|preset|date|time)\\}){1,8}") {
            if let Ok(template) = text.parse::<NameTemplate>() {
                prop_assert_eq!(template.to_string(), text);
            }
        }

        #[test]
        fn any_text_is_answered(text in "\\PC*|[{}a-z./]{0,24}") {
            let _ = text.parse::<NameTemplate>().map_err(|error| (error.to_string(), error.hint()));
        }
    }
}

//! What a pattern of the user marks in a name.
//!
//! A template becomes a regular expression, so that both are read in one way. What is not marked goes along.

use regex::bytes::Regex;

use crate::sequence::name::{PatternError, STAMP_DIGITS, may_be_frame};

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    Text(String),
    /// A counter of at least this many digits; 1 for numbers without padding.
    Counter(u8),
    /// A date, a time of day, or both.
    Date,
    Time,
    Stamp,
    /// Whatever.
    Any,
    /// What keeps films apart.
    Film,
}

/// What finds the marked parts of a name.
#[derive(Debug, Clone)]
pub(crate) struct Marker {
    regex: Regex,
    /// The groups of the key, in the order of the key.
    key: Vec<usize>,
    film: Vec<usize>,
    /// The template, unless the user wrote a regular expression.
    tokens: Option<Vec<Token>>,
}

/// The marked parts of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marks<'n> {
    /// The numbers of the key, the most important first, each with how many digits it has.
    pub numbers: Vec<(i64, u8)>,
    /// What keeps films apart.
    pub film: Vec<&'n [u8]>,
    /// Where the only number stands, its sign included, if there is just one.
    pub only: Option<(usize, usize)>,
}

impl Marker {
    pub(super) fn of_regex(pattern: &str) -> Result<Self, PatternError> {
        let regex = Regex::new(pattern)
            .map_err(|source| PatternError::Regex { pattern: pattern.into(), source: Box::new(source) })?;
        let groups = || regex.capture_names().enumerate().filter_map(|(at, name)| name.map(|name| (at, name)));
        let mut key: Vec<(u32, usize)> = groups()
            .filter_map(|(at, name)| match name.strip_prefix('k') {
                Some(place) => place.parse().ok().map(|place| (place, at)),
                None => (name == "frame").then_some((u32::MAX, at)),
            })
            .collect();
        key.sort_unstable();
        if key.is_empty() {
            return Err(PatternError::NoNumber { pattern: pattern.into() });
        }
        let film = groups().filter(|(_, name)| name.starts_with("film")).map(|(at, _)| at).collect();
        Ok(Self { key: key.into_iter().map(|(_, at)| at).collect(), film, tokens: None, regex })
    }

    pub(super) fn of_template(pattern: &str) -> Result<Self, PatternError> {
        if pattern.contains('/') {
            return Err(PatternError::Slash { pattern: pattern.into() });
        }
        let tokens = tokens(pattern)?;
        let mut text = String::from(r"(?s-u)\A");
        let (mut key, mut film, mut group) = (Vec::new(), Vec::new(), 0);
        for token in &tokens {
            let inner = match token {
                Token::Text(literal) => {
                    text += &regex::escape(literal);
                    continue;
                }
                Token::Any => {
                    text += ".*?";
                    continue;
                }
                Token::Counter(1) => "-?(?:0|[1-9][0-9]*)".to_owned(),
                Token::Counter(width) => {
                    format!("-?(?:[0-9]{{{width}}}|[1-9][0-9]{{{width},}})|-[0-9]{{{}}}", width - 1)
                }
                Token::Date => "[0-9]{4}[^0-9A-Za-z]?[0-9]{2}[^0-9A-Za-z]?[0-9]{2}".to_owned(),
                Token::Time => "[0-9]{2}[^0-9A-Za-z]?[0-9]{2}(?:[^0-9A-Za-z]?[0-9]{2}(?:[.,][0-9]+)?)?".to_owned(),
                Token::Stamp => "[0-9]+(?:(?:[^0-9A-Za-z]{1,2}|T)[0-9]+)*".to_owned(),
                Token::Film => ".+?".to_owned(),
            };
            group += 1;
            let groups = if *token == Token::Film { &mut film } else { &mut key };
            groups.push(group);
            text += &format!("({inner})");
        }
        text += r"\z";
        if key.is_empty() {
            return Err(PatternError::NoNumber { pattern: pattern.into() });
        }
        if !may_be_frame(example(&tokens).as_bytes()) {
            return Err(PatternError::NotAnImage { pattern: pattern.into() });
        }
        let regex = Regex::new(&text)
            .map_err(|source| PatternError::Regex { pattern: pattern.into(), source: Box::new(source) })?;
        Ok(Self { regex, key, film, tokens: Some(tokens) })
    }

    /// The pieces of the template; `None` for a regular expression.
    pub(crate) fn tokens(&self) -> Option<&[Token]> {
        self.tokens.as_deref()
    }

    /// What is marked in `name`; `None` where it does not fit.
    pub(crate) fn read<'n>(&self, name: &'n [u8]) -> Option<Marks<'n>> {
        let found = self.regex.captures(name)?;
        let mut numbers = Vec::new();
        let mut only = None;
        for group in self.key.iter().filter_map(|group| found.get(*group)) {
            let text = group.as_bytes();
            let (negative, digits) = text.strip_prefix(b"-").map_or((false, text), |digits| (true, digits));
            if digits.iter().all(u8::is_ascii_digit) {
                let (value, width) = number(digits)?;
                // A dash before a zero is no sign: `-0` and `0` are two files.
                if negative && value == 0 {
                    return None;
                }
                only = Some((group.start(), group.end()));
                numbers.push((if negative { -value } else { value }, width));
            } else {
                let runs = text.split(|byte| !byte.is_ascii_digit()).filter(|run| !run.is_empty());
                for run in runs {
                    numbers.push(number(run)?);
                }
            }
        }
        let film = self.film.iter().filter_map(|group| found.get(*group)).map(|group| group.as_bytes()).collect();
        let only = only.filter(|_| self.key.len() == 1 && numbers.len() == 1);
        (!numbers.is_empty()).then_some(Marks { numbers, film, only })
    }

    /// Whether the key is one counter.
    pub(crate) fn counts(&self) -> bool {
        match &self.tokens {
            Some(tokens) => self.key.len() == 1 && tokens.iter().any(|token| matches!(token, Token::Counter(_))),
            None => self.key.len() == 1,
        }
    }
}

fn number(digits: &[u8]) -> Option<(i64, u8)> {
    let value = value(digits)?;
    Some((value, u8::try_from(digits.len()).ok()?))
}

/// A name that fits.
fn example(tokens: &[Token]) -> String {
    let last = tokens.len() - 1;
    let example = |(at, token): (usize, &Token)| match token {
        Token::Text(text) => text.clone(),
        Token::Any | Token::Film if at == last => "a.png".into(),
        Token::Any => String::new(),
        _ => "1".into(),
    };
    tokens.iter().enumerate().map(example).collect()
}

/// Cuts a template. Where runs of `#` are its only tokens, the last one counts, as Blender's output path has it, and the others
/// are text.
fn tokens(pattern: &str) -> Result<Vec<Token>, PatternError> {
    let mut tokens: Vec<(Token, &str)> = Vec::new();
    let mut rest = pattern;
    while !rest.is_empty() {
        let (token, length) = token_at(pattern, rest)?;
        let (text, after) = rest.split_at(length);
        if let Some(token) = token {
            tokens.push((token, text));
        } else {
            let literal = if text == "%%" { "%" } else { text };
            match tokens.last_mut() {
                Some((Token::Text(before), _)) => before.push_str(literal),
                _ => tokens.push((Token::Text(literal.into()), "")),
            }
        }
        rest = after;
    }
    let is_hashes = |(_, text): &&(Token, &str)| text.starts_with('#');
    let others = tokens.iter().filter(|(token, _)| !matches!(token, Token::Text(_))).filter(|token| !is_hashes(token));
    if others.count() == 0 {
        let last = tokens.iter().rposition(|token| is_hashes(&token));
        for (_, (token, text)) in
            tokens.iter_mut().enumerate().filter(|(at, token)| is_hashes(&&**token) && Some(*at) != last)
        {
            *token = Token::Text((*text).into());
        }
    }
    let mut joined: Vec<Token> = Vec::new();
    for (token, _) in tokens {
        match (joined.last_mut(), token) {
            (Some(Token::Text(before)), Token::Text(text)) => before.push_str(&text),
            (_, token) => joined.push(token),
        }
    }
    Ok(joined)
}

/// The token that `rest` begins with, or none, and how long it is.
fn token_at(pattern: &str, rest: &str) -> Result<(Option<Token>, usize), PatternError> {
    const NAMED: [(&str, Token); 5] = [
        ("{date}", Token::Date),
        ("{time}", Token::Time),
        ("{stamp}", Token::Stamp),
        ("{film}", Token::Film),
        ("*", Token::Any),
    ];
    if let Some((text, token)) = NAMED.into_iter().find(|(text, _)| rest.starts_with(text)) {
        return Ok((Some(token), text.len()));
    }
    let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (width, length) = if rest.starts_with('#') {
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        (hashes.to_string(), hashes)
    } else if rest.starts_with("%%") {
        return Ok((None, 2));
    } else if rest.starts_with("%d") {
        ("1".to_owned(), 2)
    } else if let Some(after) =
        rest.strip_prefix("%0").filter(|after| digits(after) > 0 && after[digits(after)..].starts_with('d'))
    {
        (after[..digits(after)].to_owned(), 3 + digits(after))
    } else if let Some(after) = rest.strip_prefix("$F") {
        let wide = digits(after);
        (if wide == 0 { "1".to_owned() } else { after[..wide].to_owned() }, 2 + wide)
    } else {
        return Ok((None, rest.chars().next().map_or(1, char::len_utf8)));
    };
    match width.parse::<u8>() {
        Ok(digits) if digits > 0 && usize::from(digits) <= STAMP_DIGITS => Ok((Some(Token::Counter(digits)), length)),
        _ => Err(PatternError::Width { pattern: pattern.into(), width }),
    }
}

/// The value of 1 to 19 digits that fit; `None` for anything else.
fn value(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > STAMP_DIGITS {
        return None;
    }
    digits.iter().try_fold(0_i64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(pattern: &str, name: &str) -> Option<Vec<i64>> {
        let marker = if pattern.contains("(?") { Marker::of_regex(pattern) } else { Marker::of_template(pattern) };
        Some(marker.unwrap().read(name.as_bytes())?.numbers.into_iter().map(|(number, _)| number).collect())
    }

    #[test]
    fn counters_times_and_whatever_are_read_in_order() {
        assert_eq!(numbers("{date}_####_*.jpg", "2025-03-01_0007_x.jpg"), Some(vec![2025, 3, 1, 7]));
        assert_eq!(numbers("{date}_####_*.jpg", "20250301_0007_x.jpg"), Some(vec![20_250_301, 7]));
        assert_eq!(numbers("c{film}-{time}.jpg", "c12-01-28-56.jpg"), Some(vec![1, 28, 56]));
        assert_eq!(numbers("{stamp}.jpg", "2025-03-01T01.28.56.jpg"), Some(vec![2025, 3, 1, 1, 28, 56]));
        assert_eq!(numbers("a%d_%02d.png", "a7_08.png"), Some(vec![7, 8]));
        assert_eq!(numbers("a%d_%02d.png", "a7_8.png"), None);
        assert_eq!(numbers("######.*.png", "000001.4343649363.png"), Some(vec![1]));
        assert_eq!(numbers("render####.png", "render-0001.png"), Some(vec![-1]));
        assert_eq!(numbers("render####.png", "render-0000.png"), None);
        assert_eq!(numbers("50%%_{x}_$F2.png", "50%_{x}_07.png"), Some(vec![7]));
        assert_eq!(numbers("#_##.png", "#_07.png"), Some(vec![7]));
        assert_eq!(numbers("é\u{4e00}%d.png", "é\u{4e00}7.png"), Some(vec![7]));
        assert_eq!(numbers("a.png*%d.png", "aXpng7.png"), None);
    }

    #[test]
    fn groups_of_a_regular_expression_are_ordered_by_their_names() {
        let american = r"^(?<k2>\d\d)-(?<k3>\d\d)-(?<k1>\d{4})_(?<frame>-?\d+)";
        assert_eq!(numbers(american, "03-24-2023_-5.png"), Some(vec![2023, 3, 24, -5]));
        assert_eq!(numbers("^cam(?P<frame>[0-9]+)", "dog1.png"), None);
        assert!(matches!(Marker::of_regex("(?<film>a)"), Err(PatternError::NoNumber { .. })));
    }
}

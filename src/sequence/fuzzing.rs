//! Fuzzing: names of a folder, and patterns of users. See [`crate::fuzzing`].

use crate::error::Explain as _;
use crate::sequence::group::{Grouping, group};
use crate::sequence::name::{NameRule, is_image};
use crate::sequence::{Frame, Identity, Kind, Pattern};

/// More names than this are only slow.
const NAMES: usize = 100;

/// As long as a name can be on Linux; longer regular expressions are only slow too.
const LONGEST: usize = 255;

/// A name a line.
pub fn names(bytes: &[u8]) {
    check(&lines(bytes), &NameRule::Auto);
}

/// A pattern in the first line, and names in the others.
pub fn patterns(bytes: &[u8]) {
    let (text, rest) = bytes.split_at(bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len()));
    let Some(text) = std::str::from_utf8(text).ok().filter(|text| text.len() <= LONGEST) else { return };
    let rule = match NameRule::parse(text) {
        Ok(rule) => rule,
        Err(error) => {
            assert!(error.hint().is_some_and(|hint| !hint.is_empty()) && error.to_string().contains(text), "{error}");
            return;
        }
    };
    let names = lines(rest);
    if let NameRule::Pattern(pattern) = &rule {
        for name in &names {
            let Some(marks) = pattern.marks(name) else { continue };
            assert!(!marks.numbers.is_empty());
            if let Some((from, to)) = marks.only {
                let written = std::str::from_utf8(&name[from..to]).ok().and_then(|digits| digits.parse().ok());
                assert_eq!(written, Some(marks.numbers[0].0), "{text} {}", name.escape_ascii());
            }
        }
    }
    check(&names, &rule);
}

/// Names that files of one folder, and of folders in it, can have; none twice.
fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    let mut names = Vec::new();
    for name in bytes.split(|byte| *byte == b'\n') {
        let is_name = !name.contains(&0) && name.split(|byte| *byte == b'/').all(|part| !part.is_empty());
        if is_name && name.len() <= LONGEST && names.len() < NAMES && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn check(names: &[&[u8]], rule: &NameRule) {
    let times: Vec<i64> = (0..).take(names.len()).collect();
    for times in [None, Some(times.as_slice())] {
        let grouping = group(names, times, rule);
        check_places(names, &grouping);
        for film in &grouping.films {
            let numbers: Vec<i64> = film.members.iter().map(|(number, _)| *number).collect();
            assert!(numbers.len() >= 2 && numbers.is_sorted_by(|a, b| a < b), "{film:?}");
            for (number, place) in &film.members {
                let identity = Identity { dev: 0, ino: 0, size: 1, mtime_ns: 0 };
                let frame = Frame::of(&film.pattern, names[*place], *number, identity);
                assert_eq!(frame.file_name(&film.pattern), names[*place], "{:?}", film.pattern);
                // Long sequences of counted names keep no name a frame. In `-67` beside `068` the sign counts for the width.
                let is_plain = *rule == NameRule::Auto && film.pattern.kind == Kind::Count && *number >= 0;
                assert!(!is_plain || frame.name.is_none(), "{frame:?} in {:?}", film.pattern);
            }
            check_numbers(&film.pattern, &numbers);
        }
        // In which order a folder lists its files is nothing.
        let reversed: Vec<&[u8]> = names.iter().rev().copied().collect();
        let times: Option<Vec<i64>> = times.map(|times| times.iter().rev().copied().collect());
        let mut again = group(&reversed, times.as_deref(), rule);
        let turned = |place: &mut usize| *place = names.len() - 1 - *place;
        again.films.iter_mut().flat_map(|film| &mut film.members).for_each(|(_, place)| turned(place));
        again.singles.iter_mut().for_each(turned);
        again.left.iter_mut().for_each(|(place, _)| turned(place));
        again.singles.sort_unstable();
        again.left.sort_unstable();
        assert_eq!(again, grouping, "in another order");
    }
}

/// Every image is in exactly one film, single, or left alone; other files are in none.
fn check_places(names: &[&[u8]], grouping: &Grouping) {
    let mut times = vec![0_u8; names.len()];
    let films = grouping.films.iter().flat_map(|film| film.members.iter().map(|(_, place)| place));
    let left = grouping.left.iter().map(|(place, _)| place);
    for place in films.chain(&grouping.singles).chain(left) {
        times[*place] += 1;
    }
    for (name, times) in names.iter().zip(times) {
        assert_eq!(times, u8::from(is_image(name)), "{}", name.escape_ascii());
    }
    for (at, film) in grouping.films.iter().enumerate() {
        assert!(grouping.films[..at].iter().all(|other| other.pattern != film.pattern), "{:?} twice", film.pattern);
    }
}

/// What is said of a film to people, and what the journal keeps of it.
pub(crate) fn check_numbers(pattern: &Pattern, numbers: &[i64]) {
    if let (Some(first), Some(last)) = (numbers.first(), numbers.last()) {
        assert!(!pattern.span(*first, *last).is_empty());
        let _ = (pattern.looks_like(*first, *last, numbers.len()), pattern.name(*first));
    }
    let written = serde_json::to_string(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    assert_eq!(serde_json::from_str::<Pattern>(&written).ok().as_ref(), Some(pattern));
    let missing = pattern.missing_from(numbers.iter().copied());
    assert!(numbers.iter().all(|number| !missing.contains(*number)), "{missing} of {numbers:?}");
}

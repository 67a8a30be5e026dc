use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use serde::Deserialize;

use super::*;

mod examples;
mod folders;

/// A grouping by names: films in their order, single images, and what is left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Named {
    films: BTreeSet<Vec<String>>,
    patterns: BTreeSet<Pattern>,
    singles: BTreeSet<String>,
    left: BTreeSet<String>,
}

fn text(name: &[u8]) -> String {
    name.to_str_lossy().into_owned()
}

fn named<N: AsRef<[u8]>>(grouping: &Grouping, names: &[N]) -> Named {
    let name = |place: &usize| text(names[*place].as_ref());
    Named {
        films: grouping.films.iter().map(|film| film.members.iter().map(|(_, at)| name(at)).collect()).collect(),
        patterns: grouping.films.iter().map(|film| film.pattern.clone()).collect(),
        singles: grouping.singles.iter().map(name).collect(),
        left: grouping.left.iter().map(|(at, _)| name(at)).collect(),
    }
}

/// What a grouping promises whatever the names are.
fn check<N: AsRef<[u8]>>(grouping: &Grouping, names: &[N]) {
    let mut seen = vec![0; names.len()];
    let mut patterns = BTreeSet::new();
    for film in &grouping.films {
        assert!(film.members.len() >= 2, "{film:?}");
        assert!(film.members.is_sorted_by(|a, b| a.0 < b.0), "{film:?}");
        assert!(patterns.insert(&film.pattern), "two films of {}", film.pattern);
        film.members.iter().for_each(|(_, at)| seen[*at] += 1);
    }
    grouping.singles.iter().for_each(|at| seen[*at] += 1);
    grouping.left.iter().for_each(|(at, _)| seen[*at] += 1);
    for (name, times) in names.iter().zip(seen) {
        let expected = usize::from(left_by_name(name.as_ref()) != Ok(false));
        assert_eq!(times, expected, "{}", name.as_ref().as_bstr());
    }
}

/// Names of one shape as a watcher keeps them: placed one by one, and read anew when the reading says so.
struct Watched {
    names: Vec<Vec<u8>>,
    times: Option<Vec<i64>>,
    reading: Reading,
    placed: HashMap<Vec<u8>, Placed>,
    taken: HashMap<(u32, FrameNumber), Vec<u8>>,
    stale: bool,
    readings: usize,
}

impl Watched {
    fn new(rule: &NameRule) -> Self {
        let none: [&[u8]; 0] = [];
        Self {
            names: Vec::new(),
            times: None,
            reading: Reading::of(&none, None, rule).0,
            placed: HashMap::new(),
            taken: HashMap::new(),
            stale: false,
            readings: 0,
        }
    }

    fn add(&mut self, name: &[u8], time: Option<i64>, rule: &NameRule) {
        self.names.push(name.to_vec());
        if let Some(time) = time {
            self.times.get_or_insert_default().push(time);
        }
        let Some(placed) = self.reading.place(name) else { return self.read(rule) };
        match &placed {
            Placed::Film { film, number, sure } => {
                if self.taken.insert((*film, *number), name.to_vec()).is_some_and(|other| other != name) {
                    return self.read(rule);
                }
                self.stale |= !sure;
            }
            Placed::Single | Placed::Left(_) => self.stale = true,
        }
        self.placed.insert(name.to_vec(), placed);
    }

    fn read(&mut self, rule: &NameRule) {
        let (reading, grouping) = Reading::of(&self.names, self.times.as_deref(), rule);
        self.reading = reading;
        self.readings += 1;
        self.stale = false;
        self.placed.clear();
        self.taken.clear();
        let expected = named(&grouping, &self.names);
        for film in &grouping.films {
            let places: BTreeSet<u32> = film
                .members
                .iter()
                .map(|(number, at)| match self.reading.place(&self.names[*at]) {
                    Some(Placed::Film { film, number: placed, .. }) if placed == *number => film,
                    other => panic!("{}: {number} in the grouping, {other:?}", self.names[*at].as_bstr()),
                })
                .collect();
            assert_eq!(places.len(), 1, "{film:?}");
            let place = *places.first().unwrap();
            assert_eq!(self.reading.pattern(place), &film.pattern);
        }
        for name in &self.names {
            let placed = self.reading.place(name).unwrap_or_else(|| panic!("{}", name.as_bstr()));
            if let Placed::Film { film, number, .. } = &placed {
                assert_eq!(self.taken.insert((*film, *number), name.clone()), None, "{}", name.as_bstr());
            }
            self.placed.insert(name.clone(), placed);
        }
        assert!(self.named() == expected, "what is placed differs from the grouping");
    }

    fn named(&self) -> Named {
        let mut films: BTreeMap<u32, BTreeMap<FrameNumber, String>> = BTreeMap::new();
        let mut all = Named::default();
        for (name, placed) in &self.placed {
            match placed {
                Placed::Film { film, number, .. } => drop(films.entry(*film).or_default().insert(*number, text(name))),
                Placed::Single => drop(all.singles.insert(text(name))),
                Placed::Left(_) => drop(all.left.insert(text(name))),
            }
        }
        for (film, members) in films {
            let members: Vec<String> = members.into_values().collect();
            match <[String; 1]>::try_from(members) {
                Ok([only]) => drop(all.singles.insert(only)),
                Err(members) => {
                    all.patterns.insert(self.reading.pattern(film).clone());
                    all.films.insert(members);
                }
            }
        }
        all
    }
}

/// Adds names one by one. Whenever no reading is stale, the result is that of reading all names; and at the end in
/// any case. How often names were read.
fn grow(names: &[Vec<u8>], times: Option<&[i64]>, rule: &NameRule, each: bool) -> usize {
    let mut shapes: BTreeMap<Vec<u8>, Watched> = BTreeMap::new();
    let mut of_name = Shaper::default();
    for (at, name) in names.iter().enumerate() {
        let Some(shape) = of_name.shape(name, rule) else { continue };
        let watched = shapes.entry(shape.to_vec()).or_insert_with(|| Watched::new(rule));
        watched.add(name, times.map(|times| times[at]), rule);
        if each && !watched.stale {
            let (_, grouping) = Reading::of(&watched.names, watched.times.as_deref(), rule);
            assert_eq!(watched.named(), named(&grouping, &watched.names), "{}", name.as_bstr());
        }
        if watched.stale && (watched.names.len() <= 64 || watched.names.len().is_power_of_two()) {
            watched.read(rule);
        }
    }
    let mut all = Named::default();
    for watched in shapes.values_mut() {
        if watched.stale {
            watched.read(rule);
        }
        let mut one = watched.named();
        all.films.append(&mut one.films);
        all.patterns.append(&mut one.patterns);
        all.singles.append(&mut one.singles);
        all.left.append(&mut one.left);
    }
    let mut whole = named(&group(names, times, rule), names);
    // What its name alone leaves out has no shape.
    whole.left.retain(|name| of_name.shape(name.as_bytes(), rule).is_some());
    assert_eq!(all.patterns, whole.patterns);
    assert_eq!(all, whole);
    shapes.values().map(|watched| watched.readings).sum()
}

#[derive(Deserialize)]
struct Table {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    pattern: Option<String>,
    films: Vec<Vec<String>>,
    #[serde(default)]
    singles: Vec<String>,
    #[serde(default)]
    left: Vec<String>,
    #[serde(default)]
    other: Vec<String>,
    /// Places in `films`.
    #[serde(default)]
    held: Vec<usize>,
    missing: Option<Vec<(i64, i64)>>,
    times: Option<HashMap<String, f64>>,
}

/// Rows of which this build knows better, and why.
const ARGUED: [(&str, &str); 0] = [];

/// Names in an order that has nothing to do with them.
pub(crate) fn shuffled<T: Clone>(items: &[T], seed: u64) -> Vec<T> {
    let mut state = seed | 1;
    let mut items = items.to_vec();
    for at in (1..items.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        items.swap(at, usize::try_from(state >> 33).unwrap() % (at + 1));
    }
    items
}

#[test]
fn folders_are_read_as_the_table_says_in_any_order_and_one_by_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/names/folders.json");
    let table: Table = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for row in &table.rows {
        if ARGUED.iter().any(|(id, _)| *id == row.id) {
            continue;
        }
        if std::panic::catch_unwind(|| check_row(row)).is_err() {
            wrong.push(row.id.clone());
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

fn check_row(row: &Row) {
    let rule = row.pattern.as_ref().map_or(NameRule::Auto, |pattern| NameRule::parse(pattern).unwrap());
    let expected = Named {
        films: row.films.iter().cloned().collect(),
        patterns: BTreeSet::new(),
        singles: row.singles.iter().cloned().collect(),
        left: row.left.iter().cloned().collect(),
    };
    let names = row.films.iter().flatten().chain(&row.singles).chain(&row.left).chain(&row.other);
    let names: Vec<Vec<u8>> = names.map(|name| name.as_bytes().to_vec()).collect();
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds")]
    let times_of = |names: &[Vec<u8>]| {
        row.times.as_ref().map(|times| names.iter().map(|name| times[&text(name)] as i64).collect::<Vec<_>>())
    };
    for seed in 0..4 {
        let names = if seed == 0 { names.clone() } else { shuffled(&names, seed) };
        let times = times_of(&names);
        let grouping = group(&names, times.as_deref(), &rule);
        check(&grouping, &names);
        let found = Named { patterns: BTreeSet::new(), ..named(&grouping, &names) };
        assert_eq!(found, expected, "{}", row.id);
        for film in &grouping.films {
            let members: Vec<String> = film.members.iter().map(|(_, at)| text(&names[*at])).collect();
            let at = row.films.iter().position(|film| *film == members).unwrap();
            assert_eq!(film.looks_like.is_some(), row.held.contains(&at), "{} {}", row.id, film.pattern);
            if let Some(missing) = &row.missing {
                let found = film.pattern.missing_from(film.members.iter().map(|(number, _)| *number));
                let found: Vec<(i64, i64)> = found.iter().map(|(first, last, _)| (first, last)).collect();
                assert_eq!(&found, missing, "{} {}", row.id, film.pattern);
            }
        }
        let mut names = names;
        if let Some(times) = &row.times {
            names.sort_by(|a, b| times[&text(a)].total_cmp(&times[&text(b)]));
        }
        grow(&names, times_of(&names).as_deref(), &rule, names.len() < 100 && seed < 2);
    }
}

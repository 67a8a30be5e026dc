//! Names from other programs' test suites, and what reeld makes of them. See `data/names/README.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use reeld::sequence::group::group;
use reeld::sequence::name::NameRule;
use serde::Deserialize;

#[derive(Deserialize)]
struct Table {
    rows: Vec<Row>,
}

/// One folder, or several below each other.
#[derive(Deserialize)]
struct Row {
    id: String,
    names: Vec<String>,
    /// What the source groups.
    #[serde(default)]
    source: BTreeSet<Vec<String>>,
    /// What reeld groups, where that differs.
    ours: Option<BTreeSet<Vec<String>>>,
    /// Why it differs.
    reason: Option<String>,
}

#[test]
fn names_of_other_programs_are_grouped_as_the_tables_say() {
    for table in ["fileseq", "gofileseq", "lsseq", "reeld"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/names").join(table).with_extension("json");
        let table: Table = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        for row in table.rows {
            let expected = row.ours.as_ref().unwrap_or(&row.source);
            assert_eq!(row.ours.is_some(), row.reason.is_some(), "{}: a difference has a reason", row.id);
            assert_ne!(row.ours.as_ref(), Some(&row.source), "{}: no difference", row.id);
            let found = sequences(&row.names);
            assert_eq!(&found, expected, "{} of {}", row.id, file.display());
        }
    }
}

fn is_digit(letter: char) -> bool {
    letter.is_ascii_digit()
}

/// The members of each film, and each single image, folder by folder, sorted by name.
fn sequences(names: &[String]) -> BTreeSet<Vec<String>> {
    let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in names {
        let (folder, file) = name.split_at(name.rfind('/').map_or(0, |slash| slash + 1));
        folders.entry(folder).or_default().push(file);
    }
    let mut sequences = BTreeSet::new();
    for (folder, files) in &folders {
        let grouping = group(files, None, &NameRule::Auto);
        let films = grouping.films.iter().map(|film| film.members.iter().map(|(_, at)| *at).collect::<Vec<_>>());
        // The tables leave out names without a number.
        let has_number = |at: &&usize| files[**at].rsplit_once('.').is_some_and(|(stem, _)| stem.contains(is_digit));
        let singles = grouping.singles.iter().filter(has_number).map(|at| vec![*at]);
        for places in films.chain(singles) {
            let mut members: Vec<String> = places.iter().map(|at| format!("{folder}{}", files[*at])).collect();
            members.sort();
            sequences.insert(members);
        }
    }
    sequences
}

//! The map of the crate is true: imports run downward only, and the map is the same wherever it is printed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What the line with the order of the modules begins with, in `src/lib.rs` and in `CONTRIBUTING.md`.
const MAP: &str = "cli > serve > ";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What the line with the order of the modules of `encode` begins with, in `src/encode.rs`.
const ENCODE: &str = "preview, probe > ";

/// The line of a file that is the map that begins with `start`.
fn map_of(file: &str, start: &str) -> String {
    let text = fs::read_to_string(repository().join(file)).unwrap();
    let lines: Vec<&str> = text.lines().filter_map(|line| line.find(start).map(|at| &line[at..])).collect();
    assert_eq!(lines.len(), 1, "{file}: {lines:?}");
    lines[0].trim_end_matches(['`', ' ', '|']).to_owned()
}

/// The layers of a map, from the top. Modules of one layer do not import each other.
fn layers(map: &str) -> BTreeMap<String, usize> {
    let layers = map.split(" > ").enumerate();
    layers.flat_map(|(layer, names)| names.split(", ").map(move |name| (name.to_owned(), layer))).collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.extension() {
            _ if path.is_dir() => sources(&path),
            Some(extension) if extension == "rs" => vec![path],
            _ => Vec::new(),
        })
        .collect()
}

/// The modules that a line of code names after `parent`.
fn named<'a>(line: &'a str, parent: &str) -> Vec<&'a str> {
    let code = line.split("//").next().unwrap_or_default();
    let after = code.split(parent).skip(1);
    let ends = |text: &str| text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    after.map(|text| &text[..ends(text)]).filter(|name| !name.is_empty()).collect()
}

#[test]
fn imports_run_downward_only() {
    let seen = hold_to(&map_of("src/lib.rs", MAP), &repository().join("src"), &["crate::"]);
    assert!(seen > 300, "only {seen} imports were found");
}

/// So do those within the largest module.
#[test]
fn imports_within_encode_run_downward_only() {
    let src = repository().join("src/encode");
    let seen = hold_to(&map_of("src/encode.rs", ENCODE), &src, &["crate::encode::", "super::"]);
    assert!(seen > 60, "only {seen} imports were found");
}

/// Fails unless the code in `src` imports by the map. `parents` are what the names of modules come after; the second only in
/// files that are themselves modules of the map. How many imports there are.
fn hold_to(map: &str, src: &Path, parents: &[&str]) -> usize {
    let layers = layers(map);
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for path in sources(src) {
        let below: Vec<&str> = path.strip_prefix(src).unwrap().iter().map(|part| part.to_str().unwrap()).collect();
        let module = below[0].trim_end_matches(".rs");
        // The crate itself, and what only tests and the fuzzer use.
        let is_outside = |part: &&str| ["lib.rs", "main.rs", "fuzzing.rs", "tests.rs", "tests"].contains(part);
        if below.iter().any(is_outside) {
            continue;
        }
        let Some(layer) = layers.get(module) else {
            wrong.push(format!("{module} is not on the map"));
            continue;
        };
        let text = fs::read_to_string(&path).unwrap();
        // Tests at the end of a file may look upward.
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for (number, line) in (1..).zip(code.lines()) {
            let parents = if below.len() == 1 { parents } else { &parents[..1] };
            let names = parents.iter().flat_map(|parent| named(line, parent));
            for name in names.filter(|name| *name != module) {
                seen += 1;
                // What `encode` hands on of a module, such as its error, begins with a capital.
                let is_handed_on = map.starts_with(ENCODE) && name.starts_with(|c: char| c.is_ascii_uppercase());
                if !is_handed_on && layers.get(name).is_none_or(|other| other <= layer) {
                    wrong.push(format!("{}:{number}: {module} imports {name}: {}", path.display(), line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    seen
}

/// What decides goes by events and the time that it is told, so that a simulation can run it.
#[test]
fn what_decides_touches_nothing() {
    const FORBIDDEN: [&str; 17] = [
        "std::fs",
        "std::io",
        "std::net",
        "std::process",
        "std::thread",
        "std::env",
        "tokio",
        "Instant",
        "SystemTime",
        "Zoned::now",
        "Timestamp::now",
        "now_ms",
        "tracing",
        "rustix",
        "Mutex",
        "Atomic",
        "mpsc",
    ];
    let src = repository().join("src");
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for module in ["core", "sequence"] {
        for path in sources(&src.join(module)).into_iter().chain([src.join(format!("{module}.rs"))]) {
            let is_test = |part: &std::ffi::OsStr| {
                ["tests.rs", "tests", "simulation.rs", "simulation", "fuzzing.rs"].iter().any(|name| part == *name)
            };
            if path.iter().any(is_test) {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            for (number, line) in (1..).zip(code.lines()) {
                let code = line.split("//").next().unwrap_or_default();
                seen += 1;
                for word in FORBIDDEN.iter().filter(|word| code.contains(**word)) {
                    wrong.push(format!("{}:{number}: {word}: {}", path.display(), line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen > 5_000, "only {seen} lines were read");
}

#[test]
fn the_map_is_the_same_everywhere() {
    assert_eq!(map_of("src/lib.rs", MAP), map_of("CONTRIBUTING.md", MAP));
}

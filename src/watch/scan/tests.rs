use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::time::{Duration, Instant};

use globset::{Glob, GlobSetBuilder};

use super::*;

fn png(name: &[u8]) -> bool {
    name.ends_with(b".png")
}

fn folder() -> (tempfile::TempDir, Arc<Path>) {
    let dir = tempfile::tempdir().unwrap();
    let path = Arc::from(dir.path().canonicalize().unwrap());
    (dir, path)
}

fn names(files: &[(BString, Identity)]) -> BTreeSet<String> {
    files.iter().map(|(name, _)| name.to_string()).collect()
}

fn set(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

fn asked(list: &[&str]) -> BTreeSet<BString> {
    list.iter().map(|name| BString::from(*name)).collect()
}

fn fifo(path: &Path) {
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// A frame, an empty frame, and things that only look like frames.
fn mixed(dir: &Path) {
    fs::write(dir.join("1.png"), "abc").unwrap();
    fs::write(dir.join("2.png"), "").unwrap();
    fs::write(dir.join("notes.txt"), "abc").unwrap();
    symlink(dir.join("1.png"), dir.join("3.png")).unwrap();
    fifo(&dir.join("4.png"));
    fs::create_dir(dir.join("5.png")).unwrap();
    for name in ["sub", ".hidden", "@eaDir", "#recycle", "lost+found", ".Trash-1000", ".reeld-done"] {
        fs::create_dir(dir.join(name)).unwrap();
    }
    symlink(dir.join("sub"), dir.join("link")).unwrap();
}

#[test]
fn lists_wanted_regular_files_and_folders_only() {
    let (_dir, dir) = folder();
    mixed(&dir);
    let scan = read_folder(&dir, &png).unwrap();
    assert_eq!(names(&scan.files), set(&["1.png", "2.png"]));
    assert_eq!(scan.folders, ["5.png", "sub"]);
}

#[test]
fn looks_at_single_names_by_the_same_rules() {
    let (_dir, dir) = folder();
    mixed(&dir);
    let all = asked(&["1.png", "2.png", "3.png", "4.png", "5.png", "6.png", "notes.txt", "sub", ".hidden", "no.txt"]);
    let scan = read_names(&dir, &all, &png).unwrap();
    assert_eq!(names(&scan.files), set(&["1.png", "2.png"]));
    assert_eq!(scan.gone, ["3.png", "4.png", "5.png", "6.png"], "what is no regular file is gone as a frame");
    assert_eq!(scan.folders, ["5.png", "sub"]);
}

#[test]
fn the_identity_is_what_the_file_system_says() {
    let (_dir, dir) = folder();
    let path = dir.join(OsStr::from_bytes(b"\xff \n1.png"));
    fs::write(&path, "abc").unwrap();
    let meta = fs::metadata(&path).unwrap();
    let expected = Identity {
        dev: meta.dev(),
        ino: meta.ino(),
        size: 3,
        mtime_ns: meta.mtime() * 1_000_000_000 + meta.mtime_nsec(),
    };
    let files = vec![(BString::from(&b"\xff \n1.png"[..]), expected)];
    assert_eq!(read_folder(&dir, &png).unwrap().files, files);
    let asked = BTreeSet::from([files[0].0.clone()]);
    assert_eq!(read_names(&dir, &asked, &png).unwrap().files, files);
}

#[test]
fn what_cannot_be_read_is_an_error_that_says_why() {
    let (_dir, dir) = folder();
    fs::write(dir.join("file"), "").unwrap();
    fs::create_dir(dir.join("sub")).unwrap();
    symlink(dir.join("sub"), dir.join("link")).unwrap();
    let kind = |name: &str| read_folder(&dir.join(name), &png).unwrap_err().kind;
    assert!(matches!(kind("none"), ScanErrorKind::Missing));
    assert!(matches!(kind("file"), ScanErrorKind::NotAFolder));
    assert!(matches!(kind("link"), ScanErrorKind::NotAFolder));
    let names = asked(&["1.png"]);
    assert!(matches!(read_names(&dir.join("none"), &names, &png).unwrap_err().kind, ScanErrorKind::Missing));
    // Root may read everything, and a disk that fails is not at hand: the mapping is tried by itself.
    assert!(matches!(ScanError::new(&dir, Errno::ACCESS).kind, ScanErrorKind::Denied));
    let failed = ScanError::new(Path::new("/r"), Errno::IO);
    assert!(matches!(failed.kind, ScanErrorKind::Io(_)));
    assert!(failed.to_string().starts_with("cannot read /r: "), "{failed}");
    assert!(failed.hint().is_some());
}

#[test]
fn a_file_that_vanishes_while_it_is_read_is_absent() {
    let (_dir, dir) = folder();
    fs::write(dir.join("1.png"), "a").unwrap();
    fs::write(dir.join("2.png"), "a").unwrap();
    // The filter is asked between the name and the look at the file.
    let vanishing = |name: &[u8]| {
        if name == b"1.png" {
            fs::remove_file(dir.join("1.png")).unwrap();
        }
        png(name)
    };
    assert_eq!(names(&read_folder(&dir, &vanishing).unwrap().files), set(&["2.png"]));
}

#[test]
fn a_failure_in_the_middle_is_a_failure_of_the_whole() {
    let (_dir, dir) = folder();
    fs::write(dir.join("1.png"), "a").unwrap();
    // A name that no file can have stands for a disk that fails to answer for one file.
    let names = BTreeSet::from([BString::from("1.png"), BString::from("x".repeat(300))]);
    assert!(matches!(read_names(&dir, &names, &png).unwrap_err().kind, ScanErrorKind::Io(_)));
}

#[test]
fn walks_parents_first_and_leaves_out_what_is_excluded() {
    let (_dir, dir) = folder();
    for name in ["a/deep", "b/cache/x", "b/ok", "tmp/x", "@eaDir/x"] {
        fs::create_dir_all(dir.join(name)).unwrap();
    }
    let mut globs = GlobSetBuilder::new();
    for glob in ["tmp", "**/cache"] {
        globs.add(Glob::new(glob).unwrap());
    }
    let exclude = globs.build().unwrap();
    let visited = |start: &Arc<Path>, recursive: bool| -> Vec<String> {
        let mut seen = Vec::new();
        walk(&dir, start, recursive, &exclude, &mut |folder| {
            seen.push(folder.strip_prefix(&dir).unwrap().display().to_string());
            read_folder(folder, &png).unwrap().folders
        });
        seen
    };
    assert_eq!(visited(&dir, true), ["", "a", "a/deep", "b", "b/ok"]);
    assert_eq!(visited(&dir, false), [""]);
    assert_eq!(visited(&Arc::from(dir.join("b")), true), ["b", "b/ok"]);
    assert!(visited(&Arc::from(dir.join("tmp")), true).is_empty());
}

#[test]
fn a_hundred_thousand_files_are_read_in_no_time() {
    let (_dir, dir) = folder();
    let first = dir.join("0.png");
    fs::write(&first, "").unwrap();
    for number in 1..20_000 {
        // Links are made faster than files, and are read no faster.
        fs::hard_link(&first, dir.join(format!("{number}.png"))).unwrap();
    }
    let start = Instant::now();
    assert_eq!(read_folder(&dir, &png).unwrap().files.len(), 20_000);
    println!("20,000 files in {:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(2));
}

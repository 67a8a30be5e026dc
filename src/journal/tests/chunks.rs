use super::*;
use crate::encode::chunk::Shown;
use crate::encode::chunk::store::ChunkStore;
use crate::encode::verify::Samples;
use crate::frame::digest::Contents;

const SETTINGS: &str = "-c:v libx264 -crf 18";

fn pattern() -> Pattern {
    batch("/srv/a", &[1]).pattern
}

fn key<'a>(dir: &'a str, pattern: &'a Pattern) -> ChunkKey<'a> {
    ChunkKey { dir: Path::new(dir), pattern, settings: SETTINGS, ffmpeg: "5.1.9" }
}

fn shown(numbers: impl IntoIterator<Item = i64>) -> Vec<Shown> {
    let numbers: Vec<i64> = numbers.into_iter().collect();
    let frames = batch("/srv/a", &numbers).frames;
    frames.iter().map(|frame| Shown { number: frame.number, identity: frame.identity, repeat: 1 }).collect()
}

/// What was read of frame `number`.
fn read_of(number: i64) -> Contents {
    Contents { changed_ns: Some(number), digest: Digest::of(&number.to_le_bytes()) }
}

fn samples(count: u64) -> Samples {
    Samples { count, config: "41, 0a1b".to_owned(), digest: [0x80; 32] }
}

fn add(journal: &Journal, key: &ChunkKey<'_>, file: &Path, frames: &[Shown]) -> StoredChunk {
    let samples = samples(frames.len() as u64);
    let contents: Vec<Contents> = frames.iter().map(|frame| read_of(frame.number)).collect();
    let id = journal
        .add_chunk(key, &NewChunk { file, bytes: 7, frames, contents: &contents, samples: &samples }, NOW)
        .unwrap();
    StoredChunk { id, file: file.to_path_buf(), bytes: 7, frames: frames.to_vec(), contents, samples }
}

/// What somebody else's hands do to the journal.
fn spoil(scene: &Scene, sql: &str) {
    let connection = Connection::open(scene.lock.state_dir().join("journal.db")).unwrap();
    connection.execute_batch(sql).unwrap();
}

impl Journal {
    /// The files that its rows name, also those of damaged ones.
    pub(super) fn chunk_files(&self) -> Result<Vec<PathBuf>, JournalError> {
        self.with(|connection| {
            let mut select = connection.prepare("SELECT file FROM chunks WHERE typeof(file) = 'blob' ORDER BY id")?;
            select.query_map([], |row| rows::path(row, "file"))?.collect()
        })
    }
}

fn key_of(keyed: &KeyedChunk) -> ChunkKey<'_> {
    ChunkKey { dir: &keyed.dir, pattern: &keyed.pattern, settings: &keyed.settings, ffmpeg: &keyed.ffmpeg }
}

#[test]
fn chunks_are_found_by_all_that_must_agree() {
    let scene = Scene::new();
    let (pattern, other) = (pattern(), Pattern::new("other_", ".png", Padding::None));
    let key = key("/srv/a", &pattern);
    let keys = [
        key,
        ChunkKey { dir: Path::new("/srv/a/b"), ..key },
        ChunkKey { pattern: &other, ..key },
        ChunkKey { settings: "-c:v libx264 -crf 19", ..key },
        ChunkKey { ffmpeg: "9.0.2", ..key },
    ];
    let add = |(index, key): (usize, &ChunkKey<'_>)| {
        add(&scene.journal, key, Path::new(&format!("/chunks/{index}")), &shown([1, 2, 4]))
    };
    let stored: Vec<StoredChunk> = keys.iter().enumerate().map(add).collect();
    for (key, chunk) in keys.iter().zip(&stored) {
        assert_eq!(scene.journal.chunks_of(key).unwrap(), std::slice::from_ref(chunk));
    }
    let all = scene.journal.chunks().unwrap();
    assert_eq!(all.iter().map(key_of).collect::<Vec<_>>(), keys);
    assert_eq!(all.iter().map(|keyed| &keyed.chunk).collect::<Vec<_>>(), stored.iter().collect::<Vec<_>>());
    let files: Vec<PathBuf> = stored.iter().map(|chunk| chunk.file.clone()).collect();
    assert_eq!(scene.journal.chunk_files().unwrap(), files);

    let gone = scene.journal.drop_chunks(&[stored[4].id, stored[0].id, stored[3].id]).unwrap();
    assert_eq!(gone, [&files[4], &files[0], &files[3]].map(Clone::clone));
    assert_eq!(scene.journal.chunk_files().unwrap(), files[1..3]);
    assert!(scene.journal.drop_chunks(&[stored[0].id]).unwrap().is_empty());
}

#[test]
fn dropped_chunks_are_no_more_and_their_numbers_are_not_given_out_again() {
    let scene = Scene::new();
    let pattern = pattern();
    let key = key("/srv/a", &pattern);
    let add = |file: &str| add(&scene.journal, &key, Path::new(file), &shown([1])).id;
    let ids = [add("/chunks/1"), add("/chunks/2"), add("/chunks/3")];
    scene.journal.drop_chunks(&[ids[2], ids[0], ChunkId(99)]).unwrap();
    let left: Vec<ChunkId> = scene.journal.chunks_of(&key).unwrap().iter().map(|chunk| chunk.id).collect();
    assert_eq!(left, [ids[1]]);
    scene.journal.drop_chunks(&[]).unwrap();
    assert!(add("/chunks/3") > ids[2]);
}

#[test]
fn a_name_belongs_to_the_last_file_that_had_it() {
    let scene = Scene::new();
    let pattern = pattern();
    let key = key("/srv/a", &pattern);
    let elsewhere = ChunkKey { dir: Path::new("/srv/b"), ..key };
    let first = add(&scene.journal, &elsewhere, Path::new("/chunks/1"), &shown([1, 2]));
    let second = add(&scene.journal, &key, Path::new("/chunks/1"), &shown([3, 4]));
    assert!(second.id > first.id);
    assert!(scene.journal.chunks_of(&elsewhere).unwrap().is_empty());
    assert_eq!(scene.journal.chunks_of(&key).unwrap(), [second]);
}

#[test]
fn a_chunk_of_nothing_is_refused() {
    let scene = Scene::new();
    let pattern = pattern();
    let samples = samples(0);
    let new = NewChunk { file: Path::new("/chunks/1"), bytes: 7, frames: &[], contents: &[], samples: &samples };
    let error = scene.journal.add_chunk(&key("/srv/a", &pattern), &new, NOW).unwrap_err();
    assert!(matches!(error, JournalError::Sql { .. }), "{error}");
    assert!(scene.journal.chunk_files().unwrap().is_empty());
}

#[test]
fn a_damaged_record_is_passed_over_and_dropped_at_the_next_start() {
    let scene = Scene::new();
    let pattern = pattern();
    let key = key("/srv/a", &pattern);
    let spoils = [
        "frames = substr(frames, 1, 87)",
        "frames = zeroblob(88)",
        "frames = x''",
        "frames = 'text'",
        "first = 2",
        "count = -1",
        "count = 'many'",
        "config = x'ff'",
        "config = CAST(x'ff' AS TEXT)",
        "file = 7",
        "bytes = 'none'",
        "samples = 0.5",
        // With these it is not even found.
        "pattern = '{'",
        "dir = 'text'",
    ];
    for (index, spoilt) in spoils.iter().enumerate() {
        let file = format!("/chunks/{index}");
        let id = add(&scene.journal, &key, Path::new(&file), &shown([1, 2])).id;
        spoil(&scene, &format!("UPDATE chunks SET {spoilt} WHERE id = {id}"));
    }
    let sound = add(&scene.journal, &key, Path::new("/chunks/sound"), &shown([3]));
    assert_eq!(scene.journal.chunks_of(&key).unwrap(), std::slice::from_ref(&sound));
    assert_eq!(scene.journal.chunks().unwrap().len(), 1);
    assert_eq!(scene.journal.chunk_files().unwrap().len(), spoils.len(), "one has none");
    let scene = scene.restart();
    let recovery = scene.journal.recover(NOW).unwrap();
    assert_eq!(recovery.warnings, [format!("{} damaged records of encoded chunks are dropped", spoils.len())]);
    assert_eq!(scene.journal.chunk_files().unwrap(), [sound.file], "the other files are nobody's now");
    assert_eq!(scene.journal.recover(NOW).unwrap(), Recovery::default());
}

#[test]
fn a_digest_of_another_length_is_refused() {
    let scene = Scene::new();
    let pattern = pattern();
    add(&scene.journal, &key("/srv/a", &pattern), Path::new("/chunks/1"), &shown([1]));
    let connection = Connection::open(scene.lock.state_dir().join("journal.db")).unwrap();
    connection.execute("UPDATE chunks SET digest = x'00'", []).unwrap_err();
}

#[test]
fn chunks_of_a_disk_under_another_number_stay_theirs() {
    let scene = Scene::new();
    let dir = scene.folder.path().to_str().unwrap().to_owned();
    let pattern = Pattern::new("shot_", ".png", Padding::Width(4));
    let key = key(&dir, &pattern);
    let files = ["shot_0001.png", "shot_0002.png"].map(|name| scene.file(name).identity);
    let frames = |files: &[Identity]| -> Vec<Shown> {
        (1..).zip(files).map(|(number, file)| Shown { number, identity: *file, repeat: 2 }).collect()
    };
    let other_device = files.map(|file| Identity { dev: file.dev + 1, ..file });
    let moved = add(&scene.journal, &key, Path::new("/chunks/1"), &frames(&other_device));
    // None of its files is there any more.
    let changed = other_device.map(|file| Identity { mtime_ns: file.mtime_ns + 1, ..file });
    let lost = add(&scene.journal, &key, Path::new("/chunks/2"), &frames(&changed));
    // The first frame is gone, and the second tells for both.
    fs::remove_file(scene.folder.path().join("shot_0001.png")).unwrap();

    scene.journal.remap_devices(Path::new("/srv")).unwrap();
    assert_eq!(scene.journal.chunks_of(&key).unwrap(), [moved.clone(), lost.clone()]);
    scene.journal.remap_devices(scene.folder.path()).unwrap();
    let found = StoredChunk { frames: frames(&files), ..moved };
    assert_eq!(scene.journal.chunks_of(&key).unwrap(), [found, lost]);
}

#[test]
fn chunks_survive_a_restart_and_a_reader_beside_sees_them() {
    let scene = Scene::new();
    let pattern = pattern();
    let chunk = add(&scene.journal, &key("/srv/a", &pattern), Path::new("/chunks/1"), &shown(-5..300));
    let beside = Journal::open_to_read(scene.lock.state_dir()).unwrap().unwrap();
    assert_eq!(beside.chunks_of(&key("/srv/a", &pattern)).unwrap(), std::slice::from_ref(&chunk));
    beside.drop_chunks(&[chunk.id]).unwrap_err();
    drop(beside);
    let scene = scene.restart();
    assert_eq!(scene.journal.chunks_of(&key("/srv/a", &pattern)).unwrap(), [chunk]);
    assert_eq!(scene.journal.recover(NOW).unwrap(), Recovery::default());
}

/// Looks at copies of the database's files, made while the process that writes them still runs.
#[test]
fn what_is_added_is_in_the_files_when_the_call_returns() {
    let scene = Scene::new();
    let level =
        scene.journal.with(|connection| connection.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0)));
    assert_eq!(level.unwrap(), 2, "FULL, with which a commit is on the disk when it returns");
    let pattern = pattern();
    let key = key("/srv/a", &pattern);
    let copy = |name: &str| {
        let dir = scene.folder.path().join(name);
        fs::create_dir(&dir).unwrap();
        for file in ["journal.db", "journal.db-wal"] {
            fs::copy(scene.lock.state_dir().join(file), dir.join(file)).unwrap();
        }
        Lock::acquire(&dir).unwrap()
    };
    let chunks = |lock: &Lock| Journal::open(lock).unwrap().0.chunks_of(&key).unwrap();
    let first = add(&scene.journal, &key, Path::new("/chunks/1"), &shown(1..240));
    let second = add(&scene.journal, &key, Path::new("/chunks/2"), &shown(240..300));
    let second_id = second.id;
    let whole = copy("whole");
    assert_eq!(chunks(&whole), [first.clone(), second.clone()]);
    scene.journal.drop_chunks(&[first.id]).unwrap();
    assert_eq!(chunks(&copy("dropped")), [second]);
    // Cut within the last write: as if it had never been.
    let wal = copy("torn").state_dir().join("journal.db-wal");
    scene.journal.drop_chunks(&[second_id]).unwrap();
    let torn = copy("torn-2");
    let bytes = fs::metadata(&wal).unwrap().len();
    let file = fs::File::options().write(true).open(torn.state_dir().join("journal.db-wal")).unwrap();
    file.set_len(bytes + 30).unwrap();
    assert_eq!(chunks(&torn).len(), 1);
}

#[test]
fn files_and_records_agree_after_a_sweep() {
    let scene = Scene::new();
    let pattern = pattern();
    let key = key("/srv/a", &pattern);
    let store = ChunkStore::open(&scene.lock.state_dir().join("chunks")).unwrap();
    let keep = |label: &str| {
        let mut part = store.reserve(label).unwrap();
        fs::write(part.path(), label).unwrap();
        part.keep().unwrap()
    };
    let (recorded, orphan) = (keep("1"), keep("2"));
    let id = add(&scene.journal, &key, &recorded, &shown([1])).id;
    assert_eq!(store.sweep(&scene.journal.chunk_files().unwrap(), &|_| false).unwrap(), 1);
    assert!(recorded.exists() && !orphan.exists());
    for file in scene.journal.drop_chunks(&[id]).unwrap() {
        assert!(store.remove(&file).unwrap());
    }
    assert_eq!(fs::read_dir(store.dir()).unwrap().count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_chunk_that_is_recorded_is_the_one_that_is_read(
        dir in proptest::collection::vec(1_u8.., 1..20),
        file in proptest::collection::vec(1_u8.., 1..20),
        texts in any::<(String, String, String)>(),
        frames in proptest::collection::btree_map(any::<i64>(), any::<(u64, u64, u64, i64, u32)>(), 1..20),
        numbers in any::<(u64, u64, [u8; 32])>(),
    ) {
        let scene = Scene::new();
        let pattern = pattern();
        let path = |bytes: &[u8]| PathBuf::from(std::ffi::OsStr::from_bytes(bytes));
        let (dir, file) = (path(&dir), path(&file));
        let key = ChunkKey { dir: &dir, pattern: &pattern, settings: &texts.0, ffmpeg: &texts.1 };
        let shown = |(number, (dev, ino, size, mtime_ns, repeat)): (i64, (u64, u64, u64, i64, u32))| {
            Shown { number, identity: Identity { dev, ino, size, mtime_ns }, repeat: repeat.max(1) }
        };
        let frames: Vec<Shown> = frames.into_iter().map(shown).collect();
        let samples = Samples { count: numbers.0, config: texts.2.clone(), digest: numbers.2 };
        let contents: Vec<Contents> = frames.iter().map(|frame| read_of(frame.number)).collect();
        let new = NewChunk { file: &file, bytes: numbers.1, frames: &frames, contents: &contents, samples: &samples };
        let id = scene.journal.add_chunk(&key, &new, NOW).unwrap();
        let scene = scene.restart();
        let stored = scene.journal.chunks_of(&key).unwrap();
        let expected = StoredChunk { id, file: file.clone(), bytes: numbers.1, frames, contents, samples };
        prop_assert_eq!(stored, [expected]);
        prop_assert_eq!(scene.journal.drop_chunks(&[id]).unwrap(), [file]);
    }
}

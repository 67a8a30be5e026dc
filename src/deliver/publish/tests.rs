use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use super::*;
use crate::deliver::testing::as_ordinary_user;
use crate::error::Explain as _;

/// Hears of every candidate and objects to none.
#[expect(clippy::unnecessary_wraps, reason = "the signature is that of every `announce`")]
fn agree(_: &Published) -> Result<(), AnnounceError> {
    Ok(())
}

/// Hears of every staging folder.
#[expect(clippy::unnecessary_wraps, reason = "the signature is that of every `record`")]
fn record(_: &Path) -> Result<(), AnnounceError> {
    Ok(())
}

fn staged(dir: &Path, content: &str) -> Staging {
    let staging = Staging::create(dir, "7", &mut record).unwrap();
    fs::write(staging.path(), content).unwrap();
    staging
}

fn names_in(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_video_appears_whole_under_its_name_and_nothing_else_stays() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("new/below");
    let staging = staged(&dir, "reel");
    assert!(private::shown(staging.path()).starts_with(&dir));
    let ino = fs::metadata(staging.path()).unwrap().ino();
    let video = publish(staging, &Names::of("clip.v2".into()), "mp4", &mut agree).unwrap();
    assert_eq!(video.path, dir.join("clip.v2.mp4"));
    assert_eq!((video.identity.ino, video.identity.size), (ino, 4));
    assert_eq!(names_in(&dir), ["clip.v2.mp4"]);
    assert!(is_still(&video.path, &video.identity).unwrap());
}

#[test]
fn the_identity_is_what_the_standard_library_reads() {
    let folder = tempfile::tempdir().unwrap();
    let video = publish(staged(folder.path(), "reel"), &Names::of("clip".into()), "mp4", &mut agree).unwrap();
    let meta = fs::symlink_metadata(&video.path).unwrap();
    let expected = Identity {
        dev: meta.dev(),
        ino: meta.ino(),
        size: meta.size(),
        mtime_ns: meta.mtime() * 1_000_000_000 + meta.mtime_nsec(),
    };
    assert_eq!(video.identity, expected);
}

#[test]
fn others_may_read_a_video_as_the_umask_allows() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ordinary"), "").unwrap();
    let video = publish(staged(folder.path(), "reel"), &Names::of("clip".into()), "mp4", &mut agree).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&video.path), mode(&folder.path().join("ordinary")));
}

#[test]
fn a_name_taken_at_the_last_moment_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("clip.mp4"), "theirs").unwrap();
    symlink("nowhere", folder.path().join("clip_2.mp4")).unwrap();
    let third = folder.path().join("clip_3.mp4");
    let mut heard = Vec::new();
    let mut announce = |video: &Published| -> Result<(), AnnounceError> {
        heard.push(video.path.clone());
        if video.path == third {
            // Another program wins the race between the announcement and the rename.
            std::thread::scope(|scope| scope.spawn(|| fs::write(&third, "theirs too")).join().unwrap())?;
        }
        Ok(())
    };
    let video = publish(staged(folder.path(), "ours"), &Names::of("clip".into()), "mp4", &mut announce).unwrap();
    assert_eq!(video.path, folder.path().join("clip_4.mp4"));
    assert_eq!(heard.len(), 4);
    assert_eq!(fs::read_to_string(folder.path().join("clip.mp4")).unwrap(), "theirs");
    assert_eq!(fs::read_to_string(&third).unwrap(), "theirs too");
    assert_eq!(fs::read_to_string(&video.path).unwrap(), "ours");
}

#[test]
fn a_name_that_cannot_be_recorded_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut refuse = |_: &Published| -> Result<(), AnnounceError> { Err("journal is gone".into()) };
    let error = publish(staged(folder.path(), "reel"), &Names::of("clip".into()), "mp4", &mut refuse).unwrap_err();
    assert!(matches!(error, PublishError::NotRecorded { .. }) && error.retryable());
    assert!(names_in(folder.path()).is_empty());
}

#[test]
fn an_empty_or_replaced_staging_file_is_not_published() {
    let folder = tempfile::tempdir().unwrap();
    let empty = Staging::create(folder.path(), "7", &mut record).unwrap();
    let error = publish(empty, &Names::of("clip".into()), "mp4", &mut agree).unwrap_err();
    assert!(matches!(error, PublishError::NotStaged { .. }), "{error}");

    let replaced = staged(folder.path(), "reel");
    fs::write(folder.path().join("other"), "reel").unwrap();
    fs::rename(folder.path().join("other"), replaced.path()).unwrap();
    let error = publish(replaced, &Names::of("clip".into()), "mp4", &mut agree).unwrap_err();
    assert!(matches!(error, PublishError::NotStaged { .. }), "{error}");
    assert!(!folder.path().join("clip.mp4").exists());
}

#[test]
fn a_dropped_staging_file_goes_and_a_stale_one_does_not_block() {
    let folder = tempfile::tempdir().unwrap();
    let first = staged(folder.path(), "half");
    let second = Staging::create(folder.path(), "7", &mut record).unwrap();
    assert_ne!(first.path(), second.path());
    drop((first, second));
    assert!(names_in(folder.path()).is_empty());
}

#[test]
fn only_staging_files_are_removed_as_stale() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in [".reeld-7.1.part", "clip.mp4", "theirs.part", ".reeld-x"] {
        fs::write(at(name), "").unwrap();
    }
    symlink(at("clip.mp4"), at(".reeld-8.1.part")).unwrap();
    assert!(remove_stale_staging(&at(".reeld-7.1.part")).unwrap());
    for name in [".reeld-7.1.part", "clip.mp4", "theirs.part", ".reeld-x", ".reeld-8.1.part"] {
        assert!(!remove_stale_staging(&at(name)).unwrap(), "{name}");
    }
    assert_eq!(names_in(folder.path()), [".reeld-8.1.part", ".reeld-x", "clip.mp4", "theirs.part"]);
}

#[test]
fn a_stale_staging_folder_goes_but_not_one_that_holds_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in [".reeld-7.1.part", ".reeld-8.1.part", ".reeld-9.1.part"] {
        fs::create_dir(at(name)).unwrap();
    }
    fs::write(staged_in(&at(".reeld-7.1.part")), "half").unwrap();
    fs::write(at(".reeld-9.1.part/theirs"), "").unwrap();
    assert!(remove_stale_staging(&at(".reeld-7.1.part")).unwrap());
    assert!(remove_stale_staging(&at(".reeld-8.1.part")).unwrap());
    remove_stale_staging(&at(".reeld-9.1.part")).unwrap_err();
    assert_eq!(names_in(folder.path()), [".reeld-9.1.part"]);
    assert!(at(".reeld-9.1.part/theirs").exists());
}

#[test]
fn the_staging_folder_is_recorded_before_it_is_made_and_nobody_else_may_enter_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorded = Vec::new();
    let mut record = |path: &Path| -> Result<(), AnnounceError> {
        assert!(!path.exists() || recorded.is_empty());
        if recorded.is_empty() {
            // Taken by somebody else at the last moment.
            fs::create_dir(path)?;
        }
        recorded.push(path.to_path_buf());
        Ok(())
    };
    let staging = Staging::create(folder.path(), "7", &mut record).unwrap();
    let [taken, own] = &recorded[..] else { panic!("{recorded:?}") };
    assert_eq!(private::shown(staging.path()), staged_in(own));
    assert_eq!(fs::metadata(own).unwrap().permissions().mode() & 0o777, 0o700);
    drop(staging);
    assert!(taken.exists() && !own.exists());

    let mut refuse = |_: &Path| -> Result<(), AnnounceError> { Err("journal is gone".into()) };
    let error = Staging::create(folder.path(), "8", &mut refuse).unwrap_err();
    assert!(matches!(error, PublishError::NotRecorded { .. }), "{error}");
    assert_eq!(names_in(folder.path()).len(), 1);
}

#[test]
fn a_swapped_staging_folder_is_neither_written_nor_published() {
    let folder = tempfile::tempdir().unwrap();
    let staging = staged(folder.path(), "ours");
    let hidden = private::shown(staging.path()).parent().unwrap().to_path_buf();
    fs::rename(&hidden, folder.path().join("moved")).unwrap();
    fs::create_dir(folder.path().join("theirs")).unwrap();
    fs::write(staged_in(&folder.path().join("theirs")), "theirs").unwrap();
    symlink("theirs", &hidden).unwrap();
    fs::write(staging.path(), "ours again").unwrap();
    let video = publish(staging, &Names::of("clip".into()), "mp4", &mut agree).unwrap();
    assert_eq!(fs::read(&video.path).unwrap(), b"ours again");
    assert_eq!(fs::read(staged_in(&folder.path().join("theirs"))).unwrap(), b"theirs");
}

#[test]
fn a_folder_that_cannot_be_written_says_why_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let error = as_ordinary_user(|| Staging::create(folder.path(), "7", &mut record).unwrap_err());
    assert!(matches!(error, PublishError::Denied { .. }), "{error}");
    assert!(error.to_string().contains(".reeld-7."), "{error}");
    assert!(error.hint().unwrap().contains(folder.path().to_str().unwrap()));

    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    for dir in ["file", "file/below"] {
        let error = Staging::create(&folder.path().join(dir), "7", &mut record).unwrap_err();
        assert!(matches!(error, PublishError::NotAFolder { .. }) && !error.retryable(), "{error}");
    }
}

#[test]
fn a_folder_that_loses_its_permission_after_staging_keeps_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let staging = staged(folder.path(), "reel");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let error = as_ordinary_user(|| publish(staging, &Names::of("clip".into()), "mp4", &mut agree).unwrap_err());
    assert!(matches!(error, PublishError::Denied { .. }), "{error}");
    assert!(!folder.path().join("clip.mp4").exists());
}

#[test]
fn causes_have_their_kinds() {
    let kind = |errno: Errno| PublishError::new(Path::new("/x/y"), errno.into());
    for errno in [Errno::NOSPC, Errno::DQUOT, Errno::FBIG] {
        assert!(matches!(kind(errno), PublishError::Full { .. }));
    }
    assert!(matches!(kind(Errno::ROFS), PublishError::ReadOnly { .. }));
    assert!(matches!(kind(Errno::NOENT), PublishError::Missing { .. }));
    assert!(matches!(kind(Errno::ACCESS), PublishError::Denied { .. }));
    assert!(matches!(kind(Errno::IO), PublishError::Io { .. }) && kind(Errno::IO).retryable());
}

#[test]
fn free_space_is_that_of_the_nearest_folder_that_exists() {
    let folder = tempfile::tempdir().unwrap();
    assert!(free_space(folder.path()).unwrap() > 0);
    assert!(free_space(&folder.path().join("not/yet")).unwrap() > 0);
}

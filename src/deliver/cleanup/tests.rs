use std::fs::{self, hard_link};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::process::Command;
use std::time::SystemTime;

use tempfile::TempDir;

use super::*;
use crate::deliver::testing::as_ordinary_user;
use crate::frame::digest::Digest;

/// A watched folder with a batch of four frames in `shots` and its video beside `shots`.
struct Scene {
    folder: TempDir,
    frames: Vec<EncodedFrame>,
    video: Published,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("shots");
        fs::create_dir(&dir).unwrap();
        let frames = (1..=4)
            .map(|number| {
                let name = format!("shot_{number:04}.png");
                fs::write(dir.join(&name), format!("frame {number}")).unwrap();
                encoded(&name, &dir.join(&name))
            })
            .collect();
        let path = folder.path().join("shot.mp4");
        fs::write(&path, "reel").unwrap();
        let video = video(path);
        Self { folder, frames, video }
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("shots")
    }

    fn frame(&self, number: usize) -> PathBuf {
        self.dir().join(format!("shot_{number:04}.png"))
    }

    fn clean_with(&self, mode: Cleanup, despite_changes: bool) -> Result<CleanupReport, CleanupError> {
        clean(&CleanupJob {
            root: self.folder.path(),
            dir: &self.dir(),
            key: "7",
            frames: &self.frames,
            video: &self.video,
            mode,
            despite_changes,
        })
    }

    fn clean(&self, mode: Cleanup) -> CleanupReport {
        self.clean_with(mode, false).unwrap()
    }

    /// Every name below the frames' folder, folders excepted.
    fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        let mut folders = vec![self.dir()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.symlink_metadata().unwrap().is_dir() {
                    folders.push(path);
                } else {
                    left.push(path.strip_prefix(self.dir()).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        left.sort();
        left
    }

    fn quarantine(&self) -> PathBuf {
        self.dir().join(".reeld-trash-7")
    }
}

fn identity(path: &Path) -> Identity {
    let meta = fs::symlink_metadata(path).unwrap();
    let mtime_ns = meta.mtime() * 1_000_000_000 + meta.mtime_nsec();
    Identity { dev: meta.dev(), ino: meta.ino(), size: meta.size(), mtime_ns }
}

/// A frame that was encoded a moment after it was written.
fn encoded(name: &str, path: &Path) -> EncodedFrame {
    let meta = fs::metadata(path).unwrap();
    let later = SystemTime::now() + std::time::Duration::from_secs(1);
    let contents = Contents::of(&fs::read(path).unwrap(), &meta, later);
    EncodedFrame { name: name.into(), identity: identity(path), contents: Some(contents) }
}

/// Writes into the file and puts its time back.
fn rewrite_unseen(path: &Path, text: &str) {
    let before = fs::metadata(path).unwrap();
    fs::write(path, text).unwrap();
    fs::File::options().write(true).open(path).unwrap().set_modified(before.modified().unwrap()).unwrap();
}

fn video(path: PathBuf) -> Published {
    Published { identity: identity(&path), digest: Some(Digest::of(&fs::read(&path).unwrap())), path }
}

fn reasons(report: &CleanupReport) -> Vec<String> {
    report.kept.iter().map(|(name, reason)| format!("{name}: {reason}")).collect()
}

const ALL: [&str; 4] = ["shot_0001.png", "shot_0002.png", "shot_0003.png", "shot_0004.png"];

#[test]
fn keep_keeps() {
    let scene = Scene::new();
    assert_eq!(scene.clean(Cleanup::Keep).removed, 0);
    assert_eq!(scene.left(), ALL);
}

#[test]
fn delete_removes_the_frames_and_nothing_else() {
    let scene = Scene::new();
    fs::write(scene.frame(5), "not of this batch").unwrap();
    let report = scene.clean(Cleanup::Delete);
    assert_eq!((report.removed, report.gone, report.linked, report.kept.len()), (4, 0, 0, 0));
    assert_eq!(scene.left(), ["shot_0005.png"]);
    assert!(!scene.quarantine().exists() && scene.video.path.exists());

    let again = scene.clean(Cleanup::Delete);
    assert_eq!((again.removed, again.gone), (0, 4));
}

#[test]
fn an_emptied_folder_stays() {
    let scene = Scene::new();
    scene.clean(Cleanup::Delete);
    assert_eq!(fs::read_dir(scene.dir()).unwrap().count(), 0);
}

#[test]
fn a_frame_written_again_keeps_the_whole_batch() {
    for rewrite in [
        (|path: &Path| fs::write(path, "rewritten")) as fn(&Path) -> io::Result<()>,
        // The same length and another inode.
        |path| fs::remove_file(path).and_then(|()| fs::write(path, "FRAME 2")),
        |path| fs::remove_file(path).and_then(|()| symlink("shot_0001.png", path)),
        |path| fs::remove_file(path).and_then(|()| fs::create_dir(path)),
    ] {
        for mode in [Cleanup::Delete, Cleanup::Archive, Cleanup::Trash] {
            let scene = Scene::new();
            rewrite(&scene.frame(2)).unwrap();
            let before = scene.left();
            let report = scene.clean(mode);
            assert_eq!((report.removed, report.kept.len()), (0, 4), "{mode:?}");
            assert!(!report.kept.iter().any(|(_, reason)| matches!(reason, KeptReason::Failed(_))));
            assert!(reasons(&report).contains(&"shot_0002.png: changed since it was encoded".to_owned()));
            assert_eq!(scene.left(), before, "{mode:?}");
        }
    }
}

#[test]
fn a_frame_written_into_with_its_time_put_back_keeps_the_whole_batch() {
    for mode in [Cleanup::Delete, Cleanup::Archive, Cleanup::Trash] {
        let scene = Scene::new();
        rewrite_unseen(&scene.frame(2), "FRAME 2");
        assert_eq!(identity(&scene.frame(2)), scene.frames[1].identity, "nothing but the bytes and the time of change");
        let report = scene.clean(mode);
        assert_eq!((report.removed, report.kept.len()), (0, 4), "{mode:?}");
        assert!(reasons(&report).contains(&"shot_0002.png: changed since it was encoded".to_owned()));
        assert_eq!(scene.left(), ALL, "{mode:?}");
    }
}

#[test]
fn another_mode_or_link_or_name_is_no_other_frame() {
    let scene = Scene::new();
    fs::set_permissions(scene.frame(1), fs::Permissions::from_mode(0o600)).unwrap();
    hard_link(scene.frame(2), scene.folder.path().join("backup.png")).unwrap();
    fs::rename(scene.frame(3), scene.folder.path().join("away")).unwrap();
    fs::rename(scene.folder.path().join("away"), scene.frame(3)).unwrap();
    rewrite_unseen(&scene.frame(4), "frame 4");
    let report = scene.clean(Cleanup::Delete);
    assert_eq!((report.removed, report.kept.len()), (4, 0), "{:?}", reasons(&report));
}

#[test]
fn frames_that_are_links_to_one_file_all_go() {
    for mode in [Cleanup::Delete, Cleanup::Archive] {
        let mut scene = Scene::new();
        fs::remove_file(scene.frame(2)).unwrap();
        hard_link(scene.frame(1), scene.frame(2)).unwrap();
        scene.frames[1] = encoded("shot_0002.png", &scene.frame(2));
        scene.frames[0] = encoded("shot_0001.png", &scene.frame(1));
        let report = scene.clean(mode);
        assert_eq!((report.removed, report.kept.len()), (4, 0), "{mode:?}: {:?}", reasons(&report));
    }
}

#[test]
fn a_frame_that_was_read_at_once_is_read_again() {
    let mut scene = Scene::new();
    for frame in &mut scene.frames {
        frame.contents.as_mut().unwrap().changed_ns = None;
    }
    rewrite_unseen(&scene.frame(2), "FRAME 2");
    let report = scene.clean_with(Cleanup::Delete, true).unwrap();
    assert_eq!(report.removed, 3);
    assert_eq!(reasons(&report), ["shot_0002.png: changed since it was encoded"]);
}

#[test]
fn a_frame_that_an_earlier_version_encoded_is_known_by_its_identity() {
    let mut scene = Scene::new();
    scene.frames.iter_mut().for_each(|frame| frame.contents = None);
    fs::set_permissions(scene.frame(1), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(scene.frame(2), "rendered again").unwrap();
    assert_eq!(scene.clean_with(Cleanup::Delete, true).unwrap().removed, 3);
}

#[test]
fn only_the_rewritten_frame_stays_when_the_config_says_so() {
    for mode in [Cleanup::Delete, Cleanup::Archive] {
        let scene = Scene::new();
        fs::write(scene.frame(2), "rewritten").unwrap();
        let report = scene.clean_with(mode, true).unwrap();
        assert_eq!(report.removed, 3, "{mode:?}");
        assert_eq!(reasons(&report), ["shot_0002.png: changed since it was encoded"]);
        assert_eq!(fs::read_to_string(scene.frame(2)).unwrap(), "rewritten");
    }
}

#[test]
fn a_vanished_frame_does_not_hold_the_others() {
    let scene = Scene::new();
    fs::remove_file(scene.frame(3)).unwrap();
    let report = scene.clean(Cleanup::Delete);
    assert_eq!((report.removed, report.gone, report.kept.len()), (3, 1, 0));
}

#[test]
fn nothing_goes_without_the_video() {
    for spoil in [
        (|path: &Path| fs::remove_file(path)) as fn(&Path) -> io::Result<()>,
        |path| fs::write(path, "shorter or longer"),
        |path| fs::copy(path, path.with_extension("x")).and_then(|_| fs::rename(path.with_extension("x"), path)),
        |path| fs::rename(path, path.with_extension("x")).and_then(|()| symlink("shot.x", path)),
    ] {
        for mode in [Cleanup::Delete, Cleanup::Archive, Cleanup::Trash] {
            let scene = Scene::new();
            spoil(&scene.video.path).unwrap();
            let error = scene.clean_with(mode, true).unwrap_err();
            assert!(matches!(error, CleanupError::VideoChanged { .. }) && !error.retryable());
            assert_eq!(scene.left(), ALL);
        }
    }
}

/// What a video holds after it was damaged, edited or tagged is not what was compared with the frames.
#[test]
fn nothing_goes_when_the_video_has_other_contents() {
    for (spoil, mtime) in [(&b"\0\0\0\0"[..], false), (b"reeL", true)] {
        for mode in [Cleanup::Delete, Cleanup::Archive, Cleanup::Trash] {
            let scene = Scene::new();
            let times = fs::metadata(&scene.video.path).unwrap().modified().unwrap();
            fs::write(&scene.video.path, spoil).unwrap();
            if mtime {
                fs::File::options().write(true).open(&scene.video.path).unwrap().set_modified(times).unwrap();
            }
            let error = scene.clean_with(mode, true).unwrap_err();
            assert!(matches!(error, CleanupError::OtherContents { .. }) && !error.retryable(), "{error}");
            assert!(error.hint().is_some());
            assert_eq!(scene.left(), ALL);
        }
    }
}

#[test]
fn a_video_with_another_time_and_mode_is_what_was_proved() {
    let scene = Scene::new();
    let file = fs::File::options().write(true).open(&scene.video.path).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    fs::set_permissions(&scene.video.path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(scene.clean(Cleanup::Delete).removed, 4);
}

#[test]
fn a_disk_under_another_number_has_the_same_video() {
    let mut scene = Scene::new();
    scene.video.identity.dev += 1;
    assert_eq!(scene.clean(Cleanup::Delete).removed, 4);
}

#[test]
fn a_video_of_an_earlier_version_is_known_by_its_identity() {
    let mut scene = Scene::new();
    scene.video.digest = None;
    scene.video.identity.dev += 1;
    assert!(matches!(scene.clean_with(Cleanup::Delete, true), Err(CleanupError::VideoChanged { .. })));
    scene.video.identity.dev -= 1;
    assert_eq!(scene.clean(Cleanup::Delete).removed, 4);
}

#[test]
fn a_video_among_its_own_frames_stays() {
    let mut scene = Scene::new();
    scene.video = video(scene.frame(4));
    let report = scene.clean(Cleanup::Delete);
    assert_eq!(report.removed, 3);
    assert_eq!(reasons(&report), ["shot_0004.png: it is the video itself"]);
}

#[test]
fn further_hard_links_are_counted() {
    let scene = Scene::new();
    hard_link(scene.frame(1), scene.folder.path().join("backup.png")).unwrap();
    let report = scene.clean(Cleanup::Delete);
    assert_eq!((report.removed, report.linked), (4, 1));
    assert!(scene.folder.path().join("backup.png").exists());
}

#[test]
fn a_folder_that_became_a_link_is_not_entered() {
    let scene = Scene::new();
    fs::rename(scene.dir(), scene.folder.path().join("elsewhere")).unwrap();
    symlink("elsewhere", scene.dir()).unwrap();
    assert!(matches!(scene.clean_with(Cleanup::Delete, true), Err(CleanupError::Folder { .. })));
    assert!(scene.folder.path().join("elsewhere/shot_0001.png").exists());
}

#[test]
fn a_deletion_killed_in_the_middle_is_taken_up_again() {
    let scene = Scene::new();
    fs::create_dir(scene.quarantine()).unwrap();
    for number in [1, 2] {
        let name = scene.frame(number);
        fs::rename(&name, scene.quarantine().join(name.file_name().unwrap())).unwrap();
    }
    fs::remove_file(scene.quarantine().join("shot_0001.png")).unwrap();
    let report = scene.clean(Cleanup::Delete);
    assert_eq!((report.removed, report.gone, report.kept.len()), (3, 1, 0));
    assert!(scene.left().is_empty() && !scene.quarantine().exists());
}

#[test]
fn what_a_killed_deletion_left_goes_back_when_the_video_is_gone() {
    let scene = Scene::new();
    fs::create_dir(scene.quarantine()).unwrap();
    fs::rename(scene.frame(1), scene.quarantine().join("shot_0001.png")).unwrap();
    fs::remove_file(&scene.video.path).unwrap();
    scene.clean_with(Cleanup::Delete, false).unwrap_err();
    assert_eq!(scene.left(), ALL);
    assert!(!scene.quarantine().exists());
}

#[test]
fn a_quarantined_frame_never_replaces_the_file_that_took_its_name() {
    let scene = Scene::new();
    fs::create_dir(scene.quarantine()).unwrap();
    fs::rename(scene.frame(1), scene.quarantine().join("shot_0001.png")).unwrap();
    fs::write(scene.frame(1), "rendered again").unwrap();
    let report = scene.clean_with(Cleanup::Delete, true).unwrap();
    assert_eq!(report.removed, 3);
    assert_eq!(fs::read_to_string(scene.frame(1)).unwrap(), "rendered again");
    assert_eq!(scene.left(), [".reeld-trash-7/shot_0001.png", "shot_0001.png"]);
    assert!(reasons(&report).iter().any(|reason| reason.contains("it is in")), "{:?}", reasons(&report));
}

/// The instant between the look at all frames and the move of one cannot be hit from outside, so it is played here step
/// by step.
#[test]
fn a_frame_replaced_after_the_look_goes_back() {
    let scene = Scene::new();
    let dir = scene.dir();
    let job = CleanupJob {
        root: scene.folder.path(),
        dir: &dir,
        key: "7",
        frames: &scene.frames,
        video: &scene.video,
        mode: Cleanup::Delete,
        despite_changes: false,
    };
    let folder = open_beneath(job.root, job.dir).unwrap();
    for act in [quarantine::delete, archive::archive] {
        let mut report = CleanupReport::default();
        let removable = removable_frames(&folder, &job, &mut report);
        fs::write(scene.frame(2), "rendered again").unwrap();
        act(&folder, &job, &removable, &mut report).unwrap();
        assert_eq!(fs::read_to_string(scene.frame(2)).unwrap(), "rendered again");
        assert!(reasons(&report).contains(&"shot_0002.png: changed since it was encoded".to_owned()));
    }
}

#[test]
fn a_frame_written_into_after_the_look_with_its_time_put_back_stays() {
    let scene = Scene::new();
    let dir = scene.dir();
    let (root, frames, video) = (scene.folder.path(), &scene.frames, &scene.video);
    let job = CleanupJob { root, dir: &dir, key: "7", frames, video, mode: Cleanup::Delete, despite_changes: false };
    let folder = open_beneath(job.root, job.dir).unwrap();
    let mut report = CleanupReport::default();
    let removable = removable_frames(&folder, &job, &mut report);
    rewrite_unseen(&scene.frame(2), "FRAME 2");
    quarantine::delete(&folder, &job, &removable, &mut report).unwrap();
    assert_eq!((report.removed, fs::read_to_string(scene.frame(2)).unwrap().as_str()), (3, "FRAME 2"));
}

#[test]
fn archive_moves_the_frames_and_overwrites_nothing() {
    let scene = Scene::new();
    let archive_dir = scene.dir().join(".reeld-done/shot.mp4");
    fs::create_dir_all(&archive_dir).unwrap();
    fs::write(archive_dir.join("shot_0002.png"), "of an older video").unwrap();
    let report = scene.clean(Cleanup::Archive);
    assert_eq!((report.removed, report.kept.len()), (4, 0));
    let mut expected: Vec<String> = ALL.iter().map(|name| format!(".reeld-done/shot.mp4/{name}")).collect();
    expected.insert(2, ".reeld-done/shot.mp4/shot_0002.png.2".to_owned());
    assert_eq!(scene.left(), expected);
    assert_eq!(fs::read_to_string(archive_dir.join("shot_0002.png")).unwrap(), "of an older video");
    assert_eq!(identity(&archive_dir.join("shot_0001.png")), scene.frames[0].identity);
}

#[test]
fn a_planted_link_in_place_of_a_private_folder_is_not_followed() {
    for (name, mode) in [(".reeld-trash-7", Cleanup::Delete), (".reeld-done", Cleanup::Archive)] {
        let scene = Scene::new();
        let elsewhere = scene.folder.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        symlink(&elsewhere, scene.dir().join(name)).unwrap();
        assert!(matches!(scene.clean_with(mode, true), Err(CleanupError::Folder { .. })), "{mode:?}");
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
        assert!(scene.frame(1).exists());
    }
}

#[test]
fn a_folder_that_cannot_be_written_keeps_its_frames() {
    let scene = Scene::new();
    fs::set_permissions(scene.dir(), fs::Permissions::from_mode(0o555)).unwrap();
    for mode in [Cleanup::Delete, Cleanup::Archive] {
        let error = as_ordinary_user(|| scene.clean_with(mode, true).unwrap_err());
        assert!(matches!(error, CleanupError::Folder { .. }) && error.retryable(), "{error}");
        assert!(error.hint().is_some());
    }
    assert_eq!(scene.left(), ALL);
}

/// The trash is found through the environment, which a test must not change under its neighbours: the test runs itself
/// again in a process of its own.
#[test]
fn trash_takes_the_frames_by_a_rename() {
    const INNER: &str = "REELD_TEST_TRASH_INNER";
    if std::env::var_os(INNER).is_none() {
        let home = tempfile::tempdir().unwrap();
        let name = "deliver::cleanup::tests::trash_takes_the_frames_by_a_rename";
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(INNER, "1")
            .env("XDG_DATA_HOME", home.path())
            .status()
            .unwrap();
        assert!(status.success());
        let trashed = fs::read_dir(home.path().join("Trash/files")).unwrap().count();
        assert_eq!(trashed, 4);
        return;
    }
    let scene = Scene::new();
    let report = scene.clean(Cleanup::Trash);
    assert_eq!((report.removed, report.kept.len()), (4, 0), "{:?}", reasons(&report));
    assert!(scene.left().is_empty());
}

/// Frames in two folders that follow each other, with their video above them.
fn days() -> (TempDir, Vec<EncodedFrame>, Published) {
    let folder = tempfile::tempdir().unwrap();
    let frames = ["1/a.png", "1/b.png", "2/a.png"].map(|name| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, name).unwrap();
        encoded(name, &path)
    });
    let path = folder.path().join("day.mp4");
    fs::write(&path, "reel").unwrap();
    (folder, frames.to_vec(), video(path))
}

fn clean_days(folder: &TempDir, frames: &[EncodedFrame], video: &Published) -> CleanupReport {
    let (root, mode) = (folder.path(), Cleanup::Delete);
    clean(&CleanupJob { root, dir: root, key: "7", frames, video, mode, despite_changes: false }).unwrap()
}

#[test]
fn frames_go_from_every_folder_and_the_folders_stay() {
    let (folder, frames, video) = days();
    fs::write(folder.path().join("2/other.png"), "").unwrap();
    // An interrupted attempt had moved one.
    fs::create_dir(folder.path().join("1/.reeld-trash-7")).unwrap();
    fs::rename(folder.path().join("1/b.png"), folder.path().join("1/.reeld-trash-7/b.png")).unwrap();
    let report = clean_days(&folder, &frames, &video);
    assert_eq!((report.removed, report.gone, report.kept.len()), (3, 0, 0));
    assert_eq!(fs::read_dir(folder.path().join("1")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(folder.path().join("2")).unwrap().count(), 1);
}

#[test]
fn a_changed_frame_in_one_folder_keeps_those_of_the_others() {
    let (folder, frames, video) = days();
    fs::write(folder.path().join("2/a.png"), "changed").unwrap();
    let report = clean_days(&folder, &frames, &video);
    assert_eq!(report.removed, 0);
    let kept: Vec<String> = report.kept.iter().map(|(name, why)| format!("{name}: {why}")).collect();
    let others = "another frame of the batch changed since it was encoded";
    assert_eq!(
        kept,
        [
            format!("1/a.png: {others}"),
            format!("1/b.png: {others}"),
            "2/a.png: changed since it was encoded".to_owned()
        ]
    );
}

#[test]
fn a_folder_that_is_gone_took_its_frames_along_and_a_link_in_its_place_is_refused() {
    let (folder, frames, video) = days();
    fs::remove_dir_all(folder.path().join("1")).unwrap();
    let report = clean_days(&folder, &frames, &video);
    assert_eq!((report.removed, report.gone), (1, 2));
    let (folder, frames, video) = days();
    fs::rename(folder.path().join("2"), folder.path().join("elsewhere")).unwrap();
    symlink(folder.path().join("elsewhere"), folder.path().join("2")).unwrap();
    let (root, mode) = (folder.path(), Cleanup::Delete);
    let job = CleanupJob { root, dir: root, key: "7", frames: &frames, video: &video, mode, despite_changes: true };
    assert!(matches!(clean(&job), Err(CleanupError::Folder { .. })));
    assert!(frames[..2].iter().all(|frame| folder.path().join(frame.name.to_string()).exists()));
}

use std::fs;
use std::os::unix::fs::symlink;

use proptest::prelude::*;

use super::*;

fn mount(point: &str, fs_type: &str, source: &str) -> Mount {
    Mount { id: 1, root: "/".into(), point: point.into(), fs_type: fs_type.into(), source: source.into() }
}

fn sight(dev: u64, ino: u64, born: i128, fsid: u64, mount: Mount) -> Sight {
    Sight { look: Look { resolved: "/mnt/disk".into(), dev, ino, born: Some(born), fsid }, mount: Some(mount) }
}

/// The root `/mnt/disk` as the top folder of a mounted disk, and as the empty folder underneath.
fn disk() -> Sight {
    sight(817, 2, 100, 7, mount("/mnt/disk", "ext4", "/dev/sdb1"))
}

fn underneath() -> Sight {
    sight(2540, 99, 50, 3, mount("/", "ext4", "/dev/vda"))
}

#[test]
fn a_disk_that_goes_is_not_an_empty_root() {
    assert_eq!(compare(&disk(), &underneath()), Likeness::NotMounted);
    assert_eq!(compare(&underneath(), &disk()), Likeness::Mounted);
}

#[test]
fn another_disk_in_the_same_slot_is_told_apart() {
    // Same device number, same inode of the top folder.
    assert_eq!(compare(&disk(), &sight(817, 2, 101, 8, disk().mount.unwrap())), Likeness::OtherDisk);
    // XFS derives its number from the device's, so that only the birth is left.
    assert_eq!(compare(&disk(), &sight(817, 2, 101, 7, disk().mount.unwrap())), Likeness::OtherDisk);
    // NTFS by FUSE tells neither: another device number is all there is.
    let fuse = |dev| {
        let mut seen = sight(dev, 5, 0, 0, mount("/mnt/disk", "fuseblk", "/dev/sdb1"));
        seen.look.born = None;
        seen
    };
    assert_eq!(compare(&fuse(40), &fuse(41)), Likeness::OtherDisk);
}

#[test]
fn the_same_disk_or_share_is_known_by_another_device_number() {
    assert_eq!(compare(&disk(), &sight(833, 2, 100, 7, mount("/mnt/disk", "ext4", "/dev/sdc1"))), Likeness::Remounted);
    let share = |dev, source| sight(dev, 2, 100, 0, mount("/mnt/disk", "nfs4", source));
    assert_eq!(compare(&share(40, "nas:/a"), &share(41, "nas:/a")), Likeness::Remounted);
    assert_eq!(compare(&share(40, "nas:/a"), &share(41, "nas:/b")), Likeness::OtherDisk);
}

#[test]
fn a_bind_mount_that_goes_is_noticed_on_the_same_device() {
    let bound = sight(2540, 500, 60, 3, mount("/mnt/disk", "ext4", "/dev/vda"));
    assert_eq!(compare(&bound, &underneath()), Likeness::NotMounted);
    // A folder bound onto itself is the same folder all along.
    let itself = sight(2540, 99, 50, 3, mount("/mnt/disk", "ext4", "/dev/vda"));
    assert_eq!(compare(&itself, &underneath()), Likeness::Same);
    assert_eq!(compare(&underneath(), &itself), Likeness::Same);
}

#[test]
fn a_folder_made_anew_on_the_same_disk_is_recreated() {
    let folder = |ino, born| sight(2540, ino, born, 3, mount("/", "ext4", "/dev/vda"));
    assert_eq!(compare(&folder(99, 50), &folder(100, 60)), Likeness::Recreated);
    // Overlay file systems change the birth of a folder when it is first written to; an inode is also used again.
    assert_eq!(compare(&folder(99, 50), &folder(99, 60)), Likeness::Same);
}

prop_compose! {
    fn any_sight()(dev in 1..3_u64, ino in 1..3_u64, born in 0..3_i128, fsid in 0..2_u64, point in 0..3_usize, source in 0..2_usize) -> Sight {
        let point = ["/", "/mnt", "/mnt/disk"][point];
        let mut seen = sight(dev, ino, born, fsid, mount(point, "x", ["/dev/a", "nas:/a"][source]));
        seen.look.born = (born > 0).then_some(born);
        seen
    }
}

proptest! {
    #[test]
    fn a_root_is_like_itself_and_never_recreated_across_disks(known in any_sight(), seen in any_sight()) {
        prop_assert_eq!(compare(&known, &known), Likeness::Same);
        let likeness = compare(&known, &seen);
        if known.look.dev != seen.look.dev {
            prop_assert!(!matches!(likeness, Likeness::Same | Likeness::Recreated));
        }
        if known.look.ino != seen.look.ino {
            prop_assert!(!matches!(likeness, Likeness::Same | Likeness::Remounted));
        }
        // Whatever is accepted is on the same mount point, or on one that came on top.
        let (before, now) = (known.mount_point().unwrap(), seen.mount_point().unwrap());
        if matches!(likeness, Likeness::Recreated | Likeness::Remounted) {
            prop_assert_eq!(before, now);
        }
        if likeness == Likeness::Mounted {
            prop_assert!(now.starts_with(before) && now != before);
        }
    }
}

struct Place {
    dir: tempfile::TempDir,
    root: PathBuf,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap().join("root");
        Self { dir, root }
    }

    /// The folder made anew, and surely with another inode: the old one is kept elsewhere.
    fn recreate(&self, kept: &str) {
        fs::rename(&self.root, self.dir.path().join(kept)).unwrap();
        fs::create_dir(&self.root).unwrap();
    }
}

#[test]
fn a_root_may_come_late_go_and_come_back() {
    let place = Place::new();
    let mut guard = RootGuard::new(&place.root);
    assert!(matches!(guard.state(), RootState::Missing));
    assert_eq!(guard.folder(), None);
    fs::create_dir(&place.root).unwrap();
    assert!(matches!(guard.state(), RootState::Present));
    assert_eq!(guard.folder(), Some(place.root.as_path()));
    let away = place.dir.path().join("away");
    fs::rename(&place.root, &away).unwrap();
    assert!(matches!(guard.state(), RootState::Missing));
    fs::rename(&away, &place.root).unwrap();
    assert!(matches!(guard.state(), RootState::Present));
}

#[test]
fn a_root_made_anew_is_accepted_at_the_second_look() {
    let place = Place::new();
    fs::create_dir(&place.root).unwrap();
    let mut guard = RootGuard::new(&place.root);
    assert!(matches!(guard.state(), RootState::Present));
    place.recreate("first");
    assert!(matches!(guard.state(), RootState::Replaced(Replacement::Unsure)));
    place.recreate("second");
    assert!(matches!(guard.state(), RootState::Replaced(Replacement::Unsure)), "a third folder starts anew");
    fs::rename(&place.root, place.dir.path().join("third")).unwrap();
    assert!(matches!(guard.state(), RootState::Missing));
    fs::rename(place.dir.path().join("third"), &place.root).unwrap();
    assert!(matches!(guard.state(), RootState::Replaced(Replacement::Unsure)), "and so does one that went");
    assert!(matches!(guard.state(), RootState::Renewed(Renewal::Recreated)));
    assert!(matches!(guard.state(), RootState::Present));
}

#[test]
fn an_unmounted_disk_is_not_read_until_it_is_back() {
    let mut guard = RootGuard::new(Path::new("/mnt/disk"));
    assert!(matches!(guard.judge(disk()), RootState::Present));
    for _ in 0..3 {
        assert!(matches!(guard.judge(underneath()), RootState::Replaced(Replacement::NotMounted)));
    }
    let mut other = disk();
    (other.look.dev, other.look.fsid) = (833, 9);
    for _ in 0..3 {
        assert!(matches!(guard.judge(other.clone()), RootState::Replaced(Replacement::OtherDisk)));
    }
    assert!(matches!(guard.judge(disk()), RootState::Present));
    assert!(matches!(RootGuard::new(Path::new("/mnt/disk")).judge(other), RootState::Present));
}

#[test]
fn a_disk_that_is_mounted_late_is_accepted_and_guarded() {
    let mut guard = RootGuard::new(Path::new("/mnt/disk"));
    assert!(matches!(guard.judge(underneath()), RootState::Present));
    assert!(matches!(guard.judge(disk()), RootState::Renewed(Renewal::Mounted)));
    assert!(matches!(guard.judge(disk()), RootState::Present));
    assert!(matches!(guard.judge(underneath()), RootState::Replaced(Replacement::NotMounted)));
}

#[test]
fn a_link_that_is_pointed_elsewhere_is_followed_at_the_second_look() {
    let place = Place::new();
    fs::create_dir(&place.root).unwrap();
    let link = place.dir.path().join("link");
    symlink(&place.root, &link).unwrap();
    let mut guard = RootGuard::new(&link);
    assert!(matches!(guard.state(), RootState::Present));
    assert_eq!(guard.folder(), Some(place.root.as_path()), "links are resolved");
    fs::remove_file(&link).unwrap();
    symlink("/proc", &link).unwrap();
    assert!(matches!(guard.state(), RootState::Replaced(Replacement::Unsure)));
    assert!(matches!(guard.state(), RootState::Renewed(Renewal::Recreated)));
    assert_eq!(guard.folder(), Some(Path::new("/proc")));
}

#[test]
fn a_folder_that_moved_behind_its_link_is_followed() {
    let place = Place::new();
    fs::create_dir(&place.root).unwrap();
    let mut guard = RootGuard::new(&place.root);
    assert!(matches!(guard.state(), RootState::Present));
    let moved = place.root.with_file_name("moved");
    fs::rename(&place.root, &moved).unwrap();
    symlink(&moved, &place.root).unwrap();
    assert!(matches!(guard.state(), RootState::Renewed(Renewal::Moved)));
    assert_eq!(guard.folder(), Some(moved.as_path()));
    assert!(matches!(guard.state(), RootState::Present));
}

#[test]
fn a_file_in_its_place_is_a_failure() {
    let place = Place::new();
    fs::write(&place.root, "").unwrap();
    let mut guard = RootGuard::new(&place.root);
    assert!(matches!(guard.state(), RootState::Failed(ScanError { kind: ScanErrorKind::NotAFolder, .. })));
}

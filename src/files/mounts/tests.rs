use proptest::prelude::*;

use super::*;

/// A desktop with a share, a bind mount, a name with a space, stacked mounts and an optional field.
const DESKTOP: &[u8] = b"\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
40 27 0:40 / /mnt/nas rw,relatime shared:7 master:3 - nfs4 nas:/export/frames rw,vers=4.2
41 27 8:17 / /mnt/USB\\040disk rw - fuseblk /dev/sdb1 rw
42 27 254:0 /srv/renders /data rw - ext4 /dev/vda rw
43 40 0:41 / /mnt/nas/cache rw - tmpfs tmpfs rw
44 27 0:42 / /mnt/twice rw - tmpfs first rw
45 44 0:43 / /mnt/twice rw - xfs /dev/sdc1 rw
46 27 0:44 / /home/u/remote rw - fuse.sshfs host:/ rw
no mount at all
";

fn table() -> MountTable {
    MountTable::parse(DESKTOP)
}

#[test]
fn every_field_is_read() {
    let nas = Mount {
        id: 40,
        root: "/".into(),
        point: "/mnt/nas".into(),
        fs_type: "nfs4".into(),
        source: "nas:/export/frames".into(),
    };
    assert_eq!(table().covering(Path::new("/mnt/nas/a/b")), Some(&nas));
    assert_eq!(table().0.len(), 9, "what is no mount is left out");
    assert_eq!(table().covering(Path::new("/data/x")).unwrap().root, Path::new("/srv/renders"));
}

#[test]
fn the_last_of_the_longest_mount_points_counts() {
    let kind = |path: &str| table().covering(Path::new(path)).unwrap().fs_type.to_string();
    assert_eq!(kind("/"), "ext4");
    assert_eq!(kind("/mnt/nas/cache/x"), "tmpfs");
    assert_eq!(kind("/mnt/nas/cached"), "nfs4", "mount points end at a slash");
    assert_eq!(kind("/mnt/twice/x"), "xfs");
    assert_eq!(kind("/mnt/USB disk/x"), "fuseblk");
    assert_eq!(MountTable::default().covering(Path::new("/")), None);
}

#[test]
fn the_running_kernel_tells_mounts_apart() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("not/there/yet");
    let link = dir.path().join("link");
    std::os::unix::fs::symlink("/proc", &link).unwrap();
    let table = MountTable::read().unwrap();
    assert_eq!(table.of(&link), table.of(Path::new("/proc/self")), "links are resolved");
    assert_ne!(table.of(&link), table.of(dir.path()));
    assert_eq!(table.of(&link).unwrap().fs_type, "proc");
    assert_eq!(table.of(&missing), table.of(dir.path()));
}

fn escape(bytes: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::new();
    for byte in bytes {
        if b" \t\n\\".contains(byte) {
            escaped.extend(format!("\\{byte:03o}").bytes());
        } else {
            escaped.push(*byte);
        }
    }
    escaped
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in prop::collection::vec(any::<u8>(), 0..400), path in "(/[a-z ]{1,3}){0,4}") {
        let _ = MountTable::parse(&text).covering(Path::new(&path));
    }

    #[test]
    fn what_the_kernel_escapes_is_read_back(
        names in prop::collection::vec(prop::collection::vec(1..=255_u8, 1..20), 1..4),
        tags in 0..3_usize,
        source in prop::collection::vec(1..=255_u8, 1..20),
    ) {
        let point: Vec<u8> = names.iter().flat_map(|name| [b"/".as_slice(), name].concat()).collect();
        let mut line = b"5 1 8:1 / ".to_vec();
        line.extend(escape(&point));
        line.extend(b" rw");
        line.extend(b" shared:1".repeat(tags));
        line.extend(b" - ext4 ");
        line.extend(escape(&source));
        line.extend(b" rw\n");
        let table = MountTable::parse(&line);
        prop_assert_eq!(table.0.len(), 1);
        prop_assert_eq!(table.0[0].point.as_os_str().as_bytes(), point.as_slice());
        prop_assert_eq!(&table.0[0].source, source.as_slice());
        let below = table.0[0].point.join("file");
        prop_assert_eq!(table.covering(&below), Some(&table.0[0]));
    }
}

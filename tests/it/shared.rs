//! Folders that others may write to: whatever they put into the places of reeld's files, nothing of the service's is
//! written to or read out.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::support::video::assert_shows;
use crate::support::{Daemon, Fake, Fault, Frames, Sandbox, with_each_ffmpeg};

const PATIENT: &str = "idle_timeout = \"1h\"\nlive = false";

/// What must not change.
const PRECIOUS: &str = "the only copy";

/// Everything that is being written when this is called, and is swapped for a link to a file of the service's.
fn swap_for_a_link(sandbox: &Sandbox) {
    let victim = sandbox.path().join("home/secret");
    fs::write(&victim, PRECIOUS).unwrap();
    let aside = sandbox.path().join("aside");
    fs::create_dir(&aside).unwrap();
    for (number, left) in sandbox.leftovers().into_iter().enumerate() {
        fs::rename(&left, aside.join(number.to_string())).unwrap();
        symlink(&victim, &left).unwrap();
    }
}

#[test]
fn a_staging_file_that_is_swapped_for_a_link_leads_nowhere() {
    for preset in ["h264", "ffv1", "prores", "gif"] {
        with_each_ffmpeg(|sandbox| {
            let fake = Fake::new(sandbox, Fault::Gate);
            sandbox.install(&fake);
            let config = sandbox.config(&format!("{PATIENT}\npreset = \"{preset}\""));
            let mut daemon = Daemon::start(sandbox, &config);
            let shot = sandbox.folder("shot");
            let frames = Frames::new("frame_####.png");
            frames.write(&shot, 1..=9);
            fs::write(shot.join(".done"), "").unwrap();
            fake.wait_for_encode();
            assert_eq!(sandbox.leftovers().len(), 1, "{preset}");
            swap_for_a_link(sandbox);
            fake.open();
            // Published or not: what counts is that it comes to an end.
            daemon.wait_for_line("the batch ends", |line| line.contains(" video=") || line.contains("ERROR"));
            assert_eq!(daemon.stop().code(), Some(0));
            assert_eq!(fs::read_to_string(sandbox.path().join("home/secret")).unwrap(), PRECIOUS, "{preset}");
        });
    }
}

#[test]
fn an_output_folder_that_is_a_link_is_the_folder_that_it_led_to_at_first() {
    with_each_ffmpeg(|sandbox| {
        let fake = Fake::new(sandbox, Fault::Gate);
        sandbox.install(&fake);
        let config = sandbox.config(&format!("{PATIENT}\noutput_dir = \"reels\""));
        let mut daemon = Daemon::start(sandbox, &config);
        let shot = sandbox.folder("shot");
        let [first, second] = ["first", "second"].map(|name| {
            let path = sandbox.path().join(name);
            fs::create_dir(&path).unwrap();
            path
        });
        symlink(&first, shot.join("reels")).unwrap();
        Frames::new("frame_####.png").write(&shot, 1..=9);
        fs::write(shot.join(".done"), "").unwrap();
        fake.wait_for_encode();

        fs::remove_file(shot.join("reels")).unwrap();
        symlink(&second, shot.join("reels")).unwrap();
        fake.open();
        daemon.wait_for_file(&first.join("frame.mp4"));
        assert_eq!(daemon.stop().code(), Some(0));
        assert_shows(&first.join("frame.mp4"), &sandbox.ffmpeg, 1..=9);
        assert_eq!(fs::read_dir(&second).unwrap().count(), 0);
        assert!(sandbox.leftovers().is_empty());
    });
}

#[test]
fn nobody_else_may_enter_the_folder_that_ffmpeg_writes_to() {
    with_each_ffmpeg(|sandbox| {
        let fake = Fake::new(sandbox, Fault::Gate);
        sandbox.install(&fake);
        let shot = sandbox.folder("shot");
        fs::set_permissions(&shot, fs::Permissions::from_mode(0o777)).unwrap();
        Frames::new("frame_####.png").write(&shot, 1..=9);
        fs::write(shot.join(".done"), "").unwrap();
        let mut daemon = Daemon::start(sandbox, &sandbox.config(PATIENT));
        fake.wait_for_encode();
        let [staging] = &sandbox.leftovers()[..] else { panic!("{:?}", sandbox.leftovers()) };
        let meta = fs::symlink_metadata(staging).unwrap();
        assert!(meta.is_dir() && meta.permissions().mode() & 0o777 == 0o700, "{:o}", meta.permissions().mode());
        fake.open();
        daemon.wait_for_file(&shot.join("frame.mp4"));
        assert_eq!(daemon.stop().code(), Some(0));
        assert!(sandbox.leftovers().is_empty());
        // The video is as readable as the umask allows.
        fs::write(sandbox.path().join("ordinary"), "").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(shot.join("frame.mp4")), mode(sandbox.path().join("ordinary")));
    });
}

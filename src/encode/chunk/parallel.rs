//! How many chunks of one batch are encoded at the same time.
//!
//! Owns what is known of encoders for that: how many processors one of them keeps busy, and how much memory it takes. The
//! number changes how soon a video is there and nothing else, so it must not reach an encoder's arguments: the same frames
//! give other bytes with another number of threads.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use rustix::system::sysinfo;

use crate::config::ParallelChunks;
use crate::encode::recipe::encoder_family::EncoderFamily;

/// The number for `setting`. "auto" is as many encoders as it takes to keep `cores` processors busy, but no more than fit
/// into half of `memory`, the bytes that are to be had; at least one. A batch may have fewer chunks than that.
///
/// `encoder` is FFmpeg's name of it; `width` and `height` are those of the video, in pixels.
#[must_use]
pub fn parallel_chunks(
    setting: ParallelChunks,
    cores: NonZeroUsize,
    encoder: &str,
    width: u32,
    height: u32,
    memory: u64,
) -> NonZeroUsize {
    if let ParallelChunks::Fixed(count) = setting {
        return count;
    }
    let Some(Needs { cores: busy, bytes_per_pixel }) = needs(EncoderFamily::of(encoder), cores, height) else {
        return NonZeroUsize::MIN;
    };
    let each = (u64::from(width) * u64::from(height)).saturating_mul(bytes_per_pixel).max(1);
    let fit = usize::try_from(memory / 2 / each).unwrap_or(usize::MAX);
    NonZeroUsize::new((cores.get() / busy).min(fit)).unwrap_or(NonZeroUsize::MIN)
}

/// What one running encoder comes to.
struct Needs {
    /// Processors that it keeps busy with 1080p; more of them make it hardly faster.
    cores: usize,
    /// Memory for each pixel of a frame, everything that it looks ahead at included.
    bytes_per_pixel: u64,
}

/// `None` where one encoder is enough or all there may be: formats that are not made of chunks, and unknown encoders, such
/// as those of graphics cards, which take a few streams only.
///
/// The processors are about those that Av1an gives to each of its workers: 8 for x264, 6 for SVT-AV1. The memory is rounded
/// up from the largest resident size of FFmpeg with 1080p in 8 bits, in bytes a pixel: x264 medium 230 and 10 more for each
/// thread, with 3 to 96 threads; x265 medium 350; SVT-AV1 at preset 8 290 in FFmpeg 5.1 and 550 in 9.0; VP9 190; FFV1 200;
/// `ProRes` 60. Ten bits take up to twice that, which the unused half of the memory is for.
fn needs(family: EncoderFamily, cores: NonZeroUsize, height: u32) -> Option<Needs> {
    let (busy, bytes_per_pixel) = match family {
        EncoderFamily::X264 => {
            // Its own choice: three for every two processors, each with at least two rows of macroblocks.
            let threads = (cores.get() as u64).saturating_mul(3).div_ceil(2).min(u64::from(height.div_ceil(32)));
            (8, 250 + 10 * threads)
        }
        EncoderFamily::X265 => (8, 500),
        EncoderFamily::SvtAv1 => (8, 600),
        EncoderFamily::Vpx
        | EncoderFamily::Mpeg4
        | EncoderFamily::Prores
        | EncoderFamily::Dnxhd
        | EncoderFamily::Ffv1 => (4, 350),
        EncoderFamily::Gif | EncoderFamily::Webp | EncoderFamily::Other => return None,
    };
    Some(Needs { cores: busy, bytes_per_pixel })
}

/// Memory that a new program could take, in bytes: what the machine has left, but no more than the control groups of this
/// process may have.
#[must_use]
pub fn memory_available() -> u64 {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    // A service with `ProcSubset=pid` has no such file. The call leaves out what the kernel would give back
    // from its caches, and so is on the safe side.
    let machine = available_in(&meminfo).unwrap_or_else(|| {
        let info = sysinfo();
        (info.freeram.saturating_add(info.bufferram) as u64).saturating_mul(u64::from(info.mem_unit))
    });
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = limits_of(&groups).into_iter().filter_map(|file| fs::read_to_string(file).ok());
    limits.filter_map(|limit| limit.trim().parse().ok()).chain([machine]).min().unwrap_or(machine)
}

/// `MemAvailable` of proc(5), which counts in KiB.
fn available_in(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

/// The files with the limits of a process's group and of those above it; cgroups(7), version 2.
fn limits_of(groups: &str) -> Vec<PathBuf> {
    let Some(group) = groups.lines().find_map(|line| line.strip_prefix("0::/")) else { return Vec::new() };
    let files = Path::new(group).ancestors().map(|above| Path::new("/sys/fs/cgroup").join(above).join("memory.max"));
    files.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GIB: u64 = 1 << 30;

    fn auto(cores: usize, encoder: &str, (width, height): (u32, u32), memory: u64) -> usize {
        let cores = NonZeroUsize::new(cores).unwrap();
        parallel_chunks(ParallelChunks::Auto, cores, encoder, width, height, memory).get()
    }

    #[test]
    fn one_encoder_keeps_a_small_machine_busy() {
        for encoder in ["libx264", "libx265", "libsvtav1"] {
            for cores in [1, 2, 4, 8, 15] {
                assert_eq!(auto(cores, encoder, (1920, 1080), 64 * GIB), 1, "{encoder}, {cores}");
            }
        }
        assert_eq!(auto(2, "prores_ks", (1920, 1080), 64 * GIB), 1);
    }

    #[test]
    fn a_large_machine_takes_several() {
        assert_eq!(auto(16, "libx264", (1920, 1080), 64 * GIB), 2);
        assert_eq!(auto(64, "libx265", (1920, 1080), 256 * GIB), 8);
        assert_eq!(auto(16, "libvpx-vp9", (1920, 1080), 64 * GIB), 4);
        assert_eq!(auto(8, "ffv1", (1920, 1080), 64 * GIB), 2);
    }

    #[test]
    fn memory_is_the_bound() {
        // 8K takes 20 GB for SVT-AV1.
        assert_eq!(auto(64, "libsvtav1", (7680, 4320), 128 * GIB), 3);
        assert_eq!(auto(64, "libsvtav1", (7680, 4320), 4 * GIB), 1);
        assert_eq!(auto(64, "libx264", (1920, 1080), 0), 1);
        assert_eq!(auto(64, "libx264", (u32::MAX, u32::MAX), u64::MAX), 1);
        assert_eq!(auto(64, "libx264", (0, 0), 64 * GIB), 8);
        // 1080p with 34 threads takes 1.2 GB: eight of them fit into half of 20 GiB, seven into half of 18.
        assert_eq!(auto(64, "libx264", (1920, 1080), 20 * GIB), 8);
        assert_eq!(auto(64, "libx264", (1920, 1080), 18 * GIB), 7);
    }

    #[test]
    fn what_is_unknown_or_made_in_one_go_is_encoded_alone() {
        for encoder in ["h264_nvenc", "gif", "libwebp", ""] {
            assert_eq!(auto(64, encoder, (640, 360), 256 * GIB), 1, "{encoder}");
        }
    }

    #[test]
    fn a_number_that_somebody_wrote_is_taken() {
        let three = NonZeroUsize::new(3).unwrap();
        let count = parallel_chunks(ParallelChunks::Fixed(three), NonZeroUsize::MIN, "gif", 7680, 4320, 0);
        assert_eq!(count, three);
    }

    #[test]
    fn meminfo_is_in_kib() {
        let text = "MemTotal:       24629808 kB\nMemFree:          513312 kB\nMemAvailable:   23523016 kB\n";
        assert_eq!(available_in(text), Some(23_523_016 * 1024));
        for text in ["", "MemAvailable:", "MemAvailable: 5", "MemAvailable: 99999999999999999999 kB"] {
            assert_eq!(available_in(text), None, "{text}");
        }
    }

    #[test]
    fn a_group_has_the_limits_of_those_above_it() {
        let files = |groups: &str| limits_of(groups).iter().map(|file| file.display().to_string()).collect::<Vec<_>>();
        let expected = ["system.slice/reeld.service/", "system.slice/", ""];
        let expected = expected.map(|group| format!("/sys/fs/cgroup/{group}memory.max"));
        assert_eq!(files("0::/system.slice/reeld.service\n"), expected);
        assert_eq!(files("12:memory:/old\n0::/\n"), ["/sys/fs/cgroup/memory.max"]);
        assert_eq!(files("12:memory:/old\n"), Vec::<String>::new());
    }

    #[test]
    fn there_is_some_memory() {
        let total = sysinfo();
        let total = total.totalram as u64 * u64::from(total.mem_unit);
        assert!((1..=total).contains(&memory_available()));
    }

    proptest! {
        #[test]
        fn more_processors_and_memory_are_never_fewer_chunks(
            cores in 1_usize..512, more in 0_usize..64, memory in 0..1024 * GIB, rest in 0..64 * GIB,
            width in 1_u32..8192, height in 1_u32..8192,
        ) {
            let before = auto(cores, "libx265", (width, height), memory);
            prop_assert!(before >= 1 && before <= cores);
            prop_assert!(auto(cores + more, "libx265", (width, height), memory + rest) >= before);
        }
    }
}

//! What a child may not do: open anything, start anything, gain anything, take more memory or time than its work is worth.
//!
//! The kernel enforces all of it. Where it lacks one of the means (a service may be forbidden to filter system calls), the
//! others still hold.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::error::chain;
use crate::frame::limits::Limits;

/// Memory for everything that does not grow with a picture: tables of decoders, a block of lines at a time.
const SLACK: u64 = 64 << 20;

/// Bytes for each pixel, on the way from a file to raw video: as the decoder has it (16 at most), as its library hands it on
/// (as many), on the canvas, and as raw video. Twice what was counted, because this is a limit and no estimate.
const PER_PIXEL: u64 = 64;

/// What decoding a picture and fitting it onto a canvas may take, of the pixels of both, with a file of `file` bytes, which
/// is in memory as a whole.
pub(super) fn memory_of(pixels: [u64; 2], file: u64) -> u64 {
    let [picture, canvas] = pixels;
    picture.max(canvas).saturating_mul(PER_PIXEL).saturating_add(file.saturating_mul(2))
}

/// Hands out memory and time, piece of work by piece of work.
#[derive(Debug)]
pub(super) struct Budget {
    /// `/proc/self/statm`, opened while that was allowed.
    pages: Option<File>,
    /// What this process may have at most, whatever its work.
    most: Option<u64>,
}

/// Confines this process for good. With `is_faulty` it keeps the system calls that a fault point needs.
///
/// Where the kernel cannot filter its system calls, or a service may not, everything else holds all the same, and the second
/// value says why.
pub(super) fn confine(limits: &Limits, is_faulty: bool) -> io::Result<(Budget, Option<String>)> {
    // Ended with the one that started it, which may be gone already: then the socket says so.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    rustix::thread::set_no_new_privs(true)?;
    let hard = |resource, most: u64| {
        let most = getrlimit(resource).maximum.map_or(most, |allowed| allowed.min(most));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).map_err(io::Error::from)?;
        Ok::<_, io::Error>(most)
    };
    let pages = File::open("/proc/self/statm").ok();
    let most = memory_of([limits.pixels, 0], limits.file_bytes) + 2 * SLACK + in_use(pages.as_ref());
    let budget = Budget { pages, most: Some(hard(Resource::As, most)?) };
    // No memory of a frame on any disk.
    hard(Resource::Core, 0)?;
    // The file for the pixels is no larger than the largest frame.
    hard(Resource::Fsize, limits.pixel_bytes())?;
    let unfiltered = if is_faulty {
        Some("a fault point needs them".to_owned())
    } else {
        filter().err().map(|error| chain(&*error).to_string())
    };
    Ok((budget, unfiltered))
}

/// The address space in use, in bytes.
fn in_use(pages: Option<&File>) -> u64 {
    // The first number of proc(5)'s `statm` is the size in pages. Where it cannot be read, more than it is ever seen to be.
    const UNKNOWN: u64 = 256 << 20;
    let mut text = [0; 32];
    let count = pages.and_then(|pages| pages.read_at(&mut text, 0).ok()).unwrap_or(0);
    let number = text[..count].split(|byte| *byte == b' ').next().and_then(|digits| std::str::from_utf8(digits).ok());
    let pages: Option<u64> = number.and_then(|digits| digits.parse().ok());
    pages.map_or(UNKNOWN, |pages| pages.saturating_mul(rustix::param::page_size() as u64))
}

impl Budget {
    /// Allows `time` of the processor and `memory` from now on.
    pub(super) fn begin(&mut self, time: Duration, memory: u64) -> io::Result<()> {
        let current = in_use(self.pages.as_ref()).saturating_add(memory).saturating_add(SLACK);
        let current = self.most.map_or(current, |most| current.min(most));
        setrlimit(Resource::As, Rlimit { current: Some(current), maximum: self.most }).map_err(io::Error::from)?;
        // Counted from the start of the process, in whole seconds.
        let used = clock_gettime(ClockId::ProcessCPUTime);
        let used = u64::try_from(used.tv_sec).unwrap_or(0);
        let maximum = getrlimit(Resource::Cpu).maximum;
        let current = used.saturating_add(time.as_secs()).saturating_add(1);
        let current = maximum.map_or(current, |maximum| current.min(maximum));
        setrlimit(Resource::Cpu, Rlimit { current: Some(current), maximum }).map_err(io::Error::from)
    }
}

/// Allows the system calls that decoding needs, all of them on what is open already, and refuses all others.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn filter() -> Result<(), Box<dyn std::error::Error>> {
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    };

    let own = u64::try_from(rustix::process::getpid().as_raw_nonzero().get())?;
    let to_itself = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, own)?;
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    // An abort is a signal to itself.
    rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![to_itself])?]);
    let refuse = SeccompAction::Errno(u32::try_from(libc::EPERM)?);
    let filter = SeccompFilter::new(rules, refuse, SeccompAction::Allow, std::env::consts::ARCH.try_into()?)?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter(&program)?;
    Ok(())
}

/// Its makers know no other processors.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn filter() -> Result<(), Box<dyn std::error::Error>> {
    Err("not for this kind of processor".into())
}

/// Reading and writing what is open, memory, the clock, its own limits and signals, its end.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const ALLOWED: &[i64] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_statx,
    libc::SYS_newfstatat,
    libc::SYS_ftruncate,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_prlimit64,
    libc::SYS_getrlimit,
    libc::SYS_setrlimit,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

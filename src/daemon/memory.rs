//! Gives memory that is free back to the system.
//!
//! Reading a million files takes memory for a moment. The allocator keeps what is freed between pieces that are in use, and
//! a daemon that runs for months beside a renderer must not look as large as in its busiest second.

/// Gives back what no allocation uses. With allocators other than glibc's this is left to them.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "malloc_trim has no wrapper in std or in rustix")]
pub(super) fn give_back() {
    // SAFETY: malloc_trim(3) takes a number and no pointers, may be called by any thread at any time, and frees only pages
    // that hold no allocation.
    unsafe { libc::malloc_trim(0) };
}

/// Left to the allocator.
#[cfg(not(target_env = "gnu"))]
pub(super) fn give_back() {}

//! Gives freed memory back to the system; the only place with foreign code, which the language calls unsafe.

/// Returns what was freed to the system. A long-lived value above freed ones keeps an allocator from doing so on its own;
/// of the usual ones only glibc's has to be asked. It costs some milliseconds.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn release_freed() {
    #[expect(unsafe_code, reason = "a declaration: malloc_trim(3) accepts any argument, on any thread")]
    unsafe extern "C" {
        safe fn malloc_trim(pad: usize) -> std::ffi::c_int;
    }
    // 1 if there was something to return, otherwise 0.
    let _ = malloc_trim(0);
}

/// Returns what was freed to the system; here its allocator does so on its own.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn release_freed() {}

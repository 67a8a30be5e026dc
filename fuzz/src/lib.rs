//! What a fuzz target is made of. The bodies are in `reeld::fuzzing`, where the tests call them too.

#[cfg(fuzzing)]
#[doc(hidden)]
pub use libfuzzer_sys;

/// Makes a program of a body: a fuzzer under cargo-fuzz; otherwise one that feeds each file it is given to the body, so that
/// a finding can be looked at with the stable compiler and a debugger.
#[macro_export]
macro_rules! target {
    ($body:path) => {
        #[cfg(fuzzing)]
        $crate::libfuzzer_sys::fuzz_target!(|bytes: &[u8]| $body(bytes));

        #[cfg(not(fuzzing))]
        fn main() -> std::io::Result<()> {
            std::env::args_os().skip(1).try_for_each(|file| std::fs::read(file).map(|bytes| $body(&bytes)))
        }
    };
}

//! The units in `systemd/`: what they close must leave reeld what it needs.

use std::fs;
use std::path::Path;

fn unit(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name)).unwrap()
}

/// Decoders close themselves in by a system call that is not among those of ordinary services.
#[test]
fn both_units_allow_the_same_system_calls() {
    let allowed = |name: &str| {
        let lines: Vec<String> = unit(name).lines().map(str::to_owned).collect();
        lines.into_iter().filter(|line| line.starts_with("SystemCallFilter=")).collect::<Vec<_>>()
    };
    let system = allowed("reeld.service");
    assert_eq!(allowed("user/reeld.service"), system);
    assert!(system.iter().any(|line| line == "SystemCallFilter=seccomp"), "{system:?}");
}

/// Without it a service that is started again takes each wall clock at its word, and removes frames early.
#[test]
fn both_units_show_which_boot_it_is() {
    for name in ["reeld.service", "user/reeld.service"] {
        assert!(!unit(name).lines().any(|line| line.starts_with("ProcSubset=")), "{name}");
    }
}

//! Notes the facts of a build for `remold version`: target, compiler and, in a release, the commit.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let fact = |name: &str| std::env::var(name).unwrap_or_default();
    println!("cargo::rustc-env=REMOLD_TARGET={}", fact("TARGET"));
    let rustc = said(&fact("RUSTC"), &["--version"]);
    println!("cargo::rustc-env=REMOLD_RUSTC={}", rustc.trim_start_matches("rustc "));
    // A debug build would be made anew at every commit. Without git, or outside of a checkout, there is none.
    let mut commit = String::new();
    if fact("PROFILE") == "release" {
        commit = said("git", &["rev-parse", "--short=12", "HEAD"]);
        for name in ["HEAD", "logs/HEAD"] {
            let file = said("git", &["rev-parse", "--git-path", name]);
            if !file.is_empty() {
                println!("cargo::rerun-if-changed={file}");
            }
        }
    }
    println!("cargo::rustc-env=REMOLD_COMMIT={commit}");
}

/// The line that a program prints; nothing when it fails or is not there.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.ok().filter(|output| output.status.success());
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default().trim().to_owned()
}

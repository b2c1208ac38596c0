//! What a build says of itself, for whoever has to tell which one it was.

use crate::harness::Remold;

#[test]
fn a_build_names_its_target_and_its_compiler() {
    let facts = Remold::new().line("version --json").run().exits(0).json();
    let fact = |name: &str| facts[name].as_str().unwrap_or_else(|| panic!("{name}: {facts}"));
    let line = Remold::new().line("--version").run().exits(0).stdout;
    assert_eq!(line.trim(), Remold::new().line("version").run().exits(0).stdout.trim());
    let number = fact("rustc").split(' ').next().expect("a word");
    for known in [env!("CARGO_PKG_VERSION"), fact("target"), number, std::env::consts::ARCH] {
        assert!(!known.is_empty() && line.contains(known), "'{known}' is not in: {line}");
    }
    let short = Remold::new().line("-V").run().exits(0).stdout;
    assert_eq!(short.trim(), format!("remold {}", env!("CARGO_PKG_VERSION")));
    // A commit is in releases alone, and is one where it is.
    if let Some(commit) = facts["commit"].as_str() {
        assert!(commit.len() == 12 && commit.bytes().all(|it| it.is_ascii_hexdigit()), "{commit}");
    }
}

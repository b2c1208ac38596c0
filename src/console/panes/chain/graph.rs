//! The versions of a subject as a graph in text, and the paths that lead to a version.

use std::collections::BTreeSet;

use crate::console::panes::chain::edits::Migrations;
use crate::console::theme::Role;
use crate::schema::Version;
use crate::session::edit::step_is_lossy;

/// Paths told at most; a graph with more of them is better cut by hand.
const PATHS_MAX: usize = 30;

/// The versions, newest first, each with the migrations that lead away from it:
///
/// ```text
/// ● 3.0.0  target
/// ▲ v2_to_v3  1 step
/// ● 2.0.0
/// ▲ v1_to_v2  2 steps
/// ● 1.0.0
/// ╰▶ 3.0.0 v1_to_v3  1 step, lossy
/// ```
pub fn draw(
    migrations: &Migrations,
    schemas: &BTreeSet<Version>,
    target: Option<&Version>,
    taken: &[String],
) -> Vec<(Role, String)> {
    let ends = migrations.values().flat_map(|m| [&m.source, &m.target]);
    let ends = ends.filter_map(|text| text.parse::<Version>().ok());
    let versions: BTreeSet<Version> = ends.chain(schemas.iter().cloned()).collect();
    let versions: Vec<&Version> = versions.iter().rev().collect();
    let mut lines = Vec::new();
    for (at, version) in versions.iter().enumerate() {
        let is_target = Some(*version) == target;
        let mut words = format!("● {version}");
        if is_target {
            words.push_str("  target");
        }
        if !schemas.contains(version) {
            words.push_str("  no schema");
        }
        lines.push((if is_target { Role::Good } else { Role::Title }, words));
        let from_here = migrations.iter().filter(|(_, m)| m.source == version.to_string());
        for (name, migration) in from_here {
            let role = if taken.contains(name) { Role::Accent } else { Role::Dim };
            let about = about(migrations, name);
            lines.push((role, format!("╰▶ {}  {name}  {about}", migration.target)));
        }
        let below = versions.get(at + 1).map(ToString::to_string);
        let upward = migrations.iter().find(|(_, migration)| {
            Some(&migration.source) == below.as_ref() && migration.target == version.to_string()
        });
        if let Some((name, _)) = upward {
            let role = if taken.contains(name) { Role::Accent } else { Role::Dim };
            lines.push((role, "▲".to_owned()));
        } else if below.is_some() {
            lines.push((Role::Faint, "┊".to_owned()));
        }
    }
    lines
}

/// `2 steps, lossy`.
fn about(migrations: &Migrations, name: &str) -> String {
    let Some(migration) = migrations.get(name) else { return String::new() };
    let steps = migration.steps.iter().filter(|step| step.enabled);
    let lossy = steps.clone().any(|step| step_is_lossy(&step.definition));
    let count = match steps.count() {
        1 => "1 step".to_owned(),
        count => format!("{count} steps"),
    };
    if lossy { format!("{count}, lossy") } else { count }
}

/// Every path to `target` that visits no version twice: names of migrations, in order.
pub fn paths(migrations: &Migrations, target: &Version) -> Vec<Vec<String>> {
    let target = target.to_string();
    let mut found = Vec::new();
    let mut open: Vec<Vec<String>> = Vec::new();
    // From the target backwards, so that every path ends there.
    let leads_to = |version: &str| -> Vec<String> {
        let names = migrations.iter().filter(|(_, m)| m.target == version);
        names.map(|(name, _)| name.clone()).collect()
    };
    open.extend(leads_to(&target).into_iter().map(|name| vec![name]));
    while let Some(path) = open.pop() {
        if found.len() == PATHS_MAX {
            break;
        }
        let start = &migrations[&path[0]].source;
        let visited = |version: &str| {
            version == target || path.iter().any(|name| migrations[name].source == version)
        };
        for name in leads_to(start) {
            if !visited(&migrations[&name].source) {
                open.push(std::iter::once(name).chain(path.iter().cloned()).collect());
            }
        }
        found.push(path);
    }
    found.sort_by_key(|path| (migrations[&path[0]].source.clone(), path.len(), path.clone()));
    found
}

/// A path in words: `1.0.0 → 2.0.0 → 3.0.0`, and its migrations.
pub fn path_words(migrations: &Migrations, path: &[String]) -> (String, String) {
    let mut versions: Vec<&str> = Vec::new();
    versions.extend(path.first().map(|name| migrations[name].source.as_str()));
    versions.extend(path.iter().map(|name| migrations[name].target.as_str()));
    let detail: Vec<String> =
        path.iter().map(|name| format!("{name} ({})", about(migrations, name))).collect();
    (versions.join(" → "), detail.join(", then "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::panes::chain::edits::Edits;
    use crate::session::{Session, Settings};

    #[test]
    fn paths_end_at_the_target_and_visit_no_version_twice() {
        let catalog = Some("sample-data/catalog".into());
        let session = Session::open(Settings { catalog, ..Settings::default() }).unwrap();
        let mut edits = Edits::of(session.catalog(), "user");
        edits.add_migration("3.0.0", "1.0.0");
        edits.add_migration("1.0.0", "3.0.0");
        let found = paths(edits.migrations(), &Version::new(3, 0, 0));
        let found: Vec<String> =
            found.iter().map(|path| path_words(edits.migrations(), path).0).collect();
        assert_eq!(found, ["1.0.0 → 3.0.0", "1.0.0 → 2.0.0 → 3.0.0", "2.0.0 → 3.0.0"]);
    }
}

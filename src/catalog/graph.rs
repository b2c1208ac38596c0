//! Versions as nodes, migrations as edges: which chain leads from a version to another.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use super::Subject;
use super::migration::Migration;
use crate::schema::mistake::{nearest, one_of};

/// The migrations that lead from one version to another, in order.
#[derive(Clone, Debug)]
pub struct Route<'c> {
    /// The migrations; none when source and target are the same version.
    pub migrations: Vec<&'c Migration>,
    /// Why these: in words for `--explain`.
    pub reason: String,
}

/// Why there is no route; each says what exists instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// The subject has no such version.
    #[error("{subject} has no version {version}; it has {known}")]
    UnknownVersion {
        /// The subject.
        subject: String,
        /// The version asked for.
        version: Version,
        /// The versions there are.
        known: String,
    },
    /// No migrations lead there.
    #[error(
        "no migrations lead from {from} to {to} of {subject}; from {from} they lead to {reachable}; to {to} they lead from {reaching}"
    )]
    NoPath {
        /// The subject.
        subject: String,
        /// The version to start from.
        from: String,
        /// The version to reach.
        to: String,
        /// Versions that can be reached.
        reachable: String,
        /// Versions from which the target can be reached.
        reaching: String,
    },
    /// A forced path names what is no migration.
    #[error("{subject} has no migration '{name}'; it has {known}")]
    UnknownMigration {
        /// The subject.
        subject: String,
        /// The name asked for.
        name: String,
        /// The migrations there are, the nearest first.
        known: String,
    },
    /// A forced path does not hold together.
    #[error(
        "the forced path is at {at} before {migration}; its migrations must meet end to end {ends}"
    )]
    Broken {
        /// Where the path stands.
        at: Version,
        /// The migration that does not fit, or the last one, with its ends.
        migration: String,
        /// Where the whole has to start and to end.
        ends: String,
    },
}

impl RouteError {
    /// Whether the request names what does not exist, rather than the definitions lacking a path.
    pub fn is_wrong_use(&self) -> bool {
        matches!(self, Self::UnknownVersion { .. } | Self::UnknownMigration { .. })
    }
}

/// What a route costs: lossless first, then fewest steps, then cost.
type Cost = (usize, usize, u64);

/// The route from a version to another: `forced` if given, else as `paths` says, else lossless first,
/// then fewest migrations, then least cost, then by names, so that the answer is always the same.
pub fn resolve<'c>(
    subject: &'c Subject,
    from: &Version,
    to: &Version,
    forced: Option<&[String]>,
) -> Result<Route<'c>, RouteError> {
    for version in [from, to] {
        if !subject.versions().contains(version) {
            let known = versions_text(subject.versions());
            let (subject, version) = (subject.name.clone(), version.clone());
            return Err(RouteError::UnknownVersion { subject, version, known });
        }
    }
    if let Some(names) = forced {
        let migrations = by_names(subject, from, to, names)?;
        return Ok(Route { migrations, reason: "the path was given by hand".to_owned() });
    }
    if let Some(names) = subject.paths.get(from).and_then(|targets| targets.get(to)) {
        let migrations = by_names(subject, from, to, names)?;
        return Ok(Route { migrations, reason: "'paths' in the definitions says so".to_owned() });
    }
    let best = cheapest(subject, from);
    match best.get(to) {
        Some(found) => Ok(Route { migrations: found.route.clone(), reason: reason(found) }),
        None => Err(RouteError::NoPath {
            subject: subject.name.clone(),
            from: from.to_string(),
            to: to.to_string(),
            reachable: versions_text(reachable(subject, from, false)),
            reaching: versions_text(reachable(subject, to, true)),
        }),
    }
}

/// The versions that can be reached from `start`, without itself; `backwards` gives those from which
/// `start` can be reached.
pub fn reachable<'c>(
    subject: &'c Subject,
    start: &Version,
    backwards: bool,
) -> BTreeSet<&'c Version> {
    let mut seen = BTreeSet::new();
    let mut open = vec![start];
    while let Some(at) = open.pop() {
        for migration in subject.migrations.values() {
            let (source, target) = if backwards {
                (&migration.target, &migration.source)
            } else {
                (&migration.source, &migration.target)
            };
            if source == at && target != start && seen.insert(target) {
                open.push(target);
            }
        }
    }
    seen
}

struct Found<'c> {
    cost: Cost,
    route: Vec<&'c Migration>,
    /// Whether another route has the same cost.
    tie: bool,
}

/// The cheapest route from `start` to every version. Dijkstra over a handful of nodes: the plain
/// form, which takes the names of the migrations as the last criterion.
fn cheapest<'c>(subject: &'c Subject, start: &Version) -> BTreeMap<Version, Found<'c>> {
    let mut done: BTreeMap<Version, Found<'c>> = BTreeMap::new();
    let first = Found { cost: (0, 0, 0), route: Vec::new(), tie: false };
    let mut open: BTreeMap<Version, Found<'c>> = BTreeMap::from([(start.clone(), first)]);
    loop {
        let next = open.iter().min_by_key(|(_, found)| key_of(found)).map(|(v, _)| v.clone());
        let Some(version) = next else { return done };
        let found = open.remove(&version).expect("it was just found there");
        for migration in subject.migrations.values().filter(|m| m.source == version) {
            if done.contains_key(&migration.target) {
                continue;
            }
            let (losses, steps, cost) = found.cost;
            let lossy = usize::from(migration.is_lossy());
            let mut route = found.route.clone();
            route.push(migration);
            let cost = (losses + lossy, steps + 1, cost + migration.cost);
            let mut candidate = Found { cost, route, tie: found.tie };
            match open.get_mut(&migration.target) {
                Some(known) if known.cost == candidate.cost => {
                    known.tie = true;
                    if key_of(&candidate) < key_of(known) {
                        candidate.tie = true;
                        *known = candidate;
                    }
                }
                Some(known) if known.cost < candidate.cost => {}
                _ => _ = open.insert(migration.target.clone(), candidate),
            }
        }
        done.insert(version, found);
    }
}

fn key_of<'f>(found: &'f Found<'_>) -> (Cost, Vec<&'f str>) {
    (found.cost, found.route.iter().map(|migration| migration.name.as_str()).collect())
}

fn reason(found: &Found<'_>) -> String {
    let (losses, steps, cost) = found.cost;
    let lossy = match losses {
        0 => "lossless".to_owned(),
        1 => "1 migration of it may lose data".to_owned(),
        count => format!("{count} migrations of it may lose data"),
    };
    let tie = if found.tie { "; another path is as good, the first by name was taken" } else { "" };
    let word = if steps == 1 { "migration" } else { "migrations" };
    format!("{lossy}, {steps} {word}, cost {cost}{tie}")
}

fn by_names<'c>(
    subject: &'c Subject,
    from: &Version,
    to: &Version,
    names: &[String],
) -> Result<Vec<&'c Migration>, RouteError> {
    let mut route: Vec<&Migration> = Vec::new();
    let mut at = from;
    let broken = |at: &Version, migration: &Migration| RouteError::Broken {
        at: at.clone(),
        migration: migration.title(),
        ends: format!("from {from} to {to}"),
    };
    for name in names {
        let Some(migration) = subject.migrations.get(name) else {
            return Err(unknown_migration(subject, name));
        };
        if migration.source != *at {
            return Err(broken(at, migration));
        }
        at = &migration.target;
        route.push(migration);
    }
    match route.last() {
        Some(last) if at != to => Err(broken(&last.source, last)),
        None if from != to => Err(RouteError::NoPath {
            subject: subject.name.clone(),
            from: from.to_string(),
            to: to.to_string(),
            reachable: "nothing, because the forced path is empty".to_owned(),
            reaching: versions_text(reachable(subject, to, true)),
        }),
        _ => Ok(route),
    }
}

fn unknown_migration(subject: &Subject, name: &str) -> RouteError {
    let all = subject.migrations.keys().map(String::as_str);
    let near = nearest(name, all.clone());
    let first = near.as_deref().into_iter();
    let rest = all.filter(|known| Some(*known) != near.as_deref());
    let known = one_of(first.chain(rest));
    RouteError::UnknownMigration { subject: subject.name.clone(), name: name.to_owned(), known }
}

fn versions_text<'v>(versions: impl IntoIterator<Item = &'v Version>) -> String {
    let names: Vec<String> = versions.into_iter().map(Version::to_string).collect();
    one_of(names.iter().map(String::as_str)).replace(" or ", " and ")
}

/// Something about a subject's graph that an operator should know; none is a mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A migration ends at a version without a schema: its documents cannot be told or validated.
    NoSchema {
        /// The version.
        version: Version,
    },
    /// No migration leads to the newest version from this one.
    CannotReachNewest {
        /// The version.
        version: Version,
    },
    /// Two paths are equally good.
    Tie {
        /// Start.
        from: Version,
        /// End.
        to: Version,
    },
    /// `paths` takes another way than would be found.
    Shadowed {
        /// Start.
        from: Version,
        /// End.
        to: Version,
    },
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoSchema { version } => {
                write!(
                    f,
                    "version {version} has no schema: its documents cannot be told or checked"
                )
            }
            Self::CannotReachNewest { version } => {
                write!(f, "no migrations lead from {version} to the newest version")
            }
            Self::Tie { from, to } => {
                write!(f, "several paths from {from} to {to} are equally good: name one in 'paths'")
            }
            Self::Shadowed { from, to } => {
                write!(f, "'paths' takes another way from {from} to {to} than would be found")
            }
        }
    }
}

/// What to know about a subject's graph.
pub fn notes(subject: &Subject) -> Vec<Note> {
    let versions = subject.versions();
    let mut notes = Vec::new();
    let without = versions.iter().filter(|version| !subject.schemas.contains_key(**version));
    notes.extend(without.map(|version| Note::NoSchema { version: (*version).clone() }));
    if let Some(newest) = versions.last() {
        let reaching = reachable(subject, newest, true);
        let lost = versions.iter().filter(|v| *v != newest && !reaching.contains(*v));
        notes.extend(lost.map(|v| Note::CannotReachNewest { version: (*v).clone() }));
    }
    for from in &versions {
        for (to, found) in cheapest(subject, from) {
            let forced = subject.paths.get(*from).and_then(|targets| targets.get(&to));
            let names: Vec<&String> = found.route.iter().map(|m| &m.name).collect();
            match forced {
                Some(forced) if !forced.iter().eq(names.iter().copied()) => {
                    notes.push(Note::Shadowed { from: (*from).clone(), to });
                }
                None if found.tie => notes.push(Note::Tie { from: (*from).clone(), to }),
                _ => {}
            }
        }
    }
    notes
}

//! What an operator should know of a server before a run: what it is, how it is set, what the user may
//! do there, and what remold will do about each.

mod rights;

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Session, SessionError};
pub use crate::store::Extra;
use crate::store::notifications::channels;
use crate::store::{Fault, Link, Right, StoreError};
use rights::{Ground, Rights};

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Fine,
    /// Worth knowing.
    Note,
    /// To be looked at before a run.
    Warning,
    /// A verb will not work.
    Lacking,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about: `server`, `memory`, `rights`, ...
    pub about: &'static str,
    /// How grave it is.
    pub level: Level,
    /// What was found.
    pub found: String,
    /// What remold does about it, or what to do; empty when nothing.
    pub advice: String,
}

/// What was found on a server.
#[derive(Clone, Debug, Serialize)]
pub struct Checkup {
    /// Where.
    pub server: String,
    /// The findings.
    pub findings: Vec<Finding>,
    /// What makes a user that may do everything remold does on these keys, and nothing else.
    pub least_privilege: String,
    /// What grants the present user what it lacks; empty when nothing.
    pub grant: String,
}

const PROBES: usize = 100;

impl Session {
    /// Looks a server over. Writes nothing. `patterns` are the keys that are to be migrated; those of
    /// the catalog's subjects when there are none. `extras` belong to the job as well.
    pub fn check_up(&self, patterns: &[String], extras: &[Extra]) -> Result<Checkup, SessionError> {
        let mut link = Link::open(self.address())?;
        let patterns = if patterns.is_empty() { self.patterns() } else { patterns.to_vec() };
        let info = if_allowed(link.info())?;
        let nodes = if_allowed(link.layout())?.map_or(1, |layout| layout.nodes.len());
        let mut found = Findings::default();
        if let Some(info) = &info {
            found.server(info, nodes);
            found.persistence(info);
            found.memory(info);
            found.replicas(info);
        }
        found.modules(link.modules().as_deref());
        let events = link.setting("notify-keyspace-events");
        found.notifications(events.as_deref());
        let mut probes = Vec::with_capacity(PROBES);
        while let Some(more) = if_allowed(link.probes())?
            && probes.len() < PROBES
        {
            probes.extend(more);
        }
        if !probes.is_empty() {
            found.latency(&mut probes);
        }
        let said = self.address().user().map(str::to_owned);
        let user = said.or_else(|| link.user()).unwrap_or_else(|| "default".to_owned());
        // Where they are off, as they would be set.
        let by_key = events.is_none_or(|events| events.is_empty() || events.contains('K'));
        let names: Vec<&str> = patterns.iter().map(String::as_str).collect();
        // Whether it may ask for them is among the rights.
        let mut indexes = link.search_indexes().ok().flatten().unwrap_or_default();
        indexes.retain(|index| patterns.iter().any(|pattern| index.meets(pattern)));
        let ground = Ground {
            indexes: indexes.into_iter().map(|index| index.name).collect(),
            channels: channels(self.address().database(), &names, by_key),
            registry: self.address().registry().to_owned(),
            selects_database: self.address().database() != 0,
            has_selectors: info.as_ref().is_none_or(|info| version(info) >= (7, 0)),
            extras: extras.to_vec(),
            patterns,
        };
        let rights = Rights::ask(&mut link, ground)?;
        found.rights(&user, &rights);
        if link.is_cluster() {
            let advice = "an ACL line counts on the node where it was pasted: paste it on each, \
                          replicas too";
            found.add("rights", Level::Note, "each node of a cluster has its own users", advice);
        }
        Ok(Checkup {
            server: self.address().to_string(),
            findings: found.list,
            least_privilege: rights.least_privilege(),
            grant: rights.grant(&user),
        })
    }

    /// The key patterns of the catalog's subjects; everything, when there are none.
    fn patterns(&self) -> Vec<String> {
        let mut patterns: Vec<String> = self
            .catalog()
            .subjects
            .values()
            .flat_map(|subject| subject.key_patterns())
            .map(ToString::to_string)
            .collect();
        patterns.sort();
        patterns.dedup();
        if patterns.is_empty() { vec!["*".to_owned()] } else { patterns }
    }
}

/// The first two numbers of the Redis version, which Valkey tells as well.
fn version(info: &BTreeMap<String, String>) -> (u32, u32) {
    let version = info.get("redis_version").map_or("", String::as_str);
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// What a user may not ask is no reason not to look at the rest: the rights tell it.
fn if_allowed<T>(answer: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.fault() == Some(&Fault::NoPermission) => Ok(None),
        Err(error) => Err(error),
    }
}

#[derive(Default)]
struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    fn add(
        &mut self,
        about: &'static str,
        level: Level,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.list.push(Finding { about, level, found: found.into(), advice: advice.into() });
    }

    fn server(&mut self, info: &BTreeMap<String, String>, nodes: usize) {
        let word = |name: &str| info.get(name).map_or("?", String::as_str);
        let is_valkey = word("server_name") == "valkey";
        let (kind, version) = if is_valkey {
            ("Valkey", word("valkey_version"))
        } else {
            ("Redis", word("redis_version"))
        };
        let mode = if info.get("cluster_enabled").is_some_and(|on| on == "1") {
            format!("a cluster of {nodes} primaries")
        } else {
            format!("standalone, {}", word("role"))
        };
        let number = self::version(info);
        let up = word("uptime_in_days");
        let found = format!("{kind} {version}, {mode}, up {up} days");
        if number < (6, 2) {
            let advice =
                "remold needs Redis 6.2 or newer, or Valkey: it was never tried on an older one";
            self.add("server", Level::Lacking, found, advice);
        } else if number < (7, 0) {
            let advice =
                "expiries are reckoned by a script, for which the user needs the right to EVAL";
            self.add("server", Level::Fine, found, advice);
        } else {
            self.add("server", Level::Fine, found, "");
        }
        if word("role") == "slave" {
            let advice = "a replica takes no writes: connect to its primary, or through sentinels";
            self.add("server", Level::Lacking, "this is a replica", advice);
        }
    }

    fn modules(&mut self, modules: Option<&[String]>) {
        match modules {
            None => self.add("modules", Level::Note, "the server does not say which it has", ""),
            Some([]) => self.add(
                "modules",
                Level::Note,
                "none",
                "documents in RedisJSON and selections by RediSearch need theirs",
            ),
            Some(names) => self.add("modules", Level::Fine, names.join(", "), ""),
        }
    }

    fn persistence(&mut self, info: &BTreeMap<String, String>) {
        let is = |name: &str, value: &str| info.get(name).is_some_and(|found| found == value);
        if is("rdb_last_bgsave_status", "err") || is("aof_last_write_status", "err") {
            self.add(
                "persistence",
                Level::Warning,
                "the last write to disk failed",
                "the server may refuse writes (MISCONF); a run waits while it does",
            );
        }
        if is("aof_enabled", "1") {
            self.add("persistence", Level::Fine, "append-only file", "");
        } else {
            self.add(
                "persistence",
                Level::Note,
                "no append-only file",
                "what the server loses in a crash, verification finds; the journal has the values \
                 from before",
            );
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    fn memory(&mut self, info: &BTreeMap<String, String>) {
        let number =
            |name: &str| -> u64 { info.get(name).and_then(|text| text.parse().ok()).unwrap_or(0) };
        let (used, limit) = (number("used_memory"), number("maxmemory"));
        let policy = info.get("maxmemory_policy").map_or("?", String::as_str);
        let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
        if limit == 0 {
            self.add("memory", Level::Fine, format!("{} used, no limit", mib(used)), "");
            return;
        }
        let share = used as f64 * 100.0 / limit as f64;
        let found = format!("{} of {} used ({share:.0} %), {policy}", mib(used), mib(limit));
        let advice = if policy == "noeviction" {
            "above 90 % a run slows down, above 95 % it pauses (--throttle memory=90:95:99.5)"
        } else {
            "keys may be evicted during a run and count as missing; evictions slow it down"
        };
        let level = if share > 85.0 { Level::Warning } else { Level::Note };
        self.add("memory", level, found, advice);
    }

    fn replicas(&mut self, info: &BTreeMap<String, String>) {
        let replicas: Vec<&String> = info
            .iter()
            .filter(|(name, _)| {
                name.strip_prefix("slave").is_some_and(|rest| rest.parse::<u32>().is_ok())
            })
            .map(|(_, line)| line)
            .collect();
        if replicas.is_empty() {
            self.add("replicas", Level::Note, "none", "");
        } else {
            let behind = replicas.iter().filter(|line| !line.contains("state=online")).count();
            let found = format!("{}, {behind} of them not online", replicas.len());
            let level = if behind > 0 { Level::Warning } else { Level::Fine };
            let advice = "a lag above 2 s slows a run down, above 10 s pauses it \
                          (--throttle replica-lag=2:10)";
            self.add("replicas", level, found, advice);
        }
    }

    fn notifications(&mut self, events: Option<&str>) {
        match events {
            Some("") => {
                let advice = "a run with --follow scans again and again; with notify-keyspace-events \
                              set to Kg$hd it would be told of what is written";
                self.add("notifications", Level::Note, "keyspace notifications are off", advice);
            }
            Some(events) => {
                self.add(
                    "notifications",
                    Level::Fine,
                    format!("keyspace notifications: {events}"),
                    "",
                );
            }
            None => self.add(
                "notifications",
                Level::Note,
                "the server does not say whether keyspace notifications are on",
                "",
            ),
        }
    }

    fn latency(&mut self, probes: &mut [f64]) {
        probes.sort_by(f64::total_cmp);
        let at = |part: usize| probes.get(probes.len() * part / 100).copied().unwrap_or(0.0);
        let (median, high) = (at(50), at(99));
        let found = format!("a PING takes {median:.2} ms, one in a hundred {high:.2} ms or more");
        let level = if median > 20.0 { Level::Warning } else { Level::Fine };
        let advice = if level == Level::Warning {
            "far away or busy: raise --throttle latency=..., and run near the server if you can"
        } else {
            ""
        };
        self.add("latency", level, found, advice);
    }

    fn rights(&mut self, user: &str, rights: &Rights) {
        for (task, commands) in &rights.tasks {
            let denied: Vec<&str> = commands
                .iter()
                .filter(|(_, right)| matches!(right, Right::Denied(_)))
                .map(|(name, _)| name.as_str())
                .collect();
            let unknown = commands.iter().any(|(_, right)| matches!(right, Right::Unknown(_)));
            let missing = commands.iter().all(|(_, right)| *right == Right::NoCommand);
            let name = task.name;
            if !denied.is_empty() && !rights.ground.wants(task) {
                let (option, shows) = match task.extra.expect("it is not part of the job") {
                    Extra::Follow => (
                        "follow",
                        "without it keys are scanned again and again; config|get shows every \
                         setting, passwords too",
                    ),
                    Extra::Query => ("query", "an index answers of other keys too, if it has them"),
                };
                let found = format!("{user} may not {name}: {} denied", denied.join(", "));
                let advice = format!("{shows} (`remold doctor --with {option}` grants it)");
                self.add("rights", Level::Note, found, advice);
            } else if !denied.is_empty() {
                let found = format!("{user} may not {name}: {} denied", denied.join(", "));
                self.add("rights", Level::Lacking, found, "the line below grants it");
            } else if missing {
                self.add("rights", Level::Note, format!("{name}: the server cannot"), "");
            } else if unknown {
                self.add("rights", Level::Note, format!("{name}: the server does not say"), "");
            } else {
                self.add("rights", Level::Fine, format!("{user} may {name}"), "");
            }
        }
    }
}

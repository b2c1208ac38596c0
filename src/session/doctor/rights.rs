//! What a user may do, held against what the job takes, and the lines that grant it.

use crate::session::SessionError;
use crate::store::{CLUSTER_TASK, Extra, Link, Right, TASKS, Task};

/// What the rights are to.
pub(super) struct Ground {
    pub patterns: Vec<String>,
    pub channels: Vec<String>,
    /// The indexes of RediSearch that hold such keys.
    pub indexes: Vec<String>,
    pub registry: String,
    pub selects_database: bool,
    /// Whether a user can have several sets of rights, each on its own keys (from Redis 7.0 on).
    pub has_selectors: bool,
    pub extras: Vec<Extra>,
}

impl Ground {
    /// Whether a task belongs to the job.
    pub fn wants(&self, task: &Task) -> bool {
        task.extra.is_none_or(|extra| self.extras.contains(&extra))
    }

    /// A command with real keys in it, of one of the patterns.
    fn filled(&self, words: &[&str], pattern: usize) -> Vec<String> {
        // What a wildcard may stand for; the key need not be there.
        let key = self.patterns[pattern].replace(['*', '?'], "remold-doctor");
        let fill = |word: &&str| match *word {
            "K" => key.clone(),
            "L" => format!("{key}2"),
            "R" => format!("{}:doctor", self.registry),
            "X" => self.indexes.first().map_or("remold-doctor", String::as_str).to_owned(),
            "C" => self.channels[pattern.min(self.channels.len() - 1)].clone(),
            word => word.to_owned(),
        };
        words.iter().map(fill).collect()
    }

    fn keys(&self) -> String {
        each(" ~", &self.patterns)
    }

    fn channels(&self) -> String {
        if self.extras.contains(&Extra::Follow) {
            each(" &", &self.channels)
        } else {
            String::new()
        }
    }
}

/// The rights to every command of every task.
pub(super) struct Rights {
    pub ground: Ground,
    pub tasks: Vec<(&'static Task, Vec<(String, Right)>)>,
}

impl Rights {
    pub fn ask(link: &mut Link, ground: Ground) -> Result<Self, SessionError> {
        let is_cluster = link.is_cluster();
        let all = TASKS.iter().chain(is_cluster.then_some(&CLUSTER_TASK));
        let mut tasks = Vec::new();
        for task in all {
            let mut named = Vec::new();
            for words in task.commands {
                // Each pattern is a right of its own; the worst answer counts.
                let mut worst = Right::Granted;
                for pattern in 0..ground.patterns.len() {
                    let right = link.rights(&[ground.filled(words, pattern)])?.remove(0);
                    if right != Right::Granted {
                        worst = right;
                        break;
                    }
                }
                named.push((acl_name(words), worst));
            }
            tasks.push((task, named));
        }
        Ok(Self { ground, tasks })
    }

    /// The rules for the commands of the tasks on these keys, each with a space before it. A command
    /// of several tasks stands in each, because its keys are others there.
    fn commands(&self, keys: Keys, wanted: impl Fn(&Right) -> bool) -> String {
        let mut rules: Vec<String> = Vec::new();
        for (task, commands) in &self.tasks {
            for (name, right) in commands {
                let rule = format!(" +{name}");
                let is_of_job = self.ground.wants(task) && Keys::of(task) == keys;
                if is_of_job && wanted(right) && !rules.contains(&rule) {
                    rules.push(rule);
                }
            }
        }
        rules.concat()
    }

    /// What is granted on the registry and on indexes, in front of the commands and behind them: each
    /// in a selector of its own, so that what may be done there may not be done to documents. Only
    /// what `lacks` asks for.
    fn elsewhere(&self, lacks: impl Fn(&Right) -> bool) -> (String, String) {
        let ground = &self.ground;
        let (mut before, mut behind) = (String::new(), String::new());
        for keys in [Keys::Registry, Keys::Indexes] {
            if self.commands(keys, &lacks).is_empty() {
                continue;
            }
            let commands = self.commands(keys, |right| *right != Right::NoCommand);
            let names = match keys {
                Keys::Registry => format!(" ~{}:*", ground.registry),
                _ => each(" ~", &ground.indexes),
            };
            if ground.has_selectors {
                let rules = format!("{names} -@all{commands}");
                behind = format!("{behind} ({})", rules.trim_start());
            } else {
                before += &names;
                behind += &commands;
            }
        }
        (before, behind)
    }

    /// A user with these rights alone.
    pub fn least_privilege(&self) -> String {
        let ground = &self.ground;
        let on_server = |right: &Right| *right != Right::NoCommand;
        let select = if ground.selects_database { " +select" } else { "" };
        let (keys, others) = self.elsewhere(on_server);
        format!(
            "ACL SETUSER remold on >PASSWORD resetkeys{}{keys} resetchannels{} -@all{} +multi \
             +discard +exec +watch +unwatch +acl|whoami{select}{others}",
            ground.keys(),
            ground.channels(),
            self.commands(Keys::Documents, on_server),
        )
    }

    /// Whether some command on a document was granted, and so the keys are not what is lacking.
    fn reaches_documents(&self) -> bool {
        self.tasks.iter().any(|(task, commands)| {
            let mut answered = task.commands.iter().zip(commands);
            answered.any(|(words, (_, right))| words.contains(&"K") && *right == Right::Granted)
        })
    }

    /// What gives `user` what it lacks; empty when nothing.
    pub fn grant(&self, user: &str) -> String {
        let denied = |right: &Right| matches!(right, Right::Denied(_));
        let documents = self.commands(Keys::Documents, denied);
        let (keys, others) = self.elsewhere(denied);
        if documents.is_empty() && others.is_empty() {
            return String::new();
        }
        let mut line = format!("ACL SETUSER {user}");
        // A user that may touch every key cannot be given more of them.
        if !documents.is_empty() && !self.reaches_documents() {
            line += &self.ground.keys();
        }
        line += &keys;
        if documents.contains("+psubscribe") {
            line += &self.ground.channels();
        }
        line + &documents + &others
    }
}

/// Whose keys the commands of a task are for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    Documents,
    Registry,
    /// The name of an index counts as a key.
    Indexes,
}

impl Keys {
    fn of(task: &Task) -> Self {
        match task.extra {
            Some(Extra::Query) => Self::Indexes,
            _ if task.commands.iter().any(|words| words.contains(&"R")) => Self::Registry,
            _ => Self::Documents,
        }
    }
}

/// All of them, each with these characters before it.
fn each(mark: &str, names: &[String]) -> String {
    names.iter().flat_map(|name| [mark, name.as_str()]).collect()
}

/// How ACL rules name a command: `script|load`.
fn acl_name(words: &[&str]) -> String {
    let containers = ["SCRIPT", "OBJECT", "MEMORY", "CLUSTER", "CONFIG"];
    let name = words[0].to_lowercase();
    if containers.contains(&words[0]) {
        format!("{name}|{}", words[1].to_lowercase())
    } else {
        name
    }
}

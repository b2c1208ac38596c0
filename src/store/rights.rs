//! What a user may do on a server, found out without doing it: a command is queued in a transaction
//! that is discarded. The server checks rights when it queues
//! (<https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/>).

use redis::Value;
use serde::Serialize;

use super::error::{Fault, StoreError};
use super::link::{Link, array, text};

/// What somebody does with remold, and the commands it takes.
#[derive(Debug)]
pub struct Task {
    /// In words: `run, resume and roll back documents in strings`.
    pub name: &'static str,
    /// The commands, each with arguments: `K` is a key of the subject, `L` another one, `R` a key of
    /// the registry, `C` the channel that tells of the subject's keys, `X` an index.
    pub commands: &'static [&'static [&'static str]],
    /// What it belongs to, where it is not part of the main job.
    pub extra: Option<Extra>,
}

/// What a user may do with remold beside the main job, and what granting it shows of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// `--follow` by notifications.
    Follow,
    /// `--query`.
    Query,
}

/// Everything remold does on a server.
pub const TASKS: &[Task] = &[
    Task {
        name: "connect and watch the server",
        commands: &[&["PING"], &["INFO"], &["DBSIZE"]],
        extra: None,
    },
    Task {
        name: "list keys and read documents",
        commands: &[
            &["SCAN", "0"],
            &["TYPE", "K"],
            &["MGET", "K"],
            &["GET", "K"],
            &["HGETALL", "K"],
            &["HLEN", "K"],
            &["HSCAN", "K", "0"],
            &["STRLEN", "K"],
            &["GETRANGE", "K", "0", "1"],
            &["LLEN", "K"],
            &["LRANGE", "K", "0", "1"],
            &["SCARD", "K"],
            &["SSCAN", "K", "0"],
            &["ZCARD", "K"],
            &["ZRANGE", "K", "0", "1"],
            &["XLEN", "K"],
            &["XRANGE", "K", "-", "+"],
            &["PEXPIRETIME", "K"],
            // In place of the former on Redis 6.2.
            &["PTTL", "K"],
            &["OBJECT", "ENCODING", "K"],
            &["MEMORY", "USAGE", "K"],
        ],
        extra: None,
    },
    Task {
        name: "run and roll back documents in strings",
        commands: &[&["SCRIPT", "LOAD", ""], &["EVALSHA", "x", "1", "K"], &["SET", "K", "v"]],
        extra: None,
    },
    Task {
        name: "run and roll back documents in hashes",
        commands: &[
            &["HMGET", "K", "f"],
            &["HSET", "K", "f", "v"],
            &["HDEL", "K", "f"],
            &["HPEXPIRETIME", "K", "FIELDS", "1", "f"],
            &["HPEXPIREAT", "K", "1", "FIELDS", "1", "f"],
        ],
        extra: None,
    },
    Task {
        name: "run and roll back documents in RedisJSON",
        commands: &[&["JSON.GET", "K", "."], &["JSON.SET", "K", ".", "1"]],
        extra: None,
    },
    Task {
        name: "convert storage, rename keys, change expiries",
        commands: &[
            &["UNLINK", "K"],
            &["RENAME", "K", "L"],
            &["PEXPIREAT", "K", "1"],
            &["PERSIST", "K"],
            &["DUMP", "K"],
            &["RESTORE", "K", "0", "v"],
        ],
        extra: None,
    },
    Task {
        name: "read the registry and its log",
        commands: &[
            &["HGETALL", "R"],
            &["SMEMBERS", "R"],
            &["XREVRANGE", "R", "+", "-"],
            &["XREAD", "STREAMS", "R", "0"],
        ],
        extra: None,
    },
    Task {
        name: "register definitions, and lock a subject while a run is at work",
        commands: &[
            &["EVAL", "return 1", "1", "R"],
            &["EXISTS", "R"],
            &["HGET", "R", "f"],
            &["HSET", "R", "f", "v"],
            &["HDEL", "R", "f"],
            &["SADD", "R", "m"],
            &["XADD", "R", "*", "f", "v"],
            &["DEL", "R"],
            &["TIME"],
        ],
        extra: None,
    },
    Task {
        name: "be told of writes, with --follow",
        commands: &[&["CONFIG", "GET", "notify-keyspace-events"], &["PSUBSCRIBE", "C"]],
        extra: Some(Extra::Follow),
    },
    Task {
        name: "select keys with --query",
        commands: &[
            &["FT._LIST"],
            &["FT.INFO", "X"],
            &["FT.SEARCH", "X", "*"],
            &["FT.AGGREGATE", "X", "*"],
            &["FT.CURSOR", "READ", "X", "1"],
        ],
        extra: Some(Extra::Query),
    },
];

/// What a cluster takes beside.
pub const CLUSTER_TASK: Task = Task {
    name: "find the nodes of the cluster",
    commands: &[&["CLUSTER", "SLOTS"], &["CLUSTER", "NODES"], &["ASKING"]],
    extra: None,
};

/// Whether a user may do one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// Yes.
    Granted,
    /// No, as the server says.
    Denied(String),
    /// The server has no such command.
    NoCommand,
    /// The server does not say.
    Unknown(String),
}

impl Link {
    /// Asks for the rights to commands whose keys stand in them. Nothing is carried out.
    pub fn rights(&mut self, commands: &[Vec<String>]) -> Result<Vec<Right>, StoreError> {
        let mut begin = self.queue(&["MULTI".to_owned()])?;
        let mut rights = Vec::with_capacity(commands.len());
        for command in commands {
            rights.push(match begin {
                Right::Granted => self.queue(command)?,
                // Without transactions nobody can tell without doing it.
                _ => Right::Unknown("MULTI is not allowed".to_owned()),
            });
            // A server that ended the transaction has to be told to begin another.
            if matches!(begin, Right::Unknown(_)) {
                begin = self.queue(&["MULTI".to_owned()])?;
            }
        }
        if begin == Right::Granted {
            self.queue(&["DISCARD".to_owned()])?;
        }
        Ok(rights)
    }

    fn queue(&mut self, words: &[String]) -> Result<Right, StoreError> {
        let (name, arguments) = words.split_first().expect("a command has a name");
        let mut command = redis::cmd(name);
        command.arg(arguments);
        Ok(match self.call_number(0, name, &command) {
            // The rights are looked at before the keys' place.
            Ok(_) | Err(StoreError::Refused { fault: Fault::Moved | Fault::Ask, .. }) => {
                Right::Granted
            }
            Err(StoreError::Refused { fault: Fault::NoPermission, detail, .. }) => {
                Right::Denied(detail)
            }
            Err(StoreError::Refused { detail, .. }) if detail.contains("unknown") => {
                Right::NoCommand
            }
            Err(StoreError::Refused { detail, .. }) => Right::Unknown(detail),
            Err(error) => return Err(error),
        })
    }

    /// The name of the user that is logged in; `None` where the server does not say.
    pub fn user(&mut self) -> Option<String> {
        let mut command = redis::cmd("ACL");
        self.ask("ACL WHOAMI", command.arg("WHOAMI")).ok()
    }

    /// A setting of the server; `None` where it does not say.
    pub fn setting(&mut self, name: &str) -> Option<String> {
        let mut command = redis::cmd("CONFIG");
        setting(self.call("CONFIG GET", command.arg("GET").arg(name)).ok()?)
    }

    /// The modules that are loaded, by name; `None` where the server does not say.
    pub fn modules(&mut self) -> Option<Vec<String>> {
        let answer = self.call("MODULE LIST", redis::cmd("MODULE").arg("LIST")).ok()?;
        let modules: Vec<Value> = redis::from_redis_value(answer).ok()?;
        let name = |module| {
            let pairs: std::collections::BTreeMap<String, Value> =
                redis::from_redis_value(module).ok()?;
            redis::from_redis_value(pairs.get("name")?.clone()).ok()
        };
        Some(modules.into_iter().filter_map(name).collect())
    }

    /// Everything `INFO` says of the first node, by the names of its lines.
    pub fn info(&mut self) -> Result<std::collections::BTreeMap<String, String>, StoreError> {
        let mut command = redis::cmd("INFO");
        command.arg("everything");
        let Some((answer, _)) = self.call_number(0, "INFO", &command)? else {
            return Ok(std::collections::BTreeMap::new());
        };
        let text = text("INFO", answer)?;
        let lines = super::server::info_lines(&text);
        Ok(lines.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

/// The value in an answer of `CONFIG GET` for one setting; `None` where the server has no such setting.
pub(super) fn setting(answer: Value) -> Option<String> {
    let value = array("CONFIG GET", answer).ok()?.into_iter().nth(1)?;
    text("CONFIG GET", value).ok()
}

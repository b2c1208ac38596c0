//! The way to the server, or to the nodes of a cluster.

use redis::{Cmd, Pipeline, Value};

use super::address::Address;
use super::cluster::Cluster;
use super::error::{Fault, StoreError};
use super::wire::{Reply, Wire};

/// Dedicated connections: one to a single server, or one to each primary of a cluster, which is
/// recognised by itself. Every method blocks until its replies are there.
pub struct Link {
    address: Address,
    servers: Servers,
    connections: u64,
    /// Scripts and their digests.
    pub(super) scripts: Vec<(&'static str, String)>,
    /// Whether the server has expiries of hash fields; `None` when it was not asked.
    pub(super) field_expiry: Option<bool>,
    /// Whether the server has `SET` with `IFEQ`; `None` when it was not asked.
    pub(super) native_set: Option<bool>,
    /// Whether the server has `PEXPIRETIME`; `None` when it was not asked.
    pub(super) pexpiretime: Option<bool>,
    /// Whether the user may run no scripts, as the server said to the last of them.
    pub(super) without_scripts: bool,
}

enum Servers {
    One(Wire),
    Many(Cluster),
}

/// The keys one command named, by their places in the caller's list, and its reply.
pub(super) type Group = (Vec<usize>, Reply);

impl Link {
    /// Connects and logs in.
    pub fn open(address: &Address) -> Result<Self, StoreError> {
        Ok(Self {
            address: address.clone(),
            servers: Servers::open(address)?,
            connections: 1,
            scripts: Vec::new(),
            field_expiry: None,
            native_set: None,
            pexpiretime: None,
            without_scripts: false,
        })
    }

    /// Throws the connection away and makes a new one. In a cluster, asks where the primaries are
    /// now; connections that stand are kept.
    pub fn reconnect(&mut self) -> Result<(), StoreError> {
        self.field_expiry = None;
        self.native_set = None;
        self.pexpiretime = None;
        self.without_scripts = false;
        match &mut self.servers {
            Servers::One(_) => {
                self.servers = Servers::open(&self.address)?;
                self.connections += 1;
                Ok(())
            }
            Servers::Many(cluster) => cluster.reconnect(),
        }
    }

    /// How many connections were made so far: after another one, the server may be another, or
    /// another start of the same.
    pub fn connections(&self) -> u64 {
        match &self.servers {
            Servers::One(_) => self.connections,
            Servers::Many(cluster) => self.connections + cluster.connections(),
        }
    }

    /// Where this leads; in a cluster, the node that was named.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Whether the keyspace lies on the nodes of a cluster.
    pub fn is_cluster(&self) -> bool {
        matches!(self.servers, Servers::Many(_))
    }

    /// Sends one command. In a cluster it goes to the node that serves its key.
    pub(super) fn call(&mut self, name: &str, command: &Cmd) -> Result<Value, StoreError> {
        match &mut self.servers {
            Servers::One(wire) => wire.call(name, command),
            Servers::Many(cluster) => {
                let mut replies = cluster.pipeline(name, &[command])?;
                replies.pop().expect("a pipeline answers each of its commands")
            }
        }
    }

    /// Sends one command and reads its reply as `T`.
    pub(super) fn ask<T: redis::FromRedisValue>(
        &mut self,
        name: &str,
        command: &Cmd,
    ) -> Result<T, StoreError> {
        let value = self.call(name, command)?;
        redis::from_redis_value(value)
            .map_err(|error| StoreError::Answer { command: name.into(), detail: error.to_string() })
    }

    /// Sends several commands in one go, in a cluster each to the node that serves its key. Answers
    /// one reply each; an error reply of one command does not touch the others.
    pub(super) fn pipeline(
        &mut self,
        name: &str,
        pipeline: &Pipeline,
    ) -> Result<Vec<Reply>, StoreError> {
        if pipeline.is_empty() {
            return Ok(Vec::new());
        }
        match &mut self.servers {
            Servers::One(wire) => wire.pipeline(name, pipeline),
            Servers::Many(cluster) => {
                cluster.pipeline(name, &pipeline.cmd_iter().collect::<Vec<_>>())
            }
        }
    }

    /// Sends commands that name many keys: one for all keys on a single server, one for each slot
    /// in a cluster. `command` makes the one for some of the keys.
    pub(super) fn in_groups<'k>(
        &mut self,
        name: &str,
        keys: impl ExactSizeIterator<Item = &'k [u8]>,
        command: impl Fn(&[usize]) -> Cmd,
    ) -> Result<Vec<Group>, StoreError> {
        let cluster = match &mut self.servers {
            Servers::One(wire) => {
                let all: Vec<usize> = (0..keys.len()).collect();
                let reply = wire.call(name, &command(&all));
                return Ok(vec![(all, reply)]);
            }
            Servers::Many(cluster) => cluster,
        };
        let mut groups = Cluster::groups(keys);
        let mut answered = Vec::with_capacity(groups.len());
        // Twice at most: the second time each key that is not answered for is alone.
        while !groups.is_empty() {
            let commands: Vec<Cmd> = groups.iter().map(|group| command(group)).collect();
            let replies = cluster.pipeline(name, &commands.iter().collect::<Vec<_>>())?;
            let mut split = Vec::new();
            for (group, reply) in groups.into_iter().zip(replies) {
                match reply {
                    // The slot is being migrated and its keys lie on two nodes. One key is on one.
                    Err(StoreError::Refused { fault: Fault::TryAgain, .. }) if group.len() > 1 => {
                        split.extend(group.into_iter().map(|at| vec![at]));
                    }
                    reply => answered.push((group, reply)),
                }
            }
            groups = split;
        }
        Ok(answered)
    }

    /// Sends several commands in one go over one connection, to the node that serves `key`: a
    /// transaction. Redirections are not followed.
    pub(super) fn pipeline_of(
        &mut self,
        key: &[u8],
        name: &str,
        pipeline: &Pipeline,
    ) -> Result<Vec<Reply>, StoreError> {
        match &mut self.servers {
            Servers::One(wire) => wire.pipeline(name, pipeline),
            Servers::Many(cluster) => cluster.pipeline_of(key, name, pipeline),
        }
    }

    /// The groups of keys that one command, or one transaction, may name, by their places.
    pub(super) fn groups<'k>(
        &self,
        keys: impl ExactSizeIterator<Item = &'k [u8]>,
    ) -> Vec<Vec<usize>> {
        match &self.servers {
            Servers::One(_) => vec![(0..keys.len()).collect()],
            Servers::Many(_) => Cluster::groups(keys),
        }
    }

    /// A connection of its own to each node.
    pub(super) fn wires(&mut self) -> Result<Vec<Wire>, StoreError> {
        match &mut self.servers {
            Servers::One(_) => Ok(vec![Wire::open(&self.address)?]),
            Servers::Many(cluster) => cluster.wires(),
        }
    }

    /// Has a cluster be asked where its primaries are before the next command.
    pub(super) fn look_again(&mut self) {
        if let Servers::Many(cluster) = &mut self.servers {
            cluster.look_again();
        }
    }

    /// Sends commands to each node; answers for each node one answer to each.
    pub(super) fn each_node(
        &mut self,
        commands: &[(&str, &Cmd)],
    ) -> Result<Vec<Vec<Value>>, StoreError> {
        match &mut self.servers {
            Servers::One(wire) => {
                let answers = commands.iter().map(|(name, command)| wire.call(name, command));
                Ok(vec![answers.collect::<Result<_, _>>()?])
            }
            Servers::Many(cluster) => {
                let places = cluster.places()?;
                let ask = |place| {
                    let answers = commands
                        .iter()
                        .map(|(name, command)| cluster.call_at(place, name, command));
                    answers.collect::<Result<Vec<_>, _>>()
                };
                places.iter().map(ask).collect()
            }
        }
    }

    /// Sends one command to the node of this name, see [`super::Layout`].
    pub(super) fn call_node(&mut self, node: &str, name: &str, command: &Cmd) -> Reply {
        match &mut self.servers {
            Servers::One(wire) => wire.call(name, command),
            Servers::Many(cluster) => {
                let place = cluster.place_of(node)?;
                cluster.call_at(&place, name, command)
            }
        }
    }

    /// Sends one command to the node with this number, and answers how many nodes there are; `None`
    /// when there are not that many.
    pub(super) fn call_number(
        &mut self,
        number: usize,
        name: &str,
        command: &Cmd,
    ) -> Result<Option<(Value, usize)>, StoreError> {
        match &mut self.servers {
            Servers::One(wire) if number == 0 => Ok(Some((wire.call(name, command)?, 1))),
            Servers::One(_) => Ok(None),
            Servers::Many(cluster) => {
                let places = cluster.places()?;
                let Some(place) = places.get(number) else { return Ok(None) };
                Ok(Some((cluster.call_at(place, name, command)?, places.len())))
            }
        }
    }
}

impl Servers {
    fn open(address: &Address) -> Result<Self, StoreError> {
        let wire = match Wire::open(address) {
            Err(error @ StoreError::Unreachable { .. }) => {
                let mut others = address.noted_nodes().into_iter();
                others.find_map(|node| Wire::open(&node).ok()).ok_or(error)?
            }
            opened => opened?,
        };
        if wire.is_cluster_node() {
            Ok(Self::Many(Cluster::of(address, wire)))
        } else {
            Ok(Self::One(wire))
        }
    }
}

/// The bytes of a reply; `None` for a null reply.
pub(super) fn bytes(name: &str, value: Value) -> Result<Option<Vec<u8>>, StoreError> {
    match value {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes)),
        Value::SimpleString(text) => Ok(Some(text.into_bytes())),
        // A score, from protocol 3 on.
        Value::Double(number) => Ok(Some(number.to_string().into_bytes())),
        other => Err(unexpected(name, &other)),
    }
}

/// The text of a reply.
pub(super) fn text(name: &str, value: Value) -> Result<String, StoreError> {
    // From protocol 3 on, INFO answers a verbatim string.
    if let Value::VerbatimString { text, .. } = value {
        return Ok(text);
    }
    Ok(String::from_utf8_lossy(&bytes(name, value)?.unwrap_or_default()).into_owned())
}

/// The items of an array reply.
pub(super) fn array(name: &str, value: Value) -> Result<Vec<Value>, StoreError> {
    match value {
        Value::Array(items) | Value::Set(items) => Ok(items),
        Value::Map(pairs) => {
            Ok(pairs.into_iter().flat_map(|(name, value)| [name, value]).collect())
        }
        other => Err(unexpected(name, &other)),
    }
}

/// The error for a reply that a command does not give.
pub(super) fn unexpected(name: &str, value: &Value) -> StoreError {
    let detail = format!("{value:?}");
    let detail: String = detail.chars().take(120).collect();
    StoreError::Answer { command: name.into(), detail }
}

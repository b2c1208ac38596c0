//! How a key is stored: the storages that hold documents, and the type Redis names for any key.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A way to hold one document under one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// JSON text in a Redis string.
    String,
    /// A Redis hash: one field of the hash is one top-level field of the document.
    Hash,
    /// A value of the RedisJSON module.
    Json,
}

impl Storage {
    /// Every storage, in the order in which screens list them.
    pub const ALL: [Self; 3] = [Self::String, Self::Hash, Self::Json];

    /// The name in definition files and on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Hash => "hash",
            Self::Json => "json",
        }
    }

    /// What `TYPE` answers for a key of this storage, and what `SCAN … TYPE` takes.
    pub fn redis_type(self) -> RedisType {
        match self {
            Self::String => RedisType::String,
            Self::Hash => RedisType::Hash,
            Self::Json => RedisType::Json,
        }
    }
}

impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The type of a key as the `TYPE` command names it (<https://redis.io/docs/latest/commands/type/>).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RedisType {
    /// `string`
    String,
    /// `hash`
    Hash,
    /// `list`
    List,
    /// `set`
    Set,
    /// `zset`
    SortedSet,
    /// `stream`
    Stream,
    /// `ReJSON-RL`, the RedisJSON module's type.
    Json,
    /// A type of another module, by the name the server gives it.
    Other(String),
}

impl RedisType {
    /// The name the server uses.
    pub fn name(&self) -> &str {
        match self {
            Self::String => "string",
            Self::Hash => "hash",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "zset",
            Self::Stream => "stream",
            Self::Json => "ReJSON-RL",
            Self::Other(name) => name,
        }
    }

    /// Reads the server's name; `none` (no such key) is `None`. `json` is taken for RedisJSON too,
    /// because that is what people type.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "none" => return None,
            "string" => Self::String,
            "hash" => Self::Hash,
            "list" => Self::List,
            "set" => Self::Set,
            "zset" => Self::SortedSet,
            "stream" => Self::Stream,
            "ReJSON-RL" | "json" => Self::Json,
            other => Self::Other(other.to_owned()),
        })
    }

    /// The storage of a document under a key of this type, if this type can hold one.
    pub fn storage(&self) -> Option<Storage> {
        match self {
            Self::String => Some(Storage::String),
            Self::Hash => Some(Storage::Hash),
            Self::Json => Some(Storage::Json),
            _ => None,
        }
    }
}

impl fmt::Display for RedisType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for RedisType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

//! One dedicated connection.

use std::time::Duration;

use redis::{Client, Cmd, Connection, ConnectionLike, Pipeline, Value};

use super::address::Address;
use super::error::StoreError;
use crate::model::limits::{CONNECT_TIMEOUT_S, RESPONSE_TIMEOUT_S};

/// A dedicated connection to one server. Every method blocks until its replies are there.
pub struct Link {
    address: Address,
    connection: Connection,
    connections: u64,
    /// Scripts the server is known to have.
    pub(super) scripts: Vec<(&'static str, String)>,
}

/// A reply of a pipeline, or the error the server answered that command with.
pub(super) type Reply = Result<Value, StoreError>;

impl Link {
    /// Connects and logs in.
    pub fn open(address: &Address) -> Result<Self, StoreError> {
        Ok(Self {
            address: address.clone(),
            connection: connect(address)?,
            connections: 1,
            scripts: Vec::new(),
        })
    }

    /// Throws the connection away and makes a new one.
    pub fn reconnect(&mut self) -> Result<(), StoreError> {
        self.connection = connect(&self.address)?;
        self.connections += 1;
        self.scripts.clear();
        Ok(())
    }

    /// How many connections were made so far: after another one, the server may be another, or
    /// another start of the same.
    pub fn connections(&self) -> u64 {
        self.connections
    }

    /// Where this leads.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Sends one command.
    pub(super) fn call(&mut self, name: &str, command: &Cmd) -> Result<Value, StoreError> {
        match self.connection.req_command(command) {
            Ok(Value::ServerError(error)) => Err(StoreError::from_reply(name, &error)),
            Ok(value) => Ok(value),
            Err(error) => Err(StoreError::from_call(name, &self.address, &error)),
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

    /// Sends several commands in one go. Answers one reply each; an error reply of one command does
    /// not touch the others.
    pub(super) fn pipeline(
        &mut self,
        name: &str,
        pipeline: &Pipeline,
    ) -> Result<Vec<Reply>, StoreError> {
        let count = pipeline.len();
        if count == 0 {
            return Ok(Vec::new());
        }
        let packed = pipeline.get_packed_pipeline();
        let replies = self
            .connection
            .req_packed_commands(&packed, 0, count)
            .map_err(|error| StoreError::from_call(name, &self.address, &error))?;
        assert_eq!(replies.len(), count, "a pipeline answers each of its commands");
        let reply = |value| match value {
            Value::ServerError(error) => Err(StoreError::from_reply(name, &error)),
            value => Ok(value),
        };
        Ok(replies.into_iter().map(reply).collect())
    }
}

fn connect(address: &Address) -> Result<Connection, StoreError> {
    let failed = |error: redis::RedisError| StoreError::from_connect(address, &error);
    let client = Client::open(address.connection_info()).map_err(failed)?;
    let timeout = Duration::from_secs(CONNECT_TIMEOUT_S);
    let mut connection = client.get_connection_with_timeout(timeout).map_err(failed)?;
    let timeout = Some(Duration::from_secs(RESPONSE_TIMEOUT_S));
    connection.set_read_timeout(timeout).map_err(failed)?;
    connection.set_write_timeout(timeout).map_err(failed)?;
    // A server that wants a password and was given none says so only to the first command.
    match connection.req_command(&redis::cmd("PING")) {
        Err(error) if error.code() == Some("NOAUTH") => Err(failed(error)),
        Ok(Value::ServerError(error)) if error.code() == "NOAUTH" => Err(failed(error.into())),
        // What else is wrong, the first real command tells better.
        _ => Ok(connection),
    }
}

/// The bytes of a reply; `None` for a null reply.
pub(super) fn bytes(name: &str, value: Value) -> Result<Option<Vec<u8>>, StoreError> {
    match value {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes)),
        Value::SimpleString(text) => Ok(Some(text.into_bytes())),
        other => Err(unexpected(name, &other)),
    }
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

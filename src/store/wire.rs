//! One connection to one server.

use std::time::{Duration, Instant};

use redis::{Client, Cmd, Connection, ConnectionLike, Pipeline, Value};

use super::address::Address;
use super::error::StoreError;
use super::link::array;
use crate::model::limits::CONNECT_TIMEOUT_S;

/// A reply of a pipeline, or the error the server answered that command with.
pub(super) type Reply = Result<Value, StoreError>;

/// A connection that stands. Every method blocks until its replies are there.
pub(super) struct Wire {
    address: Address,
    connection: Connection,
    is_cluster_node: bool,
    /// When the commands were sent whose replies are still to come.
    sent: Option<Instant>,
}

impl Wire {
    /// Connects and logs in.
    pub fn open(address: &Address) -> Result<Self, StoreError> {
        let began = Instant::now();
        let opened = Self::connect(address);
        address.traffic().note("(connect)", 1, began.elapsed(), opened.as_ref().err());
        opened
    }

    fn connect(address: &Address) -> Result<Self, StoreError> {
        let failed = |error: redis::RedisError| StoreError::from_connect(address, &error);
        let client = Client::open(address.resolve()?.connection_info()).map_err(failed)?;
        let timeout = Duration::from_secs(CONNECT_TIMEOUT_S);
        let mut connection = client.get_connection_with_timeout(timeout).map_err(failed)?;
        let timeout = Some(address.response_timeout());
        connection.set_read_timeout(timeout).map_err(failed)?;
        connection.set_write_timeout(timeout).map_err(failed)?;
        // Answered also while a server loads or runs a long script. A server that wants a password
        // and was given none says so only to the first command.
        let is_cluster_node = match connection.req_command(&redis::cmd("HELLO")) {
            Err(error) if error.code() == Some("NOAUTH") => return Err(failed(error)),
            Ok(Value::ServerError(error)) if error.code() == "NOAUTH" => {
                return Err(failed(error.into()));
            }
            Ok(hello) => has_cluster_mode(hello),
            // What else is wrong, the first real command tells better.
            Err(_) => false,
        };
        Ok(Self { address: address.clone(), connection, is_cluster_node, sent: None })
    }

    /// Where this leads.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Whether the server is part of a cluster.
    pub fn is_cluster_node(&self) -> bool {
        self.is_cluster_node
    }

    /// Sends one command.
    pub fn call(&mut self, name: &str, command: &Cmd) -> Reply {
        let began = Instant::now();
        let reply = match self.connection.req_command(command) {
            Ok(Value::ServerError(error)) => Err(StoreError::from_reply(name, &error)),
            Ok(value) => Ok(value),
            Err(error) => Err(StoreError::from_call(name, &self.address, &error)),
        };
        self.address.traffic().note(name, 1, began.elapsed(), reply.as_ref().err());
        reply
    }

    /// Sends several commands in one go. Answers one reply each; an error reply of one command does
    /// not touch the others.
    pub fn pipeline(&mut self, name: &str, pipeline: &Pipeline) -> Result<Vec<Reply>, StoreError> {
        self.send(name, &pipeline.get_packed_pipeline())?;
        self.receive(name, pipeline.len())
    }

    /// Sends commands without waiting for their replies, each of which is to be received.
    pub fn send(&mut self, name: &str, packed: &[u8]) -> Result<(), StoreError> {
        self.sent = Some(Instant::now());
        self.connection
            .send_packed_command(packed)
            .map_err(|error| StoreError::from_call(name, &self.address, &error))
            .inspect_err(|error| self.address.traffic().note(name, 0, Duration::ZERO, Some(error)))
    }

    /// Waits for whatever comes next: a reply, or a message to a connection that listens.
    pub fn hear(&mut self, name: &str) -> Reply {
        match self.connection.recv_response() {
            Ok(Value::ServerError(error)) => Err(StoreError::from_reply(name, &error)),
            Ok(value) => Ok(value),
            Err(error) => Err(StoreError::from_call(name, &self.address, &error)),
        }
    }

    /// Waits for the replies of commands that were sent.
    pub fn receive(&mut self, name: &str, count: usize) -> Result<Vec<Reply>, StoreError> {
        let replies = self.replies(name, count);
        let took = self.sent.take().map_or(Duration::ZERO, |sent| sent.elapsed());
        let error = match &replies {
            Ok(replies) => replies.iter().find_map(|reply| reply.as_ref().err()),
            Err(error) => Some(error),
        };
        self.address.traffic().note(name, count, took, error);
        replies
    }

    fn replies(&mut self, name: &str, count: usize) -> Result<Vec<Reply>, StoreError> {
        let mut replies = Vec::with_capacity(count);
        while replies.len() < count {
            replies.push(match self.connection.recv_response() {
                Ok(Value::Push { .. }) => continue,
                Ok(Value::ServerError(error)) => Err(StoreError::from_reply(name, &error)),
                Ok(value) => Ok(value),
                Err(error) => return Err(StoreError::from_call(name, &self.address, &error)),
            });
        }
        Ok(replies)
    }
}

/// Whether an answer of `HELLO` (<https://redis.io/docs/latest/commands/hello/>) has the mode
/// `cluster`.
fn has_cluster_mode(hello: Value) -> bool {
    let Ok(facts) = array("HELLO", hello) else { return false };
    let is = |value: &Value, text: &str| match value {
        Value::BulkString(bytes) => bytes == text.as_bytes(),
        Value::SimpleString(word) => word == text,
        _ => false,
    };
    facts.chunks(2).any(|fact| is(&fact[0], "mode") && fact.len() == 2 && is(&fact[1], "cluster"))
}

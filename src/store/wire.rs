//! One connection to one server.

use std::io::Write;
use std::time::{Duration, Instant};

use redis::{Cmd, Parser, Pipeline, ProtocolVersion, RedisError, Value};

use super::address::Address;
use super::error::StoreError;
use super::link::array;
use super::stream::Stream;
use crate::model::limits::CONNECT_TIMEOUT_S;

/// A reply of a pipeline, or the error the server answered that command with.
pub(super) type Reply = Result<Value, StoreError>;

/// A connection that stands. Every method blocks until its replies are there.
pub(super) struct Wire {
    address: Address,
    stream: Stream,
    parser: Parser,
    /// Whether a reply did not come, or not whole: what comes next may belong to another question.
    is_broken: bool,
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
        let timeout = Duration::from_secs(CONNECT_TIMEOUT_S);
        let failed = |error| StoreError::from_opening(address, &error);
        let mut wire = Self {
            address: address.clone(),
            stream: Stream::open(&address.resolve()?, timeout).map_err(failed)?,
            parser: Parser::new(),
            is_broken: false,
            is_cluster_node: false,
            sent: None,
        };
        wire.stream.answers_within(address.response_timeout()).map_err(failed)?;
        wire.log_in()?;
        Ok(wire)
    }

    /// Tells who we are, and chooses protocol and database.
    fn log_in(&mut self) -> Result<(), StoreError> {
        let login = self.address.login().clone();
        if let Some(password) = login.password() {
            let mut auth = redis::cmd("AUTH");
            auth.arg(login.username()).arg(password);
            self.greet("AUTH", &auth)?;
        }
        // Answered also while a server loads or runs a long script. A server that wants a password
        // and was given none says so only to the first command.
        let mut hello = redis::cmd("HELLO");
        if login.protocol() == ProtocolVersion::RESP3 {
            hello.arg(3);
        }
        self.is_cluster_node = match self.greet("HELLO", &hello) {
            Ok(hello) => has_cluster_mode(hello),
            // What else is wrong, the first real command tells better.
            Err(StoreError::Refused { .. }) => false,
            Err(error) => return Err(error),
        };
        if login.db() != 0 {
            self.greet("SELECT", redis::cmd("SELECT").arg(login.db()))?;
        }
        Ok(())
    }

    /// Sends a command of the login.
    fn greet(&mut self, name: &str, command: &Cmd) -> Reply {
        let reply = self
            .ask(command)
            .map_err(|error| StoreError::from_login(name, &self.address, &error))?;
        let Value::ServerError(error) = reply else { return Ok(reply) };
        Err(StoreError::from_refused_login(&self.address, name, &error))
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
        let reply = match self.ask(command) {
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
        self.write(packed)
            .map_err(|error| StoreError::from_call(name, &self.address, &error))
            .inspect_err(|error| self.address.traffic().note(name, 0, Duration::ZERO, Some(error)))
    }

    /// Waits for whatever comes next: a reply, or a message to a connection that listens.
    pub fn hear(&mut self, name: &str) -> Reply {
        match self.read() {
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

    fn ask(&mut self, command: &Cmd) -> Result<Value, RedisError> {
        self.write(&command.get_packed_command())?;
        loop {
            match self.read()? {
                Value::Push { .. } => {}
                reply => return Ok(reply),
            }
        }
    }

    fn write(&mut self, packed: &[u8]) -> Result<(), RedisError> {
        if self.is_broken {
            return Err(std::io::Error::from(std::io::ErrorKind::NotConnected).into());
        }
        let written = self.stream.write_all(packed).and_then(|()| self.stream.flush());
        self.is_broken = written.is_err();
        Ok(written?)
    }

    fn read(&mut self) -> Result<Value, RedisError> {
        let value = self.parser.parse_value(&mut self.stream);
        self.is_broken |= value.is_err();
        value
    }

    fn replies(&mut self, name: &str, count: usize) -> Result<Vec<Reply>, StoreError> {
        let mut replies = Vec::with_capacity(count);
        while replies.len() < count {
            replies.push(match self.read() {
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

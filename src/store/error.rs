//! What can go wrong with the server, by name.

use std::fmt;

use redis::ErrorKind;

use super::address::Address;
use super::tls;

/// An operating failure of the server or of the way to it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL is none that remold knows.
    #[error(
        "the URL '{url}' is not usable: {reason}\n  expected redis://[user:password@]host[:port][/db], rediss://... for TLS, unix:///path/to/socket, or sentinel://host:port,host:port/NAME"
    )]
    Url {
        /// The URL, without its password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The prefix of the registry cannot be one.
    #[error(
        "'{prefix}' is no prefix for the registry: expected a name such as {{remold}} or team, without white space and without * ? [ ] \\"
    )]
    Prefix {
        /// The prefix.
        prefix: String,
    },
    /// No connection could be made.
    #[error(
        "cannot reach Redis at {address}: {reason}\n  is the server running, and are host, port and TLS right? Nothing was read or written"
    )]
    Unreachable {
        /// Where to.
        address: String,
        /// What the system said.
        reason: String,
    },
    /// There is no TLS with the server.
    #[error(
        "no TLS with Redis at {address}: {reason}\n  {advice}. Nothing was read or written by this"
    )]
    Tls {
        /// Where to.
        address: String,
        /// Whose certificate is not believed, and why.
        reason: String,
        /// What to do next.
        advice: &'static str,
    },
    /// The server does not let us in.
    #[error(
        "Redis at {address} refuses the login: {reason}\n  check user and password (--ask-password, --password-file, REMOLD_USER and REMOLD_PASSWORD, the URL, or the configuration). Nothing was read or written"
    )]
    Login {
        /// Where to.
        address: String,
        /// What the server said.
        reason: String,
    },
    /// The connection ended, or a reply did not come in time: whether a write that was under way was
    /// made is not known until it is read back.
    #[error("the connection to {address} was lost ({reason})")]
    Lost {
        /// Where to.
        address: String,
        /// What the system said.
        reason: String,
    },
    /// The server answered with an error.
    #[error("the server answered {command} with {fault}: {detail}")]
    Refused {
        /// The command's name.
        command: String,
        /// Which error.
        fault: Fault,
        /// The server's own words.
        detail: String,
    },
    /// Keys of a cluster may be on their way from one node to another.
    #[error(
        "{reason}\n  keys may be on their way from one node to another; going on is possible when that is done"
    )]
    Unsettled {
        /// What is on the move.
        reason: String,
    },
    /// Documents are stored as RedisJSON, and the server has no such module.
    #[error(
        "the documents are stored as RedisJSON, and Redis at {address} has no RedisJSON module\n  load it (loadmodule rejson.so; Redis 8 has it built in), or convert to another storage. Nothing was written by this"
    )]
    NoModule {
        /// Where to.
        address: String,
    },
    /// The server answered with something that the command does not answer.
    #[error("the server's answer to {command} is not understood: {detail}")]
    Answer {
        /// The command's name.
        command: String,
        /// What came.
        detail: String,
    },
}

/// The errors a server answers with, by the first word of their text
/// (<https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors>).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// `OOM`: memory is at its limit and nothing may be evicted.
    OutOfMemory,
    /// `READONLY`: this is a replica.
    ReadOnly,
    /// `LOADING`: the data set is being loaded.
    Loading,
    /// `MASTERDOWN`: a replica without its master.
    MasterDown,
    /// `NOREPLICAS`: fewer replicas than `min-replicas-to-write`.
    NoReplicas,
    /// `MISCONF`: snapshots fail, so writes are refused.
    Misconfigured,
    /// `BUSY`: a script of somebody runs too long.
    Busy,
    /// `CLUSTERDOWN`: slots are not served.
    ClusterDown,
    /// `MOVED`, with the text that names slot and node.
    Moved,
    /// `ASK`, with the text that names slot and node.
    Ask,
    /// `TRYAGAIN`: keys of one command lie on both sides of a slot migration.
    TryAgain,
    /// `NOSCRIPT`: the script cache was flushed.
    NoScript,
    /// `NOPERM`: the ACL user may not do this.
    NoPermission,
    /// `NOAUTH`, `WRONGPASS`: not logged in.
    NoAuth,
    /// `WRONGTYPE`: the key holds another type.
    WrongType,
    /// Any other, by its first word.
    Other(String),
}

impl StoreError {
    /// Which kind it is, without a word of the server besides the error's name: its own words may
    /// repeat what was sent.
    pub(super) fn kind(&self) -> String {
        let kind = match self {
            Self::Refused { fault, .. } => return fault.to_string(),
            Self::Url { .. } | Self::Prefix { .. } => "no address",
            Self::Unreachable { .. } => "unreachable",
            Self::Tls { .. } => "no TLS",
            Self::Login { .. } => "login refused",
            Self::Lost { .. } => "lost",
            Self::Unsettled { .. } => "unsettled",
            Self::NoModule { .. } => "no module",
            Self::Answer { .. } => "not understood",
        };
        kind.to_owned()
    }
}

impl Fault {
    fn from_code(code: &str) -> Self {
        match code {
            "OOM" => Self::OutOfMemory,
            "READONLY" => Self::ReadOnly,
            "LOADING" => Self::Loading,
            "MASTERDOWN" => Self::MasterDown,
            "NOREPLICAS" => Self::NoReplicas,
            "MISCONF" => Self::Misconfigured,
            "BUSY" => Self::Busy,
            "CLUSTERDOWN" => Self::ClusterDown,
            "MOVED" => Self::Moved,
            "ASK" => Self::Ask,
            "TRYAGAIN" => Self::TryAgain,
            "NOSCRIPT" => Self::NoScript,
            "NOPERM" => Self::NoPermission,
            "NOAUTH" | "WRONGPASS" => Self::NoAuth,
            "WRONGTYPE" => Self::WrongType,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The server's word for it.
    pub fn code(&self) -> &str {
        match self {
            Self::OutOfMemory => "OOM",
            Self::ReadOnly => "READONLY",
            Self::Loading => "LOADING",
            Self::MasterDown => "MASTERDOWN",
            Self::NoReplicas => "NOREPLICAS",
            Self::Misconfigured => "MISCONF",
            Self::Busy => "BUSY",
            Self::ClusterDown => "CLUSTERDOWN",
            Self::Moved => "MOVED",
            Self::Ask => "ASK",
            Self::TryAgain => "TRYAGAIN",
            Self::NoScript => "NOSCRIPT",
            Self::NoPermission => "NOPERM",
            Self::NoAuth => "NOAUTH",
            Self::WrongType => "WRONGTYPE",
            Self::Other(code) => code,
        }
    }

    /// Whether waiting may cure it without anybody's doing.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::OutOfMemory
                | Self::ReadOnly
                | Self::Loading
                | Self::MasterDown
                | Self::NoReplicas
                | Self::Misconfigured
                | Self::Busy
                | Self::ClusterDown
                | Self::Moved
                | Self::Ask
                | Self::TryAgain
                | Self::NoScript
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl StoreError {
    /// Whether trying again may succeed without anybody's doing.
    pub fn is_transient(&self) -> bool {
        match self {
            // A certificate may be changed for another at the moment.
            Self::Lost { .. }
            | Self::Unreachable { .. }
            | Self::Tls { .. }
            | Self::Unsettled { .. } => true,
            Self::Refused { fault, .. } => fault.is_transient(),
            Self::Url { .. }
            | Self::Prefix { .. }
            | Self::Login { .. }
            | Self::NoModule { .. }
            | Self::Answer { .. } => false,
        }
    }

    /// Whether the connection can serve no more.
    pub fn needs_reconnect(&self) -> bool {
        match self {
            Self::Lost { .. } | Self::Unreachable { .. } | Self::Tls { .. } => true,
            // After a failover the old master answers READONLY; the name may lead elsewhere by now.
            Self::Refused { fault, .. } => *fault == Fault::ReadOnly,
            _ => false,
        }
    }

    /// Whether the server does not know the command.
    pub(super) fn is_unknown_command(&self) -> bool {
        matches!(self, Self::Refused { detail, .. } if detail.contains("unknown command"))
    }

    /// Whether the key is of another type than the command is for.
    pub(super) fn is_wrong_type(&self) -> bool {
        match self {
            Self::Refused { fault: Fault::WrongType, .. } => true,
            // How the RedisJSON module says it: "Existing key has wrong Redis type".
            Self::Refused { fault: Fault::Other(code), .. } => code == "Existing",
            _ => false,
        }
    }

    /// Whether the server does not know an option of the command, so that nothing was done.
    pub(super) fn is_syntax_error(&self) -> bool {
        matches!(self, Self::Refused { fault: Fault::Other(code), detail, .. }
            if code == "ERR" && detail.contains("syntax error"))
    }

    /// The server's fault, when the server answered with one.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Refused { fault, .. } => Some(fault),
            _ => None,
        }
    }

    /// What the server said, when it answered with an error: all its words, but for a plain `ERR`.
    pub fn words(&self) -> Option<String> {
        match self {
            Self::Refused { fault, detail, .. } if fault.code() == "ERR" => Some(detail.clone()),
            Self::Refused { fault, detail, .. } => Some(format!("{fault} {detail}")),
            _ => None,
        }
    }

    /// An error from a connection that stands.
    pub(super) fn from_call(command: &str, address: &Address, error: &redis::RedisError) -> Self {
        let reason = if error.is_timeout() {
            format!("no reply within {} s", address.response_timeout().as_secs())
        } else {
            error.to_string()
        };
        match error.kind() {
            ErrorKind::Io | ErrorKind::ClusterConnectionNotFound => {
                Self::Lost { address: address.to_string(), reason }
            }
            ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::AuthenticationFailed => {
                let code = error.code().unwrap_or("ERR");
                let detail = error.detail().unwrap_or(&reason).to_owned();
                Self::Refused { command: command.into(), fault: Fault::from_code(code), detail }
            }
            _ if error.is_io_error() || error.is_connection_dropped() => {
                Self::Lost { address: address.to_string(), reason }
            }
            _ => Self::Answer { command: command.into(), detail: reason },
        }
    }

    /// An error reply that stands among the replies of a pipeline.
    pub(super) fn from_reply(command: &str, error: &redis::ServerError) -> Self {
        let detail = error.details().unwrap_or_default().to_owned();
        Self::Refused { command: command.into(), fault: Fault::from_code(error.code()), detail }
    }

    /// An error while a connection was being made.
    pub(super) fn from_opening(address: &Address, error: &std::io::Error) -> Self {
        let at = address.to_string();
        match tls::refusal(error) {
            Some((reason, advice)) => Self::Tls { address: at, reason, advice },
            None => Self::Unreachable { address: at, reason: error.to_string() },
        }
    }

    /// An error of the way while logging in.
    pub(super) fn from_login(command: &str, address: &Address, error: &redis::RedisError) -> Self {
        match tls::late_refusal(error) {
            Some((reason, advice)) => Self::Tls { address: address.to_string(), reason, advice },
            None => Self::from_call(command, address, error),
        }
    }

    /// What a server answered to a command of the login.
    pub(super) fn from_refused_login(
        address: &Address,
        command: &str,
        error: &redis::ServerError,
    ) -> Self {
        let detail = error.details().unwrap_or_default();
        let address = address.to_string();
        match error.code() {
            // Said to whoever connects, whatever is asked.
            "ERR" if detail.starts_with("max number of clients") => {
                Self::Unreachable { address, reason: detail.to_owned() }
            }
            "NOAUTH" | "WRONGPASS" | "DENIED" => {
                Self::Login { address, reason: format!("{} {detail}", error.code()) }
            }
            _ if command == "AUTH" => Self::Login { address, reason: detail.to_owned() },
            _ => Self::from_reply(command, error),
        }
    }
}

//! Where a server is, and how to log in there.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};

use super::error::StoreError;
use super::registry::PREFIX_DEFAULT;
use super::sentinel::Sentinels;
use super::tls::{Handshake, Tls};
use super::traffic::Traffic;
use crate::model::limits::{CONNECT_TIMEOUT_S, RESPONSE_TIMEOUT_S};

/// The address of one server, with its login, and where the registry stands there. Printed without the
/// password.
#[derive(Clone)]
pub struct Address {
    info: ConnectionInfo,
    /// How TLS is begun with every server it leads to; `None` without TLS.
    tls: Option<Arc<Handshake>>,
    registry: Arc<str>,
    /// Who knows where the server is at the moment.
    sentinels: Option<Arc<Sentinels>>,
    /// The nodes of the cluster it leads to, as last seen: whoever shares this address finds the
    /// cluster also when the node that was named is the one that is lost.
    nodes: Arc<Mutex<Vec<(String, u16)>>>,
    /// How long a reply may take before the connection is taken for dead.
    response_timeout: Duration,
    /// What was sent there, by all who share this address.
    traffic: Traffic,
}

impl Address {
    /// Reads `redis://`, `rediss://` and `unix://` URLs
    /// (<https://www.iana.org/assignments/uri-schemes/prov/redis>), and
    /// `sentinel://[login@]host[:port],.../NAME[/db]` (`sentinels://` with TLS), where the login is
    /// the server's and sentinels are asked without one.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        let refuse = |reason: String| StoreError::Url { url: without_password(url), reason };
        let known =
            ["redis://", "rediss://", "unix://", "redis+unix://", "valkey://", "valkeys://"];
        for (scheme, plain) in [("sentinel://", "redis"), ("sentinels://", "rediss")] {
            if let Some(rest) = url.strip_prefix(scheme) {
                return Self::parse_sentinels(rest, plain).map_err(refuse);
            }
        }
        if !known.iter().any(|scheme| url.starts_with(scheme)) {
            return Err(refuse("it has no scheme that is known".to_owned()));
        }
        let (plain, tls) = split_tls(url).map_err(refuse)?;
        let info = plain.into_connection_info().map_err(|error| refuse(error.to_string()))?;
        Ok(Self { tls: tls.map(|tls| Arc::new(Handshake::of(tls))), ..Self::of(info) })
    }

    fn parse_sentinels(rest: &str, scheme: &str) -> Result<Self, String> {
        let (login, rest) = match rest.rsplit_once('@') {
            Some((login, rest)) => (format!("{login}@"), rest),
            None => (String::new(), rest),
        };
        let (sentinels, db) = Sentinels::parse(rest)?;
        let (host, port) = &sentinels.hosts[0];
        let address = Self::parse(&format!("{scheme}://{login}{host}:{port}/{db}"))
            .map_err(|_| format!("'{host}' or '{db}' cannot stand there"))?;
        Ok(Self { sentinels: Some(Arc::new(sentinels)), ..address })
    }

    /// The address of a Unix socket, database 0, no login.
    pub fn socket(path: PathBuf) -> Self {
        let info = ConnectionAddr::Unix(path)
            .into_connection_info()
            .expect("a socket's path is a complete address");
        Self::of(info)
    }

    fn of(info: ConnectionInfo) -> Self {
        Self {
            info,
            tls: None,
            registry: PREFIX_DEFAULT.into(),
            sentinels: None,
            nodes: Arc::default(),
            traffic: Traffic::default(),
            response_timeout: Duration::from_secs(RESPONSE_TIMEOUT_S),
        }
    }

    /// The same address for who waits no longer than this for a reply.
    #[must_use]
    pub fn answering_within(self, response_timeout: Duration) -> Self {
        Self { response_timeout, ..self }
    }

    pub(super) fn response_timeout(&self) -> Duration {
        self.response_timeout
    }

    /// The same address with TLS set up.
    pub fn with_tls(self, tls: &Tls) -> Result<Self, StoreError> {
        let refuse = |reason: String| StoreError::Url { url: self.to_string(), reason };
        let Some(before) = &self.tls else {
            return Err(refuse("certificates are for rediss:// and sentinels://".to_owned()));
        };
        let insecure = tls.insecure || before.is_insecure();
        let handshake = Handshake::of(Tls { insecure, ..tls.clone() });
        handshake.check().map_err(|why| refuse(format!("TLS cannot be set up: {why}")))?;
        Ok(Self { tls: Some(Arc::new(handshake)), ..self })
    }

    pub(super) fn handshake(&self) -> Option<&Handshake> {
        self.tls.as_deref()
    }

    /// The same address with another login; what is `None` stays.
    #[must_use]
    pub fn with_login(self, user: Option<&str>, password: Option<&str>) -> Self {
        let mut login = self.info.redis_settings().clone();
        if let Some(user) = user {
            login = login.set_username(user);
        }
        if let Some(password) = password {
            login = login.set_password(password);
        }
        Self { info: self.info.set_redis_settings(login), ..self }
    }

    /// The user that logs in; `None` is the default user.
    pub fn user(&self) -> Option<&str> {
        self.info.redis_settings().username()
    }

    /// Whether a user is named and no password, with which nobody can log in.
    pub fn lacks_password(&self) -> bool {
        let login = self.info.redis_settings();
        login.username().is_some() && login.password().is_none()
    }

    /// Whether the server's certificate is believed whatever it is.
    pub fn is_insecure(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_insecure())
    }

    /// Whether it leads where `printed` led, whoever logs in: an address as it is printed. Through
    /// sentinels it may be another server by now.
    pub fn leads_where(&self, printed: &str) -> bool {
        if let Some(mine) = &self.sentinels
            && let Ok(other) = Self::parse(printed)
            && let Some(theirs) = &other.sentinels
        {
            return mine.watch_the_same(theirs) && self.database() == other.database();
        }
        place(printed) == place(&self.to_string())
    }

    /// Where the server is at the moment: the address itself, or the primary that sentinels name.
    pub(super) fn resolve(&self) -> Result<Self, StoreError> {
        let Some(sentinels) = &self.sentinels else { return Ok(self.clone()) };
        let reach = |host: &str, port| {
            let sentinel = self.at(host, port);
            let info = sentinel.info.clone().set_redis_settings(RedisConnectionInfo::default());
            let patience = Duration::from_secs(CONNECT_TIMEOUT_S);
            Self { info, ..sentinel }.answering_within(patience)
        };
        match sentinels.primary_at(reach) {
            Ok((host, port)) => Ok(self.at(&host, port)),
            Err(reason) => Err(StoreError::Unreachable { address: self.to_string(), reason }),
        }
    }

    /// The same server with the registry below another prefix. A prefix without a hash tag becomes
    /// one, so that all keys of the registry share a slot.
    pub fn with_registry(self, prefix: &str) -> Result<Self, StoreError> {
        let odd = |c: char| c.is_whitespace() || c.is_control() || "*?[]\\".contains(c);
        if prefix.is_empty() || prefix.chars().any(odd) {
            return Err(StoreError::Prefix { prefix: prefix.to_owned() });
        }
        let tag = prefix.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
        let registry = match tag {
            Some((tag, _)) if !tag.is_empty() => prefix.into(),
            _ => format!("{{{}}}", prefix.replace(['{', '}'], "")).into(),
        };
        Ok(Self { registry, ..self })
    }

    /// What all keys of the registry begin with, before a colon.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The same login at another host and port, as a cluster's node.
    #[must_use]
    pub fn at(&self, host: &str, port: u16) -> Self {
        let info = self.info.clone().set_addr(ConnectionAddr::Tcp(host.to_owned(), port));
        Self { info, sentinels: None, ..self.clone() }
    }

    /// What was sent there lately, by all who share this address.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// Notes where the nodes of its cluster are.
    pub(super) fn note_nodes(&self, nodes: Vec<(String, u16)>) {
        *self.nodes.lock().unwrap_or_else(PoisonError::into_inner) = nodes;
    }

    /// The addresses of the nodes that were noted.
    pub(super) fn noted_nodes(&self) -> Vec<Self> {
        let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.iter().map(|(host, port)| self.at(host, *port)).collect()
    }

    /// Host and port; of a Unix socket the host is this machine, and the port none.
    pub(super) fn host_and_port(&self) -> (String, u16) {
        match self.info.addr() {
            ConnectionAddr::Tcp(host, port) => (host.clone(), *port),
            _ => ("127.0.0.1".to_owned(), 0),
        }
    }

    /// The number of the database.
    pub fn database(&self) -> i64 {
        self.info.redis_settings().db()
    }

    pub(super) fn place(&self) -> &ConnectionAddr {
        self.info.addr()
    }

    /// User, password, database and protocol.
    pub(super) fn login(&self) -> &RedisConnectionInfo {
        self.info.redis_settings()
    }
}

/// A URL without the words that ask for TLS, and what they ask for.
fn split_tls(url: &str) -> Result<(String, Option<Tls>), String> {
    let (scheme, rest) = url.split_once("://").expect("its scheme is known");
    let plain = match scheme {
        "rediss" => "redis",
        "valkeys" => "valkey",
        _ => return Ok((url.to_owned(), None)),
    };
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let insecure = match fragment {
        "" => false,
        "insecure" => true,
        _ => return Err("after a # only 'insecure' can stand".to_owned()),
    };
    Ok((format!("{plain}://{rest}"), Some(Tls { insecure, ..Tls::default() })))
}

/// An address without who logs in there.
fn place(address: &str) -> &str {
    let (_, rest) = address.split_once("://").unwrap_or(("", address));
    rest.rsplit_once('@').map_or(rest, |(_, place)| place)
}

/// `url` with a password in it replaced, whatever else is wrong with the URL.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let rest = match rest.rsplit_once('@') {
        Some((login, host)) => {
            format!("{}:***@{host}", login.split(':').next().unwrap_or_default())
        }
        None => rest.to_owned(),
    };
    // Where the URL of a Unix socket has it.
    match rest.split_once("pass=") {
        Some((before, after)) => {
            let others = after.split_once('&').map(|(_, others)| format!("&{others}"));
            format!("{scheme}://{before}pass=***{}", others.unwrap_or_default())
        }
        None => format!("{scheme}://{rest}"),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let login = self.info.redis_settings();
        let user = login.username().map(|user| format!("{user}@")).unwrap_or_default();
        let secure = if self.tls.is_some() { "s" } else { "" };
        match (&self.sentinels, self.info.addr()) {
            (Some(sentinels), _) => write!(f, "sentinel{secure}://{user}{sentinels}")?,
            (None, ConnectionAddr::Tcp(host, port)) => {
                write!(f, "redis{secure}://{user}{host}:{port}")?;
            }
            (None, ConnectionAddr::Unix(path)) => write!(f, "unix://{user}{}", path.display())?,
            (None, other) => write!(f, "{user}{other}")?,
        }
        match login.db() {
            0 => Ok(()),
            db => write!(f, "/{db}"),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_printed() {
        let address = Address::parse("redis://app:s3cret@db.example:6380/2").expect("valid");
        assert_eq!(address.to_string(), "redis://app@db.example:6380/2");
        let error = Address::parse("http://app:s3cret@db.example").expect_err("unknown scheme");
        assert!(!error.to_string().contains("s3cret"), "{error}");
        for url in ["redis://app:s3cret@db:port", "unix:///redis.sock?pass=s3cret&db=two"] {
            let error = Address::parse(url).expect_err("bad port, bad database");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn sentinels_name_a_primary() {
        let url = "sentinel://app:s3cret@s1:5000,s2/main/3";
        let address = Address::parse(url).expect("valid");
        assert_eq!(address.to_string(), "sentinel://app@s1:5000,s2:26379/main/3");
        assert_eq!((address.database(), address.user()), (3, Some("app")));
        for url in ["sentinel://app:s3cret@s1:5000", "sentinel://app:s3cret@s1:x/main"] {
            let error = Address::parse(url).expect_err("not whole");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn an_address_leads_where_another_of_the_same_server_does() {
        let leads =
            |url: &str, printed: &str| Address::parse(url).expect("valid").leads_where(printed);
        assert!(leads("redis://app:x@db:6379", "redis://other@db:6379"));
        assert!(!leads("redis://db:6379", "redis://db:6379/1"));
        assert!(!leads("redis://db:6379", "redis://db:6380"));
        let begun = "sentinel://app@s1:26379,s2:26379/main/3";
        assert!(leads("sentinel://s3,s2/main/3", begun));
        assert!(!leads("sentinel://s3,s2/other/3", begun));
        assert!(!leads("sentinel://s3,s2/main", begun));
        assert!(!leads("sentinel://s3,s4/main/3", begun));
        assert!(!leads("redis://s1:26379/3", begun));
    }

    #[test]
    fn the_registry_has_a_hash_tag() {
        let at = |prefix: &str| {
            let address = Address::parse("redis://localhost").expect("valid");
            address.with_registry(prefix).map(|address| address.registry().to_owned()).ok()
        };
        assert_eq!(at("team"), Some("{team}".to_owned()));
        assert_eq!(at("ops:{team}"), Some("ops:{team}".to_owned()));
        assert_eq!(at("{}x"), Some("{x}".to_owned()));
        assert_eq!((at(""), at("a b"), at("a*")), (None, None, None));
    }
}

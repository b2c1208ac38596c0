//! Where a server is, and how to log in there.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::{
    Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    RedisConnectionInfo, TlsCertificates,
};

use super::error::StoreError;
use super::registry::PREFIX_DEFAULT;
use super::sentinel::Sentinels;
use super::traffic::Traffic;
use crate::model::limits::RESPONSE_TIMEOUT_S;

/// The address of one server, with its login, and where the registry stands there. Printed without the
/// password.
#[derive(Clone)]
pub struct Address {
    info: ConnectionInfo,
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

/// What TLS needs besides the URL, in PEM form.
#[derive(Clone, Default)]
pub struct Tls {
    /// The certificate authority to trust; `None`: those of the system.
    pub authority: Option<Vec<u8>>,
    /// The client's certificate and its key.
    pub client: Option<(Vec<u8>, Vec<u8>)>,
    /// Whether to believe any certificate.
    pub insecure: bool,
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
        let info = url.into_connection_info().map_err(|error| refuse(error.to_string()))?;
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        let login = info.redis_settings().clone().set_skip_set_lib_name();
        Ok(Self::of(info.set_tcp_settings(tcp).set_redis_settings(login)))
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
        let ConnectionAddr::TcpTls { host, port, .. } = self.info.addr().clone() else {
            return Err(refuse("certificates are for rediss:// and sentinels://".to_owned()));
        };
        let addr = ConnectionAddr::TcpTls { host, port, insecure: tls.insecure, tls_params: None };
        let client = tls.client.clone();
        let certificates = TlsCertificates {
            client_tls: client
                .map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key }),
            root_cert: tls.authority.clone(),
        };
        let client = Client::build_with_tls(self.info.clone().set_addr(addr), certificates)
            .map_err(|error| refuse(format!("the certificates cannot be used: {error}")))?;
        Ok(Self { info: client.get_connection_info().clone(), ..self })
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
        matches!(self.info.addr(), ConnectionAddr::TcpTls { insecure: true, .. })
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
            let login = RedisConnectionInfo::default().set_skip_set_lib_name();
            self.at(host, port).info.set_redis_settings(login)
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
        let addr = match self.info.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => ConnectionAddr::TcpTls {
                host: host.to_owned(),
                port,
                insecure: *insecure,
                tls_params: tls_params.clone(),
            },
            _ => ConnectionAddr::Tcp(host.to_owned(), port),
        };
        let info = self.info.clone().set_addr(addr);
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
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                (host.clone(), *port)
            }
            _ => ("127.0.0.1".to_owned(), 0),
        }
    }

    /// The number of the database.
    pub fn database(&self) -> i64 {
        self.info.redis_settings().db()
    }

    pub(super) fn connection_info(&self) -> ConnectionInfo {
        self.info.clone()
    }
}

/// An address without who logs in there.
fn place(address: &str) -> &str {
    let (_, rest) = address.split_once("://").unwrap_or(("", address));
    rest.rsplit_once('@').map_or(rest, |(_, place)| place)
}

/// `url` with a password in it replaced, whatever else is wrong with the URL.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((login, host)) => {
            let user = login.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}:***@{host}")
        }
        None => url.to_owned(),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let login = self.info.redis_settings();
        let user = login.username().map(|user| format!("{user}@")).unwrap_or_default();
        match (&self.sentinels, self.info.addr()) {
            (Some(sentinels), ConnectionAddr::TcpTls { .. }) => {
                write!(f, "sentinels://{user}{sentinels}")?;
            }
            (Some(sentinels), _) => write!(f, "sentinel://{user}{sentinels}")?,
            (None, ConnectionAddr::Tcp(host, port)) => write!(f, "redis://{user}{host}:{port}")?,
            (None, ConnectionAddr::TcpTls { host, port, .. }) => {
                write!(f, "rediss://{user}{host}:{port}")?;
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
        let error = Address::parse("redis://app:s3cret@db:port").expect_err("bad port");
        assert!(!error.to_string().contains("s3cret"), "{error}");
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

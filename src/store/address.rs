//! Where a server is, and how to log in there.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

use super::error::StoreError;
use super::registry::PREFIX_DEFAULT;

/// The address of one server, with its login, and where the registry stands there. Printed without the
/// password.
#[derive(Clone)]
pub struct Address {
    info: ConnectionInfo,
    registry: Arc<str>,
}

impl Address {
    /// Reads `redis://`, `rediss://` and `unix://` URLs
    /// (<https://www.iana.org/assignments/uri-schemes/prov/redis>).
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        let refuse = |reason: String| StoreError::Url { url: without_password(url), reason };
        let known =
            ["redis://", "rediss://", "unix://", "redis+unix://", "valkey://", "valkeys://"];
        if !known.iter().any(|scheme| url.starts_with(scheme)) {
            return Err(refuse("it has no scheme that is known".to_owned()));
        }
        let info = url.into_connection_info().map_err(|error| refuse(error.to_string()))?;
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        let login = info.redis_settings().clone().set_skip_set_lib_name();
        let info = info.set_tcp_settings(tcp).set_redis_settings(login);
        Ok(Self { info, registry: PREFIX_DEFAULT.into() })
    }

    /// The address of a Unix socket, database 0, no login.
    pub fn socket(path: PathBuf) -> Self {
        let info = ConnectionAddr::Unix(path)
            .into_connection_info()
            .expect("a socket's path is a complete address");
        Self { info, registry: PREFIX_DEFAULT.into() }
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
        Self { info: self.info.clone().set_addr(addr), registry: self.registry.clone() }
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
        match self.info.addr() {
            ConnectionAddr::Tcp(host, port) => write!(f, "redis://{user}{host}:{port}")?,
            ConnectionAddr::TcpTls { host, port, .. } => write!(f, "rediss://{user}{host}:{port}")?,
            ConnectionAddr::Unix(path) => write!(f, "unix://{user}{}", path.display())?,
            other => write!(f, "{user}{other}")?,
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

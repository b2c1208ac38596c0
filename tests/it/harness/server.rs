//! A Redis server of one test's own.

use std::sync::OnceLock;

use remold::store::install::{self, Installer};
use remold::store::local::{LocalOptions, LocalServer};

/// A private server with a raw connection, ended and removed on drop.
pub struct TestServer {
    server: LocalServer,
}

impl TestServer {
    /// An empty server on a Unix socket.
    pub fn start() -> Self {
        Self::with(&LocalOptions::default())
    }

    /// An empty server on a Unix socket and on a free port of 127.0.0.1, which its URL names.
    pub fn on_port() -> Self {
        Self::with(&LocalOptions { tcp: true, ..LocalOptions::default() })
    }

    /// A server with options of its own.
    pub fn with(options: &LocalOptions) -> Self {
        make_sure_there_is_a_server();
        match LocalServer::start(options) {
            Ok(server) => Self { server },
            Err(error) => panic!("{error}"),
        }
    }

    /// An empty server with the RedisJSON module.
    pub fn with_json() -> Self {
        let module = super::fetch::rejson();
        let settings = vec![format!("loadmodule {}", module.display())];
        Self::with(&LocalOptions { settings, ..LocalOptions::default() })
    }

    /// An empty server with the modules RedisJSON and RediSearch.
    pub fn with_search() -> Self {
        Self::with(&Self::search_options())
    }

    /// How a server with both modules is started. The newer server: RediSearch does not load into 7.0.
    pub fn search_options() -> LocalOptions {
        let modules = [super::fetch::redisearch(), super::fetch::rejson()];
        let settings = modules.map(|module| format!("loadmodule {}", module.display())).into();
        let program = Some(super::fetch::server_with_field_expiries());
        LocalOptions { program, settings, ..LocalOptions::default() }
    }

    /// An empty server whose hash fields may expire.
    pub fn with_field_expiries() -> Self {
        let program = Some(super::fetch::server_with_field_expiries());
        Self::with(&LocalOptions { program, ..LocalOptions::default() })
    }

    /// A sentinel with these lines of configuration.
    pub fn sentinel(settings: Vec<String>) -> Self {
        use std::os::unix::fs::PermissionsExt;
        make_sure_there_is_a_server();
        let found = install::find().expect("it was made sure of").display().to_string();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let program = folder.path().join("sentinel");
        std::fs::write(&program, format!("#!/bin/sh\nexec '{found}' \"$@\" --sentinel\n"))
            .and_then(|()| std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)))
            .expect("a script");
        Self::with(&LocalOptions { program: Some(program), settings, ..LocalOptions::default() })
    }

    pub fn url(&self) -> &str {
        self.server.url()
    }

    pub fn local(&self) -> &LocalServer {
        &self.server
    }

    /// A new raw connection, for what a test itself wants to do to the keyspace.
    pub fn connect(&self) -> redis::Connection {
        let client = redis::Client::open(self.url()).expect("the server's own URL is valid");
        client.get_connection().expect("a ready server takes connections")
    }
}

/// Installs a server, once per test run, where that needs no question to anybody.
fn make_sure_there_is_a_server() {
    static ANSWER: OnceLock<Option<String>> = OnceLock::new();
    let problem = ANSWER.get_or_init(|| {
        let may_install = Installer::here().is_some_and(|here| here.is_unattended());
        let answer = if may_install { install::find_or_install() } else { install::find() };
        answer.err().map(|error| error.to_string())
    });
    if let Some(problem) = problem {
        panic!("{problem}");
    }
}

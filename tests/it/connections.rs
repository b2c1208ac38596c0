//! The ways to a server, and what is said of a wrong one: certificates, logins, named connections.
//! `matrix.rs` does the whole job over each of them.

use remold::store::local::{LocalOptions, free_port};

use crate::harness::TestServer;
use crate::harness::binary::Remold;
use crate::harness::certificates::Certificates;

pub const PASSWORD: &str = "correct-horse";

/// A server on a TLS port, with client certificates and a user, and its URL.
pub fn tls_server(certificates: &Certificates) -> (TestServer, String) {
    let port = free_port().expect("a free port");
    let file = |name: &str| certificates.file(name).display().to_string();
    let settings = vec![
        format!("tls-port {port}"),
        "bind 127.0.0.1".to_owned(),
        format!("tls-cert-file {}", file("server.pem")),
        format!("tls-key-file {}", file("server.key")),
        format!("tls-ca-cert-file {}", file("ca.pem")),
        "tls-auth-clients yes".to_owned(),
        format!("user app on >{PASSWORD} ~* &* +@all"),
    ];
    let server = TestServer::with(&LocalOptions { settings, ..LocalOptions::default() });
    (server, format!("rediss://127.0.0.1:{port}"))
}

fn one_user(server: &TestServer) {
    let set = redis::cmd("SET").arg("user:1").arg("{}").exec(&mut server.connect());
    set.expect("set");
}

#[test]
fn what_is_wrong_with_certificates_and_logins_is_named() {
    let certificates = Certificates::make();
    let (server, url) = tls_server(&certificates);
    one_user(&server);
    let file = |name: &str| certificates.file(name).display().to_string();
    let password = certificates.file("password");
    std::fs::write(&password, format!("{PASSWORD}\n")).expect("a file");
    let login = format!("--user app --password-file {}", password.display());
    let client = format!("--tls-cert {} --tls-key {}", file("client.pem"), file("client.key"));
    let refused = |options: &str, wanted: &str| {
        let said = Remold::on(&url).line(&format!("keys user:* {options}")).run().exits(3);
        let stderr = said.stderr.to_lowercase();
        assert!(stderr.contains(wanted), "{options}: {stderr}");
    };
    refused(&format!("{client} {login}"), "unknownissuer");
    refused(&format!("--tls-ca {} {login}", file("ca.pem")), "certificate");
    let wrong = format!("--tls-ca {} {client} --user app", file("ca.pem"));
    let said = Remold::on(&url).env("REMOLD_PASSWORD", "wrong").line(&format!("keys u* {wrong}"));
    assert!(said.run().exits(3).stderr.contains("login"), "a wrong password");
    let said = Remold::on(&url).line(&format!("keys u* {wrong}")).run().exits(2);
    assert!(said.stderr.contains("user 'app' has no password"), "{}", said.stderr);
    let said = Remold::on(&url).line(&format!("keys user:1* --insecure {client} {login}")).run();
    assert!(said.exits(0).stderr.contains("WARNING: the certificate of rediss://app@127.0.0.1"));
    let half = format!("keys user:* --tls-cert {}", file("client.pem"));
    let said = Remold::on(&url).line(&half).run().exits(2);
    assert!(said.stderr.contains("needs its key"), "{}", said.stderr);
}

#[test]
fn a_named_connection_brings_password_environment_and_read_only() {
    let server = TestServer::with(&LocalOptions {
        password: Some(PASSWORD.to_owned()),
        ..LocalOptions::default()
    });
    one_user(&server);
    let url = format!("unix://{}", server.local().socket().display());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("config.toml");
    let text = format!(
        "default = \"fine\"\n\
         [connections.fine]\nurl = \"{url}\"\npassword_command = \"echo {PASSWORD}\"\n\
         environment = \"staging\"\n\
         [connections.locked]\nurl = \"{url}\"\npassword_env = \"SECRET\"\nread_only = true\n"
    );
    std::fs::write(&config, text).expect("a file");
    let remold = || Remold::new().env("REMOLD_CONFIG", &config).env("SECRET", PASSWORD);
    let said = remold().line("run user --to latest --execute --yes --url locked").sample_catalog();
    let said = said.run().exits(3);
    assert!(said.stderr.contains("read-only"), "{}", said.stderr);
    let said = remold().line("config check --connect").run().exits(0);
    assert!(said.stdout.contains("fine (default): unix://"), "{}", said.stdout);
    assert!(said.stdout.contains("redis ") || said.stdout.contains("valkey "), "{}", said.stdout);
    let said = remold().line("keys user:* --url nowhere").run().exits(2);
    assert!(said.stderr.contains("known connections: fine, locked"), "{}", said.stderr);
    // The environment's variable works beside, and the list of processes shows no password.
    Remold::on(&url).env("REMOLD_PASSWORD", PASSWORD).line("keys user:1*").run().exits(0);
    Remold::on(&url).line("keys user:1*").run().exits(3);
}

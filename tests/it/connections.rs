//! The ways to a server, and what is said of a wrong one: certificates, logins, named connections.
//! `matrix.rs` does the whole job over each of them.

use remold::store::local::{LocalOptions, free_port};

use crate::harness::TestServer;
use crate::harness::binary::Remold;
use crate::harness::certificates::Certificates;

pub const PASSWORD: &str = "correct-horse";

/// A server on a TLS port, with client certificates and a user, and its URL.
pub fn tls_server(certificates: &Certificates) -> (TestServer, String) {
    tls_server_of(certificates, "server")
}

/// The same with the certificate of this name.
fn tls_server_of(certificates: &Certificates, name: &str) -> (TestServer, String) {
    let port = free_port().expect("a free port");
    let file = |name: &str| certificates.file(name).display().to_string();
    let settings = vec![
        format!("tls-port {port}"),
        "bind 127.0.0.1".to_owned(),
        format!("tls-cert-file {}", file(&format!("{name}.pem"))),
        format!("tls-key-file {}", file(&format!("{name}.key"))),
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
    let wrong = format!("--tls-ca {} {client} --user app", file("ca.pem"));
    let said = Remold::on(&url).env("REMOLD_PASSWORD", "wrong").line(&format!("keys u* {wrong}"));
    let said = said.run().exits(3);
    assert!(said.stderr.contains("refuses the login: WRONGPASS"), "{}", said.stderr);
    let said = Remold::on(&url).line(&format!("keys u* {wrong}")).run().exits(2);
    assert!(said.stderr.contains("user 'app' has no password"), "{}", said.stderr);
    let said = Remold::on(&url).line(&format!("keys user:1* --insecure {client} {login}")).run();
    assert!(said.exits(0).stderr.contains("WARNING: the certificate of rediss://app@127.0.0.1"));
    let half = format!("keys user:* --tls-cert {}", file("client.pem"));
    let said = Remold::on(&url).line(&half).run().exits(2);
    assert!(said.stderr.contains("needs its key"), "{}", said.stderr);
}

#[test]
fn why_there_is_no_tls_is_said_with_what_to_do_next() {
    let (ours, theirs) = (Certificates::make(), Certificates::make());
    let plain = TestServer::on_port();
    let servers = ["server", "expired", "named", "ca"].map(|name| tls_server_of(&ours, name));
    let [server, expired, named, own] = servers.each_ref().map(|(_, url)| url.as_str());
    let authority = |of: &Certificates| format!("--tls-ca {}", of.file("ca.pem").display());
    let client = |of: &Certificates, name: &str| {
        let file = |end: &str| of.file(&format!("{name}.{end}")).display().to_string();
        format!("--tls-cert {} --tls-key {}", file("pem"), file("key"))
    };
    let (ca, me) = (authority(&ours), client(&ours, "client"));
    let unlike = format!(
        "--tls-cert {} --tls-key {}",
        ours.file("client.pem").display(),
        ours.file("server.key").display()
    );
    let no_pem = format!("--tls-ca {}", ours.file("ca.key").display());
    let to_plain = plain.url().replace("redis://", "rediss://");
    for (url, options, exit, reason, advice) in [
        (server, me.clone(), 3, "an authority that is not trusted here", "--tls-ca"),
        (server, format!("{me} {}", authority(&theirs)), 3, "not trusted here", "--tls-ca"),
        (server, ca.clone(), 3, "wants a certificate of its clients", "--tls-cert and --tls-key"),
        (
            server,
            format!("{ca} {}", client(&theirs, "client")),
            3,
            "refuses the client's certificate: its authority is not the server's",
            "name another",
        ),
        (
            server,
            format!("{ca} {}", client(&ours, "expired")),
            3,
            "refuses the client's certificate: it has expired",
            "name another",
        ),
        (server, format!("{ca} {unlike}"), 2, "not the one of its certificate", "rediss://"),
        (server, no_pem, 2, "the authority's certificate is none in PEM form", "rediss://"),
        (expired, format!("{ca} {me}"), 3, "expired on 2020-02-29", "have it renewed"),
        (
            named,
            format!("{ca} {me}"),
            3,
            "is not for 127.0.0.1, but for redis.internal",
            "--tls-server-name",
        ),
        (own, format!("{ca} {me}"), 3, "is an authority's own", "that the authority signed"),
        (&to_plain, ca.clone(), 3, "no TLS with", "is this the server's TLS port?"),
        (plain.url(), ca.clone(), 2, "certificates are for rediss://", "expected redis"),
    ] {
        let said = Remold::on(url).line(&format!("keys user:* {options}")).run().exits(exit);
        let is_said = said.stderr.contains(reason) && said.stderr.contains(advice);
        assert!(is_said, "{url} {options}: wanted '{reason}', '{advice}':\n{}", said.stderr);
    }
}

#[test]
fn a_server_may_prove_another_name_than_its_address() {
    let certificates = Certificates::make();
    let (server, url) = tls_server_of(&certificates, "named");
    one_user(&server);
    let file = |name: &str| certificates.file(name).display().to_string();
    let known = format!(
        "keys user:* --tls-ca {} --tls-cert {} --tls-key {}",
        file("ca.pem"),
        file("client.pem"),
        file("client.key")
    );
    let ask =
        |name: &str| Remold::on(&url).line(&format!("{known} --tls-server-name {name}")).run();
    assert!(ask("redis.internal").exits(0).stdout.contains("user:1"));
    let said = ask("redis.example").exits(3);
    assert!(said.stderr.contains("is not for redis.example"), "{}", said.stderr);
    let said = ask("no,name").exits(2);
    assert!(said.stderr.contains("no name that a certificate could be for"), "{}", said.stderr);
    // Also as a connection of the configuration.
    let config = certificates.file("config.toml");
    let text = format!(
        "default = \"far\"\n[connections.far]\nurl = \"{url}\"\ntls_ca = \"{}\"\ntls_cert = \"{}\"\n\
         tls_key = \"{}\"\ntls_server_name = \"redis.internal\"\n",
        file("ca.pem"),
        file("client.pem"),
        file("client.key")
    );
    std::fs::write(&config, text).expect("a file");
    let said = Remold::new().env("REMOLD_CONFIG", &config).line("keys user:*").run().exits(0);
    assert!(said.stdout.contains("user:1"), "{}", said.stdout);
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

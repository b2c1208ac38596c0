//! TLS: whom we trust, who we are, and the name a server has to prove.

use std::error::Error;
use std::io;
use std::net::TcpStream;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct,
    RootCertStore, SignatureScheme, StreamOwned,
};

const IS_IT_TLS: &str =
    "is this the server's TLS port? Without TLS the URL begins with redis:// or sentinel://";

/// What TLS needs besides the URL, in PEM form.
#[derive(Clone, Default)]
pub struct Tls {
    /// The certificate authority to trust; `None`: those of the system.
    pub authority: Option<Vec<u8>>,
    /// The client's certificate and its key.
    pub client: Option<(Vec<u8>, Vec<u8>)>,
    /// The name that is asked for and that the certificate has to be for, where it is another than
    /// the address's: behind a tunnel or a load balancer, or for nodes that are known by number.
    pub server_name: Option<String>,
    /// Whether to believe any certificate.
    pub insecure: bool,
}

/// One side's part of the handshake, the same for every server of an address.
pub(super) struct Handshake {
    tls: Tls,
    config: OnceLock<Arc<ClientConfig>>,
}

impl Handshake {
    pub fn of(tls: Tls) -> Self {
        Self { tls, config: OnceLock::new() }
    }

    pub fn is_insecure(&self) -> bool {
        self.tls.insecure
    }

    /// Whether everything in it can be used; else what is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        if let Some(name) = &self.tls.server_name {
            server_name(name)?;
        }
        self.config().map(drop)
    }

    /// Shakes hands with the server at `host`.
    pub fn shake(
        &self,
        host: &str,
        mut tcp: TcpStream,
    ) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let name = self.tls.server_name.as_deref().unwrap_or(host);
        let name = server_name(name).map_err(io::Error::other)?;
        let config = self.config().map_err(io::Error::other)?;
        let mut session = ClientConnection::new(config, name).map_err(io::Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut tcp).map_err(|error| match error.kind() {
                // A server without TLS waits for the end of a line.
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                    let why = "nobody answers the handshake".to_owned();
                    io::Error::other(rustls::Error::General(why))
                }
                _ => error,
            })?;
        }
        Ok(StreamOwned::new(session, tcp))
    }

    fn config(&self) -> Result<Arc<ClientConfig>, String> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.tls.config()?);
        Ok(Arc::clone(self.config.get_or_init(|| config)))
    }
}

impl Tls {
    fn config(&self) -> Result<ClientConfig, String> {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let config = if self.insecure {
            config.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        } else {
            config.with_root_certificates(self.trusted()?)
        };
        let Some((certificate, key)) = &self.client else {
            return Ok(config.with_no_client_auth());
        };
        let chain = certificates(certificate).map_err(|why| format!("the client's {why}"))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
            pem::Error::NoItemsFound => {
                "the client's key is none in PEM form, or is encrypted".to_owned()
            }
            error => format!("the client's key: {error}"),
        })?;
        config.with_client_auth_cert(chain, key).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                "the client's key is not the one of its certificate".to_owned()
            }
            error => error.to_string(),
        })
    }

    fn trusted(&self) -> Result<RootCertStore, String> {
        let mut trusted = RootCertStore::empty();
        if let Some(authority) = &self.authority {
            for certificate in
                certificates(authority).map_err(|why| format!("the authority's {why}"))?
            {
                trusted.add(certificate).map_err(|error| format!("the authority: {error}"))?;
            }
            return Ok(trusted);
        }
        let system = rustls_native_certs::load_native_certs();
        trusted.add_parsable_certificates(system.certs);
        if trusted.is_empty() {
            let why = system.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
            return Err(format!("this system names no certificate authority to trust{why}"));
        }
        Ok(trusted)
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) | Err(pem::Error::NoItemsFound) => Err("certificate is none in PEM form".to_owned()),
        Err(error) => Err(format!("certificate: {error}")),
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(name.to_owned())
        .map_err(|_| format!("'{name}' is no name that a certificate could be for"))
}

/// Why TLS does not come about, and what to do next, as far as the error is about TLS.
pub(super) fn refusal(error: &io::Error) -> Option<(String, &'static str)> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(match error {
        rustls::Error::InvalidCertificate(error) => of_server(error),
        rustls::Error::AlertReceived(alert) => of_client(*alert),
        rustls::Error::InvalidMessage(_) => {
            ("what answers there does not speak TLS".to_owned(), IS_IT_TLS)
        }
        rustls::Error::General(why) => (why.clone(), IS_IT_TLS),
        rustls::Error::PeerIncompatible(why) => (
            format!("no form of TLS in common ({why:?})"),
            "the server has to offer TLS 1.2 or 1.3",
        ),
        error => (error.to_string(), "look at the server's log, which may say more"),
    })
}

/// The same of an error that came while the first replies were read: a server tells only then that it
/// does not like the client's certificate.
pub(super) fn late_refusal(error: &redis::RedisError) -> Option<(String, &'static str)> {
    let inner = error.source()?.downcast_ref::<Arc<dyn Error + Send + Sync>>()?;
    refusal(inner.downcast_ref::<io::Error>()?)
}

fn of_server(error: &CertificateError) -> (String, &'static str) {
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => (
            "the server's certificate comes from an authority that is not trusted here".to_owned(),
            "name the authority's file with --tls-ca (tls_ca in the configuration)",
        ),
        CertificateError::ExpiredContext { not_after, .. } => (
            format!("the server's certificate expired on {}", day(*not_after)),
            "have it renewed; or is this machine's clock wrong?",
        ),
        CertificateError::NotValidYetContext { not_before, .. } => (
            format!("the server's certificate is valid only from {}", day(*not_before)),
            "is this machine's clock wrong?",
        ),
        CertificateError::NotValidForNameContext { expected, presented } => (
            format!(
                "the server's certificate is not for {}, but for {}",
                expected.to_str(),
                names(presented)
            ),
            "name the server as its certificate does: in the URL, or beside it with \
             --tls-server-name (tls_server_name in the configuration)",
        ),
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => (
            "the server's certificate is an authority's own".to_owned(),
            "have the server use a certificate that the authority signed for it",
        ),
        error => (
            format!("the server's certificate is not believed: {error}"),
            "have the server's certificate mended",
        ),
    }
}

/// What a server says to a client (<https://www.rfc-editor.org/rfc/rfc8446#section-6.2>).
fn of_client(alert: AlertDescription) -> (String, &'static str) {
    let refused = |why: &str| {
        let reason = format!("the server refuses the client's certificate: {why}");
        (reason, "name another certificate and key with --tls-cert and --tls-key")
    };
    match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => (
            "the server wants a certificate of its clients".to_owned(),
            "name one and its key with --tls-cert and --tls-key",
        ),
        AlertDescription::UnknownCA => refused("its authority is not the server's"),
        AlertDescription::CertificateExpired => refused("it has expired"),
        AlertDescription::CertificateRevoked => refused("it was revoked"),
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied
        | AlertDescription::DecryptError => refused(&format!("{alert:?}")),
        AlertDescription::UnrecognisedName => (
            "the server knows no server of this name".to_owned(),
            "name another with --tls-server-name",
        ),
        alert => (
            format!("the server ended the handshake with {alert:?}"),
            "look at the server's log, which may say more",
        ),
    }
}

fn names(presented: &[String]) -> String {
    // As in DnsName("redis.example"), IpAddress(127.0.0.1).
    let bare = |name: &String| match name.split_once('(') {
        Some((_, rest)) => rest.trim_end_matches(')').trim_matches('"').to_owned(),
        None => name.clone(),
    };
    match presented {
        [] => "no name at all".to_owned(),
        names => names.iter().map(bare).collect::<Vec<_>>().join(", "),
    }
}

fn day(time: UnixTime) -> String {
    let second = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(second)
        .map_or_else(|_| second.to_string(), |time| time.strftime("%F %T UTC").to_string())
}

/// Believes any certificate, as long as the server holds its key.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

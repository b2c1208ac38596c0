//! Certificates of one test's own: an authority (`ca`), a `server`'s and a `client`'s for this machine, one
//! that has `expired`, and one for another name, `named`.

use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};

/// PEM files in a temporary folder.
pub struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    pub fn make() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, text: String| {
            std::fs::write(folder.path().join(name), text).expect("a file");
        };
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        // Each needs a name of its own: one that is its issuer's would pass for self-signed.
        // And so does each authority, or another's certificate would count as a bad one of its own.
        let own = folder.path().file_name().expect("it has one").to_string_lossy();
        params.distinguished_name.push(DnType::CommonName, format!("authority {own}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
        write("ca.pem", authority.pem());
        write("ca.key", authority.key().serialize_pem());
        let near = ["localhost", "127.0.0.1"];
        for name in ["server", "client", "expired", "named"] {
            let names = if name == "named" { &["redis.internal"][..] } else { &near };
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            let key = KeyPair::generate().expect("a key");
            let mut params = CertificateParams::new(names).expect("names");
            params.distinguished_name.push(DnType::CommonName, name);
            if name == "expired" {
                params.not_after = date_time_ymd(2020, 2, 29);
            }
            let certificate = params.signed_by(&key, &authority).expect("signed");
            write(&format!("{name}.pem"), certificate.pem());
            write(&format!("{name}.key"), key.serialize_pem());
        }
        Self { folder }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

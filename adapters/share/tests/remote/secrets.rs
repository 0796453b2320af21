//! Certificates and a token, as a daemon and its clients need them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

pub(crate) const TOKEN: &str = "a-token-of-the-tests-0123456789";

/// A directory with a token, an authority, and a certificate that it has signed.
pub(crate) struct Secrets(pub(crate) TempDir);

impl Secrets {
    pub(crate) fn new() -> Self {
        let secrets = Self(tempfile::tempdir().unwrap());
        secrets.set_token(TOKEN);
        let dir = secrets.0.path();
        openssl(
            dir,
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
             -subj /CN=ca -keyout ca.key -out ca.pem -addext keyUsage=critical,keyCertSign",
        );
        secrets.certify("127.0.0.1");
        secrets
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Makes another key and certificate, for this address.
    pub(crate) fn certify(&self, address: &str) {
        let dir = self.0.path();
        fs::write(dir.join("names"), format!("subjectAltName=IP:{address}")).unwrap();
        openssl(
            dir,
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=daemon \
             -keyout new.key -out request.pem",
        );
        openssl(
            dir,
            "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -days 2 -extfile names \
             -CAcreateserial -out new.pem",
        );
        fs::rename(dir.join("new.key"), dir.join("key.pem")).unwrap();
        fs::rename(dir.join("new.pem"), dir.join("cert.pem")).unwrap();
    }

    pub(crate) fn set_token(&self, token: &str) {
        let new = self.path("new.token");
        fs::write(&new, token).unwrap();
        fs::set_permissions(&new, Permissions::from_mode(0o600)).unwrap();
        fs::rename(new, self.path("token")).unwrap();
    }
}

fn openssl(dir: &Path, args: &str) {
    let mut command = Command::new("openssl");
    command.args(args.split_whitespace()).current_dir(dir).stdin(Stdio::null());
    let ran = command.output().expect("the tests need the program `openssl`");
    assert!(ran.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&ran.stderr));
}

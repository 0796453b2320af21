//! A daemon that serves other machines.

use treenail_share::Problem;
use treenail_share::remote::Token;
use treenail_share::remote::client::{Client, Options};

use super::daemon::{Daemon, eventually, write};
use super::secrets::{Secrets, TOKEN};

/// A daemon that serves its root to other machines as `site`.
pub(crate) struct Served {
    pub(crate) daemon: Daemon,
    pub(crate) secrets: Secrets,
}

impl Served {
    /// With these keys besides.
    pub(crate) fn start(keys: &str) -> Self {
        let secrets = Secrets::new();
        let daemon = Daemon::start("");
        let served = Self { daemon, secrets };
        served.configure(&served.config(keys));
        served.address();
        served
    }

    /// The configuration with these keys besides.
    pub(crate) fn config(&self, keys: &str) -> String {
        let secrets = self.secrets.0.path().display();
        format!(
            "[remote]\nlisten = '127.0.0.1:0'\ncertificate = '{secrets}/cert.pem'\n\
             key = '{secrets}/key.pem'\ntoken_file = '{secrets}/token'\n{keys}\n\
             [remote.roots]\nsite = '{}'\nnot-there = '/not/there'\n",
            self.daemon.root().display()
        )
    }

    /// Replaces the configuration at once, as nobody reads it half.
    pub(crate) fn configure(&self, text: &str) {
        let new = self.secrets.path("daemon.toml");
        write(&new, text);
        std::fs::rename(new, self.daemon.config()).unwrap();
    }

    /// Where it was served last.
    pub(crate) fn address(&self) -> String {
        let mut address = None;
        eventually("other machines are served", || {
            address = self.addresses().pop();
            address.is_some()
        });
        address.unwrap()
    }

    /// Where it has been served, from the first to the last.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let address = |line: String| {
            let (_, address) = line.split_once("other machines are served at ")?;
            Some(address.trim_end_matches(", without TLS").to_owned())
        };
        self.daemon.log().into_iter().filter_map(address).collect()
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address())
    }

    pub(crate) fn client(&self) -> Client {
        self.connect(TOKEN).unwrap()
    }

    pub(crate) fn connect(&self, token: &str) -> Result<Client, Problem> {
        Client::connect(self.options(token))
    }

    pub(crate) fn options(&self, token: &str) -> Options {
        Options::new(self.url(), Token::new(token).unwrap()).ca(self.secrets.path("ca.pem"))
    }
}

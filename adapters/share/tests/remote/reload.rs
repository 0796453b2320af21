//! A configuration that changes while clients are served.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use treenail_share::remote::Token;
use treenail_share::remote::client::{Client, Options};
use treenail_share::{From, Problem};

use super::daemon::{Daemon, LONG, eventually};
use super::secrets::TOKEN;
use super::support::Served;

const OTHER: &str = "another-token-of-the-tests-0123";

#[test]
fn an_old_token_is_refused_as_soon_as_there_is_a_new_one() {
    let served = Served::start("");
    let (client, address) = (served.client(), served.address());
    let mut changes = client.watch("site", From::Now).unwrap();
    served.secrets.set_token(OTHER);
    let problem = changes.next(LONG).unwrap_err();
    assert_eq!(problem.kind, Problem::DISCONNECTED, "{problem}");
    eventually("it serves again", || served.addresses().len() == 2);
    assert_eq!(served.address(), address, "the port stays");
    let problem = served.connect(TOKEN).err().unwrap();
    assert_eq!(problem.kind, Problem::UNAUTHENTICATED, "{problem}");
    // The client that was there connects anew by itself, with what it knows.
    eventually("the old client is refused", || {
        client.roots().is_err_and(|problem| problem.kind == Problem::UNAUTHENTICATED)
    });
    let mut changes =
        served.connect(OTHER).unwrap().watch("site", From::Clock(changes.clock())).unwrap();
    fs::write(served.daemon.root().join("a"), "").unwrap();
    assert!(changes.next(LONG).unwrap().is_some());
}

#[test]
fn a_new_certificate_is_shown_to_whoever_comes() {
    let served = Served::start("");
    served.client();
    served.secrets.certify("127.0.0.2");
    eventually("the old name is none any more", || {
        served.connect(TOKEN).is_err_and(|problem| problem.kind == Problem::UNREACHABLE)
    });
    served.secrets.certify("127.0.0.1");
    eventually("it is again", || served.connect(TOKEN).is_ok());
}

#[test]
fn another_address_and_other_roots_are_taken_over() {
    let served = Served::start("");
    let old = served.options(TOKEN);
    let config = served.config("").replace("127.0.0.1:0", "127.0.0.2:0").replace("site", "page");
    served.secrets.certify("127.0.0.2");
    served.configure(&config);
    eventually("it serves there", || served.address().starts_with("127.0.0.2"));
    assert_eq!(Client::connect(old).err().unwrap().kind, Problem::UNREACHABLE);
    let client = served.client();
    client.clock("page").unwrap();
    assert_eq!(client.clock("site").unwrap_err().kind, Problem::UNKNOWN_ROOT);

    served.configure("");
    eventually("nobody is served", || served.connect(TOKEN).is_err());
    served.daemon.wait_for("not served any more");
}

#[test]
fn what_cannot_be_is_refused_and_what_was_before_stays() {
    let served = Served::start("");
    let client = served.client();
    let mut changes = client.watch("site", From::Now).unwrap();
    // A bad file may be read, and refused, more than once.
    let refused = |what: &str| {
        let is_it = |line: &String| line.contains("refused,") && line.contains(what);
        eventually(what, || served.daemon.log().iter().any(is_it));
    };
    served.configure(&served.config("colour = 3"));
    refused("`colour` is no key");
    served.configure(&served.config("").replace("127.0.0.1:0", "192.0.2.1:1"));
    refused("cannot listen at 192.0.2.1:1");
    served.configure(&served.config("").replace("cert.pem", "ca.pem"));
    refused("the certificate and its key cannot be used");
    served.configure(&served.config("").replace("token'", "none'"));
    refused("cannot read it");
    served.configure(&served.config(""));
    served.daemon.wait_for("read again");
    fs::set_permissions(served.secrets.path("token"), Permissions::from_mode(0o644)).unwrap();
    served.configure(&served.config("clients_max = 3"));
    refused("others may read it");
    // Nothing of all that was noticed.
    fs::write(served.daemon.root().join("a"), "").unwrap();
    assert!(changes.next(LONG).unwrap().is_some());
    assert_eq!(served.addresses().len(), 1);
}

#[test]
fn without_tls_this_machine_alone_is_served() {
    let served = Served::start("");
    let config = served.config("tls = false");
    let config: Vec<&str> = config.lines().filter(|line| !line.contains(".pem")).collect();
    served.configure(&config.join("\n"));
    served.daemon.wait_for("without TLS");
    let url = format!("http://{}", served.address());
    let client = Client::connect(Options::new(url, Token::new(TOKEN).unwrap())).unwrap();
    client.clock("site").unwrap();
}

#[test]
fn a_daemon_that_cannot_serve_does_not_start() {
    let served = Served::start("");
    let config = served.config("").replace("key.pem", "ca.key");
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("daemon.toml");
    fs::write(&file, config).unwrap();
    let options = treenail_share::server::Options {
        place: treenail_share::Place::at(temp.path().join("run")),
        config_file: Some(file),
        ..treenail_share::server::Options::of_user()
    };
    let problem = treenail_share::server::Server::bind(options).err().unwrap();
    assert_eq!(problem.kind, Problem::CONFIG, "{problem}");
    drop(Daemon::start(""));
}

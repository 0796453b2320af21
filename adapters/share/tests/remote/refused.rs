//! Who is refused, and how.

use std::io::{Read, Write};
use std::net::TcpStream;

use http::uri::PathAndQuery;
use tonic::metadata::MetadataValue;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use treenail_share::remote::Token;
use treenail_share::remote::client::{Client, Options};
use treenail_share::{From, Problem};

use super::daemon::{LONG, eventually};
use super::secrets::{Secrets, TOKEN};
use super::support::Served;

/// A request as any client may make it.
#[derive(Clone, PartialEq, prost::Message)]
struct RootRequest {
    #[prost(string, tag = "1")]
    root: String,
}

/// Asks without this crate's client.
fn ask(served: &Served, method: &'static str, token: Option<&str>, root: &str) -> Option<Status> {
    let ca = std::fs::read_to_string(served.secrets.path("ca.pem")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca));
        let endpoint = Endpoint::new(served.url()).unwrap().tls_config(tls).unwrap();
        let mut grpc = tonic::client::Grpc::new(endpoint.connect().await.unwrap());
        grpc.ready().await.unwrap();
        let mut request = Request::new(RootRequest { root: root.to_owned() });
        if let Some(token) = token {
            let value = MetadataValue::try_from(token).unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        let codec = ProstCodec::<RootRequest, RootRequest>::default();
        grpc.unary(request, PathAndQuery::from_static(method), codec).await.err()
    })
}

const CLOCK: &str = "/treenail.watch.v1.Watch/Clock";

#[test]
fn who_does_not_know_the_token() {
    let served = Served::start("");
    let problem = served.connect("another-token-of-the-tests-0123").err().unwrap();
    assert_eq!(problem.kind, Problem::UNAUTHENTICATED, "{problem}");
    assert!(problem.remedy.unwrap().contains("--token-file"));
    let almost = format!("Bearer {}", &TOKEN[..TOKEN.len() - 1]);
    let basic = format!("Basic {TOKEN}");
    for token in [None, Some(""), Some("Bearer"), Some("Bearer "), Some(&almost), Some(&basic)] {
        let status = ask(&served, CLOCK, token, "site").expect("it is refused");
        assert_eq!(status.code(), Code::Unauthenticated, "{token:?}: {status:?}");
    }
    let whole = format!("bearer {TOKEN}");
    assert!(ask(&served, CLOCK, Some(&whole), "site").is_none(), "the scheme has no case");
    served.daemon.wait_for("is refused: a token is asked for");
    assert!(served.daemon.log().iter().all(|line| !line.contains(TOKEN)));
}

#[test]
fn who_asks_for_too_much_or_nothing_there_is() {
    let served = Served::start("");
    let token = format!("Bearer {TOKEN}");
    let status = ask(&served, CLOCK, Some(&token), &"x".repeat(70_000)).unwrap();
    assert_eq!(status.code(), Code::OutOfRange, "{status:?}");
    let status = ask(&served, "/treenail.watch.v1.Watch/Steal", Some(&token), "").unwrap();
    assert_eq!(status.code(), Code::Unimplemented);
    let status = ask(&served, "/etc/passwd", None, "").unwrap();
    assert_eq!(status.code(), Code::Unauthenticated, "nothing is told before the token");

    let client = served.client();
    for root in ["", "other", "/", "../root", &served.daemon.root().display().to_string()] {
        let problem = client.watch(root, From::Now).err().unwrap();
        assert_eq!(problem.kind, Problem::UNKNOWN_ROOT, "{problem}");
        assert!(problem.remedy.unwrap().contains("site"));
    }
    let problem = client.clock("not-there").unwrap_err();
    assert_eq!(problem.path.unwrap(), std::path::Path::new("/not/there"));
    let problem = client.watch(&"x".repeat(70_000), From::Now).err().unwrap();
    assert_eq!(problem.kind, Problem::LIMIT, "{problem}");
}

#[test]
fn a_daemon_whose_certificate_is_not_believed() {
    let served = Served::start("");
    let token = || Token::new(TOKEN).unwrap();
    let other = Secrets::new();
    for options in [
        Options::new(served.url(), token()).ca(other.path("ca.pem")),
        // Signed by the right one, but for another name.
        Options::new(served.url().replace("127.0.0.1", "localhost"), token())
            .ca(served.secrets.path("ca.pem")),
    ] {
        let problem = Client::connect(options).err().unwrap();
        assert_eq!(problem.kind, Problem::UNREACHABLE, "{problem}");
        assert!(problem.message.contains("certificate"), "{problem}");
        assert!(problem.remedy.unwrap().contains("--ca"));
    }
    let unsigned = Client::connect(Options::new(served.url(), token())).err().unwrap();
    assert!([Problem::UNREACHABLE, Problem::CONFIG].contains(&&*unsigned.kind), "{unsigned}");
    let none = Options::new(served.url(), token()).ca(served.secrets.path("names"));
    assert!(Client::connect(none).is_err());
}

#[test]
fn who_does_not_speak_tls() {
    let served = Served::start("");
    let options = Options::new(format!("http://{}", served.address()), Token::new(TOKEN).unwrap());
    let problem = Client::connect(options).err().unwrap();
    assert!([Problem::UNREACHABLE, Problem::DISCONNECTED].contains(&&*problem.kind), "{problem}");
    let mut plain = TcpStream::connect(served.address()).unwrap();
    plain.set_read_timeout(LONG).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    // Its end may be a reset.
    _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
    served.client().roots().unwrap();
}

#[test]
fn addresses_that_are_not_asked() {
    let token = || Token::new(TOKEN).unwrap();
    for url in [
        "http://192.0.2.1:7411",
        "http://build.example:7411",
        "https://build.example",
        "https://build.example:7411/path",
        "build.example:7411",
        "ftp://127.0.0.1:7411",
        "",
    ] {
        let problem = Client::connect(Options::new(url, token())).err().unwrap();
        assert_eq!(problem.kind, Problem::USAGE, "{url}: {problem}");
        assert!(problem.remedy.unwrap().contains("https://HOST:PORT"));
    }
}

#[test]
fn who_says_nothing_is_not_waited_for() {
    let served = Served::start("clients_max = 1");
    let mut silent = TcpStream::connect(served.address()).unwrap();
    silent.set_read_timeout(LONG).unwrap();
    assert_eq!(silent.read(&mut [0]).unwrap_or(0), 0, "the connection is closed");
    served.client().roots().unwrap();
}

#[test]
fn more_than_may_be() {
    let served = Served::start("clients_max = 1\nstreams_max = 1");
    let client = served.client();
    let changes = client.watch("site", From::Now).unwrap();
    let problem = client.watch("site", From::Now).err().unwrap();
    assert_eq!(problem.kind, Problem::LIMIT, "{problem}");
    assert!(problem.remedy.unwrap().contains("streams_max"));
    drop(changes);
    eventually("another one may", || client.watch("site", From::Now).is_ok());

    let problem = served.connect(TOKEN).err().unwrap();
    assert_eq!(problem.kind, Problem::LIMIT, "{problem}");
    assert!(problem.remedy.unwrap().contains("clients_max"));
    drop(client);
    eventually("another one may", || served.connect(TOKEN).is_ok());
}

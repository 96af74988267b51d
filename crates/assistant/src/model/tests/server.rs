//! A model server of raw bytes: each test says exactly what goes over the wire, piece by piece.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use secrecy::SecretString;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

use super::super::{ChatMessage, Model, ModelConfig, ModelError, ModelEvent, Timeouts, Tool, Turn};

/// What the server does with one request.
pub(super) struct Reply {
    head: String,
    pieces: Vec<Vec<u8>>,
    end: End,
}

/// How a reply ends.
#[derive(Clone, Copy)]
pub(super) enum End {
    /// As HTTP ends a body.
    Proper,
    /// The connection closes in the middle of the body.
    Cut,
    /// Nothing more comes, and the connection stays.
    Hold,
}

impl Reply {
    /// An event stream in these pieces; each is one piece of the body, wherever it splits characters or events.
    pub(super) fn stream<P: AsRef<[u8]>>(pieces: &[P]) -> Self {
        Self {
            head: "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n".to_owned(),
            pieces: pieces.iter().map(|piece| piece.as_ref().to_vec()).collect(),
            end: End::Proper,
        }
    }

    /// An event stream of these data lines, ended by `[DONE]`.
    pub(super) fn events(data: &[&str]) -> Self {
        let mut pieces: Vec<String> = data.iter().map(|data| format!("data: {data}\n\n")).collect();
        pieces.push("data: [DONE]\n\n".to_owned());
        Self::stream(&pieces)
    }

    /// A status, headers (each ended by CRLF) and a body.
    pub(super) fn status(status: &str, headers: &str, body: &str) -> Self {
        Self { head: format!("HTTP/1.1 {status}\r\n{headers}"), pieces: vec![body.into()], end: End::Proper }
    }

    pub(super) fn ending(mut self, end: End) -> Self {
        self.end = end;
        self
    }
}

/// The server, and what it was asked.
pub(super) struct Server {
    pub(super) port: u16,
    requests: Arc<Mutex<Vec<(String, Value)>>>,
    closed: mpsc::UnboundedReceiver<()>,
}

impl Server {
    /// Answers one request after the other with these replies, each on a connection of its own.
    pub(super) async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let (on_close, closed) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            for reply in replies {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                seen.lock().unwrap().push(request);
                serve(&mut stream, &reply).await;
                if matches!(reply.end, End::Hold) {
                    // Ends when the client closes.
                    let mut rest = [0; 16];
                    while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
                    let _ = on_close.send(());
                }
            }
        });
        Self { port, requests, closed }
    }

    /// The head and the body of each request so far.
    pub(super) fn requests(&self) -> Vec<(String, Value)> {
        self.requests.lock().unwrap().clone()
    }

    /// Waits until the client has closed a held connection.
    pub(super) async fn client_closed(&mut self) {
        tokio::time::timeout(Duration::from_secs(5), self.closed.recv())
            .await
            .expect("the client closes")
            .unwrap();
    }

    pub(super) fn config(&self) -> ModelConfig {
        ModelConfig {
            base_url: format!("http://127.0.0.1:{}/v1", self.port),
            model: "test-model".into(),
            key: Some(SecretString::from(KEY)),
            timeouts: Timeouts { busy: Duration::from_secs(3), ..Timeouts::default() },
        }
    }

    pub(super) fn model(&self) -> Model {
        Model::new(self.config()).unwrap()
    }
}

/// The key that no message may show.
pub(super) const KEY: &str = "sk-test-0123456789abcdef";

async fn read_request(stream: &mut TcpStream) -> (String, Value) {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length: usize = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
                .unwrap();
            if body.len() >= length {
                return (head.to_owned(), serde_json::from_str(body).unwrap());
            }
        }
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "the client closed early");
    }
}

async fn serve(stream: &mut TcpStream, reply: &Reply) {
    stream.set_nodelay(true).unwrap();
    let mut out =
        format!("{}transfer-encoding: chunked\r\nconnection: close\r\n\r\n", reply.head).into_bytes();
    for piece in reply.pieces.iter().filter(|piece| !piece.is_empty()) {
        // One HTTP chunk a piece: the reader gets them one by one, however TCP joins them.
        out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        out.extend_from_slice(piece);
        out.extend_from_slice(b"\r\n");
    }
    if matches!(reply.end, End::Proper) {
        out.extend_from_slice(b"0\r\n\r\n");
    }
    // A client that has heard enough closes early, which is no fault of the test.
    let _ = stream.write_all(&out).await;
}

/// Asks once, and returns the answer with everything that was streamed.
pub(super) async fn ask(model: &Model) -> (Result<Turn, ModelError>, Vec<ModelEvent>) {
    let (on, mut events) = mpsc::channel(1000);
    let messages = [ChatMessage::System("You help.".into()), ChatMessage::User("Redeploy".into())];
    let tools = Tool::specs();
    let answer = model.answer(&messages, &tools, CancellationToken::new(), on);
    let result =
        tokio::time::timeout(Duration::from_secs(20), answer).await.expect("an answer or an error in time");
    let mut seen = Vec::new();
    while let Ok(event) = events.try_recv() {
        seen.push(event);
    }
    (result, seen)
}

/// Asks a server that answers with this once.
pub(super) async fn ask_once(reply: Reply) -> (Result<Turn, ModelError>, Vec<ModelEvent>) {
    let server = Server::start(vec![reply]).await;
    ask(&server.model()).await
}

/// The error of a server that answers with this once, in words. No error may show the key.
pub(super) async fn error_of(reply: Reply) -> String {
    let (result, _) = ask_once(reply).await;
    let error = result.expect_err("it is an error");
    assert!(!format!("{error} {error:?}").contains(KEY), "{error:?}");
    error.to_string()
}

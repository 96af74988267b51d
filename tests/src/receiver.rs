//! An HTTP server that takes what webhooks are sent, and answers as a test wants.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};

use crate::app::PATIENCE;

/// How a request is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// With this status, and these further header lines.
    Status(u16, &'static str),
    /// Not at all; the connection stays open.
    Hangs,
    /// Not at all; the connection is closed.
    Closes,
}

/// What was sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// Such as `/hook`.
    pub path: String,
    /// Its headers, with small names.
    pub headers: BTreeMap<String, String>,
    /// Its body, byte for byte.
    pub body: Vec<u8>,
}

impl Request {
    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// A running server; it ends with the test.
pub struct Receiver {
    /// Its address: `http://127.0.0.1:port`.
    pub base: String,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    requests: mpsc::UnboundedReceiver<Request>,
}

impl Receiver {
    /// Starts a server that gives these answers, one after another, and 200 from then on.
    pub async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("its address"));
        let answers = Arc::new(Mutex::new(answers.into_iter().collect::<VecDeque<_>>()));
        let (sender, requests) = mpsc::unbounded_channel();
        let next = answers.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, next.clone(), sender.clone()));
            }
        });
        Self { base, answers, requests }
    }

    /// Waits for the next request.
    pub async fn next(&mut self) -> Request {
        timeout(PATIENCE, self.requests.recv()).await.expect("a request comes").expect("the server runs")
    }

    /// Whether nothing more was sent so far.
    pub fn is_quiet(&mut self) -> bool {
        self.requests.try_recv().is_err()
    }

    /// Answers the next request like this.
    pub fn then(&self, answer: Answer) {
        self.answers.lock().expect("answers").push_back(answer);
    }
}

async fn serve(
    mut stream: TcpStream,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    requests: mpsc::UnboundedSender<Request>,
) {
    let Some(request) = read(&mut stream).await else { return };
    let answer = answers.lock().expect("answers").pop_front().unwrap_or(Answer::Status(200, ""));
    let _ = requests.send(request);
    match answer {
        Answer::Status(status, headers) => {
            let text = format!(
                "HTTP/1.1 {status} Said\r\n{headers}Connection: close\r\nContent-Length: 2\r\n\r\nok"
            );
            let _ = stream.write_all(text.as_bytes()).await;
        }
        Answer::Hangs => {
            // Until the other side gives up.
            let _ = stream.read(&mut [0]).await;
        }
        Answer::Closes => {}
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).expect("text");
    let mut lines = head.split("\r\n");
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length")?.parse().ok()?;
    let mut body = bytes[end + 4..].to_vec();
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Request { path, headers, body })
}

//! A mail server that keeps what it is sent (as much of RFC 5321 and RFC 4954 as senders need).

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};

use crate::app::PATIENCE;

/// A mail as it came.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    /// What followed `AUTH PLAIN`.
    pub login: Option<String>,
    /// The sender of the envelope.
    pub from: String,
    /// The receivers of the envelope.
    pub to: Vec<String>,
    /// Headers and text.
    pub text: String,
}

/// A running server; it ends with the test.
pub struct MailServer {
    /// Its port on 127.0.0.1.
    pub port: u16,
    mails: mpsc::UnboundedReceiver<Mail>,
}

impl MailServer {
    /// Starts a server that answers the ends of mails like this, one after another, and takes all after that.
    pub async fn start(answers: impl IntoIterator<Item = &'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let answers = Arc::new(Mutex::new(answers.into_iter().collect::<VecDeque<_>>()));
        let (sender, mails) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, sender) = (answers.clone(), sender.clone());
                tokio::spawn(async move {
                    // A client that leaves in the middle has sent nothing.
                    let _ = serve(stream, &answers, &sender).await;
                });
            }
        });
        Self { port, mails }
    }

    /// Waits for the next mail.
    pub async fn next(&mut self) -> Mail {
        timeout(PATIENCE, self.mails.recv()).await.expect("a mail comes").expect("the server runs")
    }
}

async fn serve(
    stream: TcpStream,
    answers: &Mutex<VecDeque<&'static str>>,
    mails: &mpsc::UnboundedSender<Mail>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut mail = Mail::default();
    stream.write_all(b"220 mail.test ESMTP\r\n").await?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let answer = match line.split(' ').next().unwrap_or_default().to_ascii_uppercase().as_str() {
            "EHLO" => "250-mail.test\r\n250-8BITMIME\r\n250 AUTH PLAIN".to_owned(),
            "AUTH" => {
                mail.login = line.rsplit_once(' ').map(|(_, login)| login.to_owned());
                "235 2.7.0 fine".to_owned()
            }
            "MAIL" => {
                mail.from = address(line);
                "250 2.1.0 fine".to_owned()
            }
            "RCPT" => {
                mail.to.push(address(line));
                "250 2.1.5 fine".to_owned()
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                loop {
                    let mut line = String::new();
                    if stream.read_line(&mut line).await? == 0 {
                        return Ok(());
                    }
                    if line == ".\r\n" {
                        break;
                    }
                    mail.text.push_str(line.strip_prefix('.').unwrap_or(&line));
                }
                let answer = answers.lock().expect("answers").pop_front().unwrap_or("250 2.0.0 taken");
                let _ = mails.send(std::mem::take(&mut mail));
                answer.to_owned()
            }
            "QUIT" => {
                stream.write_all(b"221 2.0.0 bye\r\n").await?;
                return Ok(());
            }
            "NOOP" | "RSET" => "250 2.0.0 fine".to_owned(),
            _ => "502 5.5.1 unknown".to_owned(),
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
}

fn address(line: &str) -> String {
    let inner = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map(|(address, _)| address.to_owned()).unwrap_or_default()
}

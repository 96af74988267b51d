//! A mail, by SMTP (RFC 5321).

use std::time::Duration;

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    message::{
        Mailbox, Mailboxes,
        header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0},
    },
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};

use super::{
    Attempt,
    message::Message,
    text::{cut, one_line},
};

/// How long each command to the server may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How much of a refusal is told.
const SAID: usize = 200;

/// A mail server, with the secrets in it.
pub(super) struct Server {
    pub(super) smtp: String,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
}

/// Where a mail server is.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    host: String,
    port: u16,
    /// TLS from the first byte on.
    tls: bool,
}

impl Address {
    fn parse(text: &str) -> Option<Self> {
        let (tls, rest) = match text.strip_prefix("smtps://") {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix("smtp://")?),
        };
        let rest = rest.trim_end_matches('/');
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':')?)),
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        // RFC 8314 for submission, with TLS from the first byte on and without.
        let port = port.map_or(Ok(if tls { 465 } else { 587 }), str::parse).ok()?;
        (!host.is_empty() && !host.contains('@')).then(|| Self { host: host.to_owned(), port, tls })
    }

    /// Whether what is sent there stays on this machine.
    fn is_here(&self) -> bool {
        self.host == "localhost"
            || self.host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
    }
}

/// The mail, made so that no text in it can become a header or another receiver.
pub(super) fn mail(message: &Message, from: &str, to: &[String]) -> Result<lettre::Message, String> {
    let mailbox = |address: &str| -> Result<Mailbox, String> {
        one_line(address)
            .parse()
            .map_err(|_| format!("`{}` is no mail address", cut(&one_line(address), SAID)))
    };
    let from = mailbox(from)?;
    let to = to.iter().map(|to| mailbox(to)).collect::<Result<Mailboxes, _>>()?;
    let domain = from.email.domain().to_owned();
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    let delivery = HeaderName::new_from_ascii_str("X-Steadyhand-Delivery");
    lettre::Message::builder()
        .from(from)
        .mailbox(lettre::message::header::To::from(to))
        .subject(message.title())
        // The same for each attempt: a mail that came twice is seen to be one.
        .message_id(Some(format!("<{}@{domain}>", message.id)))
        // RFC 3834: nobody's absence is answered to this.
        .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
        .raw_header(HeaderValue::new(delivery, message.id.to_string()))
        .header(MIME_VERSION_1_0)
        .header(ContentType::TEXT_PLAIN)
        .body(message.plain())
        .map_err(|error| format!("the mail cannot be made: {error}"))
}

pub(super) async fn send(server: &Server, mail: lettre::Message) -> Attempt {
    let Some(address) = Address::parse(&server.smtp) else {
        return Attempt::refused(
            "the address of its mail server cannot be used; write smtps://mail.example.com:465",
        );
    };
    let transport = match transport(server, &address) {
        Ok(transport) => transport,
        Err(problem) => return Attempt::later(problem),
    };
    match transport.send(mail).await {
        Ok(_) => Attempt::Delivered,
        Err(error) => {
            let said = cut(&one_line(&innermost(&error)), SAID);
            if error.is_permanent() {
                Attempt::refused(format!("the mail server refused it: {said}"))
            } else if error.is_transient() {
                Attempt::later(format!("the mail server does not take it now: {said}"))
            } else if error.is_timeout() {
                Attempt::later("the mail server gave no answer in time")
            } else if error.is_client() {
                // Also that a password would have to be sent in the open.
                Attempt::refused(format!("the mail server cannot be used: {said}"))
            } else {
                Attempt::later(format!("the mail server could not be reached: {said}"))
            }
        }
    }
}

fn transport(server: &Server, address: &Address) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let parameters = || {
        TlsParameters::new(address.host.clone()).map_err(|error| format!("TLS cannot be used here: {error}"))
    };
    let tls = if address.tls {
        Tls::Wrapper(parameters()?)
    } else if address.is_here() {
        Tls::None
    } else if server.password.is_some() {
        // A password is never sent in the open.
        Tls::Required(parameters()?)
    } else {
        Tls::Opportunistic(parameters()?)
    };
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&address.host)
        .port(address.port)
        .tls(tls)
        .timeout(Some(TIMEOUT));
    if let (Some(user), Some(password)) = (&server.user, &server.password) {
        transport = transport.credentials(Credentials::new(user.clone(), password.clone()));
    }
    Ok(transport.build())
}

fn innermost(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(inner) => innermost(inner),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn the_address_of_a_mail_server_says_port_and_tls() {
        let check = |text: &str, expected: Option<(&str, u16, bool, bool)>| {
            let address = Address::parse(text);
            let found = address
                .as_ref()
                .map(|address| (address.host.as_str(), address.port, address.tls, address.is_here()));
            assert_eq!(found, expected, "{text}");
        };
        check("smtps://mail.example.com", Some(("mail.example.com", 465, true, false)));
        check("smtp://mail.example.com/", Some(("mail.example.com", 587, false, false)));
        check("smtp://127.0.0.1:2525", Some(("127.0.0.1", 2525, false, true)));
        check("smtp://[::1]:25", Some(("::1", 25, false, true)));
        check("smtp://localhost", Some(("localhost", 587, false, true)));
        check("smtp://a@b", None);
        check("mail.example.com", None);
        check("smtp://x:y", None);
    }
}

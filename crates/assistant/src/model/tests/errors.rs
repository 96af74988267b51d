//! What goes wrong, and whether it is said so that a person knows what to do.

use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::net::TcpListener;

use super::{
    super::{Model, ModelConfig, ModelError, ModelEvent, Timeouts},
    server::{End, KEY, Reply, Server, ask, ask_once, error_of},
};

const JSON: &str = "content-type: application/json\r\n";
const HALF: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n";

#[tokio::test]
async fn a_stream_that_ends_before_it_finished_was_cut_off() {
    let broken_json = format!("{HALF}data: {{\"choices\":[{{\"del");
    for (stream, end) in [
        (HALF.to_owned(), End::Proper),
        (HALF.to_owned(), End::Cut),
        (format!("{HALF}data: [DONE]\n\n"), End::Proper),
        (broken_json.clone(), End::Proper),
        (broken_json, End::Cut),
    ] {
        let (result, seen) = ask_once(Reply::stream(&[&stream]).ending(end)).await;
        let error = result.unwrap_err();
        assert!(matches!(&error, ModelError::CutOff { .. }), "{stream:?}: {error:?}");
        assert_eq!(error.text_so_far(), "half");
        assert_eq!(seen, [ModelEvent::Text("half".into())]);
        assert!(error.to_string().contains("cut the answer off in the middle"), "{error}");
    }
}

#[tokio::test]
async fn silence_between_pieces_is_an_error_that_says_how_long() {
    let mut server = Server::start(vec![Reply::stream(&[HALF]).ending(End::Hold)]).await;
    let timeouts = Timeouts { idle: Duration::from_millis(1200), ..Timeouts::default() };
    let model = Model::new(ModelConfig { timeouts, ..server.config() }).unwrap();
    let error = ask(&model).await.0.unwrap_err();
    assert!(error.to_string().contains("sent nothing for 1 s"), "{error}");
    assert_eq!(error.text_so_far(), "half");
    server.client_closed().await;
}

#[tokio::test]
async fn silence_before_the_first_byte_is_an_error_too() {
    // Accepts connections and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let timeouts = Timeouts { first_byte: Duration::from_millis(1100), ..Timeouts::default() };
    let model = Model::new(ModelConfig { base_url, model: "m".into(), key: None, timeouts }).unwrap();
    let error = ask(&model).await.0.unwrap_err();
    assert!(matches!(error, ModelError::Silent { .. }), "{error:?}");
}

#[tokio::test]
async fn an_error_inside_a_successful_stream_is_told() {
    for data in [
        r#"{"error":{"message":"the model crashed","code":500}}"#,
        r#"{"error":"the model crashed"}"#,
        r#"{"object":"error","message":"the model crashed"}"#,
    ] {
        let (result, _) = ask_once(Reply::stream(&[format!("{HALF}event: error\ndata: {data}\n\n")])).await;
        let error = result.unwrap_err();
        assert!(
            error.to_string().contains("reported an error while answering: the model crashed"),
            "{error}"
        );
        assert_eq!(error.text_so_far(), "half");
    }
}

#[tokio::test]
async fn a_piece_that_is_no_json_is_told_and_never_shows_the_key() {
    for rest in ["data: {}\n\n", "data: [DONE]\n\n"] {
        let error = error_of(Reply::stream(&[format!("{HALF}data: you sent {KEY}\n\n{rest}")])).await;
        assert!(error.contains("cut the answer off"), "{error}");
    }
    let error = error_of(Reply::status("200 OK", JSON, &format!("you sent {KEY}"))).await;
    assert!(!error.is_empty());
}

#[tokio::test]
async fn an_error_object_with_status_200_is_told() {
    let error =
        error_of(Reply::status("200 OK", JSON, r#"{"error":{"message":"no such deployment"}}"#)).await;
    assert!(error.contains("no such deployment"), "{error}");
}

#[tokio::test]
async fn a_refused_key_says_so_and_never_shows_it() {
    let body = format!(r#"{{"error":{{"message":"Incorrect API key provided: {KEY}."}}}}"#);
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let error = error_of(Reply::status(status, JSON, &body)).await;
        assert!(error.contains("refused the key"), "{error}");
        assert!(
            error.contains("Incorrect API key provided: [key]; check the key in the settings"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_missing_key_asks_for_one() {
    let server = Server::start(vec![Reply::status("401 Unauthorized", JSON, "{}")]).await;
    let model = Model::new(ModelConfig { key: None, ..server.config() }).unwrap();
    let error = ask(&model).await.0.unwrap_err().to_string();
    assert!(error.contains("enter a key in the settings"), "{error}");
    assert!(!server.requests()[0].0.contains("authorization"), "no key, no header");
}

#[tokio::test]
async fn an_unknown_model_is_told_from_a_wrong_address() {
    let unknown = r#"{"error":{"message":"model 'test-model' not found, try pulling it first"}}"#;
    let error = error_of(Reply::status("404 Not Found", JSON, unknown)).await;
    assert!(error.contains("doesn't know the model test-model"), "{error}");

    let server = Server::start(vec![Reply::status("404 Not Found", JSON, r#"{"detail":"Not Found"}"#)]).await;
    let base_url = format!("http://127.0.0.1:{}", server.port);
    let model = Model::new(ModelConfig { base_url: base_url.clone(), ..server.config() }).unwrap();
    let error = ask(&model).await.0.unwrap_err().to_string();
    assert!(error.contains("doesn't know this address"), "{error}");
    assert!(error.contains(&format!("try {base_url}/v1")), "{error}");
}

#[tokio::test]
async fn a_web_page_is_no_endpoint() {
    let html = "content-type: text/html; charset=utf-8\r\n";
    for status in ["200 OK", "404 Not Found", "400 Bad Request"] {
        // A refusal is asked a second time without the token count.
        let page = || Reply::status(status, html, "<!DOCTYPE html><html><body>Welcome</body></html>");
        let server = Server::start(vec![page(), page()]).await;
        let base_url = format!("http://127.0.0.1:{}", server.port);
        let model = Model::new(ModelConfig { base_url, ..server.config() }).unwrap();
        let error = ask(&model).await.0.unwrap_err().to_string();
        assert!(error.contains("doesn't look like an OpenAI-compatible endpoint"), "{status}: {error}");
        assert!(error.contains("a web page") && error.contains("/v1"), "{status}: {error}");
    }
}

#[tokio::test]
async fn json_of_another_kind_is_no_endpoint() {
    let error = error_of(Reply::status("200 OK", JSON, r#"{"hello":"world"}"#)).await;
    assert!(error.contains("doesn't look like an OpenAI-compatible endpoint"), "{error}");
}

#[tokio::test]
async fn a_redirect_names_the_address_to_use() {
    let location = "location: https://models.example.com/v1/chat/completions\r\n";
    let error = error_of(Reply::status("308 Permanent Redirect", location, "")).await;
    assert!(error.contains("use the address it points to: https://models.example.com/v1"), "{error}");
}

#[tokio::test]
async fn a_busy_server_is_waited_for_and_the_wait_is_told() {
    let done = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\n";
    let busy = r#"{"error":{"message":"slow down"}}"#;
    let server = Server::start(vec![
        Reply::status("429 Too Many Requests", "retry-after: 1\r\n", busy),
        Reply::stream(&[done]),
    ])
    .await;
    let begun = Instant::now();
    let (result, seen) = ask(&server.model()).await;
    assert_eq!(result.unwrap().text, "hi");
    assert_eq!(seen, [ModelEvent::Waiting { seconds: 1 }, ModelEvent::Text("hi".into())]);
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_longer_wait_is_an_error_that_says_when() {
    let busy = r#"{"error":{"message":"slow down"}}"#;
    let error = error_of(Reply::status("429 Too Many Requests", "retry-after: 600\r\n", busy)).await;
    assert!(error.contains("slow down; try again in 10 minutes"), "{error}");
    let dates = "date: Sat, 21 Nov 2026 12:00:00 GMT\r\nretry-after: Sat, 21 Nov 2026 12:01:00 GMT\r\n";
    let error = error_of(Reply::status("429 Too Many Requests", dates, "")).await;
    assert!(error.contains("try again in 60 seconds"), "{error}");
}

#[tokio::test]
async fn a_server_that_stays_busy_is_asked_three_times_only() {
    let busy = || Reply::status("429 Too Many Requests", "retry-after-ms: 5\r\n", "");
    let server = Server::start(vec![busy(), busy(), busy(), busy()]).await;
    let (result, seen) = ask(&server.model()).await;
    assert!(matches!(result, Err(ModelError::RateLimited { .. })), "{result:?}");
    assert_eq!(seen.len(), 2);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn no_credit_is_not_waited_for() {
    let body = r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#;
    let error = error_of(Reply::status("429 Too Many Requests", "retry-after: 1\r\n", body)).await;
    assert!(error.contains("no credit left"), "{error}");
}

#[tokio::test]
async fn a_failing_server_is_named_with_its_status_and_words() {
    let error = error_of(Reply::status("500 Internal Server Error", "", "CUDA out of memory.\n")).await;
    assert!(error.contains("failed (500): CUDA out of memory; try again in a minute"), "{error}");
    let html = "content-type: text/html\r\n";
    let error = error_of(Reply::status("502 Bad Gateway", html, "<html>nginx</html>")).await;
    assert!(error.contains("failed (502); try again"), "{error}");
}

#[tokio::test]
async fn a_long_message_of_a_server_is_shortened() {
    let error = error_of(Reply::status("500 Internal Server Error", "", &"x ".repeat(100_000))).await;
    assert!(error.len() < 600, "{} bytes", error.len());
}

#[tokio::test]
async fn where_nothing_listens_the_error_says_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = unreachable(&format!("http://{address}/v1")).await;
    assert!(error.contains("connection refused") && error.contains("start the model server"), "{error}");
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_told() {
    let error = unreachable("http://no-such-host.invalid/v1").await;
    assert!(error.contains("the name can't be found") && error.contains("spelling"), "{error}");
}

#[tokio::test]
async fn tls_against_a_plain_server_is_told() {
    let server = Server::start(Vec::new()).await;
    // The server closes, or answers something that is no TLS; here it is given something that is none.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 64]).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    });
    let error = unreachable(&format!("https://127.0.0.1:{port}/v1")).await;
    assert!(error.contains("no secure connection") && error.contains("http://"), "{error}");
    drop(server);
}

#[tokio::test]
async fn an_address_that_holds_a_password_or_key_is_shown_without() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = unreachable(&format!("http://user:hunter22@127.0.0.1:{port}/v1?key={KEY}")).await;
    assert!(!error.contains("hunter22"), "{error}");
}

async fn unreachable(base_url: &str) -> String {
    let config = ModelConfig {
        base_url: base_url.into(),
        model: "m".into(),
        key: Some(SecretString::from(KEY)),
        timeouts: Timeouts::default(),
    };
    let error = ask(&Model::new(config).unwrap()).await.0.unwrap_err();
    assert!(matches!(error, ModelError::Unreachable { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains(KEY), "{error:?}");
    error.to_string()
}

#[test]
fn settings_that_cannot_work_are_refused_at_once() {
    let check = |base_url: &str, model: &str, key: &str, expected: &str| {
        let key = Some(SecretString::from(key));
        let config = ModelConfig {
            base_url: base_url.into(),
            model: model.into(),
            key,
            timeouts: Timeouts::default(),
        };
        let error = Model::new(config).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("", "m", "k", "the address is missing");
    check("ftp://models.example.com", "m", "k", "ftp:// is not http:// or https://");
    check("http://", "m", "k", "the address is not one");
    check("http://localhost/v1", " ", "k", "the model's name is missing");
    check("http://localhost/v1", "m", "line\nbreak", "characters that no key has");
}

#[test]
fn addresses_are_read_as_people_write_them() {
    let check = |written: &str, expected: &str| {
        let config = ModelConfig { base_url: written.into(), model: "m".into(), ..ModelConfig::default() };
        assert_eq!(Model::new(config).unwrap().address(), expected, "{written}");
    };
    check(" http://localhost:11434/v1/ ", "http://localhost:11434/v1");
    check("localhost:1234/v1", "http://localhost:1234/v1");
    check("api.example.com/v1", "https://api.example.com/v1");
    check("https://api.example.com/v1/chat/completions", "https://api.example.com/v1");
}

#[test]
fn a_model_prints_without_its_key() {
    let key = Some(SecretString::from(KEY));
    let config = ModelConfig {
        base_url: format!("http://u:{KEY}@localhost/v1?key={KEY}"),
        model: "m".into(),
        key,
        timeouts: Timeouts::default(),
    };
    let model = Model::new(ModelConfig { base_url: "http://localhost/v1".into(), ..config.clone() }).unwrap();
    assert!(!format!("{config:?} {model:?}").contains(KEY), "{config:?} {model:?}");
}

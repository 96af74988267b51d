//! "Deploy https://… to web1": what is to be deployed, and where to, read from a message as it was written, since addresses
//! are case-sensitive.

use steadyhand_plan::parse_host;

use super::{
    Context, Intent,
    read::{NEGATIONS, POLITE, SCHEDULED, WONDERING},
    words::fold,
};

/// Something to deploy that the project does not deploy yet, as far as it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeployment {
    /// What it is.
    pub origin: Origin,
    /// The branch, tag or commit.
    pub branch: Option<String>,
    /// The folder of the application in its repository.
    pub path: Option<String>,
    /// Where to: the name of a host of the plan, or an address.
    pub to: Option<String>,
    /// The folders to choose from, when it was asked which application is meant.
    pub choices: Vec<String>,
}

/// What is to be deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The address of a git repository.
    Git(String),
    /// An image of a registry.
    Image(String),
}

impl Origin {
    /// A repository, when that is the address of one.
    #[must_use]
    pub fn repository(address: &str) -> Option<Self> {
        repository(address).map(Self::Git)
    }

    /// An image, when that can be the name of one.
    #[must_use]
    pub fn image(name: &str) -> Option<Self> {
        image(name, "image").map(Self::Image)
    }

    /// The repository or the image, without a password that may be in its address.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Image(image) => image.clone(),
            Self::Git(address) => {
                match address.split_once("://").map(|(scheme, rest)| (scheme, rest.split_once('@'))) {
                    // A name at SSH is no secret; a password after it is one.
                    Some((scheme, Some((user, rest))))
                        if !user.contains('/')
                            && (!scheme.eq_ignore_ascii_case("ssh") || user.contains(':')) =>
                    {
                        format!("{scheme}://{rest}")
                    }
                    _ => address.clone(),
                }
            }
        }
    }
}

impl NewDeployment {
    pub(super) fn in_words(&self) -> String {
        let to = self.to.as_ref().map(|to| format!(" to {to}")).unwrap_or_default();
        format!("draft the plan that deploys {}{to}", self.origin.shown())
    }
}

/// Words that a request begins with.
const VERBS: [&str; 20] = [
    "deploy",
    "redeploy",
    "install",
    "publish",
    "release",
    "ship",
    "launch",
    "deploye",
    "deployer",
    "despliega",
    "installiere",
    "host",
    "put",
    "run",
    "serve",
    "start",
    "bring",
    "get",
    "push",
    "set",
];
/// So many of them, the first ones, are said of nothing else than a deployment.
const SURE_VERBS: usize = 11;
/// Words that change nothing about it.
const FILLERS: [&str; 74] = [
    "please",
    "kindly",
    "thanks",
    "thank",
    "you",
    "now",
    "can",
    "could",
    "would",
    "will",
    "i",
    "we",
    "want",
    "like",
    "need",
    "us",
    "let",
    "lets",
    "the",
    "my",
    "our",
    "this",
    "that",
    "a",
    "an",
    "its",
    "it",
    "app",
    "apps",
    "application",
    "repo",
    "repository",
    "project",
    "code",
    "source",
    "git",
    "from",
    "at",
    "of",
    "in",
    "hey",
    "hi",
    "hello",
    "ok",
    "okay",
    "and",
    "just",
    "new",
    "server",
    "container",
    "docker",
    "website",
    "site",
    "webapp",
    "web",
    "service",
    "here",
    "out",
    "up",
    "live",
    "online",
    "for",
    "me",
    "to",
    "on",
    "onto",
    "host",
    "machine",
    "vps",
    "box",
    "bitte",
    "die",
    "auf",
    "image",
];
/// Words after which it is said where to.
const TOWARDS: [&str; 5] = ["to", "on", "onto", "at", "auf"];
/// What may stand between such a word and the server.
const ARTICLES: [&str; 11] =
    ["my", "the", "our", "a", "server", "host", "machine", "vps", "box", "called", "at"];
/// Services that hold repositories, of which an address needs no scheme.
const FORGES: [&str; 4] = ["github.com/", "gitlab.com/", "bitbucket.org/", "codeberg.org/"];
/// Longer messages than this are no plain request.
const MOST_WORDS: usize = 40;

/// A request to deploy a repository or an image; `None` when the message names neither.
pub(super) fn request(text: &str, context: &Context) -> Option<Intent> {
    let tokens: Vec<&str> = text.split_whitespace().map(bare).filter(|token| !token.is_empty()).collect();
    if tokens.len() > MOST_WORDS {
        return None;
    }
    let (at, origin) = tokens.iter().enumerate().find_map(|(at, token)| {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before)).map(|word| fold(word));
        let before = before.as_deref().unwrap_or_default();
        let origin =
            repository(token).map(Origin::Git).or_else(|| image(token, before).map(Origin::Image))?;
        // "deploy to https://shop.example.com" says where to.
        (!TOWARDS.contains(&before) || before == "at").then_some((at, origin))
    })?;
    let mut request = NewDeployment { origin, branch: None, path: None, to: None, choices: Vec::new() };
    let mut rest: Vec<String> = Vec::new();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        let word = fold(token);
        let next = tokens.get(index + 1).filter(|_| index + 1 != at);
        let mut taken = 1;
        match (word.as_str(), next) {
            _ if index == at => {}
            ("branch" | "tag" | "commit", Some(name)) if is_name(name) => {
                request.branch = Some((*name).to_owned());
                taken = 2;
            }
            (_, Some(next))
                if fold(next) == "branch" && is_name(token) && !FILLERS.contains(&word.as_str()) =>
            {
                request.branch = Some((*token).to_owned());
                taken = 2;
            }
            ("folder" | "directory" | "path" | "subfolder", Some(path)) if is_name(path) => {
                request.path = Some(path.trim_matches('/').to_owned());
                taken = 2;
            }
            (towards, _) if TOWARDS.contains(&towards) => {
                let (place, words) = place(&tokens, index + 1, at, context);
                if let Some(place) = place {
                    request.to = Some(place);
                }
                taken += words;
            }
            ("staging" | "production", _) => return None,
            _ => rest.push(word),
        }
        index += taken;
    }
    let said = rest.join(" ");
    let has_any = |words: &[&str]| rest.iter().any(|word| words.contains(&word.as_str()));
    let called_image = rest.iter().any(|word| word == "image");
    if !is_surely_a_source(&request.origin, called_image) && !has_any(&VERBS[..SURE_VERBS]) {
        // "run /opt/shop/backup.sh", "get https://shop.example.com/health", "is localhost:3000 up".
        return None;
    }
    let deploy = Intent::Deploy(request);
    let plain = rest.iter().all(|word| FILLERS.contains(&word.as_str()) || VERBS.contains(&word.as_str()));
    let asks = text.trim_end().ends_with('?') && !POLITE.is_match(&said);
    if NEGATIONS.is_match(&said) || WONDERING.is_match(&said) || SCHEDULED.is_match(&said) {
        // "How do I deploy …?", "don't deploy …": what other rules say of it.
        return None;
    }
    let has_verb = has_any(&VERBS);
    Some(if plain && has_verb && !asks { deploy } else { Intent::AskBack { did_you_mean: Box::new(deploy) } })
}

/// Whether an origin can be nothing else. Any path may be that of a file, any address that of a page, and a word with a number that of
/// a server, unless the word “image” stands before it.
fn is_surely_a_source(origin: &Origin, called_image: bool) -> bool {
    let Origin::Git(address) = origin else { return called_image };
    let bare = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
    let host = bare.rsplit_once('@').map_or(bare, |(_, host)| host);
    address.trim_end_matches('/').ends_with(".git")
        || FORGES.iter().any(|forge| host.starts_with(forge) || host.starts_with(&forge.replace('/', ":")))
        || (!address.contains("://") && !address.starts_with('/'))
}

/// The answer to a question about a request: the server, or the folder of the application.
pub(super) fn answer(text: &str, context: &Context) -> Option<Intent> {
    let Some(Intent::Deploy(asked)) = &context.asked else { return None };
    let tokens: Vec<&str> = text.split_whitespace().map(bare).filter(|token| !token.is_empty()).collect();
    let skip = tokens
        .iter()
        .take_while(|token| {
            let word = fold(token);
            TOWARDS.contains(&word.as_str())
                || ARTICLES.contains(&word.as_str())
                || ["use", "take", "in", "it", "is"].contains(&word.as_str())
        })
        .count();
    let tokens = &tokens[skip.min(tokens.len().saturating_sub(1))..];
    let said = match tokens {
        [one] => *one,
        [one, please] if fold(please) == "please" => *one,
        _ => return None,
    };
    if let Some(path) =
        asked.choices.iter().find(|path| **path == said.trim_matches('/') || last_of(path) == said)
    {
        return Some(Intent::Deploy(NewDeployment {
            path: Some(path.clone()),
            choices: Vec::new(),
            ..asked.clone()
        }));
    }
    let to = known(said, context).or_else(|| is_address(said).then(|| said.to_owned()))?;
    Some(Intent::Deploy(NewDeployment { to: Some(to), ..asked.clone() }))
}

fn last_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The server that is named from a token on, and how many tokens name it. None is named by "my server".
fn place(tokens: &[&str], from: usize, source: usize, context: &Context) -> (Option<String>, usize) {
    let mut index = from;
    while let Some(token) = tokens.get(index).filter(|_| index != source) {
        let word = fold(token);
        if let Some(known) = known(token, context) {
            return (Some(known), index + 1 - from);
        }
        if is_address(token) {
            return (Some((*token).to_owned()), index + 1 - from);
        }
        if !ARTICLES.contains(&word.as_str()) {
            // "to web9": whether there is one is told by who knows the plan.
            let is_word = !FILLERS.contains(&word.as_str()) && is_name(token) && repository(token).is_none();
            return if is_word {
                (Some((*token).to_owned()), index + 1 - from)
            } else {
                (None, index - from)
            };
        }
        index += 1;
    }
    (None, index - from)
}

/// A host or a group of the plan.
fn known(token: &str, context: &Context) -> Option<String> {
    context.places.iter().find(|place| fold(place) == fold(token)).cloned()
}

/// Whether a word is the address of a server rather than a name: with a user, or of numbers, or with a domain.
fn is_address(token: &str) -> bool {
    let Ok(host) = parse_host(token) else { return false };
    host.user.is_some() || host.address.contains(':') || host.address.contains('.')
}

/// A word without what stands around it in a sentence.
fn bare(token: &str) -> &str {
    let token = token.trim_matches(|c: char| "\"'`“”‘’«»<>(),;!?".contains(c));
    token.strip_suffix(['.', ':']).unwrap_or(token)
}

fn is_name(token: &str) -> bool {
    !token.starts_with('-')
        && !token.is_empty()
        && token.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '@' | '+' | '#'))
}

/// The address of a git repository.
fn repository(token: &str) -> Option<String> {
    let printable = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !"'\"`$\\;|&<>(){}".contains(c))
    };
    if !printable(token) || token.starts_with('-') {
        return None;
    }
    if let Some((scheme, rest)) = token.split_once("://") {
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let has_path = !path.trim_matches('/').is_empty();
        let fits = match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" | "ssh" | "git" => has_path && !host.is_empty() && !host.starts_with('-'),
            "file" => has_path,
            _ => false,
        };
        return fits.then(|| token.to_owned());
    }
    if let Some(rest) = FORGES.iter().find_map(|forge| token.strip_prefix(forge)) {
        return (rest.split('/').filter(|part| !part.is_empty()).count() >= 2)
            .then(|| format!("https://{token}"));
    }
    if let Some((host, path)) = token.split_once(':') {
        // `git@host:path`, and not `user@host:22`.
        let names = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let (user, host) = host.split_once('@')?;
        let is_path = path.chars().any(|c| !c.is_ascii_digit());
        let fits = is_path
            && !user.is_empty()
            && !host.is_empty()
            && host.chars().all(names)
            && user.chars().all(names);
        return fits.then(|| token.to_owned());
    }
    let is_path = token.starts_with('/') && token.trim_matches('/').len() > 1 && !token.contains("//");
    is_path.then(|| token.to_owned())
}

/// An image of a registry: anything that can be one after the word, and elsewhere what has a tag or a digest.
fn image(token: &str, before: &str) -> Option<String> {
    let (name, tag) = match token.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => match token.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (token, None),
        },
    };
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-:".contains(c))
    };
    let is_tag =
        |tag: &str| !tag.is_empty() && tag.chars().all(|c| c.is_ascii_alphanumeric() || "._-:".contains(c));
    let fits = name.split('/').all(part) && tag.is_none_or(is_tag);
    let is_digest = token.contains('@') && tag.is_some_and(|tag| tag.starts_with("sha256:"));
    let told = if token.contains('@') {
        is_digest
    } else {
        tag.is_some() && name.contains(|c: char| c.is_ascii_lowercase())
    };
    let named = before == "image" && !FILLERS.contains(&token) && !token.contains('@');
    (fits && (told || named)).then(|| token.to_owned())
}

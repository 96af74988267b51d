//! What may be written in `app`: its keys, and the mappings in it with theirs.

use crate::resource::{
    Given::{Always, Maybe, Or},
    Kind,
    Of::{
        Choice, Commands, Duration, Line, Lines, Map, Number, PublicLine, PublicMap, Schedule, Sent, Text,
        Truth,
    },
    Param,
};

const DOMAINS: Param = param("domains", Lines, Maybe, "The names that it is reached by.");

pub(super) const GIT: Param = param("git", PublicLine, Maybe, "The address of a git repository.");
const BRANCH: Param =
    param("branch", Line, Maybe, "Its branch, tag or commit; otherwise its default branch.");
const FOLDER: Param = param("path", Line, Maybe, "The folder of the application in its source.");
const KEY: Param =
    param("key", Text, Maybe, "A private key that may read the repository: `${{ secrets.NAME }}`.");
const TOKEN: Param =
    param("token", Line, Maybe, "A token that may read it over HTTPS: `${{ secrets.NAME }}`.");
const HERE: Param = param(
    "folder",
    PublicLine,
    Maybe,
    "A folder of this machine, with its changes that are in no repository. What `.gitignore` and `.dockerignore` leave out stays here.",
);
const ARCHIVE: Param = param(
    "archive",
    PublicLine,
    Maybe,
    "A file of this machine: a source in a tar or zip archive, or an image as `docker save` writes it.",
);
const BUNDLE: Param = param(
    "bundle",
    PublicLine,
    Maybe,
    "A folder or an archive of this machine with files that are served as they are.",
);
/// The same where they are sent.
pub(super) static SENT: [Param; 3] = [
    param(HERE.name, Sent, Maybe, HERE.about),
    param(ARCHIVE.name, Sent, Maybe, ARCHIVE.about),
    param(BUNDLE.name, Sent, Maybe, BUNDLE.about),
];
pub(super) const IMAGE: Param =
    param("image", Line, Maybe, "An image of a registry, instead of a repository.");

const BY: Param = param(
    "by",
    Choice(&["auto", "dockerfile"]),
    Or("auto"),
    "`dockerfile` builds with the application's own; `auto` makes one where it has none.",
);
const DOCKERFILE: Param =
    param("dockerfile", Line, Maybe, "The path of its Dockerfile; otherwise `Dockerfile`.");
const TARGET: Param = param("target", Line, Maybe, "The stage of the Dockerfile that is built.");
const BUILD_ARGS: Param =
    param("args", PublicMap, Maybe, "Build arguments. They stay visible in the image: no secrets.");
const BUILD_SECRETS: Param = param(
    "secrets",
    Map,
    Maybe,
    "Values for `RUN --mount=type=secret,id=NAME`, which leave no trace in the image.",
);
const BASES: Param = param("bases", Map, Maybe, "Images to build on instead of those of public registries.");

const SERVER: Param = param(
    "server",
    Line,
    Maybe,
    "Its name, such as `ghcr.io`; otherwise the registry of the image, or Docker Hub.",
);
const USER: Param = param("user", Line, Always, "Who logs in to it.");
const PASSWORD: Param = param("password", Line, Always, "A password or token: `${{ secrets.NAME }}`.");

const PORT: Param = param(
    "port",
    Number(1, 65_535),
    Maybe,
    "The port that it listens on; otherwise the one that its image exposes, or 3000.",
);
const REPLICAS: Param = param("replicas", Number(1, 20), Or("1"), "How many containers share the traffic.");
const ENV: Param = param("env", Map, Maybe, "Variables for its containers.");
const VOLUMES: Param = param(
    "volumes",
    Map,
    Maybe,
    "Names of volumes, or folders of the host, and where they are in its containers.",
);
const READ_ONLY: Param =
    param("read_only", Truth, Or("yes"), "Whether its containers can write to volumes and /tmp only.");
const CPUS: Param = param("cpus", Line, Maybe, "How many processors each container may use, such as 1.5.");
const MEMORY: Param = param("memory", Line, Maybe, "How much memory each container may use, such as 512m.");
const HEALTH_PATH: Param =
    param("path", Line, Maybe, "A path that answers with a status from 200 to 399 once it is healthy.");
const HEALTH_TIMEOUT: Param =
    param("timeout", Duration, Or("60s"), "How long it may take to become healthy.");
const ON_NEW: Param =
    param("on_new", Commands, Maybe, "Commands in its container, before its first deployment serves.");
const ON_DEPLOY: Param =
    param("on_deploy", Commands, Maybe, "Commands in its container, before each deployment serves.");
const DRAIN: Param = param(
    "drain",
    Duration,
    Or("30s"),
    "How long the containers before it may take to end what they have begun.",
);
const KEEP: Param = param("keep", Number(1, 50), Or("5"), "How many images are kept to go back to.");

const SOURCE_MAPS: Param = param(
    "source_maps",
    Truth,
    Or("yes"),
    "Whether the source maps of its image are kept on the machine that deploys, to show stack traces in the original source.",
);
const SCAN: Param = param(
    "by",
    Choice(&["auto", "off"]),
    Or("auto"),
    "`auto` looks through the image with Trivy or Grype, whichever its host has; `off` does not.",
);
pub(super) const SCAN_TIMEOUT: Param = param("timeout", Duration, Or("5m"), "How long that may take.");

const SCHEDULE: Param = param(
    "schedule",
    Schedule,
    Always,
    "When it is due by the clock of its host: five fields such as \"0 3 * * *\", or a word such as @daily.",
);
const JOB: Param =
    param("run", Commands, Always, "A command, run in a container of its own like those that serve then.");
const JOB_NAME: Param =
    param("name", Line, Maybe, "What the job is called; otherwise as the program that it runs.");

/// A job, of which there is a list.
pub(crate) const CRON: Kind = Kind {
    name: "cron",
    about: "A command that is run again and again.",
    short: None,
    params: &[SCHEDULE, JOB, JOB_NAME],
    exclusive: &[],
};

/// What stands beside the mappings.
pub(crate) const PLAIN: Kind = Kind {
    name: "app",
    about: "A container application: it is built, started beside what serves, and takes its place when it is healthy.",
    short: None,
    params: &[PORT, REPLICAS, ENV, VOLUMES, READ_ONLY, DOMAINS, DRAIN, KEEP, SOURCE_MAPS],
    exclusive: &[],
};

/// The mappings in it.
pub(crate) const SECTIONS: &[Kind] = &[
    Kind {
        name: "source",
        about: "Where the application comes from.",
        short: Some("git"),
        params: &[GIT, BRANCH, FOLDER, KEY, TOKEN, HERE, ARCHIVE, BUNDLE, IMAGE],
        exclusive: &[
            &["git", "image", "folder", "archive", "bundle"],
            &["branch", "image", "folder", "archive", "bundle"],
            &["path", "image", "bundle"],
            &["key", "token", "image", "folder", "archive", "bundle"],
        ],
    },
    Kind {
        name: "build",
        about: "How its image is built.",
        short: Some("by"),
        params: &[BY, DOCKERFILE, TARGET, BUILD_ARGS, BUILD_SECRETS, BASES],
        exclusive: &[],
    },
    Kind {
        name: "registry",
        about: "A registry that is not open to everybody, for the image and for those that it is built on. The login ends with the stage that needs it.",
        short: None,
        params: &[SERVER, USER, PASSWORD],
        exclusive: &[],
    },
    Kind {
        name: "resources",
        about: "What each of its containers may use.",
        short: None,
        params: &[CPUS, MEMORY],
        exclusive: &[],
    },
    Kind {
        name: "health",
        about: "When it is healthy; otherwise once its port is open, and its image's own check succeeds.",
        short: Some("path"),
        params: &[HEALTH_PATH, HEALTH_TIMEOUT],
        exclusive: &[],
    },
    Kind {
        name: "hooks",
        about: "Its own commands. When one fails, nothing is switched.",
        short: None,
        params: &[ON_NEW, ON_DEPLOY],
        exclusive: &[],
    },
    Kind {
        name: "scan",
        about: "Whether its image is looked through for what is known to be vulnerable, once it serves.",
        short: Some("by"),
        params: &[SCAN, SCAN_TIMEOUT],
        exclusive: &[],
    },
];

const fn param(
    name: &'static str,
    of: crate::resource::Of,
    given: crate::resource::Given,
    about: &'static str,
) -> Param {
    Param { name, about, of, given }
}

//! The tables.

use super::{
    Given::{Always, Maybe, Or},
    Kind,
    Of::{Choice, Line, Lines, Map, Mode, Number, Source, Template, Text, Truth},
    Param,
};

const fn param(name: &'static str, of: super::Of, given: super::Given, about: &'static str) -> Param {
    Param { name, about, of, given }
}

const PRESENT: super::Of = Choice(&["present", "absent"]);
const OWNER: Param = param("owner", Line, Maybe, "The user that it belongs to, by name or number.");
const GROUP: Param = param("group", Line, Maybe, "The group that it belongs to, by name or number.");
const STATE: Param = param("state", PRESENT, Or("present"), "Whether it is to be there.");

/// All kinds, in the order in which they are shown.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        name: "file",
        about: "A file and what is in it. It is replaced as a whole, so that nobody ever sees half of it.",
        short: Some("path"),
        params: &[
            param("path", Line, Always, "Where it is on the host."),
            param("content", Text, Maybe, "What is in it."),
            param("source", Source, Maybe, "A file on this machine with what is in it."),
            param("template", Template, Maybe, "A file on this machine in which `${{ … }}` is put in."),
            STATE,
            OWNER,
            GROUP,
            param("mode", Mode, Maybe, "Its mode, such as \"0644\"."),
            param("backup", Truth, Or("no"), "Whether the old one is kept beside it when it changes."),
        ],
        exclusive: &[&["content", "source", "template"]],
    },
    Kind {
        name: "directory",
        about: "A directory.",
        short: Some("path"),
        params: &[
            param("path", Line, Always, "Where it is on the host. Those above it are made, too."),
            STATE,
            OWNER,
            GROUP,
            param("mode", Mode, Maybe, "Its mode, such as \"0755\"."),
            param(
                "recursive",
                Truth,
                Or("no"),
                "Whether owner and group hold for all that is in it; with `absent`, whether it is removed with what is in it.",
            ),
        ],
        exclusive: &[],
    },
    Kind {
        name: "link",
        about: "A symbolic link. It is replaced at once, so that its name never points to nothing.",
        short: None,
        params: &[
            param("path", Line, Always, "Where it is on the host."),
            param("to", Line, Maybe, "What it points to."),
            STATE,
            param("force", Truth, Or("no"), "Whether a file, or an empty directory, is replaced by it."),
        ],
        exclusive: &[],
    },
    Kind {
        name: "line",
        about: "A line in a file; the others stay as they are.",
        short: None,
        params: &[
            param("path", Line, Always, "The file on the host."),
            param("line", Line, Maybe, "The line."),
            param(
                "match",
                Line,
                Maybe,
                "An extended regular expression: the last line that matches is replaced; with `absent`, all that match are removed.",
            ),
            param(
                "after",
                Line,
                Maybe,
                "The line is added after the last one that matches this expression, else at the end.",
            ),
            param(
                "before",
                Line,
                Maybe,
                "The line is added before the first one that matches this expression, else at the end.",
            ),
            STATE,
            param("create", Truth, Or("no"), "Whether the file is made where there is none."),
        ],
        exclusive: &[&["after", "before"]],
    },
    Kind {
        name: "package",
        about: "Packages of the host's package manager: apt, dnf, yum, apk, pacman, zypper or brew.",
        short: Some("name"),
        params: &[
            param("name", Lines, Always, "Its name, or a list of names."),
            param(
                "state",
                Choice(&["present", "absent", "latest"]),
                Or("present"),
                "Whether it is to be there; `latest` brings it to the newest version.",
            ),
            param(
                "version",
                Line,
                Maybe,
                "Exactly this version, in full, as the package manager has it. For one package.",
            ),
            param("recommends", Truth, Or("yes"), "Whether apt installs what a package recommends, too."),
        ],
        exclusive: &[],
    },
    Kind {
        name: "service",
        about: "A service of systemd, of OpenRC, or with a script in /etc/init.d.",
        short: Some("name"),
        params: &[
            param("name", Line, Always, "Its name."),
            param(
                "state",
                Choice(&["running", "stopped", "restarted", "reloaded"]),
                Maybe,
                "What it is to do; `restarted` and `reloaded` happen each time. A name alone asks that it runs.",
            ),
            param("enabled", Truth, Maybe, "Whether it starts with the host."),
        ],
        exclusive: &[],
    },
    Kind {
        name: "systemd_unit",
        about: "A unit of systemd, in /etc/systemd/system. systemd reads it again when it changes, and a service that is to run is started again.",
        short: None,
        params: &[
            param("name", Line, Always, "Its name, such as `shop.timer`; without an ending it is a service."),
            param("content", Text, Maybe, "What is in it."),
            param("source", Source, Maybe, "A file on this machine with what is in it."),
            param("template", Template, Maybe, "A file on this machine in which `${{ … }}` is put in."),
            param(
                "state",
                Choice(&["present", "running", "stopped", "restarted", "absent"]),
                Or("present"),
                "Whether it is to be there, and what it is to do.",
            ),
            param("enabled", Truth, Maybe, "Whether it starts with the host."),
        ],
        exclusive: &[&["content", "source", "template"]],
    },
    Kind {
        name: "user",
        about: "A user. What is not said is left as it is.",
        short: Some("name"),
        params: &[
            param("name", Line, Always, "The name to log in with."),
            STATE,
            param("uid", Number(0, 4_294_967_294), Maybe, "The user's number."),
            param("group", Line, Maybe, "The primary group, by name or number."),
            param("groups", Lines, Maybe, "The further groups: exactly these, unless `append` is true."),
            param("append", Truth, Or("no"), "Whether the user stays in groups that `groups` does not name."),
            param("home", Line, Maybe, "The home directory. What is in the old one moves."),
            param("shell", Line, Maybe, "The login shell."),
            param("comment", Line, Maybe, "The full name, or what the user is for."),
            param(
                "system",
                Truth,
                Maybe,
                "Whether this is a user of the system, with a low number and no home.",
            ),
            param("password", Line, Maybe, "The hash of the password, as `openssl passwd -6` prints it."),
            param("create_home", Truth, Maybe, "Whether the home directory is made where it is missing."),
            param(
                "remove_home",
                Truth,
                Or("no"),
                "With `absent`: whether the home directory is removed, too.",
            ),
        ],
        exclusive: &[],
    },
    Kind {
        name: "group",
        about: "A group of users.",
        short: Some("name"),
        params: &[
            param("name", Line, Always, "Its name."),
            STATE,
            param("gid", Number(0, 4_294_967_294), Maybe, "Its number."),
            param("system", Truth, Maybe, "Whether this is a group of the system, with a low number."),
        ],
        exclusive: &[],
    },
    Kind {
        name: "authorized_key",
        about: "Keys with which somebody may log in as a user, in ~/.ssh/authorized_keys, with the modes that sshd asks for.",
        short: Some("key"),
        params: &[
            param(
                "key",
                Lines,
                Always,
                "The public key, or a list of them, with options before it where there are any.",
            ),
            param("user", Line, Maybe, "The user; else the one who carries the step out."),
            STATE,
            param("exclusive", Truth, Or("no"), "Whether every other key is removed."),
        ],
        exclusive: &[],
    },
    Kind {
        name: "cron",
        about: "A job in the crontab of a user; the other lines stay as they are.",
        short: None,
        params: &[
            param("name", Line, Always, "What the job is known by."),
            param("user", Line, Maybe, "Whose crontab it is; else that of the one who carries the step out."),
            param(
                "schedule",
                Line,
                Maybe,
                "When it runs: five fields such as \"0 3 * * *\", or a word such as @daily.",
            ),
            param("run", Line, Maybe, "The command. It is run as it is here: `%` is no end of a line."),
            STATE,
        ],
        exclusive: &[],
    },
    Kind {
        name: "sysctl",
        about: "A parameter of the kernel: its value now, and after the host has started again.",
        short: None,
        params: &[
            param("name", Line, Always, "Its name, such as `net.ipv4.ip_forward`."),
            param("value", Line, Maybe, "Its value."),
            STATE,
        ],
        exclusive: &[],
    },
    Kind {
        name: "git",
        about: "A repository at a revision, checked out without a branch. Changes that were made there are not lost unless `force` is true.",
        short: None,
        params: &[
            param("repo", Line, Always, "Where it comes from: an address that git takes."),
            param("to", Line, Always, "The directory on the host."),
            param("revision", Line, Maybe, "A branch, a tag or a commit; else the repository's main branch."),
            param(
                "force",
                Truth,
                Or("no"),
                "Whether changes and commits that were made on the host are thrown away.",
            ),
        ],
        exclusive: &[],
    },
    Kind {
        name: "archive",
        about: "A tar or zip archive, unpacked once.",
        short: None,
        params: &[
            param(
                "from",
                Line,
                Always,
                "The archive: a path on the host, or an address that begins with http.",
            ),
            param(
                "to",
                Line,
                Always,
                "The directory that it is unpacked into. It is made where it is missing.",
            ),
            param(
                "sha256",
                Line,
                Maybe,
                "What the archive's SHA-256 has to be. It is needed for an address.",
            ),
            param(
                "strip",
                Number(0, 20),
                Or("0"),
                "How many directories at the beginning of each path are left out.",
            ),
            param(
                "creates",
                Line,
                Maybe,
                "A path that is there once it is unpacked. Without it, a note is left in the directory.",
            ),
        ],
        exclusive: &[],
    },
    Kind {
        name: "firewall",
        about: "A rule for what comes in, or what happens where no rule says otherwise. With ufw where that is installed, else with nftables in a table of its own.",
        short: Some("port"),
        params: &[
            param("port", Line, Maybe, "A port, or a range such as 8000-8010."),
            param("proto", Choice(&["tcp", "udp"]), Or("tcp"), "The protocol."),
            param("from", Line, Maybe, "An address or a network that the rule is for; else it is for all."),
            param("rule", Choice(&["allow", "deny"]), Or("allow"), "What happens."),
            STATE,
            param(
                "default",
                Choice(&["allow", "deny"]),
                Maybe,
                "What happens to what no rule is for. With `deny`, the port that the connection came in by is allowed, too.",
            ),
            param("tool", Choice(&["auto", "ufw", "nftables"]), Or("auto"), "What keeps the rules."),
        ],
        exclusive: &[&["port", "default"]],
    },
    Kind {
        name: "docker_container",
        about: "A container. It is replaced when anything of what is said here differs from what it was made with.",
        short: None,
        params: &[
            param("name", Line, Always, "Its name."),
            param("image", Line, Maybe, "The image it is made from."),
            param(
                "state",
                Choice(&["running", "stopped", "absent"]),
                Or("running"),
                "What it is to do, or whether it is to be there at all.",
            ),
            param(
                "command",
                Lines,
                Maybe,
                "The command and its arguments, each a line of its own; else that of the image.",
            ),
            param("ports", Lines, Maybe, "Ports that are published, such as \"127.0.0.1:8080:80\"."),
            param("env", Map, Maybe, "Its environment. No value is in a command line."),
            param(
                "volumes",
                Lines,
                Maybe,
                "Volumes and directories of the host, such as \"data:/var/lib/data\".",
            ),
            param("network", Line, Maybe, "The network it is in."),
            param("user", Line, Maybe, "The user that it runs as."),
            param("labels", Map, Maybe, "Its labels."),
            param(
                "restart",
                Choice(&["no", "always", "unless-stopped", "on-failure"]),
                Or("no"),
                "When docker starts it again.",
            ),
            param("pull", Choice(&["missing", "always"]), Or("missing"), "When the image is fetched."),
        ],
        exclusive: &[],
    },
    Kind {
        name: "docker_compose",
        about: "The services of a compose file.",
        short: Some("folder"),
        params: &[
            param("folder", Line, Always, "The directory on the host with the compose file."),
            param("file", Line, Maybe, "The compose file, when it has no usual name."),
            param("project", Line, Maybe, "The name of the project; else that of the directory."),
            param("state", Choice(&["up", "down"]), Or("up"), "Whether its services run."),
            param("build", Truth, Or("no"), "Whether images are built anew each time."),
            param("pull", Truth, Or("no"), "Whether images are fetched anew each time."),
        ],
        exclusive: &[],
    },
];

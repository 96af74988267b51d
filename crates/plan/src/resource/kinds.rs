//! The tables.

use super::{
    Given::{Always, Maybe, Or},
    Kind,
    Of::{Choice, Line, Mode, Source, Template, Text, Truth},
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
];

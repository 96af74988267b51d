//! Requests that are understood and that the built-in assistant does not carry out, and what does.

use super::Intent;

/// Such a request.
pub(super) struct Beyond {
    /// What is not done, fitting into "I don't …".
    what: &'static str,
    /// How the person gets it done, in sentences.
    instead: &'static str,
    /// Looked for anywhere in a message.
    pub(super) patterns: &'static [&'static str],
}

impl Beyond {
    pub(super) fn intent(&self) -> Intent {
        Intent::Cannot { what: self.what, instead: self.instead }
    }
}

/// Found by reading the number, not by a pattern.
pub(super) const PORT_OUT_OF_RANGE: Beyond = Beyond {
    what: "use a port outside 1 to 65535",
    instead: "Say for instance “use port 3002”.",
    patterns: &[],
};

/// Found once the action is known, not by a pattern.
pub(super) const AT_ANOTHER_TIME: Beyond = Beyond {
    what: "do things at a set time or on a condition",
    instead: "Say “redeploy” when it should happen. For a set time, let cron or a systemd timer call `steady run PLAN --yes`.",
    patterns: &[],
};

pub(super) const BEYOND: &[Beyond] = &[
    Beyond {
        what: "take back anything but a deployment",
        instead: "Say “roll back” to bring the deployment back that served before. **Undo this run**, in the run itself, takes back what the plan says how to; earlier revisions of the plan are restored in the **Plan** tab.",
        patterns: &[
            "(revert|undo) (the |this |that |my |our |your |all |everything|it)",
            "^<polite>(revert|undo)$",
            "(roll back|rollback|roll) (the |my |our )?(database|db|data|plan|migration|migrations|server|host|config|settings)",
            "ruckgangig",
        ],
    },
    Beyond {
        what: "change what starts a run",
        instead: "A run starts when you say “redeploy”. Another program, such as your CI, can start one with `steady run PLAN --yes`.",
        patterns: &[
            "(deploy|deploys|redeploy|redeploying|deploying|deployment|release|run|runs).* (on|after|with|for|at) (every|each|any|all) (push|commit|merge|change|pull request|save)",
            "(auto|automatic|automatically|continuous|continuously) ?(deploy|deploys|redeploy|deployment|deploying|redeploying|release|run)",
            "(deploy|redeploy|release|run|deploying|redeploying).* (automatically|continuously|by itself|on its own)",
            "(webhook|trigger)s? (on|for|when)",
        ],
    },
    Beyond {
        what: "delete anything, on purpose",
        instead: "A step of the plan can: write its command into the plan in the **Plan** tab, then say “redeploy”.",
        patterns: &[
            "^<polite>(delete|remove|destroy|uninstall|undeploy|unpublish|wipe|erase|drop|purge|tear down|take down|take offline|clean up) ",
            "(delete|remove|destroy|uninstall|wipe|erase|drop|tear down|take down) (the |my |our |all |everything|this |that |it)",
            "take (it|the app|the application|the site|the server|everything) (down|offline)",
            "^(undeploy|uninstall|unpublish)",
        ],
    },
    Beyond {
        what: "restart or shut down a server",
        instead: "A step of the plan can: write its command into the plan in the **Plan** tab, then say “redeploy”.",
        patterns: &[
            "(reboot|shutdown|shut down|shut off|turn off|power off|switch off|power down|restart|stop|start|kill) (the |my |our |this |that |a )?(remote |web |whole |entire |linux |physical |db |database )?(server|machine|host|box|vm|computer|instance|nginx|database|db|postgres|redis|docker|container|containers|apache|caddy)",
            "^<polite>(reboot|shutdown)$",
        ],
    },
    Beyond {
        what: "deploy to another environment or server",
        instead: "A plan deploys to the hosts that it names. Change them in the **Plan** tab, or make a project for the other environment with **New project**.",
        patterns: &[
            "(deploy|redeploy|release|ship|publish|push|roll out|put|send|move)( .*)? (to|on|onto|into|in) (the |a |an |another |my |our )?(production|prod|staging|stage|preview|test|testing|dev|development|qa|uat|sandbox|canary|kubernetes|k8s|aws|azure|gcp|heroku|vercel|netlify|docker|another|different|other|second|new server|new machine|new host|web[0-9]|host[0-9]|server[0-9]|[a-z0-9]+ server|[a-z0-9-]+\\.[a-z0-9.-]+)",
        ],
    },
    Beyond {
        what: "deploy a particular branch, tag or version",
        instead: "The plan says what is fetched. Change the branch, tag or commit in the **Plan** tab, then say “redeploy”.",
        patterns: &[
            "(deploy|redeploy|release|ship|publish|push|roll out|put)( .*)? (branch|tag|commit|revision|version|pr|pull request|release|v)( number| no)? ?[a-z]*[0-9]",
            "(deploy|redeploy|release|ship|publish|roll out) (the |my |our )?[a-z0-9_.-]+ branch",
            "(deploy|redeploy|release|ship|publish|roll out) (branch|tag|commit|version|from) ",
            "(deploy|redeploy|release|ship|publish) v[0-9]",
        ],
    },
    Beyond {
        what: "add or set up projects and servers",
        instead: "**New project** makes a project; its servers stand under `hosts` in the **Plan** tab.",
        patterns: &[
            "(add|create|set up|setup|configure|connect|register|install|buy|rent|provision) (a |an |another |the |my |our |new |this )*(server|host|machine|project|application|app|environment|domain|certificate|database|user|key|vps)",
        ],
    },
    Beyond {
        what: "change how many copies run",
        instead: "The plan says what is started, and on which hosts. Change it in the **Plan** tab, then say “redeploy”.",
        patterns: &[
            "(scale|replica|replicas|scaling)( |$)",
            "(add|remove|more|fewer) (instances|instance|copies|workers)",
        ],
    },
];

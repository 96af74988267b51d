//! Deployments: wordings of going back to an earlier one, and of questions about them. They come before the other actions, of
//! which some speak of deployments where runs are meant.

use super::rules::Kind;

/// Classes of words.
pub(super) const CLASSES: &[(&str, &str)] = &[
    ("prior", "previous|prior|earlier|older|old|last working|last good|working|former"),
    (
        "priorone",
        "(the |an |a |its |our |my )?(<prior> (one|version|release|deployment|deploy|state|build)|one before|version before|release before|deployment before|<prior>|last one|last version|last release|last deployment)( that worked| that was working)?",
    ),
    (
        "served",
        "(the |my |our |its |all |all the |all of the )?(running |live |deployed |current )*(app|application|apps|site|website|webapp|web app|web application|webpage|service|frontend|backend|api|container|containers|appname)",
    ),
    ("deploymentno", "(the )?(deployment|version|release|deploy)( number| no)? {n}"),
];

/// Sentences that ask for them.
pub(super) const ACTIONS: &[(Kind, &[&str])] = &[
    (
        Kind::RollBack,
        &[
            "(roll ?back|rollback|revert|roll <thing> back|bring <thing> back)( <thing>)?( to (<priorone>|<deploymentno>|{n}))?",
            "(do|make|perform|start|trigger) a (rollback|roll back)( to (<priorone>|<deploymentno>|{n}))?",
            "(go|switch|change|return|get|fall|step|move) (<thing> )?back (<thing> )?to (<priorone>|<deploymentno>)",
            "(restore|bring back|reinstate|put back) (<priorone>|<deploymentno>)",
            "(redeploy|deploy) (the |an |a )?<prior> (one|version|release|deployment|build)",
            "bring (<priorone>|<deploymentno>) back( live| online)?",
            "undo (the |this |that |my |our )?(last |latest |newest |current )?(deployment|deploy|release|rollout)",
            "(<thing> )?(zuruckrollen|zuruckspielen)|rolle? <thing> zuruck|(zuruck|geh zuruck|wechsle) (zur|auf die) (vorherigen|alten|letzten) version",
            "(fais un )?retour arriere|(reviens|revenir) a (la|l) (version precedente|ancienne version)",
            "(revertir|revierte|vuelve|volver) a la version anterior",
        ],
    ),
    (
        Kind::ServeAnew,
        &[
            "(restart|relaunch|bounce|reboot|recreate) <served>( again)?",
            "(start|bring up|launch) <served> (anew|afresh|fresh)|turn <served> off and on( again)?",
            "(do|make|perform|trigger) a restart( of <served>)?|give <served> a restart",
            "starte <served> neu|<served> neu starten|(redemarre|redemarrer|reinicia|reiniciar) <served>",
        ],
    ),
    (
        Kind::ServeNoMore,
        &[
            "take (<served>|it) (down|offline|off the air|off line|off the internet)( for now| for a while)?",
            "take (down|offline) <served>( for now| for a while)?",
            "(shut down|shutdown|shut off|switch off|turn off|power down) <served>( for now| for a while)?",
            "(shut|switch|turn) <served> (down|off)( for now| for a while)?",
            "stop serving( <served>| it)?( for now| for a while)?|stop (the |all |all the |its |my |our )?(running )?(container|containers)",
        ],
    ),
    (
        Kind::ServeAgain,
        &[
            "(bring|take|turn|switch|put|get) (<served>|it) (back up|back on|up again|on again|back on the air|back online|online again)( again)?",
            "(turn|switch) (<served>|it) on( again)?|(turn|switch) on <served>( again)?",
            "start serving( <served>| it)?( again)?|start (<served>|the containers) (up )?again|start (the |all |all the |its |my |our )?(stopped )?(container|containers)( again)?",
        ],
    ),
    (
        Kind::Live,
        &[
            "(what|which|who) (is|are|s) (currently |now |actually )?(deployed|live|serving|in production|online|out)( now| right now| currently| at the moment| there)?",
            "(what|which) (version|release|commit|deployment|image|revision|code|build) (is|runs|serves)( (currently|now|actually))?( (deployed|live|serving|running|online|current|out|in production|in use))?( now| right now| currently)?",
            "(what|which) (version|release|commit|deployment|image) (do we have|have we|are we on|are we running|do we run)( live| online| in production)?( now)?",
            "(what is|<show>( me| us)?|tell me) (the )?(current|live|deployed|serving|present) (version|release|commit|deployment|image|revision)",
            "(current|live|deployed) (version|release|deployment|commit)",
            "welche version (lauft|ist live|ist aktuell)",
            "quelle version (est en ligne|tourne)",
            "que version (esta|hay) (desplegada|en linea)",
        ],
    ),
    (
        Kind::Deployments,
        &[
            "((<show>|let me see)( me| us)?|what are|which are)? ?(a list of )?(the |my |our |all |all the )*(last |latest |recent |previous |past |newest |most recent |earlier )*(<number> )?(last |latest |recent |previous |past |newest )*(deployments|deploys|releases|deployment history|history of deployments)( so far| list| overview| we had)?",
            "(which|what) (deployments|versions|releases) (are there|do we have|exist|are kept|can (i|we) (go|roll) back to|could (i|we) (go|roll) back to)",
            "to (which|what) (deployments|versions|releases|version|deployment|release) can (i|we|you) (go|roll) back",
        ],
    ),
];

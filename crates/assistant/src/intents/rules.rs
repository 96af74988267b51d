//! The wordings, as data.
//!
//! A rule is a pattern for a whole sentence: words with one space between, `(a|b)` for choices, `?` for what may be left
//! out, and `<name>` for a class of words below. `{n}` is a number. Around a rule of [`ACTIONS`] only [`BEFORE`] and
//! [`AFTER`] may stand; anything else in the sentence makes the reading doubtful.
//!
//! The patterns become regular expressions; words are already lower-case ASCII.

use super::{beyond::BEYOND, deployments, held, spelling};

/// What an action rule means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Redeploy,
    Pause,
    Resume,
    Stop,
    Retry,
    /// Of a step that is held.
    RetryStep,
    /// Of a step that is held.
    Skip,
    /// Of a step that is held.
    Fail,
    ChangePort,
    FreePort,
    CompareRuns,
    OpenApp,
    RollBack,
    ServeAnew,
    ServeNoMore,
    ServeAgain,
    Live,
    Deployments,
    Status,
    ShowRuns,
    ShowRun,
    WhyFailed,
    Help,
    Greeting,
    Thanks,
    NeverMind,
    Yes,
    /// Says nothing that matters to what follows: "it failed", "I fixed it".
    Remark,
}

/// Classes of words.
pub(super) const CLASSES: &[(&str, &str)] = &[
    (
        "art",
        "the|my|our|this|that|a|an|its|your|all|all the|all of the|die|der|das|den|le|la|les|l|el|los|mi",
    ),
    (
        "adj",
        "latest|newest|new|current|updated|recent|whole|entire|fixed|running|ongoing|same|practice|live|last|neue|neueste|nouvelle|derniere|nueva|ultima|main",
    ),
    (
        "noun",
        "app|apps|application|applications|site|website|webapp|web app|web application|webpage|page|project|service|server|code|version|build|release|changes|change|update|updates|stuff|thing|stack|deployment|backend|frontend|api|master|source|commit|software|product|program|latest|newest|appname|anwendung|applikation|seite|webseite|appli|aplicacion|sitio|pagina|aktualisierung",
    ),
    ("it", "it|this|that|everything|all|them|all of it|the lot|es|alles|tout|todo|lo"),
    (
        "thing",
        "<it>|(<art> )?(<adj> )*<noun>( of (<art> )?<noun>)?|<art> (<adj> )?main|appname <noun>|<art> appname <noun>",
    ),
    (
        "where",
        "(to|on|onto|in|into) (the |our |my )?(live|live server|live site|server|servers|web server|web|internet|host|hosts|wild|appplace|appplace (server|servers|host|hosts|group|environment|site)|appname)|live|online",
    ),
    (
        "deploy",
        "redeploy|deploy|release|rerelease|publish|republish|ship|reship|roll out|rollout|push out|push live|put live|put online|put out|bring live|bring online|send out|deploye|update and deploy|build and deploy|rebuild and redeploy|rebuild and deploy",
    ),
    ("deploying", "redeploying|deploying|releasing|publishing|shipping|rolling out"),
    ("deploynoun", "redeploy|redeployment|deploy|deployment|release|rollout"),
    (
        "run",
        "run|deployment|deploy|redeploy|redeployment|process|job|release|rollout|build|task|pipeline|execution|operation|lauf|deploiement|despliegue",
    ),
    (
        "therun",
        "(the |this |that |my |our |a |current |running |ongoing |whole |entire |den |le |el |du )*<run>( that is running| in progress| run)?|run",
    ),
    ("moment", "a|one|just a|just one|for a|for one|for just a|un|une|einen|ein"),
    (
        "while",
        "sec|secs|second|seconds|moment|minute|min|minutes|bit|while|little while|little|tick|mo|instant|momento|momentito|segundo|minuto|seconde",
    ),
    (
        "failed",
        "fail|failed|fails|failing|failure|break|broke|broken|crash|crashed|crashing|go wrong|went wrong|stop working|not work|error out|die|died|blow up|blew up|error|errors|problem|problems|issue",
    ),
    (
        "number",
        "[0-9]+|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|couple|couple of|few|dozen",
    ),
    (
        "runs",
        "runs|deployments|deploys|redeployments|releases|executions|history|run history|deployment history|history of runs|rollouts",
    ),
    (
        "show",
        "show|list|display|view|see|give|get|print|open|tell|fetch|pull up|bring up|look at|zeig|zeige|montre|muestra",
    ),
];

/// What may stand before an action without changing it, each possibly followed by a comma.
pub(super) const BEFORE: &str = "please|kindly|hey|hi|hello|hey there|ok|okay|alright|all right|right|well|so|then|and|now|just|quickly|simply|finally|great|perfect|good|cool|nice|awesome|thanks|thank you|sorry|actually|hmm|um|uh|oh|oops|yes ,|yeah ,|yep ,|sure ,|yes please|no ,|no no ,|oh no|wait ,|no wait|fuck|shit|damn|crap|steadyhand|assistant|computer|buddy|mate|dear|(can|could|would|will) you|(can|could|would|will) you (please|kindly|maybe|just|quickly|now|go ahead and|perhaps|possibly)|can you help me|let us|let us just|let us now|(i|we) (want|need|would like|would love|have) to|i (want|need|would like) you to|i would like|i want|i need|lets|go ahead and|please go ahead and|go and|go|(it is )?time to|you (can|may)( now)?|it is ok to|i am ready to|ready to|we are ready to|i said|i say|i repeat|try to|bitte|kannst du|konntest du|kannst du bitte|kannst du mal|mal|jetzt|bitte mal|s il te plait|s il vous plait|stp|svp|peux tu|pouvez vous|tu peux|por favor|puedes|podrias";

/// What may stand after an action without changing it, each possibly after a comma.
pub(super) const AFTER: &str = "(on|of|in|for|from) (the project |project |the )?appname( project)?|please|now|right now|immediately|asap|at once|right away|straight away|for me|for us|thanks|thank you|thx|cheers|quickly|then|if you can|if you could|if possible|if you please|when you can|will you|would you|could you|can you|ok|okay|already|again|one more time|once more|once again|another time|mate|buddy|dude|man|steadyhand|assistant|pretty please|asap please|as soon as possible|kindly|today|for real|as usual|bitte|mal|jetzt|sofort|nochmal|noch einmal|s il te plait|s il vous plait|stp|svp|maintenant|encore|encore une fois|por favor|ahora|ya|otra vez|de nuevo";

/// Sentences that ask for something to be done; and, since they are as plain, those that ask to be shown something.
pub(super) const ACTIONS: &[(Kind, &[&str])] = &[
    (
        Kind::Redeploy,
        &[
            "<deploy>( again)?( <thing>)?( again)?( <where>)?( again)?",
            "<deploy> <thing> (out|live|online|up)",
            "(push|ship|send|roll|get|put|bring|take|set|make|move) <thing> (out|live|online|<where>)",
            "(push|roll|send|get|put|bring) (out|live|online) <thing>",
            "(do|run|start|launch|trigger|kick off|begin|make|perform|execute|initiate|fire off|get|give me|have|queue|create) (the |a |an |another |one more |one |new |fresh |full |quick |my |our )*<deploynoun>( of <thing>| <where>| run)?( again)?",
            "(another|one more|a new|a fresh|new|fresh|start a|start a new|start another|start a fresh|do a new|do another) (run|deployment|redeployment|deploy|redeploy|rollout)",
            "(start|begin|launch|trigger|kick off) <deploying>( <thing>)?",
            "(mind|would you mind|do you mind) <deploying>( <thing>)?( <where>)?",
            "(run|execute|start|apply) (the |my |our |this )?(plan|pipeline|deployment plan|infrastructure plan)( again)?",
            "get <thing> (deployed|redeployed|released|shipped|published|live|online)( again)?",
            "(have|want) <thing> (deployed|redeployed|released|shipped|published)( again)?",
            "(ship|send) it",
            "redeployment",
            "(update|refresh|upgrade) <thing> (with|to) (the |my |our )?(latest|newest|new|current|updated) (code|version|changes|commit|release|build|source|state)",
            "<thing> (neu |nochmal |noch einmal |erneut )*(bereitstellen|deployen|ausrollen|veroffentlichen|ausliefern|redeployen)",
            "(neu |nochmal |noch einmal |erneut )*(bereitstellen|deployen|ausrollen|redeployen|veroffentlichen)",
            "(stell|stelle) <thing> (neu |nochmal |noch einmal |erneut )*bereit",
            "(roll|rolle) <thing> (neu |nochmal |noch einmal |erneut )*aus",
            "(deploye|deploy) <thing> (neu|nochmal|noch einmal|erneut)",
            "(redeploie|redeployer|redeployez|deploie|deployer|deployez|redeploye|republie|publie)( <thing>| a nouveau| de nouveau)?",
            "(mets|mettre|mettez) <thing> en (ligne|production|prod)",
            "(mets|mettre|mettez) en (ligne|production|prod) <thing>",
            "(relance|lance|demarre) (le |un )?(nouveau )?deploiement",
            "(redespliega|redesplegar|despliega|desplegar|publica|lanza|sube)( <thing>)?",
            "(vuelve|volver) a (desplegar|publicar|lanzar)( <thing>)?",
        ],
    ),
    (
        Kind::Pause,
        &[
            "(pause|suspend|hold|freeze|halt temporarily)( <it>| <therun>)?( here| there| after this step| after this one| after the current step| for now)?",
            "(pause|suspend|hold|stop|halt|wait|hold on|hang on|stop <it>|pause <it>|hold <it>|pause <therun>|stop <therun>) (for )?<moment> <while>",
            "put <therun> on (hold|pause)",
            "put <it> on (hold|pause)",
            "(hold|hang) on( there| a little)?",
            "hold (up|fire|your horses|everything)",
            "wait( here| up| there| for me| please)?",
            "wait wait( wait)?",
            "(give me|gimme|need|i need|just) <moment> <while>",
            "<moment> <while>",
            "(take|have) a (break|pause)",
            "not so fast",
            "stand by",
            "(do )?a pause",
            "pause (the |this )?run",
            "stop temporarily",
            "temporarily (stop|halt|pause)( <it>| <therun>)?",
            "(warte|wart|warten)( mal| kurz| bitte| mal kurz| einen moment)*",
            "(pausiere|pausieren|anhalten|halte an|halt an|halt mal)( <it>| <therun>)?",
            "(<it>|<therun>) (pausieren|anhalten)",
            "moment( mal)?",
            "(mach|mache) (mal )?(eine )?pause",
            "(attends|attendez|attendre|patiente)( un peu| un moment| une seconde| une minute)?",
            "(mets|mettre|mettez|mets le) en pause",
            "(mets|mettre) <therun> en pause",
            "(pausa|pausar|espera|esperar|espere|haz una pausa)( un momento| un poco| un segundo| <therun>)?",
        ],
    ),
    (
        Kind::Resume,
        &[
            "(resume|continue|unpause|proceed|carry on|keep going|keep on going|move on|go on|go ahead|press on|crack on|get going|get going again|go on then)( with)?( <it>| <therun>)?( from here| from there| from where you left off| where you left off)?",
            "let (it|the run|the deployment) (continue|run|go on|proceed|finish|carry on)",
            "pick up where (you|we|it) left off",
            "back to work",
            "(restart|start|begin|go on) (from )?where (you|we|it) (left|stopped)( off)?",
            "take (it|the run|the deployment) off (hold|pause)",
            "(weiter|weitermachen|mach weiter|mach bitte weiter|weiter gehts|weiter geht is|fortsetzen|fortfahren|setze fort|fahre fort|es kann weitergehen)",
            "<therun> fortsetzen",
            "(continuez|continuer|reprends|reprendre|reprenez|poursuis|poursuivre|on continue|vas y|allez y|tu peux continuer)( <therun>)?",
            "(continua|continuar|sigue|seguir|reanuda|reanudar|prosigue|adelante)( <therun>| con <therun>)?",
        ],
    ),
    (
        Kind::Stop,
        &[
            "(stop|abort|cancel|halt|terminate|quit|kill|end|scrap|break off|call off)( <it>| <therun>)?( here| there| right there)?",
            "(stop|abort|cancel|kill) (stop|abort|cancel|kill)( stop| abort)?",
            "(stop|cease|quit) (<deploying>|running|everything|doing (this|that|it))( <it>| the app| the application)?",
            "(call|break|cut) (it|the run|the deployment) off",
            "pull the plug",
            "make it stop",
            "(bring|put) (it|the run|the deployment) to (a stop|an end|a halt)",
            "(i want|i need) (it|this|the run|the deployment) (stopped|cancelled|canceled|aborted|to stop)",
            "abort (the )?mission",
            "stop what you are doing",
            "that is enough",
            "enough",
            "(stopp|stoppe|stoppen|abbrechen|abbruch|beenden|beende|aufhoren)( <it>| <therun>)?",
            "(<it>|<therun>) (abbrechen|stoppen|beenden)",
            "(brich|breche) (<it> |<therun> )?ab",
            "(hor|hore) auf( damit)?",
            "(arrete|arreter|arretez|annule|annuler|annulez|stoppe|stoppez|interromps)( <it>| ca| cela| <therun>)?",
            "(deten|detener|detenga|detente|cancela|cancelar|aborta|abortar|para|parar|termina|terminar)( <it>| eso| esto| <therun>)?",
        ],
    ),
    (
        Kind::Retry,
        &[
            "(retry|rerun|redo|repeat)( <it>| <therun>| (the |that )?(last|failed|previous) (one|run|deployment|step|attempt))?",
            "(retry|rerun|redo|repeat|redeploy|deploy|run|restart|replay) (the )?run (number |no )?{n}( again)?",
            "run (number |no )?{n} again",
            "(retry|rerun) {n}",
            "try( <it>| <therun>| the last run| the failed run)? (again|once more|one more time|another time|once again)",
            "(try|attempt) (another time|a second time)",
            "(run|do|start|launch) (<it>|<therun>|the last run|the last one|the failed run|the failed one|the same) (again|once more|one more time|another time|once again)",
            "(again|once more|one more time|once again|another time)",
            "(have|take|give it|let it have) (another|a second|one more) (go|try|shot|attempt|chance|crack)( at it)?",
            "another (try|attempt|go)",
            "(start|run|launch) (the )?(last|failed|previous) (run|deployment|one) again",
            "(nochmal|noch einmal|erneut|wiederholen|wiederhole)( bitte| versuchen| probieren| ausfuhren)?",
            "(versuch|versuche|probier|probiere) (es |das )?(bitte )?(nochmal|noch einmal|erneut|wieder)",
            "(reessaie|reessaye|reessayer|reessayez|recommence|recommencer|encore une fois|refais|essaie encore)( <it>)?",
            "(reintenta|reintentar|reintentalo|otra vez|de nuevo|intentalo (otra vez|de nuevo)|repite)( <it>)?",
        ],
    ),
    (
        Kind::ChangePort,
        &[
            "(use|take|try|set|choose|pick|switch to|change to|move to|go with|listen on|bind to|run on|serve on|start on|put (it|the app|the application) on) (the |a )?(port )(number |to )?{n}( instead| for (the |my )?(app|application|server|site|it))?( instead of {n})?",
            "(use|take|try|switch to|go with) port {n} (instead|from now on)",
            "(change|set|switch|move|update|make|modify|edit|put)( <thing>| <thing> is)? (the |its |my |our )?(listening |app |application |server |http |web )?port( number)?( from {n})?( to| is| be)? {n}( instead)?",
            "(change|set|switch|move|update|modify) (the |its |my |our )?(listening |app |application |server )?port of <thing>( from {n})? to {n}",
            "(run|start|serve|deploy|redeploy|host|make|let|have|put|move|expose)( <thing>)?( listen| run)? (on|to|at|use) port {n}( instead)?",
            "(change|switch|move) (<thing> )?from (port )?{n} to port {n}",
            "(change|switch|move) (<thing> )?from port {n} to {n}",
            "port {n}( instead)?",
            "(nimm|benutze|verwende|nutze|setze) (den )?port( auf)? {n}",
            "(andere|setze) den port auf {n}",
            "(utilise|prends|change|mets) (le )?port (a |en |pour )?{n}",
            "(usa|cambia|utiliza|pon) (el )?puerto (a |al |en )?{n}",
        ],
    ),
    (
        Kind::FreePort,
        &[
            "(use|take|try|find|pick|choose|set|give (it|me|us)|switch to|change to|move to|go with|suggest|propose|change the port to|set the port to|use <thing> on) (a|another|some|any|one|the next|a different|some other|an other|other) (free |open |unused |available |different )?port( that is (free|open|unused|available))?( instead| for (the |my )?(app|application|server|site|it))?",
            "(use|take|try|find|pick|choose|run|start|serve|listen)( <thing>)? on (a|another|some|any|a different) (free |open |unused |available )?port( instead)?",
            "(change|switch|move) (the |its |my |our )?port( to (a|another) (free |open |unused |available )?(one|port))?",
        ],
    ),
    (
        Kind::CompareRuns,
        &[
            "(compare|diff|contrast|<show> (me )?the (difference|differences|diff|changes) (between|of|from)|(what|which) (is|are|was|were) (the )?(difference|differences|different|changes) (between|in|of)|what (has )?(changed|differs|differed) (between|from)|what is different (between|in)|difference between|differences between) (the )?(runs|run|run number|runs number|deployments|deployment)? ?(no )?{n} ?(and|with|to|against|vs|versus|or|,)( the)?( run| deployment)?( number| no)? {n}",
        ],
    ),
    (
        Kind::OpenApp,
        &[
            "(open|visit|browse|launch in the browser|<show>|take me to|go to|bring me to|<show> me) (me )?(the |my |our )?(running |live |deployed |practice )*(app|application|site|website|webapp|web app|web application|webpage|web page|page|appname|browser)( in (the |my |a )?browser)?",
            "(open|visit) (it|this) in (the |my |a )?browser",
            "open it up",
            "(<show>|what is|give|tell)( me| us)? (the |its |my |our )?(address|url|link|web address)( of <thing>| for <thing>| to <thing>)?",
            "where (is|can i (see|find|open|reach|visit)|do i (see|find|open|reach)) (the |my |our )(app|application|site|website|webapp|web app|page|appname)( running| now)?",
        ],
    ),
    (
        Kind::ShowRun,
        &[
            "(<show> |open |go to |jump to )?(me )?(the )?(details |detail |log |logs |steps |output |result |results |status |state |progress )?(of |for |about )?(the )?run (number |no |is )?{n}( details| log| logs| steps| output)?",
            "((<show> )?(me )?what (happened|was|about|is) (in |with |during |to |about )?|how (did|was|is) |tell me (more )?about )(the )?run (number |no )?{n}( go| doing| going)?",
        ],
    ),
    (
        Kind::ShowRuns,
        &[
            "((<show>|let me see)( me| us)?|what are|what were|which were|i would like to see|i want to see|can i see|may i see|could i see|where are|where is|where can i see|where can i find|let us see|how about)? ?(a list of )?(the |my |our |all |all the |a )*(last |latest |recent |previous |past |newest |most recent |earlier |old |older |first )*(<number> )?(most )?(last |latest |recent |previous |past |newest )*<runs>( so far| please| list| overview| from today| we had| (of|for|in|from|on) (<thing>|appname project|project appname))?",
            "(<show> )(me )?(the )?(last|latest|previous|most recent|newest) (run|deployment|one|deploy)",
            "(the )?(last|latest|previous|most recent) (run|deployment|deploy)",
            "(what|which) (runs|deployments|deploys) (have there been|were there|are there|did we have|ran|do we have|exist)( recently| lately| today| this week| so far)?",
            "what (have|has|did) (you|we|been) (run|ran|deploy|deployed|released|shipped)( recently| lately| today| this week| so far| before)?",
            "what (ran|was deployed|has been deployed|was run)( recently| lately| today| yesterday| this week| before)?",
            "when (was|did) (the |we |you )*(last |latest )?(deploy|deployment|run|release|redeploy|deployed)( last| happen)?",
            "(zeig|zeige)( mir)? (die )?(letzten )?(<number> )?(laufe|verlauf|deployments)",
            "(montre|affiche)( moi)? (l |les )?(<number> )?(derniers |dernieres )?(historique|executions|deploiements)",
            "(muestra|muestrame|ensename) (el |los |las )?(ultimos |ultimas )?(<number> )?(historial|despliegues|ejecuciones)",
            "(<show> )?(me )?(the |all )?(log|logs)",
        ],
    ),
    (
        Kind::Status,
        &[
            "(<show> )?(me )?(the |a |an |current |quick )*(status|state|progress|eta|overview|status update|status report|progress report|progress update|current run|run status|deployment status|update)( of <thing>| of <therun>| on <therun>| on <thing>)?",
            "(give|get|send|tell) me (the |an |a )?(update|news|status|progress|situation)",
            "(estado|statut|etat|stand|zustand)( actuel| actual)?( de <thing>| du deploiement| del despliegue)?",
        ],
    ),
];

/// Sentences that only ask, looked for anywhere in a sentence that is no action: misreading them does no harm.
pub(super) const QUESTIONS: &[(Kind, &[&str])] = &[
    (
        Kind::WhyFailed,
        &[
            "^why( not| though| is that| so)?$",
            "(why|how come|reason|what made|what caused|cause of|wieso|warum|weshalb|pourquoi|por que).* (<failed>|fehlgeschlagen|gescheitert|kaputt|schiefgegangen|echoue|echec|plante|fallo|fallado|red|stopped|down|not running|not up|stuck|unhealthy|aborted|unsuccessful|working|not start|not come up|happen|happened)",
            "what (has |had )?(went|gone|goes|is going|go) (wrong|bad|south)",
            "what is (wrong|broken|failing|the error|the problem|the issue|the matter|the cause|the reason|causing|with the error)",
            "what (was|were) (wrong|the error|the errors|the problem|the issue|the cause|the reason)",
            "what (failed|broke|crashed|happened|error|errors)",
            "what did (you|it|we) (do|break)( wrong)",
            "(where|when|at which step|which step|in which step|at what step) (did|has|had)? ?(it|the run|run|the deployment|that|failed)?.*(fail|failed|break|crash)",
            "(explain|analyse|analyze|diagnose|investigate|look into|debug|understand|describe|summarize).* (<failed>|run|log|what happened|it|this|that)",
            "^(diagnose|diagnosis|explain|troubleshoot)$",
            "(show|see|tell|give|view|read|what).* (error|errors|failure|problem|reason|error message)",
            "how (do|can|could|should|would) (i|we|you) (fix|solve|repair|resolve|correct) ",
            "(can|could|will) you (fix|solve|repair|resolve) ",
            "^(fix|solve|repair) (it|this|that|the error|the problem)$",
            "is (red|broken)$",
            "^why (did|is|was|does|has|do|are|not|were|the)\\b",
            "(run|it|deployment|step) (number )?({n} )?(failed|crashed|broke) why",
            "was (ist|lief|ging) (schief|falsch|passiert|los gewesen)",
            "(ist|lief|ging).* (schief|schiefgelaufen|schiefgegangen)",
            "qu est ce qui (a|n a) (echoue|plante|pas marche|mal)",
            "que (salio mal|fallo|paso|ha pasado|ha fallado)",
        ],
    ),
    (
        Kind::Help,
        &[
            "^(help|help me|i need help|i need some help|sos|usage|commands|options|instructions|man|menu|hilfe|aide|ayuda|manual|examples)$",
            "what (can|could|do|should|may|will) (you|i|we|this|it|steadyhand) (do|say|ask|type|ask for|offer|write|tell you|help with|understand|know)",
            "(how|what) (do|does|can|could|should|would|is|are|will|must|did) (i|we|you|one|it|this|that|the|a|steadyhand|quotedtext|redeploy|deploy|stop|pause|resume|retry|skip|rerun|abort|cancel|status|redeploying|deploying|stopping|pausing|retrying|happens)( .*)?(work|works|use|mean|means|do|deploy|redeploy|stop|pause|resume|retry|skip|start|cancel|abort|release|rerun|ship|publish|roll out|rolling out|continue|redeploying|deploying|pausing|stopping|run|quotedtext|port|difference|trigger)",
            "what (happens|would happen|will happen|happened) (if|when|after|during|on)",
            "^(who|what) are you$",
            "(teach|show|tell|explain)( to)? me (how|what|about)",
            "(how|what) (can|could|do|does|to) .*(help|work|use)",
            "^how to |know how|learn how|how to (redeploy|deploy|stop|pause|retry|skip|use)",
            "(which|what) (are )?(the |my |our |your )*(commands|things|words|requests|actions|options)",
            "what is (a|an|the difference|redeploy|deploy|redeployment|steadyhand|quotedtext|meant)",
            "(explain|describe|define) .*(redeploy|deploy|retry|pause|stop|quotedtext|steadyhand)",
            "(i am|we are|i feel) (lost|confused|new|stuck)",
            "i (do not|cannot|can not) (understand|know (what|how))",
            "was kannst du|wie (kann|geht|funktioniert|starte|deploye)|que (peux|sais) tu|comment (ca marche|faire|deployer|je)|que puedes hacer|como (funciona|hago|se|puedo)",
        ],
    ),
    (
        Kind::Status,
        &[
            "(what|how|where|which|any|are|is|was|did|has|have|does|do|will|when|were|anything|still|how far|how much|how long|how is|how are|whats|wie|was|wo|ou|que|como|comment|quel|cual|ist|lauft|est|esta)( .*)?(going on|happening|going|it going|doing|done|finished|finish|complete|completed|ready|live|up|online|running|deployed|redeployed|released|shipped|published|status|state|progress|news|stopped|paused|stuck|work|worked|working|succeed|succeeded|successful|success|pass|passed|through|over|left|take|remaining|far|there yet|yet|we at|now|current step|on|new|deploy|deployment|run|step|failed|aborted|cancelled|canceled|started|start|restart|resumed|resume|pause|retry|retried|fail|stop|healthy|eta|fertig|los|lauft|lauft is|gehts|geht is|passe|avance|en est on|fini|termine|pasa|va|vas|listo|estado|terminado|be|look|looking)( .*)?$",
            "^how much (longer|more)|how long (will|does|is|until|left)",
            "^(is )?everything (ok|okay|alright|all right|fine|good|still ok)$",
            "^where (are|is) (we|you|it|things|the run|the deployment)$",
            "^(up|done|finished|ready|deployed|live|ok|everything ok|all good|all ok|working|online|and|any luck|still running|still there|so)$",
            "(keep|bring) me (posted|updated|up to date)",
            "(la situacion|ou en est|comment ca va|como va|que pasa|wie lauft|wie geht|was ist los|was passiert|wie weit)",
        ],
    ),
];

/// Whole sentences that are small talk, answers or remarks.
pub(super) const SMALL_TALK: &[(Kind, &[&str])] = &[
    (
        Kind::Greeting,
        &[
            "(hi|hello|hey|hiya|howdy|yo|good (morning|afternoon|evening|day)|greetings|moin|hallo|guten (morgen|tag|abend)|servus|salut|bonjour|bonsoir|hola|buenos dias|buenas( tardes)?)( ,)?( there| steadyhand| assistant| everyone| all| again| you)?( ,)?( how are you( doing)?( today)?| nice to meet you)?",
            "how are you( doing)?( today)?",
        ],
    ),
    (
        Kind::Thanks,
        &[
            "(many |ok |great |perfect |nice |cool |awesome |, )*(thanks|thank you|thx|ty|cheers|much appreciated|danke|merci|gracias|vielen dank|muchas gracias|danke schon|merci beaucoup)( a lot| so much| very much| a bunch| again| mate| buddy| for (your |the )?help| for that| that was great| that worked| steadyhand)*",
            "(great|good|nice|excellent|amazing|fantastic) (job|work|one)",
            "well done|you are (great|awesome|the best|amazing)|i love (it|you)|that is (great|perfect|awesome|all|nice)|(all )?(perfect|great|awesome|cool|nice|super|excellent|wonderful|brilliant)",
        ],
    ),
    (
        Kind::NeverMind,
        &[
            "((no )*no|never mind|nevermind|forget (it|that|about it)|no|nope|nah|no thanks|no thank you|not now|not yet|no need|do not bother|leave it|let it be|ignore (that|it|me)|scratch that|do not|do not do (it|that|anything)|please do not|better not|rather not|i changed my mind|not (really|at all)|my mistake|wrong (chat|window)|nein|nein danke|lass (es|mal|gut sein)|non|non merci|laisse tomber|rien|no gracias|dejalo|olvidalo|nothing|do nothing)( ,)?( please| thanks| then| ok| sorry| never mind| forget it| i changed my mind)*",
        ],
    ),
    (
        Kind::Yes,
        &[
            "(yes|yeah|yep|yup|sure|ok|okay|of course|please do|do it|do that|go ahead|go for it|exactly|right|correct|absolutely|definitely|affirmative|confirm|confirmed|that is right|that is it|i do|i did|yes i do|yes i did|sounds good|fine|go|please|y|ja|oui|si|klar|genau|gerne|d accord|vale|claro|makes sense|why not|by all means)(( ,)? (please|do it|do that|go ahead|go for it|thanks|sure|exactly|that|now|ok|bitte|that is what i (meant|mean|want)))*",
        ],
    ),
    (
        Kind::Remark,
        &[
            "(it|that|this|the (run|deployment|build|last run|last one|app|site|step)) (has |just |did |is |was )*(fail|failed|not work|broken|broke|crashed|fixed|ready|done|fixed now|old|outdated|red)( again| now)?",
            "(i|we) (have |just |have just |finally )*(fixed|changed|pushed|committed|updated|merged|corrected|repaired) (it|that|this|the (bug|code|error|problem|issue|config|file|plan)|a (bug|fix|change)|some changes|the changes|my changes)( now)?",
            "(done|fixed|ready|all set|ok|okay|alright|great|perfect|good|cool|nice|right|fixed it|pushed|merged|got it|i see|understood|hmm|well|oh|oops|sorry|my bad|excuse me|listen|quick|question|hurry( up)?|come on|damn|argh|oh no|no|yes|please|urgent|(this|it) is urgent|emergency|attention|looks good|lgtm|all good|sounds good)",
        ],
    ),
];

/// What puts an action off to another time or ties it to a condition.
pub(super) const SCHEDULED: &str = "tomorrow|tonight|later|later today|this (evening|afternoon|weekend)|next (week|month|time)|(on )?(monday|tuesday|wednesday|thursday|friday|saturday|sunday)|at (noon|midnight|night|lunch|[0-9]+)|in (an|a|one|two|three|four|five|ten|fifteen|twenty|thirty|half|[0-9]+)( an)? (hour|hours|minute|minutes|min|mins|second|seconds|day|days|week|weeks|h|m|s)|every|daily|nightly|weekly|hourly|schedule|scheduled|when|whenever|once|after|before|until|till|if|unless|as soon as|while|morgen|spater|heute abend|demain|plus tard|ce soir|manana|luego|esta noche|wenn|sobald|quand|cuando|nach|apres|despues";

/// What turns an action into its opposite.
pub(super) const NEGATIONS: &str = "not|never|without|no|none|cannot|neither|nor|avoid|refrain|prevent|against|nicht|kein|keine|nie|niemals|ohne|pas|jamais|sans|ne|n|nunca|sin|jamas|instead of|rather than|forbid|anstatt";

/// How a sentence that wonders about an action begins.
pub(super) const WONDERING: &str = "how|what|which|who|whose|where|when|why|is|are|was|were|did|does|do you|do i|do we|has|have you|have we|have i|had|should|shall|may|might|must|can i|can we|could i|could we|can it|could it|would it|will it|would i|am i|if|whether|i wonder|i was wondering|wondering|was|wie|warum|wann|wer|soll|sollte|sollen|hast|hat|haben|wurde|kann ich|comment|pourquoi|quand|qui|est ce|as tu|avez vous|dois je|como|por que|cuando|quien|debo|has|hay";

/// Words that begin an action; a sentence with one of them that no rule accounts for is asked about.
pub(super) const ACTION_WORDS: &str = "redeploy|deploy|release|publish|republish|ship|rollout|deployment|redeployment|redeploying|deploying|pause|suspend|resume|unpause|continue|stop|abort|cancel|kill|terminate|halt|retry|rerun|redo|repeat|restart|relaunch|again|push|deployen|bereitstellen|redeployen|abbrechen|stopp|stoppen|redeployer|deployer|redeploie|deploie|arrete|arreter|annule|desplegar|despliega|redespliega|detener|deten|cancela|pausieren|pausa|reprendre|reanudar|weiter|fortsetzen|quit|end|run it|start|launch|go live|update the app|update the application|update the site|update the website|bring up|proceed|skip|omit|bypass|fail|abandon|rollback|revert|undo";

/// Which action such a word begins.
pub(super) const WORD_MEANS: &[(Kind, &str)] = &[
    (
        Kind::Stop,
        "stop|abort|cancel|kill|terminate|halt|quit|end|abbrechen|stopp|stoppen|arrete|arreter|annule|detener|deten|cancela",
    ),
    (Kind::Pause, "pause|suspend|pausieren|pausa"),
    (Kind::Resume, "resume|unpause|continue|proceed|reprendre|reanudar|weiter|fortsetzen"),
    (Kind::Retry, "retry|rerun|redo|repeat|again"),
    (Kind::ServeAnew, "restart|relaunch"),
    (Kind::RollBack, "roll back|rollback|revert|go back|back to the|undo"),
    (Kind::Skip, "skip|uberspringen|uberspringe"),
    (Kind::Fail, "let (it|this|that|the step|this step) fail|give up|giving up"),
    (
        Kind::Redeploy,
        "redeploy|deploy|release|publish|republish|ship|rollout|deployment|redeployment|redeploying|deploying|push|deployen|bereitstellen|redeployen|redeployer|deployer|redeploie|deploie|desplegar|despliega|redespliega|run it|start|launch|go live|update the app|update the application|update the site|update the website|bring up",
    ),
];

/// Wordings that are offered when a message is not understood.
pub(crate) const OFFERS: &[&str] = &[
    "redeploy the application",
    "pause",
    "resume",
    "stop",
    "status",
    "show the last 5 runs",
    "why did it fail?",
    "retry",
    "skip this step",
    "let it fail",
    "show run 12",
    "use port 3002",
    "set LOG_LEVEL to debug",
    "compare run 4 and 5",
    "open the app",
    "what is deployed?",
    "roll back",
    "help",
];

/// Every text that rules are made of, for the vocabulary.
pub(super) fn sources() -> impl Iterator<Item = &'static str> {
    let tables = [ACTIONS, deployments::ACTIONS, held::ACTIONS, QUESTIONS, SMALL_TALK];
    let patterns = tables.into_iter().flatten().flat_map(|(_, patterns)| patterns.iter().copied());
    let beyond = BEYOND.iter().flat_map(|beyond| beyond.patterns.iter().copied());
    let spelled = spelling::SPELLED_OUT.iter().map(|(_, full)| *full);
    patterns
        .chain(beyond)
        .chain(spelled)
        .chain(CLASSES.iter().chain(deployments::CLASSES).chain(held::CLASSES).map(|(_, words)| *words))
        .chain([BEFORE, AFTER, SCHEDULED, NEGATIONS, WONDERING, ACTION_WORDS])
}

//! How words are spelled: short forms, and ordinary words that must not be taken for misspelled ones.

/// Contractions without an apostrophe, abbreviations and slang, and their full spelling.
pub(super) const SPELLED_OUT: &[(&str, &str)] = &[
    ("dont", "do not"),
    ("don't", "do not"),
    ("doesnt", "does not"),
    ("didnt", "did not"),
    ("cant", "can not"),
    ("can't", "can not"),
    ("cannot", "can not"),
    ("wont", "will not"),
    ("won't", "will not"),
    ("isnt", "is not"),
    ("shouldnt", "should not"),
    ("wasnt", "was not"),
    ("whats", "what is"),
    ("hows", "how is"),
    ("wheres", "where is"),
    ("whys", "why is"),
    ("lets", "let us"),
    ("let's", "let us"),
    ("im", "i am"),
    ("ive", "i have"),
    ("id", "i would"),
    ("teh", "the"),
    ("hte", "the"),
    ("yuo", "you"),
    ("pls", "please"),
    ("plz", "please"),
    ("plss", "please"),
    ("u", "you"),
    ("ur", "your"),
    ("r", "are"),
    ("ya", "you"),
    ("gonna", "going to"),
    ("wanna", "want to"),
    ("gotta", "have to"),
    ("gimme", "give me"),
    ("tmrw", "tomorrow"),
    ("2moro", "tomorrow"),
    ("thanx", "thanks"),
    ("tnx", "thanks"),
    ("thks", "thanks"),
    ("prod", "production"),
    ("&", "and"),
    ("w/", "with"),
    ("tho", "though"),
    ("cuz", "because"),
    ("rn", "now"),
    ("thats", "that is"),
    ("it's", "it is"),
    ("ain't", "is not"),
    ("aint", "is not"),
    ("wassup", "what is going on"),
    ("geht's", "gehts"),
    ("lauft's", "lauft"),
    ("gib's", "gib es"),
    ("un-pause", "unpause"),
    ("kick-off", "kick off"),
    ("roll-out", "rollout"),
    ("roll-back", "rollback"),
    ("web-app", "webapp"),
    ("c'est", "c est"),
];

/// Ordinary words that look like misspelled words of the rules, and are not.
pub(super) const COMMON: &str = "step steps shop shops shopping spot stock stoop stomp stamp drop drops about abroad \
    fill bill will skill skills kilo kick skip chip slip pull bush posh plus entry poetry return returns cause because \
    parse phase result results reset cancer relate related replay reply display employ employee delay destroy develop \
    stage static stats wait want write hold told gold cold sold bold fold part post sort poor report import export \
    ports slow shot snow shown list lost fast least late past file files fall mail tail rail love like line lives give \
    five leave life offline abort above crash clash class glass grass pass path math bath both moth month move more \
    most must just dust rust trust trace track trick truck track back pack black block clock lock look book took cook \
    good wood food foot root boot boost host hosts cost lost post most almost also always away array delay play \
    player place plate planet plant plane plan plans plain rain train brain chain change chance dance \
    balance sales sale safe save wave have gave cave case base face race trace space price prize size side ride hide \
    wide wife wire fire hire tire time dime lime mine nine fine wine line pine pipe type tape cape \
    table cable able label level never every very vary carry marry sorry story store score scope slope hope rope \
    note vote quote quite quiet guide build built guilt quick thick think thank tank bank rank link drink pink sink \
    bring spring string strong strange orange range manage image usage message package passage average storage \
    contact contract content context concert convert cover discover deliver driver river never fever server servers \
    service services device advice notice office officer offer order border older elder under wonder thunder number \
    member remember september november december october january february april august summer winter \
    hello help helped helper health healthy wealth death dead head read lead load road board beard heard hard card \
    cart chart start smart party dirty thirty forty fifty eighty ninety hundred thousand million \
    water later letter better butter matter master monster minister sister mister mother father brother other another \
    together whether weather leather feather either neither whole hole role rule rules tool tools pool cool school \
    people purple simple sample example temple couple double trouble bubble middle little bottle battle cattle castle \
    repo repos repository branch branches commit commits merge merged issue issues tests test tested testing texts text \
    next best rest west east least last cast fast vast mast nest guest request quest forest honest interest \
    logs login logout password secret secrets token tokens variable variables value values config configure \
    docker nginx linux ubuntu debian windows mac apple google amazon cloud clouds proud loud local locale total \
    nothing something anything everything someone anyone everyone somewhere anywhere somehow maybe perhaps probably \
    make made take took taken give given keep kept know known knew need needs feel felt find found tell told \
    this that these those with from into over then than them they their there here where were while which what \
    when your yours mine ours hers his says said saying goes gone went come came does doing done been being were \
    have having would could should might shall must cannot only even ever still such same some many much more \
    team steam stream dream cream scream screen green queen seen been keen between agreed speed feed seed weed \
    domain email emails phone phones photo photos video videos audio radio studio ratio nation station \
    customer customers client clients user users admin staff stuff friend friends boss bosses colleague meeting \
    coffee lunch dinner breakfast night light right might tight fight sight eight weight height \
    joke jokes poem poems song songs recipe movie music python rust java javascript node react \
    sleep sheep sheet shell smell spell small tall ball call calls wall hall fall mall \
    write wrote written rewrite bite kite site sites website webhook cron backup backups database \
    explained problem problems question questions answer answers reason season lesson person persons \
    copy copies empty entry retry enemy energy simply supply apply applied reply";

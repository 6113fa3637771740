"""The commands by name: in which part of the loop each stands, where its code lies, and what it does in one line."""

from typing import NamedTuple


class Command(NamedTuple):
    """A command: `MODULE:FUNCTION` under `trivium.cli`, loaded when it is called, and its line in the list of all."""

    place: str
    says: str


PARTS = {
    "Begin": {
        "init": Command("start:init", "Make a working project in a new folder"),
        "doctor": Command("start:doctor", "Report all problems of a project at once"),
        "rehearse": Command("rehearse:rehearse", "Run the whole loop over your own history, with faults"),
    },
    "Data": {
        "collect": Command("collect:collect", "Read, check, summarise and commit what is new"),
        "table": Command("table:table", "Show a table's partitions, now or as they were"),
        "contract infer": Command("contract:infer", "Propose a contract from a table's past"),
        "contract check": Command("contract:check", "Hold files to a contract before anyone sends them"),
        "contract diff": Command("contract:diff", "Say what a change would have let in or kept out"),
        "contract sql": Command("contract:sql", "Write the checks as SQL, for where the rows live"),
        "quarantine list": Command("quarantine:list_", "List the partitions with rows held back, and why"),
        "quarantine show": Command("quarantine:show", "Show rows that were held back"),
        "quarantine release": Command("quarantine:release", "Let held-back rows in after all"),
        "quarantine drop": Command("quarantine:drop", "Give held-back rows up"),
        "checks": Command("checks:checks", "List every check: its owner, expiry and hits"),
        "erase": Command("erase:erase", "Erase an entity's rows and answers for good"),
    },
    "Experiment": {
        "try": Command("experiment:try_", "Let an idea climb until a rung says no"),
        "ideas": Command("experiment:ideas", "Show every idea: how far it came, why it stopped"),
        "runs": Command("experiment:runs", "Show every run: steps that ran or were remembered"),
        "judge": Command("evaluate:judge", "Judge a version: scorecard and gate, by slice"),
        "versions": Command("lineage:versions", "List the versions, and where they stand"),
        "show": Command("lineage:show", "Show all that a version is made of"),
        "diff": Command("lineage:diff", "Show in what two versions differ"),
        "trace": Command("lineage:trace", "Walk from an answer to its causes, or back"),
    },
    "Release": {
        "replay": Command("release:replay", "Let a version answer the traffic of past days"),
        "release": Command("release:release", "Move a version to its next stage"),
        "rollback": Command("release:rollback", "Let the last good version answer again, at once"),
        "route": Command("release:route", "Show who answers, now or at a time"),
        "serve": Command("serve:serve", "Answer requests over HTTP"),
        "skew": Command("skew:skew", "Compare what was served with the offline path"),
        "token create": Command("token:create", "Make a token and show its secret, once"),
        "token list": Command("token:list_", "List the tokens"),
        "token revoke": Command("token:revoke", "Take a token back"),
    },
    "Watch and respond": {
        "tick": Command("watch:tick", "Do whatever is due now, once"),
        "watch": Command("watch:watch", "Show a table or the live model over time"),
        "alarms list": Command("alarms:list_", "Show the latest alarms"),
        "alarms mark": Command("alarms:mark", "Say of an alarm that it was useful, or noise"),
        "alarms mute": Command("alarms:mute", "Ask not to be paged about something until a time"),
        "alarms unmute": Command("alarms:unmute", "End a mute before its time"),
        "alarms ledger": Command("alarms:ledger", "Tell what each rule's alarms were worth"),
        "alarms promote": Command("alarms:promote", "Let a demoted rule page again"),
        "alarms tune": Command("alarms:tune", "Weigh pages against faults caught, on your history"),
        "incidents list": Command("respond:incidents", "List the open incidents"),
        "incidents show": Command("respond:show", "Show an incident: causes, alarms, history"),
        "incidents ack": Command("respond:ack", "Take an incident: you are looking into it"),
        "incidents resolve": Command("respond:resolve", "Close an incident"),
        "review list": Command("review:list_", "List the answers that wait for a person"),
        "review show": Command("review:show", "Show one: why it is there, and what was asked"),
        "review take": Command("review:take", "Take the first that nobody has in hand"),
        "review decide": Command("review:decide", "Say what is true: an outcome in your name"),
        "review skip": Command("review:skip", "Take an answer out of the queue without a label"),
        "ledger": Command("ledger:ledger", "Show the record of decisions, or its hash"),
    },
}
COMMANDS = {name: command for part in PARTS.values() for name, command in part.items()}
GROUPS = {
    "contract": "What a table's rows must be like",
    "quarantine": "The rows that were held back, and why",
    "alarms": "What was told, and what people said of it",
    "incidents": "What needs a person",
    "review": "The answers that a check wants looked at",
    "token": "Who may do what over the network",
}

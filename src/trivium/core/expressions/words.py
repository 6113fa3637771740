"""Words with a meaning: those of the language, and those of SQL that the language has not, with what to do instead.

A column of such a name is written in double quotes.
"""

RESERVED = {
    "and", "or", "not", "in", "is", "like", "between", "null", "true", "false",
    "case", "when", "then", "else", "end", "distinct", "from",
}  # fmt: skip

NO_COLUMN = {"select", "current_date", "current_timestamp"}

_QUERY = "leave queries out: an expression sees one row; compute a column for it"
_CLOCK = "compare with date '2013-03-04' or a column: the clock is not in the language, so that a replay agrees"
_PATTERN = "use like, starts_with, ends_with or contains: there are no regular expressions"
_CAST = "leave the cast out: numbers are doubles, dates are times; a text is no number"
FOREIGN = {
    "select": _QUERY,
    "exists": _QUERY,
    "union": _QUERY,
    "where": _QUERY,
    "distinct": "leave it out: an expression sees one row",
    "over": _QUERY,
    "filter": _QUERY,
    "any": _QUERY,
    "all": _QUERY,
    "count": "count rows by a rule on the partition; an expression sees one row",
    "sum": "sum rows by a rule on the partition; an expression sees one row",
    "avg": "average rows by a rule on the partition; an expression sees one row",
    "min": "use least(a, b); an expression sees one row",
    "max": "use greatest(a, b); an expression sees one row",
    "cast": _CAST,
    "try_cast": _CAST,
    "extract": "use hour(t), minute(t), day(t), weekday(t), month(t) or year(t)",
    "date_part": "use hour(t), minute(t), day(t), weekday(t), month(t) or year(t)",
    "interval": "use seconds_between(a, b) > 86400",
    "datediff": "use seconds_between(a, b)",
    "date_diff": "use seconds_between(a, b)",
    "now": _CLOCK,
    "current_date": _CLOCK,
    "current_timestamp": _CLOCK,
    "ilike": "use lower(s) like 'jf%'",
    "similar": _PATTERN,
    "glob": _PATTERN,
    "regexp": _PATTERN,
    "rlike": _PATTERN,
    "regexp_matches": _PATTERN,
    "matches": _PATTERN,
    "escape": "use contains(s, '%'): nothing escapes a sign in like",
    "collate": "leave it out: text compares by code points",
    "symmetric": "use between least(a, b) and greatest(a, b)",
    "isnull": "use is null",
    "notnull": "use is not null",
    "ifnull": "use coalesce(a, b)",
    "nvl": "use coalesce(a, b)",
    "if": "use case when … then … else … end",
    "iif": "use case when … then … else … end",
    "concat": "use a || b",
    "power": "multiply: powers, logarithms and exponentials differ in the last digit from one machine to the next",
    "ln": "compare the number itself: logarithms differ in the last digit from one machine to the next",
    "log": "compare the number itself: logarithms differ in the last digit from one machine to the next",
    "exp": "compare the number itself: exponentials differ in the last digit from one machine to the next",
}

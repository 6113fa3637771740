"""The one language of checks, slices and outcomes: a safe boolean subset of SQL, parsed once, compiled thrice.

`parse` reads and checks a text, `columns` compiles it to a Polars expression, `row` to a Python closure, `sql` to the
text of three databases; all give the same answers. The language is described in `docs/reference/expressions.md`.
"""

"""The one language of checks, slices and outcomes: a safe boolean subset of SQL, parsed once, compiled twice.

`parse` reads and checks a text, `columns` compiles it to a Polars expression, `row` to a Python closure; both give the
same answers. The language is described in `docs/reference/expressions.md`.
"""

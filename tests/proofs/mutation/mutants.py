"""Small faults that could be written into a module, one at a time.

Holds what is mutated and how, as replacements in the text of a source file. Runs nothing and writes nothing.

Never mutated, because no run of the program could tell, or another check holds it: docstrings, annotations and what
stands under `TYPE_CHECKING`, type variables, `__all__`, the arguments of decorators (`frozen`, `slots`: mypy holds
them), and the wording of errors (whether they are raised is mutated, their sentence is not).
"""

from __future__ import annotations

import ast
import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

COMPARE = {
    ast.Eq: "!=", ast.NotEq: "==", ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
ARITHMETIC = {
    ast.Add: "-", ast.Sub: "+", ast.Mult: "//", ast.FloorDiv: "*", ast.Div: "*", ast.Mod: "*", ast.Pow: "*",
    ast.LShift: ">>", ast.RShift: "<<", ast.BitAnd: "|", ast.BitOr: "&", ast.BitXor: "&",
}  # fmt: skip
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "startswith": "endswith", "endswith": "startswith"}

SQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|PRAGMA|FROM|WHERE|AND|ORDER BY|JOIN|LEFT JOIN|LIMIT)\b")
SQL_CHANGES = [
    (r"(?<= )= ", "!= "), (r"(?<= )(?:!=|<>) ", "= "), (r"(?<= )>= ", "> "), (r"(?<= )> ", ">= "),
    (r"(?<= )<= ", "< "), (r"(?<= )< ", "<= "), (r"\bAND\b", "OR"), (r"\bOR\b(?! (?:REPLACE|IGNORE))", "AND"),
    (r"\bIS NULL\b", "IS NOT NULL"),
    (r"\bIS NOT NULL\b", "IS NULL"), (r"\bDESC\b", "ASC"), (r"\bORDER BY (?:\w+\.)?\w+(?! DESC)\b", r"\g<0> DESC"),
    (r"\bLEFT JOIN\b", "JOIN"), (r"(?<= )0\b", "1"), (r"(?<= )1\b", "2"), (r"\bOR (?:REPLACE|IGNORE) ", ""),
    (r"\bDISTINCT ", ""), (r"\bmax\(", "min("), (r"\bmin\(", "max("),
]  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One fault: the bytes `start` to `end` of a file replaced by `after`.

    `lines` are those of the statement. `number` tells it from others, also from those that look the same, and keeps
    while the rest of the file changes.
    """

    path: str
    line: int
    lines: tuple[int, int]
    place: str
    operator: str
    start: int
    end: int
    before: str
    after: str
    number: str = ""

    def apply(self, source: bytes) -> bytes:
        """Return the file with the fault in it."""
        return source[: self.start] + self.after.encode() + source[self.end :]

    def is_sound(self, source: bytes) -> bool:
        """True when the file with the fault is Python, and another program than the file without it."""
        try:
            changed = ast.parse(self.apply(source))
            compile(changed, self.path, "exec")
        except (SyntaxError, ValueError):
            return False
        return ast.dump(changed) != _dump(source)

    def told(self) -> str:
        """One line that says what is changed and where."""
        before, after = (" ".join(text.split()) for text in (self.before, self.after))
        return f"{self.path}:{self.line} {self.operator}: {before} -> {after}"


def mutants_of(root: Path, path: str) -> list[Mutant]:
    """Return every mutant of a file, in the order of the file; a few are not sound."""
    source = (root / path).read_bytes()
    tree = ast.parse(source)
    found: list[Mutant] = []
    seen: set[tuple[int, int, str]] = set()
    alike: Counter[str] = Counter()
    for mutant in sorted(_Finder(path, source).find(tree), key=lambda each: (each.start, each.end, each.after)):
        key = (mutant.start, mutant.end, mutant.after)
        if key in seen:
            continue
        seen.add(key)
        name = "|".join((path, mutant.place, mutant.operator, mutant.before, mutant.after))
        alike[name] += 1
        number = hashlib.sha256(f"{name}|{alike[name]}".encode()).hexdigest()[:12]
        found.append(Mutant(**{**mutant.__dict__, "number": number}))
    return found


def sample(root: Path, mutants: list[Mutant], count: int, seed: str) -> list[Mutant]:
    """Return `count` sound ones, drawn by the seed; what is drawn changes little when the program does."""
    drawn = sorted(mutants, key=lambda each: hashlib.sha256(f"{seed}|{each.number}".encode()).digest())
    return list(itertools.islice((each for each in drawn if each.is_sound((root / each.path).read_bytes())), count))


class _Finder:
    """Walks a module and offers replacements; knows where it is."""

    def __init__(self, path: str, source: bytes) -> None:
        self._path = path
        self._source = source
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._place: list[str] = []
        self._lines = (1, 1)
        self._wording = 0

    def find(self, tree: ast.Module) -> Iterator[Mutant]:
        yield from self._block(tree.body)

    # --- statements -------------------------------------------------------------------------------------------------

    def _block(self, body: list[ast.stmt]) -> Iterator[Mutant]:
        for statement in body:
            yield from self._statement(statement)

    def _statement(self, node: ast.stmt) -> Iterator[Mutant]:
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.Pass, ast.Global, ast.Nonlocal)) or _is_text(node):
            return
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._place.append(node.name)
            self._lines = (node.lineno, node.body[0].lineno - 1)
            for default in (*node.args.defaults, *(each for each in node.args.kw_defaults if each is not None)):
                yield from self._expression(default)
            yield from self._block(node.body)
            self._place.pop()
            return
        if isinstance(node, ast.ClassDef):
            self._place.append(node.name)
            yield from self._block(node.body)
            self._place.pop()
            return
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        self._lines = _extent(node)
        yield from self._of_statement(node)
        if isinstance(node, ast.AnnAssign):
            values: list[ast.AST] = [node.target, *([node.value] if node.value else [])]
        else:
            values = list(ast.iter_child_nodes(node))
        for value in values:
            if isinstance(value, ast.expr):
                yield from self._expression(value)
            elif isinstance(value, ast.withitem):
                yield from self._expression(value.context_expr)
        for name in ("body", "orelse", "finalbody"):
            yield from self._block(getattr(node, name, []))
        for handler in getattr(node, "handlers", []):
            self._lines = (handler.lineno, handler.lineno)
            if handler.type is not None:
                yield self._mutant(handler.type, "except", "()")
            yield from self._block(handler.body)
        for case in getattr(node, "cases", []):
            self._lines = (case.pattern.lineno, case.pattern.end_lineno)
            if case.guard is not None:
                yield from self._negated(case.guard)
                yield from self._expression(case.guard)
            yield from self._block(case.body)

    def _of_statement(self, node: ast.stmt) -> Iterator[Mutant]:
        if isinstance(node, (ast.If, ast.While)):
            yield from self._negated(node.test)
        elif isinstance(node, ast.Return) and node.value is not None and ast.unparse(node.value) != "None":
            yield self._mutant(node.value, "return", "None")
        elif isinstance(node, ast.Break):
            yield self._mutant(node, "loop", "continue")
        elif isinstance(node, ast.Continue):
            yield self._mutant(node, "loop", "break")
        elif _can_be_left_out(node):
            yield self._mutant(node, "drop", "pass")
        elif isinstance(node, ast.AugAssign):
            target, value = self._text(node.target), self._text(node.value)
            yield self._mutant(node, "arithmetic", f"{target} = {target} {ARITHMETIC[type(node.op)]} ({value})")

    # --- expressions ------------------------------------------------------------------------------------------------

    def _expression(self, node: ast.expr) -> Iterator[Mutant]:
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rsplit(".", 1)[-1]
            if name in ("TypeVar", "NewType", "ParamSpec"):
                return
            if name == "cast" and len(node.args) == 2:
                yield from self._expression(node.args[1])
                return
            self._wording += name.endswith("Error")
            yield from self._of_expression(node)
            yield from self._inside(node)
            self._wording -= name.endswith("Error")
            return
        if isinstance(node, ast.JoinedStr):
            yield from self._string(node)
            for value in ast.walk(node):
                if isinstance(value, ast.FormattedValue) and value.value.col_offset > node.col_offset:
                    yield from self._expression(value.value)
            return
        if isinstance(node, ast.Lambda):
            yield from self._expression(node.body)
            return
        yield from self._of_expression(node)
        yield from self._inside(node)

    def _inside(self, node: ast.AST) -> Iterator[Mutant]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                yield from self._expression(child)
            elif isinstance(child, (ast.keyword, ast.comprehension)):
                for condition in getattr(child, "ifs", []):
                    yield from self._negated(condition)
                yield from self._inside(child)

    def _of_expression(self, node: ast.expr) -> Iterator[Mutant]:
        text = self._text
        if isinstance(node, ast.Constant):
            yield from self._constant(node)
        elif isinstance(node, ast.Compare):
            for number, operator in enumerate(node.ops):
                parts = [text(node.left)]
                for other, (op, right) in enumerate(zip(node.ops, node.comparators, strict=True)):
                    old = ast.unparse(ast.Compare(ast.Name("a"), [op], [ast.Name("b")]))[2:-2]
                    parts += [COMPARE[type(operator)] if other == number else old, text(right)]
                yield self._mutant(node, "compare", f"({' '.join(parts)})")
        elif isinstance(node, ast.BinOp):
            after = f"(({text(node.left)}) {ARITHMETIC[type(node.op)]} ({text(node.right)}))"
            if _is_string(node.left) or _is_string(node.right):  # texts have no other sign: one of the two is left out
                after = f"({text(node.right if _is_string(node.left) else node.left)})"
            yield self._mutant(node, "arithmetic", after)
        elif isinstance(node, ast.BoolOp):
            other = " or " if isinstance(node.op, ast.And) else " and "
            yield self._mutant(node, "logic", f"({other.join(f'({text(value)})' for value in node.values)})")
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
            yield self._mutant(node, "unary", f"({text(node.operand)})")
        elif isinstance(node, ast.IfExp):
            yield from self._negated(node.test)
        elif isinstance(node, ast.Call):
            function = ast.unparse(node.func)
            name = function.rsplit(".", 1)[-1]
            if name in CALLS:
                yield self._mutant(node.func, "call", text(node.func)[: -len(name)] + CALLS[name])

    def _negated(self, test: ast.expr) -> Iterator[Mutant]:
        """Turn a condition round, unless turning its sign does the same."""
        signs = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)
        turned = isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], signs)
        if not turned and not (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):
            yield self._mutant(test, "negate", f"(not ({self._text(test)}))")

    def _constant(self, node: ast.Constant) -> Iterator[Mutant]:
        value = node.value
        if isinstance(value, bool):
            yield self._mutant(node, "constant", str(not value))
        elif isinstance(value, int):
            yield self._mutant(node, "constant", f"({value + 1})")
            yield self._mutant(node, "constant", f"({value - 1})")
        elif isinstance(value, float):
            yield self._mutant(node, "constant", f"({value + 1})")
        elif isinstance(value, bytes):
            yield self._mutant(node, "text", f"(b'XX' + {self._text(node)})")
        elif isinstance(value, str):
            yield from self._string(node)

    def _string(self, node: ast.Constant | ast.JoinedStr) -> Iterator[Mutant]:
        text = self._text(node)
        inner = re.sub(r'^[rfRF]*("""|"|\')', "", text)
        if SQL.match(inner):
            for pattern, replacement in SQL_CHANGES:
                for hit in re.finditer(pattern, text):
                    yield self._mutant(node, "sql", text[: hit.start()] + hit.expand(replacement) + text[hit.end() :])
        elif not self._wording:
            yield self._mutant(node, "text", f"('XX' + {text})")

    # --- places -----------------------------------------------------------------------------------------------------

    def _span(self, node: ast.AST) -> tuple[int, int]:
        start = self._starts[node.lineno - 1] + node.col_offset
        return start, self._starts[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: ast.AST) -> str:
        start, end = self._span(node)
        text = self._source[start:end].decode()
        # What stands in brackets over several lines may not be taken out of them.
        return f"({text})" if "\n" in text and not isinstance(node, (ast.Constant, ast.JoinedStr)) else text

    def _mutant(self, node: ast.AST, operator: str, after: str) -> Mutant:
        start, end = self._span(node)
        place = ".".join(self._place)
        before = self._source[start:end].decode()
        return Mutant(self._path, node.lineno, self._lines, place, operator, start, end, before, after)


@cache
def _dump(source: bytes) -> str:
    return ast.dump(ast.parse(source))


def _is_string(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def _is_text(node: ast.stmt) -> bool:
    """True for docstrings, and for assignments that only name or type things."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("__all__", "__slots__")


def _can_be_left_out(node: ast.stmt) -> bool:
    """True for what is done for its effect; without an assignment to a name, the next line would only lack the name."""
    if isinstance(node, ast.Assign):
        return all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets)
    return isinstance(node, ast.Raise | ast.Delete | ast.Expr)


def _extent(node: ast.stmt) -> tuple[int, int]:
    """Return the first and last line of a statement, without the block below it."""
    body = getattr(node, "body", None) or getattr(node, "cases", None)
    if isinstance(node, ast.Match):
        return node.lineno, node.lineno
    if body:
        return node.lineno, max(node.lineno, body[0].lineno - 1)
    return node.lineno, node.end_lineno or node.lineno

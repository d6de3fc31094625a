"""The small faults that can be planted in a Python file: another comparison, sign, number or word, a statement less."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

SHIFTED = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">"}
NEGATED = {
    **{ast.Lt: ">=", ast.LtE: ">", ast.Gt: "<=", ast.GtE: "<", ast.Eq: "!=", ast.NotEq: "=="},
    **{ast.In: "not in", ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is"},
}
ARITHMETIC = {
    **{ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "*", ast.Pow: "*"},
    **{ast.BitAnd: "|", ast.BitOr: "&", ast.MatMult: "*"},
}
SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Fault:
    """One fault: what stands between two offsets of a file, in bytes, is replaced.

    `line` is where it is; `first` and `last` are the lines of its statement, without those of its body: of a statement
    on several lines Python runs some only.
    """

    path: str
    line: int
    first: int
    last: int
    start: int
    end: int
    old: str
    new: str

    def is_python(self, source: str) -> bool:
        """Return whether the file is a program still: a keyword left out of a pattern, say, is not."""
        try:
            compile(self.planted(source), self.path, "exec")
        except SyntaxError:
            return False
        return True

    def planted(self, source: str) -> str:
        """Return the file's text with the fault in it."""
        data = source.encode()
        return (data[: self.start] + self.new.encode() + data[self.end :]).decode()

    def __str__(self) -> str:
        """Say where the fault is and what it changes, on one line."""
        old, new = (" ".join(text.split()) for text in (self.old, self.new))
        return f"{self.path}:{self.line}: {old[:90]} -> {new[:90] or '(left out)'}"


def faults(path: str, source: str) -> list[Fault]:
    """Return all faults of a file, in the order of the text; none changes a docstring, an annotation or an import."""
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    data = source.encode()

    def place(node: ast.AST) -> tuple[int, int]:
        return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset

    def text(node: ast.AST) -> str:
        start, end = place(node)
        return data[start:end].decode()

    found = {}
    for node, statement in _planted_in(ast.parse(source)):
        for changed, new in [*_of_expression(node, text), *_of_statement(node)]:
            lines = changed.lineno, *_lines_of(statement)
            found[Fault(path, *lines, *place(changed), text(changed), new)] = None
    return sorted(found, key=lambda fault: (fault.start, fault.end, fault.new))


def _lines_of(statement: ast.stmt) -> tuple[int, int]:
    """Return the first and the last line of a statement, without its body."""
    body = getattr(statement, "body", [])
    return statement.lineno, max(statement.lineno, body[0].lineno - 1) if body else statement.end_lineno


def _planted_in(node: ast.AST, statement: ast.AST | None = None) -> Iterator[tuple[ast.AST, ast.stmt]]:
    """Yield what is planted in, each with its statement: no docstring, annotation, import or part of an f-string."""
    statement = node if isinstance(node, ast.stmt) else statement
    if isinstance(node, ast.Import | ast.ImportFrom) or _is_docstring(node) or _is_for_types(node):
        return
    if statement is not None:
        yield node, statement
    if isinstance(node, ast.JoinedStr):  # before Python 3.12 nodes in it do not know their place
        return
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "type_params", "format_spec"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _planted_in(child, statement)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_for_types(node: ast.AST) -> bool:
    """Return whether a statement is for type checkers, or the list of public names, which change nothing that runs."""
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)


def _of_expression(node: ast.AST, text: Callable[[ast.AST], str]) -> Iterator[tuple[ast.AST, str]]:
    match node:
        case ast.Compare(left, [op], [right]):
            for table in (SHIFTED, NEGATED):
                if type(op) in table:
                    yield node, f"({text(left)} {table[type(op)]} {text(right)})"
        case ast.Compare(left, ops, rights):
            for at in range(len(ops)):
                parts = [text(left)]
                for i, (other, right) in enumerate(zip(ops, rights, strict=True)):
                    parts += [
                        (SHIFTED | {ast.Eq: "!="}).get(type(other), "==") if i == at else _symbol(other),
                        text(right),
                    ]
                yield node, f"({' '.join(parts)})"
        case ast.BoolOp(op, values):
            word, other = ("and", "or") if isinstance(op, ast.And) else ("or", "and")
            parts = [f"({text(value)})" for value in values]
            yield node, f"({f' {other} '.join(parts)})"
            for left_out in range(len(parts)):
                yield node, f"({f' {word} '.join(parts[:left_out] + parts[left_out + 1 :])})"
        case ast.UnaryOp(ast.Not() | ast.USub() | ast.Invert(), operand):
            yield node, f"({text(operand)})"
        case ast.BinOp(left, op, right) if type(op) in ARITHMETIC and not (_is_text(left) or _is_text(right)):
            yield node, f"(({text(left)}) {ARITHMETIC[type(op)]} ({text(right)}))"
        case ast.IfExp(_, body, orelse):
            yield node, f"({text(body)})"
            yield node, f"({text(orelse)})"
        case ast.Constant(bool(value)):
            yield node, repr(not value)
        case ast.Constant(int(value) | float(value)):
            yield node, repr(value + 1)
        case ast.Constant(str(value)) if value != "utf-8":
            yield node, repr(value + "XX") if value else "'XX'"
        case ast.JoinedStr():
            yield node, f"({text(node)} + 'XX')"
        case ast.Call(func, args, keywords):
            if isinstance(func, ast.Name) and func.id in SWAPPED:
                yield func, SWAPPED[func.id]
            for keyword in keywords:
                others = [text(arg) for arg in args] + [
                    _keyword(other, text) for other in keywords if other is not keyword
                ]
                if keyword.arg and keyword.arg not in (
                    "encoding",
                    "strict",
                    "stacklevel",
                ):  # UTF-8 is what our systems have
                    yield node, f"{text(func)}({', '.join(others)})"


def _of_statement(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    match node:
        case ast.If(test):
            yield test, "True"
            yield test, "False"
        case ast.Return(value) if value is not None and not (isinstance(value, ast.Constant) and value.value is None):
            yield node, "return None"
        case ast.Break():
            yield node, "continue"
        case ast.Continue():
            yield node, "break"
        case ast.Expr(ast.Call()) | ast.Raise() | ast.AugAssign() | ast.Delete():
            yield node, "pass"
        case ast.Assign([ast.Attribute() | ast.Subscript()]):
            yield node, "pass"


def _symbol(op: ast.cmpop) -> str:
    return ast.unparse(ast.Compare(ast.Name("a"), [op], [ast.Name("b")]))[2:-2]


def _keyword(keyword: ast.keyword, text: Callable[[ast.AST], str]) -> str:
    return f"{keyword.arg}={text(keyword.value)}" if keyword.arg else f"**{text(keyword.value)}"


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))

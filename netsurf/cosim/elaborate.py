"""A second reader of what was emitted: pyverilog says whether every memory of the site map exists.

The emitter wrote both the Verilog and the site map, so a defect in it could make both wrong in the same
way. Here the Verilog is parsed by a tool that knows nothing of the site map, and only as much of it is
elaborated as the way from the top to each memory needs: instances, parameters, generate conditions.
"""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netsurf import toolchain
from netsurf.emit import Accelerator
from netsurf.errors import SiteMapError, ToolFailedError

Number = tuple[int, int]
"""A constant: value, and width in bits (32 where Verilog gives it none)."""


def confirm_sites(accelerator: Accelerator) -> int:
    """Parse the emitted files and check that every memory of the site map is there, with its size.

    Returns
    -------
    Stored bits found, replicas' whole memories included.

    Raises
    ------
    SiteMapError
        Naming the first memory that does not exist or has another size.
    MissingToolError
        If Icarus, pyverilog's preprocessor, is not installed.
    ToolFailedError
        If pyverilog cannot read a file.
    """
    return compare(accelerator, parse(accelerator.paths))


def compare(accelerator: Accelerator, modules: Mapping[str, Any]) -> int:
    """The check of :func:`confirm_sites` on modules that are parsed already."""
    found = 0
    for store in accelerator.stores:
        for path, width in store.memories.values():
            size = memory_size(modules, path)
            if size != (store.words, width):
                raise SiteMapError(
                    f"{path} has {size[0]} words of {size[1]} bits in the Verilog; design.json says "
                    f"{store.words} words of {width} bits; emit the design again: netsurf emit"
                )
            found += size[0] * size[1]
    return found


def parse(paths: tuple[Path, ...]) -> dict[str, Any]:
    """Module name to pyverilog's syntax tree; its parser tables are written to a scratch folder."""
    from pyverilog.vparser.parser import ParseError, VerilogCodeParser

    toolchain.icarus()
    files = [str(path.absolute()) for path in paths]
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stderr(io.StringIO()):
        output = f"{scratch}/preprocessed.v"
        reader = VerilogCodeParser(files, preprocess_output=output, outputdir=scratch, debug=False)
        try:
            tree = reader.parse()
        except ParseError as error:
            raise ToolFailedError("pyverilog", paths[-1], str(error)) from error
    return {m.name: m for m in tree.description.definitions if type(m).__name__ == "ModuleDef"}


def memory_size(modules: Mapping[str, Any], path: str) -> tuple[int, int]:
    """Words and bits of a word of the memory at a hierarchical path that starts with the top module.

    Raises
    ------
    SiteMapError
        If there is no such memory.
    """
    top, *scopes, name = path.split(".")
    if top not in modules:
        raise SiteMapError(f"{path}: there is no module {top}; emit the design again: netsurf emit")
    place = _Place(modules, modules[top].items, _Values({}, modules[top]))
    for scope in scopes:
        place = place.enter(scope, path)
    return place.memory(name, path)


@dataclass(frozen=True, slots=True)
class _Place:
    """Somewhere in the hierarchy: the items of a module or block, and the values of its parameters."""

    modules: Mapping[str, Any]
    items: Any
    values: _Values

    def enter(self, scope: str, path: str) -> _Place:
        """The instance or generate block called ``scope``."""
        for item in _flat(self.items, self.values):
            kind = type(item).__name__
            if kind == "Block" and item.scope == scope:
                return _Place(self.modules, item.statements, self.values)
            if kind == "InstanceList" and item.instances[0].name == scope and item.module in self.modules:
                module = self.modules[item.module]
                given = {p.paramname: (p.argname, self.values) for p in item.parameterlist}
                return _Place(self.modules, module.items, _Values(given, module))
        raise SiteMapError(
            f"{path} does not exist in the Verilog: nothing there is called {scope}; emit the design again: "
            "netsurf emit"
        )

    def memory(self, name: str, path: str) -> tuple[int, int]:
        """Words and width of the array of registers called ``name``."""
        for item in _flat(self.items, self.values):
            for declared in getattr(item, "list", ()):
                if type(declared).__name__ == "Reg" and declared.name == name and declared.dimensions:
                    return self._extent(declared.dimensions.lengths[0]), self._extent(declared.width)
        raise SiteMapError(f"{path} is no memory in the Verilog; emit the design again: netsurf emit")

    def _extent(self, span: Any) -> int:
        return abs(self.values.of(span.msb)[0] - self.values.of(span.lsb)[0]) + 1


def _flat(items: Any, values: _Values) -> Iterator[Any]:
    """Items with generate regions opened and generate conditions decided."""
    for item in items or ():
        kind = type(item).__name__
        if kind == "GenerateStatement":
            yield from _flat(item.items, values)
        elif kind == "IfStatement":
            chosen = item.true_statement if values.of(item.cond)[0] else item.false_statement
            yield from _flat([chosen] if chosen else [], values)
        else:
            yield item


@dataclass(slots=True)
class _Values:
    """Values of the parameters of one module, computed when asked for.

    ``given`` holds what the instance overrides, with the values in which it is to be understood.
    """

    given: Mapping[str, tuple[Any, _Values]]
    module: Any
    known: dict[str, Number] = field(default_factory=dict)

    def of(self, node: Any) -> Number:
        """The constant that an expression is."""
        kind = type(node).__name__
        if kind == "IntConst":
            return _literal(node.value)
        if kind == "Identifier":
            return self._parameter(node.name)
        if kind in ("Concat", "LConcat"):
            return _joined([self.of(part) for part in node.list])
        if kind == "Repeat":
            return _joined([self.of(node.value)] * self.of(node.times)[0])
        if kind in _UNARY:
            return _UNARY[kind](*self.of(node.right))
        if kind in _BINARY:
            return _BINARY[kind](self.of(node.left)[0], self.of(node.right)[0]), 32
        raise SiteMapError(f"line {node.lineno} of the Verilog: cannot elaborate {kind}")

    def _parameter(self, name: str) -> Number:
        if name not in self.known:
            expression, values = self.given.get(name) or (self._declared(name), self)
            self.known[name] = values.of(expression)
        return self.known[name]

    def _declared(self, name: str) -> Any:
        declarations = [*(self.module.paramlist.params or ()), *self.module.items]
        for declaration in declarations:
            for entry in getattr(declaration, "list", ()):
                if type(entry).__name__ in ("Parameter", "Localparam") and entry.name == name:
                    return entry.value.var
        raise SiteMapError(f"{self.module.name} has no parameter {name}")


_UNARY = {
    "Uor": lambda value, width: (int(value != 0), 1),
    "Uand": lambda value, width: (int(value == (1 << width) - 1), 1),
    "Uminus": lambda value, width: (-value, width),
}
_BINARY = {
    "Plus": lambda a, b: a + b,
    "Minus": lambda a, b: a - b,
    "Times": lambda a, b: a * b,
    "Divide": lambda a, b: a // b,
    "Eq": lambda a, b: int(a == b),
    "NotEq": lambda a, b: int(a != b),
    "GreaterThan": lambda a, b: int(a > b),
    "LessThan": lambda a, b: int(a < b),
    "Lor": lambda a, b: int(a != 0 or b != 0),
    "Land": lambda a, b: int(a != 0 and b != 0),
}


def _literal(text: str) -> Number:
    """A Verilog literal.

    >>> _literal("12'hf0"), _literal("7")
    ((240, 12), (7, 32))
    """
    match = re.fullmatch(r"(\d+)?'([bodhBODH])([0-9a-fA-F_]+)", text)
    if match is None:
        return int(text), 32
    base = {"b": 2, "o": 8, "d": 10, "h": 16}[match[2].lower()]
    return int(match[3], base), int(match[1] or 32)


def _joined(parts: list[Number]) -> Number:
    """A concatenation, its first part highest.

    >>> _joined([(1, 1), (2, 3)])
    (10, 4)
    """
    bits = "".join(f"{value:0{width}b}" for value, width in parts)
    return int(bits or "0", 2), len(bits)

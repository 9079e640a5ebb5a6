"""The allow-list: which syntax nodes, filters, tests and attributes a template may hold.

What is not listed here is refused, with its line; so new syntax of a later Jinja2 is refused
too. The structure of the walk bounds the depth of expressions before Jinja2's recursive
compiler sees them.
"""

import inspect
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Final, NoReturn

from jinja2 import TemplateSyntaxError, nodes

from templating import limits
from templating.sandbox import LOOP_ATTRIBUTES, TemplateEnvironment

RESERVED_NAMES: Final = frozenset({"loop", "self", "super", "caller", "varargs", "kwargs"})

REASONS: Final[dict[type[nodes.Node], str]] = {
    nodes.Call: "calls are not allowed (for key and value of a mapping write "
    "'for key, value in mapping')",
    nodes.Concat: "joining with '~' is not allowed: write the values side by side",
    nodes.Dict: "mappings in braces are not allowed",
    nodes.Slice: "slices are not allowed",
    nodes.BinExpr: "arithmetic is not allowed",
    nodes.UnaryExpr: "arithmetic is not allowed",
}


def check_syntax(template: nodes.Template, environment: TemplateEnvironment) -> None:
    """Refuse what is not on the allow-list.

    Raises:
        jinja2.TemplateSyntaxError: with line and reason.
    """
    _Check(environment).body(template.body, loops=0)


class _Check:
    def __init__(self, environment: TemplateEnvironment) -> None:
        self._filters: Mapping[str, Any] = environment.filters
        self._tests: Mapping[str, Any] = environment.tests

    def body(self, body: Sequence[nodes.Node], loops: int) -> None:
        for node in body:
            match node:
                case nodes.Output():
                    for child in node.nodes:
                        if not isinstance(child, nodes.TemplateData):
                            self.expression(child, loops)
                case nodes.If():
                    self._if(node, loops)
                case nodes.For():
                    self._for(node, loops)
                case _:
                    _refuse(node)

    def _if(self, node: nodes.If, loops: int) -> None:
        if len(node.elif_) > limits.BRANCHES:
            _refuse(node, f"an if has more than {limits.BRANCHES} elif branches")
        for branch in (node, *node.elif_):
            self.expression(branch.test, loops)
            self.body(branch.body, loops)
        self.body(node.else_, loops)

    def _for(self, node: nodes.For, loops: int) -> None:
        if loops >= limits.LOOP_DEPTH:
            _refuse(node, f"loops are nested more than {limits.LOOP_DEPTH} deep")
        if node.recursive:
            _refuse(node, "recursive loops are not allowed")
        targets = node.target.items if isinstance(node.target, nodes.Tuple) else [node.target]
        for target in targets:
            if not isinstance(target, nodes.Name) or len(targets) > limits.LITERAL_ITEMS:
                _refuse(node, "a for needs plain names before 'in'")
            _check_name(target)
        self.expression(node.iter, loops)
        if node.test is not None:
            self.expression(node.test, 0)
        self.body(node.body, loops + 1)
        self.body(node.else_, loops)

    def expression(self, node: nodes.Node, loops: int, depth: int = 1) -> None:
        if depth > limits.EXPRESSION_DEPTH:
            _refuse(node, "the expression is too deeply nested")

        def inner(*children: nodes.Node | None) -> None:
            for child in children:
                if child is not None:
                    self.expression(child, loops, depth + 1)

        match node:
            case nodes.Const():
                _check_literal(node)
            case nodes.Name():
                _check_name(node)
            case nodes.Getattr(node=nodes.Name(name="loop")):
                if not loops or node.attr not in LOOP_ATTRIBUTES:
                    _refuse(node, f"'loop.{node.attr}' does not exist here")
            case nodes.Getattr():
                _check_attribute(node, node.attr)
                inner(node.node)
            case nodes.Getitem():
                if isinstance(node.arg, nodes.Const):
                    _check_attribute(node, node.arg.value)
                inner(node.node, node.arg)
            case nodes.List() | nodes.Tuple():
                self._check_items(node, loops)
            case nodes.Filter() if node.node is not None:
                self._check_call(node, "filter", self._filters)
                inner(node.node, *node.args, *(pair.value for pair in node.kwargs))
            case nodes.Test():
                self._check_call(node, "test", self._tests)
                inner(node.node)
            case nodes.Compare(ops=[operand]):
                inner(node.expr, operand.expr)
            case nodes.Compare():
                _refuse(node, "chained comparisons are not allowed: combine two with 'and'")
            case nodes.And() | nodes.Or():
                inner(node.left, node.right)
            case nodes.Not():
                inner(node.node)
            case nodes.Neg(node=nodes.Const(value=int() | float())):
                inner(node.node)
            case nodes.CondExpr():
                inner(node.test, node.expr1, node.expr2)
            case _:
                _refuse(node)

    def _check_items(self, node: nodes.List | nodes.Tuple, loops: int) -> None:
        if len(node.items) > limits.LITERAL_ITEMS:
            _refuse(node, f"a list holds more than {limits.LITERAL_ITEMS} items")
        for item in node.items:
            if not isinstance(item, nodes.Const | nodes.Name | nodes.Getattr | nodes.Neg):
                _refuse(node, "a list may hold only literals and variables")
            self.expression(item, loops, limits.EXPRESSION_DEPTH // 2)

    def _check_call(
        self, node: nodes.Filter | nodes.Test, kind: str, known: Mapping[str, Any]
    ) -> None:
        if node.name not in known:
            _refuse(node, f"the {kind} '{node.name}' is not allowed")
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            _refuse(node, f"the {kind} '{node.name}' cannot be called with * or **")
        try:
            inspect.signature(known[node.name]).bind(
                None, *node.args, **{str(pair.key): pair.value for pair in node.kwargs}
            )
        except TypeError as error:
            _refuse(node, f"the {kind} '{node.name}' does not take these arguments: {error}")


def _check_name(node: nodes.Name) -> None:
    if node.name.startswith("_") or node.name in RESERVED_NAMES:
        _refuse(node, f"the name '{node.name}' cannot be used here")


def _check_attribute(node: nodes.Node, attribute: object) -> None:
    if isinstance(attribute, str) and attribute.startswith("_"):
        _refuse(node, f"names that begin with '_' cannot be read: '{attribute}'")


def _check_literal(node: nodes.Const) -> None:
    value = node.value
    if isinstance(value, str) and len(value) > limits.LITERAL_CHARACTERS:
        _refuse(node, f"a literal is longer than {limits.LITERAL_CHARACTERS} characters")
    if isinstance(value, int) and value.bit_length() > limits.INTEGER_BITS:
        _refuse(node, "a number is too large")
    if isinstance(value, float) and not isfinite(value):
        _refuse(node, "a number is too large")


def _refuse(node: nodes.Node, reason: str = "") -> NoReturn:
    if not reason:
        kinds = (REASONS[kind] for kind in type(node).__mro__ if kind in REASONS)
        reason = next(kinds, f"{type(node).__name__} is not allowed")
    raise TemplateSyntaxError(reason, node.lineno)

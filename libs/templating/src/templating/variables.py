"""Which variables a template needs: derived from its syntax tree, as a reader would.

A name is required if some rendering could fail for want of it. It is optional if it is only
tested, has a default, or is used only where a test has shown that it is there
(`{% if name %}Dear {{ name }}{% endif %}`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from jinja2 import nodes

Names = frozenset[str]
NONE: Names = frozenset()


@dataclass(slots=True)
class VariableUse:
    """The top-level names of a template, and the dotted paths that are printed."""

    required: set[str] = field(default_factory=set)
    tested: set[str] = field(default_factory=set)
    paths: set[tuple[str, ...]] = field(default_factory=set)

    @property
    def optional(self) -> set[str]:
        """Names that a rendering can do without."""
        return self.tested - self.required


def variable_use(template: nodes.Template) -> VariableUse:
    """Return the variables of a template that passed the allow-list."""
    walk = _Walk()
    walk.body(template.body, NONE, NONE)
    return walk.use


class _Walk:
    """`local` holds loop variables in scope, `known` the names that a test has shown present."""

    def __init__(self) -> None:
        self.use = VariableUse()

    def body(self, body: Sequence[nodes.Node], local: Names, known: Names) -> None:
        for node in body:
            if isinstance(node, nodes.Output):
                for child in node.nodes:
                    self.value(child, local, known)
            elif isinstance(node, nodes.If):
                refuted = known
                for branch in (node, *node.elif_):
                    self.test(branch.test, local, refuted)
                    self.body(branch.body, local, refuted | shown(branch.test, outcome=True))
                    refuted |= shown(branch.test, outcome=False)
                self.body(node.else_, local, refuted)
            elif isinstance(node, nodes.For):
                self.value(node.iter, local, known)
                targets = frozenset(name.name for name in node.target.find_all(nodes.Name))
                if isinstance(node.target, nodes.Name):
                    targets |= {node.target.name}
                inside, inside_known = local | targets | {"loop"}, known - targets
                if node.test is not None:
                    self.test(node.test, inside, inside_known)
                    inside_known |= shown(node.test, outcome=True) - targets
                self.body(node.body, inside, inside_known)
                self.body(node.else_, local, known)

    def value(self, node: nodes.Node, local: Names, known: Names) -> None:
        """Visit an expression whose value is used: what it names must be there."""
        match node:
            case nodes.And():
                self.value(node.left, local, known)
                self.value(node.right, local, known | shown(node.left, outcome=True))
            case nodes.Or():
                self.test(node.left, local, known)
                self.value(node.right, local, known | shown(node.left, outcome=False))
            case nodes.CondExpr():
                self.test(node.test, local, known)
                self.value(node.expr1, local, known | shown(node.test, outcome=True))
                if node.expr2 is not None:
                    self.value(node.expr2, local, known | shown(node.test, outcome=False))
            case nodes.Not() | nodes.Compare() | nodes.Test():
                self.test(node, local, known)
            case nodes.Filter() if node.node is not None:
                follow = self.test if node.name in {"default", "d"} else self.value
                follow(node.node, local, known)
                self._arguments(node, local, known)
            case nodes.Name():
                self._name((node.name,), local, known, required=True)
            case nodes.Getattr() | nodes.Getitem():
                self._path(node, local, known, required=True)
            case _:
                for child in node.iter_child_nodes():
                    self.value(child, local, known)

    def test(self, node: nodes.Node, local: Names, known: Names) -> None:
        """Visit an expression that is only tested: what it names may be missing."""
        match node:
            case nodes.And() | nodes.Or():
                self.test(node.left, local, known)
                outcome = isinstance(node, nodes.And)
                self.test(node.right, local, known | shown(node.left, outcome=outcome))
            case nodes.CondExpr():
                self.test(node.test, local, known)
                self.test(node.expr1, local, known | shown(node.test, outcome=True))
                if node.expr2 is not None:
                    self.test(node.expr2, local, known | shown(node.test, outcome=False))
            case nodes.Not() | nodes.Test():
                self.test(node.node, local, known)
            case nodes.Compare():
                self.test(node.expr, local, known)
                self.test(node.ops[0].expr, local, known)
            case nodes.Filter() if node.node is not None:
                self.test(node.node, local, known)
                self._arguments(node, local, known)
            case nodes.Name():
                self._name((node.name,), local, known, required=False)
            case nodes.Getattr() | nodes.Getitem():
                self._path(node, local, known, required=False)
            case _:
                self.value(node, local, known)

    def _arguments(self, node: nodes.Filter, local: Names, known: Names) -> None:
        for argument in (*node.args, *(pair.value for pair in node.kwargs)):
            self.value(argument, local, known)

    def _path(
        self, node: nodes.Getattr | nodes.Getitem, local: Names, known: Names, *, required: bool
    ) -> None:
        steps: list[str] = []
        at: nodes.Node = node
        while isinstance(at, nodes.Getattr | nodes.Getitem):
            if isinstance(at, nodes.Getattr):
                steps.insert(0, at.attr)
            elif isinstance(at.arg, nodes.Const) and isinstance(at.arg.value, str):
                steps.insert(0, at.arg.value)
            else:
                steps.clear()
                self.value(at.arg, local, known)
            at = at.node
        if isinstance(at, nodes.Name):
            self._name((at.name, *steps), local, known, required=required)
        elif required:
            self.value(at, local, known)
        else:
            self.test(at, local, known)

    def _name(self, path: tuple[str, ...], local: Names, known: Names, *, required: bool) -> None:
        name = path[0]
        if name in local:
            return
        if required:
            self.use.paths.add(path)
        (self.use.required if required and name not in known else self.use.tested).add(name)


def shown(test: nodes.Node, *, outcome: bool) -> Names:
    """Return the names that must be there if `test` came out as `outcome`."""
    match test:
        case nodes.Name():
            return frozenset({test.name}) if outcome else NONE
        case nodes.Getattr() | nodes.Getitem():
            return shown(test.node, outcome=outcome)
        case nodes.Not():
            return shown(test.node, outcome=not outcome)
        case nodes.Test():
            proves = {"defined": True, "none": True, "undefined": False}[test.name]
            return shown(test.node, outcome=True) if proves == outcome else NONE
        case nodes.And() | nodes.Or():
            left, right = shown(test.left, outcome=outcome), shown(test.right, outcome=outcome)
            return left | right if isinstance(test, nodes.And) == outcome else left & right
        case nodes.Compare():
            if (test.ops[0].op not in {"ne", "notin"}) != outcome:
                return NONE
            return shown_operand(test.expr) | shown_operand(test.ops[0].expr)
    return NONE


def shown_operand(node: nodes.Node) -> Names:
    """Return the name whose value is this operand, if it is a plain lookup."""
    plain = isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem)
    return shown(node, outcome=True) if plain else NONE

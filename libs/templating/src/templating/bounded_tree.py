"""The last pass over the checked syntax tree: every loop and comparison gets its meter.

A later pass that needs to know where in the HTML a value is printed belongs next to this one.
"""

from collections.abc import Iterable

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from templating.operators import COMPARISON, LOOP_INPUT


def bound_work(template: nodes.Template) -> None:
    """Route loop input and comparisons through `operators`; in place."""
    _Bound().visit(template)


class _Bound(NodeTransformer):
    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 (Jinja2 finds it by name)
        weight = 1 + sum(map(_weight, node.body)) + (_weight(node.test) if node.test else 0)
        pairs = isinstance(node.target, nodes.Tuple) and len(node.target.items) == 2
        self.generic_visit(node)
        node.iter = _call(LOOP_INPUT, node.iter, [nodes.Const(weight), nodes.Const(pairs)])
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        (operand,) = node.ops
        return _call(COMPARISON, node.expr, [nodes.Const(operand.op), operand.expr])

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.Node:  # noqa: N802
        """`x if y` without else is empty otherwise."""
        self.generic_visit(node)
        if node.expr2 is None:
            node.expr2 = nodes.Const("", lineno=node.lineno)
        return node


def _call(name: str, value: nodes.Node, arguments: Iterable[nodes.Expr]) -> nodes.Filter:
    return nodes.Filter(value, name, list(arguments), [], None, None, lineno=value.lineno)


def _weight(node: nodes.Node) -> int:
    """Count the nodes evaluated once per round; an inner loop charges for its own body."""
    children: Iterable[nodes.Node] = (
        [node.iter] if isinstance(node, nodes.For) else node.iter_child_nodes()
    )
    return 1 + sum(map(_weight, children))

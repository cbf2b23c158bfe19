"""Single edits of the expressions of one statement: each yields candidates with a prior of how often such a slip is the defect.

Which generators look at which kind of expression; they lie in a file for each subject.
"""

import ast

from arguments import call, keywords, lambdas, pair, wrapped, yielded
from conditions import chosen, comparison, comprehension, logic, negated, negation, only_where, stronger
from mixed import exchanged, throughout
from names import attribute, deeper, donors, name, tuples
from operands import arithmetic, augmented, constant, missing_operand, offsets, shifted
from parts import listed, slicing, subscript


def candidates(place):
    """All single edits of a statement's own expressions."""
    for node in place.nodes:
        for kind, generators in GENERATORS:
            if isinstance(node, kind):
                for generate in generators:
                    for candidate in generate(place, node):
                        if candidate is not None:
                            yield candidate
    if isinstance(place.statement, ast.AugAssign):
        yield from augmented(place)
    yield from throughout(place)


GENERATORS = (
    (ast.Compare, (comparison,)),
    (ast.BoolOp, (logic,)),
    (ast.UnaryOp, (negation,)),
    (ast.BinOp, (arithmetic,)),
    (ast.Constant, (constant,)),
    (ast.Name, (name,)),
    (ast.Attribute, (attribute,)),
    ((ast.Name, ast.Attribute), (deeper,)),
    (ast.Call, (call, keywords)),
    (ast.Subscript, (subscript,)),
    ((ast.Name, ast.Attribute, ast.Call, ast.Subscript), (slicing,)),
    ((ast.Tuple, ast.List), (pair,)),
    (ast.Tuple, (tuples,)),
    (ast.List, (listed,)),
    ((ast.BinOp, ast.BoolOp, ast.Call, ast.Compare, ast.IfExp, ast.Subscript, ast.Tuple), (exchanged,)),
    (ast.IfExp, (chosen,)),
    ((ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp), (comprehension,)),
    ((ast.Yield, ast.YieldFrom), (yielded,)),
    (ast.Lambda, (lambdas,)),
    (ast.expr, (negated, stronger, only_where, offsets, missing_operand, shifted, wrapped, donors)),
)

"""What is changed: comparisons and their boundaries, logic, branches on null, extremes."""

from collections.abc import Iterator
from typing import Final

from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.plugins import OPERATOR_PROVIDERS
from parso.python.tree import Keyword, Name
from parso.tree import NodeOrLeaf

Position = tuple[tuple[int, int], tuple[int, int]]

_SWAPPED: Final = {
    "is_null": "is_not_null",
    "is_not_null": "is_null",
    "eq_missing": "eq",
    "min": "max",
    "max": "min",
    "first": "last",
    "last": "first",
    "any_horizontal": "all_horizontal",
    "all_horizontal": "any_horizontal",
    "min_horizontal": "max_horizontal",
    "max_horizontal": "min_horizontal",
}
_OPPOSITE: Final = {"True": "False", "False": "True"}
_UNDECIDING: Final = ("maintain_order", "frozen", "slots", "strict", "eager")
_CORE: Final = (
    "ReplaceComparisonOperator_Lt_LtE",
    "ReplaceComparisonOperator_LtE_Lt",
    "ReplaceComparisonOperator_Gt_GtE",
    "ReplaceComparisonOperator_GtE_Gt",
    "ReplaceComparisonOperator_Eq_NotEq",
    "ReplaceComparisonOperator_NotEq_Eq",
    "ReplaceComparisonOperator_Is_IsNot",
    "ReplaceComparisonOperator_IsNot_Is",
    "ReplaceBinaryOperator_BitAnd_BitOr",
    "ReplaceBinaryOperator_BitOr_BitAnd",
    "ReplaceBinaryOperator_Add_Sub",
    "ReplaceBinaryOperator_Sub_Add",
    "ReplaceUnaryOperator_Delete_Invert",
    "ReplaceUnaryOperator_Delete_Not",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
)


class SwapMethod(Operator):  # type: ignore[misc] # cosmic-ray has no types
    """The opposite method of an expression: null for not null, least for most, any for all."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[Position]:
        """Where a name after a dot has an opposite."""
        if isinstance(node, Name) and node.value in _SWAPPED:
            before = node.get_previous_leaf()
            if before is not None and before.value == ".":
                yield node.start_pos, node.end_pos

    def mutate(self, node: Name, index: int) -> Name:
        """The opposite name."""
        assert index == 0
        return Name(_SWAPPED[node.value], node.start_pos, prefix=node.prefix)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """One change, for cosmic-ray's own listing."""
        return (Example("a.is_null()", "a.is_not_null()"),)


class FlipLiteral(Operator):  # type: ignore[misc] # cosmic-ray has no types
    """True for False and back, but for options that change no answer, only speed or order."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[Position]:
        """Where a truth is written that may decide something."""
        if isinstance(node, Keyword) and node.value in _OPPOSITE:
            equals = node.get_previous_leaf()
            name = equals.get_previous_leaf() if equals is not None else None
            if name is None or name.value not in _UNDECIDING:
                yield node.start_pos, node.end_pos

    def mutate(self, node: Keyword, index: int) -> Keyword:
        """The other truth."""
        assert index == 0
        return Keyword(_OPPOSITE[node.value], node.start_pos, prefix=node.prefix)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """One change, for cosmic-ray's own listing."""
        return (Example("a.fill_null(value=True)", "a.fill_null(value=False)"),)


_OURS: Final = {"SwapMethod": SwapMethod, "FlipLiteral": FlipLiteral}
OPERATORS: Final = (*(f"ours/{name}" for name in _OURS), *(f"core/{name}" for name in _CORE))
OPERATOR_PROVIDERS["ours"] = _OURS

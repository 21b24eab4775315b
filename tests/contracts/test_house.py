"""The house's own rules: imports one way, no clock in the rules, no clinical number in code."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
ALLOWED = {
    "data_contracts": {"data_contracts"},
    "hypomag_rules": {"data_contracts", "hypomag_rules"},
    "flows": {"data_contracts", "hypomag_rules", "flows"},
}
OURS = {"data_contracts", "hypomag_rules", "flows", "sample_data", "tests", "benchmarks", "docs"}


def modules(package: str) -> dict[Path, ast.Module]:
    return {
        path: ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_imports_run_one_way() -> None:
    for package, allowed in ALLOWED.items():
        for path, tree in modules(package).items():
            ours = {name.split(".")[0] for name in imported(tree)} & OURS
            assert ours <= allowed, path.relative_to(ROOT)


def test_only_the_flows_touch_files_clocks_and_databases() -> None:
    for path, tree in modules("hypomag_rules").items():
        outside = imported(tree) & {"duckdb", "prefect", "pathlib", "os", "time", "pandera"}
        assert not outside, path.relative_to(ROOT)
        calls = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not calls & {"now", "today", "utcnow", "scan_csv", "read_csv"}, path.name


def test_prefect_is_imported_in_one_room_only() -> None:
    users = {
        path.name
        for path, tree in modules("flows").items()
        if any(name.split(".")[0] == "prefect" for name in imported(tree))
    }
    assert users == {"nightly.py"}


def test_duckdb_is_imported_in_one_room_only() -> None:
    users = {path.name for path, tree in modules("flows").items() if "duckdb" in imported(tree)}
    assert users == {"store.py"}


def test_no_clinical_number_stands_in_a_rule() -> None:
    """Limits of the policy are read from it: their figures occur in no comparison of the rules."""
    limits = {1.2, 1.5, 2.6, 4.0, 20, 30, 90, 365, 400, 0.95, 72, 3.5, 8.5, 1.12, 7.3, 65, 300}
    spared = {"definitions.py", "policy.py", "policy_sections.py", "instants.py"}
    for path, tree in modules("hypomag_rules").items():
        if path.name in spared:
            continue
        found = {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and type(node.value) in {int, float}
        }
        assert not found & limits, f"{path.name}: {found & limits}"


def test_no_rule_puts_a_clinical_word_into_otherwise() -> None:
    words = {"severe", "low", "target_met", "high", "adequate", "severe_impairment"}
    for path, tree in modules("hypomag_rules").items():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "otherwise"
            ):
                said = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)}
                arguments = {
                    constant.value
                    for argument in node.args
                    for constant in ast.walk(argument)
                    if isinstance(constant, ast.Constant)
                }
                assert not (said & arguments & words), path.name

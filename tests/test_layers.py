"""Imports go down only, in the order of the design."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import ntlbg

PACKAGE = Path(ntlbg.__file__).parent
LAYERS = (
    ("addresses", "disk_space", "errors", "generation", "text_files", "types", "visible"),
    ("packages", "plugins", "roles"),
    ("config",),
    (
        "video",
        "conversations",
        "data",
        "datasets",
        "selectors",
        "compressors",
        "marks",
        "files",
        "hashes",
        "hub",
        "intervals",
        "json_lines",
        "judging",
        "links",
        "scratch",
        "tensor_files",
        "time_text",
        "video_files",
        "downloads",
        "published_parts",
        "question",
        "question_forms",
    ),
    ("pictures", "models"),
    ("encoders", "evidence", "text"),
    ("index", "memory"),
    ("analysis", "feature_loader", "retrievers"),
    ("answerers",),
    ("budget", "choosing"),
    ("system",),
    ("looking", "telling"),
    ("talking",),
    ("pipeline", "video_chapters"),
    ("train", "views", "answer_file", "answer_settings"),
    ("serve", "cli"),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FILES = sorted(PACKAGE.rglob("*.py"))
LABORATORY = sorted((PACKAGE.parent / "ntlbg_lab").rglob("*.py"))
EVERY_FILE = pytest.mark.parametrize(
    "path", FILES + LABORATORY, ids=lambda path: str(path.relative_to(PACKAGE.parent))
)


def unit(path: Path) -> str:
    """The module or subpackage of ntlbg a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Units of ntlbg that a file imports, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "ntlbg":
            names = [f"ntlbg.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("ntlbg.")}
    return found - {"__version__"}


def test_every_unit_has_a_layer():
    units = {unit(path) for path in FILES} - {"__init__", "__main__"}
    assert units <= set(LEVEL), f"give a layer to {sorted(units - set(LEVEL))}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_only(path):
    own = unit(path)
    if own in ("__init__", "__main__"):
        return
    for other in imported(path) - {own}:
        assert LEVEL[other] <= LEVEL[own], f"{own} imports {other}, which is above it"


def test_the_laboratory_is_not_imported_nor_named():
    assert [str(path) for path in FILES if "ntlbg_lab" in path.read_text(encoding="utf-8")] == []


def test_imports_have_no_circles():
    edges = {}
    for path in FILES:
        if unit(path) != "__init__":
            edges.setdefault(unit(path), set()).update(imported(path) - {unit(path)})
    TopologicalSorter(edges).prepare()  # raises CycleError


def test_no_broad_except():
    for path in FILES + LABORATORY:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler):
                names = ast.dump(node.type) if node.type else "bare"
                assert node.type is not None, f"{path}:{node.lineno}"
                assert "'Exception'" not in names, f"{path}:{node.lineno}"
                assert "'BaseException'" not in names, f"{path}:{node.lineno}"


@EVERY_FILE
def test_files_stay_small(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < 350


# They ask before they replace or remove, or keep a cache whose names are theirs alone.
WRITERS = {
    "files.py", "scratch.py", "store.py", "kept.py", "downloads.py", "json_lines.py",
    "checkpoints.py", "stage_files.py", "uploads.py", "records.py", "previews.py",
}  # fmt: skip
DESTROYING = {"replace", "rename", "unlink", "remove", "rmtree", "rmdir", "truncate", "move"}
STAGED = {"stage", "staged"}


def _root(node: ast.AST) -> str | None:
    """The first name of ``(stage / "x").write_text``."""
    while not isinstance(node, ast.Name):
        node = getattr(node, "value", None) or getattr(node, "left", None)
        if node is None:
            return None
    return node.id


@EVERY_FILE
def test_files_are_replaced_and_removed_in_few_places(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name, root = node.func.attr, _root(node.func.value)
        where = f"{path}:{node.lineno}: write through ntlbg.files"
        if name in ("write_text", "write_bytes"):
            assert root in STAGED or path.name in WRITERS, where
        if name in DESTROYING and root in ("os", "shutil", "path", "file", "folder"):
            assert path.name in WRITERS, where

"""Loading: arguments, prefixes, directories, mounted data, and every fault at once."""

from pathlib import Path

import pytest

from image_enforcer.opa.errors import LoadError
from image_enforcer.opa.loader import input_document, load, split_prefix


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def faults(*paths: str) -> tuple[str, ...]:
    with pytest.raises(LoadError) as caught:
        load(paths)
    return caught.value.faults


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("a.json", ((), "a.json")),
        ("x.y:a.json", (("x", "y"), "a.json")),
        ("repl.input:a.json", (("repl", "input"), "a.json")),
        ("./x:a.json", ((), "x:a.json")),
        ("x:./a.json", (("x",), "a.json")),
        ("file:///d/a.json", ((), "/d/a.json")),
        ("x:file:///d/a.json", (("x",), "/d/a.json")),
        ("https://host/a.json", ((), "https://host/a.json")),
        ("x:", ((), "x:")),
        (":a.json", ((), "a.json")),
    ],
)
def test_prefixes(argument: str, expected: tuple[tuple[str, ...], str]) -> None:
    assert split_prefix(argument) == expected


def test_directories_give_documents_their_path_and_modules_theirs() -> None:
    write("d/a.json", '{"k": 1}')
    write("d/b/c/x.yaml", "l: 2")
    write("d/b/p.rego", "package p\nq := 1\n")
    write("d/b/p_test.rego", "package p_test\ntest_q if true\n")
    write("d/notes.txt", "nothing")
    loaded = load(["d"])
    assert loaded.documents == {"k": 1, "b": {"c": {"l": 2}}}
    assert sorted(loaded.modules) == ["d/b/p.rego", "d/b/p_test.rego"]
    assert loaded.raw["d/b/p.rego"] == "package p\nq := 1\n"
    assert sorted(load(["d"], test_files=False).modules) == ["d/b/p.rego"]


def test_a_prefix_is_for_documents_only() -> None:
    write("d/a.json", "[1]")
    write("p.rego", "package p")
    loaded = load(["x.y:d/a.json", "z:p.rego"])
    assert loaded.documents == {"x": {"y": [1]}}
    assert list(loaded.modules) == ["p.rego"]


def test_a_file_with_another_ending_is_read_when_it_is_named() -> None:
    write("r.txt", "package r")
    write("j.txt", '{"j": 1}')
    write("y.txt", "y: 1")
    loaded = load(["r.txt", "j.txt", "y.txt"])
    assert list(loaded.modules) == ["r.txt"]
    assert loaded.documents == {"j": 1, "y": 1}


def test_a_policy_of_version_0() -> None:
    write("p.rego", "package p\nq { true }\n")
    assert list(load(["p.rego"], version=0).modules) == ["p.rego"]
    assert faults("p.rego") == ("p.rego:2: rego_parse_error: `if` keyword is required before rule body",)


def test_a_file_that_is_named_is_not_ignored() -> None:
    write(".a.json", '{"a": 1}')
    write("d/.b.json", '{"b": 1}')
    assert load([".a.json", "d"], ignore=[".*"]).documents == {"a": 1}


def test_every_fault_is_told() -> None:
    write("a.json", "[]")
    write("b.json", "{")
    write("p.rego", "package p\nq := \n")
    told = faults("a.json", "b.json", "p.rego", "gone.json", "b.tar.gz", r"\\host\share", "//host/share", "http://h/a")
    assert [t.partition("\n")[0] for t in told] == [
        "a.json: document must be of type object",
        "b.json: unexpected EOF",
        "p.rego:3: rego_parse_error: unexpected eof token",
        "p.rego:3: rego_parse_error: unexpected eof token: expected rule value term (e.g., q := <VALUE> { ... })",
        "stat gone.json: no such file or directory",
        "b.tar.gz: bundles are not supported yet",
        r"UNC path read is not allowed: \\host\share",
        "UNC path read is not allowed: //host/share",
        "http://h/a: files are not fetched",
    ]


def test_faults_say_the_next_step() -> None:
    write("a.json", "[]")
    with pytest.raises(LoadError) as caught:
        load(["a.json"])
    assert str(caught.value) == (
        "1 error occurred during loading: a.json: document must be of type object\n"
        "  hint: put it below a name: NAME:a.json"
    )


def test_paths_are_told_without_a_leading_dot() -> None:
    write("d/p.rego", "package p")
    write("d/a.json", "[")
    assert faults(".") == faults("./d") == faults("./d/a.json") == ("d/a.json: unexpected EOF",)
    assert list(load(["./d/p.rego"]).modules) == list(load(["."], ignore=["*.json"]).modules) == ["d/p.rego"]


def test_what_two_files_say_differently() -> None:
    write("a.json", '{"x": {"y": 1}}')
    write("d/x/b.json", '{"y": 2}')
    assert faults("a.json", "d") == ("d/x/b.json: merge error: conflicting values at data.x.y, also defined in a.json",)


def test_a_mounted_config_map() -> None:
    write("cm/..2026/p.rego", "package p")
    write("cm/..2026/d.json", '{"a": 1}')
    Path("cm/..data").symlink_to("..2026")
    for name in ("p.rego", "d.json"):
        Path("cm", name).symlink_to(f"..data/{name}")
    loaded = load(["cm"])
    assert (list(loaded.modules), loaded.documents) == (["cm/p.rego"], {"a": 1})


class TestMounting:
    """``./policies ./data/*``: directories of data side by side come under their own names."""

    @pytest.fixture(autouse=True)
    def tree(self) -> None:
        write("policies/p.rego", "package p")
        write("data/docker/a.json", '{"layers": {"x": 1}}')
        write("data/clair/a.json", '{"layers": {"y": 2}}')

    def test_two_directories_are_mounted_and_it_is_said(self) -> None:
        loaded = load(["./policies", "./data/clair", "./data/docker"])
        assert loaded.documents == {"docker": {"layers": {"x": 1}}, "clair": {"layers": {"y": 2}}}
        assert loaded.notices == (
            "mounted ./data/clair at data.clair",
            "mounted ./data/docker at data.docker",
        )

    def test_not_where_it_is_switched_off(self) -> None:
        loaded = load(["./policies", "./data/clair", "./data/docker"], mount=False)
        assert (loaded.documents, loaded.notices) == ({"layers": {"x": 1, "y": 2}}, ())

    def test_not_a_single_one(self) -> None:
        assert load(["./data"]).documents == {"docker": {"layers": {"x": 1}}, "clair": {"layers": {"y": 2}}}
        assert load(["./data/clair"]).documents == {"layers": {"y": 2}}

    def test_not_the_same_one_twice(self) -> None:
        assert faults("data/clair", "./data/clair")[0].endswith("also defined in data/clair/a.json")

    def test_not_one_with_policies_in_it(self) -> None:
        write("data/clair/p.rego", "package q")
        assert load(["data/clair", "data/docker"]).documents == {"layers": {"x": 1, "y": 2}}

    def test_not_one_with_a_prefix(self) -> None:
        loaded = load(["z:data/clair", "data/docker"])
        assert loaded.documents == {"z": {"layers": {"y": 2}}, "layers": {"x": 1}}

    def test_not_where_the_parents_differ(self) -> None:
        write("other/more/a.json", '{"k": 1}')
        assert load(["other/more", "data/docker"]).documents == {"k": 1, "layers": {"x": 1}}

    def test_parents_are_the_same_however_they_are_written(self) -> None:
        assert set(load(["data/clair", "policies/../data/docker/"]).documents) == {"clair", "docker"}


def test_an_input_document() -> None:
    write("i.json", "[1]")
    write("i.yaml", "a: 1")
    write("i", '{"a": 2}')
    assert [input_document(p) for p in ("i.json", "i.yaml", "i")] == [[1], {"a": 1}, {"a": 2}]
    with pytest.raises(LoadError, match=r"stat gone\.json"):
        input_document("gone.json")

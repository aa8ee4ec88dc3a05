"""The repository as a node pack: what ComfyUI and its registry read, help pages, and example workflows that run."""

import ast
import inspect
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from PIL import Image
from specimens import comfy_standin

ROOT = Path(__file__).parents[3]
WORKFLOWS = sorted((ROOT / "example_workflows").glob("*.json"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
#: Nodes that are in the front end alone.
NOTES = {"Note", "MarkdownNote"}
CONTROLS = {"fixed", "increment", "decrement", "randomize"}


def nodes_of(workflow):
    return [node for node in workflow["nodes"] if node["type"] not in NOTES]


def widgets_of(node):
    """Values of the widgets by name; a control after a seed is none of the node's own."""
    names = [slot["widget"]["name"] for slot in node["inputs"] if "widget" in slot]
    values = iter(node["widgets_values"])
    found = {}
    for name in names:
        found[name] = next(values)
        if name == "seed":
            assert next(values) in CONTROLS
    assert not list(values)
    return found


def to_api(workflow):
    """A workflow of the front end in API form."""
    links = {link[0]: [str(link[1]), link[2]] for link in workflow["links"]}
    prompt = {}
    for node in nodes_of(workflow):
        linked = {slot["name"]: links[slot["link"]] for slot in node["inputs"] if slot["link"] is not None}
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": {**widgets_of(node), **linked}}
    return prompt


def test_requirements_are_those_of_the_project():
    assert (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines() == PROJECT["project"]["dependencies"]


#: What ``pip install -r requirements.txt`` of ComfyUI 0.3.64 gives on Linux with Python 3.12, of the packages that soart
#: needs too: uv pip compile ComfyUI/requirements.txt --exclude-newer 2025-10-12, run on 2026-11-26.
INSTALLED = {
    "alembic": "1.17.0", "huggingface-hub": "0.35.3", "jinja2": "3.1.6", "markupsafe": "3.0.3", "numpy": "2.3.3",
    "pillow": "11.3.0", "pydantic": "2.12.0", "pyyaml": "6.0.3", "safetensors": "0.6.2", "scipy": "1.16.2",
    "sqlalchemy": "2.0.44", "torch": "2.8.0", "transformers": "4.56.2",
}  # fmt: skip


#: Older ones do not fit the first diffusers that refuses the code of model folders.
UPGRADED = {"huggingface-hub", "safetensors", "transformers"}


def test_a_working_installation_of_comfyui_is_upgraded_where_safety_needs_it_alone():
    needed = {one.name.lower(): one for one in map(Requirement, PROJECT["project"]["dependencies"])}
    assert set(INSTALLED) <= set(needed)
    assert {name for name, version in INSTALLED.items() if version not in needed[name].specifier} == UPGRADED


def test_the_registry_finds_what_it_needs():
    """By the rules of comfy-cli 1.23, whose own check is a job of CI (docs.comfy.org/registry/specifications)."""
    project, comfy = PROJECT["project"], PROJECT["tool"]["comfy"]
    assert set(comfy) == {"PublisherId", "DisplayName", "Icon", "requires-comfyui", "includes"}
    assert re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,98}[a-z0-9]", project["name"])
    assert "comfyui" not in project["name"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", project["version"])
    assert re.fullmatch(r"(>=|==)\d+\.\d+\.\d+", comfy["requires-comfyui"])
    # Of classifiers it knows operating systems, and environments that are accelerators.
    assert not [one for one in project["classifiers"] if one.startswith("Environment ::")]
    assert project["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / project["license-files"][0]).read_text(encoding="utf-8")
    repository = project["urls"]["Repository"]
    assert repository.startswith("https://github.com/")
    # An address, of a file of this repository.
    raw = repository.replace("https://github.com/", "https://raw.githubusercontent.com/")
    assert comfy["Icon"].startswith(f"{raw}/main/")
    with Image.open(ROOT / comfy["Icon"].removeprefix(f"{raw}/main/")) as icon:
        assert icon.width <= 800
        assert icon.height <= 400
    ignored = (ROOT / ".comfyignore").read_text(encoding="utf-8").splitlines()
    assert "tests/" in ignored
    assert not {"plugin/", "example_workflows/", "locales/", "requirements.txt"} & set(ignored)


def test_documentation_links_to_files_of_the_pack_alone():
    ignored = (ROOT / ".comfyignore").read_text(encoding="utf-8").splitlines()
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    assert not {page.relative_to(ROOT).parts[0] for page in pages} & set(ignored)
    for page in pages:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            first = (page.parent / target).resolve().relative_to(ROOT.resolve()).parts[0]
            assert f"{first}/" not in ignored, (page.name, target)
            assert first not in ignored, (page.name, target)


@pytest.mark.parametrize("language", sorted(path.name for path in (ROOT / "locales").iterdir()))
def test_every_word_of_the_nodes_is_translated(language, comfy):
    folder = ROOT / "locales" / language
    words = json.loads((folder / "nodeDefs.json").read_text(encoding="utf-8"))
    assert json.loads((folder / "main.json").read_text(encoding="utf-8"))["nodeCategories"] == {"SOART": "SOART"}
    ours = {name: node.GET_SCHEMA() for name, node in comfy.nodes.items() if name.startswith("Soart")}
    assert set(words) == set(ours)
    for name, schema in ours.items():
        there = words[name]
        assert there["display_name"].startswith("SOART ")
        assert there["description"] not in ("", schema.description)
        assert list(there["inputs"]) == [one.id for one in schema.inputs]
        assert list(there["outputs"]) == [str(number) for number in range(len(schema.outputs))]
        given = [*((one.id, one.options["tooltip"]) for one in schema.inputs), *((one.display_name, one.tooltip) for one in schema.outputs)]  # fmt: skip
        for entry, (_, tooltip) in zip([*there["inputs"].values(), *there["outputs"].values()], given, strict=True):
            assert entry["name"]
            assert entry["tooltip"] not in ("", tooltip)
            assert re.findall(r"\d+", entry["tooltip"]) == re.findall(r"\d+", tooltip), entry


def test_the_package_imports_without_comfyui():
    code = "import sys, soart; assert soart.WEB_DIRECTORY; assert not {'torch', 'comfy_api', 'diffusers'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd="/")
    code = "import soart\ntry: soart.comfy_entrypoint\nexcept ModuleNotFoundError: print('no host')"
    ran = subprocess.run([sys.executable, "-c", code], check=True, cwd="/", capture_output=True, text=True)
    assert ran.stdout == "no host\n"


def test_loading_the_pack_loads_no_heavy_package(tmp_path):
    """The server waits for every pack when it starts: listing the nodes and the judges must be cheap."""
    (tmp_path / "custom_nodes").mkdir()
    (tmp_path / "custom_nodes/soart-checkout").symlink_to(ROOT)
    code = f"""
import sys
from pathlib import Path
from specimens import comfy_standin
base = Path({str(tmp_path)!r})
sys.modules.update(comfy_standin.interface(base, base))
before = set(sys.modules)
_, nodes = comfy_standin.load_pack(base / "custom_nodes/soart-checkout")
[judges] = [i.choices for i in nodes["SoartScore"].GET_SCHEMA().inputs if i.id == "by"]
print(*judges)
print(*sorted({{name.partition(".")[0] for name in set(sys.modules) - before}}))
"""
    ran = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT / "tests", capture_output=True, text=True)
    judges, loaded = (set(line.split()) for line in ran.stdout.splitlines())
    assert {"overall", "technical", "blur"} <= judges
    heavy = {
        "sklearn",
        "pandas",
        "sqlalchemy",
        "scipy",
        "torch",
        "diffusers",
        "transformers",
        "pydantic",
        "safetensors",
    }
    assert not loaded & heavy


def test_every_node_is_described_and_has_a_help_page(comfy):
    ours = {name: node.GET_SCHEMA() for name, node in comfy.nodes.items() if name.startswith("Soart")}
    assert len([schema for schema in ours.values() if not schema.is_deprecated]) == 9
    pages = {page.stem: page.read_text(encoding="utf-8") for page in (ROOT / "plugin/comfyui/web/docs").glob("*.md")}
    assert set(pages) == set(ours)
    for name, schema in ours.items():
        assert schema.display_name.startswith("SOART ")
        assert schema.category == "SOART"
        assert schema.description.endswith(".")
        assert pages[name].startswith(f"# {schema.display_name}\n")
        for one in schema.inputs:
            assert one.options["tooltip"].endswith((".", "learnt.", "1")), (name, one.id)
            assert f"**{one.id}**" in pages[name], (name, one.id)
        for one in schema.outputs:
            assert one.tooltip
            assert f"**{one.display_name}**" in pages[name], (name, one.display_name)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_fit_the_nodes(path, comfy):
    workflow = json.loads(path.read_text(encoding="utf-8"))
    with Image.open(path.with_suffix(".jpg")) as thumbnail:
        assert thumbnail.width > 200
    # Its name is what people read in the list of templates.
    assert re.fullmatch(r"[A-Z][a-z]+( [a-z]+)+", path.stem)
    picture = f"docs/comfyui/{path.stem.lower().replace(' ', '_')}.png"
    assert len((ROOT / picture).read_bytes()) < 300_000
    by_id = {node["id"]: node for node in workflow["nodes"]}
    for number, source, slot, target, place, kind in workflow["links"]:
        assert number in by_id[source]["outputs"][slot]["links"]
        assert by_id[target]["inputs"][place]["link"] == number
        assert by_id[source]["outputs"][slot]["type"] == by_id[target]["inputs"][place]["type"] == kind
    for node in nodes_of(workflow):
        if not node["type"].startswith("Soart"):
            continue
        schema = comfy.nodes[node["type"]].GET_SCHEMA()
        # The front end orders required inputs before optional ones.
        ordered = sorted(schema.inputs, key=lambda one: one.optional)
        assert [slot["name"] for slot in node["inputs"]] == [one.id for one in ordered]
        widgets = [one for one in ordered if one.io_type in ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO") and not one.options.get("force_input")]  # fmt: skip
        assert list(widgets_of(node)) == [one.id for one in widgets]
        for one in widgets:
            value = widgets_of(node)[one.id]
            assert one.io_type != "COMBO" or value in one.choices
        assert [slot["type"] for slot in node["outputs"]] == [one.io_type for one in schema.outputs]


#: Shorter than for people, of whom nobody picks.
SHORTER = {
    "SoartGenerate": {"steps": 4}, "SoartPromptChoice": {"count": 2, "collection": "example"}, "SoartChoose": {"seconds": 1},
    "EmptyLatentImage": {"width": 64, "height": 64}, "KSampler": {"steps": 1},
}  # fmt: skip


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_run(path, host):
    prompt = to_api(json.loads(path.read_text(encoding="utf-8")))
    if "standin" in type(host).__module__ and not path.stem.startswith("Try"):
        pytest.skip("its sampler is the host's own")
    for node in prompt.values():
        node["inputs"].update(SHORTER.get(node["class_type"], {}))
        if node["class_type"] == "SoartGenerate":
            node["inputs"]["count"] = min(node["inputs"]["count"], 4)
        if node["class_type"] == "CheckpointLoaderSimple":
            node.update(class_type="TestModel", inputs={})
    ran = host.run(prompt)
    assert ran.ok, ran.error
    assert not ran.node_errors
    for key, node in prompt.items():
        if node["class_type"].startswith("Soart") and node["class_type"] != "SoartPromptChoice":
            shown = ran.outputs[key]
            assert shown.get("images") or shown.get("text") or shown.get("soart_table"), node["class_type"]
            assert {host.image(entry).ndim for entry in shown.get("images", [])} <= {3}


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js here")
def test_the_front_end_reads_workflows_of_earlier_versions():
    """The inputs get their present names; links and values, which go by place, stay."""
    saved = [
        {"inputs": [{"name": "images", "link": 4}, {"name": "profile", "link": 7, "widget": {"name": "profile"}}]},
        {"inputs": [{"name": "judge", "link": None, "widget": {"name": "judge"}}], "widgets_values": ["clip", "", 0]},
        {"widgets_values": []},
    ]
    script = ROOT / "plugin/comfyui/web/saved_workflows.js"
    code = f"""
import {{ renameInputs }} from {json.dumps(script.as_uri())};
const saved = {json.dumps(saved)};
saved.forEach(renameInputs);
renameInputs(undefined);
console.log(JSON.stringify(saved));
"""
    ran = subprocess.run(
        ["node", "--input-type=module", "--no-warnings", "--eval", code], check=True, capture_output=True, text=True
    )
    text = json.dumps(saved)
    for name in ("profile", "judge"):
        text = text.replace(f'"{name}"', '"by"')
    assert json.loads(ran.stdout) == json.loads(text)


def test_the_stand_in_takes_nothing_that_the_host_refuses(comfyui_checkout):
    tree = ast.parse((comfyui_checkout / "comfy_api/latest/_io.py").read_text(encoding="utf-8"))
    classes = {one.name: one for one in tree.body if isinstance(one, ast.ClassDef)}

    def arguments(body):
        [start] = [one for one in body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
        return {one.arg for one in start.args.args}

    def fields(body):
        return {one.target.id for one in body if isinstance(one, ast.AnnAssign)}

    assert set(comfy_standin.Input.known) <= arguments(classes["Input"].body)
    assert set(inspect.signature(comfy_standin.Output).parameters) <= arguments(classes["Output"].body)
    assert fields(classes["Schema"].body) >= set(comfy_standin.Schema.__dataclass_fields__)
    for name, known in comfy_standin.ARGUMENTS.items():
        [own] = [one for one in classes[name].body if isinstance(one, ast.ClassDef) and one.name == "Input"]
        assert set(known) <= arguments(own.body), name


@pytest.mark.usefixtures("comfyui_checkout")
def test_the_server_serves_help_and_the_front_end_script(request):
    server = request.getfixturevalue("_real")
    info = server.json("/object_info")
    ours = sorted(name for name in info if name.startswith("Soart"))
    assert [info[name]["deprecated"] for name in ours].count(False) == 9
    assert info["SoartScore"]["category"] == "SOART"
    folder = "soart-checkout.v1"
    for name in ours:
        assert server.get(f"/extensions/{folder}/docs/{name}.md").startswith(b"# SOART")
    assert f"/extensions/{folder}/soart.js" in server.json("/extensions")
    assert server.json("/i18n")["de"]["nodeDefs"]["SoartScore"]["display_name"] == "SOART Bewerten"
    found = server.json("/workflow_templates")
    assert sorted(found[folder]) == [path.stem for path in WORKFLOWS]
    assert not [line for line in server.log.read_text().splitlines() if "soart" in line and "Cannot import" in line]

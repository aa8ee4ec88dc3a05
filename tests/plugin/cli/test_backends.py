"""Commands that draw with a running backend."""

import json

from specimens.backends import A1111, Comfy, serving

from soart.pipelines.collection.collection import Collection
from soart.pipelines.models.backends.comfy_workflow import default_workflow


def test_generate_with_a_web_ui(soart, tmp_path, caplog):
    command = ("generate", "a {fox|owl}", "-n", 2, "--size", "32", "--steps", 3, "--collection", tmp_path / "c")
    backend = A1111()
    with serving(backend) as name:
        code, out, err = soart(*command, "--model", name, "--set", "device=cpu", "--json")
        assert code == 0, err
        assert "device has no effect, because Automatic1111 at 127.0.0.1:" in caplog.text
        assert json.loads(out)["model"].startswith("a1111:dreamy_v2@")
        assert soart(*command, "--model", name)[0] == 0
        assert len([path for _, path, *_ in backend.requests if path.endswith("txt2img")]) == 2
        code, _, err = soart(*command, "--model", name, "--lora", tmp_path)
        assert (code, err.count("\n")) == (1, 1)
    code, _, err = soart(*command, "--model", name)
    assert (code, err.count("\n")) == (1, 1)
    assert "does not answer" in err
    with Collection(tmp_path / "c") as collection:
        assert {row.generation.steps for row in collection.images()} == {3}


def test_generate_sends_more_fields_to_a_web_ui(soart, tmp_path):
    backend = A1111()
    fields = tmp_path / "more.json"
    fields.write_text('{"enable_hr": true, "hr_scale": 2}')
    command = ("generate", "a fox", "-n", 1, "--size", "32", "--collection", tmp_path / "c")
    with serving(backend) as name:
        code, _, err = soart(
            *command, "--model", name, "--set", f"request={fields}", "--set", "request=hr_upscaler=Latent"
        )
        assert code == 0, err
        [payload] = [body for _, path, body, _ in backend.requests if path.endswith("txt2img")]
        assert (payload["enable_hr"], payload["hr_scale"], payload["hr_upscaler"]) == (True, 2, "Latent")
        for wrong, message in (("seed=4", "set by soart itself: use the seed"), ("nothing", "Expected FIELD=VALUE")):
            code, _, err = soart(*command, "--model", name, "--set", f"request={wrong}")
            assert (code, err.count("\n"), message in err) == (1, 1, True)
    assert soart(*command, "--set", "request=enable_hr=true")[0] == 1


def test_models_lists_what_a_prompt_can_set_in_a_workflow(soart, tmp_path):
    workflow = tmp_path / "w.json"
    workflow.write_text(json.dumps(default_workflow("dreamy.safetensors").nodes))
    with serving(Comfy()) as name:
        code, out, _ = soart("list", f"{name}#{workflow}")
        assert code == 0
        assert "KSampler.denoise" in out
        assert json.loads(soart("list", f"{name}#{workflow}", "--json")[1])["values"]["KSampler.denoise"] == 1.0
    assert [soart("list", what)[0] for what in ("comfyui:embedded", "embedded")] == [1, 2]


def test_tune_with_comfyui(soart, tmp_path):
    space = tmp_path / "space.yaml"
    space.write_text(
        "template: a {what} in {color}\nslots:\n  what: {options: [fox, owl]}\n  color: {options: [red, blue]}\n"
        "  size: {options: [32x32]}\n"
    )
    with serving(Comfy()) as name:
        command = (
            "tune", space, "--model", name, "--budget", 4, "--batch", 2, "--collection", tmp_path / "t", "--json",
        )  # fmt: skip
        code, out, err = soart(*command)
    assert code == 0, err
    assert json.loads(out)["pictures"] == 4


def test_tune_takes_the_settings_that_its_space_leaves_open(soart, tmp_path):
    backend = A1111()
    with serving(backend) as name:
        command = (
            "tune", "a {fox|owl}, {red|blue}", "--model", name, "--budget", 4, "--batch", 4, "--steps", 3, "--size", "32x40",
            "--guidance", 2.5, "--sampler", "DPM++ 2M Karras", "--negative", "fog", "--collection", tmp_path / "t",
        )  # fmt: skip
        code, _, err = soart(*command)
        assert code == 0, err
        drawn = [body for _, path, body, _ in backend.requests if path.endswith("txt2img")]
        facts = {
            tuple(body[key] for key in ("steps", "width", "height", "cfg_scale", "sampler_name", "scheduler"))
            for body in drawn
        }
        assert facts == {(3, 32, 40, 2.5, "DPM++ 2M", "Karras")}
        assert all(body["negative_prompt"].startswith("fog") for body in drawn)
        # A mistake is told before anything is drawn.
        code, _, err = soart(*command[:-4], "--sampler", "Nothing", "--collection", tmp_path / "u")
        assert (code, err.count("\n")) == (1, 1)
        assert "has no sampler 'Nothing'" in err
        # The slots of a space in YAML come first.
        space = tmp_path / "space.yaml"
        space.write_text("template: a {what}\nslots:\n  what: {options: [fox, owl]}\n  steps: {options: [2]}\n")
        before = len(backend.requests)
        command = ("tune", space, *command[2:4], "--budget", 2, "--steps", 9, "--size", 32, "--negative", "fog")
        code, _, err = soart(*command, "--collection", tmp_path / "v")
        assert code == 0, err
        drawn = [body for _, path, body, _ in backend.requests[before:] if path.endswith("txt2img")]
        assert {(body["steps"], body["width"], body["negative_prompt"]) for body in drawn} == {(2, 32, "fog")}

"""Stamps of files and models."""

import os

import pytest

from soart.pipelines.support.file_stamps import MISSING, changed_at, file_stamp, model_stamp


def test_file_stamp_changes_with_size_and_time(tmp_path):
    path = tmp_path / "a"
    stamps = [file_stamp(path)]
    path.write_bytes(b"1")
    stamps.append(file_stamp(path))
    path.write_bytes(b"22")
    os.utime(path, (1, 1))
    stamps.append(file_stamp(path))
    assert len(set(stamps)) == 3
    assert stamps[0] == MISSING
    assert file_stamp(path, tmp_path / "b") == f"{stamps[2]} {MISSING}"


def test_changed_at_is_empty_for_a_missing_file(tmp_path):
    assert changed_at(tmp_path / "a") == ""
    (tmp_path / "a").touch()
    assert len(changed_at(tmp_path / "a")) == len("2026-11-25 14:00")


def test_model_stamp_covers_the_files_of_a_model_folder_only(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "weights.safetensors").write_bytes(b"1")
    before = model_stamp(tmp_path)
    (tmp_path / "a" / "weights.safetensors").write_bytes(b"22")
    assert model_stamp(tmp_path) == before
    (tmp_path / "model_index.json").write_text("{}")
    stamps = {before, model_stamp(tmp_path)}
    (tmp_path / "a" / "weights.safetensors").write_bytes(b"333")
    stamps.add(model_stamp(tmp_path))
    (tmp_path / "a" / "weights.safetensors").rename(tmp_path / "a" / "others.safetensors")
    stamps.add(model_stamp(tmp_path))
    assert len(stamps) == 4
    assert model_stamp("embedded") == model_stamp(" embedded ")


@pytest.mark.parametrize("model", ["", "\0", None, "x" * 5000, "org/name"])
def test_model_stamp_of_anything_else_is_constant(model):
    assert model_stamp(model) == model_stamp(model)

"""Finds the packages and their data, because the repository root is the package ``soart``; all else is in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOMS = ("metrics", "pipelines", "plugin", "prompts")
#: Never part of the package, wherever it lies.
GENERATED = ("__pycache__", "node_modules")


class BuildPython(build_py):
    """Leaves this file, which lies in the folder of the package, out of it."""

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        """Find (package, module, path) of every module."""
        return [module for module in super().find_package_modules(package, package_dir) if module[1] != "setup"]


packages = find_packages(".", include=[pattern for room in ROOMS for pattern in (room, f"{room}.*")])
folders = {Path(*package.split(".")): f"soart.{package}" for package in packages}
data: dict[str, list[str]] = {"soart": ["py.typed"]}
for room in ROOMS:
    for path in Path(room).rglob("*"):
        if not path.is_file() or {*path.parts} & {*GENERATED}:
            continue
        # A file belongs to the nearest package above it; modules of packages are found without help.
        home = next(folder for folder in path.parents if folder in folders)
        if path.suffix != ".py" or path.parent != home:
            data.setdefault(folders[home], []).append(path.relative_to(home).as_posix())

setup(
    cmdclass={"build_py": BuildPython},
    package_dir={"soart": "."},
    packages=["soart", *folders.values()],
    package_data=data,
    include_package_data=False,
)

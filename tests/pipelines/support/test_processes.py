import platform
import subprocess
import sys

import pytest

from soart.pipelines.support.processes import keep_freed_memory

#: Prints the page faults of a dozen times five planes of 12 MB, allocated and freed.
FAULTS = """
import resource
import numpy as np

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def planes():
    for _ in range(12):
        [np.ones((3, 1024, 1024), np.float32) for _ in range(5)]

planes()
before = faults()
planes()
print(faults() - before)
"""
COMMAND = """
import sys
import soart.plugin.cli.app as app
sys.argv[1:] = ["--version"]
try:
    app.main()
except SystemExit:
    pass
"""
WORKER = """
from multiprocessing import Pipe
from soart.pipelines.ingest.local_engine import start_worker
end, other = Pipe()
start_worker(other)
"""


def faults_after(code):
    run = subprocess.run([sys.executable, "-c", code + FAULTS], check=True, capture_output=True, text=True)
    return int(run.stdout.split()[-1])


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these thresholds")
def test_commands_and_workers_keep_freed_memory_and_hosts_are_left_alone():
    host, command, worker = (faults_after(code) for code in ("import soart", COMMAND, WORKER))
    assert max(command, worker) < host / 10


@pytest.mark.skipif(platform.libc_ver()[0] == "glibc", reason="for other C libraries")
def test_other_c_libraries_are_left_alone():
    assert not keep_freed_memory()

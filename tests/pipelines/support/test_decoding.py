"""Pictures that are decoded in other processes."""

import io
import os
import signal
import threading

import numpy as np
import pytest
from PIL import Image

from soart.errors import ImageError
from soart.metrics.image import read_image
from soart.pipelines.support.decoding import DecodingProcesses


def picture(seed=0, side=32):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def decoding():
    decoding = DecodingProcesses(1)
    yield decoding
    decoding.close()


def pid(decoding):
    [worker] = decoding._idle
    return worker._process.pid


def test_pictures_are_decoded_elsewhere(decoding):
    content = picture()
    decoded, here = decoding.decode(content, "a.png"), read_image(content)
    assert np.array_equal(decoded.pixels, here.pixels)
    assert (decoded.format, decoded.notes, decoded.pixels.flags.writeable) == (here.format, here.notes, False)
    assert pid(decoding) != os.getpid()


def test_what_is_no_picture_is_a_sentence_and_ends_no_process(decoding):
    decoding.decode(picture(), "a.png")
    before = pid(decoding)
    with pytest.raises(ImageError, match=r"^'b.png' is not a picture in any known format.$"):
        decoding.decode(b"junk", "b.png")
    assert pid(decoding) == before


class KillingConnection:
    """The connection to a process that is killed while its answer is waited for."""

    def __init__(self, connection, pid):
        self.send, self.recv, self.close = connection.send, connection.recv, connection.close
        self.poll = lambda limit: os.kill(pid, signal.SIGKILL) or connection.poll(limit)


def test_a_process_that_is_killed_or_hangs_costs_one_picture(decoding, monkeypatch):
    decoding.decode(picture(), "a.png")
    # A decoder that hangs in C code does not answer either.
    hung = pid(decoding)
    os.kill(hung, signal.SIGSTOP)
    monkeypatch.setattr(decoding, "limit", 0.5)
    with pytest.raises(ImageError, match=r"^Decoding 'hang.png' crashed or took more than 0.5 seconds.$"):
        decoding.decode(picture(), "hang.png")
    monkeypatch.undo()
    decoding.decode(picture(), "a.png")
    assert pid(decoding) != hung
    [worker] = decoding._idle
    os.kill(pid(decoding), signal.SIGSTOP)
    monkeypatch.setattr(worker, "_connection", KillingConnection(worker._connection, pid(decoding)))
    with pytest.raises(ImageError, match=r"^Decoding 'crash.png' crashed"):
        decoding.decode(picture(), "crash.png")
    assert decoding.decode(picture(), "a.png").pixels.shape == (32, 32, 3)


def test_more_pictures_than_processes_wait_for_their_turn(decoding):
    done = []
    threads = [
        threading.Thread(target=lambda n=n: done.append(decoding.decode(picture(n), "p").pixels.mean()))
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    assert sorted(done) == sorted(read_image(picture(n)).pixels.mean() for n in range(6))
    assert len(decoding._idle) == 1


def test_no_picture_is_decoded_after_the_end():
    decoding = DecodingProcesses(1)
    decoding.close()
    with pytest.raises(ImageError, match="the server ends"):
        decoding.decode(picture(), "a.png")

"""A folder of pictures, for several tests."""

import pytest
from specimens.scanning import settle
from specimens.ugly import encoded, picture


@pytest.fixture
def folder(tmp_path):
    pictures = tmp_path / "pictures"
    (pictures / "inner").mkdir(parents=True)
    for k in range(5):
        content = encoded(picture(k), "PNG")
        path = pictures / ("inner" if k > 2 else "") / f"{k}.png"
        path.write_bytes(content)
        settle(path)
    return pictures

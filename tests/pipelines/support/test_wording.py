from soart.pipelines.support.wording import counted


def test_one_thing_is_singular():
    assert [counted(n) for n in (0, 1, 2)] == ["0 pictures", "1 picture", "2 pictures"]
    assert [counted(n, "file") for n in (1, 5)] == ["1 file", "5 files"]

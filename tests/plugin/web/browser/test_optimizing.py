"""More of what I like in a real browser: started, followed and shown beside its start, then walked back."""

from specimens.waiting import until

from soart.pipelines.collection.collection import Collection
from soart.pipelines.generate import generate, plan
from soart.pipelines.optimizing.records import strength_of


def test_a_picture_is_optimized_and_its_family_walked(come, address, folder, generator, briefly):
    with Collection(folder) as collection:
        [row] = generate(collection, generator, plan("a boat in cool colors", 1, generator, seed=5, steps=2), []).rows
    page = come()
    page.goto(f"{address}/c/0/gallery?sort=date")
    page.click(".cell >> nth=0")
    page.wait_for_selector("[data-optimize]")
    page.keyboard.press("o")
    page.select_option("#optimize [name=by]", "technical")
    page.fill("#optimize [name=strength]", "0.6")
    page.click("#optimize button.primary")
    page.wait_for_selector("#optimize .pair")
    shown = page.eval_on_selector_all("#optimize [data-kin]", "nodes => nodes.map((node) => Number(node.dataset.kin))")
    assert shown[0] == row.id
    assert shown[1] != row.id
    with Collection(folder) as collection:
        assert strength_of(collection.locate(collection.images()[-1])) == 0.6
    # The next one begins with the same strength.
    assert 'value="0.6"' in page.request.get(f"{address}/c/0/optimize?image={shown[1]}").text()
    assert "technical quality" in page.inner_text("#optimize")
    # The result opens beside the picture, and leads back to it.
    page.click("#optimize .pair [data-kin] >> nth=1")
    page.wait_for_selector("#viewer .kin")
    assert page.inner_text("#viewer .kin").startswith("Comes from")
    page.click("#viewer .kin [data-kin]")
    until(lambda: "Led to" in (page.text_content("#viewer-detail") or ""))

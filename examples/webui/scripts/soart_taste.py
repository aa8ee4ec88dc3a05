"""Shows the best of a batch by your taste, and rates the last batch, in Automatic1111, Forge and reForge.

Copy the folder above this one into the web UI's folder ``extensions``, start ``soart web --api``, and restart the web UI. The
script needs nothing but the standard library, and runs on Python 3.7 and later.
"""

import base64
import http.client
import io
import json
import os
import urllib.error
import urllib.parse
import urllib.request

import gradio as gr
from modules import scripts, shared
from modules.processing import process_images

ADDRESS = "http://127.0.0.1:8700"
#: Seconds that soart may take: it measures every picture with a neural network.
SECONDS = 600
#: The pictures of the last batch, as soart takes them.
last = []


def token_for(address, typed):
    """The token that was typed, or that of the environment, which whoever reaches the page cannot send to another machine."""
    own = urllib.parse.urlsplit(address.strip()).hostname in ("127.0.0.1", "localhost", "::1")
    return typed.strip() or (os.environ.get("SOART_API_TOKEN", "").strip() if own else "")


def ask(address, token, what, document, *needed):
    """The answer of soart, with the needed entries; a failure is one sentence."""
    # A proxy of the environment could not reach this machine's own programs.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        token = token_for(address, token)
        if not token.isprintable():
            # The library's own message would show it.
            raise RuntimeError("soart: the token is damaged: copy it again.")
        request = urllib.request.Request(
            address.strip().rstrip("/") + "/api/v1/" + what,
            json.dumps(document).encode(),
            {"Content-Type": "application/json"},
        )
        request.add_unredirected_header("Authorization", "Bearer " + token)
        with opener.open(request, timeout=SECONDS) as answer:
            found = json.loads(answer.read().decode())
    except urllib.error.HTTPError as error:
        try:
            reason = json.loads(error.read().decode())["error"]
        except (ValueError, KeyError, TypeError):
            reason = "it answered %s" % error.code
        raise RuntimeError("soart: %s" % reason)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise RuntimeError(
            "soart does not answer at %s (%s): start soart web --api, and give its address as %s."
            % (address, getattr(error, "reason", error), ADDRESS)
        )
    if not isinstance(found, dict) or not all(name in found for name in needed):
        raise RuntimeError("soart: something else answers at %s." % address)
    return found


def encoded(image):
    """A picture as a PNG in base64."""
    content = io.BytesIO()
    image.save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()


def pictures_of(processed):
    """Places of the pictures among the images of a batch, which may also have a grid, masks and maps."""
    first, texts = processed.index_of_first_image, processed.infotexts
    places = list(range(first, len(processed.images)))
    if len(processed.images) <= len(texts):
        return places
    # Pictures alone have a text, which is also in their file unless that is switched off.
    return [place for place in places if processed.images[place].info.get("parameters") in texts[first:]]


def documents_of(processed, pictures):
    """The pictures at these places of a batch, as soart takes them."""
    documents = []
    for number, place in enumerate(pictures):
        facts = {
            "picture": encoded(processed.images[place]),
            "model": "webui:%s" % (processed.sd_model_name or "unknown"),
        }
        lists = {
            "prompt": processed.all_prompts,
            "negative": processed.all_negative_prompts,
            "seed": processed.all_seeds,
        }
        for name, values in lists.items():
            if number < len(values):
                facts[name] = values[number]
        facts["steps"] = processed.steps
        facts["guidance"] = processed.cfg_scale
        facts["sampler"] = processed.sampler_name
        documents.append(facts)
    return documents


def numbers_of(order, count, keep):
    """Numbers of the pictures that are shown: the best first, those without a score last."""
    return (order + [number for number in range(count) if number not in order])[: keep or None]


def sort(processed, pictures, numbers, scores):
    """Show the pictures of these numbers alone, in their order, and tell the scores."""
    first = processed.index_of_first_image
    processed.images = [processed.images[pictures[number]] for number in numbers]
    processed.infotexts = [processed.infotexts[first + number] for number in numbers]
    for name in ("all_prompts", "all_negative_prompts", "all_seeds", "all_subseeds"):
        values = getattr(processed, name)
        # After an interrupt there are more of them than pictures.
        if len(values) >= len(pictures):
            setattr(processed, name, [values[number] for number in numbers])
    processed.index_of_first_image = 0
    # What the page and its API say of the batch is that of its first picture.
    processed.info, processed.seed = processed.infotexts[0], processed.all_seeds[0]
    processed.subseed = processed.all_subseeds[0]
    told = ["-" if scores[number] is None else "%.1f" % scores[number] for number in numbers]
    processed.comments += "soart, best first: %s\n" % ", ".join(told)


def stars_of(text, count):
    """The stars of a line such as ``5 3 - 1``: one for each picture, ``-`` for none, ``0`` for a skip.

    Raises:
        ValueError: another number of entries, or no stars.
    """
    words = text.replace(",", " ").split()
    try:
        stars = [None if word == "-" else float(word) for word in words]
    except ValueError:
        stars = []
    if len(stars) != count:
        raise ValueError("Give one number for each of the %d pictures, such as 5 3 - 1." % count)
    return stars


def rate(address, token, text):
    """Store the ratings of the last batch; returns the line to show."""
    if not last:
        return "There is no batch yet: draw one with this script."
    try:
        stars = stars_of(text, len(last))
        rated = [dict(document, stars=value) for document, value in zip(last, stars)]
        answer = ask(address, token, "ratings", {"pictures": rated}, "rater", "rated")
    except (RuntimeError, ValueError) as error:
        return str(error)
    return "Stored for %s: %d rated in all." % (answer["rater"], answer["rated"])


class Script(scripts.Script):
    """The entry in the list of scripts."""

    def title(self):
        """Its name."""
        return "soart: best by my taste"

    def ui(self, is_img2img):
        """Its inputs."""
        address = gr.Textbox(label="Address of soart web --api", value=ADDRESS)
        # Its value at the start is in every page, and the web UI would save it.
        token = gr.Textbox(label="Token (empty: SOART_API_TOKEN)", value="", type="password")
        token.do_not_save_to_config = True
        by = gr.Textbox(label="Judge or taste", value="overall")
        keep = gr.Slider(label="Show only the best (0: all)", minimum=0, maximum=64, step=1, value=0)
        stars = gr.Textbox(label="Stars of the pictures shown, in their order, such as 5 3 - 1", value="")
        told = gr.Textbox(label="soart", interactive=False)
        stars.do_not_save_to_config = told.do_not_save_to_config = True
        gr.Button("Rate this batch").click(rate, inputs=[address, token, stars], outputs=[told])
        return [address, token, by, keep]

    def run(self, p, address, token, by, keep):
        """Draw the batch, and sort it."""
        processed = process_images(p)
        pictures = pictures_of(processed)
        if processed.images and not pictures:
            processed.comments += (
                "soart cannot tell pictures from masks: switch on the text in picture files, in the settings.\n"
            )
        if shared.state.interrupted or shared.state.skipped:
            pictures = pictures[: -p.batch_size]
            processed.comments += "soart: pictures that were interrupted are left out.\n"
        documents = documents_of(processed, pictures)
        last[:] = documents
        if not documents:
            return processed
        try:
            answer = ask(address, token, "scores", {"by": by, "pictures": documents}, "order", "scores", "problems")
        except RuntimeError as error:
            # The pictures took long to draw: they are shown whatever soart says.
            processed.comments += "%s\n" % error
            return processed
        numbers = numbers_of(answer["order"], len(documents), int(keep))
        sort(processed, pictures, numbers, answer["scores"])
        last[:] = [documents[number] for number in numbers]
        for problem in answer["problems"]:
            processed.comments += "%s\n" % problem
        return processed

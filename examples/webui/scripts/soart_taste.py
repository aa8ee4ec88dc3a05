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
import urllib.request

import gradio as gr
from modules import scripts
from modules.processing import process_images

ADDRESS = "http://127.0.0.1:8700"
#: Seconds that soart may take: it measures every picture with a neural network.
SECONDS = 600
#: The pictures of the last batch, as soart takes them.
last = []


def ask(address, token, what, document, *needed):
    """The answer of soart, with the needed entries; a failure is one sentence."""
    # A proxy of the environment could not reach this machine's own programs.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        request = urllib.request.Request(
            address.strip().rstrip("/") + "/api/v1/" + what,
            json.dumps(document).encode(),
            {"Content-Type": "application/json", "Authorization": "Bearer " + token.strip()},
        )
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


def documents_of(processed):
    """The pictures of a batch, without its grid, as soart takes them."""
    first = processed.index_of_first_image
    documents = []
    for number, image in enumerate(processed.images[first:]):
        facts = {"picture": encoded(image), "model": "webui:%s" % (processed.sd_model_name or "unknown")}
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


def places_of(order, count, keep):
    """Numbers of the pictures that are shown: the best first, those without a score last."""
    return (order + [number for number in range(count) if number not in order])[: keep or None]


def sort(processed, places, scores):
    """Show the pictures of these numbers alone, in their order and without the grid, and tell the scores."""
    first = processed.index_of_first_image
    count = len(processed.images) - first
    processed.images = [processed.images[first + number] for number in places]
    processed.infotexts = [processed.infotexts[first + number] for number in places]
    for name in ("all_prompts", "all_negative_prompts", "all_seeds", "all_subseeds"):
        values = getattr(processed, name)
        if len(values) == count:
            setattr(processed, name, [values[number] for number in places])
    processed.index_of_first_image = 0
    told = ["-" if scores[number] is None else "%.1f" % scores[number] for number in places]
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
        token = gr.Textbox(
            label="Token (or SOART_API_TOKEN)", value=os.environ.get("SOART_API_TOKEN", ""), type="password"
        )
        by = gr.Textbox(label="Judge or taste", value="overall")
        keep = gr.Slider(label="Show only the best (0: all)", minimum=0, maximum=64, step=1, value=0)
        stars = gr.Textbox(label="Stars of the pictures shown, in their order, such as 5 3 - 1")
        told = gr.Textbox(label="soart", interactive=False)
        gr.Button("Rate this batch").click(rate, inputs=[address, token, stars], outputs=[told])
        return [address, token, by, keep]

    def run(self, p, address, token, by, keep):
        """Draw the batch, and sort it."""
        processed = process_images(p)
        documents = documents_of(processed)
        last[:] = documents
        if not documents:
            return processed
        try:
            answer = ask(address, token, "scores", {"by": by, "pictures": documents}, "order", "scores", "problems")
        except RuntimeError as error:
            # The pictures took long to draw: they are shown whatever soart says.
            processed.comments += "%s\n" % error
            return processed
        places = places_of(answer["order"], len(documents), int(keep))
        sort(processed, places, answer["scores"])
        last[:] = [documents[number] for number in places]
        for problem in answer["problems"]:
            processed.comments += "%s\n" % problem
        return processed

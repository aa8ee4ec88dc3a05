"""Asks the Hugging Face hub once whether it has a model."""

from __future__ import annotations

from ...errors import ModelError, first_line

#: Seconds that the hub has to answer; without a connection the libraries would ask for half a minute.
SECONDS = 10.0


def check_on_hub(name: str, file: str = "config.json") -> None:
    """Check that the hub has a model, unless its ``file`` is in the local cache; an answer neither yes nor no will do."""
    from huggingface_hub import model_info, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError

    try:
        if isinstance(try_to_load_from_cache(name, file), str):
            return
        model_info(name, timeout=SECONDS)
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"The Hugging Face hub has no model {name!r}, or it is private: check the id, log in with 'hf auth login', "
            "or give a local folder."
        ) from error
    except (HfHubHTTPError, HFValidationError):
        return
    # The library passes on the errors of its client for HTTP, which another version may replace.
    except Exception as error:
        raise ModelError(
            f"The model {name!r} is not on this machine, and the Hugging Face hub cannot be reached "
            f"({first_line(error)}): check the id and the connection, or give a local folder, which works offline."
        ) from error

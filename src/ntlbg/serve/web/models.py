"""The model that answers: loaded once and kept, until a request names another."""

import gc
import threading
from dataclasses import replace

from ntlbg.answerers import forget_loaded, kind_of
from ntlbg.encoders import ENCODERS
from ntlbg.errors import ConfigError
from ntlbg.serve.parts import Parts

OF_SERVERS = "openai"


class Models:
    """One at a time.

    Args:
        first: what answers where a request names nothing else.
        any_name: whether requests may name others than those that are told; not where other
            machines are let in, which could look for folders here, or make it fetch things.
    """

    def __init__(self, first: Parts, *, any_name: bool):
        self._first, self.any_name = first, any_name
        self._current, self._lock = replace(first), threading.Lock()  # `first` is never loaded

    @property
    def current(self) -> Parts:
        """What answered last."""
        return self._current

    @property
    def first(self) -> Parts:
        """What answers where nothing else is named."""
        return self._first

    @property
    def model(self) -> str:
        """The name of the first one."""
        model = self._first.model
        return model if isinstance(model, str) else model.name

    @property
    def encoder(self) -> str | None:
        """The name of the first one; None: the natural partner of the model."""
        encoder = self._first.encoder
        return encoder if encoder is None or isinstance(encoder, str) else encoder.name

    @property
    def names(self) -> list[str]:
        """That can always be asked for."""
        return list(dict.fromkeys([self.model, "builtin"]))

    def check(self, model: str | None, encoder: str | None) -> None:
        """Whether a request may name them; nothing is loaded.

        Raises:
            ConfigError: it may not, or there is no such model.
        """
        if encoder is not None and not (encoder in ENCODERS or self.any_name):
            raise ConfigError(
                f"no encoder {encoder[:80]!r} here; give one of {', '.join(ENCODERS)}"
            )
        if model is None or model in self.names:
            return
        if not self.any_name:
            raise ConfigError(
                f"no model {model[:80]!r} here; give one of {', '.join(self.names)}, since other "
                "machines are let in"
            )
        kind_of(model)

    def parts(self, model: str | None, encoder: str | None) -> Parts:
        """What is loaded for a request; what was loaded for another one is given up before."""
        wanted = self._wanted(model, encoder)
        with self._lock:
            if wanted != self._current:
                self._current = wanted
                forget_loaded()
                gc.collect()  # models refer to themselves
            return self._current

    def _wanted(self, model: str | None, encoder: str | None) -> Parts:
        parts = replace(self._first)
        if model is not None and model != self.model:
            is_served = kind_of(model)[0] == OF_SERVERS
            parts = replace(
                parts, model=model, encoder=None, model_options={},
                endpoint=parts.endpoint if is_served else None,
            )  # fmt: skip
        if encoder is not None and encoder != self.encoder:
            parts = replace(parts, encoder=encoder)
        return parts

"""The model that answers, loaded once, when it is first needed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ntlbg.answerers import Answerer
from ntlbg.encoders import Encoder
from ntlbg.system import System, load_system


@dataclass(frozen=True)
class Parts:
    """As of :func:`ntlbg.load_system`."""

    model: str | Answerer = "builtin"
    encoder: str | Encoder | None = None
    endpoint: str | None = None
    model_options: Mapping[str, Any] = field(default_factory=dict)
    text_encoder: str | None = None

    @cached_property
    def system(self) -> System:
        """Loaded; where that fails, the next one who asks tries again.

        Raises:
            NtlbgError: as :func:`ntlbg.load_system`.
        """
        return load_system(
            self.model,
            encoder=self.encoder,
            endpoint=self.endpoint,
            model_options=self.model_options,
            text_encoder=self.text_encoder,
        )

    @property
    def is_loaded(self) -> bool:
        """Whether asking for the system takes no time."""
        return "system" in vars(self)

    def naming(self) -> dict[str, Any]:
        """What names chapters, as arguments of :func:`ntlbg.video_chapters.chapters`."""
        named = {"text_encoder": self.text_encoder}
        if self.model == "builtin":  # which writes no titles, and need not be loaded
            return named | {"encoder": self.encoder}
        return named | {"model": self.system}

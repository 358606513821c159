"""The loop of ``chat``: lines in, answers and the little that can be said beside questions."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from ntlbg import pipeline
from ntlbg.cli.ends import Terminated, tell
from ntlbg.cli.showing import show
from ntlbg.errors import ConfigError, NtlbgError
from ntlbg.files import staged_file
from ntlbg.generation import Generation
from ntlbg.looking import Look
from ntlbg.marks import json_object
from ntlbg.system import System
from ntlbg.time_text import read_seconds
from ntlbg.types import Answer, Turn
from ntlbg.views import console
from ntlbg.views.terminal_pictures import Terminal
from ntlbg.visible import visible

PROMPT = "> "
TALK = json_object("a saved talk", "video", "model", "turns")
HELP = """\
Type a question, or one of these:
  /frames N         choose N frames for the next questions; alone: as at the start
  /span FROM TO     look from here to there, as in /span 1:00 2:00; alone: as at the start
  /again            forget the talk so far
  /save FILE        write all questions and answers as JSON
  /help             this
  /quit             end; so does Ctrl-D
Ctrl-C stops the answer that is being written."""


@dataclass
class Talk:
    """A talk about one video.

    Attributes:
        video: that it is about; its features are in the index.
        system: that answers.
        look: as at the start.
        generation: how text is written.
        way: in which pictures are shown; None: they are not.
        as_json: print an object a line, and nothing else on standard output.
        now: what is looked at for the next question.
        answers: those that were given, the oldest first.
        told: notes that were told; each is told once.
    """

    video: Path
    system: System
    look: Look
    generation: Generation
    way: Terminal | None = None
    as_json: bool = False
    now: Look = field(init=False)
    answers: list[Answer] = field(default_factory=list)
    told: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.now = self.look

    @property
    def turns(self) -> list[Turn]:
        """As the model is told them; what was answered with no word is no turn."""
        return [Turn(one.question, one.text) for one in self.answers if one.text.strip()]

    def ask(self, question: str) -> None:
        """Answer, and print the answer. Raises as ``ntlbg.ask``."""
        look = self.now
        with console.counting("thinking") as bar:
            answer = pipeline.ask(
                self.video, question, model=self.system, num_frames=look.num_frames,
                max_visual_tokens=look.max_visual_tokens, fps=look.fps, selector=look.selector,
                selector_options=look.selector_options, max_frames=look.max_frames,
                start=look.start, end=look.end, words=look.words, generation=self.generation,
                on_text=None if self.as_json else bar.write, talk=self.turns,
            )  # fmt: skip
        self.answers.append(answer)
        if self.as_json:
            console.print_json(answer.to_dict(), indent=None)
        else:
            notes = [note for note in answer.notes if note not in self.told]
            self.told.update(notes)
            console.print_answer(replace(answer, notes=notes), written=bar.has_written)
            show(answer, self.way)
        sys.stdout.flush()

    def frames(self, given: str) -> None:
        """``/frames``."""
        if given and not (given.isdecimal() and int(given) > 0):
            raise ConfigError(f"/frames {given}: give a whole number of at least 1")
        number = int(given) if given else self.look.num_frames
        self.now = replace(self.now, num_frames=number)

    def span(self, given: str) -> None:
        """``/span``."""
        start, end = self.look.start, self.look.end
        if given:
            times = given.split()
            if len(times) != 2:
                raise ConfigError(f"/span {given}: give two times, as in /span 1:00 2:00")
            try:
                start, end = map(read_seconds, times)
            except ValueError as error:
                raise ConfigError(f"/span {given}: {error}") from error
        self.now = replace(self.now, start=start, end=end)

    def again(self, given: str) -> None:
        """``/again``."""
        _check_alone("/again", given)
        self.answers.clear()
        self.told.clear()

    def save(self, given: str) -> None:
        """``/save``."""
        if not given:
            raise ConfigError("/save: name a file, as in /save talk.json")
        place = Path(given).expanduser()
        record = {
            "video": str(self.video),
            "model": self.system.name,
            "turns": [answer.to_dict() for answer in self.answers],
        }
        with staged_file(place, TALK, inputs=[self.video]) as stage:
            text = json.dumps(record, indent=2, ensure_ascii=False)
            # file names need not be UTF-8, as in ``ntlbg.evidence``
            stage.write_text(text + "\n", "utf-8", errors="backslashreplace")
        console.print_paths([place])

    def help(self, given: str) -> None:
        """``/help``."""
        _check_alone("/help", given)
        print(HELP, file=sys.stderr)


COMMANDS: dict[str, Callable[[Talk, str], None]] = {
    "/frames": Talk.frames,
    "/span": Talk.span,
    "/again": Talk.again,
    "/save": Talk.save,
    "/help": Talk.help,
}
QUIT = "/quit"


def talk_with(talk: Talk) -> bool:
    """Answer line by line until the end; whether something went wrong that nobody saw.

    In a terminal somebody saw it.

    Raises:
        ConfigError: there is no standard input. KeyboardInterrupt: stopped, not in a terminal.
    """
    if sys.stdin is None:
        raise ConfigError("standard input is closed; questions are read from it")
    if sys.stdin.isatty() and sys.stdout.isatty():
        print("Ask about the video; /help for help, Ctrl-D to end.", file=sys.stderr)
        for line in _typed():
            _stoppable(talk, line)
        return False
    failed = [line for line in _read() if not _done(talk, line)]
    return bool(failed)


def _stoppable(talk: Talk, line: str) -> None:
    """Ctrl-C ends what is being done for the line, and no more."""
    try:
        _done(talk, line)
    except Terminated:
        raise
    except KeyboardInterrupt:
        print("stopped; ask on, or /quit", file=sys.stderr)


def _done(talk: Talk, line: str) -> bool:
    """Do what a line says; False, and told, where that failed."""
    try:
        _obey(talk, line)
    except BrokenPipeError:
        raise
    except (NtlbgError, MemoryError, OSError, ImportError, RuntimeError) as error:
        if not tell(error):
            raise
        return False
    return True


def _obey(talk: Talk, line: str) -> None:
    if not line.startswith("/"):
        talk.ask(line)
        return
    name, _, given = line.partition(" ")
    if name not in COMMANDS:
        known = ", ".join([*COMMANDS, QUIT])
        raise ConfigError(f"there is no {visible(name)}; there are {known}, or type a question")
    COMMANDS[name](talk, given.strip())


def _check_alone(name: str, given: str) -> None:
    if given:
        raise ConfigError(f"{name} {given}: nothing comes after {name}")


def _typed() -> Iterator[str]:
    """Lines of somebody at a terminal, who edits them and calls earlier ones back."""
    with suppress(ImportError):
        import readline  # noqa: F401  (input() uses it once it is there)
    while True:
        try:
            line = input(PROMPT).strip()
        except EOFError:
            print()
            return
        except Terminated:
            raise
        except KeyboardInterrupt:  # as a shell does: the line is dropped
            print()
            continue
        if line == QUIT:
            return
        if line:
            yield line


def _read() -> Iterator[str]:
    """Lines of a pipe or a file, as they come."""
    sys.stdin.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]  # told per line
    for line in sys.stdin:
        if line.strip() == QUIT:
            return
        if line.strip():
            yield line.strip()

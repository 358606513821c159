"""Ask questions about hour-long videos and see the moments the answer relies on."""

import importlib

__version__ = "0.1.0"

# public name -> module; imported on first use, so that `import ntlbg` stays instant
_PUBLIC = {
    "ask": "pipeline",
    "select": "pipeline",
    "write_clips": "views.clips",
    "chapters": "video_chapters",
    "Chapter": "types",
    "Chapters": "types",
    "DEFAULT_SELECTOR": "looking",
    "System": "system",
    "load_system": "system",
    "Answer": "types",
    "AnswerInput": "types",
    "Evidence": "types",
    "SelectedFrames": "types",
    "Question": "types",
    "Relevance": "types",
    "Reply": "types",
    "VideoIndex": "types",
    "ANSWERERS": "answerers",
    "Answerer": "answerers",
    "Generation": "generation",
    "ENCODERS": "encoders",
    "Encoder": "encoders",
    "RETRIEVERS": "retrievers",
    "Retriever": "retrievers",
    "Words": "index.passages",
    "Passage": "types",
    "Quotation": "types",
    "Turn": "types",
    "FeatureIndex": "index.store",
    "index_video": "index.index_video",
    "SELECTORS": "selectors",
    "Selection": "types",
    "select_frames": "selectors",
    "Frames": "types",
    "VideoInfo": "video",
    "probe": "video",
    "read_frames_at": "video",
    "sample_frames": "video",
    "NtlbgError": "errors",
}
__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str):
    if name not in _PUBLIC:
        raise AttributeError(f"module 'ntlbg' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"ntlbg.{_PUBLIC[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})

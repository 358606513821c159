"""Questions written as four benchmarks publish theirs: the layout is theirs, the words are ours.

Two questions of each form about the film of ``fakes``; what is asked for is red or blue.
"""

import json
from pathlib import Path

# lvb_val.json: one list
LONGVIDEOBENCH = [
    {
        "video_id": "86Cx",
        "question": "At the start a bar moves over grey. Which colour fills the picture, red or?",
        "question_wo_referring_query": "Which colour fills the picture?",
        "candidates": ["green", "red", "blue", "yellow"],
        "correct_choice": 1,
        "position": [240, 300],
        "topic_category": "NP-News-Programs",
        "question_category": "T2A",
        "level": "L1-Perception",
        "id": "86Cx_0",
        "video_path": "86Cx.mp4",
        "subtitle_path": "86Cx_en.json",
        "duration_group": 15,
        "starting_timestamp_for_subtitles": 0,
        "duration": 40.0,
        "view_count": 259852,
        "type": "local",
    },
    {
        "video_id": "86Cx",
        "question": "What is blue here?",
        "candidates": ["blue", "red", "a bar", "N/A", "N/A"],
        "correct_choice": 2,
        "position": [600],
        "question_category": "S2E",
        "id": "86Cx_1",
        "video_path": "86Cx.mp4",
        "subtitle_path": "86Cx_en.json",
        "duration_group": 600,
        "starting_timestamp_for_subtitles": 0,
        "duration": 40.0,
    },
]

# rows of test-00000-of-00001.parquet: one JSON object a line
VIDEOMME = [
    {
        "video_id": "001",
        "duration": "short",
        "domain": "Knowledge",
        "sub_category": "Astronomy",
        "url": "https://www.youtube.com/watch?v=fFjv",
        "videoID": "fFjv",
        "question_id": "001-1",
        "task_type": "Attribute Perception",
        "question": "Which colour comes first, red or blue?",
        "options": ["A. green", "B. blue", "C. red", "D. yellow"],
        "answer": "C",
    },
    {
        "video_id": "001",
        "duration": "short",
        "domain": "Knowledge",
        "sub_category": "Astronomy",
        "url": "https://www.youtube.com/watch?v=fFjv",
        "videoID": "fFjv",
        "question_id": "001-2",
        "task_type": "Counting Problem",
        "question": "How many blue squares are there?",
        "options": ["A. blue", "B. Mr. A. Smith", "C. 2.", "D. None."],
        "answer": "D",
    },
]

# 1_plotQA.json and so on: one list
MLVU = [
    {
        "video": "count_126.mp4",
        "duration": 572.8599999999999,
        "question": "What colour is the red picture?",
        "candidates": ["blue", "red", "red", "green"],
        "answer": "red",
        "question_type": "plotQA",
    },
    {
        "video": "count_126.mp4",
        "duration": 40,
        "question": "How often does it get blue?",
        "candidates": ["2", "1", "", "blue "],
        "answer": "2",
        "question_type": "count",
    },
]
# 8_sub_scene.json and 9_summary.json
MLVU_OPEN = [
    {
        "video": "count_126.mp4",
        "duration": 40.25,
        "question": "Please describe when it turns red.",
        "answer": "Red.",
        "question_type": "subPlot",
        "scoring_points": ["The picture turns red"],
    },
    {
        "video": "count_126.mp4",
        "duration": 40.25,
        "question": "Please summarize this video, and what is blue in it.",
        "answer": "A bar moves, and once everything is red and once blue.",
        "question_type": "summary",
    },
]

# video_info.meta.jsonl: a film with its questions a line
LVBENCH = [
    {
        "key": "Cm73",
        "type": "cartoon",
        "video_info": {"duration_minutes": 0.67, "fps": 4, "resolution": {"width": 96}},
        "qa": [
            {
                "uid": "55",
                "question": "Which is red?\n(A) green\n(B) red\n(C) blue\n(D) 1633",
                "answer": "B",
                "question_type": ["key information retrieval"],
                "time_reference": "00:10-00:13",
            },
            {
                "uid": "56",
                "question": "What is blue?\n(A) all of it (B too)\n(B) blue\n(C) a bar\n(D) it",
                "answer": "A",
                "question_type": ["entity recognition", "key information retrieval"],
                "time_reference": "01:05:00-1:05:07",
            },
        ],
    },
]


def as_list(path: Path, records: list[dict]) -> Path:
    path.write_text(json.dumps(records, indent=4), encoding="utf-8")
    return path


def as_lines(path: Path, records: list[dict]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    return path

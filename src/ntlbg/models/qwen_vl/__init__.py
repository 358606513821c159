"""The video input of stock Qwen2-VL, Qwen2.5-VL and Qwen3-VL models, with true times.

``inputs`` makes pixels and ids, ``positions`` says where each token stands, ``vision`` keeps what
the vision tower saw. No torchvision is needed. Frames are not chosen here, and text is not
written.
"""

"""What is kept of a video: its features at their times."""

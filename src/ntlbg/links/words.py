"""What is said in several places."""

ALLOW = "give --allow-private (from Python allow_private=True)"
LARGER = "raise --max-download-gb (from Python max_gigabytes)"

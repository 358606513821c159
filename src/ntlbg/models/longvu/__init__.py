"""LongVU (arXiv 2410.17434), whole, in the layout of Hugging Face."""

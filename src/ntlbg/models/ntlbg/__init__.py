"""NTLBG-LLM, whole, in the layout of Hugging Face."""

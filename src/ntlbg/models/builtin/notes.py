"""What the built-in encoder notes of a frame, beside its features."""

# the K likeliest words of the photograph expert, int16 (T, K), and their chances, float32 (T, K)
EXPERT_WORDS, EXPERT_CHANCES = "expert_words", "expert_chances"

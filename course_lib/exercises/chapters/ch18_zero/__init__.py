"""The exercises of chapter 18: where they stand, and the section of the lecture they practise."""

CHAPTER = "18_multi_gpu_zero"
SECTION = "Multi-GPU compute strategies"

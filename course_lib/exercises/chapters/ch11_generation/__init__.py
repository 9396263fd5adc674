"""The exercises of chapter 11: where they stand, and the section of the lecture they practise."""

CHAPTER = "11_generative_configuration"
SECTION = "Generative configuration: greedy or random sampling, top-k, top-p, temperature"

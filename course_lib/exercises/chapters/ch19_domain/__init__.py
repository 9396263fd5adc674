"""The exercises of chapter 19: where they stand, and the section of the lecture they practise."""

CHAPTER = "19_domain_adaptation"
SECTION = "Pretrain Model for Domain adaptation"

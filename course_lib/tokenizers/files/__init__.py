"""The files of tokenizers: what stands in them, as arguments of the classes and back.

Nothing here knows a class: a module turns the content of a file into a dictionary of arguments, or
arguments into content.
"""

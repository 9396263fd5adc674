"""What the author of an exercise writes, and its JSON form."""

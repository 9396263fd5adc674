"""The exercises of each chapter; a chapter imports nothing of another."""

"""An OpenAI-compatible service over generation; needs the extra `serve`."""

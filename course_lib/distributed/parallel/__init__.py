"""Other ways to cut a model up: inside its matrices, or between its layers."""

"""What a learner has solved, kept on this machine or carried as a text."""

"""Where a program is judged: a worker process, watched in time and memory."""

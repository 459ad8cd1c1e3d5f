"""One experiment as a list of tasks, each done when its record is in the study file."""

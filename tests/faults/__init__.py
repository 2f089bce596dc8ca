"""What a run survives: its process killed, its disk full, the power gone. The long form: ``python -m tests.faults``."""

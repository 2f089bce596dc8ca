"""Many runs, one table: sweeps, comparisons over seeds, the papers' claims one by one, what flatness costs."""

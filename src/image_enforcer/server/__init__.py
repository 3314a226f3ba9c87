"""The faces that answer HTTP: reviews, and beside them health and metrics. They read, ask a service, render."""

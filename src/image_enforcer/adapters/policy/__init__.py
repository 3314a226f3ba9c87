"""Policy engines: our own, embedded, and a real OPA over HTTP."""

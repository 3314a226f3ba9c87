"""Looking into bundles and policies without asking them anything: what they hold, say of themselves and need."""

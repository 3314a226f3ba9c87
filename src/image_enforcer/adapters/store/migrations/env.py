"""Runs the revisions on the connection, and in the transaction, that it is given."""

from alembic import context

from image_enforcer.adapters.store.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True
)  # fmt: skip
with context.begin_transaction():
    context.run_migrations()

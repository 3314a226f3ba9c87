"""The store on SQLite and on PostgreSQL: one schema, one form of every statement, one folder of migrations.

What differs between the two (connections, transactions, errors, copies) is in a file of each name; everything else is
written in SQLAlchemy Core and knows neither. Nothing outside this folder speaks SQL to it.
"""

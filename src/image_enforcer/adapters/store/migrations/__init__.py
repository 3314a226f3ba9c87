"""How the tables became what they are: a file a revision, never edited once it has been released."""

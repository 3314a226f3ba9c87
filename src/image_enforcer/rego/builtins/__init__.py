"""The built-in functions, a module per family. They know values and errors, never policies or documents."""

"""The rules of the books: pure arithmetic, without a database."""
